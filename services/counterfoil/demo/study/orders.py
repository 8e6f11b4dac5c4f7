"""The orders of the study: machines of the trace are offers of a day, tasks are bids for a block of hours of a day.

The trace is the tasks of part of a cluster's jobs, without prices, and leaves most GPUs idle. So its tasks are laid on
`DAYS` delivery days in the order of their creation, one GPU of a task stands for so many nodes that a stated share of
all node-hours is wanted, and a task runs `LONGER` times as long, from 1 to 24 hours. Limits are modelled, from a seed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from counterfoil.contract.limits import MAX_NODES
from counterfoil.demo.accelerators import ACCELERATORS, CLASS_OF
from counterfoil.demo.cities import PROVIDERS
from counterfoil.demo.model import limit_price
from counterfoil.demo.trace import Node, Task

HOURS: Final = 24
"""Of a delivery day."""
DAYS: Final = 14
LONGER: Final = 24
_ORDERS_A_DAY: Final = 500
_SLACK: Final = {True: 2, False: 12}
"""Hours that a latency-sensitive task, and another one, may start later than it wants."""
_WEIGHTS: Final = [2_520 // (rank + 1) for rank in range(len(PROVIDERS))]
ASSUMED: Final = (
    "which GPU model of the trace stands for which class, at which published price: demo/data/classes.csv",
    f"a task runs {LONGER} times as long as in the trace, from 1 to {HOURS} hours, and keeps its hour of the day",
    f"tasks are laid on at most {DAYS} delivery days in the order in which they were created",
    "one GPU of a machine is one node; one GPU of a task stands for so many that the stated share is wanted",
    "no task wants more than the largest offer of its class",
    "a task has one class: of those that it accepts, drawn by what is offered of them",
    "a class is dealt to ten providers by 1/rank, the same in front each time, each at a price of the published range",
    "limits: the highest price of the cheapest class it accepts, times 0.95 to 1.50 if latency-sensitive, else to 1.30",
    "the least of these factors is 0.85 for tasks that are not latency-sensitive",
    "latency-sensitive tasks may start 2 hours late, others 12",
    "each day stands alone: what is not met on its day is not bid again",
)
"""What the trace does not say, as sentences."""


class Lot(NamedTuple):
    """A provider's nodes of a class on every day, at a price in micro-CNY per GPU-hour."""

    lot_id: str
    provider: str
    class_id: str
    nodes: int
    price: int


@dataclass(frozen=True, slots=True)
class Order:
    """A bid for `nodes` nodes for `hours` hours of a day, to start in [earliest, latest]; `nth` in order of arrival."""

    nth: int
    day: int
    class_id: str
    nodes: int
    hours: int
    earliest: int
    latest: int
    limit: int


def lots(nodes: list[Node]) -> list[Lot]:
    """What is on offer each day."""
    totals = Counter[str]()
    for node in nodes:
        totals[CLASS_OF[node.model].class_id] += node.gpus
    found = list[Lot]()
    for nth, each in enumerate(ACCELERATORS):
        total = left = totals[each.class_id]
        for rank, provider in enumerate(PROVIDERS):
            mine = min(left, -(-total * _WEIGHTS[rank] // sum(_WEIGHTS)))
            left -= mine
            price = each.price((3 * rank + nth) % len(PROVIDERS), len(PROVIDERS))
            while mine:
                some = min(mine, MAX_NODES)
                found.append(Lot(f"lot-{len(found)}", provider.party_id, each.class_id, some, price))
                mine -= some
    return found


def orders(tasks: list[Task], offered: list[Lot], wanted_percent: int, seed: int) -> list[Order]:
    """The bids of all days, in order of arrival, which want so many percent of the node-hours on offer."""
    rng, of_class, largest = Random(seed), Counter[str](), dict[str, int]()
    for lot in offered:
        of_class[lot.class_id] += lot.nodes
        largest[lot.class_id] = max(largest.get(lot.class_id, 0), lot.nodes)
    days = min(max(len(tasks) // _ORDERS_A_DAY, 1), DAYS)
    supply = sum(of_class.values()) * HOURS * days
    demand = sum(task.gpus * _hours(task) for task in tasks) or 1
    scale = max(round(supply * wanted_percent / (100 * demand)), 1)
    found = []
    for nth, task in enumerate(tasks):
        classes = [each for each in task.classes if of_class[each]]
        if not classes:
            continue
        class_id = rng.choices(classes, [of_class[each] for each in classes])[0]
        hours = _hours(task)
        earliest = min(task.start // 3_600 % HOURS, HOURS - hours)
        latest = min(earliest + _SLACK[task.latency_sensitive], HOURS - hours)
        size = min(task.gpus * scale, largest[class_id])
        found.append(
            Order(nth, nth * days // len(tasks), class_id, size, hours, earliest, latest, limit_price(task, rng))
        )
    return found


def _hours(task: Task) -> int:
    return min(max(-(-task.seconds * LONGER // 3_600), 1), HOURS)
