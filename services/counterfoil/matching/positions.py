"""Position limits: what one group of related parties may hold at once of a market, of each delivery day.

A *position* is what was bought of a class in a region and not given up: node-hours, by delivery day. Where the operator
has set a limit, no trade of continuous matching takes a group beyond its share of what is on offer and sold for that
day. A bid passes over starts, and offers, with which it would; it rests, and keeps its place.

What may let such a bid fit is taken account of at a full hour at the earliest, by a timer: more on offer, and contracts
that ended. Then, as when a limit is set, or a party leaves a group, the market's bids meet the offers anew. So no order
that comes or goes makes others be looked at again. Auctions have caps of their own; what is bought there is held, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.limits import MAX_POSITION_DAYS, MAX_PRICE
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.matching.auction_events import Trade
from counterfoil.matching.commitments import DAY_HOURS, NOTHING, Committed, added, by_day, removed, since
from counterfoil.matching.events import OfferReceived
from counterfoil.matching.orders import Run
from counterfoil.matching.position_commands import SetPositionLimit
from counterfoil.matching.position_events import PositionLimitSet, PositionsCounted
from counterfoil.matching.position_state import Holding, Limit, Market, horizon_days
from counterfoil.matching.sold import Sold
from counterfoil.matching.state import ANY, MatchingState, Uncrossing


def set_position_limit(state: MatchingState, body: SetPositionLimit, actor: Party, at: At) -> Decision:
    """Set the next version of a market's limit, and count the market."""
    market = body.class_id, body.region
    limits, most = state.positions.limits, state.rules.max_position_limits
    had = limits.get(market)
    if body.class_id not in state.classes:
        return refuse(Code.UNKNOWN_CLASS, class_id=body.class_id)
    if had is None and len(limits) >= most:
        return refuse(Code.OVER_LIMIT, limit=most)
    if body.share_bps is None and (had is None or had.share_bps is None):
        return refuse(Code.POSITION_LIMIT_NOT_VALID, field="share_bps")
    limit = PositionLimitSet(
        class_id=body.class_id, region=body.region, version=1 if had is None else had.version + 1,
        share_bps=body.share_bps, least=body.least, set_by=actor.party_id, reason=body.reason,
    )  # fmt: skip
    if body.share_bps is None:
        return [limit]
    offered = had.offered if had is not None else _offered(state, market, at)
    return [limit, _counted(market, offered, at)]


def count_positions(state: MatchingState, cutoff: int, at: At) -> Sequence[Event]:
    """Timer: count the markets in which something has changed, as many as one entry holds."""
    due = [
        market
        for market, each in sorted(state.positions.limits.items())
        if each.changed and each.share_bps is not None and (each.counted_at + 1) * HOUR <= cutoff
    ]
    return [
        _counted(market, state.positions.limits[market].offered, at)
        for market in due[: state.rules.max_items_per_sweep]
    ]


def _counted(market: Market, offered: Committed, at: At) -> PositionsCounted:
    first = _today(at)
    told = by_day(since(offered, first), first // DAY_HOURS, MAX_POSITION_DAYS)
    while told and not told[-1]:
        told.pop()
    return PositionsCounted(class_id=market[0], region=market[1], first_hour=first, node_hours=tuple(told))


def _today(at: At) -> int:
    """The first hour of the day of an entry."""
    return at.time // HOUR // DAY_HOURS * DAY_HOURS


def _offered(state: MatchingState, market: Market, at: At) -> Committed:
    """What is on offer in the book, and what is sold, by hour, from today on: each order and contract looked at."""
    counts = since(NOTHING, _today(at))
    for offer_id, received in state.offers.items():
        if (received.class_id, received.region) == market and state.book.offer(offer_id) is not None:
            for first, hours, nodes in state.book.residual(offer_id):
                counts = added(counts, nodes, first, hours)
    for sold in state.sold.values():
        if (sold.class_id, sold.region) == market:
            counts = added(counts, sold.nodes, sold.first_hour, sold.hours)
    return counts


# evolve -------------------------------------------------------------------------------------------------------------


def position_limit_set(state: MatchingState, event: PositionLimitSet, at: At) -> None:
    """Later trades are judged by it; of a market that never had one, what is held is counted up."""
    market, positions = (event.class_id, event.region), state.positions
    had = positions.limits.get(market)
    if had is None:
        offered = _offered(state, market, at)
        for sold in state.sold.values():
            if (sold.class_id, sold.region) == market:
                _holds(state, sold.beneficiary_id, market, (sold.first_hour, sold.hours, sold.nodes), at)
    else:
        offered = had.offered
    counted = NOTHING if had is None else had.counted
    positions.limits[market] = Limit(
        event.version,
        event.share_bps,
        event.least,
        at.time // HOUR,
        True,
        offered,
        counted,
    )
    positions.changes(market)
    _meet_anew(state, market, at)


def positions_counted(state: MatchingState, event: PositionsCounted, at: At) -> None:
    """Shares are of what is counted now; what ended is held no longer. If a group may get more, bids meet offers."""
    market, today, positions = (event.class_id, event.region), _today(at), state.positions
    limit = positions.limits[market]
    offered = since(limit.offered, today)
    days = horizon_days(state.rules)
    before = by_day(since(limit.counted, today), today // DAY_HOURS, days)
    looser = any(new > old for new, old in zip(by_day(offered, today // DAY_HOURS, days), before, strict=True))
    for party_id in positions.holders(market):
        holding = positions.holdings[*market, party_id]
        held, looser = since(holding.held, today), looser or bool(holding.ended.planes)
        for nodes, first, hours in _runs(since(holding.ended, today)):
            held = removed(held, nodes, first, hours)
        positions.hold(market, party_id, Holding(held, NOTHING))
    positions.limits[market] = limit._replace(
        counted_at=at.time // HOUR, changed=False, offered=offered, counted=offered
    )
    positions.changes(market)
    if looser:
        _meet_anew(state, market, at)


def _runs(counts: Committed) -> list[tuple[int, int, int]]:
    """Nodes, first hour and hours of stretches that make these counts together."""
    runs = []
    for digit, plane in enumerate(counts.planes):
        left = plane
        while left:
            start = (left & -left).bit_length() - 1
            length = (~(left >> start) & (left >> start) + 1).bit_length() - 1
            runs.append((1 << digit, counts.origin + start, length))
            left &= ~(((1 << length) - 1) << start)
    return runs


def on_offer(state: MatchingState, received: OfferReceived, runs: Sequence[Run], sign: int, at: At) -> None:
    """An offer brings to the book, or takes from it, nodes in stretches of hours that are not sold."""
    market = received.class_id, received.region
    limit = state.positions.limits.get(market)
    if limit is None:
        return
    counts = since(limit.offered, _today(at))
    for first, hours, nodes in runs:
        if nodes:
            counts = (added if sign > 0 else removed)(counts, nodes, first, hours)
    state.positions.limits[market] = limit._replace(changed=True, offered=counts)


def bought(state: MatchingState, event: Trade, at: At, *, of_book: bool) -> None:
    """The buyer's group holds what it bought; what is bought of no offer in the book comes to what is there."""
    market = event.class_id, event.region
    limit = state.positions.limits.get(market)
    if limit is None:
        return
    run = event.first_hour, event.hours, event.nodes
    _holds(state, event.beneficiary_id, market, run, at)
    if not of_book:
        counts = added(since(limit.offered, _today(at)), event.nodes, event.first_hour, event.hours)
        state.positions.limits[market] = limit._replace(changed=True, offered=counts)


def given_up(state: MatchingState, sold: Sold, at: At) -> None:
    """A contract ended: the hours still to come are held until the market is counted, and sold no longer."""
    market = sold.class_id, sold.region
    limit = state.positions.limits.get(market)
    first, end = max(sold.first_hour, at.time // HOUR), sold.first_hour + sold.hours
    if limit is None or first >= end:
        return
    holding = state.positions.holdings[*market, sold.beneficiary_id]
    ended = added(since(holding.ended, _today(at)), sold.nodes, first, end - first)
    state.positions.hold(market, sold.beneficiary_id, holding._replace(ended=ended))
    counts = removed(since(limit.offered, _today(at)), sold.nodes, first, end - first)
    state.positions.limits[market] = limit._replace(changed=True, offered=counts)


def regrouped(state: MatchingState, before: Sequence[str], at: At) -> None:
    """A party is in another group than `before`: what it holds counts there, and either may get more."""
    for market in state.positions.limits:
        state.positions.changes(market)
        if state.positions.bounded(market) and any((*market, each) in state.positions.holdings for each in before):
            _meet_anew(state, market, at)


def _holds(state: MatchingState, party_id: str, market: Market, run: Run, at: At) -> None:
    first, hours, nodes = run
    positions = state.positions
    before = positions.holdings.get((*market, party_id)) or Holding(NOTHING, NOTHING)
    held = added(since(before.held, _today(at)), nodes, first, hours)
    positions.hold(market, party_id, before._replace(held=held))
    positions.changes(market, state.directory.group_now(party_id))


def _meet_anew(state: MatchingState, market: Market, at: At) -> None:
    """The bids that may buy of a market are to meet the offers."""
    if state.bids and state.offers:
        state.uncrossing[":".join((*market, ANY))] = Uncrossing(at.time, MAX_PRICE, 0)
        state.line_up()
