"""The outages of a log, and what they do to deadlines: one waits for as long as nobody could meet it."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, NamedTuple

from counterfoil.core.form import TIME, Form, row
from counterfoil.core.table import Table


class Outage(NamedTuple):
    """No deadline that the outage touched ends before `earliest`."""

    away_since: int
    earliest: int


OUTAGE: Final = Form(
    "outage",
    ("resumed_at",),
    row(Outage, away_since=TIME, earliest=TIME),
    "when nothing was decided; a deadline that fell into it waits as long as it lasted, until `earliest` at least",
    numbers=("resumed_at",),
)


class Outages:
    """When a log decided nothing, in order. All times are microseconds.

    They are kept for ever: each lasted a minute at least, and a deadline may be asked for that was set long ago.
    """

    __slots__ = ("_resumed", "table")

    def __init__(self) -> None:
        self.table: Table[int, Outage] = Table(OUTAGE)
        self._resumed: list[int] = []

    def add(self, away_since: int, resumed_at: int, earliest: int) -> None:
        """The log was away until `resumed_at`; no deadline that this fell into ends before `earliest`."""
        self.table[resumed_at] = Outage(away_since, earliest)
        self._resumed.append(resumed_at)

    def rebuild(self) -> None:
        """Derive the order from the table."""
        self._resumed = sorted(self.table)

    def extended(self, opened: int, deadline: int) -> int:
        """When something ends that could be done from `opened` until `deadline`: its time stands still in an outage."""
        for resumed_at in self._resumed[bisect_right(self._resumed, opened) :]:
            away_since, earliest = self.table[resumed_at]
            if deadline <= away_since:
                break
            deadline = max(deadline + resumed_at - max(away_since, opened), earliest)
        return deadline
