"""Price collars: outside auctions, too, no order has a price far from what its market has traded at.

The reference of a market (a class in a region, in a currency) is the mean price of its last auction that traded: one
that many orders made at once, and no single trade moves. Before any, the operator may name one, in public. A market
without a reference has no collar. An order is judged as it is received or is to have another price; what rests stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from counterfoil.contract.limits import BPS
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.units import METERED, PAR, unknown_unit
from counterfoil.matching import checks
from counterfoil.matching.auction_events import AuctionScheduled
from counterfoil.matching.collar_commands import SetPriceCollar
from counterfoil.matching.collar_events import PriceCollarSet, ReferencePriceSet
from counterfoil.matching.collar_state import Collar, ReferencePrice
from counterfoil.matching.state import MatchingState


def set_price_collar(state: MatchingState, body: SetPriceCollar, actor: Party, _at: At) -> Decision:
    """Set the next version of a market's collar, and its reference price where it has none of an auction."""
    market = body.class_id, body.region, body.currency
    had, reference = state.collars.get(market), state.reference_prices.get(market)
    refused = _unfit(state, body) or (
        refuse(Code.OVER_LIMIT, limit=state.rules.max_collars)
        if had is None and len(state.collars) >= state.rules.max_collars
        else None
    )
    if refused is not None:
        return refused
    if body.collar_bps is None and (had is None or had.collar_bps is None or body.reference_price is not None):
        return refuse(Code.COLLAR_NOT_VALID, field="collar_bps")
    if body.reference_price is not None and reference is not None and reference.of_auction:
        return refuse(Code.COLLAR_NOT_VALID, field="reference_price")
    same = {"class_id": body.class_id, "region": body.region, "currency": body.currency}
    collar = PriceCollarSet(
        **same, version=1 if had is None else had.version + 1, collar_bps=body.collar_bps, set_by=actor.party_id,
        reason=body.reason,
    )  # fmt: skip
    if body.reference_price is None:
        return [collar]
    return [collar, ReferencePriceSet(**same, price=body.reference_price, auction_id=None)]


def _unfit(state: MatchingState, body: SetPriceCollar) -> Refusal | None:
    if body.class_id not in state.classes:
        return refuse(Code.UNKNOWN_CLASS, class_id=body.class_id)
    if body.currency in METERED:
        return refuse(Code.PRICE_NOT_AT_PAR, par=PAR)
    price = body.reference_price
    return unknown_unit(state, body.currency) or (
        None if price is None else checks.off_tick(state, body.currency, price)
    )


def outside(state: MatchingState, currency: str, regions: Iterable[str], limits: Mapping[str, int]) -> Refusal | None:
    """The price of an order, by class (micro-units per GPU-hour), is within the collar of each market it names."""
    if not state.collars:
        return None
    for class_id in sorted(limits):
        for region in sorted(regions):
            collar, reference = state.collars.get((class_id, region, currency)), None
            if collar is not None and collar.collar_bps is not None:
                reference = state.reference_prices.get((class_id, region, currency))
            if collar is None or collar.collar_bps is None or reference is None:
                continue
            least, most = band(reference.price, collar.collar_bps)
            if not least <= limits[class_id] <= most:
                return refuse(Code.PRICE_OUTSIDE_COLLAR, class_id=class_id, least=least, most=most)
    return None


def band(reference: int, collar_bps: int) -> tuple[int, int]:
    """The least and the most that a price may be: rounded towards the reference."""
    return -(-reference * max(BPS - collar_bps, 0) // BPS), reference * (BPS + collar_bps) // BPS


def references_of(scheduled: AuctionScheduled, mean: int) -> list[ReferencePriceSet]:
    """What an auction that traded at this mean price says of each of its classes."""
    return [
        ReferencePriceSet(
            class_id=class_id, region=scheduled.region, currency=scheduled.currency, price=mean,
            auction_id=scheduled.auction_id,
        )
        for class_id in scheduled.classes
    ]  # fmt: skip


# evolve -------------------------------------------------------------------------------------------------------------


def price_collar_set(state: MatchingState, event: PriceCollarSet, _at: At) -> None:
    """Later orders are judged by it."""
    state.collars[event.class_id, event.region, event.currency] = Collar(event.version, event.collar_bps)


def reference_price_set(state: MatchingState, event: ReferencePriceSet, _at: At) -> None:
    """Later orders are judged by it."""
    market = event.class_id, event.region, event.currency
    state.reference_prices[market] = ReferencePrice(event.price, event.auction_id is not None)
