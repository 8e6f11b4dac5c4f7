"""Holds of bids and offers.

They are placed before an order enters the book, so nothing that follows can fail for lack of funds.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.core.decider import At
from counterfoil.ledger.accounts import Effect, Posting
from counterfoil.ledger.chart import BONDS, CO_PAYMENTS, REDEEMED, cash, holder
from counterfoil.ledger.drawdown import choose, need
from counterfoil.ledger.events import (
    BondHeld,
    Draw,
    HoldPlaced,
    HoldReduced,
    HoldRefused,
    HoldReleased,
)
from counterfoil.ledger.holds import BidHold, BondHold, Contract, split, total
from counterfoil.ledger.state import LedgerState
from counterfoil.ledger.vouchers import bury
from counterfoil.matching.events import (
    BidClosed,
    BidReceived,
    BidReduced,
    OfferClosed,
    OfferReceived,
    OfferReduced,
)


def hold_bond(state: LedgerState, event: OfferReceived, _at: At) -> Sequence[Event]:
    """Hold an offer's bond on the provider's cash."""
    if event.bond > state.accounts.find(cash(event.provider_id), event.currency).available:
        return [HoldRefused(hold_id=event.offer_id, kind="bond", code=Code.EXCEEDS_AVAILABLE)]
    posting = Posting(state.accounts)
    posting.leg("hold", event.currency, cash(event.provider_id), BONDS, event.bond)
    return [
        BondHeld(
            hold_id=event.offer_id,
            provider_id=event.provider_id,
            currency=event.currency,
            amount=event.bond,
            price=event.price,
            bps=event.bond_bps,
            legs=posting.take(),
        )
    ]


def hold_bid(state: LedgerState, event: BidReceived, at: At) -> Sequence[Event]:
    """Hold a bid's funds: the programme's share from vouchers, the co-payment from cash."""
    chosen = choose(state, event, at)
    if isinstance(chosen, Code):
        return [HoldRefused(hold_id=event.bid_id, kind="bid", code=chosen)]
    draws, version = chosen
    money = need(state.terms(event.programme_id, version), event.cost_per_node, event.nodes, event.partial)[1]
    if money > state.accounts.find(cash(event.beneficiary_id), event.currency).available:
        return [HoldRefused(hold_id=event.bid_id, kind="bid", code=Code.EXCEEDS_AVAILABLE)]
    posting = Posting(state.accounts)
    voucher_legs(posting, "hold", event.beneficiary_id, draws)
    posting.leg("hold", event.currency, cash(event.beneficiary_id), CO_PAYMENTS, money)
    return [
        HoldPlaced(
            hold_id=event.bid_id,
            party_id=event.beneficiary_id,
            programme_id=event.programme_id,
            version=version,
            currency=event.currency,
            nodes=event.nodes,
            cost_per_node=event.cost_per_node,
            partial=event.partial,
            vouchers=draws,
            cash=money,
            legs=posting.take(),
        )
    ]


def reduce_bid(state: LedgerState, event: BidReduced, at: At) -> Sequence[Event]:
    """Give back what a smaller bid no longer needs."""
    bid = state.holds.bids.get(event.bid_id)
    if bid is None:
        return []
    terms = state.terms(bid.programme_id, bid.version)
    keep_subsidy, keep_cash = need(terms, bid.cost_per_node, event.nodes_left, bid.partial)
    _, released = split(bid.draws, keep_subsidy)
    posting = Posting(state.accounts)
    voucher_legs(posting, "release", bid.party_id, released)
    posting.leg("release", terms.currency, cash(bid.party_id), CO_PAYMENTS, bid.cash - keep_cash)
    reduced = HoldReduced(
        hold_id=event.bid_id,
        nodes_left=event.nodes_left,
        vouchers=released,
        cash=bid.cash - keep_cash,
        legs=posting.take(),
    )
    return [reduced, *bury(state, posting, released, at)]


def reduce_bond(state: LedgerState, event: OfferReduced, _at: At) -> Sequence[Event]:
    """Give back the bond of the nodes taken off an offer."""
    bond = state.holds.bonds.get(event.offer_id)
    if bond is None:
        return []
    freed = min(event.bond_released, bond.cash)
    posting = Posting(state.accounts)
    posting.leg("release", bond.currency, cash(bond.party_id), BONDS, freed)
    return [HoldReduced(hold_id=event.offer_id, nodes_left=0, vouchers=(), cash=freed, legs=posting.take())]


def release_order(state: LedgerState, event: BidClosed | OfferClosed, at: At) -> Sequence[Event]:
    """Give back the rest of the hold of an order that left the book; nothing if its hold was refused."""
    order_id = event.bid_id if isinstance(event, BidClosed) else event.offer_id
    bond = state.holds.bonds.get(order_id)
    posting = Posting(state.accounts)
    if bond is not None:
        posting.leg("release", bond.currency, cash(bond.party_id), BONDS, bond.cash)
        legs = posting.take()
        return [HoldReleased(hold_id=order_id, reason=event.reason, vouchers=(), cash=bond.cash, legs=legs)]
    bid = state.holds.bids.get(order_id)
    return [] if bid is None else release(state, posting, order_id, event.reason, bid, at)


def release(
    state: LedgerState, posting: Posting, hold_id: str, reason: str, held: BidHold | Contract, at: At
) -> list[Event]:
    """Release all that a hold has."""
    party_id = held.party_id if isinstance(held, BidHold) else held.beneficiary_id
    currency = state.terms(held.programme_id, held.version).currency
    voucher_legs(posting, "release", party_id, held.draws)
    posting.leg("release", currency, cash(party_id), CO_PAYMENTS, held.cash)
    released = HoldReleased(hold_id=hold_id, reason=reason, vouchers=held.draws, cash=held.cash, legs=posting.take())
    return [released, *bury(state, posting, held.draws, at)]


def voucher_legs(posting: Posting, effect: Effect, party_id: str, draws: Sequence[Draw]) -> None:
    """A leg per draw."""
    for draw in draws:
        posting.leg(effect, draw.voucher_id, holder(party_id), REDEEMED, draw.amount)


def hold_placed(state: LedgerState, event: HoldPlaced, _at: At) -> None:
    """Apply a hold for a bid."""
    state.accounts.apply(event.legs)
    state.holds.bids[event.hold_id] = BidHold(
        event.party_id, event.programme_id, event.version, event.vouchers, event.cash,
        event.nodes, event.cost_per_node, event.partial,
    )  # fmt: skip


def bond_held(state: LedgerState, event: BondHeld, _at: At) -> None:
    """Apply a hold of an offer's bond."""
    state.accounts.apply(event.legs)
    state.holds.bonds[event.hold_id] = BondHold(event.provider_id, event.currency, event.amount, event.price, event.bps)


def hold_refused(_state: LedgerState, _event: HoldRefused, _at: At) -> None:
    """A refused hold leaves nothing behind."""


def hold_reduced(state: LedgerState, event: HoldReduced, _at: At) -> None:
    """Apply a reduction."""
    state.accounts.apply(event.legs)
    bond = state.holds.bonds.get(event.hold_id)
    if bond is not None:
        bond.cash -= event.cash
        return
    bid = state.holds.bids[event.hold_id]
    bid.nodes = event.nodes_left
    bid.draws, _ = split(bid.draws, total(bid.draws) - total(event.vouchers))
    bid.cash -= event.cash


def hold_released(state: LedgerState, event: HoldReleased, _at: At) -> None:
    """Apply a release."""
    state.accounts.apply(event.legs)
    state.holds.bids.pop(event.hold_id, None)
    state.holds.bonds.pop(event.hold_id, None)
    contract = state.holds.contracts.get(event.hold_id)
    if contract is not None:
        contract.draws, contract.cash = (), 0
