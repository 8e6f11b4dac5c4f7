"""Why open orders must leave the book, many at once, that no match has ended, and the timer that ends them.

The timer is due before anything else. So no order trades that must leave, and none is received meanwhile. Of a party or
a programme it ends the first received first; nobody else's orders are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final, Literal

from counterfoil.contract.events import PartyClosed, PartySuspended
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.events import ProgrammePaused, ProgrammeResumed
from counterfoil.ledger.closing_events import ProgrammeClosed
from counterfoil.matching.commands import CancelOwnOrders
from counterfoil.matching.events import BidClosed, OfferClosed, OwnOrdersCancelled, Removal
from counterfoil.matching.state import ANY, MatchingState

REMOVALS: Final[Mapping[Literal["operator", "issuer"], Removal]] = {
    "operator": "cancelled_by_operator",
    "issuer": "cancelled_by_issuer",
}
"""By whose authority orders are cancelled for others."""


def cancel_own_orders(state: MatchingState, body: CancelOwnOrders, actor: Party, _at: At) -> Decision:
    """Let all open orders of the party leave, on the book or not yet, or its bids in one programme; trades stand."""
    if body.programme_id is not None and body.programme_id not in state.programmes:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    if (body.programme_id or ANY, actor.party_id) not in state.open_orders:
        return refuse(Code.UNKNOWN_ORDER, party_id=actor.party_id)
    orders = state.open_orders[body.programme_id or ANY, actor.party_id]
    if all(state.auctions.is_fixed(order_id) for order_id in orders):
        return refuse(Code.AUCTION_NOT_OPEN, party_id=actor.party_id)
    return [OwnOrdersCancelled(party_id=actor.party_id, programme_id=body.programme_id)]


def end_orders(state: MatchingState, _cutoff: int, _at: At) -> Sequence[Event]:
    """Timer: close the orders that must leave, as many as one entry holds."""
    events = dict[str, Event]()  # an order may have to leave for two reasons
    for scope in sorted(state.leaving):
        room = state.rules.max_items_per_sweep - len(events)
        for order_id in islice(state.must_leave(scope), room):
            events.setdefault(order_id, closing(state, order_id, state.leaving[scope]))
    return list(events.values())


def closing(state: MatchingState, order_id: str, reason: Removal) -> Event:
    """The event that closes an open order."""
    if order_id in state.bids:
        return BidClosed(bid_id=order_id, reason=reason)
    return OfferClosed(offer_id=order_id, reason=reason)


def take_over_closed(state: MatchingState, event: ProgrammeClosed, _at: At) -> Sequence[Event]:
    """Mirror that a programme is closed; nothing of another shard's."""
    return [event] if event.programme_id in state.programmes else []


# evolve -------------------------------------------------------------------------------------------------------------


def own_orders_cancelled(state: MatchingState, event: OwnOrdersCancelled, at: At) -> None:
    """The party's orders are to leave, or its bids in the programme; not what the same batch brings after it."""
    state.leave((event.programme_id or ANY, event.party_id), "cancelled", before=(at.index, at.item))


def party_closed(state: MatchingState, event: PartyClosed, _at: At) -> None:
    """The party's orders are to leave."""
    state.directory.closed(event)
    state.leave((ANY, event.party_id), "party_closed")


def party_suspended(state: MatchingState, event: PartySuspended, _at: At) -> None:
    """The same."""
    state.directory.suspended(event)
    state.leave((ANY, event.party_id), "party_suspended")


def programme_paused(state: MatchingState, event: ProgrammePaused, _at: At) -> None:
    """The programme's bids are to leave."""
    state.paused[event.programme_id] = True
    state.leave((event.programme_id, ANY), "programme_paused")


def programme_resumed(state: MatchingState, event: ProgrammeResumed, _at: At) -> None:
    """The programme funds bids again."""
    del state.paused[event.programme_id]


def programme_closed(state: MatchingState, event: ProgrammeClosed, _at: At) -> None:
    """The programme takes no bids any more; there are none, since nothing was held for any."""
    state.phases[event.programme_id] = "closed"
