"""The log store on SQL: an append-only table, the head row that fences writers, and the source cursors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Final

from sqlalchemy import Select, bindparam, func, select, update

from counterfoil.access import DatabaseAccess
from counterfoil.contract.ensure import ensure
from counterfoil.contract.log_id import LogId
from counterfoil.ports import Head, NewEntry, Presence, Synchronous
from counterfoil.storage import tables
from counterfoil.storage.database import Database
from counterfoil.storage.dialect import Dialect
from counterfoil.storage.dialect.sqlite import Sqlite
from counterfoil.storage.errors import RESTORE, DatabaseDamaged
from counterfoil.storage.schemas import schema_of

_index: Final = tables.entries.c.index
_END: Final = select(
    select(tables.head.c.size).scalar_subquery(),
    select(func.min(_index)).scalar_subquery(),
    select(func.max(_index)).scalar_subquery(),
)
_DATA, _LEAVES = (
    select(each).where(_index >= bindparam("start"), _index < bindparam("stop")).order_by(_index)
    for each in (tables.entries.c.data, tables.entries.c.leaf)
)
_HEAD: Final = select(tables.head.c.size, tables.head.c.root, tables.head.c.note)
_PRESENCE: Final = select(
    tables.presence.c.alive,
    tables.presence.c.code,
    tables.presence.c.text,
    tables.presence.c.asked,
    tables.presence.c.accepted,
)
_CURSORS: Final = select(tables.cursors.c.source, tables.cursors.c.position)


class SqlLogStore:
    """`counterfoil.ports.LogStore` in a SQLite file or a schema of PostgreSQL.

    Thread-safe; appends wait for each other. Raises `StorageError` for an error of the database, `DatabaseDamaged` for
    damage. After a `StorageError` of `append`, reload `head` and `cursors`: its commit may have taken effect.
    """

    def __init__(self, dialect: Dialect) -> None:
        """Raises `StorageError` if the database is of another kind or version, `DatabaseDamaged`."""
        self.database = Database(dialect, tables.LOG_KIND)
        try:
            self._check_end()
        except BaseException:
            self.close()
            raise

    def _check_end(self) -> None:
        with self.database.read() as connection:
            size, first, last = connection.execute(_END).one()
        if (first, last) != ((None, None) if size is None else (0, size - 1)):
            place = self.database.dialect.place
            raise DatabaseDamaged(f"{place}: entries {first} to {last} do not match a head of size {size}: {RESTORE}")

    def append(self, expected_size: int, entries: Sequence[NewEntry], cursors: Mapping[str, int], head: Head) -> None:
        """One transaction; see `counterfoil.ports.LogStore.append`. The first append must have entries."""
        ensure(
            expected_size >= 0 and head.size == expected_size + len(entries) > 0,
            f"a head of size {head.size} does not follow {expected_size} + {len(entries)} entries",
        )
        with self.database.translated():
            self.database.dialect.append(expected_size, entries, cursors, head)

    def head(self) -> Head | None:
        """The committed end; None for a log without entries."""
        with self.database.read() as connection:
            row = connection.execute(_HEAD).one_or_none()
        return None if row is None else Head(*row)

    def cursors(self) -> dict[str, int]:
        """Per source the next position to consume."""
        with self.database.read() as connection:
            return {row.source: row.position for row in connection.execute(_CURSORS)}

    def entries(self, start: int, stop: int) -> list[bytes]:
        """The bytes of entries start..stop-1, fewer where the log ends."""
        return self._range(_DATA, start, stop)

    def leaves(self, start: int, stop: int) -> list[bytes]:
        """The leaf hashes of entries start..stop-1, fewer where the log ends."""
        return self._range(_LEAVES, start, stop)

    def _range(self, wanted: Select[bytes], start: int, stop: int) -> list[bytes]:
        with self.database.read() as connection:
            return list(connection.scalars(wanted, {"start": start, "stop": stop}))

    def find(self, ids: Sequence[str]) -> dict[str, tuple[int, bytes | None]]:
        """For the ids that exist: (index, content)."""
        with self.database.translated():
            return {id_: (index, content) for id_, index, content in self.database.dialect.find(ids)}

    def presence(self) -> Presence | None:
        """What the writer last said of itself; None before it has."""
        with self.database.read() as connection:
            row = connection.execute(_PRESENCE).one_or_none()
        return None if row is None else Presence(*row)

    def put_presence(self, presence: Presence) -> None:
        """Replace it."""
        with self.database.write() as connection:
            self.database.dialect.put(connection, tables.presence, [(1, *astuple(presence))])

    def accept_clock(self, asked: int) -> bool:
        """Note that a person accepts the clock's time `asked`; False if another or none is asked for."""
        accepted = update(tables.presence).where(tables.presence.c.asked == asked).values(accepted=asked)
        with self.database.write() as connection:
            return connection.execute(accepted).rowcount == 1

    def close(self) -> None:
        """Release the connections; idempotent. Everything else raises `StorageError` from then on."""
        self.database.close()


def open_log_store(path: Path, synchronous: Synchronous = "FULL") -> SqlLogStore:
    """The log in the file `path`, created with its directory if missing. Raises `StorageError`.

    With ``FULL`` an append is on the disk when it returns; in a power cut, ``NORMAL`` may lose the last appends and
    ``OFF`` may damage the file. A crash of the process loses nothing with any of them.
    """
    return SqlLogStore(Sqlite(path, synchronous))


def open_log_store_on(access: DatabaseAccess, log: LogId) -> SqlLogStore:
    """A log on PostgreSQL, in its own schema. Raises `StorageError`.

    An append is on the server's disk when it returns (`synchronous_commit`). `admin.apply` creates the schema; the
    lease decides who may write.
    """
    from counterfoil.storage.dialect.postgresql import Postgresql

    return SqlLogStore(Postgresql(access, schema_of(log), synchronous_commit=True))


def read_log_store_on(access: DatabaseAccess, log: LogId) -> SqlLogStore:
    """The same for a role that may only read: `append` raises `StorageError`."""
    from counterfoil.storage.dialect.postgresql import Postgresql

    return SqlLogStore(Postgresql(access, schema_of(log), read_only=True))
