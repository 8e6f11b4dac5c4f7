"""Market depth: the open orders of one class, region and currency, by price level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from counterfoil.ports import Row, View, ViewReader

_PAGE: Final = 500


def depth_of(
    views: ViewReader, definitions: Sequence[View], class_id: str, region: str, currency: str
) -> dict[str, list[dict[str, Any]]]:
    """Offers rising and bids falling in price. A bid counts in every market where it may match.

    Per level: how many `orders`, their `nodes`, and `node_hours` not sold or not filled yet. Offers that are sold out
    are left out; hours that passed unsold are included.
    """
    offers: dict[int, list[int]] = {}
    bids: dict[int, list[int]] = {}
    wanted = {"class_id": class_id, "region": region, "currency": currency, "status": "open"}
    for row in _rows(views, definitions, "offers", wanted):
        nodes, hours = _number(row["nodes"]), _number(row["window_end"]) - _number(row["window_start"])
        _count(offers, row["price"], nodes, nodes * hours - _number(row["sold_node_hours"]))
    for row in _rows(views, definitions, "bids", {"currency": currency, "status": "open"}):
        if class_id in _names(row["classes"]) and region in _names(row["regions"]):
            nodes = _number(row["nodes_left"])
            _count(bids, row["limit_price"], nodes, nodes * _number(row["hours"]))
    return {
        "offers": [_level(price, offers[price]) for price in sorted(offers)],
        "bids": [_level(price, bids[price]) for price in sorted(bids, reverse=True)],
    }


def _rows(views: ViewReader, definitions: Sequence[View], name: str, filters: Mapping[str, object]) -> Iterator[Row]:
    view = next(each for each in definitions if each.name == name)
    after: tuple[object, ...] | None = None
    while page := views.page(name, filters, after, _PAGE):
        yield from page
        after = tuple(page[-1][column] for column in view.key)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _names(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _count(levels: dict[int, list[int]], price: object, nodes: int, node_hours: int) -> None:
    if node_hours > 0:
        level = levels.setdefault(_number(price), [0, 0, 0])
        for at, more in enumerate((1, nodes, node_hours)):
            level[at] += more


def _level(price: int, level: list[int]) -> dict[str, Any]:
    orders, nodes, node_hours = level
    return {"price": str(price), "orders": orders, "nodes": nodes, "node_hours": node_hours}
