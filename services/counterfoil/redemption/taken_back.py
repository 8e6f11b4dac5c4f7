"""What redemption keeps of payments that may be taken back, and of orders to do so."""

from __future__ import annotations

from typing import Final, NamedTuple

from counterfoil.core.form import AMOUNT, COUNT, FLAG, TEXT, TIME, Form, row


class Paid(NamedTuple):
    """A payment that may be taken back: by which version of its programme, since when, how much was (micro-units)."""

    version: int
    paid_at: int
    taken: int


class Clawback(NamedTuple):
    """An order to give back that may be contested before `until`, or is. `in_force`: it is owed meanwhile."""

    settlement_id: str
    programme_id: str
    version: int
    provider_id: str
    amount: int
    ordered_at: int
    until: int
    appealed: bool
    in_force: bool


PAID: Final = Form(
    "paid",
    ("settlement_id", "provider_id"),
    row(Paid, version=COUNT, paid_at=TIME, taken=AMOUNT),
    "a payment that a programme's document lets its issuer take back, and how much of it was",
)
CLAWBACK: Final = Form(
    "clawback",
    ("clawback_id",),
    row(
        Clawback, settlement_id=TEXT, programme_id=TEXT, version=COUNT, provider_id=TEXT, amount=AMOUNT,
        ordered_at=TIME, until=TIME, appealed=FLAG, in_force=FLAG,
    ),
    "an order to give back that was made subject to appeal; one that waited for that and is in force has no row",
)  # fmt: skip
