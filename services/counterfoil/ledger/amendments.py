"""What is held for an order that is to have another price: first what it needs beyond its hold, then no more than that.

While matching decides, the hold covers the order as it is and as it is to be, so that a trade of that time is paid for,
and the order needs nothing back when it stays as it is. Both amounts are kept until matching says which one counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.amendment_events import AmendmentFunded, AmendmentSettled
from counterfoil.ledger.chart import BONDS, CO_PAYMENTS, cash
from counterfoil.ledger.drawdown import further
from counterfoil.ledger.endings import bury
from counterfoil.ledger.events import Draw
from counterfoil.ledger.holds import BidNeed, BondRate, Hold, Pending, given_back, joined, total, without
from counterfoil.ledger.payment import Parts, keep, need
from counterfoil.ledger.refusals import Order, not_available, refused
from counterfoil.ledger.releases import release_legs, voucher_legs
from counterfoil.ledger.state import LedgerState
from counterfoil.matching.amendment_events import (
    AmendmentFailed,
    BidAmended,
    BidAmendmentRequested,
    OfferAmended,
    OfferAmendmentRequested,
)


def fund_bid(state: LedgerState, event: BidAmendmentRequested, at: At) -> Sequence[Event]:
    """Hold what a bid needs at another limit beyond what it has, of vouchers of the version that pays for it."""
    hold = state.holds.of_bid(event.bid_id)
    if hold is None:
        return []  # another ledger's
    bid = hold.terms
    order = Order(event.amendment_id, "bid", event.beneficiary_id, event.programme_id, event.currency)
    if state.phases.shut(event.programme_id) is not None:
        return [refused(state, order, Code.PROGRAMME_CLOSED)]
    if (barred := _barred(state, hold, at)) is not None:
        return [refused(state, order, barred)]
    wanted = need(state.terms(bid.programme_id, bid.version), event, at)
    more = Parts(max(wanted.vouchers - total(hold.draws), 0), max(wanted.cash - hold.cash, 0))
    draws = further(state, event, hold.draws, more.vouchers, bid.version, at)
    if isinstance(draws, Code):
        return [refused(state, order, draws)]
    available = state.accounts.find(cash(event.beneficiary_id), event.currency).available
    if total(draws) < more.vouchers or more.cash > available:
        short = (more.vouchers, total(draws))
        return [not_available(state, order, vouchers=short, cash=(more.cash, available))]
    posting = Posting(state.accounts)
    voucher_legs(posting, "hold", event.beneficiary_id, draws)
    posting.leg("hold", event.currency, cash(event.beneficiary_id), CO_PAYMENTS, more.cash)
    return [
        AmendmentFunded(
            amendment_id=event.amendment_id, purpose="bid", hold_id=event.bid_id, cost=event.cost_per_node,
            needed_vouchers=wanted.vouchers, needed_cash=wanted.cash, vouchers=draws, cash=more.cash,
            legs=posting.take(),
        )
    ]  # fmt: skip


def _barred(state: LedgerState, hold: Hold[BidNeed], at: At) -> Code | None:
    """Why a voucher that pays already may pay no more; matching is told to close such a bid."""
    vouchers = (state.vouchers.open[draw.voucher_id] for draw in hold.draws)
    return next((code for each in vouchers if (code := state.bar(each, at.time)) is not None), None)


def fund_offer(state: LedgerState, event: OfferAmendmentRequested, _at: At) -> Sequence[Event]:
    """Hold the bond that an offer needs at another price beyond the one that it has."""
    hold = state.holds.of_offer(event.offer_id)
    if hold is None:
        return []  # another ledger's
    more = max(event.bond - hold.cash, 0)
    available = state.accounts.find(cash(event.provider_id), event.currency).available
    if more > available:
        order = Order(event.amendment_id, "offer", event.provider_id, None, event.currency)
        return [not_available(state, order, cash=(more, available))]
    posting = Posting(state.accounts)
    posting.leg("hold", event.currency, cash(event.provider_id), BONDS, more)
    return [
        AmendmentFunded(
            amendment_id=event.amendment_id, purpose="offer", hold_id=event.offer_id, cost=event.bonded_at,
            needed_vouchers=0, needed_cash=max(event.bond, hold.cash), vouchers=(), cash=more, legs=posting.take(),
        )
    ]  # fmt: skip


def settle_bid(state: LedgerState, event: BidAmended, at: At) -> Sequence[Event]:
    """The bid has its new limit: what that does not need is given back."""
    return _settled_bid(state, event.amendment_id, event.bid_id, at, amended=True)


def settle_offer(state: LedgerState, event: OfferAmended, _at: At) -> Sequence[Event]:
    """The offer has its new price: bond that what is unsold does not need is given back."""
    hold = state.holds.of_offer(event.offer_id)
    if hold is None or ("offer", event.offer_id) not in state.holds.pending:
        return []
    freed = hold.cash - event.bond
    return [
        _settled(Posting(state.accounts), event.amendment_id, event.offer_id, hold, event.bonded_at, (), freed, True)
    ]


def settle_failed(state: LedgerState, event: AmendmentFailed, at: At) -> Sequence[Event]:
    """The order stays as it is: what was held for the amendment is given back, if anything was."""
    pending = state.holds.pending.get((event.side, event.order_id))
    if pending is None:
        return []
    if event.side == "bid":
        return _settled_bid(state, event.amendment_id, event.order_id, at, amended=False)
    hold: Hold[BondRate] = state.holds.open["offer", event.order_id]
    posting, added = Posting(state.accounts), pending.new_cash - pending.cash
    return [_settled(posting, event.amendment_id, event.order_id, hold, hold.terms.price, (), added, False)]


def _settled_bid(state: LedgerState, amendment_id: str, bid_id: str, at: At, *, amended: bool) -> Sequence[Event]:
    hold, pending = state.holds.of_bid(bid_id), state.holds.pending.get(("bid", bid_id))
    if hold is None or pending is None:
        return []
    bid, held = hold.terms, Parts(total(hold.draws), hold.cash)
    cost = pending.new_cost if amended else pending.cost
    then = Parts(pending.new_vouchers, pending.new_cash) if amended else Parts(pending.vouchers, pending.cash)
    needed = bid._replace(nodes=pending.nodes, cost_per_node=cost)
    kept = keep(state.terms(bid.programme_id, bid.version), needed, then, held, bid.nodes)
    released = given_back(hold.draws, held.vouchers - kept.vouchers, () if amended else pending.added)
    posting = Posting(state.accounts)
    settled = _settled(posting, amendment_id, bid_id, hold, cost, released, held.cash - kept.cash, amended)
    return [settled, *bury(state, posting, hold.owner_id, released, at)]


def _settled(
    posting: Posting, amendment_id: str, hold_id: str, hold: Hold[BidNeed] | Hold[BondRate], cost: int,
    vouchers: tuple[Draw, ...], freed: int, amended: bool,
) -> AmendmentSettled:  # fmt: skip
    release_legs(posting, hold, vouchers, freed)
    return AmendmentSettled(
        amendment_id=amendment_id, purpose="bid" if hold.purpose == "bid" else "offer", hold_id=hold_id,
        amended=amended, cost=cost, vouchers=vouchers, cash=freed, legs=posting.take(),
    )  # fmt: skip


# evolve -------------------------------------------------------------------------------------------------------------


def amendment_funded(state: LedgerState, event: AmendmentFunded, _at: At) -> None:
    """Apply what is held for an amendment: the hold covers both prices."""
    state.book(event.legs)
    key = event.purpose, event.hold_id
    hold = state.holds.open[key]
    if isinstance(hold.terms, BidNeed):
        nodes, cost = hold.terms.nodes, hold.terms.cost_per_node
        terms: BidNeed | BondRate = hold.terms._replace(cost_per_node=max(cost, event.cost))
    else:
        nodes, cost, terms = 0, hold.terms.price, hold.terms
    state.holds.pending[key] = Pending(
        nodes, cost, total(hold.draws), hold.cash, event.cost, event.needed_vouchers, event.needed_cash,
        event.vouchers,
    )  # fmt: skip
    draws = joined(hold.draws, event.vouchers)
    state.holds.put(event.hold_id, hold._replace(draws=draws, cash=hold.cash + event.cash, terms=terms))


def amendment_settled(state: LedgerState, event: AmendmentSettled, _at: At) -> None:
    """Apply the price that counts from here on."""
    state.book(event.legs)
    hold = state.holds.open[event.purpose, event.hold_id]
    hold = hold._replace(draws=without(hold.draws, event.vouchers), cash=hold.cash - event.cash)
    price = {"cost_per_node" if event.purpose == "bid" else "price": event.cost}
    del state.holds.pending[event.purpose, event.hold_id]
    state.holds.put(event.hold_id, hold._replace(terms=hold.terms._replace(**price)))
