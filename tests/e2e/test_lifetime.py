"""Stopping, restarting and auditing an instance: nothing acknowledged is lost, and every change is detected."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.founding import found_a_market, trade
from tests.e2e.running import STARTS_WITHIN, STOPS_WITHIN, Shell, eventually, serving

pytestmark = pytest.mark.e2e


def test_stop_start_audit_and_a_flipped_byte(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    shell.ok("init", "--host", "market.example")
    with serving(shell) as process:
        found_a_market(shell, tmp_path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOPS_WITHIN) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert shell.run("party", "list", "--json").code == 5
    assert shell.ok("audit", shell.home)["clean"]
    with serving(shell) as process:
        assert shell.ok("balance", "show", "acme")["cash"][0]["posted"] == "500000000"
        kept = tmp_path / "acme-usd.json"
        proven = shell.ok("balance", "prove", "acme", "USD", "--save", kept, "--as", "operator")
        assert (proven["posted"], proven["postings_since"], proven["differs"]) == ("500000000", 0, False)
        trade(shell)
        eventually(lambda: shell.ok("usage", "contracts"))
        process.send_signal(signal.SIGINT)
        assert process.wait(STOPS_WITHIN) == 0
    report = shell.ok("audit", shell.home, "--vkeys", shell.home / "vkeys")
    assert report["clean"]
    assert sum(log["trades"] for log in report["logs"]) == 1
    assert shell.run("audit", shell.home).code == 0
    assert shell.ok("proof", "verify", kept)["posted"] == "500000000"
    kept.write_text(kept.read_text().replace("500000000", "500000001"))
    assert shell.run("proof", "verify", kept, "--json").error["code"] == "not_proven"
    bundle = max((shell.home / "logs" / "matching").rglob("tile/entries/*"))
    flip(bundle)
    ran = shell.run("audit", shell.home, "--json")
    assert (ran.code, ran.json["clean"]) == (1, False)
    assert {finding["log"] for finding in ran.json["findings"]} >= {"matching/main"}
    assert "findings" in shell.run("audit", shell.home).out


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    files = [path] if path.is_file() else sorted(path.iterdir())
    data = bytearray(files[-1].read_bytes())
    data[len(data) // 2] ^= 1
    files[-1].chmod(0o644)
    files[-1].write_bytes(data)


def test_an_audit_that_cannot_run(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    assert shell.run("audit", tmp_path, "--json").code == 2
    assert shell.run("audit", tmp_path / "nothing", "--json").code == 2
    shell.ok("init")
    assert shell.run("audit", shell.home, "--json").code == 2
    assert shell.run("audit", shell.home, "--vkeys", tmp_path / "nothing", "--json").code == 2


def test_a_follower_does_not_keep_up_from_stopping(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    shell.ok("init")
    with serving(shell) as process:
        command = [sys.executable, "-m", "counterfoil", "log", "tail", "--from", "ledger:0", "--json"]
        with subprocess.Popen(command, env=shell.environment, stdout=subprocess.PIPE, text=True) as follower:
            assert follower.stdout is not None
            assert '"log.opened.v1"' in follower.stdout.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOPS_WITHIN) == 0
            assert follower.wait(STOPS_WITHIN) == 5
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_service_that_fails_for_good_ends_the_process_with_its_reason(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    shell.ok("init")
    with serving(shell) as process:
        process.send_signal(signal.SIGTERM)
        process.wait(STOPS_WITHIN)
    backup = tmp_path / "ledger.sqlite"
    shutil.copy(shell.home / "db" / "ledger.sqlite", backup)
    with serving(shell) as process:
        shell.ok("keys", "new", "acme")
        register = ("party", "register", "acme", "--name", "Acme", "--role", "beneficiary", "--as", "operator")
        shell.ok(*register)
        process.send_signal(signal.SIGTERM)
        process.wait(STOPS_WITHIN)
    shutil.copy(backup, shell.home / "db" / "ledger.sqlite")  # the log forgets what it published
    ran = shell.run("up", "--port", "0", "--json")
    assert (ran.code, ran.error["code"]) == (3, "service_stopped")
    assert "ledger" in ran.error["meaning"]


def test_a_second_writer_ends_the_process_that_was_serving(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    shell.ok("init")
    with serving(shell) as process:
        shell.ok("keys", "new", "acme")
        path = shell.home / "db" / "issuance.sqlite"
        with closing(sqlite3.connect(path, timeout=STARTS_WITHIN)) as database, database:
            ((size,),) = database.execute("SELECT size FROM head").fetchall()
            row = (size, "another", None, b"{}", bytes(32))
            database.execute('INSERT INTO entries ("index", id, content, data, leaf) VALUES (?, ?, ?, ?, ?)', row)
            database.execute("UPDATE head SET size = size + 1")
        shell.run("party", "register", "acme", "--name", "Acme", "--role", "beneficiary", "--as", "operator")
        assert process.wait(STOPS_WITHIN) == 3
        assert process.stderr is not None
        error = json.loads(process.stderr.read().splitlines()[-1])["error"]
        assert error["code"] == "service_stopped"
        assert "issuance" in error["meaning"]
