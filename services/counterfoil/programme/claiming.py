"""A claim on an invoice as a case: what was recorded of it is what it is judged by, whoever judges it, and when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, cast

from counterfoil.contract.applications import EnvelopePart, FactGiven
from counterfoil.contract.invoices import ClaimBasis
from counterfoil.contract.scalars import CountingEvent
from counterfoil.programme.case import Case, ContractDates, Counted, History, Line
from counterfoil.programme.conditions import facts_of
from counterfoil.programme.facts import Fact, Facts, value_of
from counterfoil.programme.form.benefit import Scope
from counterfoil.programme.form.identity import MoneyUnit
from counterfoil.programme.models import MODELS
from counterfoil.programme.rules import Rules
from counterfoil.programme.terms import Terms, on_market

ON_VOUCHER: Final[tuple[CountingEvent, ...]] = ("PAID",)
"""As what a claim on a voucher counts: the grant was counted before."""
AT_ONCE: Final[tuple[CountingEvent, ...]] = ("APPLIED", "GRANTED", "PAID")
"""As what a claim after use counts, which is granted and paid in one act."""


def by_invoice(terms: Terms) -> bool:
    """Whether the programme's vouchers are claimed with invoices: those in money that pay nothing on the market."""
    if not isinstance(terms, Rules) or not isinstance(terms.document.unit, MoneyUnit):
        return False
    return MODELS[terms.document.redemption.model].by_invoice and not on_market(terms, meters_in_kind=True)


def after_use(terms: Terms) -> bool:
    """Whether the programme reimburses use that nothing was granted for before: its beneficiary claims that."""
    if not isinstance(terms, Rules) or not isinstance(terms.document.unit, MoneyUnit):
        return False
    return not MODELS[terms.document.redemption.model].applies


def asked_of(rules: Rules) -> frozenset[str]:
    """The facts that a line's tier, its scope or a cap asks for."""
    conditions = [each.tier.when for each in rules.tiers]
    conditions += [each.cap.waived_when for each in rules.caps]
    return frozenset({"workload"}.union(*map(facts_of, (*conditions, rules.document.scope.line_when))))


def case_of(
    rules: Rules,
    basis: ClaimBasis,
    events: tuple[CountingEvent, ...] = ON_VOUCHER,
    left: Iterable[EnvelopePart] = (),
    *,
    counts_asked: bool = False,
) -> Case:
    """The case of a claim; `left`: of envelopes, where it is granted too. Raises ValueError where facts contradict.

    `counts_asked`: as in `Case`.
    """
    seen = {each.line: each for each in basis.seen}
    contract = basis.contract
    return Case(
        day=basis.day,
        events=events,
        subjects={cast("Scope", each.scope): each.subject for each in basis.subjects},
        facts=facts_given(rules, [each for each in basis.facts if each.line is None], basis.day),
        lines=tuple(
            Line(
                id=each.id,
                sku=each.sku,
                instrument=each.instrument,
                amount=each.amount,
                tax=each.tax,
                quantity=each.quantity,
                unit=each.unit or "",
                class_id=each.class_id,
                region=each.region,
                provider_id=each.provider_id or "",
                provider_listed=seen[each.id].listed,
                related=seen[each.id].related,
                starts=each.starts,
                ends=each.ends,
                facts=facts_given(rules, [fact for fact in basis.facts if fact.line == each.id], basis.day),
            )
            for each in basis.lines
        ),
        applied=basis.applied,
        contract=None if contract is None else ContractDates(contract.signed, contract.starts, contract.ends),
        approved={each.cap: each.amount for each in basis.caps},
        granted=basis.most,
        granted_before="GRANTED" not in events,
        left={each.envelope: each.amount for each in left},
        first_used={each.tier: each.on for each in basis.used},
        other_support={each.programme: each.amount for each in basis.other_support},
        history=History(Counted(each.cap, each.subject, each.event, basis.day, each.amount) for each in basis.counted),
        counts_asked=counts_asked,
    )


def facts_given(rules: Rules, given: Iterable[FactGiven], day: int) -> Facts:
    """Facts as an event has them, on a day. Raises ValueError where two contradict each other."""
    facts = []
    for each in given:
        kept = rules.facts.kinds.get(each.name)
        value = None if kept is None else value_of(kept.kind, each.values)
        if value is not None:
            facts.append(Fact(each.name, value, each.attested_by, each.on))
    return Facts(rules.facts, facts, day)
