"""Read models on SQL: a table per view, changed in one transaction together with the positions in the logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
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
from counterfoil.ports import Change, Progress, Row, StoreConflict, UnknownFilter, View, ViewReader
from counterfoil.settings import VIEWS, DatabaseAccess
from counterfoil.storage.changes import KEY, check, key_parameters, merge
from counterfoil.storage.database import Database
from counterfoil.storage.dialect import Dialect
from counterfoil.storage.dialect.sqlite import Sqlite
from counterfoil.storage.errors import StorageError
from counterfoil.storage.migrations import VERSION_TABLE
from counterfoil.storage.tables import VIEWS_KIND, ViewSchema, ViewTable, view_schema

SYNCHRONOUS: Final = "NORMAL"  # a power cut may undo the last applies, with their positions: they are projected again


class SqlViewStore:
    """`counterfoil.ports.ViewStore` in its own database, whose tables are recreated if the definitions change.

    Thread-safe; applies wait for each other. Raises `StorageError` for an error of the database, `InvariantViolation`
    for views, columns, keys and values that do not fit the definitions.
    """

    def __init__(self, dialect: Dialect, views: Sequence[View], *, read_only: bool = False) -> None:
        """Raises `StorageError` if the database is of another kind or version, or read-only with other views."""
        self._schema = schema = view_schema(views)
        self._locked = select(schema.meta.c.fingerprint).with_for_update()
        self._writing = Lock()  # guards _known, which must be no older than the last apply
        self._known: dict[str, Progress] = {}
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
        fingerprint: str = connection.scalars(self._locked).one()
        return fingerprint

    def positions(self) -> dict[str, int]:
        """Per origin, the index of the next entry to project. Waits for the apply under way."""
        with self._writing, self.database.read() as connection:
            self._known = _Reader(self._schema, connection).progress()
            return {origin: known.position for origin, known in self._known.items()}

    def begin(self, targets: Mapping[str, int]) -> None:
        """Set the targets, and the positions of logs that have none to 0. Raises `StoreConflict` as `apply` does."""
        with self._writing:
            begun = {origin: Progress(self._at(origin).position, target) for origin, target in targets.items()}
            with self._moving(begun):
                pass

    def apply(self, changes: Iterable[Change], positions: Mapping[str, int]) -> None:
        """Make the changes in order and move the positions, in one transaction.

        Raises `StoreConflict` if another writer moved the positions, or recreated the tables, since this store last
        read them: changes that add must not be applied twice.
        """
        views, dialect = self._schema.views, self.database.dialect
        statements = merge(changes, views)
        with self._writing:
            moved = {origin: replace(self._at(origin), position=position) for origin, position in positions.items()}
            with self._moving(moved) as connection:
                for shape, rows in statements:
                    if shape.put:
                        dialect.put(connection, views[shape.view].table, rows)
                    else:
                        dialect.change(connection, shape, views[shape.view], rows)

    def _at(self, origin: str) -> Progress:
        return self._known.get(origin, Progress(0, 0))

    @contextmanager
    def _moving(self, moved: Mapping[str, Progress]) -> Iterator[Connection]:
        """A transaction without other writers, whose statements are pipelined, and which ends by storing `moved`.

        Raises `StoreConflict` if another writer has written since this store last read.
        """
        dialect, positions = self.database.dialect, self._schema.positions
        with self.database.write() as connection:
            there = self._lock(connection)
            if there != self._schema.fingerprint or _Reader(self._schema, connection).progress() != self._known:
                raise StoreConflict("another writer has changed these views")
            with dialect.pipelined(connection):
                yield connection
                dialect.put(connection, positions, [(name, at.position, at.target) for name, at in moved.items()])
        self._known = {**self._known, **moved}

    @contextmanager
    def consistent_read(self, within: float | None = None) -> Iterator[ViewReader]:
        """One transaction, which sees no apply that ends meanwhile. Raises `TookTooLong` after `within` seconds."""
        with self.database.consistent_read(within) as connection:
            yield _Reader(self._schema, connection)

    def get(self, view: str, key: tuple[object, ...]) -> Row | None:
        """The row with this key."""
        with self.database.read() as connection:
            return _Reader(self._schema, connection).get(view, key)

    def page(
        self,
        view: str,
        filters: Mapping[str, object],
        after: tuple[object, ...] | None,
        limit: int,
        *,
        newest: bool = False,
        since: int | None = None,
    ) -> list[Row]:
        """At most `limit` rows behind the place `after`. Raises `UnknownFilter`."""
        with self.database.read() as connection:
            return _Reader(self._schema, connection).page(view, filters, after, limit, newest=newest, since=since)

    def progress(self) -> dict[str, Progress]:
        """Per origin, how far the views are; without the logs whose projection has not begun."""
        with self.database.read() as connection:
            return _Reader(self._schema, connection).progress()

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


class _Reader:
    """`counterfoil.ports.ViewReader` on one connection."""

    def __init__(self, schema: ViewSchema, connection: Connection) -> None:
        self._schema, self._connection = schema, connection

    def get(self, view: str, key: tuple[object, ...]) -> Row | None:
        """The row with this key."""
        model = self._view(view)
        wanted = select(model.table).where(_by_key(model))
        row = self._connection.execute(wanted, key_parameters(model, key)).mappings().one_or_none()
        return None if row is None else dict(row)

    def page(
        self,
        view: str,
        filters: Mapping[str, object],
        after: tuple[object, ...] | None,
        limit: int,
        *,
        newest: bool = False,
        since: int | None = None,
    ) -> list[Row]:
        """At most `limit` rows behind the place `after`. Raises `UnknownFilter`."""
        ensure(limit >= 1, f"a page of {limit} rows")
        model = self._view(view)
        wanted = _filtered(model, filters).limit(limit)
        if since is not None:
            ensure(model.view.time is not None, f"{view} has no time")
            wanted = wanted.where(model.order[0] >= since)
        wanted = _behind(model, wanted, after, newest=newest)
        return [dict(row) for row in self._connection.execute(wanted).mappings()]

    def progress(self) -> dict[str, Progress]:
        """Per origin, how far the views are; without the logs whose projection has not begun."""
        rows = self._connection.execute(select(self._schema.positions))
        return {origin: Progress(position, target) for origin, position, target in rows}

    def _view(self, name: str) -> ViewTable:
        ensure(name in self._schema.views, f"no view {name!r}")
        return self._schema.views[name]


def _by_key(model: ViewTable) -> ColumnElement[bool]:
    return and_(*(part == bindparam(KEY + part.name, type_=part.type) for part in model.key))


def _filtered(model: ViewTable, filters: Mapping[str, object]) -> Select[Any]:
    wanted = select(model.table)
    for name, value in filters.items():
        if name not in model.view.filters:
            raise UnknownFilter(f"{model.view.name} cannot be filtered by {name!r}")
        check(model, name, (value,))
        wanted = wanted.where(model.table.c[name].is_(None) if value is None else model.table.c[name] == value)
    return wanted


def _behind(model: ViewTable, wanted: Select[Any], after: tuple[object, ...] | None, *, newest: bool) -> Select[Any]:
    """Keyset pagination: a page starts behind the last place of the one before, without reading earlier rows."""
    if after is not None:
        ensure(len(after) == len(model.order), f"{model.view.name}: {after!r} is no place")
        for part, value in zip(model.order, after, strict=True):
            check(model, part.name, (value,))
        here, place = tuple_(*model.order), tuple_(*after)
        wanted = wanted.where(here < place if newest else here > place)
    return wanted.order_by(*(part.desc() if newest else part for part in model.order))


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
