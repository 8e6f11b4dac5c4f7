"""What was captured for reports, as redemption keeps it, and what of that was reversed."""

from __future__ import annotations

from typing import Final, NamedTuple

from counterfoil.core.form import AMOUNT, TEXT, Form, optional, row


class Reversal(NamedTuple):
    """A reversal that one side proposed."""

    reversal_id: str
    by: str
    amount: int
    reason: str


class Captured(NamedTuple):
    """What was captured for a report, how much of it was reversed since, and what is proposed to be.

    The subsidy in what is reversed is its share, rounded up: what is left is within the programme's share.
    """

    contract_id: str
    subsidy: int
    co_payment: int
    reversed: int = 0
    proposed: Reversal | None = None

    @property
    def left(self) -> int:
        """What was not reversed."""
        return self.subsidy + self.co_payment - self.reversed

    @property
    def reversed_subsidy(self) -> int:
        """The subsidy in what was reversed."""
        return -(-self.subsidy * self.reversed // (self.subsidy + self.co_payment))


CAPTURED: Final = Form(
    "captured",
    ("report_id",),
    row(
        Captured, contract_id=TEXT, subsidy=AMOUNT, co_payment=AMOUNT, reversed=AMOUNT,
        proposed=optional(row(Reversal, reversal_id=TEXT, by=TEXT, amount=AMOUNT, reason=TEXT)),
    ),
    "what was captured for a report, and how much of it was reversed",
)  # fmt: skip
