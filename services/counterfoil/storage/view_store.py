"""Read models on SQL: a table per view, changed in one transaction together with the positions in the logs."""

from __future__ import annotations

import math
import time
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
    delete,
    select,
    tuple_,
    update,
)

from counterfoil.access import DatabaseAccess
from counterfoil.contract.ensure import ensure
from counterfoil.ports import (
    Change,
    Progress,
    Row,
    RowKey,
    StoreConflict,
    TookTooLong,
    UnknownFilter,
    View,
    ViewReader,
)
from counterfoil.readership import Readers, Scope
from counterfoil.settings import VIEWS
from counterfoil.storage.changes import KEY, check, copies, key_parameters, merge
from counterfoil.storage.database import Database
from counterfoil.storage.dialect import Dialect
from counterfoil.storage.dialect.sqlite import Sqlite
from counterfoil.storage.errors import StorageError
from counterfoil.storage.migrations import VERSION_TABLE
from counterfoil.storage.readable import First, along, not_by_index, ways_of
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
        self._readers = {view.name: view.readers for view in views}
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
            schema.metadata.create_all(connection, schema.tables)
            connection.execute(delete(schema.positions))
            connection.execute(update(schema.meta).values(fingerprint=schema.fingerprint))

    def _lock(self, connection: Connection) -> str:
        """Lock out other writers until the transaction ends; returns the tables' fingerprint."""
        fingerprint: str = connection.scalars(self._locked).one()
        return fingerprint

    def positions(self) -> dict[str, int]:
        """Per origin, the index of the next entry to project. Waits for the apply under way."""
        with self._writing, self.database.read() as connection:
            self._known = self._reader(connection).progress()
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
        known = list(changes)
        statements, copied = merge(known, views), copies(known, views)
        with self._writing:
            moved = {origin: replace(self._at(origin), position=position) for origin, position in positions.items()}
            with self._moving(moved) as connection:
                for shape, rows in statements:
                    if shape.put:
                        dialect.put(connection, views[shape.view].table, rows)
                    else:
                        dialect.change(connection, shape, views[shape.view], rows)
                for copy, rows_copied in copied.items():
                    connection.execute(copy.statement(views), rows_copied)

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
            if there != self._schema.fingerprint or self._reader(connection).progress() != self._known:
                raise StoreConflict("another writer has changed these views")
            with dialect.pipelined(connection):
                yield connection
                dialect.put(connection, positions, [(name, at.position, at.target) for name, at in moved.items()])
        self._known = {**self._known, **moved}

    @contextmanager
    def consistent_read(self, within: float | None = None) -> Iterator[ViewReader]:
        """One transaction, which sees no apply that ends meanwhile. Raises `TookTooLong` after `within` seconds."""
        with self.database.consistent_read(within) as connection:
            yield self._reader(connection, math.inf if within is None else time.monotonic() + within)

    def get(self, view: str, key: RowKey, scope: Scope | None = None) -> Row | None:
        """The row with this key."""
        with self.database.read() as connection:
            return self._reader(connection).get(view, key, scope)

    def page(
        self,
        view: str,
        filters: Mapping[str, object],
        after: RowKey | None,
        limit: int,
        scope: Scope | None = None,
        *,
        newest: bool = False,
        since: int | None = None,
    ) -> list[Row]:
        """At most `limit` rows behind the place `after`. Raises `UnknownFilter`."""
        with self.database.read() as connection:
            return self._reader(connection).page(view, filters, after, limit, scope, newest=newest, since=since)

    def progress(self) -> dict[str, Progress]:
        """Per origin, how far the views are; without the logs whose projection has not begun."""
        with self.database.read() as connection:
            return self._reader(connection).progress()

    def _reader(self, connection: Connection, until: float = math.inf) -> _Reader:
        return _Reader(self._schema, connection, self._readers, until)

    def reset(self) -> None:
        """Drop every row and position."""
        with self._writing:
            with self.database.write() as connection:
                self._lock(connection)
                for table in self._schema.tables:
                    connection.execute(delete(table))
                connection.execute(delete(self._schema.positions))
            self._known = {}

    def close(self) -> None:
        """Release the connections; idempotent. Everything else raises `StorageError` from then on."""
        self.database.close()


class _Reader:
    """`counterfoil.ports.ViewReader` on one connection."""

    def __init__(
        self, schema: ViewSchema, connection: Connection, readers: Mapping[str, Readers], until: float = math.inf
    ) -> None:
        """`until`: by the monotonic clock, when no further query is begun."""
        self._schema, self._connection, self._readers, self._until = schema, connection, readers, until
        self._lateral = connection.dialect.name == "postgresql"

    def get(self, view: str, key: RowKey, scope: Scope | None = None) -> Row | None:
        """The row with this key."""
        model = self._view(view)
        values = key_parameters(model, key)
        here = [part == values[KEY + part.name] for part in model.key]
        found = self._rows(model, here, _filtered(model, {}), 1, scope)
        return found[0] if found else None

    def page(
        self,
        view: str,
        filters: Mapping[str, object],
        after: RowKey | None,
        limit: int,
        scope: Scope | None = None,
        *,
        newest: bool = False,
        since: int | None = None,
    ) -> list[Row]:
        """At most `limit` rows behind the place `after`. Raises `UnknownFilter`."""
        ensure(limit >= 1, f"a page of {limit} rows")
        model = self._view(view)
        place = _behind(model, after, newest=newest)
        if since is not None:
            ensure(model.view.time is not None, f"{view} has no time")
            place.append(model.order[0] >= since)
        return self._rows(model, place, _filtered(model, filters), limit, scope, newest=newest)

    def _rows(
        self,
        model: ViewTable,
        place: Sequence[ColumnElement[bool]],
        filters: Sequence[ColumnElement[bool]],
        limit: int,
        scope: Scope | None,
        *,
        newest: bool = False,
    ) -> list[Row]:
        """The first rows at a place in the order, of those that the reader may read and that pass the filters."""
        found = None if scope is None else ways_of(model.view.name, self._readers, scope)
        if found is None:
            wanted = select(*model.shown).where(*place, *filters)
            return self._read(First((), limit, newest).of(wanted, model.order))
        first = First([*place, *map(not_by_index, filters)], limit, newest)
        rows: dict[RowKey, Row] = {}
        for way in found:
            for row in self._read(along(way, model, self._schema.views, first, lateral=self._lateral)):
                rows[model.view.place_of(row)] = row
        return [rows[at] for at in sorted(rows, reverse=newest)[:limit]]

    def _read(self, wanted: Select[Any]) -> list[Row]:
        if time.monotonic() > self._until:  # a database that is asked many times sees only what each of them takes
            raise TookTooLong("a page took too many queries")
        return [dict(row) for row in self._connection.execute(wanted).mappings()]

    def progress(self) -> dict[str, Progress]:
        """Per origin, how far the views are; without the logs whose projection has not begun."""
        rows = self._connection.execute(select(self._schema.positions))
        return {origin: Progress(position, target) for origin, position, target in rows}

    def _view(self, name: str) -> ViewTable:
        ensure(name in self._schema.views, f"no view {name!r}")
        return self._schema.views[name]


def _filtered(model: ViewTable, filters: Mapping[str, object]) -> list[ColumnElement[bool]]:
    """The conditions of the filters, and those of the part that the view is."""
    for name, value in filters.items():
        if name not in model.view.filters:
            raise UnknownFilter(f"{model.view.name} cannot be filtered by {name!r}")
        check(model, name, (value,))
    asked = {**filters, **({} if model.view.part_of is None else model.view.part_of.rows)}
    return [
        model.table.c[name].is_(None) if value is None else model.table.c[name] == value
        for name, value in asked.items()
    ]


def _behind(model: ViewTable, after: RowKey | None, *, newest: bool) -> list[ColumnElement[bool]]:
    """Keyset pagination: a page starts behind the last place of the one before, without reading earlier rows."""
    if after is None:
        return []
    ensure(len(after) == len(model.order), f"{model.view.name}: {after!r} is no place")
    for part, value in zip(model.order, after, strict=True):
        check(model, part.name, (value,))
    here, place = tuple_(*model.order), tuple_(*after)
    return [here < place if newest else here > place]


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
