"""Servers of a test run end with it, also when it is killed, and missing servers are never passed over in silence."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.servers import REPORT, fixture
from tests.servers.fixture import ROOT

PATIENCE = 30


def runs(process: psutil.Process) -> bool:
    """Whether the process runs; one that has ended may be a zombie for a while."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_killed_run_leaves_nothing_behind(cluster_directory: Path) -> None:
    home = cluster_directory / "keeper"
    home.mkdir()
    run = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    command = [sys.executable, "-m", "tests.servers.keeper", "postgres", str(home), str(run.pid)]
    with run, subprocess.Popen(command, cwd=ROOT, start_new_session=True) as keeper:
        deadline = time.monotonic() + PATIENCE
        while not (home / REPORT).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert json.loads((home / REPORT).read_text())["address"].startswith(
            "postgresql://counterfoil_admin@127.0.0.1:"
        )
        started = psutil.Process(keeper.pid).children()
        run.kill()
        run.wait()
        assert keeper.wait(PATIENCE) == 0
    assert not home.exists()
    assert not [each for each in started if runs(each)]


@pytest.mark.parametrize(("required", "outcome"), [("1", "Failed"), ("0", "Skipped")])
def test_what_is_missing_is_said(required: str, outcome: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COUNTERFOIL_TEST_REQUIRE", required)
    monkeypatch.setattr(fixture, "_home", lambda: tmp_path)
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / REPORT).write_text(json.dumps({"missing": "No module named 'jgo'"}))
    with pytest.raises(
        BaseException, match=r"No module named 'jgo'.*counterfoil\[cluster\].*COUNTERFOIL_TEST_KAFKA"
    ) as got:
        fixture._kept("kafka", "COUNTERFOIL_TEST_KAFKA")
    assert type(got.value).__name__ == outcome
