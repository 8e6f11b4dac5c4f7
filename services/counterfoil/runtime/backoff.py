"""Pauses between attempts: growing, up to a bound. The waiting is the caller's: on an event, a condition, a loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from counterfoil.contract.ensure import ensure


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pauses after the first, second, ... failure in a row, in seconds; iterating begins again with the first."""

    first: float
    longest: float
    growth: float = 2.0
    """By how much each pause is longer than the one before."""

    def __post_init__(self) -> None:
        ensure(0 < self.first <= self.longest and self.growth > 1, f"pauses that do not grow: {self}")

    def __iter__(self) -> Iterator[float]:
        """Without an end: `longest` again and again once it is reached."""
        pause = self.first
        while True:
            yield pause
            pause = min(pause * self.growth, self.longest)
