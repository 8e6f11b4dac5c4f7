"""Which version of the rules decides next, in every log."""

from __future__ import annotations

from counterfoil.contract.events import RulesAdopted
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.commands import (
    AdoptRules,
)
from counterfoil.issuance.state import IssuanceState


def adopt_rules(state: IssuanceState, body: AdoptRules, _actor: Party, _at: At) -> Decision:
    """Let every log be decided by a later version from the next entry on.

    One entry adopts one version: of two, the first would decide nothing here, and an entry or more in every other log.
    """
    if state.next_rules is not None:
        return refuse(Code.RULES_NOT_IN_FORCE, in_force=state.rules.number, adopted=state.next_rules)
    if body.replaces != state.rules.number:
        return refuse(Code.RULES_NOT_IN_FORCE, in_force=state.rules.number)
    if body.rules <= body.replaces:
        return refuse(Code.RULES_NOT_NEWER, in_force=state.rules.number)
    return [RulesAdopted(rules=body.rules, replaces=body.replaces, release=body.release)]


def known_here(body: AdoptRules) -> Refusal | None:
    """Refuse rules that this release lacks: it could not decide the next entry, so the log must not name them."""
    return None if body.rules in RULES else refuse(Code.UNKNOWN_RULES, rules=body.rules, latest=LATEST)
