"""What the trace does not contain: firms, limit prices, programmes, misconduct. Modelled here, drawn from one seed.

Firms: tasks are assigned to start-ups with weights 1/rank (a few large ones, many small). Each start-up belongs to one
city and holds that city's vouchers.
Limit price: the highest list price of the cheapest model that the task accepts, times a factor drawn uniformly from
0.80 to 1.50 for latency-sensitive tasks and from 0.60 to 1.20 for the others, rounded up to the tick.
Window: a task may start up to 12 hours after its creation in the trace; latency-sensitive ones up to 2 hours.
Cities: seventeen, each with one of three programmes that follow real ones in share, cap and providers; amounts are in
USD because the list prices are. Every programme redeems by deduction at the provider.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from counterfoil.contract.terms import Rate
from counterfoil.core.rules import LATEST, RULES
from counterfoil.demo.trace import CATALOGUE, Task

_TICK: Final = RULES[LATEST].price_tick
USD: Final = 1_000_000
REGIONS: Final = ("north", "east", "south", "west")
CITIES: Final = (
    "ashford-on-lea", "brackwater", "calder-vale", "dunmere", "eastharrow", "fennick", "glasswick", "hollowby",
    "inverlock", "jesmere", "kettlewick", "larkhaven", "moorgate-spa", "nethercliff", "osterby", "pennywell",
    "quarrydon",
)  # fmt: skip
PROVIDERS: Final = ("aurora", "basalt", "cobalt", "drift", "ember", "flint", "granite", "harbour", "ion", "juniper")
DEFAULTING: Final = ("cobalt", "granite")
"""Providers that stop reporting usage for some of their contracts."""


@dataclass(frozen=True, slots=True)
class ProgrammeKind:
    """A kind of programme, and the real one that it follows."""

    name: str
    follows: str
    share: Rate
    cap: int
    models: tuple[str, ...]
    valid_days: int
    recycle: bool
    tolls: bool


KINDS: Final = (
    ProgrammeKind(
        "deduct-60",
        "Chengdu compute voucher 2025: up to 60 % of the purchase is deducted, capped per beneficiary and year",
        Rate(num=3, den=5),
        700_000 * USD,
        tuple(sorted(CATALOGUE)),
        20,
        True,
        True,
    ),
    ProgrammeKind(
        "subsidy-40",
        "IndiaAI compute portal 2025: 40 % discount on listed GPU SKUs until the approved maximum",
        Rate(num=2, den=5),
        500_000 * USD,
        tuple(sorted(CATALOGUE)),
        45,
        True,
        False,
    ),
    ProgrammeKind(
        "rent-30",
        "Shanghai compute voucher 2025: 30 % of the rent",
        Rate(num=3, den=10),
        400_000 * USD,
        ("A10", "G2", "G3", "P100", "T4", "V100M16", "V100M32"),
        30,
        False,
        True,
    ),
)


@dataclass(frozen=True, slots=True)
class Firm:
    """A start-up: its city, and for a few the provider that buys it on the second day."""

    party_id: str
    city: int
    bought_by: str | None


def firms(count: int, rng: Random) -> list[Firm]:
    """`count` start-ups; one in twelve is bought by a provider, so that there are duties to keep apart."""
    made = []
    for number in range(count):
        party_id = f"firm-{number:03d}"
        bought_by = rng.choice(PROVIDERS) if number % 12 == 5 else None
        made.append(Firm(party_id, rng.randrange(len(CITIES)), bought_by))
    return made


def deal(tasks: list[Task], all_firms: list[Firm], rng: Random) -> list[Firm]:
    """The firm of each task, drawn with weights 1/rank."""
    weights = [840 // (rank + 1) + 1 for rank in range(len(all_firms))]
    return rng.choices(all_firms, weights, k=len(tasks))


def limit_price(task: Task, models: tuple[str, ...], prices: dict[str, list[int]], rng: Random) -> int:
    """The most that the task's firm pays: micro-USD per GPU-hour, on the tick."""
    base = min(prices[model][-1] for model in models)
    percent = rng.randint(80, 150) if task.latency_sensitive else rng.randint(60, 120)
    return -(-base * percent // (100 * _TICK)) * _TICK


def slack_hours(task: Task) -> int:
    """How many hours later than in the trace a task may start."""
    return 2 if task.latency_sensitive else 12
