"""Suspensions under documents in issuance's state: from when on, and until when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from counterfoil.contract.times import DAY
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.form import COUNT, FLAG, TIME, Form, row
from counterfoil.core.table import Table


class Suspension(NamedTuple):
    """A suspension that was ordered. `begun`: its notice is over."""

    begins_at: int
    ends_at: int
    begun: bool

    @property
    def next_at(self) -> int:
        """When it begins, or ends."""
        return self.ends_at if self.begun else self.begins_at


SUSPENSION: Final = Form(
    "suspension",
    ("voucher_id",),
    row(Suspension, begins_at=TIME, ends_at=TIME, begun=FLAG),
    "a suspension under a document that has not ended; `begun`: its notice is over",
)

SUSPENDED: Final = Form(
    "suspended",
    ("voucher_id",),
    COUNT,
    "for how many days a voucher was suspended under a document, in suspensions that have ended; a day begun is one",
)


class Suspensions:
    """The suspensions of a state. `lives`: whether a voucher can still be suspended or reinstated."""

    __slots__ = ("_lives", "days", "due", "table")

    def __init__(self, lives: Callable[[str], bool]) -> None:
        self._lives = lives
        self.table: Table[str, Suspension] = Table(SUSPENSION)
        self.days: Table[str, int] = Table(SUSPENDED)
        self.due = Deadlines(self._is_due)

    def _is_due(self, due_id: str) -> bool:
        voucher_id, _, time = due_id.partition(" ")
        found = self.table.get(voucher_id)
        return found is not None and found.next_at == int(time) and self._lives(voucher_id)

    def keep(self, voucher_id: str, suspension: Suspension) -> None:
        """Know a suspension, new or changed."""
        self.table[voucher_id] = suspension
        self._expect(voucher_id)
        self.due.ended()

    def _expect(self, voucher_id: str) -> None:
        time = self.table[voucher_id].next_at
        self.due.add(time, 0, 0, f"{voucher_id} {time}")

    def same(self, former: str, voucher_id: str) -> None:
        """Let a voucher that takes the place of another be suspended as long."""
        if former in self.table:
            self.keep(voucher_id, self.table[former])
        if former in self.days:
            self.days[voucher_id] = self.days[former]

    def lifted(self, voucher_id: str, time: int, *, sums: bool) -> None:
        """Know that a suspension has ended while its voucher goes on. `sums`: what it lasted counts from then on."""
        found = self.table.get(voucher_id)
        if sums and found is not None and found.begun:
            lasted = max(min(time, found.ends_at) - found.begins_at, 0)
            self.days[voucher_id] = self.days.get(voucher_id, 0) + -(-lasted // DAY)
        self.end(voucher_id)

    def forget(self, voucher_id: str) -> None:
        """Know that a voucher is over."""
        if voucher_id in self.days:
            del self.days[voucher_id]
        self.end(voucher_id)

    def end(self, voucher_id: str) -> None:
        """Know that a suspension is over."""
        if voucher_id in self.table:
            del self.table[voucher_id]
            self.due.ended()

    def rebuild(self) -> None:
        """Derive what is not in the table."""
        self.due = Deadlines(self._is_due)
        for voucher_id in sorted(self.table):
            self._expect(voucher_id)
