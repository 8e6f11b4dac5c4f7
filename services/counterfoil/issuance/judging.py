"""What a programme's document grants an application: the case that the log makes of it, and the evaluation of that.

`programme explain` evaluates what it is told by the same function; here caps, budget, providers and facts are those of
the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from counterfoil.contract.applications import CapSet, CounterMoved, Explained, FactGiven
from counterfoil.contract.canonical import canonical
from counterfoil.contract.forms import dump
from counterfoil.contract.limits import MAX_AMOUNT, MAX_SENTENCE
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.scalars import CountingEvent
from counterfoil.core.decider import refuse
from counterfoil.issuance.applying import Application
from counterfoil.issuance.controlling import dependent
from counterfoil.issuance.counting import ALL_OF_THEM, COUNTING_EVENTS
from counterfoil.issuance.events import ApplicationSubmitted
from counterfoil.issuance.facts import AWARDS, facts_of, facts_of_line, given
from counterfoil.issuance.laws import lawful
from counterfoil.issuance.state import IssuanceState
from counterfoil.programme.benefit import Evaluation, evaluate
from counterfoil.programme.bounds import ENVELOPE, days_of, given_out
from counterfoil.programme.case import Case, ContractDates, Counted, History, Line
from counterfoil.programme.claiming import AT_ONCE, asked_of
from counterfoil.programme.form.benefit import Scope
from counterfoil.programme.form.budget import Envelope, Period
from counterfoil.programme.periods import Span, span
from counterfoil.programme.rules import RegimeRule, Rules
from counterfoil.programme.steps import Step

T = TypeVar("T")
EVENTS: Final[tuple[CountingEvent, ...]] = ("APPLIED", "GRANTED")
"""What an approval counts as; use and payment count later, unless they came before."""
PER_CONTRACT: Final = "contract:all"
_MOST_EXPLAINED: Final = 128
FACTS_BYTES: Final = 8_192
_EXPLAINED_BYTES: Final = 24_576
_PROGRAMME: Final = Period(kind="PROGRAMME")
_ALWAYS: Final = Span(None, None)


class Judged(NamedTuple):
    """An application as a case, and what came of it."""

    case: Case
    evaluation: Evaluation


def judge(
    state: IssuanceState, rules: Rules, application_id: str, application: Application, day: int,
    caps: tuple[CapSet, ...] = (), at_most: int | None = None, today: int | None = None,
) -> Judged | Refusal:  # fmt: skip
    """What the document grants an application on a local day; a refusal where its facts contradict.

    `at_most`: what is left for it, micro-units. `today`: the local day that decides, where it is another one.
    """
    law_day = day if today is None or not state.rules.counts_grants_once else today
    rules = lawful(state, rules, law_day)
    asked = application.content
    subjects = _subjects(state, rules, application_id, application)
    try:
        facts = facts_of(state, rules, application_id, application, day)
        lines = tuple(_lines(state, rules, application_id, application, day))
    except ValueError as problem:
        return refuse(Code.NOT_GRANTED, why="facts_contradict", says=f"{problem}"[:120])
    contract = asked.contract
    case = Case(
        day=day,
        events=AT_ONCE if application_id in state.claims.waiting else EVENTS,
        subjects=subjects,
        facts=facts,
        lines=lines,
        ceilings_on=law_day,
        applied=rules.day(application.submitted_at),
        contract=None if contract is None else ContractDates(contract.signed, contract.starts, contract.ends),
        approved={each.cap: each.amount for each in caps},
        granted=at_most,
        left=left_of(state, rules, day),
        first_used=first_used(state, rules, asked.beneficiary_id),
        other_support={each.programme: each.amount for each in asked.other_support},
        history=History(history_of(state, rules, subjects, law_day)),
        converts_for_all=not state.rules.converts_by_provider,
        counts_asked=not state.rules.counts_granted,
    )
    return Judged(case, evaluate(rules, case))


def _subjects(state: IssuanceState, rules: Rules, application_id: str, application: Application) -> dict[Scope, str]:
    asked = application.content
    providers = list(dict.fromkeys(each.provider_id for each in asked.lines))
    return {
        "PROGRAMME": rules.document.id,
        "BENEFICIARY": asked.beneficiary_id,
        "GROUP": state.directory.parties[asked.beneficiary_id].group_id,
        "PROJECT": asked.project_id or application_id,
        "CONTRACT": contract_key(application_id, asked),
        "FUNDING_AWARD": application_id,
        "PROVIDER": (providers[0] if len(providers) == 1 else None) or application_id,
    }


def contract_key(application_id: str, asked: ApplicationSubmitted) -> str:
    """By what the contract of an application is counted."""
    return application_id if asked.contract is None else asked.contract.sha256.hex()[:32]


def _lines(
    state: IssuanceState, rules: Rules, application_id: str, application: Application, day: int
) -> Iterator[Line]:
    asked = application.content
    for each in asked.lines:
        provider = each.provider_id
        listed = provider is not None and state.listings.get((asked.programme_id, provider)) == "listed"
        yield Line(
            id=each.id,
            sku=each.sku,
            instrument=each.instrument,
            amount=each.amount,
            tax=each.tax,
            quantity=each.quantity,
            unit=each.unit or "",
            class_id=each.class_id,
            region=each.region,
            provider_id=provider or "",
            provider_listed=listed,
            related=provider is not None and dependent(state, rules, provider, asked.beneficiary_id),
            starts=each.starts,
            ends=each.ends,
            facts=facts_of_line(state, rules, application_id, application, each.id, provider, day),
        )


def history_of(state: IssuanceState, rules: Rules, subjects: Mapping[Scope, str], day: int) -> Iterator[Counted]:
    """What counts so far towards caps, and on a local day towards ceilings of law, for these subjects."""
    programme_id = rules.document.id
    group = frozenset(state.directory.members(subjects["GROUP"]))
    for rule in rules.caps:
        members = group if rule.cap.scope == "GROUP" else frozenset()
        for event in rule.cap.counts:
            yield from state.counters.entries(programme_id, rule.cap.id, event, subjects[rule.cap.scope], members)
    for ceiling in rules.regimes:
        unit = ceiling.regime.unit
        if state.rules.counts_grants_once:
            yield from _aid_of(state, ceiling, subjects, group, day)
            continue
        members = group if unit == "GROUP" else frozenset()
        yield from state.counters.entries(
            rules.document.id, ceiling.key, ceiling.regime.counts_on, subjects[unit], members
        )


def _aid_of(
    state: IssuanceState, ceiling: RegimeRule, subjects: Mapping[Scope, str], group: frozenset[str], day: int
) -> Iterator[Counted]:
    """What counts towards a ceiling of law, whoever counted it as what; what is dated later counts already.

    For whom, the law says; else the document.
    """
    name, unit = ceiling.regime.regime, ceiling.regime.unit
    law = state.aids.law(name, day)
    of_group = (unit if law is None else law[1].unit) == "GROUP"
    subject = subjects["GROUP"] if of_group else ""  # of a party all that is its own, also as a member
    members = group if of_group else frozenset((subjects["BENEFICIARY"],))
    for event in COUNTING_EVENTS:
        for each in state.counters.entries(ALL_OF_THEM, ceiling.key, event, subject, members):
            yield Counted(each.cap, subjects[unit], ceiling.regime.counts_on, min(each.on, day), each.amount)


def left_of(state: IssuanceState, rules: Rules, day: int) -> dict[str, int]:
    """What each envelope has left: of its own amount, and of what is appropriated and not committed."""
    uncommitted = state.programmes[rules.document.id].uncommitted
    return {
        each.id: uncommitted
        if each.amount is None
        else max(min(uncommitted, given_out(rules, each, day) - _spent(state, rules, each, day)), 0)
        for each in rules.document.budget.envelopes
    }


def _spent(state: IssuanceState, rules: Rules, envelope: Envelope, day: int) -> int:
    within = days_of(rules, envelope, day)
    entries = state.counters.entries(rules.document.id, f"{ENVELOPE}{envelope.id}", "GRANTED", rules.document.id)
    return sum(each.amount for each in entries if within.has(each.on))


def first_used(state: IssuanceState, rules: Rules, beneficiary_id: str) -> dict[str, int]:
    """On which day the beneficiary first used each tier that ends so many months later."""
    found = {}
    for rule in rules.tiers:
        if rule.tier.max_months is not None:
            entries = state.counters.entries(rules.document.id, f"tier:{rule.tier.id}", "GRANTED", beneficiary_id)
            days = [each.on for each in entries]
            if days:
                found[rule.tier.id] = min(days)
    return found


# what a decision says -----------------------------------------------------------------------------------------------


def counters_of(state: IssuanceState, rules: Rules, judged: Judged) -> tuple[CounterMoved, ...]:
    """What an approval adds to caps, ceilings of law and envelopes, each with what counts before and after."""
    case, granted = judged
    moved = moves(state, rules, case.history, granted.counts, granted.envelopes, case.day, case.law_day)
    for tier in tiers_of(granted):
        each = Counted(f"tier:{tier}", case.subjects["BENEFICIARY"], "GRANTED", case.day, 1)
        moved.append(_moved(each, _number(state, rules, each)))
    contract = Counted(PER_CONTRACT, case.subjects["CONTRACT"], "GRANTED", case.day, 1)
    given = award(state, rules, case.subjects["GROUP"], case.day)
    return (*moved, given, _moved(contract, _number(state, rules, contract)))


def moves(
    state: IssuanceState, rules: Rules, history: History, counts: Iterable[Counted],
    envelopes: Iterable[tuple[str, int]], day: int, law_day: int,
) -> list[CounterMoved]:  # fmt: skip
    """What a grant adds to caps and ceilings, and to envelopes by their ids."""
    spans = counting_days(lawful(state, rules, law_day), day, law_day)
    moved = [_moved(each, history.total(each.cap, each.subject, each.event, spans[each.cap])) for each in counts]
    by_id = {each.id: each for each in rules.document.budget.envelopes}
    for envelope_id, amount in envelopes:
        each = Counted(f"{ENVELOPE}{envelope_id}", rules.document.id, "GRANTED", day, amount)
        moved.append(_moved(each, _spent(state, rules, by_id[envelope_id], day)))
    return moved


def award(state: IssuanceState, rules: Rules, group_id: str, day: int) -> CounterMoved:
    """One more grant to a group."""
    each = Counted(AWARDS, group_id, "GRANTED", day, 1)
    return _moved(each, _number(state, rules, each))


def counting_days(rules: Rules, day: int, law_day: int) -> dict[str, Span]:
    """The days that count towards each cap on a day, and towards each ceiling of law on `law_day`."""
    caps = {rule.cap.id: span(rule.cap.period or _PROGRAMME, day, rules.valid) for rule in rules.caps}
    rolling = {rule.key: Period(kind="ROLLING", months=rule.regime.months) for rule in rules.regimes}
    return caps | {key: span(period, law_day, _ALWAYS) for key, period in rolling.items()}


def _moved(each: Counted, before: int) -> CounterMoved:
    return CounterMoved(
        cap=each.cap, subject=each.subject, event=each.event, before=before, after=before + each.amount
    )  # fmt: skip


def _number(state: IssuanceState, rules: Rules, each: Counted) -> int:
    members = frozenset(state.directory.members(each.subject)) if each.cap == AWARDS else frozenset()
    entries = state.counters.entries(rules.document.id, each.cap, each.event, each.subject, members)
    return sum(one.amount for one in entries)


def awards(state: IssuanceState, rules: Rules, group_id: str, within: Span) -> int:
    """How many grants of the programme a group has had within a span of days."""
    members = frozenset(state.directory.members(group_id))
    entries = state.counters.entries(rules.document.id, AWARDS, "GRANTED", group_id, members)
    return sum(each.amount for each in entries if within.has(each.on))


def of_contract(state: IssuanceState, rules: Rules, contract: str) -> int:
    """How many grants of the programme a contract has had."""
    return sum(each.amount for each in state.counters.entries(rules.document.id, PER_CONTRACT, "GRANTED", contract))


def facts_given(rules: Rules, judged: Judged) -> tuple[FactGiven, ...]:
    """The facts that a decision is founded on: those of the applicant's eligibility, and of tiers, scope and caps."""
    case, asked = judged.case, sorted(asked_of(rules))
    found = [each for name in asked if (each := case.facts.get(name)) is not None]
    facts = list(given(rules, (*judged.evaluation.facts, *found)))
    for line in case.lines:
        known = [] if line.facts is None else [line.facts.get(name) for name in asked]
        facts += given(rules, (each for each in known if each is not None), line.id)
    return fitting(facts, FACTS_BYTES)


def fitting(records: Iterable[T], most: int) -> tuple[T, ...]:
    """The first records that have at most so many bytes together, as an event has them: its entry has to hold them."""
    kept = []
    for each in records:
        most -= len(canonical(dump(each)))
        if most < 0:
            break
        kept.append(each)
    return tuple(kept)


def tiers_of(granted: Evaluation) -> tuple[str, ...]:
    """The tiers by which something is paid, each once."""
    steps = (each for line in granted.lines for each in line.steps if each.code == "rate")
    return tuple(dict.fromkeys(f"{each.values['tier']}" for each in steps))


def explained(granted: Evaluation, before: Iterable[Step] = ()) -> tuple[Explained, ...]:
    """The first steps of an evaluation, within a bound: of the whole, then of each line, then the refusal."""
    steps = [*before, *granted.steps]
    for line in granted.lines:
        steps += [*line.steps, *([] if line.refusal is None else [line.refusal])]
    if granted.refusal is not None:
        steps.append(granted.refusal)
    return fitting(map(_explained, steps[:_MOST_EXPLAINED]), _EXPLAINED_BYTES)


def _explained(each: Step) -> Explained:
    return Explained(code=each.code, line=each.line, says=plain(each.sentence)[:MAX_SENTENCE])


def plain(text: str) -> str:
    """A text in one line."""
    return " ".join(text.split()).translate(_CONTROLS)


_CONTROLS: Final = dict.fromkeys([*range(0x20), 0x7F], " ")


def too_large(granted: Evaluation, counters: tuple[CounterMoved, ...]) -> bool:
    """Whether a decision would have an amount beyond what can be counted."""
    return max(granted.eligible, granted.subsidy, *(each.after for each in counters)) > MAX_AMOUNT
