"""The log store on SQL: an append-only table, the head row that fences writers, and the source cursors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from counterfoil.contract.ensure import ensure
from counterfoil.ports import Head, NewEntry, StoreConflict, Synchronous
from counterfoil.storage import dialect, tables
from counterfoil.storage.database import Database, StorageError

IDS_PER_QUERY: Final = 500  # databases bound the parameters of one statement

_index: Final = tables.entries.c.index
_END: Final = select(func.min(_index), func.max(_index))
_FOUND: Final = select(tables.entries.c.id, _index, tables.entries.c.content).where(
    tables.entries.c.id.in_(bindparam("ids", expanding=True))
)
_HEAD: Final = select(tables.head.c.size, tables.head.c.root, tables.head.c.note)
_FIRST_HEAD: Final = insert(tables.head)
_NEXT_HEAD: Final = update(tables.head).where(tables.head.c.size == bindparam("expected"))
_CURSORS: Final = select(tables.cursors.c.source, tables.cursors.c.position)
_PUT_CURSOR: Final = dialect.put(tables.cursors)


class SqlLogStore:
    """`counterfoil.ports.LogStore` in one database file, opened (and made, if it is not there) by `path`.

    Any thread may call any method; appends wait for each other. Whatever the database refuses or fails is a
    `StorageError`: after one raised by `append`, reload `head` and `cursors`, for its commit may have taken effect.
    """

    def __init__(self, path: Path, synchronous: Synchronous = "FULL") -> None:
        """Raises `StorageError` for a file that is not a log's, is of another version, or does not end at its head."""
        self.database = Database(path, tables.LOG_IDENTITY, tables.LOG.create_all, synchronous)
        try:
            self._check_end()
        except BaseException:
            self.close()
            raise

    def _check_end(self) -> None:
        with self.database.read() as connection:
            size = connection.scalar(select(tables.head.c.size))
            first, last = connection.execute(_END).one()
        if (first, last) != ((None, None) if size is None else (0, size - 1)):
            raise StorageError(f"{self.database.path}: entries {first} to {last} do not fit a head of size {size}")

    def append(self, expected_size: int, entries: Sequence[NewEntry], cursors: Mapping[str, int], head: Head) -> None:
        """One transaction; see `counterfoil.ports.LogStore.append`. An empty log takes no empty append.

        Nothing is durable before the transaction ends, all of it is afterwards. The head comes last, because its
        triggers compare it with the entries.
        """
        ensure(
            expected_size >= 0 and head.size == expected_size + len(entries) > 0,
            f"a head of size {head.size} does not follow {expected_size} + {len(entries)} entries",
        )
        rows = [(index, e.id, e.content, e.data, e.leaf) for index, e in enumerate(entries, expected_size)]
        moves = [{"source": source, "position": position} for source, position in cursors.items()]
        with self.database.write() as connection:
            try:
                dialect.insert_rows(connection, tables.entries, rows)
                if moves:
                    connection.execute(_PUT_CURSOR, moves)
                moved = _move_head(connection, expected_size, head)
            except IntegrityError as error:
                if dialect.is_duplicate(error):
                    raise StoreConflict(f"an id, or an index from {expected_size} on, exists already") from error
                raise
            if not moved:
                raise StoreConflict(f"the log does not have {expected_size} entries")

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
        return self._column(tables.entries.c.data, start, stop)

    def leaves(self, start: int, stop: int) -> list[bytes]:
        """The leaf hashes of entries start..stop-1, fewer where the log ends."""
        return self._column(tables.entries.c.leaf, start, stop)

    def _column(self, column: Column[Any], start: int, stop: int) -> list[bytes]:
        wanted = select(column).where(_index >= start, _index < stop).order_by(_index)
        with self.database.read() as connection:
            return list(connection.scalars(wanted))

    def find(self, ids: Sequence[str]) -> dict[str, tuple[int, bytes | None]]:
        """For the ids that exist: (index, content)."""
        found: dict[str, tuple[int, bytes | None]] = {}
        with self.database.read() as connection:
            for start in range(0, len(ids), IDS_PER_QUERY):
                rows = connection.execute(_FOUND, {"ids": ids[start : start + IDS_PER_QUERY]})
                found.update((id_, (index, content)) for id_, index, content in rows)
        return found

    def close(self) -> None:
        """Release the connections; idempotent. Everything else raises `StorageError` from then on."""
        self.database.close()


def _move_head(connection: Connection, expected_size: int, head: Head) -> bool:
    """Compare and swap: False if the log is not of the expected size. A log's first head is inserted."""
    values = {"size": head.size, "root": head.root, "note": head.note}
    if expected_size == 0:
        connection.execute(_FIRST_HEAD, {"one": 1, **values})
        return True
    return connection.execute(_NEXT_HEAD, {"expected": expected_size, **values}).rowcount == 1


def open_log_store(path: Path, synchronous: Synchronous = "FULL") -> SqlLogStore:
    """The log in the file `path`, made with its directory if it is not there. Raises `StorageError`.

    With ``FULL`` an append is on the disk when it returns; ``NORMAL`` may lose the last ones to a power cut, ``OFF``
    may damage the file then. The end of a process loses nothing with any of them.
    """
    return SqlLogStore(path, synchronous)
