"""What an application or a claim is worth: rate x eligible lines, within every limit, rounded, with its reasons.

The order is fixed: what of each line is eligible (tax, price ceiling, pro-rata), deduction of other support, tier and
rate per line, floor, other support and co-payment, what was granted, ceilings of law, caps, the budget, rounding,
shares of the payers. Where several limits bind, the least counts. Rounding passes no limit: where it would, the
amount is truncated.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from counterfoil.contract.times import format_day
from counterfoil.programme.bounds import (
    Bound,
    Sum,
    cap_bound,
    envelope_bound,
    envelope_of,
    regime_bound,
    regime_whole,
    support_limits,
)
from counterfoil.programme.case import Case, Counted, Line
from counterfoil.programme.conditions import judge
from counterfoil.programme.eligibility import Eligibility, eligibility
from counterfoil.programme.facts import Fact
from counterfoil.programme.form.benefit import Rounding
from counterfoil.programme.form.identity import ComputeUnit
from counterfoil.programme.lines import Eligible, each_step_rounded, eligible
from counterfoil.programme.rules import Rules
from counterfoil.programme.sharing import shared
from counterfoil.programme.steps import Micros, Share, Step, Value, step
from counterfoil.programme.tiers import Tiers
from counterfoil.programme.values import Exact, ceiling_of, floor_of, parse_amount, rounded, share_of, total_of


class LineResult(NamedTuple):
    """A line: its eligible amount and subsidy before the limits of the whole (micro-units), or why it has none."""

    line: Line
    eligible: Exact
    subsidy: Exact
    steps: tuple[Step, ...]
    refusal: Step | None


class Evaluation(NamedTuple):
    """A decision with its reasons. Amounts are micro-units of the programme's unit.

    `subsidy` is what the programme pays, 0 where it is refused; `eligible` what it is paid for, and `co_payment` the
    rest of that. `payers` divides the subsidy, to its last micro-unit, and `envelopes` says which of these it is from.
    `counts` is what it adds to caps and ceilings.
    """

    digest: bytes
    subsidy: int
    eligible: Exact
    co_payment: Exact
    lines: tuple[LineResult, ...]
    steps: tuple[Step, ...]
    refusal: Step | None
    payers: tuple[tuple[str, int], ...]
    counts: tuple[Counted, ...]
    facts: tuple[Fact, ...]
    envelopes: tuple[tuple[str, int], ...]

    @property
    def reason(self) -> Step | None:
        """Why nothing is granted or paid: where no line is eligible, the first line's reason."""
        of_lines = (each.refusal for each in self.lines if each.refusal is not None)
        nothing = self.refusal is not None and self.refusal.code == "nothing_eligible"
        return next(of_lines, self.refusal) if nothing else self.refusal


class _Course:
    """One evaluation on its way: its steps, its refusal, and by instruments the least of the limits met."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.refusal: Step | None = None
        self.limits: dict[tuple[str, ...], Exact] = {}

    def refuse(self, refusal: Step | None) -> None:
        """Keep the first refusal."""
        if self.refusal is None:
            self.refusal = refusal

    def take(self, bound: Bound, amount: Exact) -> Exact:
        """The amount within one more limit."""
        self.refuse(bound.refusal)
        if bound.amount is None or bound.amount >= amount:
            for each in bound.steps:
                if each.code in _SAID_ANYWAY:
                    self.steps.append(each)
            return amount
        self.steps.extend(bound.steps)
        return bound.amount


_NOTHING = Sum("", 0, 0, 0)
_SAID_ANYWAY = frozenset({"cap_not_reached", "cap_waived", "ceiling_not_reached"})


def evaluate(rules: Rules, case: Case) -> Evaluation:
    """Decide a case by the programme's rules. The same function answers a check, an application and a replay."""
    course = _Course()
    found = Eligibility((), None, ()) if case.granted_before else eligibility(rules, case.facts, case.day)
    course.steps.extend(found.steps)
    if "PAID" not in case.events and not rules.grants_on(case.day):
        course.refuse(step("not_open", day=format_day(case.day)))
    course.refuse(found.refusal)
    if not case.lines:
        course.refuse(step("no_lines"))
    bases = _bases(rules, case, course)
    results = _rated(rules, case, bases)
    total = total_of(each.eligible for each in results)
    if case.lines and total == 0:
        course.refuse(step("nothing_eligible"))
    _floor(rules, case, results, course)
    limited = _limited(rules, case, results, course)
    return _concluded(rules, case, results, course, limited)._replace(facts=found.facts)


def _bases(rules: Rules, case: Case, course: _Course) -> list[tuple[Line, Eligible]]:
    """The eligible amount of each line, less the other support that comes first."""
    found = [(line, eligible(rules, case, line)) for line in case.lines]
    deducted = {
        name: amount
        for rule in rules.document.benefit.stacking
        if rule.deducted_first
        for name, amount in case.other_support.items()
        if name == rule.other or rule.other == "*"
    }
    for name, amount in deducted.items():
        left: Exact = amount
        total = total_of(each.amount for _, each in found)
        reduced = []
        for line, each in found:
            taken = min(each.amount, left)
            left -= taken
            reduced.append((line, each._replace(amount=each.amount - taken)))
        found = reduced
        result = max(total - amount, 0)
        course.steps.append(step("other_support_deducted", other=name, amount=Micros(amount), result=Micros(result)))
    return found


def _rated(rules: Rules, case: Case, bases: Iterable[tuple[Line, Eligible]]) -> tuple[LineResult, ...]:
    tiers, results = Tiers(rules, case), []
    for line, base in bases:
        if base.refusal is not None:
            results.append(LineResult(line, 0, 0, base.steps, base.refusal))
            continue
        applied = tiers.apply(line, base.amount)
        if not applied.parts:
            missing = f" (nobody attested {', '.join(dict.fromkeys(applied.missing))})" if applied.missing else ""
            refusal = None if base.amount == 0 else step("no_tier", line.id, missing=missing)
            results.append(LineResult(line, 0, 0, base.steps, refusal))
            continue
        subsidy: Exact = 0
        steps = [*base.steps]
        for tier, amount in applied.parts:
            paid = share_of(amount, tier.rate)
            subsidy += paid
            texts: dict[str, Value] = {"rate": Share(tier.rate), "amount": Micros(amount), "result": Micros(paid)}
            steps.append(step("rate", line.id, tier=tier.tier.id, **texts))
        whole = total_of(amount for _, amount in applied.parts)
        made = each_step_rounded(rules, line.id, Eligible(subsidy, tuple(steps)))
        results.append(LineResult(line, whole, made.amount, made.steps, None))
    return tuple(results)


def _floor(rules: Rules, case: Case, results: tuple[LineResult, ...], course: _Course) -> None:
    floor = rules.document.benefit.floor
    if floor is None or case.granted_before:
        return
    if floor.waived_when is not None and judge(floor.waived_when, case.facts, case.day).holds:
        course.steps.append(step("floor_waived"))
        return
    least = parse_amount(floor.amount)
    counted = [each for each in results if each.refusal is None]
    reached = {
        "ELIGIBLE_AMOUNT": total_of(each.eligible for each in counted),
        "SUBSIDY": total_of(each.subsidy for each in counted),
        "QUANTITY": sum(_quantity(rules, case, each) for each in counted),
        "PFLOPS": sum(each.line.quantity for each in counted if each.line.unit.startswith("PFLOPS")),
    }[floor.measure]
    measure = floor.measure.lower().replace("_", " ")
    texts: dict[str, Value] = {"measure": measure, "amount": Micros(reached), "floor": Micros(least)}
    if reached < least:
        course.refuse(step("below_floor", **texts))
    else:
        course.steps.append(step("floor_met", **texts))


class _Limited(NamedTuple):
    """The subsidy within every limit, and by how much it could grow before it meets one; None: without end."""

    amount: Exact
    slack: Exact | None
    sums: dict[str, Sum]


def _limited(rules: Rules, case: Case, results: tuple[LineResult, ...], course: _Course) -> _Limited:
    """The subsidy of all lines within every limit. A cap of some instruments cuts these alone."""
    sums = _by_instrument(rules, case, results)
    total = total_of(each.eligible for each in sums.values())
    for bound in support_limits(rules, case, total):
        _cut(sums, (), bound, course)
    for regime in (each for each in rules.regimes if each.regime.excess != "REFUSE"):
        _cut(sums, (), regime_bound(case, regime, _subsidy(sums, ())), course)
    known: dict[tuple[str, ...], Sum] = {}  # most caps are of the same instruments, and cut nothing
    for cap in rules.caps:
        instruments = cap.cap.instruments
        asked = known.get(instruments)
        if asked is None:
            asked = known[instruments] = _asked(sums, instruments)
        if asked.eligible > 0 and _cut(sums, instruments, cap_bound(rules, case, cap, asked), course, asked.subsidy):
            known.clear()
    for instruments in _by_envelope(rules, sums).values():
        asked_for = _subsidy(sums, instruments)
        if asked_for > 0:
            _cut(sums, instruments, envelope_bound(rules, case, instruments[0], asked_for), course)
    slack = [most - _subsidy(sums, instruments) for instruments, most in course.limits.items()]
    return _Limited(_subsidy(sums, ()), min(slack, default=None), sums)


def _by_envelope(rules: Rules, sums: dict[str, Sum]) -> dict[str, tuple[str, ...]]:
    """The instruments asked for that share an envelope; those that none pays for are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for instrument in sums:
        envelope = envelope_of(rules, instrument)
        if envelope is not None:
            found[envelope.id] = (*found.get(envelope.id, ()), instrument)
    return found


def _from_envelopes(rules: Rules, limited: _Limited, subsidy: int) -> tuple[tuple[str, int], ...]:
    """What of the subsidy each envelope pays, in proportion, rounded down; the last one pays the rest."""
    left, parts = subsidy, []
    shared = _by_envelope(rules, limited.sums)
    for number, (envelope, instruments) in enumerate(shared.items(), 1):
        if number == len(shared):
            part = left
        else:
            part = floor_of(share_of(subsidy, Fraction(_subsidy(limited.sums, instruments), limited.amount)))
        parts.append((envelope, part))
        left -= part
    return tuple((envelope, part) for envelope, part in parts if part)


def _quantity(rules: Rules, case: Case, result: LineResult) -> int:
    """How much a line has: in kind, of the programme's unit, into which lines of other units are converted."""
    converted = isinstance(rules.document.unit, ComputeUnit) and not case.converts_for_all
    return floor_of(result.eligible) if converted else result.line.quantity


def _by_instrument(rules: Rules, case: Case, results: tuple[LineResult, ...]) -> dict[str, Sum]:
    sums: dict[str, Sum] = {}
    for each in results:
        if each.refusal is not None:
            continue
        line, before = each.line, sums.get(each.line.instrument)
        added = Sum(line.instrument, each.eligible, each.subsidy, _quantity(rules, case, each))
        sums[line.instrument] = added if before is None else _both(before, added)
    return sums


def _both(one: Sum, other: Sum) -> Sum:
    return Sum(
        one.instrument, one.eligible + other.eligible, one.subsidy + other.subsidy, one.quantity + other.quantity
    )


def _asked(sums: dict[str, Sum], instruments: tuple[str, ...]) -> Sum:
    asked = _NOTHING
    for each in sums.values():
        if not instruments or each.instrument in instruments:
            asked = _both(asked, each)
    return asked


def _subsidy(sums: dict[str, Sum], instruments: tuple[str, ...]) -> Exact:
    subsidy: Exact = 0
    for each in sums.values():
        if not instruments or each.instrument in instruments:
            subsidy += each.subsidy
    return subsidy


def _cut(
    sums: dict[str, Sum], instruments: tuple[str, ...], bound: Bound, course: _Course, asked: Exact | None = None
) -> bool:
    """Bring what the instruments ask for, `asked` if known, within a bound, in proportion; whether it cut."""
    asked = _subsidy(sums, instruments) if asked is None else asked
    left = course.take(bound, asked)
    if bound.amount is not None:
        least = course.limits.get(instruments)
        if least is None or bound.amount < least:
            course.limits[instruments] = bound.amount
    if left == asked:
        return False
    for name, each in sums.items():
        if not instruments or name in instruments:
            sums[name] = each._replace(subsidy=share_of(each.subsidy, Fraction(left, asked)))
    return True


def _concluded(
    rules: Rules, case: Case, results: tuple[LineResult, ...], course: _Course, limited: _Limited
) -> Evaluation:
    total = total_of(each.eligible for each in results)
    subsidy = _rounded(rules, limited, course)
    if subsidy == 0 and total > 0:
        rounding = rules.document.benefit.rounding
        course.refuse(step("below_quantum", quantum=rounding.quantum if rounding is not None else "0.000001"))
    for regime in rules.regimes:
        if regime.regime.excess == "REFUSE":
            course.take(regime_whole(case, regime, subsidy), subsidy)
    if course.refusal is not None:
        subsidy = 0
    payers = shared(rules, subsidy)
    if len(payers) > 1:
        shares = dict(rules.shares)
        course.steps.extend(
            step("split", payer=payer, share=Share(shares[payer]), amount=Micros(part)) for payer, part in payers
        )
    return Evaluation(
        digest=rules.digest,
        subsidy=subsidy,
        eligible=total,
        co_payment=total - subsidy,
        lines=results,
        steps=tuple(course.steps),
        refusal=course.refusal,
        payers=payers,
        counts=() if course.refusal is not None else _counts(rules, case, results, limited, subsidy),
        facts=(),
        envelopes=_from_envelopes(rules, limited, subsidy) if subsidy else (),
    )


def _rounded(rules: Rules, limited: _Limited, course: _Course) -> int:
    amount = limited.amount
    rounding = rules.document.benefit.rounding or Rounding(mode="TRUNCATE", quantum="0.000001")
    result = rounded(amount, rounding)
    if limited.slack is not None and result - amount > limited.slack:  # rounding passes no limit
        rounding = Rounding(mode="TRUNCATE", quantum=rounding.quantum)
        result = rounded(amount, rounding)
    if result != amount:
        mode = {"TRUNCATE": "truncated", "CEILING": "rounded up"}.get(rounding.mode, "rounded")
        texts: dict[str, Value] = {"amount": Micros(amount), "quantum": rounding.quantum, "result": Micros(result)}
        course.steps.append(step("rounded", mode=mode, **texts))
    return result


def _counts(
    rules: Rules, case: Case, results: tuple[LineResult, ...], limited: _Limited, subsidy: int
) -> tuple[Counted, ...]:
    """What the decision adds to each cap: of instruments of its own, what is granted of what they asked, rounded up."""
    sums = _by_instrument(rules, case, results)
    granted = sums if case.counts_asked else limited.sums
    whole = _subsidy(granted, ())
    added: list[Counted] = []
    known: dict[tuple[str, ...], dict[str, int]] = {}
    for rule in rules.caps:
        cap = rule.cap
        if cap.instruments not in known:
            asked, part = _asked(sums, cap.instruments), _subsidy(granted, cap.instruments)
            known[cap.instruments] = _counting(asked, subsidy, part, whole, scaled=not case.counts_asked)
        amount = known[cap.instruments][cap.of]
        subject = case.subjects.get(cap.scope, "")
        if amount:
            added += [Counted(cap.id, subject, event, case.day, amount) for event in cap.counts if event in case.events]
    for ceiling in rules.regimes:
        if ceiling.regime.counts_on in case.events and subsidy:
            subject = case.subjects.get(ceiling.regime.unit, "")
            added.append(Counted(ceiling.key, subject, ceiling.regime.counts_on, case.day, subsidy))
    return tuple(added)


def _counting(asked: Sum, subsidy: int, part: Exact, whole: Exact, *, scaled: bool) -> dict[str, int]:
    """What a decision adds, by what a cap may count of it. `part`: of the `whole` subsidy, that of these."""
    granted: Exact = 0
    if whole > 0:  # most often of all that is asked for
        granted = subsidy if part == whole else share_of(subsidy, Fraction(part, whole))
    eligible, quantity = asked.eligible, asked.quantity
    if scaled and part != asked.subsidy:  # limits cut them; rounding does not
        of = Fraction(part, asked.subsidy)
        eligible, quantity = share_of(eligible, of), ceiling_of(share_of(quantity, of))
    elif scaled and not part:
        eligible = quantity = 0
    return {
        "SUBSIDY": ceiling_of(granted),
        "ELIGIBLE_AMOUNT": ceiling_of(eligible),
        "QUANTITY": quantity,
        "GRANTS": 1 if asked.eligible > 0 else 0,
    }
