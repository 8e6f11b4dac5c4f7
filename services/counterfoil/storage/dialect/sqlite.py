"""SQLite: one file, one writer at a time, readers beside it (write-ahead logging)."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Final, cast

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    Update,
    and_,
    bindparam,
    create_engine,
    event,
    inspect,
    update,
)
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.pool import QueuePool

from counterfoil.errors import Unusable
from counterfoil.ports import Head, NewEntry, StoreConflict, Synchronous, Unavailable
from counterfoil.runtime.os_errors import classified
from counterfoil.storage import migrations
from counterfoil.storage.changes import Shape, Values
from counterfoil.storage.dialect import Found
from counterfoil.storage.errors import OtherDatabase, StorageError
from counterfoil.storage.tables import Kind, ViewTable

DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600
BUSY_TIMEOUT_MS: Final = 5_000
CHECKPOINT_PAGES: Final = 4_000  # 16 MB of write-ahead log: fewer and longer checkpoints than the default of 1,000
READERS_KEPT: Final = 4
READERS_MAX: Final = 32
IDS_PER_QUERY: Final = 500  # SQLite bounds the parameters of one statement
_STEPS: Final = 20_000  # of SQLite's virtual machine: a millisecond or less
DUPLICATES: Final = ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_ROWID")

_READING: Final = ("PRAGMA query_only = ON",)
_FOUND: Final = 'SELECT id, "index", content FROM entries WHERE id IN ({})'
_ADD_ENTRIES: Final = 'INSERT INTO entries ("index", id, content, data, leaf) VALUES (?, ?, ?, ?, ?)'
_MOVE_CURSOR: Final = (
    "INSERT INTO cursors (source, position) VALUES (?, ?)"
    " ON CONFLICT (source) DO UPDATE SET position = excluded.position"
)
_FIRST_HEAD: Final = "INSERT INTO head (one, size, root, note) VALUES (1, ?, ?, ?)"
_NEXT_HEAD: Final = "UPDATE head SET size = ?, root = ?, note = ? WHERE size = ?"


class Sqlite:
    """`Dialect` for one file, which is created, readable by its owner only, if it is missing."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        """Raises `StorageError` for a path that cannot be opened."""
        self.path, self.place = path, str(path)
        _make_private(path)
        self._file = _identity_of(path)
        # BEGIN IMMEDIATE: a transaction takes the write lock when it begins.
        self.writer = _engine(path, _writing(synchronous), "BEGIN IMMEDIATE", kept=1, most=1)
        self.reader = self.consistent = _engine(path, _READING, "BEGIN", kept=READERS_KEPT, most=READERS_MAX)
        self._appends, self._finds = _Held(path, _writing(synchronous)), _Held(path, _READING)
        self._statements: dict[Shape, str] = {}

    def prepare(self, kind: Kind) -> None:
        """Create the tables of a new file, migrate an older one, check its kind. Raises `StorageError`."""
        with self.writer.begin() as connection:
            application, version = identity(connection)
            if (application, version) == (0, 0) and _is_empty(connection):
                connection.exec_driver_sql(f"PRAGMA application_id = {kind.application:d}")
            elif application != kind.application:
                raise OtherDatabase(
                    f"{self.place}: not this kind of database (application id {application:#x}, "
                    f"expected {kind.application:#x}); nothing was changed"
                )
            elif not 1 <= version <= kind.version:
                age = "newer than this program" if version > kind.version else "not one this program can read"
                raise OtherDatabase(f"{self.place}: schema version {version} is {age} (it knows {kind.version})")
            if version < kind.version:
                migrations.upgrade(connection, kind.name, version)
                connection.exec_driver_sql(f"PRAGMA user_version = {kind.version:d}")
        if not _use_wal(self.writer):
            raise StorageError(f"{self.place}: this file system does not support write-ahead logging")

    def append(self, expected_size: int, entries: Sequence[NewEntry], cursors: Mapping[str, int], head: Head) -> None:
        """Nothing is durable before the transaction ends. The head comes last: triggers compare it with the entries."""
        rows = [(index, e.id, e.content, e.data, e.leaf) for index, e in enumerate(entries, expected_size)]
        try:
            with self._appends as connection:
                connection.execute("BEGIN IMMEDIATE")
                self._check_in_place()
                connection.executemany(_ADD_ENTRIES, rows)
                connection.executemany(_MOVE_CURSOR, cursors.items())
                if not _move_head(connection, expected_size, head):
                    raise StoreConflict(f"the log does not have {expected_size} entries")
                connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorname in DUPLICATES:
                raise StoreConflict(f"an id, or an index from {expected_size} on, exists already") from error
            raise

    def _check_in_place(self) -> None:
        """Raises `StorageError` if the path no longer names the file: SQLite would go on in one that is removed."""
        try:
            found = _identity_of(self.path)
        except OSError:
            found = None
        if found != self._file:
            raise StorageError(
                f"{self.place}: moved, removed or replaced while in use: put it back (a removed file is still open in "
                f"process {os.getpid()}, so copy it from there before that ends); nothing is committed meanwhile"
            )

    def find(self, ids: Sequence[str]) -> list[Found]:
        """Those of the ids that are in the log."""
        found: list[Found] = []
        with self._finds as connection:
            for start in range(0, len(ids), IDS_PER_QUERY):
                asked = ids[start : start + IDS_PER_QUERY]
                found += connection.execute(_FOUND.format(", ".join("?" * len(asked))), asked)
        return found

    @contextmanager
    def ending(self, connection: Connection, within: float) -> Iterator[None]:
        """All statements of the block together; looked at after every `_STEPS` of SQLite's own."""
        driver, ends = _driver(connection), time.monotonic() + within
        driver.set_progress_handler(lambda: time.monotonic() > ends, _STEPS)
        try:
            yield
        finally:
            driver.set_progress_handler(None, 0)

    def pipelined(self, _connection: Connection) -> AbstractContextManager[object]:
        """Nothing to pipeline."""
        return nullcontext()

    def put(self, connection: Connection, table: Table, rows: Sequence[Values]) -> None:
        """Insert the rows, or replace those with their keys."""
        self._run(connection, Shape(table.name, put=True), lambda: _put(table), rows)

    def change(self, connection: Connection, shape: Shape, view: ViewTable, rows: Sequence[Values]) -> None:
        """Set and add."""
        self._run(connection, shape, lambda: _update(shape, view), rows)

    def _run(
        self, connection: Connection, shape: Shape, make: Callable[[], Insert | Update], rows: Sequence[Values]
    ) -> None:
        if shape not in self._statements:
            self._statements[shape] = str(make().compile(self.writer))
        if rows:
            _driver(connection).executemany(self._statements[shape], rows)

    def close(self) -> None:
        """The writer last: with write access it folds the write-ahead log into the file."""
        self._finds.close()
        self.reader.dispose()
        self._appends.close()
        self.writer.dispose()


def _writing(synchronous: Synchronous) -> Sequence[str]:
    """Pragmas of a connection that writes.

    `fullfsync` makes macOS flush the drive as Linux does; `recursive_triggers` lets INSERT OR REPLACE meet the
    triggers that forbid DELETE.
    """
    return (
        f"PRAGMA synchronous = {synchronous}",
        f"PRAGMA fullfsync = {'ON' if synchronous == 'FULL' else 'OFF'}",
        f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}",
        "PRAGMA recursive_triggers = ON",
    )


def _configure(connection: sqlite3.Connection, pragmas: Sequence[str]) -> None:
    always = (f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}", "PRAGMA foreign_keys = ON", "PRAGMA trusted_schema = OFF")
    for pragma in (*always, *pragmas):
        connection.execute(pragma)


def _engine(path: Path, pragmas: Sequence[str], begin: str, *, kept: int, most: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        # None: the driver never begins or ends a transaction; the listener below does.
        connect_args={"isolation_level": None, "check_same_thread": False},
        poolclass=QueuePool,
        pool_size=kept,
        max_overflow=most - kept,
        hide_parameters=True,  # error messages must not contain values
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        _configure(connection, pragmas)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        _driver(connection).execute(begin)

    return engine


def _driver(connection: Connection) -> sqlite3.Connection:
    """For statements that SQLAlchemy's work would cost more than SQLite's own."""
    return cast(sqlite3.Connection, connection.connection.driver_connection)


class _Held:
    """A connection for what every commit executes, which threads use in turn; opened on first use, then kept.

    Without SQLAlchemy: its work per statement, and that of its pool, cost more than SQLite's own. What is not committed
    at the end of a ``with`` block is rolled back.
    """

    def __init__(self, path: Path, pragmas: Sequence[str]) -> None:
        self._path, self._pragmas = path, pragmas
        self._turn = Lock()
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> sqlite3.Connection:
        self._turn.acquire()
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
                _configure(self._connection, self._pragmas)
            return self._connection
        except BaseException:
            self._turn.release()
            raise

    def __exit__(self, *_raised: object) -> None:
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        finally:
            self._turn.release()

    def close(self) -> None:
        with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()


def _use_wal(engine: Engine) -> bool:
    """Switch the file to write-ahead logging, permanently; False where the file system does not support it."""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")  # not allowed inside a transaction
        return bool(cursor.fetchone() == ("wal",))
    finally:
        raw.close()


def identity(connection: Connection) -> tuple[int, int]:
    """The file's application id and version; zeros for a new one."""
    application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    return application, connection.exec_driver_sql("PRAGMA user_version").scalar_one()


def _is_empty(connection: Connection) -> bool:
    inspector = inspect(connection)
    return not inspector.get_table_names() and not inspector.get_view_names()


def _put(table: Table) -> Insert:
    statement = Insert(table)
    key = list(table.primary_key)
    rest = {column.name: statement.excluded[column.name] for column in table.c if column not in key}
    if rest:
        return statement.on_conflict_do_update(index_elements=key, set_=rest)
    return statement.on_conflict_do_nothing(index_elements=key)


def _update(shape: Shape, view: ViewTable) -> Update:
    """Parameters come in the order of `changes.parameters`."""
    columns = view.table.c
    values = [
        *((columns[name], bindparam(f"set_{name}")) for name in shape.sets),
        *((columns[name], columns[name] + bindparam(f"add_{name}")) for name in shape.adds),
    ]
    row = and_(*(part == bindparam(f"key_{part.name}") for part in view.key))
    return update(view.table).where(row).ordered_values(*values)


def _move_head(connection: sqlite3.Connection, expected_size: int, head: Head) -> bool:
    """Compare-and-swap: False if the log does not have the expected size. A log's first head is inserted."""
    values = head.size, head.root, head.note
    if expected_size == 0:
        connection.execute(_FIRST_HEAD, values)
        return True
    return connection.execute(_NEXT_HEAD, (*values, expected_size)).rowcount == 1


def _identity_of(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _make_private(path: Path) -> None:
    """Create the missing directories and the file, accessible to their owner only. What exists keeps its mode."""
    try:
        missing = [parent for parent in path.parents if not parent.exists()]
        for directory in reversed(missing):
            directory.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    except OSError as error:
        problem = classified(error, path)
        fault = problem.fault if isinstance(problem, Unavailable | Unusable) else "unavailable"
        raise StorageError(f"{path}: cannot be opened: {problem}", fault) from error
