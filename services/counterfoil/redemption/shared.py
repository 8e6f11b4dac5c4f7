"""What redemption keeps of payments that several payers make."""

from __future__ import annotations

from typing import Final, NamedTuple

from counterfoil.core.form import AMOUNT, COUNT, FLAG, TEXT, Form, listed, row


class Part(NamedTuple):
    """One payer's part: what it bears, what it pays to the payee, and whether it did, or refunded it."""

    payer: str
    bears: int
    pays: int
    paid: bool

    @property
    def due(self) -> int:
        """What it pays in one transfer: to the payee, or afterwards to the payer that paid for it."""
        return self.pays or self.bears


class Shared(NamedTuple):
    """The parts of a payment, by which version of its programme."""

    version: int
    parts: tuple[Part, ...]


SHARED: Final = Form(
    "shared",
    ("settlement_id", "provider_id"),
    row(Shared, version=COUNT, parts=listed(row(Part, payer=TEXT, bears=AMOUNT, pays=AMOUNT, paid=FLAG))),
    "what each of several payers pays of a payment, unless it was returned as a whole",
)
