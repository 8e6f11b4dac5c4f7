"""What of a line is eligible: scope, contract, dates, price, tax, pro-rata."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from counterfoil.contract.times import format_day, parse_date
from counterfoil.programme.case import Case, ContractDates, Line
from counterfoil.programme.conditions import judge
from counterfoil.programme.form.identity import ComputeUnit
from counterfoil.programme.models import MODELS
from counterfoil.programme.periods import Span
from counterfoil.programme.rules import Rules
from counterfoil.programme.steps import Micros, Step, Value, day_text, step
from counterfoil.programme.values import MICRO, Exact, parse_amount, rounded, share_of, times


class Eligible(NamedTuple):
    """The eligible amount of a line in micro-units, how it was found, and why it is none."""

    amount: Exact
    steps: tuple[Step, ...]
    refusal: Step | None = None


def eligible(rules: Rules, case: Case, line: Line) -> Eligible:
    """The eligible amount of one line."""
    refusal = next(_reasons_against(rules, case, line), None)
    if refusal is not None:
        return Eligible(0, (), refusal)
    begun = step("line", line.id, line=line.id, sku=line.sku, amount=Micros(line.amount))
    if isinstance(rules.document.unit, ComputeUnit):
        return _in_kind(rules, case, line, begun)
    amount: Exact = line.amount
    steps = [begun]
    if line.tax and rules.document.benefit.tax == "EXCLUDING":
        amount -= line.tax
        steps.append(step("tax_left_out", line.id, tax=Micros(line.tax), result=Micros(amount)))
    over = _over_ceiling(rules, line, amount)
    if over is not None:
        if over.refusal is not None:
            return over
        amount, steps = over.amount, [*steps, *over.steps]
    return _pro_rata(rules, case, line, Eligible(amount, tuple(steps)))


def _reasons_against(rules: Rules, case: Case, line: Line) -> Iterator[Step]:
    scope = rules.document.scope
    if line.sku in scope.exclude:
        yield step("sku_excluded", line.id, sku=line.sku)
    if scope.include and line.sku not in scope.include:
        yield step("sku_not_included", line.id, sku=line.sku)
    if line.class_id is not None and not rules.allows_class(line.class_id):
        yield step("class_not_allowed", line.id, class_id=line.class_id)
    if line.region is not None and not rules.allows_region(line.region):
        yield step("region_not_allowed", line.id, region=line.region)
    facts = case.facts.joined(line.facts)
    workload = facts.get("workload")
    if scope.workloads and workload is not None and workload.value not in scope.workloads:
        yield step("workload_not_allowed", line.id, workload=str(workload.value))
    found = judge(scope.line_when, facts, case.day)
    if found.holds is not True:
        missing = f" (nobody attested {', '.join(found.missing)})" if found.missing else ""
        yield step("line_condition", line.id, missing=missing)
    if rules.document.providers.mode != "OPEN" and not line.provider_listed:
        yield step("provider_not_listed", line.id, provider=line.provider_id)
    if rules.document.contract.arms_length is not None and line.related:
        yield step("related_parties", line.id)
    yield from _dates_against(rules, case, line)


def _dates_against(rules: Rules, case: Case, line: Line) -> Iterator[Step]:
    terms, contract = rules.document.contract, case.contract
    if contract is not None:
        yield from _contract_against(rules, contract)
    if line.starts is None or line.ends is None:
        return
    used: dict[str, Value] = {"start": format_day(line.starts), "end": format_day(line.ends)}
    reference = rules.reference
    if rules.document.benefit.prorata is None and not _inside(line, reference):
        yield step("outside_reference", line.id, **used)
    if contract is not None and not _inside(line, Span(contract.starts, contract.ends + 1)):
        yield step("outside_contract", line.id, **used)
    before = case.applied is not None and line.starts < case.applied
    if terms.prior_costs_excluded and before and MODELS[rules.document.redemption.model].applies:
        yield step("prior_costs", line.id, start=used["start"], applied=day_text(case.applied))


def _inside(line: Line, days: Span) -> bool:
    return days.has(line.starts or 0) and days.has(line.ends or 0)


def _contract_against(rules: Rules, contract: ContractDates) -> Iterator[Step]:
    terms = rules.document.contract
    if terms.signed_from is not None and contract.signed < parse_date(terms.signed_from):
        yield step("contract_too_early", day=format_day(contract.signed), first=terms.signed_from)
    if terms.signed_until is not None and contract.signed > parse_date(terms.signed_until):
        yield step("contract_too_late", day=format_day(contract.signed), last=terms.signed_until)
    days = contract.ends - contract.starts + 1
    if terms.max_term_days is not None and days > terms.max_term_days:
        yield step("contract_too_long", days=str(days), limit=str(terms.max_term_days))


def _in_kind(rules: Rules, case: Case, line: Line, begun: Step) -> Eligible:
    """An allocation of compute: the line's quantity in the programme's unit."""
    if line.unit == rules.unit:
        return Eligible(line.quantity, (begun,))
    rate = _conversion(rules, case, line)
    if rate is None:
        return Eligible(0, (), step("unit_not_convertible", line.id, unit=line.unit or "no unit"))
    amount = share_of(line.quantity, rate)
    quantity = Micros(line.quantity)
    made = step("converted", line.id, quantity=quantity, unit=line.unit, rate=_multiple(rate), result=Micros(amount))
    return Eligible(amount, (begun, made))


def _conversion(rules: Rules, case: Case, line: Line) -> Fraction | None:
    """How much of the programme's unit one unit of a line is: as its provider's own conversion says, or that of all."""
    known = rules.conversions.get(line.unit, ())
    if case.converts_for_all:
        return known[-1][1] if known else None
    of = dict(known)
    return of.get(line.provider_id, of.get(None))


def _multiple(rate: Fraction) -> Value:
    """A decimal number where six decimals say it, else the fraction."""
    exact = (rate * MICRO).denominator == 1
    return Micros(rate * MICRO) if exact else f"{rate.numerator}/{rate.denominator}"


def _over_ceiling(rules: Rules, line: Line, amount: Exact) -> Eligible | None:
    """The amount cut to the ceiling of a unit's price, or why the line is refused; None where it is not above."""
    rule = rules.document.providers.price_ceiling
    if rule is None or line.quantity == 0:
        return None
    listed = (rule.per_unit or {}).get(line.sku)
    ceiling = line.ceiling if listed is None else parse_amount(listed)
    if ceiling is None or amount * MICRO <= ceiling * line.quantity:
        return None
    if rule.on_excess == "REJECT":
        price = Micros(Fraction(amount * MICRO, line.quantity))
        return Eligible(0, (), step("price_above_ceiling", line.id, price=price, ceiling=Micros(ceiling)))
    cut = times(ceiling, line.quantity, MICRO)
    return Eligible(cut, (step("cut_to_ceiling", line.id, ceiling=Micros(ceiling), result=Micros(cut)),))


def _pro_rata(rules: Rules, case: Case, line: Line, found: Eligible) -> Eligible:
    """The part of the contract's days that lies in the reference period.

    Nanning 2025: 305/729 of a contract from 2025-01-01 to 2026-12-31 lies in 2025-03-01 to 2025-12-31, by the
    difference of dates.
    """
    rule = rules.document.benefit.prorata
    starts, ends = line.starts, line.ends
    if case.contract is not None and starts is None:
        starts, ends = case.contract.starts, case.contract.ends
    if rule is None or starts is None or ends is None:
        return found
    extra = 1 if rule.day_count == "INCLUSIVE" else 0
    first = max(starts, rules.reference.start if rules.reference.start is not None else starts)
    last = min(ends, rules.reference.end - 1 if rules.reference.end is not None else ends)
    days, of = last - first + extra, ends - starts + extra
    if days <= 0 or of <= 0:
        return Eligible(0, found.steps, step("outside_reference", line.id, start=day_text(starts), end=day_text(ends)))
    amount = times(found.amount, days, of)
    texts: dict[str, Value] = {
        "days": str(days),
        "of": str(of),
        "amount": Micros(found.amount),
        "result": Micros(amount),
    }
    result = found._replace(amount=amount, steps=(*found.steps, step("pro_rata", line.id, **texts)))
    return each_step_rounded(rules, line.id, result)


def each_step_rounded(rules: Rules, line_id: str, found: Eligible) -> Eligible:
    """The amount rounded, where the programme rounds at each step."""
    rounding = rules.document.benefit.rounding
    if rounding is None or not rounding.at_each_step:
        return found
    result = rounded(found.amount, rounding)
    if result == found.amount:
        return found
    mode = rounding.mode.lower().replace("_", " ")
    made = step(
        "rounded", line_id, amount=Micros(found.amount), mode=mode, quantum=rounding.quantum, result=Micros(result)
    )
    return found._replace(amount=result, steps=(*found.steps, made))
