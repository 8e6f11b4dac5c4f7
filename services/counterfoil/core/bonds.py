"""By which price a bond was measured, as it says itself: the log has no second statement of it."""

from __future__ import annotations

from typing import Protocol

from counterfoil.contract.limits import BPS


class Bonded(Protocol):
    """An offer as it was received: nodes on every hour of a window, a price per GPU-hour, and the bond of all of it."""

    @property
    def price(self) -> int: ...
    @property
    def nodes(self) -> int: ...
    @property
    def gpus_per_node(self) -> int: ...
    @property
    def window_start(self) -> int: ...
    @property
    def window_end(self) -> int: ...
    @property
    def bond_bps(self) -> int: ...
    @property
    def bond(self) -> int: ...


def measured_at(offer: Bonded) -> int:
    """The price of a GPU-hour by which the bond was measured: the offer's own, unless the bond is of a higher one.

    The bonds of all that can be sold of it, rounded down, fit into the whole, which is rounded up.
    """
    share = offer.gpus_per_node * (offer.window_end - offer.window_start) * offer.nodes * offer.bond_bps
    own = -(-offer.price * share // BPS)
    return offer.price if offer.bond <= own else offer.bond * BPS // share
