"""What happened in the demo: figures from the views, and counts of the commands sent, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from counterfoil.demo import auctioning, handing_on, withdrawing
from counterfoil.demo.accelerators import ACCELERATORS, CARDS_PER_NODE
from counterfoil.demo.cities import CITIES, CURRENCY, FOLLOWED, PAYS_BIDS, changed
from counterfoil.demo.highlights import highlights, in_auctions
from counterfoil.demo.model import ASSUMED
from counterfoil.demo.scenario import offered
from counterfoil.demo.story_driver import StoryDriver
from counterfoil.demo.world import World, number
from counterfoil.ports import Row

_PARTS: Final = ("available", "held", "redeemed", "expired", "cancelled")


def summarise(world: World) -> dict[str, Any]:
    """Tables by city and by accelerator class, applications, `highlights`, bonds, refusals, and the commands sent.

    Amounts are micro-units of `currency`, as text.
    """
    driver = world.driver
    auctioned, contracts = in_auctions(world), driver.rows("contracts")
    bids = [row for row in driver.rows("bids") if row["bid_id"] not in auctioned]
    return {
        "currency": CURRENCY,
        "supply": {"machines": len(world.nodes), "cards": sum(_cards(world).values())},
        "demand": {"jobs": len(world.tasks), "start_ups": len(world.all_firms)},
        "applications": dict(sorted(Counter(str(row["status"]) for row in driver.rows("applications")).items())),
        "cities": _cities(driver),
        "classes": _classes(world),
        **highlights(world),
        "bids": _bids(bids),
        "contracts": dict(sorted(Counter(str(row["status"]) for row in contracts).items())),
        "bonds_slashed": str(sum(number(row["amount"]) for row in driver.rows("slashes"))),
        "claims_paid": str(sum(number(row["paid"]) for row in driver.rows("settlements"))),
        "assumed": [*ASSUMED, *auctioning.ASSUMED, *withdrawing.ASSUMED, *handing_on.ASSUMED, *changed()],
        "commands": {
            "sent": sum(driver.sent.values()),
            "by_type": dict(sorted(driver.sent.items())),
            "receipts": driver.receipts,
            "repeats_with_the_same_receipt": driver.repeats_same,
            "refused": dict(sorted(driver.refused.items())),
        },
    }


def _cities(driver: StoryDriver) -> dict[str, dict[str, Any]]:
    """Per city: whose rules it has, applications, vouchers, the budget, what was granted, and where that is now."""
    parts = {city.programme_id: Counter[str]() for city in CITIES}
    for row in driver.rows("vouchers_balance"):
        parts[str(row["programme_id"])].update({part: number(row[part]) for part in _PARTS})
    applied = Counter(str(row["programme_id"]) for row in driver.rows("applications"))
    found = {}
    for city in CITIES:
        row, mine = driver.row("programmes", city.programme_id), parts[city.programme_id]
        found[city.party_id] = {
            "name": city.name,
            "rules": FOLLOWED[city.template],
            "template": city.template,
            "pays": "bids" if city.party_id in PAYS_BIDS else "claims",
            "applications": applied[city.programme_id],
            "vouchers": number(row["vouchers_issued"]),
            **{name: str(row[name]) for name in ("appropriated", "issued", "recycled")},
            **{part: str(mine[part]) for part in _PARTS},
        }
    return found


def _cards(world: World) -> Counter[str]:
    """By class, the cards offered."""
    cards: Counter[str] = Counter()
    for accelerator, _, nodes in offered(world.nodes):
        cards[accelerator.class_id] += nodes * CARDS_PER_NODE
    return cards


def _classes(world: World) -> dict[str, dict[str, Any]]:
    """Per class: what was offered and sold on the book, its list prices and their source, and the average price paid.

    Prices are micro-units per card-hour, the average rounded down.
    """
    sold: dict[str, Counter[str]] = {each.class_id: Counter() for each in ACCELERATORS}
    for row in world.driver.rows("trades"):
        if row["rule_set"] != "PTW-1":
            continue  # of an auction, which has its own table
        card_hours = number(row["nodes"]) * number(row["gpus_per_node"]) * number(row["hours"])
        totals = sold[str(row["class_id"])]
        totals["trades"] += 1
        totals["card_hours"] += card_hours
        totals["notional"] += number(row["notional"])
    wanted = Counter(class_id for task in world.tasks for class_id in task.classes)
    cards = _cards(world)
    return {
        each.class_id: {
            "name": each.name,
            "cards_offered": cards[each.class_id],
            "jobs_accepting": wanted[each.class_id],
            "trades": sold[each.class_id]["trades"],
            "card_hours": sold[each.class_id]["card_hours"],
            "lowest_price": str(each.low),
            "highest_price": str(each.high),
            "average_price": str(_average(sold[each.class_id])),
            "price_source": each.source,
        }
        for each in ACCELERATORS
    }


def _average(totals: Counter[str]) -> int:
    return totals["notional"] // totals["card_hours"] if totals["card_hours"] else 0


def _bids(rows: Iterable[Row]) -> dict[str, Any]:
    """How bids ended, and the share filled in hundredths of a percent."""
    ends: Counter[str] = Counter()
    for row in rows:
        status = str(row["status"])
        ends[status if row["status_reason"] is None else str(row["status_reason"])] += 1
    placed = sum(ends.values())
    fill_rate = ends["filled"] * 10_000 // max(placed, 1)
    return {"placed": placed, "fill_rate_bps": fill_rate, "ended": dict(sorted(ends.items()))}
