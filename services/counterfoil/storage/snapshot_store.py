"""Snapshots on SQL: the records of a log's state, moved on by what has changed, apart from the log's own tables.

On SQLite they are a file of their own, since a transaction there locks the whole file; on PostgreSQL tables in the
log's schema. They are a cache, so no version of them is migrated: a file that cannot be used is replaced.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select, update

from counterfoil.access import DatabaseAccess
from counterfoil.contract.log_id import LogId
from counterfoil.ports import StoreConflict
from counterfoil.runtime.os_errors import classifying
from counterfoil.storage import tables
from counterfoil.storage.database import Database
from counterfoil.storage.dialect import Dialect
from counterfoil.storage.dialect.sqlite import Sqlite
from counterfoil.storage.errors import DatabaseDamaged, OtherDatabase, StorageError
from counterfoil.storage.schemas import schema_of

SYNCHRONOUS: Final = "NORMAL"  # a power cut may undo the last writes, each of them as a whole
_AT_ONCE: Final = 4_096  # records

_SIZE: Final = select(tables.snapshot.c.size)
_MOVE: Final = update(tables.snapshot).where(tables.snapshot.c.size.between(bindparam("since"), bindparam("to")))
_REMOVE: Final = delete(tables.state).where(tables.state.c.key == bindparam("gone"))

log = logging.getLogger("counterfoil.snapshots")


class SqlSnapshotStore:
    """`counterfoil.ports.SnapshotStore` in a SQLite file or the schema of a log on PostgreSQL.

    Opened with the first use that can open it. Raises `StorageError` for an error of the database, or one of another
    kind or version, `DatabaseDamaged` for damage. Uses are in turn.
    """

    def __init__(self, dialect: Callable[[], Dialect], kind: tables.Kind) -> None:
        self._dialect, self._kind = dialect, kind
        self._database: Database | None = None
        self._closed = False

    @property
    def database(self) -> Database:
        """The open database."""
        if self._database is None:
            if self._closed:
                raise StorageError("the snapshot is closed")
            self._database = self._open()
        return self._database

    def _open(self) -> Database:
        return Database(self._dialect(), self._kind)

    def size(self) -> int:
        """How many entries the stored state follows, 0 for none."""
        with self.database.read() as connection:
            size: int = connection.scalars(_SIZE).one()
        return size

    def records(self, size: int) -> Iterator[tuple[str, bytes]]:
        """The records, in any order. Raises `StoreConflict` unless the stored state follows `size` entries."""
        with (
            self._following(size) as connection,
            connection.execution_options(yield_per=_AT_ONCE).execute(select(tables.state)) as found,
        ):
            for key, value in found:
                yield key, value.encode()

    def find(self, size: int, key: str) -> bytes | None:
        """See `counterfoil.ports.SnapshotReader.find`."""
        with self._following(size) as connection:
            value = connection.scalars(select(tables.state.c.value).where(tables.state.c.key == key)).one_or_none()
        return None if value is None else value.encode()

    @contextmanager
    def _following(self, size: int) -> Iterator[Connection]:
        """Reads of the state behind `size` entries, whoever moves it meanwhile. Raises `StoreConflict`."""
        with self.database.consistent_read() as connection:
            if connection.scalars(_SIZE).one() != size:
                raise StoreConflict(f"{self.database.dialect.place}: the snapshot no longer follows {size} entries")
            yield connection

    def advance(self, since: int, size: int, changes: Iterable[tuple[str, bytes | None]]) -> None:
        """One transaction; see `counterfoil.ports.SnapshotStore.advance`."""
        put, place = self.database.dialect.put, self.database.dialect.place
        with self.database.write() as connection:
            if connection.execute(_MOVE.values(size=size), {"since": since, "to": size}).rowcount != 1:
                raise StoreConflict(f"{place}: the snapshot is not between {since} and {size} entries")
            remaining = iter(changes)
            while some := list(islice(remaining, _AT_ONCE)):
                kept = [(key, value.decode()) for key, value in some if value is not None]
                put(connection, tables.state, kept)
                gone = [{"gone": key} for key, value in some if value is None]
                if gone:
                    connection.execute(_REMOVE, gone)

    def reset(self) -> None:
        """Remove what is stored."""
        with self.database.write() as connection:
            connection.execute(update(tables.snapshot).values(size=0))
            connection.execute(delete(tables.state))

    def close(self) -> None:
        """Release the connections; idempotent. Everything else raises `StorageError` from then on."""
        self._closed = True
        if self._database is not None:
            self._database.close()


class SnapshotFile(SqlSnapshotStore):
    """The snapshot in a SQLite file.

    One that is no such database, or damaged, is removed, and an empty one made, with a warning. Any other error on
    opening, such as a lock of another process, leaves it as it is. Also raises as `classifying`, where it is removed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(lambda: Sqlite(path, SYNCHRONOUS), tables.SNAPSHOT_KIND)
        self._path = path

    def _open(self) -> Database:
        try:
            return super()._open()
        except (OtherDatabase, DatabaseDamaged) as problem:
            log.warning("a snapshot is removed, and the whole log folded: %s", problem)
            self._remove()
            return super()._open()

    def reset(self) -> None:
        """Remove the file: rows cannot be removed from one that is damaged."""
        self.database.close()
        self._database = None
        self._remove()
        self._database = self._open()

    def _remove(self) -> None:
        with classifying(self._path):
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(f"{self._path.name}{suffix}").unlink(missing_ok=True)


def open_snapshot_store(path: Path) -> SqlSnapshotStore:
    """The snapshot in the file `path`, created with its directory, if missing, on first use."""
    return SnapshotFile(path)


def open_snapshot_store_on(access: DatabaseAccess, log: LogId) -> SqlSnapshotStore:
    """A log's snapshot on PostgreSQL, in the log's schema."""
    from counterfoil.storage.dialect.postgresql import Postgresql

    schema = schema_of(log)
    return SqlSnapshotStore(lambda: Postgresql(access, schema, synchronous_commit=False), tables.LOG_KIND)


def read_snapshot_store_on(access: DatabaseAccess, log: LogId) -> SqlSnapshotStore:
    """The same for a role that may only read: what changes it raises `StorageError`."""
    from counterfoil.storage.dialect.postgresql import Postgresql

    schema = schema_of(log)
    return SqlSnapshotStore(lambda: Postgresql(access, schema, read_only=True), tables.LOG_KIND)
