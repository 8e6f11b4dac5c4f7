"""Cancellations of other parties' orders, in public: who may order them. Nobody trades for another."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.hidden import not_yours
from counterfoil.matching.commands import CancelOrderFor, CancelOrdersOf
from counterfoil.matching.events import BidReceived, CancellationForced
from counterfoil.matching.leaving import REMOVALS, closing
from counterfoil.matching.state import ANY, MatchingState, owner_of


def cancel_order_for(state: MatchingState, body: CancelOrderFor, actor: Party, at: At) -> Decision:
    """Close one order, on the book or not yet; its trades stand."""
    order = state.offers.get(body.order_id) or state.bids.get(body.order_id)
    if order is None:
        return refuse(Code.UNKNOWN_ORDER, order_id=body.order_id)
    programme_id = order.programme_id if isinstance(order, BidReceived) else None
    authority = _authority(state, programme_id, actor)
    if authority is None:
        return not_yours(state.rules, Code.UNKNOWN_ORDER, order_id=body.order_id)
    forced = CancellationForced(
        cancellation_id=at.new_id("cnl"), party_id=owner_of(order), order_id=body.order_id, programme_id=programme_id,
        cancelled_by=actor.party_id, authority=authority, reason=body.reason,
    )  # fmt: skip
    return [forced, closing(state, body.order_id, REMOVALS[authority])]


def cancel_orders_of(state: MatchingState, body: CancelOrdersOf, actor: Party, at: At) -> Decision:
    """Let all open orders of a party leave, or its bids in one programme."""
    if body.party_id not in state.directory.parties:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    if body.programme_id is not None and body.programme_id not in state.programmes:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    authority = _authority(state, body.programme_id, actor)
    if authority is None:
        return refuse(Code.NOT_YOURS, party_id=body.party_id)
    if (body.programme_id or ANY, body.party_id) not in state.open_orders:
        return refuse(Code.UNKNOWN_ORDER, party_id=body.party_id)
    return [
        CancellationForced(
            cancellation_id=at.new_id("cnl"), party_id=body.party_id, order_id=None, programme_id=body.programme_id,
            cancelled_by=actor.party_id, authority=authority, reason=body.reason,
        )
    ]  # fmt: skip


def _authority(state: MatchingState, programme_id: str | None, actor: Party) -> Literal["operator", "issuer"] | None:
    """By which right the actor may cancel orders of others; `programme_id`: if they are bids in one programme alone."""
    if "operator" in actor.roles:
        return "operator"
    if programme_id is None or state.issuer(programme_id) != actor.party_id:
        return None
    return "issuer"


# evolve -------------------------------------------------------------------------------------------------------------


def cancellation_forced(state: MatchingState, event: CancellationForced, _at: At) -> None:
    """All orders that the cancellation is about are to leave; a single one is closed beside it."""
    if event.order_id is None:
        state.leave((event.programme_id or ANY, event.party_id), REMOVALS[event.authority])
