"""Servers as processes: identified by their command line, so that a foreign process is never taken for one."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterfoil.testbed.cluster.cluster import Cluster
from counterfoil.testbed.cluster.errors import ClusterError
from counterfoil.testbed.cluster.server import Server, run

WAIT = "import time; print('up', flush=True); time.sleep(600)"


@pytest.fixture
def foreign() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is no server."""
    with subprocess.Popen([sys.executable, "-c", WAIT], stdout=subprocess.DEVNULL) as process:
        yield process
        process.kill()


def server(directory: Path, code: str) -> Server:
    return Server("tried", directory, (sys.executable, "-c", code, str(directory)))


def test_a_server_outlives_the_object_that_started_it(tmp_path: Path) -> None:
    first = server(tmp_path, WAIT)
    begins = first.launch()
    first.wait_ready(lambda: b"up" in first.log_since(begins), begins, 10)
    again = server(tmp_path, WAIT)
    assert again.pid is not None
    assert again.pid == first.pid
    assert (again.memory or 0) > 1024 * 1024
    assert again.signal(signal.SIGKILL)
    assert again.wait_ended(time.monotonic() + 10)
    assert not again.signal(signal.SIGKILL)
    assert again.memory is None


def test_a_stale_pid_file_never_leads_to_a_foreign_process(tmp_path: Path, foreign: subprocess.Popen[bytes]) -> None:
    cluster = Cluster(tmp_path / "cluster")
    cluster.make()
    for directory in (cluster.root / "kafka" / "broker-1", cluster.root / "postgres"):
        directory.mkdir()
        (directory / "server.pid").write_text(f"{foreign.pid}\n")
    assert cluster.pids == {}
    with pytest.raises(ClusterError, match="broker-1 does not run"):
        cluster.kill_broker(1)
    with pytest.raises(ClusterError, match="postgres does not run"):
        cluster.stop_postgres()
    cluster.down()
    assert foreign.poll() is None
    cluster.remove()
    assert not cluster.root.exists()


@pytest.mark.parametrize("text", ["", "no number", "-1", "0", "99999999999"])
def test_a_damaged_pid_file_means_that_nothing_runs(text: str, tmp_path: Path) -> None:
    (tmp_path / "server.pid").write_text(text)
    assert server(tmp_path, WAIT).pid is None


def test_what_a_server_said_before_it_ended_is_in_the_error(tmp_path: Path) -> None:
    ends = server(tmp_path, "import sys; sys.exit('no more ' + 'room')")
    (tmp_path / "server.log").write_text("of an earlier start\n")
    with pytest.raises(ClusterError, match=r"tried ended while it started; the end of .*server\.log:\nno more room$"):
        ends.wait_ready(lambda: False, ends.launch(), 10)


def test_a_server_that_does_not_come_up_is_given_up(tmp_path: Path) -> None:
    waits = server(tmp_path, WAIT)
    with pytest.raises(ClusterError, match=r"tried was not ready within 1 s"):
        waits.wait_ready(lambda: False, waits.launch(), 1)
    assert waits.signal(signal.SIGKILL)
    assert waits.wait_ended(time.monotonic() + 10)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ((sys.executable, "-c", "import sys; sys.exit('bad option')"), "failed with exit code 1:\nbad option"),
        ((sys.executable, "-c", "import time; time.sleep(60)"), "took longer than 1 s"),
        (("./not-there",), "cannot run not-there"),
    ],
)
def test_a_tool_that_fails_is_quoted(command: tuple[str, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=message):
        run(command, cwd=tmp_path, seconds=1)
