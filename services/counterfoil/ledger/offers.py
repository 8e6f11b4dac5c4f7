"""Holds for offers: the bond, on the provider's cash, before the offer enters the book."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.core.bonds import measured_at
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import BONDS, cash
from counterfoil.ledger.events import BondHeld
from counterfoil.ledger.holds import BondRate, Hold
from counterfoil.ledger.refusals import Order, not_available
from counterfoil.ledger.releases import reduce, release
from counterfoil.ledger.state import LedgerState
from counterfoil.matching.events import OfferClosed, OfferReceived, OfferReduced


def hold_offer(state: LedgerState, event: OfferReceived, _at: At) -> Sequence[Event]:
    """Hold an offer's bond."""
    available = state.accounts.find(cash(event.provider_id), event.currency).available
    if event.bond > available:
        order = Order(event.offer_id, "offer", event.provider_id, None, event.currency)
        return [not_available(state, order, cash=(event.bond, available))]
    posting = Posting(state.accounts)
    posting.leg("hold", event.currency, cash(event.provider_id), BONDS, event.bond)
    return [
        BondHeld(
            hold_id=event.offer_id,
            provider_id=event.provider_id,
            currency=event.currency,
            amount=event.bond,
            price=measured_at(event),
            bps=event.bond_bps,
            legs=posting.take(),
        )
    ]


def reduce_offer(state: LedgerState, event: OfferReduced, at: At) -> Sequence[Event]:
    """Give back the bond of the nodes taken off an offer."""
    hold = state.holds.of_offer(event.offer_id)
    if hold is None:
        return []
    return reduce(state, event.offer_id, hold, (), min(event.bond_released, hold.cash), 0, at)


def release_offer(state: LedgerState, event: OfferClosed, at: At) -> Sequence[Event]:
    """Give back the rest of the bond of an offer that left the book; nothing if its hold was refused."""
    hold = state.holds.of_offer(event.offer_id)
    return [] if hold is None else release(state, Posting(state.accounts), event.offer_id, hold, event.reason, at)


# evolve -------------------------------------------------------------------------------------------------------------


def bond_held(state: LedgerState, event: BondHeld, _at: At) -> None:
    """Apply an offer's hold."""
    state.book(event.legs)
    rate = BondRate(event.price, event.bps)
    state.holds.put(event.hold_id, Hold("offer", event.provider_id, event.currency, (), event.amount, rate))
