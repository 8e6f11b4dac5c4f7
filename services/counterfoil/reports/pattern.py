"""A pattern of fraud: what it is, what of it logs show and what they cannot, and the function that finds it.

An alert is a question and no verdict: it names who and how much is concerned, and the entries that show it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

from counterfoil.reports.folding import Folded
from counterfoil.reports.tables import Ref, Row


class Threshold(NamedTuple):
    """A number by which a pattern judges, its unit, and what it says."""

    name: str
    default: int
    unit: str
    says: str


class Alert(NamedTuple):
    """What a pattern found: in which programmes, about whom, how much is at risk (micro-units), and where it shows.

    `subject` tells it from all others of its pattern, in every later report on the same logs. `unit`: of the amount;
    none: that of its programmes.
    """

    subject: str
    programmes: tuple[str, ...]
    entities: tuple[str, ...]
    amount: int
    says: str
    refs: tuple[Ref, ...]
    unit: str = ""


Find = Callable[[Folded, Mapping[str, int]], Iterable[Alert]]
"""(what was read, thresholds by name) -> what it finds in all programmes"""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern by its number. `shows`: what of it the logs show; `hides`: what they cannot show."""

    id: str
    title: str
    shows: str
    hides: str
    find: Find
    thresholds: tuple[Threshold, ...] = ()

    def alerts(self, folded: Folded) -> Iterator[Alert]:
        """What is found, by the thresholds given, else by their defaults."""
        given = folded.given.thresholds
        return iter(
            self.find(
                folded, {each.name: given.get(f"{self.id}.{each.name}", each.default) for each in self.thresholds}
            )
        )

    def alert_id(self, alert: Alert) -> str:
        """The alert's name: the same whenever the same thing is found."""
        return f"{self.id}-{sha256(alert.subject.encode()).hexdigest()[:12]}"


# what several patterns ask ------------------------------------------------------------------------------------------


def related(folded: Folded, first: str, second: str) -> bool:
    """Whether two parties are one, or are in one group as is known now."""
    return first == second or group_of(folded, first) == group_of(folded, second)


def group_of(folded: Folded, party_id: str) -> str:
    """The group of a party as is known now."""
    party = folded.tables.get("parties", party_id)
    return party_id if party is None else str(party["group_id"])


_NAMED: Final = (
    ("voucher_id", "vouchers"), ("claim_id", "claims"), ("application_id", "applications"),
    ("contract_id", "contracts"), ("settlement_id", "settlements"), ("transfer_id", "transfers"),
)  # fmt: skip
"""Members of commands by which their programme is found, and the views where it stands."""


def programme_of(folded: Folded, body: Any) -> str | None:
    """The programme that a command is about, if it names one, or something of one."""
    if getattr(body, "programme_id", None) is not None:
        return str(body.programme_id)
    for member, view in _NAMED:
        row = folded.tables.get(view, getattr(body, member, None))
        if row is not None:
            return str(row["programme_id"])
    return None


def facts_of(folded: Folded, *parties: str) -> tuple[Ref, ...]:
    """The entries that attest the groups of these parties."""
    rows = (row for party_id in parties for row in folded.tables.rows("group_facts", party_id=party_id))
    return folded.tables.refs_of("group_facts", rows)


def days_of_use(claim: Row) -> Iterator[tuple[str, str, str]]:
    """(provider, first day, last day) of each line of a claim on an invoice that says all of them."""
    for line in claim["basis"]["lines"]:
        if line["provider_id"] is not None and line["starts"] is not None and line["ends"] is not None:
            yield line["provider_id"], line["starts"], line["ends"]


def by_unit(folded: Folded, rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    """Rows by the unit of their programme's amounts, which are added up and compared within one only."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(folded.unit(row["programme_id"]), []).append(row)
    return sorted(found.items())


def times(number: int) -> str:
    """``once``, or how many times."""
    return "once" if number == 1 else f"{number} times"


def densest(rows: Iterable[Row], within: int, at: str, who: Callable[[Row], str]) -> list[Row]:
    """Of rows with a time in column `at`, those of so long a time in which most take part; of equal ones the first."""
    ordered = sorted(rows, key=lambda row: int(row[at]))
    inside: Counter[str] = Counter()
    first, most, found = 0, 0, (0, 0)
    for last, row in enumerate(ordered):
        inside[who(row)] += 1
        while ordered[first][at] + within < row[at]:
            gone = who(ordered[first])
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
            first += 1
        if len(inside) > most or first == found[0]:  # more parties, or more rows of the same
            most, found = len(inside), (first, last + 1)
    return ordered[slice(*found)]
