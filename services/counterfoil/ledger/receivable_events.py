"""Ledger: what programmes have to get back of what they paid, or to pay in addition."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Amount, Id, PositiveAmount
from counterfoil.ledger.events import Leg


@event("clawback.posted.v1")
class ClawbackPosted(Event):
    """Who was paid owes so much of it: claims: receivables -> clawed_back; budget: recoverable -> lapsed."""

    clawback_id: Id
    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
    legs: tuple[Leg, ...]


@event("clawback.undone.v1")
class ClawbackUndone(Event):
    """An appeal ended part of what was to be given back.

    `forgiven`: it is owed no more: claims: clawed_back -> receivables; budget: lapsed -> recoverable. `refunded`: it
    was given back, or set off, and is payable again: claims: clawed_back -> claims; budget: lapsed -> obligated.
    """

    clawback_id: Id
    programme_id: Id
    provider_id: Id
    forgiven: Amount
    refunded: Amount
    legs: tuple[Leg, ...]


@event("receivable.written_off.v1")
class ReceivableWrittenOff(Event):
    """What is owed will not come: claims: written_off -> receivables; budget: written_off -> recoverable."""

    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
    legs: tuple[Leg, ...]


@event("adjustment.posted.v1")
class AdjustmentPosted(Event):
    """So much more is payable for an earlier period: budget: funding -> obligated; claims: claims_payable -> claims."""

    adjustment_id: Id
    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
    legs: tuple[Leg, ...]
