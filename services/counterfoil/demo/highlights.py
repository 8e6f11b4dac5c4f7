"""What the story shows beside the usual run of a market: scarcity, a withdrawal, substitutes, credit handed on.

Plain data from the views, without ids or times that depend on the speed of services. Amounts are micro-units as text,
prices per card-hour; a part is None where the trace has too little for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from counterfoil.contract.times import DAY, HOUR, format_day, format_hour
from counterfoil.demo import auctioning, handing_on, withdrawing
from counterfoil.demo.bidding import MEASURED
from counterfoil.demo.cities import CITIES
from counterfoil.demo.model import NATIVE, SCARCE, SUBSTITUTE
from counterfoil.demo.world import START, World, number
from counterfoil.ports import Row

PFLOPS: Final = 1_000_000
"""In milli-TFLOPS."""
_WITHOUT_A_BOOK: Final = next(
    each for each in CITIES if each.template == handing_on.CITY.template
    and each.voucher_days == handing_on.CITY.voucher_days and each is not handing_on.CITY
)  # fmt: skip
"""The city with the same rules as `handing_on.CITY`, but for its book."""


def highlights(world: World) -> dict[str, Any]:
    """The four parts of the report."""
    return {
        "scarce": _scarce(world),
        "withdrawal": _withdrawal(world),
        "substitutes": _substitutes(world),
        "credit": _credit(world),
    }


def in_auctions(world: World) -> set[str]:
    """The orders that were in an auction, and not on the book."""
    return {str(row["order_id"]) for row in world.driver.rows("auction_orders")}


# a class that is short ----------------------------------------------------------------------------------------------


def _scarce(world: World) -> dict[str, Any] | None:
    driver = world.driver
    auctions = [row for row in driver.rows("auctions") if row["status"] == "cleared"]
    if not auctions:
        return None
    hours = {str(row["auction_id"]): list[Row]() for row in auctions}
    for row in driver.rows("auction_prices"):
        hours.setdefault(str(row["auction_id"]), []).append(row)
    orders = in_auctions(world)
    ended = Counter(_end(row) for row in driver.rows("bids") if row["bid_id"] in orders)
    return {
        "class_id": SCARCE,
        "region": auctioning.REGION,
        "highest_list_price": str(auctioning.LISTED.high),
        "days": [_day(row, hours[str(row["auction_id"])]) for row in auctions],
        "hours": [
            {"hour": format_hour(number(row["hour"])), "price": str(row["price"]), "nodes": number(row["nodes"])}
            for auction in auctions
            for row in hours[str(auction["auction_id"])]
        ],
        "ended": dict(sorted(ended.items())),
    }


def _day(auction: Row, hours: list[Row]) -> dict[str, Any]:
    """An auction: its scarcity as it was found, its prices, what was accepted, and how far from the best it is."""
    sold = sum(number(row["nodes"]) for row in hours)
    paid = sum(number(row["price"]) * number(row["nodes"]) for row in hours)
    prices = [number(row["price"]) for row in hours]
    return {
        "day": format_day(number(auction["first_hour"]) // 24),
        "bids": number(auction["bids"]),
        "cover_bps": auction["found_cover_bps"],
        "rsi_bps": auction["found_rsi_bps"],
        "scarce": bool(auction["scarce"]),
        "pivotal": auction["pivotal"],
        "lowest_price": str(min(prices)),
        "average_price": str(paid // sold if sold else 0),
        "highest_price": str(max(prices)),
        "node_hours": sold,
        "blocks_accepted": number(auction["accepted"]),
        "blocks_rejected_in_the_money": number(auction["rejected"]),
        "surplus": str(auction["surplus"]),
        "bound": str(auction["bound"]),
    }


# a provider that withdraws ------------------------------------------------------------------------------------------


def _withdrawal(world: World) -> dict[str, Any] | None:
    driver = world.driver
    if not world.again:
        return None
    contracts = {str(row["contract_id"]): row for row in driver.rows("contracts")}
    divided = {str(row["contract_id"]): row for row in driver.rows("slashes")}
    bids = {str(row["bid_id"]): row for row in driver.rows("bids")}
    bought = {str(row["bid_id"]): row for row in driver.rows("trades")}
    lost = [
        {**_lost(contracts[contract_id], divided[contract_id]), "again": _again(bid_id, bids, bought)}
        for contract_id, bid_id in world.again.items()
    ]
    of_class = [row for row in bought.values() if row["class_id"] == withdrawing.KEPT]
    return {
        "provider_id": withdrawing.PROVIDER,
        "class_id": withdrawing.KEPT,
        "week": withdrawing.WEEK,
        "contracts": lost,
        "weeks": _by_week(of_class, _average),
    }


def _lost(contract: Row, bond: Row) -> dict[str, Any]:
    """A contract that was given up: what it was worth, how long before, and what became of its bond."""
    notice = (number(contract["first_hour"]) * HOUR - number(contract["ended_at"])) // HOUR
    return {
        "beneficiary_id": contract["beneficiary_id"],
        "nodes": contract["nodes"],
        "hours": contract["hours"],
        "price": str(contract["price"]),
        "notice_hours": notice,
        "notional": str(number(contract["price"]) * _card_hours(contract)),
        "least": str(bond["least"]),
        "cover": None if bond["cover"] is None else str(bond["cover"]),
        "paid": str(bond["amount"]),
        "returned": str(bond["returned"]),
    }


def _again(bid_id: str | None, bids: Mapping[str, Row], bought: Mapping[str, Row]) -> dict[str, Any]:
    """What the bid for the same block came to."""
    if bid_id is None:
        return {"ended": "refused"}
    trade = bought.get(bid_id)
    if trade is None:
        return {"ended": _end(bids[bid_id])}
    names = ("provider_id", "class_id", "region")
    return {"ended": "filled", "price": str(trade["price"]), **{name: trade[name] for name in names}}


# domestic substitutes -----------------------------------------------------------------------------------------------


def _substitutes(world: World) -> dict[str, Any] | None:
    driver = world.driver
    bids = {str(row["bid_id"]): row for row in driver.rows("bids")}
    flexible = [row for row in bids.values() if row["requirement"] is not None]
    if not flexible:
        return None
    trades = [row for row in driver.rows("trades") if row["rule_set"] == "PTW-1"]
    taken = [row for row in trades if bids[str(row["bid_id"])]["requirement"] is not None]
    named = [row for row in trades if bids[str(row["bid_id"])]["classes"] == [NATIVE]]
    return {
        "bids": len(flexible),
        "ended": dict(sorted(Counter(map(_end, flexible)).items())),
        "classes": {each: _taken(each, taken) for each in (SUBSTITUTE, NATIVE)},
        "domestic_bps": _share(taken),
        "named_average_price": str(_average(named)) if named else None,
        "weeks": _by_week(taken, _share),
    }


def _taken(class_id: str, trades: list[Row]) -> dict[str, Any]:
    mine = [row for row in trades if row["class_id"] == class_id]
    price = _average(mine)
    return {
        "trades": len(mine),
        "card_hours": sum(map(_card_hours, mine)),
        "average_price": str(price),
        "price_per_pflop_hour": str(price * PFLOPS // MEASURED[class_id]),
        "mtflops": MEASURED[class_id],
    }


def _share(trades: Iterable[Row]) -> int:
    """Of the card-hours, those of the domestic class, in basis points."""
    hours = Counter[str]()
    for row in trades:
        hours[str(row["class_id"])] += _card_hours(row)
    return hours[SUBSTITUTE] * 10_000 // max(hours.total(), 1)


# credit that is handed on -------------------------------------------------------------------------------------------


def _credit(world: World) -> dict[str, Any] | None:
    driver, city = world.driver, handing_on.CITY
    orders = driver.rows("credit_orders", programme_id=city.programme_id)
    if not orders:
        return None
    sold = driver.rows("credit_trades", programme_id=city.programme_id)
    bought: dict[str, Counter[str]] = {}
    for row in driver.rows("transfers", programme_id=city.programme_id, status="accepted"):
        sums = bought.setdefault(str(row["receiver_id"]), Counter())
        sums.update(credit=number(row["amount"]), paid=number(row["price"] or 0))
    return {
        "city": city.name,
        "offered": _amount(orders, "amount", "offer"),
        "wanted": _amount(orders, "amount", "bid"),
        "sold": str(sum(number(row["amount"]) for row in sold)),
        "paid": str(sum(number(row["price"]) for row in sold)),
        "trades": len(sold),
        "buyers": [
            {"party_id": party, "credit": str(sums["credit"]), "paid": str(sums["paid"]), **_run(world, party)}
            for party, sums in bought.items()
        ],
        "spent": [{"city": each.name, **_spent(world, each.programme_id)} for each in (city, _WITHOUT_A_BOOK)],
    }


def _run(world: World, party: str) -> dict[str, Any]:
    """What came of the job for which credit was bought, and what vouchers paid of it by now."""
    wanted = {"nodes": handing_on.RUN_NODES, "hours": 24 * handing_on.RUN_DAYS}
    found = [
        row
        for row in world.driver.rows("bids", beneficiary_id=party)
        if all(row[name] == value for name, value in wanted.items())
    ]
    if not found:
        return {"ended": "refused", "subsidy": "0"}
    trades = world.driver.rows("trades", bid_id=str(found[-1]["bid_id"]))
    paid = sum(number(world.driver.row("contracts", str(row["trade_id"]))["subsidy"]) for row in trades)
    named = {name: trades[0][name] for name in ("provider_id", "class_id")} if trades else {}
    return {"ended": _end(found[-1]), **named, "subsidy": str(paid)}


def _spent(world: World, programme_id: str) -> dict[str, str]:
    """Of what a programme granted: spent by now, and ended unspent."""
    sums = Counter[str]()
    for row in world.driver.rows("vouchers_balance", programme_id=programme_id):
        sums.update({name: number(row[name]) for name in ("redeemed", "held", "expired")})
    granted = number(world.driver.row("programmes", programme_id)["issued"])
    return {"granted": str(granted), "spent": str(sums["redeemed"]), "expired": str(sums["expired"])}


def _amount(orders: list[Row], column: str, side: str) -> str:
    return str(sum(number(row[column]) for row in orders if row["side"] == side))


# of several ---------------------------------------------------------------------------------------------------------


def _end(bid: Row) -> str:
    return str(bid["status_reason"] or bid["status"])


def _card_hours(row: Row) -> int:
    return number(row["nodes"]) * number(row["gpus_per_node"]) * number(row["hours"])


def _average(trades: Iterable[Row]) -> int:
    """The mean price by card-hours, micro-CNY, rounded down; 0 without trades."""
    hours = paid = 0
    for row in trades:
        hours += _card_hours(row)
        paid += number(row["price"]) * _card_hours(row)
    return paid // hours if hours else 0


def _by_week(trades: Iterable[Row], of: Callable[[list[Row]], int]) -> list[dict[str, int]]:
    """A figure of the trades of each week of the story, by its number from 0."""
    weeks: dict[int, list[Row]] = {}
    for row in trades:
        weeks.setdefault((number(row["matched_at"]) - START) // (7 * DAY), []).append(row)
    return [{"week": week, "value": of(rows)} for week, rows in sorted(weeks.items())]
