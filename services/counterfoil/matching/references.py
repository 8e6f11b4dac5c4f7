"""What a GPU-hour of an offer counts for when its bond is measured: never less than the floor price of its class.

An offer cannot choose its bond by its price. The floor is that of the class's version in force when the offer was
received, or was to have another price, whichever is more, and stays with it. A class, or a currency, without a floor
price leaves the offer's own.
"""

from __future__ import annotations

from counterfoil.contract.record import Event
from counterfoil.matching.events import OfferReceived
from counterfoil.matching.performance_events import OfferClassed
from counterfoil.matching.state import MatchingState


def floor_price(state: MatchingState, class_id: str, currency: str) -> int:
    """The floor price of a class now, in micro-units per GPU-hour; 0 if it has none in the currency."""
    known = state.described.get(class_id)
    if known is None:
        return 0
    return next((each.price for each in known.floor_prices if each.currency == currency), 0)


def bonded_price(state: MatchingState, received: OfferReceived, price: int) -> int:
    """The price by which an open offer's bond is measured, if it asks this price."""
    classed = state.classed.get(received.offer_id)
    floor = None if classed is None else classed.floor_price
    return max(floor or 0, state.floors.get(received.offer_id, 0), price)


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
