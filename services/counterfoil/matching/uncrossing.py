"""Bids that rest and may fit offers that rest: what lets them, and the line in which they meet them.

A programme accepts a provider, again or for the first time; its issuer and a provider are no longer related; rules
come into force by which no pair that fits may rest. Then the bids meet all offers anew, the best limit first, before
anything else is decided: `passes` makes the entries. It is rule R10 of `naive_book`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from counterfoil.contract.events import GroupAttested
from counterfoil.contract.limits import MAX_PRICE
from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.issuance.events import ProviderListed, ProviderReinstated
from counterfoil.matching.events import UncrossingBegun, UncrossingContinued
from counterfoil.matching.orders import Bid
from counterfoil.matching.state import ANY, LAST, MatchingState, Uncrossing


def take_over_listed(state: MatchingState, event: ProviderListed | ProviderReinstated, _at: At) -> Sequence[Event]:
    """Mirror that a programme accepts a provider; its bids may fit the offers of that one."""
    is_new = state.listed.get((event.programme_id, event.provider_id)) != "listed"
    both = (ANY, event.provider_id) in state.open_orders and (event.programme_id, ANY) in state.open_orders
    return [event, *_begun([event.programme_id] if state.rules.uncrosses and is_new and both else [], state)]


def take_over_group(state: MatchingState, event: GroupAttested, _at: At) -> Sequence[Event]:
    """Mirror which group a party belongs to; who leaves that of an issuer may sell to its programmes."""
    return [event, *_begun(_parted(state, event) if state.rules.uncrosses else (), state)]


def _begun(programme_ids: Iterable[str], state: MatchingState) -> list[Event]:
    """Each of the programmes, or all if they are more than one entry holds."""
    ids = sorted(programme_ids)
    if len(ids) > state.rules.max_items_per_sweep:
        return [UncrossingBegun(programme_id=None)]
    return [UncrossingBegun(programme_id=programme_id) for programme_id in ids]


def _parted(state: MatchingState, event: GroupAttested) -> Iterator[str]:
    """The programmes with bids that may fit offers of a provider who was related to their issuer until now."""
    party_id, group = event.party_id, state.directory.group_now(event.party_id)
    if group == event.group_after:
        return
    sellers = [each for each in state.directory.related_to(party_id) if (ANY, each) in state.open_orders]
    for programme_id in state.programmes:
        issuer = state.issuer(programme_id)
        if (programme_id, ANY) not in state.open_orders or state.directory.group_now(issuer) != group:
            continue
        if any(party_id in (issuer, each) and state.listed.get((programme_id, each)) == "listed" for each in sellers):
            yield programme_id


def line_behind(state: MatchingState, place: Uncrossing, most: int) -> list[Bid]:
    """Of the bids that meet all offers anew, the next ones behind a place, the best limit first, then the eldest."""
    first = bisect_right(state.line, (-place.limit_price, place.priority, LAST))
    return [state.book.bid(bid_id) for _, _, bid_id in state.line[first : first + most]]


# evolve -------------------------------------------------------------------------------------------------------------


def uncrossing_begun(state: MatchingState, event: UncrossingBegun, at: At) -> None:
    """All bids are to meet the offers, or those of the programme."""
    state.uncrossing[event.programme_id or ANY] = Uncrossing(at.time, MAX_PRICE, 0)
    state.line_up()


def uncrossing_continued(state: MatchingState, event: UncrossingContinued, at: At) -> None:
    """They have, up to a place, or all of them."""
    for scope, (began, _, _) in list(state.uncrossing.items()):
        if event.more:
            state.uncrossing[scope] = Uncrossing(began or at.time, event.limit_price, event.priority)
        else:
            del state.uncrossing[scope]
    if not event.more:
        state.line_up()
