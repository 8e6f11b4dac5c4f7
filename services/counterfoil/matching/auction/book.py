"""What an auction is decided from: its orders and parameters, frozen when it clears.

Units: a slot is the number of a delivery hour, from 0; quantities are whole nodes; prices are integers per GPU-hour.
The number of GPUs of a node is the same for all orders of an auction, and is left out: sums are per GPU of a node.
`seq` is the place of an order in the total order of orders, and unique.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Caps = Literal["none", "pro_rata", "maxmin"]
"""Whether groups are capped in scarcity, and how the last price level is shared then: pro rata or max-min."""


class Ask(NamedTuple):
    """`nodes` nodes in each slot of [first, end), divisible by hour and node, at no less than `price`."""

    order_id: str
    seq: int
    group: str
    price: int
    nodes: int
    first: int
    end: int


class Hourly(NamedTuple):
    """Up to `nodes` nodes in one slot, divisible, at no more than `limit`."""

    order_id: str
    seq: int
    group: str
    limit: int
    nodes: int
    slot: int


class Block(NamedTuple):
    """`nodes` nodes of one ask for `hours` contiguous slots that start in [earliest, latest], whole or not at all.

    On average over its slots at no more than `limit`.
    """

    order_id: str
    seq: int
    group: str
    limit: int
    nodes: int
    hours: int
    earliest: int
    latest: int


class Point(NamedTuple):
    """A point of the reserve function: a price of `factor_bps` of the reserve price at a utilisation."""

    utilisation_bps: int
    factor_bps: int


class Parameters(NamedTuple):
    """What is laid down before an auction. Prices are integers per GPU-hour, `tick` their unit.

    `reference`: the price of the last auction of this market. `cap_bps`: of the nodes offered in a slot, what one group
    of related parties may have in scarcity before all others are served. `reserve`: the reserve price, to be multiplied
    by the function through `points` at the utilisation of each slot; 0 without one. `rsi_bps`, `cover_bps`: there is
    scarcity if the residual supply index or the cover is below. `pivotal_bps`: how far above the reference a supplier
    may ask in scarcity without whom demand is not covered so well.
    """

    tick: int
    reference: int
    caps: Caps = "none"
    cap_bps: int = 0
    reserve: int = 0
    points: tuple[Point, ...] = ()
    rsi_bps: int = 0
    cover_bps: int = 0
    pivotal_bps: int = 0


class AuctionBook(NamedTuple):
    """All orders of an auction, each kind by `seq`, and its parameters. `slots`: the number of delivery hours."""

    slots: int
    asks: tuple[Ask, ...]
    hourly: tuple[Hourly, ...]
    blocks: tuple[Block, ...]
    parameters: Parameters


class Placement(NamedTuple):
    """An accepted block: from which slot on, and the nodes of which ask."""

    block_id: str
    start: int
    ask_id: str


class Slot(NamedTuple):
    """The outcome of one slot: its price, and the nodes that each hourly order and each ask has, blocks apart.

    `floor`: the price may not be lower, for the reserve, or for asks whose nodes a block has.
    """

    price: int
    floor: int
    bought: tuple[tuple[str, int], ...]
    sold: tuple[tuple[str, int], ...]


class Settlement(NamedTuple):
    """The outcome of an auction: blocks and slots, by order of the book, and the sum of what it is worth to all."""

    placements: tuple[Placement, ...]
    slots: tuple[Slot, ...]
    surplus: int


BPS: Final = 10_000
