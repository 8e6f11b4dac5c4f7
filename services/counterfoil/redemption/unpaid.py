"""Claims on invoices whose payments came back from the bank, until they are paid or lapse (from rules 9 on).

What is payable is one sum for each payee, so which claims are in it is kept beside it. How much of a claim may lapse is
what may still be taken back of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from counterfoil.core.form import TEXTS, Form
from counterfoil.core.table import Table
from counterfoil.redemption.taken_back import Settled

BACK: Final = Form(
    "unpaid",
    ("programme_id", "provider_id"),
    TEXTS,
    "claims on invoices in payments that the bank sent back, until the payee's next settlement or their last day",
)
AGAIN: Final = Form(
    "paid_again", ("settlement_id", "provider_id"), TEXTS, "those that a payment is for beside the claims of its own"
)
Key = tuple[str, str]
Ids = Table[Key, tuple[str, ...]]
Part = tuple[str, int]
"""A claim, and how much of it, micro-units."""


class Unpaid:
    """Which claims on invoices are in what is payable, the earliest first."""

    __slots__ = ("again", "back")

    def __init__(self, keep: Callable[[Ids], Ids]) -> None:
        """`keep`: makes a table part of the state."""
        self.back = keep(Table(BACK))
        self.again = keep(Table(AGAIN))

    def came_back(self, payment: Key, programme_id: str, claim_ids: tuple[str, ...]) -> None:
        """A payment came back: its own claims on invoices, and those that it paid once more."""
        owner = (programme_id, payment[1])
        found = (*self.back.get(owner, ()), *(self.again.take(payment) or ()), *claim_ids)
        if found:
            self.back[owner] = found

    def settle(self, payment: Key, programme_id: str, *, due: bool) -> None:
        """What is payable to a payee is in a settlement. `due`: it is paid, and not all set off."""
        found = self.back.take((programme_id, payment[1]))
        if found and due:
            self.again[payment] = found

    def lapsed(self, owner: Key, claim_id: str) -> None:
        """A claim has lapsed."""
        left = tuple(each for each in self.back.take(owner) or () if each != claim_id)
        if left:
            self.back[owner] = left

    def parts(self, owner: Key, amount: int, of_contracts: Settled | None, left: Table[str, int]) -> Iterator[Part]:
        """What of an amount that lapses is of which claim, the latest first: first of all it is of contracts.

        `left`: what may be taken back of a claim. What was set off was so of the earliest.
        """
        amount -= 0 if of_contracts is None else sum(line.amount for line in of_contracts.lines)
        for claim_id in reversed(self.back.get(owner, ())):
            part = min(left.get(claim_id, 0), amount)
            if part > 0:
                yield claim_id, part
                amount -= part
