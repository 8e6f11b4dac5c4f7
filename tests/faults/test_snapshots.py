"""A snapshot is a cache: whatever is wrong with it costs time and a warning, and nothing is decided otherwise."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from counterfoil.audit.auditor import audit
from counterfoil.contract.entry import Entry
from counterfoil.core.engine import Engine
from counterfoil.issuance.commands import IssueVoucher
from counterfoil.log.errors import ProofError
from counterfoil.ports import SnapshotStore, StoreConflict
from counterfoil.runtime import runner, snapshots
from counterfoil.storage import StorageError, open_snapshot_store
from counterfoil.storage.dialect import sqlite as sqlite_dialect
from tests.faults.faulty import Fault, Faulty, When
from tests.faults.starts import EVERY, LEDGER, Start, root_of, sizes, start
from tests.market import USD, Market, deposit, image

pytestmark = pytest.mark.usefixtures("often")


def snapshot(home: Path) -> Path:
    """The file of the ledger's snapshot."""
    return home / "db" / "ledger.snapshot"


def test_a_start_folds_what_came_since_the_snapshot(home: Path, whole: Start) -> None:
    lengths: dict[str, int] = {}
    begun = start(home, lambda market: lengths.update(sizes(market)))
    assert begun.warnings == []
    assert lengths["ledger"] > 3 * EVERY
    assert all(folded <= 2 * EVERY for folded in begun.folded.values()), begun.folded
    assert whole.folded == lengths
    assert whole.roots == begun.roots


def test_a_sealed_log_is_not_folded_at_all(home: Path) -> None:
    start(home, lambda market: market.system.seal())
    assert start(home).folded == {}


def flip_value(path: Path) -> None:
    run(path, "UPDATE _state SET value = replace(value, '1', '3') WHERE key LIKE 'position/%'")


def flip_key(path: Path) -> None:
    run(path, "UPDATE _state SET key = key || 'x' WHERE key = (SELECT min(key) FROM _state)")


def not_text(path: Path) -> None:
    run(path, "UPDATE _state SET value = CAST(x'ff' AS TEXT) WHERE key = (SELECT min(key) FROM _state)")


def not_json(path: Path) -> None:
    run(path, "UPDATE _state SET value = '{' WHERE key = (SELECT min(key) FROM _state)")


def row_lost(path: Path) -> None:
    run(path, "DELETE FROM _state WHERE key = (SELECT max(key) FROM _state)")


def row_more(path: Path) -> None:
    run(path, "INSERT INTO _state SELECT 'position/none', value FROM _state WHERE key = (SELECT min(key) FROM _state)")


def rows_lost(path: Path) -> None:
    run(path, "DELETE FROM _state")


def other_rules(path: Path) -> None:
    run(path, "UPDATE _state SET value = '99' WHERE key = 'rules'")


def at_another_entry(path: Path) -> None:
    run(path, "UPDATE _snapshot SET size = size - 1")


def ahead(path: Path) -> None:
    run(path, "UPDATE _snapshot SET size = 1000000")


def newer(path: Path) -> None:
    run(path, "PRAGMA user_version = 9")


def foreign(path: Path) -> None:
    run(path, "PRAGMA application_id = 7")


def no_table(path: Path) -> None:
    run(path, "DROP TABLE _state")


def no_database(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}-*"):
        each.unlink()
    path.write_bytes(b"not a database at all" * 1_000)


def half_a_file(path: Path) -> None:
    run(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def of_another_log(path: Path) -> None:
    put_in_place(path.with_name("matching.snapshot"), path)


def put_in_place(file: Path, path: Path) -> None:
    """Copy a database that nobody has open over another one."""
    run(file, "PRAGMA wal_checkpoint(TRUNCATE)")
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()
    shutil.copyfile(file, path)


def run(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


DAMAGES = (
    flip_value, flip_key, not_text, not_json, row_lost, row_more, rows_lost, other_rules, at_another_entry, ahead,
    newer, foreign, no_table, no_database, half_a_file, of_another_log,
)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bad_snapshot_is_passed_over_and_made_again(home: Path, whole: Start, damage: Callable[[Path], None]) -> None:
    damage(snapshot(home))
    begun = start(home)
    assert len(begun.warnings) == 1, begun.warnings
    assert begun.folded["ledger"] == whole.folded["ledger"]
    assert begun.roots == whole.roots
    again = start(home, lambda market: market.do("treasury", deposit("lab-1", USD, "after")))
    assert again.warnings == []
    assert again.folded["ledger"] <= 2 * EVERY
    with Market(home) as market:
        assert market.sealed().findings == []


@pytest.mark.parametrize("part", range(5))
def test_a_flipped_byte_is_passed_over(home: Path, whole: Start, part: int) -> None:
    """Anywhere in the file; a start that uses it all the same has the right state."""
    path = snapshot(home)
    run(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    for offset in range(part * 97, len(data), 5 * 97):
        data[offset] ^= 1
    path.write_bytes(data)
    begun = start(home)
    assert begun.roots == whole.roots
    assert start(home).warnings == []


def test_a_snapshot_ahead_of_a_restored_log_is_passed_over(traded: Path, home: Path, tmp_path: Path) -> None:
    """Whoever restores the database of a log may forget the file beside it."""
    with Market(home) as market:
        for nth in range(3 * EVERY):
            market.do("treasury", deposit("lab-1", USD, f"lost-{nth}"))
    restored = image(traded, tmp_path / "restored")
    put_in_place(snapshot(home), snapshot(restored))
    begun = start(restored)
    assert len(begun.warnings) == 1
    assert "and the log has" in begun.warnings[0]
    assert start(restored).warnings == []


class Failing:
    """A store whose `records` raises in its middle, so many times."""

    def __init__(self, inner: SnapshotStore, problem: Exception, times: int) -> None:
        self._inner, self._problem, self.times, self.resets = inner, problem, times, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def records(self, size: int) -> Iterator[tuple[str, bytes]]:
        for nth, record in enumerate(self._inner.records(size)):
            if self.times and nth == 3:
                self.times -= 1
                raise self._problem
            yield record

    def reset(self) -> None:
        self.resets += 1
        self._inner.reset()


@pytest.mark.parametrize(
    ("problem", "times", "folds_all", "resets"),
    [
        (StorageError("connection lost"), 1, False, 0),
        (StoreConflict("moved on"), 1, False, 0),
        (StoreConflict("moved on"), 2, True, 0),
        (StorageError("no such table"), 2, True, 1),
        (ValueError("damage"), 1, True, 1),
    ],
    ids=repr,
)
def test_only_what_is_wrong_with_the_snapshot_removes_it(
    home: Path, problem: Exception, times: int, folds_all: bool, resets: int
) -> None:
    with Market(home) as market:
        runner = market.system.runners[LEDGER]
        held, folded = runner._snapshots, runner.folded
        root = root_of(runner.engine)
        store = held._store = Failing(held._store, problem, times)
        runner.load()
        assert (store.times, store.resets) == (0, resets)
        assert (runner.folded - folded == runner.tree.size) == folds_all
        assert root_of(runner.engine) == root


def test_a_database_that_is_away_removes_no_snapshot(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log cannot be read either: the load is tried again, and begins at the snapshot."""
    with Market(home) as market:
        runner = market.system.runners[LEDGER]
        held, folded = runner._snapshots, runner.folded
        store = held._store = Failing(held._store, StorageError("connection lost"), 2)
        head = held._log.head

        def away(*_: object) -> Any:
            if store.times < 2:
                raise StorageError("connection lost")
            return head()

        with monkeypatch.context() as patch:
            patch.setattr(held._log, "head", away)
            with pytest.raises(StorageError, match="connection lost"):
                runner.load()
        runner.load()
        assert store.resets == 0
        assert runner.folded - folded < runner.tree.size


def test_who_was_replaced_while_it_loaded_leaves_the_snapshot_to_the_other(home: Path) -> None:
    """A snapshot that is ahead of the entries this writer has read may be ahead of the log, or of this writer."""
    with Market(home) as late, Market(home) as market:
        held, tree = late.system.runners[LEDGER]._snapshots, late.system.runners[LEDGER].tree
        for nth in range(3 * EVERY):
            market.do("treasury", deposit("lab-1", USD, f"new-{nth}"))
        size = held._store.size()
        assert size > tree.size
        held._resumed(tree, tree.root_at)
        assert held._store.size() == size


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_snapshot_that_fails_costs_nothing_else(home: Path, tmp_path: Path, when: When) -> None:
    """It is tried again with a later root; a crash in between leaves the older one, which a start folds from."""
    with Market(home) as market:
        fault = Fault()
        held = market.system.runners[LEDGER]._snapshots
        held._store = Faulty(held._store, fault)
        fault.arm("advance", when)
        for nth in range(EVERY):
            market.do("treasury", deposit("lab-1", USD, f"more-{nth}"))
        assert fault.struck == ["advance"]
        crashed = image(home, tmp_path / "crashed")
        for nth in range(3 * EVERY):
            market.do("treasury", deposit("lab-1", USD, f"yet-more-{nth}"))
    for each, most in ((crashed, 3 * EVERY), (home, 2 * EVERY)):
        begun = start(each)
        assert begun.warnings == []
        assert 0 < begun.folded["ledger"] <= most


class Hanging:
    """A store whose writes wait until they are let go."""

    def __init__(self, inner: SnapshotStore) -> None:
        self._inner, self.go = inner, Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def advance(self, *change: Any) -> None:
        assert self.go.wait(20)
        self._inner.advance(*change)


def test_a_write_that_hangs_keeps_nobody(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither sealing nor a new load waits for it for long, and what waits behind it has a bound."""
    with Market(home) as market:
        runner = market.system.runners[LEDGER]
        held = runner._snapshots
        store = held._store = Hanging(held._store)
        held.background = True
        monkeypatch.setattr(snapshots, "_WRITE_TIMEOUT", 0.01)
        size, kept = runner.tree.size, snapshots.RECORDS_KEPT
        held.take({f"position/{nth}": b"{}" for nth in range(kept + 1)}, size)
        held.flush()
        assert "the snapshot may not be written" in caplog.text
        held.take({f"position/{nth}": b"{}" for nth in range(kept)}, size + 1)
        held.committed(size + 1)
        assert "until the next start" not in caplog.text
        held.take({"position/more": b"{}"}, size + 2)
        held.committed(size + 2)
        assert "until the next start: too many records" in caplog.text
        folded = runner.folded
        runner.load()
        assert runner.folded - folded == runner.tree.size
        assert "until the next start: a write does not end" in caplog.text
        store.go.set()
        monkeypatch.undo()
        held.abandon()
        runner.load()
    assert len(start(home).warnings) == 0, "the made up state was removed by the second load"


def test_a_writer_that_was_replaced_cannot_take_the_snapshot_back(home: Path) -> None:
    """Its late write is refused; one that comes before the other's is a state of the same log."""
    with Market(home) as late, Market(home) as market:
        held = late.system.runners[LEDGER]._snapshots
        before = held._store.size()
        for nth in range(3 * EVERY):
            market.do("treasury", deposit("lab-1", USD, f"new-{nth}"))
        held.take({"position/none": b"{}"}, before + 1)
        held.flush()
        held.take({"position/none": b"{}"}, before + 2)
        held.flush()
    assert start(home).warnings == []


def test_a_snapshot_that_another_process_locks_is_left_as_it_is(
    home: Path, whole: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything but damage may pass."""
    monkeypatch.setattr(sqlite_dialect, "BUSY_TIMEOUT_MS", 10)
    path = snapshot(home)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        [kept] = other.execute("SELECT size FROM _snapshot").fetchone()
        other.execute("BEGIN EXCLUSIVE")
        begun = start(home)
        assert begun.folded["ledger"] == whole.folded["ledger"]
        assert all("locked" in each for each in begun.warnings)
        assert begun.warnings
        other.execute("ROLLBACK")
        assert other.execute("SELECT size FROM _snapshot").fetchone() >= (kept,)
    again = start(home)
    assert again.warnings == []
    assert again.folded["ledger"] < whole.folded["ledger"]


def test_a_directory_in_place_of_a_snapshot_keeps_no_log_from_starting(home: Path, whole: Start) -> None:
    path = snapshot(home)
    path.unlink()
    path.mkdir()
    begun = start(home, lambda market: market.do("treasury", deposit("lab-1", USD, "after")))
    assert begun.folded["ledger"] == whole.folded["ledger"]
    assert any(f"{path}: Is a directory" in each for each in begun.warnings)
    path.rmdir()
    assert start(home).warnings == []


def test_without_a_store_the_log_is_served_all_the_same(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise StorageError("no such table")

    store = type(open_snapshot_store(home.with_name("other.sqlite")))
    for name in ("size", "advance", "reset"):
        monkeypatch.setattr(store, name, broken)
    begun = start(
        home, lambda market: market.do("treasury", *(deposit("lab-1", USD, f"{n}") for n in range(2 * EVERY)))
    )
    assert begun.folded["ledger"] > 3 * EVERY
    assert begun.warnings
    monkeypatch.undo()
    with Market(home) as market:
        assert market.sealed().findings == []


def test_a_log_that_leads_to_another_state_is_not_served(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last state root in the log is compared at every start that folds it."""
    for path in (home / "db").glob("*.snapshot*"):
        path.unlink()
    honest = Engine.replay

    def dishonest(engine: Engine[Any], entry: Entry) -> None:
        if entry.index != 5:
            honest(engine, entry)
        else:
            engine.size, engine.time = entry.index + 1, entry.time

    monkeypatch.setattr(Engine, "replay", dishonest)
    with pytest.raises(ProofError, match="commits to"):
        Market(home)


def test_an_entry_that_was_changed_in_the_database_is_not_folded(home: Path) -> None:
    for path in (home / "db").glob("*.snapshot*"):
        path.unlink()
    path = home / "db" / "ledger.sqlite"
    run(path, "DROP TRIGGER entries_no_update")
    run(path, """UPDATE entries SET data = CAST(replace(data, '2026', '2027') AS BLOB) WHERE "index" = 4""")
    with pytest.raises(ProofError, match="do not hash to their leaves"):
        Market(home)


def test_a_state_root_that_was_changed_in_the_database_is_not_believed(home: Path) -> None:
    """It is found before what it follows is folded, and compared with its leaf like any other entry."""
    path = home / "db" / "ledger.sqlite"
    run(path, "DROP TRIGGER entries_no_update")
    later = 'CAST(replace(data, \'"time":"2026\', \'"time":"2027\') AS BLOB)'
    root = """(SELECT max("index") FROM entries WHERE instr(data, CAST('state.rooted' AS BLOB)))"""
    run(path, f"""UPDATE entries SET data = {later} WHERE "index" = {root}""")
    for each in (home / "db").glob("*.snapshot*"):
        each.unlink()
    with pytest.raises(ProofError, match="do not hash to their leaves"):
        Market(home)


def test_many_changed_records_are_written_before_they_are_too_many(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches change far more records than they make entries."""
    monkeypatch.setattr(snapshots, "SNAPSHOT_EVERY", 1_000_000)
    monkeypatch.setattr(snapshots, "RECORDS_DUE", 1)
    begun = start(
        home, lambda market: market.do("treasury", *(deposit("lab-1", USD, f"{n}") for n in range(3 * EVERY)))
    )
    assert begun.warnings == []
    assert start(home).folded["ledger"] <= 2 * EVERY


def test_no_root_commits_to_more_records_than_are_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mass issue: each entry changes dozens of records, and thousands of entries may come between two roots."""
    monkeypatch.setattr(runner, "STATE_ROOT_EVERY", 1_000_000)
    monkeypatch.setattr(snapshots, "SNAPSHOT_EVERY", 1_000_000)
    monkeypatch.setattr(runner, "RECORDS_DUE", 64)
    monkeypatch.setattr(snapshots, "RECORDS_DUE", 64)
    monkeypatch.setattr(snapshots, "RECORDS_KEPT", 128)
    batches = [[IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=nth + 1)] * 40 for nth in range(9)]
    begun = start(home, lambda market: [market.ask("city", batch) for batch in batches])
    assert begun.warnings == []
    again = start(home)
    assert again.warnings == []
    assert again.folded["ledger"] < 64, "of some 360"
    assert again.folded["issuance"] < 3
    with Market(home) as market:
        assert market.sealed().findings == []


def test_the_audit_of_what_was_started_from_snapshots_is_clean(home: Path) -> None:
    for nth in range(3):
        start(home, lambda market, nth=nth: market.do("treasury", deposit("lab-1", USD, f"again-{nth}")))  # type: ignore[misc]
    with Market(home) as market:
        market.system.close()
    assert audit(home / "logs").findings == []
