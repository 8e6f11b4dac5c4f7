"""A backup is as of one instant, whole or absent, checked when it is written and when it is restored."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from counterfoil.bootstrap import backup as module
from counterfoil.bootstrap.backup import BackupFailed, back_up, restore
from counterfoil.errors import BadPrivateFile
from counterfoil.instance import Instance
from counterfoil.storage.copies import at_one_instant, copy_database
from tests.market import Market, deposit, found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a small market, stopped."""
    home = tmp_path_factory.mktemp("market") / "home"
    with Market(home) as market:
        found(market)
    return home


@pytest.fixture(scope="module")
def kept(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it."""
    backup = tmp_path_factory.mktemp("kept") / "backup"
    back_up(Instance(made), backup)
    return backup


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT count(*) FROM entries").fetchone()[0])


def test_what_is_restored_is_what_was_backed_up_and_only_its_owners(made: Path, tmp_path: Path) -> None:
    manifest = back_up(Instance(made), tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "home")
    restored = Instance(tmp_path / "home")
    for log in restored.logs():
        assert (
            count(restored.database(log)) == manifest["logs"][str(log)]["size"] == count(Instance(made).database(log))
        )
        restored.log_key(log)
    modes = {
        path: stat.S_IMODE(path.stat().st_mode) for top in ("backup", "home") for path in (tmp_path / top).rglob("*")
    }
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert not list(tmp_path.rglob("operator-recovery.pem"))
    with Market(tmp_path / "home") as market:
        market.system.settle()


def test_tokens_of_sessions_are_in_no_backup_and_what_ends_meanwhile_stops_none(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made / "keys" / "sessions").mkdir(exist_ok=True)
    (made / "keys" / "sessions" / "acme.json").write_text("a token")
    listed = module._files_of
    settled = made / "keys" / "outbox" / "settled.json"
    monkeypatch.setattr(module, "_files_of", lambda folder: [*listed(folder), *[settled] * (folder == made / "keys")])
    files = back_up(Instance(made), tmp_path / "backup")["files"]
    assert "keys/operator.pem" in files
    assert not [name for name in files if "sessions" in name or "settled" in name]
    assert not list((tmp_path / "backup").rglob("*sessions*"))


def test_keys_are_left_out_on_demand(made: Path, tmp_path: Path) -> None:
    assert back_up(Instance(made), tmp_path / "backup", keys=False)["keys"] is False
    assert not list((tmp_path / "backup").rglob("*.pem"))


def test_all_databases_are_read_as_of_one_instant(tmp_path: Path) -> None:
    """A writer raises two numbers, the second after the first: no copy has a second that is ahead."""
    paths = [tmp_path / "second.sqlite", tmp_path / "first.sqlite"]
    for path in paths:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE t (n)")
            database.execute("INSERT INTO t VALUES (0)")
    stop = Event()

    def write() -> None:
        databases = [sqlite3.connect(path, isolation_level=None, timeout=30) for path in paths]
        while not stop.is_set():
            for database in reversed(databases):
                database.execute("UPDATE t SET n = n + 1")
        for database in databases:
            database.close()

    writer = Thread(target=write)
    writer.start()
    try:
        for n in range(20):
            with at_one_instant(paths) as readers:
                for path, reader in zip(paths, readers, strict=True):
                    copy_database(reader, path.with_suffix(f".{n}"))
    finally:
        stop.set()
        writer.join()
    for n in range(20):
        second, first = (
            sqlite3.connect(path.with_suffix(f".{n}")).execute("SELECT n FROM t").fetchone()[0] for path in paths
        )
        assert first - 1 <= second <= first


ELSEWHERE = (
    "../outside", "/outside", "keys/../../outside", "./keys/a", "keys//a", "keys", "", "a\0b", "keys/a\x1b[0m",
    "up.lock", "logs/a",
)  # fmt: skip
"""Names that no file of a backup has."""


def spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def change(**members: object) -> Callable[[Path], None]:
    def apply(backup: Path) -> None:
        path = backup / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **members}))

    return apply


def change_files(**files: str) -> Callable[[Path], None]:
    """More files in the manifest; in `keys/` there is a folder, a pipe and a link."""

    def apply(backup: Path) -> None:
        (backup / "keys" / "folder").mkdir()
        os.mkfifo(backup / "keys" / "pipe")
        (backup / "keys" / "link").symlink_to(backup / "instance.json")
        change(files={**json.loads((backup / "manifest.json").read_text())["files"], **files})(backup)

    return apply


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (lambda backup: spoil(backup / "db" / "ledger.sqlite"), "is not what was backed up"),
        (lambda backup: (backup / "instance.json").unlink(), "lacks instance.json"),
        (lambda backup: (backup / "manifest.json").unlink(), "is no backup"),
        (lambda backup: (backup / "manifest.json").write_text("{"), "is damaged"),
        (change(format=2), "format 2; this release knows 1"),
        (change(files={}), "does not list the files"),
        (change(files=[]), "is damaged|does not list"),
        (change(logs={}), "does not list the files"),
        *((change_files(**{name: "00"}), "does not list the files") for name in ELSEWHERE),
        (change_files(**{"keys/folder": "00"}), "is not a file"),
        (change_files(**{"keys/pipe": "00"}), "is not a file"),
        (change_files(**{"keys/link": "00"}), "is a link"),
    ],
)
def test_a_damaged_backup_is_refused(kept: Path, tmp_path: Path, fault: Callable[[Path], None], said: str) -> None:
    shutil.copytree(kept, tmp_path / "backup")
    fault(tmp_path / "backup")
    with pytest.raises((BackupFailed, BadPrivateFile), match=said):
        restore(tmp_path / "backup", tmp_path / "home")
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "outside").exists()


def test_an_instance_that_is_damaged_is_not_backed_up(made: Path, tmp_path: Path) -> None:
    restore_from = tmp_path / "backup"
    back_up(Instance(made), restore_from)
    restore(restore_from, tmp_path / "home")
    with closing(sqlite3.connect(tmp_path / "home" / "db" / "ledger.sqlite", isolation_level=None)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE entries SET data = CAST(data || x'20' AS BLOB) WHERE \"index\" = 3")
    with pytest.raises(BackupFailed, match="do not hash to their leaves"):
        back_up(Instance(tmp_path / "home"), tmp_path / "second")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["backup", "home"]


def test_neither_a_backup_nor_an_instance_is_written_over(made: Path, tmp_path: Path) -> None:
    back_up(Instance(made), tmp_path / "backup")
    with pytest.raises(BackupFailed, match="exists"):
        back_up(Instance(made), tmp_path / "backup")
    (tmp_path / "home" / "keys").mkdir(parents=True)
    with pytest.raises(BackupFailed, match="home has keys: nothing is restored over"):
        restore(tmp_path / "backup", tmp_path / "home")


def test_logs_that_are_ahead_need_a_decision_and_are_kept_aside(made: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    back_up(Instance(made), tmp_path / "first")
    restore(tmp_path / "first", home)
    with Market(home) as market:
        market.system.settle()
        market.do("treasury", deposit("lab-1", reference="LATE"))
        assert market.sealed().clean
    back_up(Instance(home), tmp_path / "second")
    for name in ("db", "keys", "log-keys"):
        shutil.rmtree(home / name)
    (home / "instance.json").unlink()
    for each in home.glob("*.json"):
        each.unlink()
    with pytest.raises(BackupFailed, match=r"ledger/main: \d+ entries are published in .*the log went back"):
        restore(tmp_path / "first", home)
    logs = sorted((home / "logs").rglob("*"))
    assert logs
    restore(tmp_path / "first", home, roll_back=True)
    (aside,) = tmp_path.glob("home.logs-rolled-back-*")
    assert len(list(aside.rglob("*"))) == len(logs)
    other = tmp_path / "other"
    assert restore(tmp_path / "second", other, published=aside)["host"] == Instance(other).identity.host


def test_a_restore_that_was_cut_short_goes_on(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back_up(Instance(made), tmp_path / "backup")
    with monkeypatch.context() as broken:
        broken.setattr(module, "_sync", lambda _folder: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            restore(tmp_path / "backup", tmp_path / "home")
    assert not (tmp_path / "home").exists()
    restore(tmp_path / "backup", tmp_path / "home")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["backup", "home"]
