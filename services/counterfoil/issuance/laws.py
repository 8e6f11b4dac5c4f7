"""Ceilings of law as the operator registers them: what the law says from a day on, whatever documents say.

A document that names a registered ceiling has to agree with it. Where the law has changed since, its version of the day
of a grant decides that grant; the document decides nothing but what becomes of what is beyond or never used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from msgspec.structs import replace as changed

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY, format_day
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.paper import unknown_currency
from counterfoil.issuance.aid_commands import RegisterRegime
from counterfoil.issuance.aid_events import RegimeRegistered
from counterfoil.issuance.aided import ZONES, Law, Regime, regimes_of
from counterfoil.issuance.counting import REGIME
from counterfoil.issuance.state import IssuanceState
from counterfoil.programme.rules import RegimeRule, Rules
from counterfoil.programme.values import written

SAME: Final = ("currency", "unit", "counts_on")
"""What no version of a law changes: sums of two kinds mean nothing."""
CURRENCY: Final = ("currency",)


def register_regime(state: IssuanceState, body: RegisterRegime, _actor: Party, at: At) -> Decision:
    """What the law says from a day on: a first version from any, later ones from today on.

    A version that is nowhere in force yet is replaced.
    """
    if (unknown := unknown_currency(state, body.currency)) is not None:
        return unknown
    today = at.time // DAY
    before = [each for each in state.aids.versions(body.regime) if each.in_force_on <= today + 1]
    if len(before) >= state.rules.max_laws:
        return refuse(Code.OVER_LIMIT, field="regime", limit=state.rules.max_laws)
    after = max(before[-1].in_force_on, today - 1) if before else None
    if after is not None and body.in_force_on <= after:
        return refuse(Code.PERIOD_NOT_VALID, field="in_force_on", after=format_day(after))
    made = Regime(body.currency, body.months, body.unit, body.counts_on)
    return _unlike(state, body.regime, made, before[-1:], today) or [
        RegimeRegistered(
            regime=body.regime,
            version=len(before) + 1,
            currency=body.currency,
            ceiling=body.ceiling,
            months=body.months,
            unit=body.unit,
            counts_on=body.counts_on,
            in_force_on=body.in_force_on,
            source=body.source,
        )
    ]


def _unlike(state: IssuanceState, name: str, made: Regime, before: Sequence[Law], today: int) -> Refusal | None:
    """Whether a ceiling is unlike the version before, or amounts of another currency count towards it.

    Documents bind no law: one that counts otherwise grants nothing under it.
    """
    for law in before:
        if (field := unlike(made, law.regime, SAME)) is not None:
            return _differs(name, "registered", field, made, law.regime)
    if not state.counters.counts(f"{REGIME}{name}", made.first_that_counts(today - ZONES)):
        return None
    # from a registration on, only documents in its currency have granted anything
    known = [("registered", each.regime) for each in state.aids.versions(name)[-1:]]
    for where, other in known or others_of(state, name, today):
        if other.currency != made.currency:
            return _differs(name, where, "currency", made, other)
    return None


def unlike(one: Regime, other: Regime, fields: Iterable[str]) -> str | None:
    """The first of these members in which two differ."""
    return next((field for field in fields if getattr(one, field) != getattr(other, field)), None)


def _differs(name: str, where: str, field: str, named: Regime, other: Regime) -> Refusal:
    return _refused(name, where, field, getattr(named, field), getattr(other, field))


def _refused(name: str, where: str, field: str, named: object, other: object) -> Refusal:
    return refuse(Code.REGIME_DIFFERS, regime=name, where=where, field=field, named=str(named), other=str(other))


def others_of(state: IssuanceState, name: str, today: int) -> list[tuple[str, Regime]]:
    """How programmes count a ceiling, by their ids: those that are not closed, else those of which something counts.

    What counts does so in its currency, for the same and in the same window, whatever becomes of its programme.
    """
    named = sorted(state.aids.regimes.get(name, {}).items())
    if not state.rules.max_laws:
        return named
    goes_on = [each for each in named if state.phases.get(each[0]) != "closed"]
    cap = f"{REGIME}{name}"
    return goes_on or [
        each for each in named if state.counters.counts(cap, each[1].first_that_counts(today - ZONES))
    ]  # fmt: skip


def regime_of(state: IssuanceState, name: str, day: int) -> Regime | None:
    """How a ceiling counts: as the law of a day has it, or one that comes; else as a programme's document."""
    if not state.rules.max_laws:
        return next(iter(state.aids.regimes.get(name, {}).values()), None)
    if (known := known_law(state, name, day)) is not None:
        return known.regime
    return next((regime for _, regime in others_of(state, name, day)), None)


def known_law(state: IssuanceState, name: str, day: int) -> Law | None:
    """The version of a registered ceiling of a day; else the first, which is not in force yet."""
    found = state.aids.law(name, day)
    return found[1] if found is not None else next(iter(state.aids.versions(name)), None)


def disagrees(state: IssuanceState, rules: Rules, today: int) -> Refusal | None:
    """Whether a document names a registered ceiling otherwise than the law has it on its first day, or today.

    Before the first version is in force, what no version changes is compared.
    """
    day = max(today, rules.valid.start or today)
    ceilings = {rule.regime.regime: rule.limit for rule in rules.regimes}
    for name, regime in regimes_of(rules):
        law = known_law(state, name, day)
        if law is None:
            continue
        in_force = law.in_force_on <= day
        if in_force and ceilings[name] != law.ceiling:
            return _refused(name, "registered", "ceiling", written(ceilings[name]), written(law.ceiling))
        fields = (*SAME, "months") if in_force else SAME
        if (field := unlike(regime, law.regime, fields)) is not None:
            return _differs(name, "registered", field, regime, law.regime)
    return None


def unlawful(state: IssuanceState, rules: Rules, day: int, fields: tuple[str, ...] = SAME) -> Refusal | None:
    """Whether a document counts a ceiling otherwise than the law of a local day: it grants nothing then.

    In another currency it grants nothing from the registration on, since what it counts could not be added.
    """
    if not state.rules.max_laws:
        return None
    for name, regime in regimes_of(rules):
        law = known_law(state, name, day)
        if law is None:
            continue
        field = unlike(regime, law.regime, fields if law.in_force_on <= day else CURRENCY)
        if field is not None:
            return _differs(name, "registered", field, regime, law.regime)
    return None


def lawful(state: IssuanceState, rules: Rules, day: int) -> Rules:
    """The rules with the ceilings of law as they are on a local day."""
    if not any(state.aids.law(rule.regime.regime, day) for rule in rules.regimes):
        return rules
    return replace(rules, regimes=tuple(_in_force(state, rule, day) for rule in rules.regimes))


def _in_force(state: IssuanceState, rule: RegimeRule, day: int) -> RegimeRule:
    found = state.aids.law(rule.regime.regime, day)
    if found is None:
        return rule
    law = found[1]
    return RegimeRule(changed(rule.regime, months=law.regime.months), law.ceiling)


# evolve -------------------------------------------------------------------------------------------------------------


def regime_registered(state: IssuanceState, event: RegimeRegistered, _at: At) -> None:
    """Apply what the law says from a day on."""
    law = Law(event.ceiling, event.currency, event.months, event.unit, event.counts_on, event.in_force_on)
    state.aids.enact(event.regime, event.version, law)
