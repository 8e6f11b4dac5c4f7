"""Runs the demo in a directory of its own and leaves everything there: databases, keys, published logs, report."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from counterfoil.audit.run import Progress, audit
from counterfoil.bootstrap.embedded import Embedded
from counterfoil.demo.balances import balances
from counterfoil.demo.scenario import START, World, play
from counterfoil.demo.story_driver import Desk, demo_entropy
from counterfoil.demo.summary import summarise
from counterfoil.demo.trace import Node, Task, load_nodes, load_prices, load_tasks
from counterfoil.errors import AlreadyInitialised
from counterfoil.instance import Instance
from counterfoil.log.keys import VerifyKey
from counterfoil.runtime.clock import VirtualClock
from counterfoil.testbed.system import EmbeddedSystem, System

HOST: Final = "demo.counterfoil.example"
OPERATOR: Final = "Market operator (fictional)"
MARKER: Final = "demo.json"

Watch = Callable[[str, int, int], None]
"""(what, how many are done by now, how many in all)"""


@dataclass(frozen=True, slots=True)
class Input:
    """A story's supply and demand, and the seed of everything that these do not say."""

    seed: int
    nodes: list[Node]
    tasks: list[Task]
    tasks_without_gpu: int

    @classmethod
    def load(cls, seed: int, nodes: Path | None, pods: Path | None) -> Input:
        """From the trace's files, or the bundled sample. Raises `BadTrace`."""
        tasks, without = load_tasks(pods)
        return cls(seed, load_nodes(nodes), tasks, without)


def run_demo(
    home: Path, seed: int, nodes: Path | None, pods: Path | None, progress: Watch, audited: Progress | None = None
) -> dict[str, Any]:
    """Play the story in `home`, which is new or an earlier demo (which it replaces), then audit its logs.

    Returns the report, which is also written to `home/report.json`. The same seed and input give the same log roots.
    Raises `BadTrace`, `AlreadyInitialised`.
    """
    given = Input.load(seed, nodes, pods)
    instance, clock = make_instance(home, seed), VirtualClock(START)
    embedded = Embedded(instance, clock)
    try:
        report = play_on(EmbeddedSystem(embedded, clock), given, progress, embedded.seal)
    finally:
        embedded.close()
    return finish(home, report, home / "logs", audited=audited)


def make_instance(home: Path, seed: int) -> Instance:
    """A new instance with the demo's keys, known to everybody. Raises `AlreadyInitialised`."""
    check_home(home)
    shutil.rmtree(home, ignore_errors=True)
    instance = Instance.create(home, HOST, OPERATOR, lambda name: demo_entropy(seed, name))
    mark(home, seed)
    return instance


def mark(home: Path, seed: int) -> None:
    """Make the directory a demo's, so that the next one may replace it."""
    home.mkdir(parents=True, exist_ok=True)
    (home / MARKER).write_text(json.dumps({"seed": seed}) + "\n")


def play_on(system: System, given: Input, progress: Watch, seal: Callable[[], None] | None = None) -> dict[str, Any]:
    """Play the story, and report on it: what happened, how it ended, how long it took, `seal` included."""
    began = time.monotonic_ns()
    desk = Desk(system, given.seed)
    world = World(desk, given.nodes, given.tasks, load_prices(), Random(f"{given.seed}/story"), progress)
    play(world)
    if seal is not None:
        seal()
    took = time.monotonic_ns() - began
    report = summarise(world)
    report["balances"] = balances(desk)
    report["seed"], report["tasks_without_gpu"] = given.seed, given.tasks_without_gpu
    commands = report["commands"]["sent"]
    report["speed"] = {"milliseconds": took // 1_000_000, "commands_per_second": commands * 10**9 // took}
    return report


def finish(
    home: Path,
    report: dict[str, Any],
    logs: Path,
    trusted: dict[str, VerifyKey] | None = None,
    audited: Progress | None = None,
) -> dict[str, Any]:
    """Audit the published `logs`, add that to the report and write it to `home/report.json`."""
    began = time.monotonic_ns()
    found = audit(logs, trusted, audited).to_json()
    report["audit"] = {**found, "milliseconds": (time.monotonic_ns() - began) // 1_000_000}
    report["logs"] = {
        log["origin"].split("/")[1]: {"entries": log["size"], "root": log["root"]} for log in found["logs"]
    }
    entries = sum(log["entries"] for log in report["logs"].values())
    report["speed"]["entries_per_second"] = entries * 1000 // max(report["speed"]["milliseconds"], 1)
    (home / "report.json").write_text(json.dumps(report, indent=2, sort_keys=True) + "\n")
    return report


def check_home(home: Path) -> None:
    """An earlier demo may go, nothing else. Raises `AlreadyInitialised`."""
    if home.exists() and any(home.iterdir()) and not (home / MARKER).exists():
        raise AlreadyInitialised(f"{home} is not empty and not an earlier demo: choose another --home")
