"""The limit of orders for each trade: who fills the market with orders that never trade is refused more of them.

It is judged by group and day, when an order comes or is to have another price. What was given stays, may be cancelled
and reduced, and trades. Nobody's orders count for another group, and a count costs the same however many there were.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY, HOUR
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.matching.amendment_events import BidAmendmentRequested, OfferAmendmentRequested
from counterfoil.matching.auction_events import Trade
from counterfoil.matching.events import BidReceived, OfferReceived
from counterfoil.matching.order_limit_commands import SetOrderLimit
from counterfoil.matching.order_limit_events import OrderLimitSet, OrdersCounted
from counterfoil.matching.order_limit_state import ALL, OrderLimit
from counterfoil.matching.state import MatchingState

_ORDERS: Final = BidReceived, OfferReceived, BidAmendmentRequested, OfferAmendmentRequested


def set_order_limit(state: MatchingState, body: SetOrderLimit, actor: Party, _at: At) -> Decision:
    """Set the next version of the limit."""
    had = state.order_counts.limits.get(ALL)
    if body.orders_per_trade is None and (had is None or had.orders_per_trade is None):
        return refuse(Code.ORDER_LIMIT_NOT_VALID, field="orders_per_trade")
    return [
        OrderLimitSet(
            version=1 if had is None else had.version + 1, orders_per_trade=body.orders_per_trade, free=body.free,
            set_by=actor.party_id, reason=body.reason,
        )
    ]  # fmt: skip


Decide = Callable[[MatchingState, Any, Party, At], Decision]


def counted(decide: Decide) -> Decide:
    """The same decision, if it gives no order that its party's group may not give today, and the order counted."""

    @wraps(decide)
    def judged(state: MatchingState, body: Any, actor: Party, at: At) -> Decision:
        decided, limit = decide(state, body, actor, at), state.order_counts.limits.get(ALL)
        if limit is None or limit.orders_per_trade is None or isinstance(decided, Refusal):
            return decided
        if not any(isinstance(each, _ORDERS) for each in decided):
            return decided
        day = at.time // DAY
        orders, trades = state.order_counts.of(state.directory.related_to(actor.party_id), day)
        most = limit.free + limit.orders_per_trade * trades
        if orders >= most:
            return refuse(Code.ORDERS_EXCEED_TRADES, orders=orders, trades=trades, most=most)
        told = OrdersCounted(
            party_id=actor.party_id, group_id=state.directory.group_now(actor.party_id), first_hour=day * DAY // HOUR,
            orders=orders + 1, trades=trades, most=most,
        )  # fmt: skip
        return [*decided, told]

    return judged


# evolve -------------------------------------------------------------------------------------------------------------


def order_limit_set(state: MatchingState, event: OrderLimitSet, _at: At) -> None:
    """Later orders are judged by it, and counted."""
    state.order_counts.limits[ALL] = OrderLimit(event.version, event.orders_per_trade, event.free)


def orders_counted(state: MatchingState, event: OrdersCounted, at: At) -> None:
    """One more order of a party, or another price of one."""
    state.order_counts.add(event.party_id, at.time // DAY, orders=1)


def traded(state: MatchingState, event: Trade, at: At) -> None:
    """One more trade of both sides."""
    for party_id in (event.beneficiary_id, event.provider_id):
        state.order_counts.add(party_id, at.time // DAY, trades=1)
