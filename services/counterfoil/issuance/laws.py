"""Ceilings of law as the operator registers them: what the law says from a day on, whatever documents say.

A document that names a registered ceiling has to agree with it. Where the law has changed since, its version of the day
of a grant decides that grant; the document decides nothing but what becomes of what is beyond or never used.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from msgspec.structs import replace as changed

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import format_day
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.paper import unknown_currency
from counterfoil.issuance.aid_commands import RegisterRegime
from counterfoil.issuance.aid_events import RegimeRegistered
from counterfoil.issuance.aided import Law, Regime, regimes_of
from counterfoil.issuance.counting import REGIME
from counterfoil.issuance.state import IssuanceState
from counterfoil.programme.rules import RegimeRule, Rules
from counterfoil.programme.values import written

_SAME: Final = ("currency", "unit", "counts_on")
"""What no version of a law changes: sums of two kinds mean nothing."""


def register_regime(state: IssuanceState, body: RegisterRegime, _actor: Party, _at: At) -> Decision:
    """What the law says from a day on, later than the version before."""
    if (unknown := unknown_currency(state, body.currency)) is not None:
        return unknown
    before = state.aids.versions(body.regime)
    if len(before) >= state.rules.max_laws:
        return refuse(Code.OVER_LIMIT, field="regime", limit=state.rules.max_laws)
    if before and body.in_force_on <= before[-1].in_force_on:
        return refuse(Code.PERIOD_NOT_VALID, field="in_force_on", after=format_day(before[-1].in_force_on))
    made = Regime(body.currency, body.months, body.unit, body.counts_on)
    return _unlike(state, body.regime, made) or [
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


def _unlike(state: IssuanceState, name: str, made: Regime) -> Refusal | None:
    """Whether a ceiling is in another currency, or counted for others, than before or in programmes that are open."""
    laws = [("registered", each.regime) for each in state.aids.versions(name)[-1:]]
    for where, other in [*laws, *others_of(state, name)]:
        for field in _SAME:
            if getattr(made, field) != getattr(other, field):
                return _differs(name, where, field, getattr(made, field), getattr(other, field))
    return None


def _differs(name: str, where: str, field: str, named: object, other: object) -> Refusal:
    return refuse(Code.REGIME_DIFFERS, regime=name, where=where, field=field, named=str(named), other=str(other))


def others_of(state: IssuanceState, name: str) -> list[tuple[str, Regime]]:
    """How programmes count a ceiling, by their ids; those that are closed only while anything is counted.

    What counts does so in its currency, for the same and in the same window, whatever becomes of its programme.
    """
    named = sorted(state.aids.regimes.get(name, {}).items())
    if not state.rules.max_laws or state.counters.counts(f"{REGIME}{name}"):
        return named
    return [(each, regime) for each, regime in named if state.phases.get(each) != "closed"]


def disagrees(state: IssuanceState, rules: Rules, today: int) -> Refusal | None:
    """Whether a document names a registered ceiling otherwise than the law has it on its first day, or today."""
    day = max(today, rules.valid.start or today)
    ceilings = {rule.regime.regime: rule.limit for rule in rules.regimes}
    for name, regime in regimes_of(rules):
        found = state.aids.law(name, day)
        if found is None:
            continue
        law = found[1]
        if ceilings[name] != law.ceiling:
            return _differs(name, "registered", "ceiling", written(ceilings[name]), written(law.ceiling))
        for field in (*_SAME, "months"):
            if getattr(regime, field) != getattr(law.regime, field):
                return _differs(name, "registered", field, getattr(regime, field), getattr(law.regime, field))
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
