"""Read models on SQL: a table per view, changed in one transaction together with the positions they were made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    MetaData,
    Select,
    and_,
    bindparam,
    delete,
    select,
    tuple_,
    update,
)

from counterfoil.contract.ensure import ensure
from counterfoil.ports import Add, Change, Put, Row, UnknownFilter, View
from counterfoil.storage import dialect
from counterfoil.storage.changes import KEY, VALUE, Shape, check, group, key_parameters
from counterfoil.storage.database import Database
from counterfoil.storage.tables import VIEWS_IDENTITY, ViewSchema, ViewTable, view_schema

SYNCHRONOUS: Final = "NORMAL"  # a power cut may take back the last applies, each with its positions: they come again


class SqlViewStore:
    """`counterfoil.ports.ViewStore` in one database file. A file made for other views is emptied and made anew.

    Any thread may call any method; applies wait for each other. What the database refuses or fails is a
    `StorageError`; views, columns, keys and values that do not fit the definitions are an `InvariantViolation`.
    """

    def __init__(self, path: Path, views: Sequence[View]) -> None:
        """Raises `StorageError` for a file that is not a view database or is of another version."""
        self._schema = view_schema(views)
        self._statements: dict[Shape, Executable] = {}
        self.database = Database(path, VIEWS_IDENTITY, self._create, SYNCHRONOUS)
        try:
            with self.database.write() as connection:
                if connection.scalar(select(self._schema.meta.c.fingerprint)) != self._schema.fingerprint:
                    _drop_all(connection)
                    self._create(connection)
        except BaseException:
            self.close()
            raise

    def _create(self, connection: Connection) -> None:
        self._schema.metadata.create_all(connection)
        connection.execute(self._schema.meta.insert(), {"fingerprint": self._schema.fingerprint})

    def positions(self) -> dict[str, int]:
        """Per origin, the index of the next entry to project."""
        table = self._schema.positions
        with self.database.read() as connection:
            return {row.origin: row.position for row in connection.execute(select(table))}

    def apply(self, changes: Iterable[Change], positions: Mapping[str, int]) -> None:
        """Make the changes in order and move the positions, in one transaction."""
        groups = group(changes, self._schema.views)
        moves = [{"origin": origin, "position": position} for origin, position in positions.items()]
        with self.database.write() as connection:
            for shape, rows in groups:
                connection.execute(self._statement(shape), rows)
            if moves:
                connection.execute(dialect.put(self._schema.positions), moves)

    def get(self, view: str, key: tuple[object, ...]) -> Row | None:
        """The row with this key."""
        model = self._view(view)
        wanted = select(model.table).where(_by_key(model))
        with self.database.read() as connection:
            row = connection.execute(wanted, key_parameters(model, key)).mappings().one_or_none()
        return None if row is None else dict(row)

    def page(self, view: str, filters: Mapping[str, object], after: tuple[object, ...] | None, limit: int) -> list[Row]:
        """At most `limit` rows in key order behind the key `after`. Raises `UnknownFilter`."""
        ensure(limit >= 1, f"a page of {limit} rows")
        model = self._view(view)
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(_page(model, filters, after).limit(limit)).mappings()]

    def reset(self) -> None:
        """Drop every row and position."""
        with self.database.write() as connection:
            for model in self._schema.views.values():
                connection.execute(delete(model.table))
            connection.execute(delete(self._schema.positions))

    def close(self) -> None:
        """Release the connections; idempotent. Everything else raises `StorageError` from then on."""
        self.database.close()

    def _view(self, name: str) -> ViewTable:
        ensure(name in self._schema.views, f"no view {name!r}")
        return self._schema.views[name]

    def _statement(self, shape: Shape) -> Executable:
        made = self._statements.get(shape)
        if made is None:
            made = self._statements[shape] = _statement(shape, self._schema)
        return made


def _statement(shape: Shape, schema: ViewSchema) -> Executable:
    model = schema.views[shape.view]
    if shape.kind is Put:
        return dialect.put(model.table)
    given = {name: bindparam(VALUE + name, type_=model.table.c[name].type) for name in shape.columns}
    if shape.kind is Add:
        return update(model.table).where(_by_key(model)).values({n: model.table.c[n] + given[n] for n in given})
    return update(model.table).where(_by_key(model)).values(given)


def _by_key(model: ViewTable) -> ColumnElement[bool]:
    return and_(*(part == bindparam(KEY + part.name, type_=part.type) for part in model.key))


def _page(model: ViewTable, filters: Mapping[str, object], after: tuple[object, ...] | None) -> Select[Any]:
    """Keyset pagination: where the last page ended is a place in the key, so nothing before it is read again."""
    wanted = select(model.table).order_by(*model.key)
    for name, value in filters.items():
        if name not in model.view.filters:
            raise UnknownFilter(f"{model.view.name} cannot be filtered by {name!r}")
        check(model, name, value)
        wanted = wanted.where(model.table.c[name].is_(None) if value is None else model.table.c[name] == value)
    if after is not None:
        place = key_parameters(model, after)
        wanted = wanted.where(tuple_(*model.key) > tuple_(*(place[KEY + part.name] for part in model.key)))
    return wanted


def _drop_all(connection: Connection) -> None:
    """Drop what the file holds, whatever definitions made it."""
    found = MetaData()
    found.reflect(connection)
    found.drop_all(connection)


def open_view_store(path: Path, views: Sequence[View]) -> SqlViewStore:
    """The views in the file `path`, made with its directory if it is not there. Raises `StorageError`."""
    return SqlViewStore(path, views)
