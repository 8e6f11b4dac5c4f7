"""Runs the demo in a directory of its own and leaves everything there: databases, keys, published logs, report."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

from counterfoil.audit.run import Progress, audit
from counterfoil.bootstrap.embedded import Embedded
from counterfoil.demo.desk import Desk, demo_entropy
from counterfoil.demo.scenario import START, World, play
from counterfoil.demo.summary import summarise
from counterfoil.demo.trace import load_nodes, load_prices, load_tasks
from counterfoil.errors import AlreadyInitialised
from counterfoil.instance import Instance
from counterfoil.runtime.clock import VirtualClock

HOST: Final = "demo.counterfoil.example"
MARKER: Final = "demo.json"


def run_demo(
    home: Path,
    seed: int,
    nodes: Path | None,
    pods: Path | None,
    progress: Callable[[str, int, int], None],
    audited: Progress | None = None,
) -> dict[str, Any]:
    """Play the story in `home`, which is new or an earlier demo (which it replaces), then audit its logs.

    Returns the report, which is also written to `home/report.json`. The same seed and input give the same log roots.
    Raises `BadTrace`, `AlreadyInitialised`.
    """
    supply, (tasks, without_gpu) = load_nodes(nodes), load_tasks(pods)
    _clear(home)
    instance = Instance.create(home, HOST, "Market operator (fictional)", lambda name: demo_entropy(seed, name))
    (home / MARKER).write_text(json.dumps({"seed": seed}) + "\n")
    clock = VirtualClock(START)
    began = time.monotonic_ns()
    system = Embedded(instance, clock)
    try:
        desk = Desk(system, clock, seed)
        world = World(desk, supply, tasks, load_prices(), Random(f"{seed}/story"), progress)
        play(world)
        system.seal()
        took = time.monotonic_ns() - began
        report = summarise(world)
        report["logs"] = {
            name: {"entries": runner.tree.size, "root": runner.tree.root().hex()}
            for name, runner in system.runners.items()
        }
    finally:
        system.close()
    entries = sum(log["entries"] for log in report["logs"].values())
    report["seed"], report["tasks_without_gpu"] = seed, without_gpu
    report["speed"] = {
        "milliseconds": took // 1_000_000,
        "commands_per_second": report["commands"]["sent"] * 10**9 // took,
        "entries_per_second": entries * 10**9 // took,
    }
    began = time.monotonic_ns()
    found = audit(home / "logs", progress=audited)
    report["audit"] = {**found.to_json(), "milliseconds": (time.monotonic_ns() - began) // 1_000_000}
    (home / "report.json").write_text(json.dumps(report, indent=2, sort_keys=True) + "\n")
    return report


def _clear(home: Path) -> None:
    """Make room: an earlier demo may go, nothing else."""
    if not home.exists() or not any(home.iterdir()):
        return
    if not (home / MARKER).exists():
        raise AlreadyInitialised(f"{home} is not empty and not an earlier demo: choose another --home")
    shutil.rmtree(home)
