"""What differs between the two databases, as the methods of `Dialect`.

| here | `sqlite` | `postgresql` |
|---|---|---|
| `writer`, `reader` | pragmas, BEGIN IMMEDIATE | settings of the session |
| `prepare` | creates or checks the file's ids and tables | checks what the administrator created |
| `append` | statements between BEGIN and COMMIT | one statement, which is the transaction |
| `find` | ``IN (?, ?, ...)``, in chunks | ``= ANY(array)`` |
| `ending` | a progress handler | the transaction's ``statement_timeout`` |
| `pipelined` | nothing | the driver's pipeline: one round trip for all statements |
| `put`, `change` | a statement executed for many rows | one statement over ``json_to_recordset`` |

Differences of the schema are variants and conditions on the columns in `tables` and `columns`; what keeps a log
append-only (triggers on SQLite, trigger functions and grants on PostgreSQL) is in `migrations` and `grants`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection, Engine, Table

from counterfoil.ports import Head, NewEntry
from counterfoil.storage.changes import Shape, Values
from counterfoil.storage.tables import Kind, ViewTable

Found = tuple[str, int, bytes | None]
"""An entry found by id: id, index, content."""


class Dialect(Protocol):
    """One database: its connections, and the operations that SQLite and PostgreSQL do differently.

    Errors of the database are SQLAlchemy's, or the driver's where it is used directly, except where another is named.
    """

    place: str
    """The database's name in messages."""
    writer: Engine
    """A single connection, which threads use in turn."""
    reader: Engine
    """Connections that cannot write. Each statement sees one committed state."""
    consistent: Engine
    """The same connections, for transactions of which all statements see one committed state."""

    def prepare(self, kind: Kind) -> None:
        """Set up a new database, or check an existing one. Raises `StorageError`, and changes nothing, if neither."""

    def append(self, expected_size: int, entries: Sequence[NewEntry], cursors: Mapping[str, int], head: Head) -> None:
        """`counterfoil.ports.LogStore.append`, in a transaction of its own. Raises `StoreConflict`."""

    def find(self, ids: Sequence[str]) -> list[Found]:
        """Those of the ids that are in the log."""

    def ending(self, connection: Connection, within: float) -> AbstractContextManager[object]:
        """A block in which a statement that is not done after some `within` seconds is ended, with an error."""

    def pipelined(self, connection: Connection) -> AbstractContextManager[object]:
        """A block in which `put` and `change` are pipelined: none waits for the one before; it ends when all are done.

        Raises `StorageError`, perhaps only at its end, if any of them fails.
        """

    def put(self, connection: Connection, table: Table, rows: Sequence[Values]) -> None:
        """Insert rows, their values in the order of the columns, or replace those with the same keys.

        No two of `rows` have the same key. JSON values are texts.
        """

    def change(self, connection: Connection, shape: Shape, view: ViewTable, rows: Sequence[Values]) -> None:
        """Set columns and add to columns, as `shape` says; no two of `rows` change the same row."""

    def close(self) -> None:
        """Release the connections; idempotent."""
