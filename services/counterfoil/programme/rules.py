"""What a programme document means: one immutable value that every question is asked of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256

from counterfoil.contract.times import HOUR, SECOND, parse_date
from counterfoil.programme.facts import Declared, declared
from counterfoil.programme.form.benefit import Cap, SubsidyRegime, Tier
from counterfoil.programme.form.document import Document
from counterfoil.programme.form.identity import MoneyUnit
from counterfoil.programme.periods import Span
from counterfoil.programme.reading import Read
from counterfoil.programme.steps import Micros, Value
from counterfoil.programme.values import MICRO, WHOLE, day_of, parse_amount, parse_multiple, parse_offset, parse_rate


@dataclass(frozen=True, slots=True)
class TierRule:
    """A tier, its rate, and for how much of the eligible amount it holds (micro-units)."""

    tier: Tier
    rate: Fraction
    until: int | None


@dataclass(frozen=True, slots=True)
class CapRule:
    """A cap, and its amount: micro-units, or a number of grants; None where each application has its own.

    `said`: what the steps that name it say of it.
    """

    cap: Cap
    limit: int | None
    said: Mapping[str, Value] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class RegimeRule:
    """A ceiling of law, in micro-units."""

    regime: SubsidyRegime
    limit: int

    @property
    def key(self) -> str:
        """By which it is counted, apart from every cap."""
        return f"regime:{self.regime.regime}"


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of a programme, ready to be asked. Made by `rules_of`.

    `digest` is SHA-256 of the document's canonical bytes. `valid` and the reference period are local days, their ends
    excluded; `offset` is microseconds ahead of UTC.
    """

    document: Document
    digest: bytes
    facts: Declared
    offset: int
    valid: Span
    reference: Span
    tiers: tuple[TierRule, ...]
    caps: tuple[CapRule, ...]
    regimes: tuple[RegimeRule, ...]
    conversions: Mapping[str, tuple[tuple[str | None, Fraction], ...]]
    """By the unit of a line: for which provider (None: any other), and how much of the programme's unit it is."""
    shares: tuple[tuple[str, Fraction], ...]

    def day(self, time: int) -> int:
        """The programme's local day of a time in microseconds UTC."""
        return day_of(time, self.offset)

    def grants_on(self, day: int) -> bool:
        """Whether something may be granted on a local day."""
        return self.valid.has(day)

    @property
    def unit(self) -> str:
        """The currency, or the unit of compute."""
        unit = self.document.unit
        return unit.currency if isinstance(unit, MoneyUnit) else unit.unit

    @property
    def currency(self) -> str:
        """What vouchers are counted in: the same as `unit`, by the name that thin terms have for it."""
        return self.unit

    @property
    def redemption_model(self) -> str:
        """Who is paid, and when."""
        return self.document.redemption.model

    @property
    def title(self) -> str:
        """The title, in English if there is one."""
        titles = self.document.title
        return titles.get("en", next(iter(titles.values())))

    @property
    def recycles(self) -> bool:
        """Whether expired value may be issued again."""
        return self.document.expiry.recycle_to == "APPROPRIATION"

    @property
    def hold_tolls_expiry(self) -> bool:
        """Whether what was ordered in time is paid even if it is delivered after the end."""
        return self.document.spending.hold_tolls_expiry

    @property
    def report_within_seconds(self) -> int:
        """How long after the end of delivery use is reported."""
        return self.document.delivery.report_hours * HOUR // SECOND

    @property
    def dispute_window_seconds(self) -> int:
        """How long after its report use may be disputed."""
        return self.document.delivery.dispute_hours * HOUR // SECOND

    @property
    def judges_days(self) -> bool:
        """Whether what is paid of a purchase depends on the days of its delivery."""
        reference = self.reference
        bounded = reference.start is not None or reference.end is not None
        return bounded or self.document.benefit.prorata is not None or self.document.contract.max_term_days is not None

    def is_open(self, time: int) -> bool:
        """Whether something may be granted at a time (microseconds)."""
        return self.grants_on(self.day(time))

    def allows(self, classes: Iterable[str], regions: Iterable[str]) -> bool:
        """Whether the programme pays for all of the classes and regions."""
        return all(map(self.allows_class, classes)) and all(map(self.allows_region, regions))

    def allows_class(self, class_id: str) -> bool:
        """Whether the market's class is in the programme."""
        classes = self.document.scope.classes
        return isinstance(classes, str) or class_id in classes

    def allows_region(self, region: str) -> bool:
        """Whether the market's region is in the programme."""
        regions = self.document.scope.regions
        return isinstance(regions, str) or region in regions


def rules_of(read: Read) -> Rules:
    """The rules that a document lays down. Whether they contradict each other, `lint` says."""
    document = read.document
    benefit, redemption = document.benefit, document.redemption
    return Rules(
        document=document,
        digest=sha256(read.data).digest(),
        facts=declared(document.facts),
        offset=parse_offset(document.valid.utc_offset),
        valid=_days(document.valid.start, document.valid.end),
        reference=_days(redemption.reference_start, redemption.reference_end),
        tiers=tuple(TierRule(each, parse_rate(each.rate), _amount(each.until)) for each in benefit.tiers),
        caps=tuple(_cap(each, _limit(each)) for each in benefit.caps),
        regimes=tuple(RegimeRule(each, parse_amount(each.ceiling)) for each in benefit.regimes),
        conversions={
            unit: tuple(
                (each.provider, parse_multiple(each.rate)) for each in document.conversions if each.from_unit == unit
            )
            for unit in dict.fromkeys(each.from_unit for each in document.conversions)
        },
        shares=tuple((each.payer, parse_rate(each.share)) for each in document.budget.funding) or (("issuer", WHOLE),),
    )


def _cap(cap: Cap, limit: int | None) -> CapRule:
    amount: Value = None if limit is None else limit if cap.of == "GRANTS" else Micros(limit)
    return CapRule(cap, limit, {"cap": cap.id, "scope": cap.scope.lower(), "period": cap.period, "limit": amount})


def _limit(cap: Cap) -> int | None:
    limit = _amount(cap.amount)
    return limit // MICRO if limit is not None and cap.of == "GRANTS" else limit


def _amount(text: str | None) -> int | None:
    return None if text is None else parse_amount(text)


def _days(first: str | None, last: str | None) -> Span:
    return Span(None if first is None else parse_date(first), None if last is None else parse_date(last) + 1)
