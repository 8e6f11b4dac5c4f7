"""Whether an applicant may have the programme's vouchers: each rule with the facts that it was judged on."""

from __future__ import annotations

from typing import NamedTuple

from counterfoil.programme.conditions import Judgement, judge
from counterfoil.programme.facts import Fact, Facts
from counterfoil.programme.form.conditions import Requirement
from counterfoil.programme.rules import Rules
from counterfoil.programme.steps import Cited, Step, Worded, step


class Eligibility(NamedTuple):
    """`refusal` is the first rule that does not hold, or whose facts nobody attested. `facts` were judged on."""

    steps: tuple[Step, ...]
    refusal: Step | None
    facts: tuple[Fact, ...]


def eligibility(rules: Rules, facts: Facts, day: int) -> Eligibility:
    """Judge an applicant on a local day; `facts` are those of applicant and project."""
    steps: list[Step] = []
    used: list[Fact] = []
    refusal: Step | None = None
    provider = facts.get("listed_provider")
    if not rules.document.providers.may_be_beneficiary and provider is not None and provider.value is True:
        refusal = step("provider_as_beneficiary")
    for requirement in rules.document.eligibility:
        found = judge(requirement.when, facts, day)
        used.extend(found.facts)
        made = _said(requirement, found)
        if found.holds:
            steps.append(made)
        elif refusal is None:
            refusal = made
    return Eligibility(tuple(steps), refusal, tuple(used))


def _said(requirement: Requirement, found: Judgement) -> Step:
    text = requirement.text or Worded(requirement.when)
    if found.holds:
        return step("met", rule=requirement.id, text=text, facts=Cited(found.facts))
    if found.holds is None:
        return step("fact_not_attested", rule=requirement.id, facts=", ".join(dict.fromkeys(found.missing)))
    return step("not_eligible", rule=requirement.id, text=text)
