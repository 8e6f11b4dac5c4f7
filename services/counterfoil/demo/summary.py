"""What happened in the demo: figures from the views, and counts of the commands sent, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from counterfoil.demo.model import CITIES
from counterfoil.demo.scenario import World, kind_of, number, programme_of
from counterfoil.demo.story_driver import StoryDriver
from counterfoil.ports import Row


def summarise(world: World) -> dict[str, Any]:
    """Tables by programme kind and by accelerator class, bonds, refusals, and the commands sent."""
    driver = world.driver
    bids, contracts = driver.rows("bids"), driver.rows("contracts")
    return {
        "supply": {"nodes": len(world.nodes), "gpus": sum(node.gpus for node in world.nodes)},
        "demand": {"gpu_tasks": len(world.tasks), "start_ups": len(world.all_firms), "days": world.days},
        "programmes": _programmes(driver),
        "classes": _classes(world),
        "bids": _bids(bids),
        "contracts": dict(sorted(Counter(str(row["status"]) for row in contracts).items())),
        "bonds_slashed": str(sum(number(row["amount"]) for row in driver.rows("slashes"))),
        "claims_paid": str(sum(number(row["paid"]) for row in driver.rows("settlements"))),
        "commands": {
            "sent": sum(driver.sent.values()),
            "by_type": dict(sorted(driver.sent.items())),
            "receipts": driver.receipts,
            "repeats_with_the_same_receipt": driver.repeats_same,
            "refused": dict(sorted(driver.refused.items())),
        },
    }


def _programmes(driver: StoryDriver) -> dict[str, dict[str, str]]:
    """Per kind: appropriated, issued, and where the issued value is now. All in micro-USD."""
    kinds: dict[str, Counter[str]] = {}
    kind_by_programme = {programme_of(city): kind_of(city).name for city in range(len(CITIES))}
    for row in driver.rows("programmes"):
        totals = kinds.setdefault(kind_by_programme[str(row["programme_id"])], Counter())
        for column in ("appropriated", "issued", "recycled"):
            totals[column] += number(row[column])
        totals["vouchers"] += number(row["vouchers_issued"])
    for row in driver.rows("vouchers_balance"):
        totals = kinds[kind_by_programme[str(row["programme_id"])]]
        for column in ("available", "held", "redeemed", "expired", "cancelled"):
            totals[column] += number(row[column])
    return {kind: {column: str(value) for column, value in totals.items()} for kind, totals in sorted(kinds.items())}


def _classes(world: World) -> dict[str, dict[str, Any]]:
    """Per class: what was offered and sold, and the average price in micro-USD per GPU-hour, rounded down."""
    sold: dict[str, Counter[str]] = {}
    for row in world.driver.rows("trades"):
        gpu_hours = number(row["nodes"]) * number(row["gpus_per_node"]) * number(row["hours"])
        totals = sold.setdefault(str(row["class_id"]), Counter())
        totals["trades"] += 1
        totals["gpu_hours"] += gpu_hours
        totals["notional"] += number(row["notional"])
    offered = Counter[str]()
    for node in world.nodes:
        offered[node.model.lower()] += node.gpus
    wanted = Counter[str]()
    for task in world.tasks:
        for model in task.models:
            wanted[model.lower()] += 1
    return {
        class_id: {
            "gpus_offered": gpus,
            "bids_accepting": wanted[class_id],
            "trades": sold.get(class_id, Counter())["trades"],
            "gpu_hours": sold.get(class_id, Counter())["gpu_hours"],
            "average_price": str(_average(sold.get(class_id, Counter()))),
        }
        for class_id, gpus in sorted(offered.items())
    }


def _average(totals: Counter[str]) -> int:
    return totals["notional"] // totals["gpu_hours"] if totals["gpu_hours"] else 0


def _bids(rows: Iterable[Row]) -> dict[str, Any]:
    """How bids ended, and the share filled in hundredths of a percent."""
    ends: Counter[str] = Counter()
    for row in rows:
        status = str(row["status"])
        ends[status if row["status_reason"] is None else str(row["status_reason"])] += 1
    placed = sum(ends.values())
    fill_rate = ends["filled"] * 10_000 // max(placed, 1)
    return {"placed": placed, "fill_rate_bps": fill_rate, "ended": dict(sorted(ends.items()))}
