"""What a review still lacks: the steps of a programme's document that are not signed, and until when they are to be."""

from __future__ import annotations

from collections.abc import Iterable

from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.issuance.applying import Review
from counterfoil.issuance.judging import Judged
from counterfoil.programme import conditions
from counterfoil.programme.form.redemption import ReviewStep
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import parse_amount, total_of


def steps_of(rules: Rules) -> tuple[ReviewStep, ...]:
    """The steps of the review that a document lays down."""
    return () if rules.document.review is None else rules.document.review.steps


def unmet(rules: Rules, judged: Judged, reviews: Iterable[Review]) -> list[int]:
    """The steps of an application, in order, that have too few signatures, or an objection.

    Its amount is what its lines would be paid before any limit.
    """
    case, granted = judged
    asked = total_of(each.subsidy for each in granted.lines)
    signed = list(reviews)
    found = []
    for number, each in enumerate(steps_of(rules)):
        if each.up_to is not None and asked > parse_amount(each.up_to):
            continue
        if conditions.judge(each.when, case.facts, case.day).holds is False:
            continue  # where nobody attested the fact, the step is needed
        mine = [one for one in signed if one.step == number]
        passing = {one.reviewer_id for one in mine if one.passes}
        if len(passing) < each.quorum or any(not one.passes for one in mine):
            found.append(number)
    return found


def due_by(rules: Rules, steps: list[int], at: At) -> int | None:
    """When the first of these steps is to be signed, if the document says so of a step that is due from now on."""
    within = steps_of(rules)[steps[0]].within_days if steps else None
    return None if within is None else at.time + within * DAY
