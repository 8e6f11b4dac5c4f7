"""The cities and providers of the demo, all fictional, and the programme document of each city.

A document is a template that the programme package ships, which mirrors a real programme: its rates, caps, conditions
and redemption stay; who issues it, where, when and for how much is the city's; `_CHANGES` has what else differs, and
why. The template's sources stay in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import yaml

from counterfoil.demo.tables import rows
from counterfoil.programme.reading import read_document
from counterfoil.programme.rules import Rules, rules_of
from counterfoil.programme.terms import on_market

CURRENCY: Final = "CNY"
_VALID: Final = {"start": "2026-01-01", "end": "2026-12-31", "utc_offset": "+08:00"}
_DELIVERY: Final = {"report_hours": 240, "dispute_hours": 72}
"""Providers report once a week; templates leave this to the market."""
COMMITTEE: Final = "pmec"
"""Signs the reviews that the Indian template asks of its project committee."""
FOLLOWED: Final[Mapping[str, str]] = {
    "cn-beijing-2023": "Beijing 2023",
    "cn-chengdu-2025": "Chengdu 2025",
    "cn-shanghai-2025": "Shanghai 2025",
    "in-indiaai-compute-2025": "IndiaAI 2025",
}
"""The real programme that each template mirrors."""


@dataclass(frozen=True, slots=True)
class Change:
    """Another value at a place of a template (members and indexes with dots), and why the demo has it."""

    place: str
    value: Any
    why: str


_CHANGES: Final[Mapping[str, tuple[Change, ...]]] = {
    "in-indiaai-compute-2025": (
        Change("unit.currency", CURRENCY, "the market's one currency"),
        Change("budget.exhaustion.mode", "FIRST_COME", "the mode is assumed in the template, too"),
        Change("benefit.caps.0.counts", ["GRANTED"], "a cap that counts payments needs claims, and pays no bids"),
    ),
}
HANDED_ON: Final = "jesmere"
"""The city whose vouchers may be sold to others of its start-ups."""
_HANDING: Final = {"mode": "CLOSED_MARKET", "price_rule": "BELOW_PAR_ONLY", "max_hops": 1, "min_amount": "1000"}
_WHOLE: Final = 100
_SHARES: Final[Mapping[str, tuple[int, ...]]] = {"cn-shanghai-2025": (60, 30, 10)}
"""Of the budget, in percent: the envelopes of a template, in its own proportions."""


@dataclass(frozen=True, slots=True)
class City:
    """A city that issues vouchers. `budget`: micro-CNY; `voucher_days`: how long they last, None: as the template."""

    number: int
    party_id: str
    name: str
    template: str
    budget: int
    voucher_days: int | None

    @property
    def programme_id(self) -> str:
        """The id of its programme."""
        return f"{self.party_id}-2026"

    @property
    def code(self) -> str:
        """Where its firms are registered: a code that ISO 3166 leaves to its users."""
        return f"XC-{self.number + 1:02d}"


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider; `misses_reports`: for some of its contracts it reports no use."""

    party_id: str
    name: str
    region: str
    misses_reports: bool


CITIES: Final = tuple(
    City(
        number, row["city"], row["name"], row["template"], int(row["budget_cny"]) * 1_000_000,
        int(row["voucher_days"]) if row["voucher_days"] else None,
    )
    for number, (_, row) in enumerate(rows(None, "cities.csv", ("city", "name", "template", "budget_cny")))
)  # fmt: skip
PROVIDERS: Final = tuple(
    Provider(row["provider"], row["name"], row["region"], row["misses_reports"] == "yes")
    for _, row in rows(None, "providers.csv", ("provider", "name", "region", "misses_reports"))
)
REGIONS: Final = tuple(sorted({each.region for each in PROVIDERS}))


def template(name: str) -> dict[str, Any]:
    """A template that the programme package ships."""
    text = (resources.files("counterfoil.programme") / "templates" / f"{name}.yaml").read_text("utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    return data


def document(city: City) -> dict[str, Any]:
    """The programme document of a city."""
    data = template(city.template)
    follows = data["title"]["en"]
    _replace(data, data["issuer"]["jurisdiction"], city.code)
    data["id"] = city.programme_id
    data["title"] = {"en": f"Compute vouchers of {city.name}"}
    data["issuer"] = {"name": f"City of {city.name} (fictional)", "jurisdiction": city.code}
    data["legal_basis"] = [{"title": f"Fictional; what it lays down follows: {follows}"}]
    data["valid"], data["delivery"] = dict(_VALID), dict(_DELIVERY)
    for envelope, share in zip(data["budget"]["envelopes"], _SHARES.get(city.template, (_WHOLE,)), strict=True):
        envelope["amount"] = f"{city.budget * share // (_WHOLE * 1_000_000)}"
    if city.voucher_days is not None:
        data["expiry"]["rule"]["after_days"] = city.voucher_days
    for change in _CHANGES.get(city.template, ()):
        _put(data, change)
    if city.party_id == HANDED_ON:
        data["transfer"] = dict(_HANDING)
    return data


def changed() -> list[str]:
    """What the documents have that their templates do not, beside issuer and place, as sentences of the report."""
    return [
        f"documents are valid from {_VALID['start']} to {_VALID['end']}",
        "budgets, and after how many days vouchers end, are the demo's",
        *(
            f"{FOLLOWED[name]}: {change.place} differs from the template: {change.why}"
            for name, changes in _CHANGES.items()
            for change in changes
        ),
    ]


def rules(city: City) -> Rules:
    """What the programme of a city lays down."""
    return rules_of(read_document(document(city)))


def _replace(part: Any, old: str, new: str) -> None:
    """Put `new` in the place of every text `old`."""
    for key, value in part.items() if isinstance(part, dict) else enumerate(part):
        if value == old:
            part[key] = new
        elif isinstance(value, dict | list):
            _replace(value, old, new)


def _put(data: Any, change: Change) -> None:
    *path, last = (int(each) if each.isdigit() else each for each in change.place.split("."))
    for each in path:
        data = data[each]
    data[last] = change.value


PAYS_BIDS: Final = frozenset(city.party_id for city in CITIES if on_market(rules(city), meters_in_kind=True))
"""The cities whose vouchers pay on the market; those of the others are paid by claim."""
