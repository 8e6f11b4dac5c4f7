"""The state of the story: its input, its driver, its calendar, and what was done so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from counterfoil.contract.times import HOUR, parse_time
from counterfoil.demo.model import WEEKS, Firm
from counterfoil.demo.story_driver import StoryDriver
from counterfoil.demo.trace import Node, Task
from counterfoil.ports import Row

START: Final = parse_time("2026-01-05T00:00:00.000000Z")
"""A Monday."""


@dataclass(slots=True)
class World:
    """`owners`: the firm of each task. `bids`: how many were placed. `missed`: by provider, how many contracts it has
    reported or missed, less one. `delivered`: these contracts, by id. `minutes`: GPU-minutes of the reports seen.
    `by_performance`: the tasks, by name, that are bid for so. `again`: the bid for what was lost, by contract; None: it
    was refused.
    """

    driver: StoryDriver
    nodes: list[Node]
    tasks: list[Task]
    rng: Random
    progress: Callable[[str, int, int], None]
    all_firms: list[Firm] = field(default_factory=list)
    owners: list[Firm] = field(default_factory=list)
    by_performance: frozenset[str] = frozenset()
    again: dict[str, str | None] = field(default_factory=dict)
    bids: int = 0
    delivered: dict[str, Row] = field(default_factory=dict)
    missed: dict[str, int] = field(default_factory=dict)
    minutes: dict[str, int] = field(default_factory=dict)

    def day(self, task: Task) -> int:
        """The day of the story's weeks of bidding, from 0, on which the task's job is to begin."""
        first, last = self.tasks[0].start, self.tasks[-1].start
        return (task.start - first) * 7 * WEEKS // (last - first + 1)

    def hour(self, task: Task) -> int:
        """The delivery hour at which its job is to begin: a week after the week of its bid has begun, or later."""
        return START // HOUR + 24 * (7 + self.day(task))


def number(value: object) -> int:
    """The value of an integer column. Raises TypeError."""
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a number")
    return value
