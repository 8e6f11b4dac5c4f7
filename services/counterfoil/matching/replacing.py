"""What could replace a contract that ends before its delivery, and its nodes, which may be sold again.

The whole book of its class and region is searched, by price and then by time, for one offer that has all of its nodes
in all of its hours: nothing that the provider could choose decides what its withdrawal costs. Offers of the provider's
own group do not count, nor those of the beneficiary's.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.limits import MAX_PRICE
from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ledger.notice_events import DeliveryEnded
from counterfoil.matching.auction_events import Trade
from counterfoil.matching.cover_events import CoverQuoted
from counterfoil.matching.inventory import free_sold
from counterfoil.matching.orders import Bid, Offer
from counterfoil.matching.passes import pass_at
from counterfoil.matching.positions import given_up
from counterfoil.matching.sold import FORGOTTEN_AT_ONCE, Sold
from counterfoil.matching.state import MatchingState


def replace_delivery(state: MatchingState, event: DeliveryEnded, at: At) -> Sequence[Event]:
    """Say what would replace a contract given up with notice. One that another log sold is for that to answer."""
    sold = state.sold.get(event.contract_id)
    if sold is None and not is_own(event.contract_id, at):
        return []
    if event.forfeits_bps is None:
        return [event]
    return [event, _cover(state, event.contract_id, event.forfeits_bps, sold, at)]


def _cover(state: MatchingState, contract_id: str, forfeits_bps: int, sold: Sold | None, at: At) -> CoverQuoted:
    offer = None if sold is None else replacement(state, contract_id, sold, at)
    if sold is None or offer is None:
        return CoverQuoted(contract_id=contract_id, forfeits_bps=forfeits_bps, offer_id=None, price=None, cover=None)
    dearer = max(offer.price - sold.price, 0)
    return CoverQuoted(
        contract_id=contract_id,
        forfeits_bps=forfeits_bps,
        offer_id=offer.offer_id,
        price=offer.price,
        cover=dearer * sold.nodes * sold.gpus_per_node * sold.hours,
    )


def replacement(state: MatchingState, contract_id: str, sold: Sold, at: At) -> Offer | None:
    """The first offer, by price and then by time, that has all nodes of a contract in all of its hours."""
    wanted = Bid(
        bid_id=contract_id, seq=at.index, beneficiary_id=sold.beneficiary_id,
        group_id=state.directory.group_now(sold.beneficiary_id), programme_id=sold.programme_id,
        currency=sold.currency, classes=(sold.class_id,), regions=(sold.region,), nodes=sold.nodes, hours=sold.hours,
        earliest=sold.first_hour, latest=sold.first_hour, limit_price=MAX_PRICE,
    )  # fmt: skip
    withdrawn_by = state.directory.group_now(sold.provider_id)

    def eligible(bid: Bid, offer: Offer, time: int) -> bool:
        good_until = state.offers[offer.offer_id].good_until
        return (
            offer.gpus_per_node == sold.gpus_per_node
            and offer.group_id not in (withdrawn_by, bid.group_id)
            and not state.is_halted(offer.class_id, offer.region, offer.provider_id)
            and state.accepts(sold.programme_id, offer.provider_id)
            and (good_until is None or good_until > time)
        )

    found: Offer | None = state.book.first_that_fits(wanted, pass_at(at.time, state.rules), eligible)
    return found


def is_own(contract_id: str, at: At) -> bool:
    """Whether this log made the trade: ids of logs name their shard."""
    return contract_id.rsplit("-", 3)[0] == at.new_id("trd", 0).rsplit("-", 3)[0]


# evolve -------------------------------------------------------------------------------------------------------------


def delivery_ended(state: MatchingState, event: DeliveryEnded, at: At) -> None:
    """The nodes of the hours that are still to come are sold no longer."""
    sold = state.forget(event.contract_id)
    if sold is not None:
        free_sold(state, sold, at)
        given_up(state, sold, at)


def cover_quoted(_state: MatchingState, _event: CoverQuoted, _at: At) -> None:
    """Changes nothing: the ledger divides the bond by it."""


def keep_sold(state: MatchingState, event: Trade, at: At) -> None:
    """Keep a trade that was just made, and forget some that are over."""
    if not state.rules.notice_table:
        return
    for contract_id in state.sold_until.reached(at.time, FORGOTTEN_AT_ONCE):
        state.forget(contract_id)
    sited = state.sited.get(event.offer_id)
    sold = Sold(
        event.beneficiary_id, event.provider_id, event.programme_id, event.class_id, event.region, event.currency,
        event.nodes, event.gpus_per_node, event.first_hour, event.hours, event.price,
        None if sited is None else sited.site_id,
    )  # fmt: skip
    state.sell(event.trade_id, sold)
