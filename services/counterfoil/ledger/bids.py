"""Holds for bids: the programme's share from vouchers, the co-payment from cash.

They are placed before a bid enters the book, so nothing that follows can fail for lack of funds.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import CO_PAYMENTS, cash
from counterfoil.ledger.drawdown import choose
from counterfoil.ledger.events import ContractFunded, HoldPlaced
from counterfoil.ledger.holds import BidNeed, Hold, split, total
from counterfoil.ledger.payment import Parts, keep
from counterfoil.ledger.refusals import Order, not_available, refused
from counterfoil.ledger.releases import reduce, release, voucher_legs
from counterfoil.ledger.state import LedgerState
from counterfoil.matching.events import BidClosed, BidReceived, BidReduced
from counterfoil.programme.terms import in_kind


def hold_bid(state: LedgerState, event: BidReceived, at: At) -> Sequence[Event]:
    """Hold a bid's funds."""
    order = Order(event.bid_id, "bid", event.beneficiary_id, event.programme_id, event.currency)
    if state.phases.shut(event.programme_id) is not None:
        return [refused(state, order, Code.PROGRAMME_CLOSED)]
    chosen = choose(state, event, at)
    if isinstance(chosen, Code):
        return [refused(state, order, chosen)]
    version, (subsidy, money), draws, covers = chosen
    available = state.accounts.find(cash(event.beneficiary_id), event.currency).available
    if money and in_kind(state.terms(event.programme_id, version)):
        return [refused(state, order, Code.NOT_COVERED_IN_KIND)]
    if not covers or money > available:
        return [not_available(state, order, vouchers=(subsidy, total(draws)), cash=(money, available))]
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
    hold = state.holds.of_bid(event.bid_id)
    if hold is None:
        return []
    bid = hold.terms
    held = Parts(total(hold.draws), hold.cash)
    terms = state.terms(bid.programme_id, bid.version)
    keep_subsidy, keep_cash = keep(terms, bid, held, held, event.nodes_left)
    _, released = split(hold.draws, keep_subsidy)
    return reduce(state, event.bid_id, hold, released, hold.cash - keep_cash, event.nodes_left, at)


def release_bid(state: LedgerState, event: BidClosed, at: At) -> Sequence[Event]:
    """Give back the rest of the hold of a bid that left the book; nothing if its hold was refused."""
    hold = state.holds.of_bid(event.bid_id)
    return [] if hold is None else release(state, Posting(state.accounts), event.bid_id, hold, event.reason, at)


# evolve -------------------------------------------------------------------------------------------------------------


def hold_placed(state: LedgerState, event: HoldPlaced, _at: At) -> None:
    """Apply a bid's hold."""
    state.book(event.legs)
    bid = BidNeed(event.programme_id, event.version, event.nodes, event.cost_per_node, event.partial)
    state.holds.put(event.hold_id, Hold("bid", event.party_id, event.currency, event.vouchers, event.cash, bid))


def bid_traded(state: LedgerState, event: ContractFunded) -> Hold[BidNeed]:
    """Apply a trade to its bid's hold, which is over with its last node; gives the hold as it was."""
    before: Hold[BidNeed] = state.holds.open["bid", event.bid_id]
    left = before.captured(total(event.vouchers), event.cash).reduced(
        total(event.released_vouchers), event.released_cash
    )
    if event.bid_nodes_left == 0:
        state.holds.drop("bid", event.bid_id)
    elif event.bid_nodes_left == before.terms.nodes:  # a block of an auction, of which hours are left
        paid = (total(event.vouchers) + event.cash) // event.bid_nodes_left
        pending = state.holds.pending.get(("bid", event.bid_id))
        if pending is not None:
            lower = pending._replace(cost=pending.cost - paid, new_cost=pending.new_cost - paid)
            state.holds.pending["bid", event.bid_id] = lower
        terms = left.terms._replace(cost_per_node=left.terms.cost_per_node - paid)
        state.holds.put(event.bid_id, left._replace(terms=terms))
    else:
        state.holds.put(event.bid_id, left._replace(terms=left.terms._replace(nodes=event.bid_nodes_left)))
    return before
