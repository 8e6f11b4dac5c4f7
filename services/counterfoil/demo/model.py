"""What the trace does not contain: firms, their plans, the scale of jobs, limit prices. Modelled, drawn from one seed.

Scale: the trace is a sample of one cluster and of two days, of tasks of minutes to hours on one GPU; the story is a
quarter of a market that trains models. So one GPU of a machine stands for `NODES_OFFERED` nodes of eight cards, one GPU
of a task for `NODES_WANTED`; a task runs `LONGER` times as long as in the trace, in whole days, from one day to two
weeks; and the time in which tasks begin is spread over `WEEKS` weeks. `ASSUMED` says so in the report.
Firms: some two hundred start-ups with fictional names, in turn of the seventeen cities; each applies once to the
programme of its city. Jobs are dealt to them with weights 1/(rank + 40): a few large ones, many small.
Limit price: the highest list price of the cheapest class that the job accepts, times a factor drawn uniformly from 0.95
to 1.50 for latency-sensitive tasks and from 0.85 to 1.30 for the others, rounded up to the tick.
Window: a latency-sensitive job may start a day late, the others three days.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Final

from counterfoil.core.rules import LATEST, RULES
from counterfoil.demo.accelerators import ACCELERATORS, CARDS_PER_NODE, CLASS_OF
from counterfoil.demo.cities import CITIES, PROVIDERS, City
from counterfoil.demo.trace import Node, Task

_TICK: Final = RULES[LATEST].price_tick
CNY: Final = 1_000_000
WEEKS: Final = 8
NODES_OFFERED: Final = 6
NODES_WANTED: Final = 120
LONGER: Final = 168
_DAYS_MOST: Final = 14
_WEEK: Final = 7
_SHORT: Final = 2
_FIRMS_MOST: Final = 204
_NAMES: Final = (
    ("Amber", "Birch", "Cedar", "Copper", "Dawn", "Elm", "Fern", "Flint", "Harbour", "Indigo", "Juniper", "Lark",
     "Maple", "North", "Opal", "Pine", "Quill", "River", "Slate", "Willow"),
    ("Anvil", "Beacon", "Canvas", "Compass", "Forge", "Lantern", "Ledger", "Loom", "Orchard", "Prism", "Signal"),
)  # fmt: skip
_ASKED_FROM, _ASKED_TO, _ASKED_STEP = 17, 33, 60_000 * CNY
"""A voucher is 1.02 to 1.98 million CNY, in steps that every rate makes of a whole contract."""
SCARCE: Final = "h800"
"""The class of which part is auctioned."""
_AUCTIONED_OF: Final = 5
NATIVE: Final = "a800"
SUBSTITUTE: Final = "ascend-910b"
"""The class that many jobs are made for, and the domestic one that some of them admit in its place."""
_ADMIT_PERCENT: Final = {True: 60, False: 30}
"""Of the jobs that ask for `NATIVE` alone, and of those that name both."""
ASSUMED: Final = (
    *(f"{each.class_id}: {each.assumed}" for each in ACCELERATORS if each.assumed),
    "A100 and A800: both have the one published range, and each provider a step of it",
    f"one GPU of a machine of the trace stands for {NODES_OFFERED} nodes of {CARDS_PER_NODE} cards",
    f"one GPU of a task of the trace stands for {NODES_WANTED} such nodes",
    "a job of more than two days has half of these nodes, one of more than a week a quarter",
    "which model of the trace stands for which class: demo/data/classes.csv",
    f"a task runs {LONGER} times as long as in the trace, in whole days, from 1 to {_DAYS_MOST}",
    f"the time in which the trace's tasks begin is spread over {WEEKS} weeks",
    f"by performance: {_ADMIT_PERCENT[True]} % of jobs for {NATIVE} alone, {_ADMIT_PERCENT[False]} % of those for any",
)
"""What no source says, as sentences of the report."""


@dataclass(frozen=True, slots=True)
class Firm:
    """A start-up: its city, what it asks for, and for a few the provider that buys it in the second week.

    `rate`: the share of its contract that the city's programme pays, where nothing is against it. `asks`: the voucher
    that makes, micro-CNY. `eligible`: whether it is what the programme wants; `small`: an early and small firm.
    """

    party_id: str
    name: str
    city: City
    rate: Fraction
    asks: int
    eligible: bool
    small: bool
    bought_by: str | None

    @property
    def contract(self) -> int:
        """What its contract with a provider is worth, micro-CNY."""
        return int(self.asks / self.rate)


RATES: Final = {
    "cn-beijing-2023": Fraction(1, 5),
    "cn-chengdu-2025": Fraction(3, 5),
    "cn-shanghai-2025": Fraction(3, 10),
    "in-indiaai-compute-2025": Fraction(2, 5),
}


def firms(tasks: int, rng: Random) -> list[Firm]:
    """Start-ups for so many tasks: one for each city at least, and 204 at most.

    One in sixteen is not eligible; one in twenty-five is bought by a provider, so that there are duties to keep apart.
    """
    return [_firm(number, rng) for number in range(min(max(len(CITIES), tasks // 2), _FIRMS_MOST))]


def _firm(number: int, rng: Random) -> Firm:
    round_, first = divmod(number, len(_NAMES[0]))
    name = f"{_NAMES[0][first]} {_NAMES[1][(number + round_) % len(_NAMES[1])]}"
    city = CITIES[number % len(CITIES)]
    small = rng.random() < 0.3
    bought_by = rng.choice(PROVIDERS).party_id if number % 25 == 4 else None
    rate = Fraction(1) if small and city.template == "cn-shanghai-2025" else RATES[city.template]
    asks = rng.randint(_ASKED_FROM, _ASKED_TO) * _ASKED_STEP
    return Firm(name.replace(" ", "-").lower(), name, city, rate, asks, number % 16 != 7, small, bought_by)


def deal(tasks: list[Task], bidders: list[Firm], rng: Random) -> list[Firm]:
    """The firm of each task, drawn with weights 1/(rank + 40)."""
    weights = [40_000 // (rank + 40) for rank in range(len(bidders))]
    return rng.choices(bidders, weights, k=len(tasks))


def hours_of(task: Task) -> int:
    """The hours of the job that a task stands for: whole days."""
    return 24 * min(max(-(-task.seconds * LONGER // 86_400), 1), _DAYS_MOST)


def nodes_of(task: Task) -> int:
    """The nodes of the job that a task stands for: half as many for more than two days, a quarter for over a week."""
    days = hours_of(task) // 24
    return task.gpus * NODES_WANTED // (4 if days > _WEEK else 2 if days > _SHORT else 1)


def cost(task: Task, price: int) -> int:
    """What the job costs at a price, micro-CNY."""
    return price * nodes_of(task) * CARDS_PER_NODE * hours_of(task)


def limit_price(task: Task, rng: Random, classes: tuple[str, ...] | None = None) -> int:
    """The most that the job's firm pays: micro-CNY per card-hour, on the tick. `classes`: None, those of the task."""
    wanted = task.classes if classes is None else classes
    base = min(each.high for each in ACCELERATORS if each.class_id in wanted)
    percent = rng.randint(95, 150) if task.latency_sensitive else rng.randint(85, 130)
    return -(-base * percent // (100 * _TICK)) * _TICK


def slack_hours(task: Task) -> int:
    """How many hours later than planned a job may start."""
    return 24 if task.latency_sensitive else 72


def admitting(tasks: list[Task], rng: Random) -> frozenset[str]:
    """The tasks, by name, whose firms bid by performance, so that a domestic class is a substitute."""
    return frozenset(
        task.name
        for task in tasks
        if NATIVE in task.classes and rng.randrange(100) < _ADMIT_PERCENT[task.classes == (NATIVE,)]
    )


def supply_of(nodes: list[Node]) -> Counter[str]:
    """How many nodes of each class the machines stand for."""
    totals: Counter[str] = Counter()
    for node in nodes:
        totals[CLASS_OF[node.model].class_id] += node.gpus * NODES_OFFERED
    return totals


def auctioned(nodes: int) -> int:
    """How many nodes of the scarce class are auctioned, of all."""
    return nodes // _AUCTIONED_OF
