"""Everything that is not SQL common to both databases, each under a name.

| here | `sqlite` | `postgresql` |
|---|---|---|
| `writer`, `reader` | pragmas, BEGIN IMMEDIATE | settings of the session |
| `prepare` | a new file is made and marked; application_id and user_version | what the administrator made is checked |
| `append` | statements between BEGIN and COMMIT | one statement, which is the transaction |
| `find` | ``IN (?, ?, ...)``, some at a time | ``= ANY(array)`` |
| `at_once` | nothing | the driver's pipeline: one round trip for all statements |
| `put`, `change` | a statement executed for many rows | one statement over ``json_to_recordset`` |

Differences of the schema are variants and conditions on the columns in `tables` and `columns`; what keeps a log
append-only (triggers here, trigger functions and grants there) is in `migrations` and `grants`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection, Engine, Table

from counterfoil.ports import Head, NewEntry
from counterfoil.storage.changes import Parameters, Shape
from counterfoil.storage.tables import Kind, ViewTable

Found = tuple[str, int, bytes | None]
"""An entry that was looked for: id, index, content."""


class Dialect(Protocol):
    """One database: how it is reached, and what the two sorts of database say each in its own way.

    Errors of the database are SQLAlchemy's, except where another is named.
    """

    place: str
    """Which database it is, for messages."""
    writer: Engine
    """One connection, handed from thread to thread."""
    reader: Engine
    """Connections that cannot write. Each statement sees one committed state."""

    def prepare(self, kind: Kind) -> None:
        """Make a new database, or check an old one. Raises `StorageError`, having changed nothing, if it is neither."""

    def append(self, expected_size: int, entries: Sequence[NewEntry], cursors: Mapping[str, int], head: Head) -> None:
        """`counterfoil.ports.LogStore.append`, in a transaction of its own. Raises `StoreConflict`."""

    def find(self, connection: Connection, ids: Sequence[str]) -> Iterable[Found]:
        """Those of the ids that are in the log."""

    def at_once(self, connection: Connection) -> AbstractContextManager[object]:
        """A block of `put` and `change` that need not wait for each other; it ends when all are done.

        Raises `StorageError`, perhaps only at its end, for what the database has against any of them.
        """

    def put(self, connection: Connection, table: Table, rows: Sequence[Parameters]) -> None:
        """Insert whole rows, or give the ones with their keys these values; no two have the same key."""

    def change(self, connection: Connection, shape: Shape, view: ViewTable, rows: Sequence[Parameters]) -> None:
        """Set columns, or add to them, as `shape` says; no two changes are of the same row."""

    def close(self) -> None:
        """Release the connections; idempotent."""
