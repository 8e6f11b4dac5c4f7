"""What is judged: an application or a claim, with everything that its decision is founded on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from counterfoil.contract.scalars import CountingEvent
from counterfoil.programme.facts import Facts
from counterfoil.programme.form.benefit import Scope
from counterfoil.programme.periods import Span


class ContractDates(NamedTuple):
    """A contract's days: when it was signed, its first and its last day."""

    signed: int
    starts: int
    ends: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a contract, an invoice or a meter. `amount` includes `tax`; both are micro-units.

    `quantity` is millionths of `unit`. `starts` and `ends` are the first and last day of the use. `ceiling` is the
    highest price of a unit where the programme finds it outside the document (a tender, a peer group).
    """

    id: str
    sku: str
    instrument: str = "COMPUTE"
    amount: int = 0
    tax: int = 0
    quantity: int = 0
    unit: str = ""
    class_id: str | None = None
    region: str | None = None
    provider_id: str = ""
    provider_listed: bool = True
    related: bool = False
    starts: int | None = None
    ends: int | None = None
    ceiling: int | None = None
    facts: Facts | None = None


class Counted(NamedTuple):
    """Something that counts towards a cap: for whom, at which event, on which day, how much (or how many grants)."""

    cap: str
    subject: str
    event: CountingEvent
    on: int
    amount: int


class History:
    """What has been counted so far."""

    def __init__(self, entries: Iterable[Counted] = ()) -> None:
        self._entries: dict[tuple[str, str, CountingEvent], list[tuple[int, int]]] = {}
        for each in entries:
            self._entries.setdefault((each.cap, each.subject, each.event), []).append((each.on, each.amount))

    def total(self, cap: str, subject: str, event: CountingEvent, within: Span) -> int:
        """What counts within a span of days."""
        entries = self._entries.get((cap, subject, event))
        return sum(amount for on, amount in entries if within.has(on)) if entries else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An application or a claim, on a local day.

    `events`: as what its decision counts towards caps; a claim that is granted and paid in one act is all three.

    `subjects` says who it is in each scope. `facts` are those of applicant and project. `approved` has the amounts of
    caps that the approval sets, `granted` what a claim may take at most, `left` what envelopes have left; micro-units.
    `granted_before`: the applicant was judged, and the floor, when what pays was granted.
    `ceilings_on`: the day by which ceilings of law are judged, where it is another one: that of the decision.
    `converts_for_all`: of several conversions of a unit the last one counts, whoever's provider it names, and limits of
    a quantity add up units of any kind. `counts_asked`: counters of caps add up what was asked for.
    `first_used`: the day on which the beneficiary first used a tier. `other_support`: by programme, for the same cost.
    """

    day: int
    events: tuple[CountingEvent, ...]
    subjects: Mapping[Scope, str]
    facts: Facts
    lines: tuple[Line, ...]
    ceilings_on: int | None = None
    applied: int | None = None
    contract: ContractDates | None = None
    approved: Mapping[str, int] = field(default_factory=dict)
    granted: int | None = None
    granted_before: bool = False
    left: Mapping[str, int] = field(default_factory=dict)
    first_used: Mapping[str, int] = field(default_factory=dict)
    other_support: Mapping[str, int] = field(default_factory=dict)
    history: History = field(default_factory=History)
    converts_for_all: bool = False
    counts_asked: bool = False

    @property
    def law_day(self) -> int:
        """The local day by which ceilings of law are judged."""
        return self.day if self.ceilings_on is None else self.ceilings_on
