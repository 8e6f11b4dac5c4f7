"""Trades that take a group beyond its share of a market, in an entry that the decision made again does not have."""

from __future__ import annotations

from counterfoil.contract.entry import Entry
from counterfoil.matching.commitments import by_day
from counterfoil.matching.events import TradeMatched
from counterfoil.matching.position_state import day_parts, most
from counterfoil.matching.state import MatchingState


def exceeded(state: object, decided: Entry, entry: Entry) -> tuple[str, str] | None:
    """`position_exceeded`: the first such trade, by sums over what each party of the group holds.

    `state`: after the decision made again.
    """
    if not isinstance(state, MatchingState):
        return None
    made = {(each.bid_id, each.offer_id) for each in decided.events if isinstance(each, TradeMatched)}
    for each in entry.events:
        if isinstance(each, TradeMatched) and (each.bid_id, each.offer_id) not in made:
            found = _beyond(state, each)
            if found is not None:
                return "position_exceeded", found
    return None


def _beyond(state: MatchingState, trade: TradeMatched) -> str | None:
    market = trade.class_id, trade.region
    limit = state.positions.bounded(market)
    if limit is None:
        return None
    group = [(*market, party_id) for party_id in state.directory.related_to(trade.beneficiary_id)]
    holdings = [each for key in group if (each := state.positions.holdings.get(key)) is not None]
    for day, hours in day_parts(trade.first_hour, trade.hours):
        (offered,) = by_day(limit.counted, day, 1)
        held = sum(by_day(each.held, day, 1)[0] for each in holdings)
        after, allowed = held + hours * trade.nodes, most(limit, offered)
        if after > allowed:
            return f"{trade.trade_id} gives a group {after} node-hours of a day, and it may hold {allowed}"
    return None
