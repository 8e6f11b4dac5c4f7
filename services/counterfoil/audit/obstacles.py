"""Why a bid and an offer do not fit, by the terms of both and the state alone: no search and no index is asked.

The first obstacle in a fixed order is the one that is named, so that an answer changes only if its cause does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple

from counterfoil.contract.times import format_hour
from counterfoil.matching.commitments import DAY_HOURS
from counterfoil.matching.orders import Bid, Offer, Run
from counterfoil.matching.position_state import day_parts
from counterfoil.matching.state import MatchingState

Cause = Literal[
    "class", "region", "currency", "reclaim_notice", "class_version", "gpus_per_node", "price", "halted", "not_listed",
    "related_to_issuer", "expired", "hours", "minimum_hours", "minimum_nodes", "nodes", "sold", "position_limit",
    "not_eligible", "taken",
]  # fmt: skip
"""Why a pair does not fit. `reclaim_notice`: the offer names less notice of a reclaim than the bid asks for; `nodes`:
it has fewer nodes than one trade of the bid needs; `sold`: it has them, but not unsold in all hours of any block;
`position_limit`: the bid's group would hold more of a day than it may, with any block that is unsold; `taken`: it
would fit, and bids before this one in line took what it needs."""
ELSEWHERE: Final[tuple[Cause, ...]] = ("class", "region", "currency")
"""Causes of offers that are no counterparts of the bid at all."""


class Obstacle(NamedTuple):
    """A cause, and what it is measured by: amounts in micro-units per GPU-hour, hours, nodes, as JSON has them."""

    cause: Cause
    figures: dict[str, Any]


def obstacle(
    state: MatchingState, bid: Bid, nodes: int, offer: Offer, left: Iterable[Run], time: int, floor_hour: int
) -> Obstacle | None:
    """Why `nodes` nodes of a bid do not fit an offer of which `left` is unsold; None if they do.

    `time`: by which both are judged, microseconds; `floor_hour`: the first hour that can still be delivered.
    """
    return (
        _no_counterpart(bid, offer)
        or _not_eligible(state, bid, offer, time)
        or _no_room(bid, nodes, offer, left, floor_hour)
        or _over_position(state, bid, nodes, offer, left, floor_hour)
    )


def _no_counterpart(bid: Bid, offer: Offer) -> Obstacle | None:
    if offer.class_id not in bid.classes:
        return Obstacle("class", {"class_id": offer.class_id})
    if offer.region not in bid.regions:
        return Obstacle("region", {"region": offer.region})
    if offer.currency != bid.currency:
        return Obstacle("currency", {"currency": offer.currency})
    if offer.reclaim_notice < bid.min_notice:
        return Obstacle("reclaim_notice", {"named": offer.reclaim_notice, "asked": bid.min_notice})
    if not bid.admits_version(offer):
        return Obstacle("class_version", {"class_id": offer.class_id, "class_version": offer.class_version})
    if offer.price > bid.limit_at(offer.class_id):
        return Obstacle("price", {"price": str(offer.price), "limit": str(bid.limit_at(offer.class_id))})
    return None


def _not_eligible(state: MatchingState, bid: Bid, offer: Offer, time: int) -> Obstacle | None:
    buyer, seller = state.bids[bid.bid_id], state.offers[offer.offer_id]
    if buyer.gpus_per_node != seller.gpus_per_node:
        return Obstacle("gpus_per_node", {"offered": seller.gpus_per_node, "wanted": buyer.gpus_per_node})
    if state.is_halted(offer.class_id, offer.region, offer.provider_id):
        return Obstacle("halted", {"provider_id": offer.provider_id})
    listing = state.listed.get((bid.programme_id, offer.provider_id))
    if listing != "listed":
        return Obstacle("not_listed", {"provider_id": offer.provider_id, "listing": listing})
    if not state.accepts(bid.programme_id, offer.provider_id):
        return Obstacle("related_to_issuer", {"provider_id": offer.provider_id})
    if any(each.good_until is not None and each.good_until <= time for each in (buyer, seller)):
        return Obstacle("expired", {})
    return None if state.eligible(bid, offer, time) else Obstacle("not_eligible", {})


def _no_room(bid: Bid, nodes: int, offer: Offer, left: Iterable[Run], floor_hour: int) -> Obstacle | None:
    least = min(bid.min_nodes, nodes) if bid.partial else nodes
    first = max(bid.earliest, floor_hour, offer.window_start)
    last = min(bid.latest, offer.window_end - bid.hours)
    if first > last:
        hours = (offer.window_start, offer.window_end, max(bid.earliest, floor_hour), bid.latest)
        names = ("window_start", "window_end", "earliest", "latest")
        return Obstacle("hours", dict(zip(names, map(format_hour, hours), strict=True)))
    if bid.hours < offer.min_hours:
        return Obstacle("minimum_hours", {"hours": bid.hours, "min_hours": offer.min_hours})
    if offer.min_nodes > nodes:
        return Obstacle("minimum_nodes", {"nodes": nodes, "min_nodes": offer.min_nodes})
    least = max(least, offer.min_nodes)
    if least > offer.nodes:
        return Obstacle("nodes", {"nodes": offer.nodes, "needed": least})
    most = _most_at_once(bid.hours, first, last, left)
    return None if most >= least else Obstacle("sold", {"left": most, "needed": least})


def _over_position(
    state: MatchingState, bid: Bid, nodes: int, offer: Offer, left: Iterable[Run], floor_hour: int
) -> Obstacle | None:
    """The first day of the first unsold block of which the bid's group would hold too much, if none is free of that."""
    room = state.room_of(bid.group_id, offer.class_id, offer.region, floor_hour)
    if room is None:
        return None
    least, over = max(min(bid.min_nodes, nodes) if bid.partial else nodes, offer.min_nodes), list[Obstacle]()
    first = max(bid.earliest, floor_hour, offer.window_start)
    for start in range(first, min(bid.latest, offer.window_end - bid.hours) + 1):
        if _most_at_once(bid.hours, start, start, left) < least:
            continue
        days = ((day, room.left[day - room.first_day], least * hours) for day, hours in day_parts(start, bid.hours))
        wrong = next((each for each in days if each[2] > each[1]), None)
        if wrong is None:
            return None
        day, may, needed = wrong
        figures = {"day": format_hour(day * DAY_HOURS), "left": max(may, 0), "needed": needed}
        over.append(Obstacle("position_limit", figures))
    return over[0] if over else None


def _most_at_once(hours: int, first: int, last: int, left: Iterable[Run]) -> int:
    """The most nodes that are unsold in every hour of a block of so many hours which starts in [first, last]."""
    by_hour = {
        start + nth: nodes
        for start, length, nodes in left
        for nth in range(length)
        if first <= start + nth < last + hours
    }
    return max(
        min(by_hour.get(hour, 0) for hour in range(start, start + hours)) for start in range(first, last + 1)
    )  # fmt: skip
