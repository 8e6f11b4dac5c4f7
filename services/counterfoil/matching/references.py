"""What a GPU-hour of an offer counts for when its bond is measured: never less than what the market makes of it.

An offer cannot choose its bond by its price. It counts for its own price, the floor price of its class, or what a
GPU-hour of its class and region costs on average in the contracts that are still to be delivered, whichever is most.
Contracts of the provider's own group do not count, nor those that were cancelled or given up, so that nobody brings its
bond down by trades with itself; each other counts by its GPU-hours. It is as of when the offer was received, or was to
have another price, whichever is more, and stays with it.
"""

from __future__ import annotations

from counterfoil.contract.record import Event
from counterfoil.core.bonds import measured_at
from counterfoil.matching.events import OfferReceived
from counterfoil.matching.performance_events import OfferClassed
from counterfoil.matching.state import MatchingState


def floor_price(state: MatchingState, class_id: str, currency: str) -> int:
    """The floor price of a class now, in micro-units per GPU-hour; 0 if it has none in the currency."""
    known = state.described.get(class_id)
    if known is None:
        return 0
    return next((each.price for each in known.floor_prices if each.currency == currency), 0)


def reference_price(state: MatchingState, provider_id: str, class_id: str, region: str, currency: str) -> int:
    """What a GPU-hour counts for at least now, in micro-units; 0 if nothing says so."""
    floor = floor_price(state, class_id, currency)
    if not state.rules.bonds_by_market:
        return floor
    own = state.directory.related_to(provider_id)
    return max(floor, state.under_contract.price((currency, class_id, region), own))


def bonded_price(state: MatchingState, received: OfferReceived, price: int) -> int:
    """The price by which an open offer's bond is measured, if it asks this price."""
    classed = state.classed.get(received.offer_id)
    floor = None if classed is None else classed.floor_price
    least = state.floors.get(received.offer_id)
    if least is None and state.rules.bonds_by_market:
        measured = measured_at(received)
        least = measured if measured > received.price else 0  # its own price counts no more once it has another
    return max(floor or 0, least or 0, price)


def with_class(state: MatchingState, received: OfferReceived) -> list[Event]:
    """An offer with the version of its class, if that says what is known of it."""
    known = state.described.get(received.class_id)
    if known is None:
        return [received]
    floor = floor_price(state, received.class_id, received.currency) or None
    classed = OfferClassed(
        offer_id=received.offer_id, class_id=received.class_id, class_version=known.version, floor_price=floor
    )
    return [received, classed]
