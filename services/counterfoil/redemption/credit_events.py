"""Redemption: what credit notes take of claims on invoices."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Amount, Currency, Id, PositiveAmount


@event("claim.cut.v1")
class ClaimCut(Event):
    """A credit note took so much of a claim that is in no settlement; what is `left` of it, `approved` of that.

    Its denial follows in the same entry. A claim of which nothing is left is over.
    """

    claim_id: Id
    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
    approved: Amount
    left: Amount


@event("credit.owed.v1")
class CreditOwed(Event):
    """By rules 7, a credit note took so much of a claim that is in a settlement, paid or not: its provider owes it."""

    claim_id: Id
    programme_id: Id
    provider_id: Id
    currency: Currency
    amount: PositiveAmount
    owed_after: Amount


@event("credit.known.v1")
class CreditKnown(Event):
    """A credit note took so much of a claim that is in a settlement, paid or not. Nothing is owed for it by itself.

    Who issued the programme may take it back of what was paid (`order_clawback`), with the note as evidence.
    """

    claim_id: Id
    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
