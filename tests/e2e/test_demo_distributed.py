"""`counterfoil demo --distributed`: the same end as in one process, on its own cluster or a given one, and no processes
left behind.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.demo.story import options
from tests.e2e.running import Ran, Shell
from tests.servers.fixture import NewCluster

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.xdist_group("servers"),
    pytest.mark.timeout(240),
    pytest.mark.usefixtures("cluster_directory"),  # skipped without the packages of a cluster
]

SEED = "3"
ENDS_WITHIN = 200
STOPS_WITHIN = 30


def story(folder: Path) -> list[str]:
    """The options for a short story, whose input is written to `folder`."""
    return options(folder, nodes=10, pods=20)


class Demo:
    """`counterfoil demo --distributed` as a process, with its home in a separate folder."""

    def __init__(self, folder: Path, *words: str, seed: str = SEED) -> None:
        self.home = folder / "home"
        command = [sys.executable, "-m", "counterfoil", "demo", "--distributed", "--json", "--home", str(self.home)]
        self.process = subprocess.Popen(
            [*command, "--seed", seed, *words],
            env=Shell(folder / "unused").environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self) -> Ran:
        """Wait for its end; returns its output and exit code."""
        out, err = self.process.communicate(timeout=ENDS_WITHIN)
        return Ran(self.process.returncode, out, err)

    def left(self) -> list[str]:
        """The command lines of processes that use its home: services, and servers of its cluster."""
        return [line for line in command_lines() if str(self.home) in line]


def command_lines() -> list[str]:
    """The command lines of all processes of this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it has just ended
            continue
    return found


def services(home: Path) -> list[Path]:
    """The processes of `serve` on a home, found by their environment."""
    setting, found = f"COUNTERFOIL_HOME={home}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if setting in path.read_bytes().split(b"\0"):
                found.append(path)
        except OSError:
            continue
    return found


def embedded(folder: Path, words: list[str]) -> Any:
    """The same story in one process."""
    return Shell(folder / "shell").ok("demo", "--home", folder / "embedded", "--seed", SEED, *words)


def same_end(ran: Ran, one_process: Any) -> Any:
    assert ran.code == 0, ran.err
    assert ran.err == ""
    assert ran.json["balances"]["sha256"] == one_process["balances"]["sha256"]
    assert ran.json["contracts"] == one_process["contracts"]
    assert ran.json["commands"]["sent"] == one_process["commands"]["sent"]
    assert ran.json["audit"]["clean"], ran.json["audit"]["findings"]
    return ran.json


def test_it_ends_as_in_one_process_and_leaves_no_process(tmp_path: Path) -> None:
    words = story(tmp_path / "in")
    demo = Demo(tmp_path, *words)
    report = same_end(demo.ended(), embedded(tmp_path, words))
    assert sum(report["contracts"].values()) > 0
    assert json.loads((demo.home / "report.json").read_text()) == report
    assert (demo.left(), services(demo.home)) == ([], [])
    audited = Shell(demo.home).ok("audit", demo.home / "mirror", "--vkeys", demo.home / "vkeys")
    assert audited["clean"]


def servers_start(home: Path) -> bool:
    return (home / "cluster" / "cluster.json").exists()


def story_is_told(home: Path) -> bool:
    try:
        checkpoint = (home / "logs" / "issuance" / "main" / "checkpoint").read_text()
    except FileNotFoundError:
        return False
    return int(checkpoint.splitlines()[1]) > 5


@pytest.mark.drill
@pytest.mark.parametrize("under_way", [servers_start, story_is_told])
def test_interrupted_it_stops_all_that_it_has_started(tmp_path: Path, under_way: Callable[[Path], bool]) -> None:
    demo = Demo(tmp_path, *story(tmp_path / "in"))
    ends = time.monotonic() + ENDS_WITHIN
    while not under_way(demo.home):
        assert demo.process.poll() is None, demo.ended()
        assert time.monotonic() < ends
        time.sleep(0.02)
    demo.process.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert demo.ended() == Ran(130, "", "interrupted\n")
    assert time.monotonic() - began < STOPS_WITHIN
    assert not (demo.home / "report.json").exists()
    assert (demo.left(), services(demo.home)) == ([], [])


@pytest.mark.drill
def test_on_a_given_cluster_once(new_cluster: NewCluster, tmp_path: Path) -> None:
    words = story(tmp_path / "in")
    with new_cluster() as cluster:
        given = ("--kafka", cluster.kafka, "--database", cluster.database)
        demo = Demo(tmp_path, *words, *given)
        same_end(demo.ended(), embedded(tmp_path, words))
        assert len(cluster.pids) == 2  # it must not stop a given cluster
        for seed in (SEED, "4"):
            (tmp_path / seed).mkdir()
            ran = Demo(tmp_path / seed, *words, *given, seed=seed).ended()
            assert (ran.code, ran.out) == (2, ""), ran.err
            assert ran.error["code"] == "cannot_run"
            assert "there was a market" in ran.error["meaning"]
            assert cluster.kafka in ran.error["meaning"]
