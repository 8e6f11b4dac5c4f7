"""Read models on SQL: a table per view, changed in one transaction together with the positions in the logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
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
from counterfoil.ports import Change, Row, StoreConflict, UnknownFilter, View
from counterfoil.settings import VIEWS, DatabaseAccess
from counterfoil.storage.changes import KEY, check, key_parameters, merge
from counterfoil.storage.database import Database
from counterfoil.storage.dialect import Dialect
from counterfoil.storage.dialect.sqlite import Sqlite
from counterfoil.storage.errors import StorageError
from counterfoil.storage.migrations import VERSION_TABLE
from counterfoil.storage.tables import VIEWS_KIND, ViewTable, view_schema

SYNCHRONOUS: Final = "NORMAL"  # a power cut may undo the last applies, with their positions: they are projected again


class SqlViewStore:
    """`counterfoil.ports.ViewStore` in its own database, whose tables are recreated if the definitions change.

    Thread-safe; applies wait for each other. Raises `StorageError` for an error of the database, `InvariantViolation`
    for views, columns, keys and values that do not fit the definitions.
    """

    def __init__(self, dialect: Dialect, views: Sequence[View], *, read_only: bool = False) -> None:
        """Raises `StorageError` if the database is of another kind or version, or read-only with other views."""
        self._schema = view_schema(views)
        self._writing = Lock()  # guards _known, which must be no older than the last apply
        self._known: dict[str, int] = {}
        self.database = Database(dialect, VIEWS_KIND)
        try:
            if read_only:
                self._check_made()
            else:
                self._make()
            self.positions()
        except BaseException:
            self.close()
            raise

    def _check_made(self) -> None:
        with self.database.read() as connection:
            found = connection.scalar(select(self._schema.meta.c.fingerprint))
        if found != self._schema.fingerprint:
            advice = "missing, or those of another version of this program: `counterfoil serve views` creates them"
            raise StorageError(f"{self.database.dialect.place}: {advice}")

    def _make(self) -> None:
        """Drop the tables of other definitions, and create those of these."""
        schema = self._schema
        with self.database.write() as connection:
            if self._lock(connection) == schema.fingerprint:
                return
            found = MetaData()
            found.reflect(connection)
            kept = {schema.meta.name, schema.positions.name, VERSION_TABLE}
            found.drop_all(connection, [table for name, table in found.tables.items() if name not in kept])
            schema.metadata.create_all(connection, [model.table for model in schema.views.values()])
            connection.execute(delete(schema.positions))
            connection.execute(update(schema.meta).values(fingerprint=schema.fingerprint))

    def _lock(self, connection: Connection) -> str:
        """Lock out other writers until the transaction ends; returns the tables' fingerprint."""
        fingerprint: str = connection.scalars(select(self._schema.meta.c.fingerprint).with_for_update()).one()
        return fingerprint

    def positions(self) -> dict[str, int]:
        """Per origin, the index of the next entry to project. Waits for the apply under way."""
        with self._writing, self.database.read() as connection:
            self._known = self._positions(connection)
            return dict(self._known)

    def _positions(self, connection: Connection) -> dict[str, int]:
        return {row.origin: row.position for row in connection.execute(select(self._schema.positions))}

    def apply(self, changes: Iterable[Change], positions: Mapping[str, int]) -> None:
        """Make the changes in order and move the positions, in one transaction.

        Raises `StoreConflict` if another writer moved the positions, or recreated the tables, since this store last
        read them: changes that add must not be applied twice.
        """
        views = self._schema.views
        statements = merge(changes, views)
        with self._writing:
            with self._alone() as connection, self.database.dialect.pipelined(connection):
                for shape, rows in statements:
                    if shape.put:
                        self.database.dialect.put(connection, views[shape.view].table, rows)
                    else:
                        self.database.dialect.change(connection, shape, views[shape.view], rows)
                self.database.dialect.put(connection, self._schema.positions, list(positions.items()))
            self._known = {**self._known, **positions}

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """A transaction without other writers. Raises `StoreConflict` if one has written since this store last read."""
        with self.database.write() as connection:
            if self._lock(connection) != self._schema.fingerprint or self._positions(connection) != self._known:
                raise StoreConflict("another writer has changed these views")
            yield connection

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
        with self._writing:
            with self.database.write() as connection:
                self._lock(connection)
                for model in self._schema.views.values():
                    connection.execute(delete(model.table))
                connection.execute(delete(self._schema.positions))
            self._known = {}

    def close(self) -> None:
        """Release the connections; idempotent. Everything else raises `StorageError` from then on."""
        self.database.close()

    def _view(self, name: str) -> ViewTable:
        ensure(name in self._schema.views, f"no view {name!r}")
        return self._schema.views[name]


def _by_key(model: ViewTable) -> ColumnElement[bool]:
    return and_(*(part == bindparam(KEY + part.name, type_=part.type) for part in model.key))


def _page(model: ViewTable, filters: Mapping[str, object], after: tuple[object, ...] | None) -> Select[Any]:
    """Keyset pagination: a page starts behind the last key of the one before, without reading earlier rows."""
    wanted = select(model.table).order_by(*model.key)
    for name, value in filters.items():
        if name not in model.view.filters:
            raise UnknownFilter(f"{model.view.name} cannot be filtered by {name!r}")
        check(model, name, (value,))
        wanted = wanted.where(model.table.c[name].is_(None) if value is None else model.table.c[name] == value)
    if after is not None:
        place = key_parameters(model, after)
        wanted = wanted.where(tuple_(*model.key) > tuple_(*(place[KEY + part.name] for part in model.key)))
    return wanted


def open_view_store(path: Path, views: Sequence[View]) -> SqlViewStore:
    """The views in the file `path`, created with its directory if missing. Raises `StorageError`."""
    return SqlViewStore(Sqlite(path, SYNCHRONOUS), views)


def open_view_store_on(access: DatabaseAccess, views: Sequence[View]) -> SqlViewStore:
    """The views on PostgreSQL, for their projector. Raises `StorageError`.

    A crash of the server may undo the last applies, with their positions: they are projected again.
    """
    from counterfoil.storage.dialect.postgresql import Postgresql

    return SqlViewStore(Postgresql(access, VIEWS, synchronous_commit=False), views)


def read_view_store_on(access: DatabaseAccess, views: Sequence[View]) -> SqlViewStore:
    """The same for a role that may only read. Raises `StorageError` also while the views are of another version."""
    from counterfoil.storage.dialect.postgresql import Postgresql

    return SqlViewStore(Postgresql(access, VIEWS, read_only=True), views, read_only=True)
