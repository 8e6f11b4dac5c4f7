"""The market, for anybody: what can be had at which price, what was traded, and which programmes pay now."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from counterfoil.console import auctions, credit
from counterfoil.console.look import Look
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_
from counterfoil.contract.times import DAY
from counterfoil.gateway.bounds import MAX_LEVELS
from counterfoil.gateway.levels import Market, OnOffer

_PROGRAMMES: Final = 200
_CENT: Final = 10_000
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_MARKETS: Final = (
    Column("class_id", N_("Class"), link="?class_id={class_id}&region={region}&currency={currency}"),
    Column("region", N_("Region")),
    Column("free", N_("Node-hours on offer"), "number"),
    Column("sold", N_("Sold of offers with free hours"), "share"),
    Column("lowest", N_("Lowest offer per GPU-hour"), "amount", unit="currency"),
    Column("last", N_("Last price per GPU-hour"), "amount", unit="currency"),
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
_INDEX: Final = (
    Column("day", N_("Day, UTC"), "time"),
    Column("index", N_("Mean price by GPU-hours"), "amount", unit="currency"),
    Column("gpu_hours", N_("GPU-hours"), "number"),
)
_FILLED: Final = (
    Column("day", N_("Week from, UTC"), "time"),
    Column("filled", N_("Nodes filled"), "number"),
    Column("asked", N_("Nodes asked for"), "number"),
    Column("share", N_("Fill rate"), "share"),
)
_WEEK, _TO_MONDAY = 7 * DAY, 3 * DAY  # 1970 began with a Thursday
_OPEN: Final = (
    Column("title", N_("Programme"), link="/console/programmes/{programme_id}"),
    Column("issuer_id", N_("Issuer"), "id"),
    Column("appropriated", N_("Budget"), "amount", unit="currency"),
    Column("uncommitted", N_("Not committed yet"), "amount", unit="currency"),
    Column("vouchers_issued", N_("Vouchers issued"), "number"),
)


def read(look: Look) -> Mapping[str, Any]:
    """The page: all markets, one of them in detail, and the programmes that are open."""
    on_offer, trades = look.on_offer(), look.rows("market_trades")
    known = sorted({*on_offer, *map(_key, trades)}, key=lambda each: (-_free(on_offer, each), each))
    chosen = _asked(look) or next(iter(known), None)
    markets = [chosen, *(each for each in known if each != chosen)] if chosen else []
    rows, older = look.part("markets", markets)
    shown = [_market(look, each, on_offer) for each in rows]
    overview = Table("markets", N_("All markets"), _MARKETS, shown, older)
    programmes = look.rows("programmes", _PROGRAMMES)
    listed = Table(
        "programmes",
        N_("Programmes open now"),
        _OPEN,
        [row for row in programmes if row["status"] == "open"],
        limited=programmes.limited,
    )
    detail = {} if chosen is None else _detail(look, chosen, _free(on_offer, chosen))
    halts = auctions.halts_of(look, status="halted")
    batches = auctions.auctions_of(look)
    handed = credit.trades_of(look)
    tables = [overview, listed, halts, batches, handed, *(each for each in detail.values() if isinstance(each, Table))]
    page = {
        "halts": halts,
        "auctions": batches,
        "credit": handed,
        "overview": overview,
        "programmes": listed,
        "market": chosen,
        "choices": _choices(markets),
    }
    fill = _fill(look)
    tables += [fill] if fill else []
    return {**page, **detail, "tables": tables, "fill": fill}


def _choices(markets: Sequence[Market]) -> tuple[list[str], ...]:
    """Classes, regions and currencies, each once."""
    return tuple(list(dict.fromkeys(market[nth] for market in markets)) for nth in range(3))


def _free(on_offer: Mapping[Market, OnOffer], market: Market) -> int:
    return on_offer[market].free if market in on_offer else 0


def _market(look: Look, market: Market, on_offer: Mapping[Market, OnOffer]) -> dict[str, Any]:
    """The row of a market: what is on offer, and its last trade, by a read of its own: others' trades hide nothing."""
    names = _names(market)
    lowest, free, sold = on_offer.get(market, (None, 0, 0))
    last = next(iter(look.rows("market_trades", 1, **names)), None)
    values = {"free": free, "sold": (sold, free + sold), "lowest": lowest}
    return {**names, **values, "last": None if last is None else last["price"]}


def _names(market: Market) -> dict[str, Any]:
    return dict(zip(("class_id", "region", "currency"), market, strict=True))


def _key(row: Mapping[str, Any]) -> Market:
    return str(row["class_id"]), str(row["region"]), str(row["currency"])


def _asked(look: Look) -> Market | None:
    """The market that the address names, whether or not anything is there; None unless it names one in full."""
    class_id, region, currency = (look.query.get(name, "") for name in ("class_id", "region", "currency"))
    found = class_id, region, currency
    return found if all(map(_NAME.fullmatch, found)) else None


def _detail(look: Look, market: Market, free: int) -> dict[str, Any]:
    """Depth, prices and trades of one market. `free`: node hours of all its open offers."""
    names = _names(market)
    levels = look.depth(market)
    rows = [
        {"side": side.removesuffix("s"), "currency": market[2], **each, "price": int(each["price"])}
        for side in ("offers", "bids")
        for each in levels[side]
    ]
    trades = look.rows("market_trades", **names)
    prices = [{**row, "gpu_hours": _gpu_hours(row)} for row in reversed(trades)]
    daily = _daily(trades)
    return {
        "free": free,
        "least": MAX_LEVELS if len(levels["bids"]) >= MAX_LEVELS else 0,
        "levels": Table("levels", N_("Depth by price level"), _LEVELS, rows),
        "offers": [(int(each["price"]), int(each["node_hours"])) for each in levels["offers"]],
        "bids": [(int(each["price"]), int(each["node_hours"])) for each in levels["bids"]],
        "prices": Table("prices", N_("Prices of trades"), _PRICES, prices, limited=trades.limited),
        "points": [(row["matched_at"], row["price"]) for row in prices],
        "daily": Table("daily", N_("Mean price by day"), _INDEX, daily, limited=trades.limited),
        "means": [(row["day"], row["index"]) for row in daily],
        "trades": look.table("trades", "market_trades", N_("Latest trades"), _TRADES, **names),
        "index": _index(trades),
    }


def _gpu_hours(trade: Mapping[str, Any]) -> int:
    return int(trade["nodes"]) * int(trade["gpus_per_node"]) * int(trade["hours"])


def _index(trades: Sequence[Mapping[str, Any]]) -> dict[str, int | None]:
    """The mean price by GPU-hours of the last day with trades, and of the day before: micro-units."""
    end = int(trades[0]["matched_at"]) if trades else 0
    days: list[list[Mapping[str, Any]]] = [[], []]
    for row in trades:
        age = (end - int(row["matched_at"])) // DAY
        if age < len(days):
            days[age].append(row)
    means = [_mean(each) for each in days]
    return {"now": means[0], "before": means[1]}


def _daily(trades: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The index of each day with trades, the oldest first."""
    days: dict[int, list[Mapping[str, Any]]] = {}
    for row in reversed(trades):
        days.setdefault(int(row["matched_at"]) // DAY * DAY, []).append(row)
    return [
        {"day": day, "index": _mean(rows), "gpu_hours": sum(map(_gpu_hours, rows)), "currency": rows[0]["currency"]}
        for day, rows in days.items()
    ]


def _mean(trades: Sequence[Mapping[str, Any]]) -> int | None:
    """Micro-units, rounded down to hundredths: more digits say nothing of a mean."""
    hours = sum(_gpu_hours(row) for row in trades)
    paid = sum(int(row["price"]) * _gpu_hours(row) for row in trades)
    return paid // hours // _CENT * _CENT if hours else None


def _fill(look: Look) -> Table | None:
    """By week in which they came, nodes filled and asked for of the newest bids that ended; None without them."""
    if not look.everything:
        return None  # who may not read bids
    found = [look.rows("bids", status=status) for status in ("filled", "closed")]
    weeks: dict[int, list[int]] = {}
    for row in (row for rows in found for row in rows):
        monday = (int(row["received_at"]) + _TO_MONDAY) // _WEEK * _WEEK - _TO_MONDAY
        sums = weeks.setdefault(monday, [0, 0])
        sums[0] += int(row["nodes_filled"])
        sums[1] += int(row["nodes"])
    rows = [
        {"day": day, "filled": filled, "asked": asked, "share": (filled, asked)}
        for day, (filled, asked) in sorted(weeks.items())
    ]
    return Table(
        "fill", N_("Fill rate of bids that ended, by week"), _FILLED, rows, limited=max(each.limited for each in found)
    )
