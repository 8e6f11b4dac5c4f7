"""Growing pauses between attempts, up to a bound. The caller does the waiting: on an event, a condition or a loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from counterfoil.contract.ensure import ensure


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pauses in seconds after the first, second, ... failure in a row; each iteration starts with the first."""

    first: float
    longest: float
    growth: float = 2.0
    """The factor from one pause to the next."""

    def __post_init__(self) -> None:
        ensure(0 < self.first <= self.longest and self.growth > 1, f"pauses must be positive and grow: {self}")

    def __iter__(self) -> Iterator[float]:
        """Endless: repeats `longest` once it is reached."""
        pause = self.first
        while True:
            yield pause
            pause = min(pause * self.growth, self.longest)
