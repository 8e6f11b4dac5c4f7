"""The market, for anybody: what can be had at which price, what was traded, and which programmes pay now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from counterfoil.console.look import SUMMED, Look
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_
from counterfoil.contract.times import DAY
from counterfoil.gateway.levels import Market

_PROGRAMMES: Final = 200
_MARKETS: Final = (
    Column("class_id", N_("Class"), link="?class_id={class_id}&region={region}&currency={currency}"),
    Column("region", N_("Region")),
    Column("free", N_("Node-hours on offer"), "number"),
    Column("sold", N_("Sold of open offers"), "share"),
    Column("lowest", N_("Lowest offer per GPU-hour"), "amount", unit="currency"),
    Column("last", N_("Last price per GPU-hour"), "amount", unit="currency"),
    Column("trades", N_("Trades"), "number"),
)
_TRADES: Final = (
    Column("matched_at", N_("Time"), "time"),
    Column("nodes", N_("Nodes"), "number", said=True),
    Column("gpus_per_node", N_("GPUs per node"), "number", said=True),
    Column("first_hour", N_("From"), "hour"),
    Column("hours", N_("Hours"), "number", said=True),
    Column("price", N_("Price per GPU-hour"), "amount", unit="currency", said=True),
    Column("trade_id", N_("Trade"), "id", service="matching"),
)
_LEVELS: Final = (
    Column("side", N_("Side"), "word"),
    Column("price", N_("Price per GPU-hour"), "amount", unit="currency"),
    Column("orders", N_("Orders"), "number"),
    Column("nodes", N_("Nodes"), "number"),
    Column("node_hours", N_("Node-hours"), "number"),
)
_PRICES: Final = (
    Column("matched_at", N_("Time"), "time"),
    Column("price", N_("Price per GPU-hour"), "amount", unit="currency"),
    Column("gpu_hours", N_("GPU-hours"), "number"),
)
_OPEN: Final = (
    Column("title", N_("Programme"), link="/console/programmes/{programme_id}"),
    Column("issuer_id", N_("Issuer"), "id"),
    Column("appropriated", N_("Budget"), "amount", unit="currency"),
    Column("uncommitted", N_("Not committed yet"), "amount", unit="currency"),
    Column("vouchers_issued", N_("Vouchers issued"), "number"),
)


def read(look: Look) -> Mapping[str, Any]:
    """The page: all markets, one of them in detail, and the programmes that are open."""
    offers, trades = look.rows("market_offers"), look.rows("market_trades")
    markets = _markets(offers, trades)
    overview = Table("markets", N_("All markets"), _MARKETS, markets, limited=SUMMED in (len(offers), len(trades)))
    programmes = [row for row in look.rows("programmes", _PROGRAMMES) if row["status"] == "open"]
    listed = Table("programmes", N_("Programmes open now"), _OPEN, programmes)
    chosen = _chosen(look, markets)
    detail = {} if chosen is None else _detail(look, chosen)
    tables = [overview, listed, *(each for each in detail.values() if isinstance(each, Table))]
    shown = {"overview": overview, "programmes": listed, "markets": markets, "market": chosen}
    return {**shown, **detail, "tables": tables, "fill": _fill(look)}


def _markets(offers: Sequence[Mapping[str, Any]], trades: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each class, region and currency; the ones with the most on offer first."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in (*offers, *trades):
        key = tuple(str(row[name]) for name in ("class_id", "region", "currency"))
        names: dict[str, Any] = dict(zip(("class_id", "region", "currency"), key, strict=True))
        found.setdefault(key, {**names, "free": 0, "whole": 0, "done": 0, "lowest": None, "last": None, "trades": 0})
    for row in offers:
        market = found[_key(row)]
        whole, sold = _node_hours(row), int(row["sold_node_hours"])
        market["whole"] += whole
        market["done"] += sold
        market["free"] += whole - sold
        if whole > sold:
            market["lowest"] = min(filter(None, (market["lowest"], row["price"])))
    for row in trades:
        market = found[_key(row)]
        market["last"] = row["price"] if market["last"] is None else market["last"]
        market["trades"] += 1
    for market in found.values():
        market["sold"] = (market["done"], market["whole"])
    return sorted(found.values(), key=lambda each: (-each["free"], -each["trades"], each["class_id"], each["region"]))


def _key(row: Mapping[str, Any]) -> Market:
    return str(row["class_id"]), str(row["region"]), str(row["currency"])


def _node_hours(offer: Mapping[str, Any]) -> int:
    return int(offer["nodes"]) * (int(offer["window_end"]) - int(offer["window_start"]))


def _chosen(look: Look, markets: Sequence[Mapping[str, Any]]) -> Market | None:
    named = tuple(look.query.get(name, "") for name in ("class_id", "region", "currency"))
    keys = [_key(each) for each in markets]
    return next((key for key in keys if key == named), keys[0] if keys else None)


def _detail(look: Look, market: Market) -> dict[str, Any]:
    """Depth, prices and trades of one market."""
    names: dict[str, Any] = dict(zip(("class_id", "region", "currency"), market, strict=True))
    levels = look.depth(market)
    rows = [
        {"side": side.removesuffix("s"), "currency": market[2], **each, "price": int(each["price"])}
        for side in ("offers", "bids")
        for each in levels[side]
    ]
    trades = look.rows("market_trades", **names)
    prices = [{**row, "gpu_hours": _gpu_hours(row)} for row in reversed(trades)]
    return {
        "levels": Table("levels", N_("Depth by price level"), _LEVELS, rows),
        "offers": [(int(each["price"]), int(each["node_hours"])) for each in levels["offers"]],
        "bids": [(int(each["price"]), int(each["node_hours"])) for each in levels["bids"]],
        "prices": Table("prices", N_("Prices of trades"), _PRICES, prices, limited=len(prices) == SUMMED),
        "points": [(row["matched_at"], row["price"]) for row in prices],
        "trades": look.table("trades", "market_trades", N_("Latest trades"), _TRADES, **names),
        "index": _index(trades),
    }


def _gpu_hours(trade: Mapping[str, Any]) -> int:
    return int(trade["nodes"]) * int(trade["gpus_per_node"]) * int(trade["hours"])


def _index(trades: Sequence[Mapping[str, Any]]) -> dict[str, int | None]:
    """The mean price by GPU-hours of the last day with trades, and of the day before: micro-units, rounded down."""
    end = int(trades[0]["matched_at"]) if trades else 0
    days: list[list[Mapping[str, Any]]] = [[], []]
    for row in trades:
        age = (end - int(row["matched_at"])) // DAY
        if age < len(days):
            days[age].append(row)
    means = [_mean(each) for each in days]
    return {"now": means[0], "before": means[1]}


def _mean(trades: Sequence[Mapping[str, Any]]) -> int | None:
    hours = sum(_gpu_hours(row) for row in trades)
    return sum(int(row["price"]) * _gpu_hours(row) for row in trades) // hours if hours else None


def _fill(look: Look) -> tuple[int, int] | None:
    """Nodes filled and asked for of the newest bids that ended; None for who may not read bids."""
    if not look.everything:
        return None
    ended = [row for status in ("filled", "closed") for row in look.rows("bids", status=status)]
    return sum(int(row["nodes_filled"]) for row in ended), sum(int(row["nodes"]) for row in ended)
