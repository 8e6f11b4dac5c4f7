"""What a provider has: nodes of a class at a site, as attested, and how many of them are on offer or sold by hour.

An offer counts from its receipt until it closes; what is sold of it counts until its contract ends, so no node is sold
twice, and none that nobody has bought any more is kept from sale.
"""

from __future__ import annotations

from dataclasses import fields

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.matching.commands import PostOffer
from counterfoil.matching.commitments import NOTHING, added, most, most_ever, removed, since
from counterfoil.matching.events import OfferReceived
from counterfoil.matching.inventory_commands import AttestInventory, PostOfferAtSite
from counterfoil.matching.inventory_events import InventoryAttested, OfferSited
from counterfoil.matching.offers import offered
from counterfoil.matching.sold import Sold
from counterfoil.matching.state import MatchingState, Stock


def attest_inventory(state: MatchingState, body: AttestInventory, actor: Party, at: At) -> Decision:
    """State what a provider has at a site; whoever is related to it states nothing of it."""
    provider = state.directory.parties.get(body.provider_id)
    if provider is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.provider_id)
    if body.class_id not in state.classes:
        return refuse(Code.UNKNOWN_CLASS, class_id=body.class_id)
    attester, attested = Held(Duty.ATTESTER, actor.party_id), Held(Duty.ATTESTED, body.provider_id)
    if (together := not_separate(state, attester, attested)) is not None:
        return together
    if "provider" not in provider.roles:
        return refuse(Code.PARTY_NOT_A_PROVIDER, party_id=body.provider_id)
    key = body.provider_id, body.site_id, body.class_id
    stock = state.stocks.get(key)
    if stock is None and state.sites_of.get(body.provider_id, 0) >= state.rules.max_stocks:
        return refuse(Code.OVER_LIMIT, limit=state.rules.max_stocks)
    counts = NOTHING if stock is None else since(stock.committed, at.time // HOUR)
    return [
        InventoryAttested(
            provider_id=body.provider_id,
            site_id=body.site_id,
            class_id=body.class_id,
            nodes=body.nodes,
            committed=most_ever(counts),
            attested_by=actor.party_id,
            source=body.source,
        )
    ]


def post_offer_at_site(state: MatchingState, body: PostOfferAtSite, actor: Party, at: At) -> Decision:
    """Receive an offer of nodes of a site, if so many are neither on offer nor sold in any of its hours."""
    plain = PostOffer(**{each.name: getattr(body, each.name) for each in fields(PostOffer)})
    decided = offered(state, plain, actor, at)
    if isinstance(decided, Refusal):
        return decided
    stock = state.stocks.get((actor.party_id, body.site_id, body.class_id))
    free = 0
    if stock is not None:
        free = max(stock.nodes - most(stock.committed, body.window_start, body.window_end - body.window_start), 0)
    if body.nodes > free:
        return refuse(Code.EXCEEDS_INVENTORY, nodes=body.nodes, free=free)
    received, *others = decided
    if not isinstance(received, OfferReceived):
        return decided
    sited = OfferSited(
        offer_id=received.offer_id, provider_id=actor.party_id, site_id=body.site_id, class_id=body.class_id
    )
    return [received, *others, sited]


# evolve -------------------------------------------------------------------------------------------------------------


def inventory_attested(state: MatchingState, event: InventoryAttested, at: At) -> None:
    """So many nodes from here on."""
    key = event.provider_id, event.site_id, event.class_id
    before = state.stocks.get(key)
    if before is None:
        state.sites_of[event.provider_id] = state.sites_of.get(event.provider_id, 0) + 1
    counts = NOTHING if before is None else before.committed
    state.stocks[key] = Stock(event.nodes, since(counts, at.time // HOUR))


def offer_sited(state: MatchingState, event: OfferSited, at: At) -> None:
    """All nodes of the offer are on offer in all of its hours."""
    state.sited[event.offer_id] = event
    received = state.offers[event.offer_id]
    _count(state, event, at, ((received.window_start, received.window_end - received.window_start, received.nodes),), 1)


def give_back(state: MatchingState, offer_id: str, at: At, nodes: int | None = None) -> None:
    """What an offer that closes has not sold, or so many nodes of all its hours, is on offer no longer."""
    event = state.sited.get(offer_id)
    if event is None:
        return
    received = state.offers[offer_id]
    whole = (received.window_start, received.window_end - received.window_start, received.nodes)
    if nodes is not None:
        runs: tuple[tuple[int, int, int], ...] = ((*whole[:2], nodes),)
    else:
        runs = state.book.residual(offer_id) if offer_id in state.admitted else (whole,)
        del state.sited[offer_id]
    _count(state, event, at, runs, -1)


def free_sold(state: MatchingState, sold: Sold, at: At) -> None:
    """The nodes of a contract that ended are sold no longer, in the hours that are still to come."""
    if sold.site_id is not None:
        _count(state, sold, at, ((sold.first_hour, sold.hours, sold.nodes),), -1)


def _count(
    state: MatchingState, where: OfferSited | Sold, at: At, runs: tuple[tuple[int, int, int], ...], sign: int
) -> None:
    key = where.provider_id, where.site_id or "", where.class_id
    stock = state.stocks[key]
    counts = since(stock.committed, at.time // HOUR)
    for first, hours, nodes in runs:
        if nodes:
            counts = (added if sign > 0 else removed)(counts, nodes, first, hours)
    state.stocks[key] = Stock(stock.nodes, counts)
