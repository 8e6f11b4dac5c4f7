"""Plays the story on a system, reports what happened, and audits the logs that it left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from counterfoil.audit.auditor import Progress, audit
from counterfoil.demo.balances import balances
from counterfoil.demo.page import page
from counterfoil.demo.scenario import play
from counterfoil.demo.story_driver import StoryDriver
from counterfoil.demo.summary import summarise
from counterfoil.demo.trace import Node, Task, load_nodes, load_tasks
from counterfoil.demo.world import World
from counterfoil.log.keys import VerifyKey
from counterfoil.testbed.system import System

REPORT: Final = "report.json"
PAGE: Final = "report.html"
PlayProgress = Callable[[str, int, int], None]
"""(what, how many are done by now, how many in all)"""


@dataclass(frozen=True, slots=True)
class StoryInput:
    """The supply and demand of a story, and the seed of everything else in it. `weeks`: None plays it to its end."""

    seed: int
    nodes: list[Node]
    tasks: list[Task]
    tasks_without_gpu: int
    weeks: int | None = None

    @classmethod
    def load(cls, seed: int, nodes: Path | None, pods: Path | None, weeks: int | None = None) -> StoryInput:
        """From the trace's files, or the bundled sample. Raises `BadTrace`."""
        tasks, without = load_tasks(pods)
        return cls(seed, load_nodes(nodes), tasks, without, weeks)


def play_and_report(
    system: System, given: StoryInput, progress: PlayProgress, seal: Callable[[], None] | None = None
) -> dict[str, Any]:
    """Play the story; returns the report: what happened, how it ended, and how long it took, `seal` included."""
    began = time.monotonic_ns()
    driver = StoryDriver(system, given.seed)
    world = World(driver, given.nodes, given.tasks, Random(f"{given.seed}/story"), progress)
    play(world, given.weeks)
    if seal is not None:
        seal()
    took = time.monotonic_ns() - began
    report = summarise(world)
    report["balances"] = balances(driver)
    report["seed"], report["tasks_without_gpu"] = given.seed, given.tasks_without_gpu
    commands = report["commands"]["sent"]
    report["speed"] = {"milliseconds": took // 1_000_000, "commands_per_second": commands * 10**9 // took}
    return report


def audit_and_write(
    home: Path,
    report: dict[str, Any],
    logs: Path,
    trusted: dict[str, VerifyKey] | None = None,
    audited: Progress | None = None,
) -> dict[str, Any]:
    """Audit the published `logs`, add the result to the report and write it to `home`; returns the report.

    As `report.json`, and for people as `report.html`.

    `trusted`: the pinned log keys by origin; None takes each log's own.
    """
    began = time.monotonic_ns()
    found = audit(logs, trusted, audited).to_json()
    report["audit"] = {**found, "milliseconds": (time.monotonic_ns() - began) // 1_000_000}
    report["logs"] = {
        log["origin"].split("/")[1]: {"entries": log["size"], "root": log["root"]} for log in found["logs"]
    }
    entries = sum(log["entries"] for log in report["logs"].values())
    report["speed"]["entries_per_second"] = entries * 1000 // max(report["speed"]["milliseconds"], 1)
    (home / REPORT).write_text(json.dumps(report, indent=2, sort_keys=True) + "\n")
    (home / PAGE).write_text(page(report), encoding="utf-8")
    return report
