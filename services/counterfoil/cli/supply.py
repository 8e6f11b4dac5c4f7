"""What capacity is on offer, by public market data: open offers, their windows, and how much of them is unsold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from counterfoil.contract.times import format_hour, parse_hour
from counterfoil.core.rules import LATEST, RULES
from counterfoil.matching.times import floor_hour

if TYPE_CHECKING:
    from counterfoil.client.http import Gateway

ESTIMATE: Final = (
    "An estimate, no promise: others may trade first, and an offer of which part is sold may lack an hour."
)

EXACT: Final = "By the matching rule, on the book as it is now; no promise: others may trade first."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A block: `nodes` for `hours` in one piece, from hour `earliest`, over by hour `until`; price in micro-units.

    `min_reclaim_notice`: of offers alone that name so many hours of notice of a reclaim, or more.
    """

    class_id: str
    region: str
    currency: str
    nodes: int
    hours: int
    earliest: int
    until: int | None = None
    max_price: int | None = None
    min_reclaim_notice: int | None = None


def offered(gateway: Gateway, wanted: Wanted, time: int, wait_for: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The open offers that may have such a block, the cheapest first, then the earliest start.

    `unsold`: `all` of the offer, so that the block is free; or `part`: as many node-hours are, in hours that are not
    public. `starts`: the first hour at which the block might start.
    """
    where = {"class_id": wanted.class_id, "region": wanted.region, "currency": wanted.currency}
    rows = gateway.rows("market_offers", where, wait_for=wait_for)
    found = (row for each in rows if (row := _fitting(each, wanted, time)) is not None)
    return sorted(found, key=lambda row: (int(row["price"]), row["starts"], row["offer_id"]))


def _fitting(row: Mapping[str, Any], wanted: Wanted, time: int) -> dict[str, Any] | None:
    begins, ends = parse_hour(row["window_start"]), parse_hour(row["window_end"])
    first = max(begins, wanted.earliest, floor_hour(time, RULES[LATEST]))
    last = ends if wanted.until is None else min(ends, wanted.until)
    sold = int(row["sold_node_hours"])
    unsold = int(row["nodes"]) * (ends - begins) - sold
    fits = (
        int(row["min_nodes"]) <= wanted.nodes <= int(row["nodes"])
        and wanted.hours >= int(row["min_hours"])
        and last - first >= wanted.hours
        and unsold >= wanted.nodes * wanted.hours
        and (wanted.max_price is None or int(row["price"]) <= wanted.max_price)
        and int(row["reclaim_notice_hours"] or 0) >= (wanted.min_reclaim_notice or 0)
    )
    if not fits:
        return None
    names = ("offer_id", "class_id", "region", "currency", "price", "nodes", "gpus_per_node", "window_start")
    kept = {name: row[name] for name in (*names, "window_end")}
    return {**kept, "starts": format_hour(first), "unsold_node_hours": unsold, "unsold": "part" if sold else "all"}
