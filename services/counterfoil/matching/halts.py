"""Halts: nothing of a class, a market, a provider, or at all trades, until the operator lets it go on.

A halt takes no order off the book, and none loses its place. Orders are received, amended and cancelled, and end by
time, as ever; those that could only trade at once are refused. When the halt is over, all that fits meets by price,
then time, as if it had come to fit then.
"""

from __future__ import annotations

from collections.abc import Iterable

from counterfoil.contract.limits import MAX_PRICE
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.matching.halt_commands import HaltTrading, ResumeTrading
from counterfoil.matching.halt_events import TradingHalted, TradingResumed
from counterfoil.matching.state import ANY, Halt, MatchingState, Uncrossing


def halt_trading(state: MatchingState, body: HaltTrading, actor: Party, at: At) -> Decision:
    """Halt it, once."""
    scope = _scope(body)
    refused = _not_valid(state, body)
    if refused is not None:
        return refused
    if scope in state.halts:
        return refuse(Code.TRADING_HALTED, halt_id=state.halts[scope])
    return [
        TradingHalted(
            halt_id=at.new_id("hlt"), class_id=body.class_id, region=body.region, provider_id=body.provider_id,
            halted_by=actor.party_id, reason=body.reason,
        )
    ]  # fmt: skip


def resume_trading(state: MatchingState, body: ResumeTrading, actor: Party, _at: At) -> Decision:
    """Let it go on, where no other halt is in the way."""
    refused = _not_valid(state, body)
    if refused is not None:
        return refused
    halt_id = state.halts.get(_scope(body))
    if halt_id is None:
        return refuse(Code.TRADING_NOT_HALTED)
    return [
        TradingResumed(
            halt_id=halt_id, class_id=body.class_id, region=body.region, provider_id=body.provider_id,
            resumed_by=actor.party_id, reason=body.reason,
        )
    ]  # fmt: skip


def _not_valid(state: MatchingState, body: HaltTrading | ResumeTrading) -> Refusal | None:
    """A halt is of a class that is known, perhaps in one region, or of a party, and not of both."""
    of_class = body.class_id is not None
    if (body.region is not None and not of_class) or (body.provider_id is not None and of_class):
        return refuse(Code.HALT_NOT_VALID)
    if of_class and body.class_id not in state.classes:
        return refuse(Code.UNKNOWN_CLASS, class_id=body.class_id)
    if body.provider_id is not None and body.provider_id not in state.directory.parties:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.provider_id)
    return None


def only_halted(
    state: MatchingState, tif: str, classes: Iterable[str], regions: Iterable[str], provider_id: str = ANY
) -> Refusal | None:
    """Why an order that may not rest is not received: nothing that it could trade with may trade."""
    if tif not in ("IOC", "FOK") or not state.halts:
        return None
    markets = [(class_id, region) for class_id in classes for region in regions]
    if all(state.is_halted(*market, provider_id) for market in markets):
        return refuse(Code.TRADING_HALTED)
    return None


def _scope(of: HaltTrading | ResumeTrading | TradingHalted | TradingResumed) -> Halt:
    return of.class_id or ANY, of.region or ANY, of.provider_id or ANY


# evolve -------------------------------------------------------------------------------------------------------------


def trading_halted(state: MatchingState, event: TradingHalted, _at: At) -> None:
    """Nothing of that trades."""
    state.halts[_scope(event)] = event.halt_id


def trading_resumed(state: MatchingState, event: TradingResumed, at: At) -> None:
    """Bids that may fit what trades again are to meet the offers."""
    scope = _scope(event)
    del state.halts[scope]
    if state.bids and state.offers:
        state.uncrossing[ANY if scope == (ANY, ANY, ANY) else ":".join(scope)] = Uncrossing(at.time, MAX_PRICE, 0)
        state.line_up()
