"""What counts towards caps, ceilings of law and envelopes: per day, and for whom.

A group counts what its members were granted while they belonged to it, and what those brought who belong to it now.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

from counterfoil.contract.applications import CounterMoved
from counterfoil.contract.ensure import ensure
from counterfoil.contract.scalars import CountingEvent
from counterfoil.core.form import AMOUNT, Form
from counterfoil.core.table import Table
from counterfoil.programme.case import Counted

COUNTED: Final = Form(
    "counted",
    ("programme_id", "cap", "event", "subject", "beneficiary_id", "day"),
    AMOUNT,
    "what counts towards a cap for a subject on a day, by whom it was granted to; the programme `-`: in all of them",
    numbers=("day",),
)
COUNTING_EVENTS: Final[tuple[CountingEvent, ...]] = get_args(CountingEvent)
Key = tuple[str, str, str, str, str, int]
REGIME: Final = "regime:"
ALL_OF_THEM: Final = "-"
"""In the place of a programme. No id begins so."""


def programme_of(programme_id: str, cap: str) -> str:
    """The programme that a counter is kept for: none for a ceiling of law, which counts across programmes."""
    return ALL_OF_THEM if cap.startswith(REGIME) else programme_id


class Counters:
    """All counters of a state."""

    __slots__ = ("_by_beneficiary", "_by_subject", "_days", "table")

    def __init__(self) -> None:
        self.table: Table[Key, int] = Table(COUNTED)
        self._by_subject: dict[tuple[str, str, str, str], dict[Key, None]] = {}
        self._by_beneficiary: dict[tuple[str, str, str, str], dict[Key, None]] = {}
        self._days: dict[str, dict[int, int]] = {}
        """Of a ceiling of law, the days of which something counts: how many counters each."""

    def rebuild(self) -> None:
        """Derive what is not in the table."""
        self._by_subject, self._by_beneficiary, self._days = {}, {}, {}
        for key in self.table:
            self._index(key)

    def _index(self, key: Key) -> None:
        self._by_subject.setdefault(key[:4], {})[key] = None
        self._by_beneficiary.setdefault((*key[:3], key[4]), {})[key] = None
        if key[0] == ALL_OF_THEM:
            days = self._days.setdefault(key[1], {})
            days[key[5]] = days.get(key[5], 0) + 1

    def entries(
        self, programme_id: str, cap: str, event: CountingEvent, subject: str, members: frozenset[str] = frozenset()
    ) -> Iterator[Counted]:
        """What counts for a subject; of a group also what its `members` were granted in others."""
        head = (programme_of(programme_id, cap), cap, event)
        for key in self._by_subject.get((*head, subject), ()):
            yield Counted(cap, subject, event, key[5], self.table[key])
        for member in sorted(members):
            for key in self._by_beneficiary.get((*head, member), ()):
                if key[3] != subject:
                    yield Counted(cap, subject, event, key[5], self.table[key])

    def move(self, programme_id: str, beneficiary_id: str, day: int, moved: CounterMoved) -> None:
        """Count what a decision adds, or count it back."""
        key = (
            programme_of(programme_id, moved.cap), moved.cap, moved.event, moved.subject, beneficiary_id, day,
        )  # fmt: skip
        if moved.after < moved.before and key not in self.table and moved.cap.startswith(REGIME):
            return  # its window has passed, and it was forgotten
        counted = self.table.get(key, 0) + moved.after - moved.before
        if counted < 0 and moved.cap.startswith(REGIME):
            counted = 0  # part of it was forgotten, and what came later is less
        ensure(counted >= 0, f"{moved.cap} of {programme_id} counts less than nothing for {moved.subject}")
        if counted and key not in self.table:
            self._index(key)
        if counted:
            self.table[key] = counted
        elif key in self.table:
            self._drop(key)

    def counts(self, cap: str, first: int = 0) -> bool:
        """Whether anything is kept that counts towards a ceiling of law, of the day `first` or a later one."""
        return any(day >= first for day in self._days.get(cap, ()))

    def forget(self, cap: str, beneficiary_id: str, first: int) -> None:
        """Forget what counts towards a ceiling of law, of a beneficiary, on days before `first`."""
        for event in COUNTING_EVENTS:
            mine = self._by_beneficiary.get((ALL_OF_THEM, cap, event, beneficiary_id), ())
            for key in [key for key in mine if key[5] < first]:
                self._drop(key)

    def _drop(self, key: Key) -> None:
        del self.table[key]
        _forget(self._by_subject, key[:4], key)
        _forget(self._by_beneficiary, (*key[:3], key[4]), key)
        if key[0] == ALL_OF_THEM:
            days = self._days[key[1]]
            days[key[5]] -= 1
            if not days[key[5]]:
                del days[key[5]]
            if not days:
                del self._days[key[1]]


def _forget(index: dict[tuple[str, str, str, str], dict[Key, None]], by: tuple[str, str, str, str], key: Key) -> None:
    del index[by][key]
    if not index[by]:
        del index[by]
