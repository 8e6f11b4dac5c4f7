"""The SQLite files are private, guarded by triggers, and refused when they are not what they should be."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import get_args

import pytest

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.ports import Put, Synchronous, View
from counterfoil.storage import DatabaseDamaged, SqlLogStore, StorageError, open_log_store, open_view_store
from counterfoil.storage.dialect.sqlite import Sqlite
from counterfoil.storage.tables import LOG_KIND, view_schema
from tests.conformance.log_store import append, check_log, contents, entries
from tests.conformance.view_store import BALANCES, ORDERS

FORBIDDEN = [
    "UPDATE entries SET data = x'00' WHERE \"index\" = 1",
    'UPDATE entries SET "index" = 9 WHERE "index" = 2',
    "DELETE FROM entries",
    'DELETE FROM entries WHERE "index" = 2',
    "INSERT OR REPLACE INTO entries VALUES (1, 'new', NULL, x'00', zeroblob(32))",
    "INSERT OR REPLACE INTO entries VALUES (3, '1', NULL, x'00', zeroblob(32))",
    "INSERT INTO entries VALUES (-1, 'new', NULL, x'00', zeroblob(32))",
    "DELETE FROM head",
    "INSERT INTO head VALUES (2, 3, zeroblob(32), x'00')",
    "UPDATE head SET size = 2",
    "UPDATE head SET size = 4",
    "UPDATE head SET root = zeroblob(31)",
    "UPDATE cursors SET position = -1",
]


def run(path: Path, *statements: str) -> None:
    """Change the file without the store."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def make_log(path: Path, size: int = 3) -> None:
    """A log of `size` entries, closed."""
    with closing(open_log_store(path)) as store:
        append(store, 0, entries(0, size))


def appends(store: SqlLogStore) -> AbstractContextManager[sqlite3.Connection]:
    """The connection that appends."""
    dialect = store.database.dialect
    assert isinstance(dialect, Sqlite)
    return dialect._appends


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_database_itself_keeps_the_log_append_only(tmp_path: Path, statement: str) -> None:
    with closing(open_log_store(tmp_path / "log.db")) as store:
        append(store, 0, entries(0, 3))
        before = contents(store)
        with pytest.raises(StorageError), store.database.write() as connection:
            connection.exec_driver_sql(statement)
        assert contents(store) == before


def test_readers_cannot_write(tmp_path: Path) -> None:
    with closing(open_log_store(tmp_path / "log.db")) as store:
        with pytest.raises(StorageError, match="readonly"), store.database.read() as connection:
            connection.exec_driver_sql("INSERT INTO cursors VALUES ('a', 1)")
        assert store.cursors() == {}


@pytest.mark.parametrize("synchronous", get_args(Synchronous))
def test_settings_hold_on_every_connection(tmp_path: Path, synchronous: Synchronous) -> None:
    with closing(open_log_store(tmp_path / "log.db", synchronous)) as store:
        append(store, 0, entries(0, 1))
        level = ["OFF", "NORMAL", "FULL"].index(synchronous)
        with store.database.write() as other, appends(store) as connection:
            for pragma, value in (("journal_mode", "wal"), ("synchronous", level), ("foreign_keys", 1)):
                assert other.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value
                assert connection.execute(f"PRAGMA {pragma}").fetchone() == (value,)


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    log, views = tmp_path / "a" / "b" / "log.db", tmp_path / "a" / "c" / "views.db"
    with closing(open_log_store(log)) as store, closing(open_view_store(views, [ORDERS])):
        append(store, 0, entries(0, 1))
        modes = {
            path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")
        }
        assert {name: mode for name, mode in modes.items() if "." not in name} == {
            "a": 0o700,
            "a/b": 0o700,
            "a/c": 0o700,
        }
        files = {name: mode for name, mode in modes.items() if "." in name}
        assert {"a/b/log.db", "a/b/log.db-wal", "a/c/views.db"} <= files.keys()
        assert set(files.values()) == {0o600}


def someone_elses(path: Path) -> None:
    run(path, "CREATE TABLE t (a)", "PRAGMA application_id = 77")


def not_marked(path: Path) -> None:
    run(path, "CREATE TABLE entries (a)")


def no_database(path: Path) -> None:
    path.write_bytes(b"a text, and not a short one\n" * 1_000)


def of_views(path: Path) -> None:
    open_view_store(path, [ORDERS]).close()


def newer(path: Path) -> None:
    make_log(path)
    run(path, f"PRAGMA user_version = {LOG_KIND.version + 1}")


def older(path: Path) -> None:
    make_log(path)
    run(path, "PRAGMA user_version = 0")


def last_entry_missing(path: Path) -> None:
    make_log(path)
    run(path, "DROP TRIGGER entries_no_delete", 'DELETE FROM entries WHERE "index" = 2')


def first_entry_missing(path: Path) -> None:
    make_log(path)
    run(path, "DROP TRIGGER entries_no_delete", 'DELETE FROM entries WHERE "index" = 0')


def head_missing(path: Path) -> None:
    make_log(path)
    run(path, "DROP TRIGGER head_no_delete", "DELETE FROM head")


def entries_missing(path: Path) -> None:
    make_log(path)
    run(path, "DROP TRIGGER entries_no_delete", "DELETE FROM entries")


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (someone_elses, "application id 0x4d"),
        (not_marked, "application id 0x0"),
        (no_database, "not a database: it is damaged: restore"),
        (of_views, "not this kind of database"),
        (newer, f"version {LOG_KIND.version + 1} is newer"),
        (older, "version 0 is not one"),
        (last_entry_missing, "entries 0 to 1 do not match a head of size 3"),
        (first_entry_missing, "entries 1 to 2 do not match a head of size 3"),
        (head_missing, "entries 0 to 2 do not match a head of size None"),
        (entries_missing, "entries None to None do not match a head of size 3"),
        (Path.mkdir, "cannot be opened"),
    ],
)
def test_a_surprising_file_is_refused_and_left_alone(
    tmp_path: Path, prepare: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "log.db"
    prepare(path)
    before = path.read_bytes() if path.is_file() else None
    damaged = {no_database, last_entry_missing, first_entry_missing, head_missing, entries_missing}
    with pytest.raises(DatabaseDamaged if prepare in damaged else StorageError, match=message):
        open_log_store(path)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_damaged_page_is_no_reason_to_try_again(tmp_path: Path) -> None:
    """A page of the file has other bytes: reading it again would give the same."""
    path = tmp_path / "log.db"
    make_log(path, 400)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4_096 * (size // 4_096 // 2))
        file.write(b"\xff" * 4_096 * (size // 4_096 // 4))
    with pytest.raises(DatabaseDamaged, match=r"log\.db: .*malformed.*restore"), closing(open_log_store(path)) as store:
        store.entries(0, 400)


def test_a_writer_that_waits_too_long_gives_up(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with closing(open_log_store(path)) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        append(store, 0, entries(0, 1))
        with appends(store) as connection:
            connection.execute("PRAGMA busy_timeout = 20")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            append(store, 1, entries(1, 1))
        check_log(store, entries(0, 1))  # reading does not wait
        other.execute("ROLLBACK")
        append(store, 1, entries(1, 1))
        check_log(store, entries(0, 2))


@pytest.mark.parametrize(
    "now",
    [
        [],
        [BALANCES],
        [ORDERS, BALANCES],
        [View("orders", ("hour", "order"), {**ORDERS.columns, "more": "int?"}, ("order",))],
        [View("orders", ("order", "hour"), ORDERS.columns, ("order",))],
        [View("orders", ("hour", "order"), {**ORDERS.columns, "detail": "text?"}, ("order",))],
        [View("orders", ("hour", "order"), dict(reversed(list(ORDERS.columns.items()))), ("order",))],
        [View("orders", ("hour", "order"), ORDERS.columns)],
    ],
)
def test_views_defined_otherwise_start_empty(tmp_path: Path, now: list[View]) -> None:
    path = tmp_path / "views.db"
    with closing(open_view_store(path, [ORDERS])) as store:
        store.apply([Put("orders", {"hour": 1, "order": 2, "detail": {}})], {"log": 1})
    with closing(open_view_store(path, now)) as store:
        assert store.positions() == {}
        assert [store.page(view.name, {}, None, 5) for view in now] == [[] for _ in now]
    with closing(sqlite3.connect(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"_meta", "_positions", "_version", *(view.name for view in now)}


@pytest.mark.parametrize(
    "views",
    [
        [View("Bad name", ("a",), {"a": "int"})],
        [View("_meta", ("a",), {"a": "int"})],
        [View("v", ("a",), {"a": "int", "b c": "int"})],
        [View("v", ("a",), {"a": "integer"})],
        [View("v", ("a",), {"a": "int?"})],
        [View("v", ("a",), {"a": "json"})],
        [View("v", (), {"a": "int"})],
        [View("v", ("a", "a"), {"a": "int"})],
        [View("v", ("b",), {"a": "int"})],
        [View("v", ("a",), {"a": "int"}, ("b",))],
        [View("v", ("a",), {"a": "int", "b": "json"}, ("b",))],
        [View("v", ("a",), {"a": "int"}), View("v", ("b",), {"b": "int"})],
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(views: list[View]) -> None:
    with pytest.raises(InvariantViolation):
        view_schema(views)
