"""Every statement of an append fails once before and once after it took effect; the log stays whole and can grow."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from counterfoil.ports import StoreConflict
from counterfoil.storage import SqlLogStore, StorageError, open_log_store
from tests.conformance.log_store import append, check_log, contents, entries
from tests.conformance.test_sqlite_files import appends

ROOT = Path(__file__).parents[2]
STATEMENTS = ("BEGIN IMMEDIATE", "INSERT INTO entries", "INSERT INTO cursors", "UPDATE head")
BROKEN = sqlite3.OperationalError("disk I/O error")


class Failing:
    """The driver's connection, of which one statement raises `before` or `after` it was executed."""

    def __init__(self, connection: sqlite3.Connection, when: str, statement: str, raised: list[str]) -> None:
        self._connection, self._when, self._statement, self._raised = connection, when, statement, raised

    def execute(self, text: str, *parameters: Any) -> sqlite3.Cursor:
        return self._run(self._connection.execute, text, *parameters)

    def executemany(self, text: str, *parameters: Any) -> sqlite3.Cursor:
        return self._run(self._connection.executemany, text, *parameters)

    def _run(self, run: Callable[..., sqlite3.Cursor], text: str, *parameters: Any) -> sqlite3.Cursor:
        fails = text.startswith(self._statement)
        if fails:
            self._raised.append(text)
        if fails and self._when == "before":
            raise BROKEN
        cursor = run(text, *parameters)
        if fails:
            raise BROKEN
        return cursor


@contextmanager
def failing(store: SqlLogStore, when: str, statement: str) -> Iterator[list[str]]:
    """The `statement` of an append raises `before` or `after` it was executed; the list says how often it did."""
    raised: list[str] = []
    whole = appends(store)

    @contextmanager
    def weak() -> Iterator[Any]:
        with whole as connection:
            yield Failing(connection, when, statement, raised)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.database.dialect, "_appends", weak())
        yield raised


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlLogStore]:
    with closing(open_log_store(tmp_path / "log.db")) as opened:
        append(opened, 0, entries(0, 4), {"commands": 4})
        yield opened


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failed_statement_leaves_nothing(store: SqlLogStore, when: str, statement: str) -> None:
    before = contents(store)
    with failing(store, when, statement) as raised, pytest.raises((StorageError, sqlite3.OperationalError)):
        append(store, 4, entries(4, 3), {"commands": 7, "other": 1})
    assert len(raised) == 1
    assert contents(store) == before
    with closing(open_log_store(Path(store.database.dialect.place))) as again:
        assert contents(again) == before
    append(store, 4, entries(4, 3), {"commands": 7, "other": 1})
    check_log(store, entries(0, 7))
    assert store.cursors() == {"commands": 7, "other": 1}


@pytest.mark.parametrize("statement", ["INSERT INTO entries", "INSERT INTO cursors", "INSERT INTO head"])
def test_a_failed_first_append_leaves_an_empty_log(tmp_path: Path, statement: str) -> None:
    with closing(open_log_store(tmp_path / "log.db")) as store:
        with failing(store, "after", statement) as raised, pytest.raises((StorageError, sqlite3.OperationalError)):
            append(store, 0, entries(0, 2))
        assert len(raised) == 1
        assert contents(store) == (None, {}, [], [])
        append(store, 0, entries(0, 2))
        check_log(store, entries(0, 2))


def test_a_commit_that_failed_and_did_not_persist(store: SqlLogStore) -> None:
    before = contents(store)
    with failing(store, "before", "COMMIT"), pytest.raises((StorageError, sqlite3.OperationalError)):
        append(store, 4, entries(4, 3), {"commands": 7})
    with closing(open_log_store(Path(store.database.dialect.place))) as again:
        assert contents(again) == contents(store) == before
    append(store, 4, entries(4, 3), {"commands": 7})
    check_log(store, entries(0, 7))
    assert store.cursors() == {"commands": 7}


def test_a_commit_that_failed_but_persisted(store: SqlLogStore) -> None:
    with failing(store, "after", "COMMIT"), pytest.raises((StorageError, sqlite3.OperationalError)):
        append(store, 4, entries(4, 3), {"commands": 7})
    with closing(open_log_store(Path(store.database.dialect.place))) as again:  # after an error the caller must reload
        check_log(again, entries(0, 7))
        assert again.cursors() == {"commands": 7}
    with pytest.raises(StoreConflict):  # a caller that does not gets a conflict
        append(store, 4, entries(4, 3), {"commands": 7})
    append(store, 7, entries(7, 1), {"commands": 8})
    check_log(store, entries(0, 8))


def test_a_full_disk_leaves_nothing(store: SqlLogStore) -> None:
    before = contents(store)
    with appends(store) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="full"):
        append(store, 4, entries(4, 2_000))
    assert contents(store) == before
    with appends(store) as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    append(store, 4, entries(4, 2_000))
    check_log(store, entries(0, 2_004))


def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    path, acknowledged = tmp_path / "log.db", 0
    for run_ms in (150, 300, 450):  # each continues where the last was killed
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.log_writer", str(path)],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with child:
            assert child.stdout is not None
            lines = [child.stdout.readline()]  # it has started
            time.sleep(run_ms / 1_000)
            child.send_signal(signal.SIGKILL)
            lines += child.stdout.readlines()
        assert child.returncode == -signal.SIGKILL
        acknowledged = max(int(line) for line in lines if line.endswith("\n"))

        with closing(open_log_store(path)) as store:
            head = store.head()
            assert head is not None
            assert head.size >= acknowledged
            check_log(store, entries(0, head.size))
            assert store.cursors() == {"commands": head.size}
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            last, count = connection.execute('SELECT max("index"), count(*) FROM entries').fetchone()
            assert last + 1 == count == head.size
