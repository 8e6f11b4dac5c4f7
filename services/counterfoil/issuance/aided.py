"""The subsidy ledger's state: which programmes share a ceiling of law, and the aid that was attested.

What counts stands with the other counters (`counting.py`), by day: the ceiling in the place of a programme. Whoever is
granted more is looked through, and what its window has left behind is forgotten: so there is never more than a window
has days, for each party and ceiling.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from counterfoil.contract.scalars import CountingEvent
from counterfoil.core.form import AMOUNT, COUNT, TEXT, Form, row
from counterfoil.core.table import Table
from counterfoil.issuance.claimed import without
from counterfoil.issuance.counting import REGIME, Counters
from counterfoil.programme.form.budget import Period
from counterfoil.programme.periods import Span, span
from counterfoil.programme.rules import Rules
from counterfoil.programme.terms import Terms
from counterfoil.programme.values import add_months

ZONES: Final = 2
"""By how many days the local days of two programmes may differ, and what still counts in one of them is kept."""


class Regime(NamedTuple):
    """What all programmes under one ceiling of law have in common. `unit`: GROUP, or BENEFICIARY."""

    currency: str
    months: int
    unit: str
    counts_on: CountingEvent

    def counts_until(self, day: int) -> int:
        """The first day on which what was granted on a day counts no more."""
        return add_months(day, self.months)

    def first_that_counts(self, day: int) -> int:
        """The earliest day of which something counts on a day."""
        return span(Period(kind="ROLLING", months=self.months), day, Span(None, None)).start or 0


class Law(NamedTuple):
    """What the law says of a ceiling from a day on, as the operator registered it."""

    ceiling: int
    currency: str
    months: int
    unit: str
    counts_on: CountingEvent
    in_force_on: int

    @property
    def regime(self) -> Regime:
        """What programmes have in common by it."""
        return Regime(self.currency, self.months, self.unit, self.counts_on)


class Aid(NamedTuple):
    """Aid that was attested, while it counts."""

    regime: str
    party_id: str
    subject: str
    on: int
    amount: int
    reference: str
    """As attested; where a grant counts once, by which it is the same (`grant_key`)."""
    attested_by: str
    event: CountingEvent
    """As what it counts."""


LAW: Final = Form(
    "law",
    ("regime", "version"),
    row(Law, ceiling=AMOUNT, currency=TEXT, months=COUNT, unit=TEXT, counts_on=TEXT, in_force_on=COUNT),
    "what the law says of a ceiling from a day on, as an operator registered it",
    numbers=("version",),
)
COVERED: Final = Form(
    "covered",
    ("aid_id",),
    AMOUNT,
    "how much of attested aid another attestation of the same grant counts already, if it does",
)
AID: Final = Form(
    "aid",
    ("aid_id",),
    row(
        Aid,
        regime=TEXT,
        party_id=TEXT,
        subject=TEXT,
        on=COUNT,
        amount=AMOUNT,
        reference=TEXT,
        attested_by=TEXT,
        event=TEXT,
    ),
    "aid under a ceiling of law that was granted outside these programmes, until its window has passed",
)


class Aids:
    """The ceilings of law that programmes name, and the aid attested."""

    __slots__ = ("_by_name", "_by_party", "_versions", "attested", "covered", "laws", "regimes")

    def __init__(self) -> None:
        self.attested: Table[str, Aid] = Table(AID)
        self.covered: Table[str, int] = Table(COVERED)
        self.regimes: dict[str, dict[str, Regime]] = {}
        """By name and programme."""
        self.laws: Table[tuple[str, int], Law] = Table(LAW)
        self._versions: dict[str, list[Law]] = {}
        self._by_party: dict[tuple[str, str], dict[str, None]] = {}
        self._by_name: dict[str, int] = {}  # how many attestations are kept

    def rebuild(self, programmes: Iterable[tuple[str, Terms]]) -> None:
        """Derive what is not in the table, from the current terms of all programmes."""
        self.regimes, self._by_party, self._by_name = {}, {}, {}
        self._versions = {}
        for name, version in sorted(self.laws):
            self._versions.setdefault(name, []).append(self.laws[name, version])
        for programme_id, terms in programmes:
            self.named(programme_id, terms)
        for aid_id, aid in self.attested.items():
            self._index(aid_id, aid)

    def named(self, programme_id: str, terms: Terms) -> None:
        """Know the ceilings that a programme's current version names."""
        for programmes in self.regimes.values():
            programmes.pop(programme_id, None)
        self.regimes = {name: programmes for name, programmes in self.regimes.items() if programmes}
        for name, regime in regimes_of(terms):
            self.regimes.setdefault(name, {})[programme_id] = regime

    def enact(self, name: str, version: int, law: Law) -> None:
        """Know one more version of a registered ceiling, in the place of one that was not in force."""
        self.laws[name, version] = law
        self._versions.setdefault(name, [])[version - 1 :] = [law]

    def versions(self, name: str) -> Sequence[Law]:
        """What is registered of a ceiling, the earliest first."""
        return self._versions.get(name, ())

    def law(self, name: str, day: int) -> tuple[int, Law] | None:
        """The version of a registered ceiling that is in force on a day, and its number."""
        found = [(number, law) for number, law in enumerate(self.versions(name), 1) if law.in_force_on <= day]
        return found[-1] if found else None

    def is_attested(self, name: str) -> bool:
        """Whether aid under a ceiling is kept."""
        return name in self._by_name

    def of(self, regime: str, party_id: str) -> Iterator[tuple[str, Aid]]:
        """The aid of a party that counts, or counted when somebody looked last."""
        return ((each, self.attested[each]) for each in self._by_party.get((regime, party_id), ()))

    def attest(self, aid_id: str, aid: Aid) -> None:
        """Keep aid."""
        self.attested[aid_id] = aid
        self._index(aid_id, aid)

    def _index(self, aid_id: str, aid: Aid) -> None:
        self._by_party.setdefault((aid.regime, aid.party_id), {})[aid_id] = None
        self._by_name[aid.regime] = self._by_name.get(aid.regime, 0) + 1

    def same(self, aid: Aid) -> list[tuple[str, Aid]]:
        """Every attestation of the same grant, by what its reference is compared by."""
        return [(each, one) for each, one in self.of(aid.regime, aid.party_id) if one.reference == aid.reference]

    def counts(self, aid_id: str) -> int:
        """What of aid counts, micro-units: all but what another attestation of the same grant counts."""
        return self.attested[aid_id].amount - self.covered.get(aid_id, 0)

    def cover(self, aid_id: str, amount: int) -> None:
        """Know how much of aid is counted elsewhere."""
        if amount:
            self.covered[aid_id] = amount
        elif aid_id in self.covered:
            del self.covered[aid_id]

    def drop(self, aid_id: str) -> Aid:
        """Forget aid, and give it."""
        aid = self.attested.pop(aid_id)
        self.cover(aid_id, 0)
        without(self._by_party, (aid.regime, aid.party_id), aid_id)
        self._by_name[aid.regime] -= 1
        if not self._by_name[aid.regime]:
            del self._by_name[aid.regime]
        return aid

    def forget(self, counters: Counters, name: str, party_id: str, day: int) -> None:
        """Forget what of a party's counts no more on a day, by the longest window that anybody names."""
        known = [*self.regimes.get(name, {}).values(), *(each.regime for each in self.versions(name))]
        if not known:
            return
        first = min(each.first_that_counts(day) for each in known)
        counters.forget(f"{REGIME}{name}", party_id, first)
        for aid_id in [aid_id for aid_id, aid in self.of(name, party_id) if aid.on < first]:
            self.drop(aid_id)


def overlaps(grants: Iterable[tuple[str, Aid]]) -> Iterator[tuple[str, int]]:
    """How much of each attestation of one grant is counted by the others, micro-units.

    On every day the largest counts whose window has not passed: of each what it has beyond those of later days, and
    beyond larger ones of its day.
    """
    counted = 0
    for aid_id, aid in sorted(grants, key=lambda each: (-each[1].on, -each[1].amount)):
        yield aid_id, min(counted, aid.amount)
        counted = max(counted, aid.amount)


def regimes_of(terms: Terms) -> Iterator[tuple[str, Regime]]:
    """The ceilings of law that a version names."""
    if isinstance(terms, Rules):
        for rule in terms.regimes:
            each = rule.regime
            yield each.regime, Regime(terms.unit, each.months, each.unit, each.counts_on)
