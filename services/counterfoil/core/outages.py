"""The outages of a log, and what they do to deadlines: one waits for as long as nobody could meet it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator


class Outages:
    """When a log decided nothing, in order. All times are microseconds.

    They are kept for ever: each lasted a minute at least, and a deadline may be asked for that was set long ago.
    """

    __slots__ = ("_resumed", "_spans")

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []  # (away since, no deadline that it touched ends before)
        self._resumed: list[int] = []

    def add(self, away_since: int, resumed_at: int, grace: int) -> None:
        """The log was away until `resumed_at`; no deadline that this touched ends within `grace` of that."""
        self._spans.append((away_since, resumed_at + grace))
        self._resumed.append(resumed_at)

    def extended(self, opened: int, deadline: int) -> int:
        """When something ends that could be done from `opened` until `deadline`: its time stands still in an outage."""
        for nth in range(bisect_right(self._resumed, opened), len(self._spans)):
            away_since, earliest = self._spans[nth]
            if deadline > away_since:
                deadline = max(deadline + self._resumed[nth] - max(away_since, opened), earliest)
        return deadline

    def records(self) -> Iterator[tuple[str, object]]:
        """Canonical records."""
        for resumed_at, span in zip(self._resumed, self._spans, strict=True):
            yield f"outage/{resumed_at}", [*span]
