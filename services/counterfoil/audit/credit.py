"""The credit market in a log: what is wrong with a wrong step of it, and what rests although it fits."""

from __future__ import annotations

from collections.abc import Iterator

from counterfoil.contract.entry import Entry
from counterfoil.contract.limits import BPS
from counterfoil.contract.record import Event
from counterfoil.core.decider import ServiceState
from counterfoil.ledger.credit_book import Series
from counterfoil.ledger.credit_events import CreditOrderClosed, CreditTraded
from counterfoil.ledger.state import LedgerState


def misdealt(decided: Entry, entry: Entry) -> tuple[str, str] | None:
    """The finding, and what it says, if the recorded entry has another trade of credit than what was decided again.

    `credit_party_barred`: somebody trades whom the programme, or the ledger, bars. `credit_priority_skipped`: an order
    trades, or none does, though another comes first. `credit_price_wrong`: not at the price of the one there before.
    """
    right, wrong = _trade(decided), _trade(entry)
    if right is not None and wrong is not None and _pair(right) == _pair(wrong):
        if right.price_bps == wrong.price_bps:
            return None
        return "credit_price_wrong", f"{wrong.trade_id}: {wrong.price_bps}, decided {right.price_bps}"
    barred = [each for each in decided.events if isinstance(each, CreditOrderClosed) and each.reason != "filled"]
    if wrong is not None and barred:
        order = barred[0]
        if order.order_id in _pair(wrong):
            return "credit_party_barred", f"{order.order_id} of {order.party_id}: {order.why or order.reason}"
    if right is None and wrong is None:
        return None
    return "credit_priority_skipped", f"decided: {_text(right)}; recorded: {_text(wrong)}"


def _trade(entry: Entry) -> CreditTraded | None:
    return next((each for each in entry.events if isinstance(each, CreditTraded)), None)


def _pair(trade: CreditTraded) -> tuple[str, str]:
    return trade.offer_id, trade.bid_id


def _text(trade: CreditTraded | None) -> str:
    return "none" if trade is None else f"{trade.offer_id} and {trade.bid_id}, {trade.amount} at {trade.price_bps}"


def mispriced(state: ServiceState, event: Event) -> str | None:
    """The id of a trade of credit that is not what its parts come to, or lies outside the band around par."""
    if not isinstance(event, CreditTraded):
        return None
    exact = event.price * BPS == event.amount * event.price_bps
    in_band = abs(event.price_bps - BPS) <= state.rules.credit_band_bps
    return None if exact and in_band else event.trade_id


def resting(state: LedgerState) -> Iterator[str]:
    """The best pair of each series that rests and fits, by the orders alone; none while a step is due."""
    if state.credit.next_due() == 0:
        return
    best: dict[Series, dict[bool, tuple[int, tuple[int, int], str]]] = {}
    for order_id, order in state.credit.orders.items():
        if order.meets:
            is_bid = order.voucher_id is None
            place = -order.price_bps if is_bid else order.price_bps, order.time, order_id
            sides = best.setdefault(order.series, {})
            sides[is_bid] = min(place, sides.get(is_bid, place))
    for sides in best.values():
        if len(sides) == 2 and sides[False][0] <= -sides[True][0]:
            yield f"{sides[True][2]} and {sides[False][2]} rest, and fit one another"
