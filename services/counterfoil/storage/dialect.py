"""Everything that is SQLite and not SQL, each under a name; a second database is a second module with these names.

| here | SQLite | what PostgreSQL will have instead |
|---|---|---|
| `writer_engine`, `reader_engine` | pragmas, BEGIN IMMEDIATE, one writer | `synchronous_commit`, row lock |
| `use_wal` | journal mode of the file | nothing |
| `identity`, `set_identity` | application_id and user_version of the file | a row in a table |
| `insert_rows` | driver statement with ``?`` | ``INSERT ... SELECT unnest()`` |
| `put` | ON CONFLICT of the sqlite insert | the same of the postgresql insert |
| `refusal` | trigger with RAISE(ABORT) | trigger function, and a role without the right |
| `is_duplicate` | sqlite_errorname | sqlstate 23505 |

Differences of the schema (types, triggers) are variants and conditions on the tables in `tables` and `columns`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import DDL, URL, Connection, Engine, Table, create_engine, event, inspect
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import QueuePool
from sqlalchemy.schema import ExecutableDDLElement

from counterfoil.ports import Synchronous

BUSY_TIMEOUT_MS: Final = 5_000
CHECKPOINT_PAGES: Final = 4_000  # 16 MB of write-ahead log: fewer and longer checkpoints than the default of 1,000
READERS_KEPT: Final = 4
READERS_MAX: Final = 32
DUPLICATES: Final = ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_ROWID")


class Identity(NamedTuple):
    """Whose file it is (`application`, four ASCII letters as an integer) and in which version of its schema."""

    application: int
    version: int


def writer_engine(path: Path, synchronous: Synchronous) -> Engine:
    """One connection, handed from thread to thread; a transaction takes the write lock when it begins.

    `fullfsync` makes macOS flush the drive as Linux does; `recursive_triggers` lets INSERT OR REPLACE meet the
    triggers that forbid DELETE.
    """
    pragmas = (
        f"PRAGMA synchronous = {synchronous}",
        f"PRAGMA fullfsync = {'ON' if synchronous == 'FULL' else 'OFF'}",
        f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}",
        "PRAGMA recursive_triggers = ON",
    )
    return _engine(path, pragmas, "BEGIN IMMEDIATE", kept=1, most=1)


def reader_engine(path: Path) -> Engine:
    """Connections for other threads. A transaction sees one committed state from its first read to its end."""
    return _engine(path, ("PRAGMA query_only = ON",), "BEGIN", kept=READERS_KEPT, most=READERS_MAX)


def _engine(path: Path, pragmas: Sequence[str], begin: str, *, kept: int, most: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        # None: the driver never begins or ends a transaction by itself; the listener below does.
        connect_args={"isolation_level": None, "check_same_thread": False},
        poolclass=QueuePool,
        pool_size=kept,
        max_overflow=most - kept,
        hide_parameters=True,  # values belong into the log, not into error messages
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        always = (f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}", "PRAGMA foreign_keys = ON", "PRAGMA trusted_schema = OFF")
        for pragma in (*always, *pragmas):
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def use_wal(engine: Engine) -> bool:
    """Switch the file to write-ahead logging, which lasts; False where the file system cannot do it."""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")  # not allowed inside a transaction
        return bool(cursor.fetchone() == ("wal",))
    finally:
        raw.close()


def identity(connection: Connection) -> Identity:
    """What the file says it is; zeros for a new file."""
    application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    return Identity(application, connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def set_identity(connection: Connection, value: Identity) -> None:
    """Mark the file, in the running transaction."""
    connection.exec_driver_sql(f"PRAGMA application_id = {value.application:d}")
    connection.exec_driver_sql(f"PRAGMA user_version = {value.version:d}")


def is_empty(connection: Connection) -> bool:
    """Whether the database has no table or view yet."""
    inspector = inspect(connection)
    return not inspector.get_table_names() and not inspector.get_view_names()


@cache
def _plain_insert(table: Table) -> str:
    return str(Insert(table).compile(dialect=sqlite.dialect()))


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert whole rows, values in the order of the table's columns.

    By hand to the driver: the per-row work of SQLAlchemy's compiled statements costs as much as SQLite's own.
    """
    if rows:
        connection.exec_driver_sql(_plain_insert(table), list(rows))


def refusal(when: str, message: str) -> ExecutableDDLElement:
    """A trigger (`when`: its name, event, table and condition) that fails the statement with `message`."""
    text = f"CREATE TRIGGER {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
    return DDL(text).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]


def is_duplicate(error: IntegrityError) -> bool:
    """Whether a unique value existed already, as opposed to a failed CHECK, NOT NULL or trigger."""
    return getattr(error.orig, "sqlite_errorname", None) in DUPLICATES


def put(table: Table) -> Insert:
    """A statement that inserts a row, or gives the one with its primary key these values."""
    statement = Insert(table)
    key = list(table.primary_key)
    rest = {column.name: statement.excluded[column.name] for column in table.c if column not in key}
    if rest:
        return statement.on_conflict_do_update(index_elements=key, set_=rest)
    return statement.on_conflict_do_nothing(index_elements=key)
