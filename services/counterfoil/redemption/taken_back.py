"""What redemption keeps of payments that may be taken back, and of orders to do so."""

from __future__ import annotations

from typing import Final, NamedTuple

from counterfoil.core.form import AMOUNT, COUNT, FLAG, TEXT, TIME, Form, listed, row


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


class Line(NamedTuple):
    """So much subsidy of a contract, in micro-units."""

    contract_id: str
    amount: int


class Settled(NamedTuple):
    """What is in a payment, and what was taken of it before it came back and was paid again, in micro-units."""

    taken: int
    lines: tuple[Line, ...]


PAID: Final = Form(
    "paid",
    ("settlement_id", "provider_id"),
    row(Paid, version=COUNT, paid_at=TIME, taken=AMOUNT),
    "a payment that a programme's document lets its issuer take back, and how much of it was",
)
ADJUSTED: Final = Form(
    "adjusted", ("settlement_id", "provider_id"), AMOUNT, "by how much a payment was found to be too small"
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
_LINES: Final = listed(row(Line, contract_id=TEXT, amount=AMOUNT))
SETTLED: Final = Form(
    "settled",
    ("settlement_id", "provider_id"),
    row(Settled, taken=AMOUNT, lines=_LINES),
    "the subsidy that is in a payment, by contract, and how much of it was taken before it was paid again",
)
CAME_BACK: Final = Form(
    "came_back",
    ("programme_id", "provider_id"),
    row(Settled, taken=AMOUNT, lines=_LINES),
    "the same of payments that came back, until the next payment to the provider",
)
DRAWN: Final = Form(
    "drawn",
    ("clawback_id",),
    _LINES,
    "what an order that may be contested took of what may be reversed",
)
