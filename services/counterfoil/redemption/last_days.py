"""The last days of programmes in run-off: what is neither claimed nor could be paid by then lapses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from counterfoil.core.deadlines import Deadlines
from counterfoil.core.form import AMOUNT, TIME, Form, row
from counterfoil.core.outages import Outages
from counterfoil.core.table import Table


class LastDay(NamedTuple):
    """`since`: when something became claimable or payable last; `until`: what was there before lapses then.

    Microseconds. If something came later, the last day is set anew before anything lapses. `opened`: `since` as it
    was when the day was set, from which on it waits for outages.
    """

    opened: int
    since: int
    until: int


LAST_DAY: Final = Form(
    "last_day",
    ("programme_id",),
    row(LastDay, opened=TIME, since=TIME, until=TIME),
    "when what is neither claimed nor paid of a programme in run-off lapses, unless more came after `since`",
)
SENT_BACK: Final = Form(
    "sent_back",
    ("programme_id", "provider_id"),
    AMOUNT,
    "of what is payable, what the bank sent back in the run-off: it lapses unless it is settled once more",
)


class LastDays:
    """By programme, and in the order in which they are reached. `lapses`: whether a programme waits for its own."""

    __slots__ = ("_lapses", "_outages", "_queue", "table")

    def __init__(self, lapses: Callable[[str], bool], outages: Outages) -> None:
        self.table: Table[str, LastDay] = Table(LAST_DAY)
        self._lapses, self._outages = lapses, outages
        self._queue = Deadlines(self._live)

    def rebuild(self, programmes: Iterable[str]) -> None:
        """Derive the order; of programmes without a last day, too, in which one is to be set."""
        self._queue = Deadlines(self._live)
        for programme_id in sorted({*programmes, *self.table}):
            self.expect(programme_id)

    def expect(self, programme_id: str) -> None:
        """Know when a programme's last day is reached; one without is to be set at once."""
        due = f"{programme_id} {self._until(programme_id)}"
        if self._live(due):
            self._queue.add(self._reached(due), 0, 0, due)

    def more(self, programme_id: str, time: int) -> None:
        """Something has become claimable or payable."""
        if programme_id in self.table:
            self.table[programme_id] = self.table[programme_id]._replace(since=time)
            self.expect(programme_id)

    def ended(self) -> None:
        """Nothing is left of a programme that may have waited for its last day."""
        self._queue.ended()

    def postpone(self) -> None:
        """An outage was added."""
        self._queue.postpone(self._reached)

    def next(self) -> int | None:
        """When the first is reached."""
        return self._queue.next()

    def reached(self, cutoff: int) -> str | None:
        """The programme whose last day is reached first, or is to be set."""
        due = self._queue.reached(cutoff, 1)
        return due[0].partition(" ")[0] if due else None

    def _until(self, programme_id: str) -> int:
        day = self.table.get(programme_id)
        return 0 if day is None else day.until

    def _live(self, due: str) -> bool:
        programme_id, _, until = due.partition(" ")
        return self._until(programme_id) == int(until) and self._lapses(programme_id)

    def _reached(self, due: str) -> int:
        day = self.table.get(due.partition(" ")[0])
        return 0 if day is None else self._outages.extended(day.opened, day.until)
