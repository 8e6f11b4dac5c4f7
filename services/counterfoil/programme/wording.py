"""Conditions, rates and values in words, for refusals, explanations and `programme show`."""

from __future__ import annotations

from msgspec import UNSET

from counterfoil.programme.facts import Value
from counterfoil.programme.form.conditions import Condition


def value_text(value: Value) -> str:
    """A fact's value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else f"{value}"


def condition_text(condition: Condition | None) -> str:
    """A condition in words."""
    if condition is None:
        return "always"
    if condition.negated is not None:
        return f"not ({condition_text(condition.negated)})"
    if condition.all is not None:
        return " and ".join(_part(each) for each in condition.all)
    if condition.any is not None:
        return " or ".join(_part(each) for each in condition.any)
    return _compared(condition)


def _part(condition: Condition) -> str:
    text = condition_text(condition)
    return f"({text})" if condition.all or condition.any else text


def _compared(condition: Condition) -> str:
    name = (condition.fact or "?").replace("_", " ")
    if condition.equals is not UNSET:
        if isinstance(condition.equals, bool):
            return name if condition.equals else f"not {name}"
        return f"{name} is {condition.equals}"
    if condition.one_of is not None:
        return f"{name} is {' or '.join(condition.one_of)}"
    worded = {
        "at_least": f"is at least {condition.at_least}",
        "at_most": f"is at most {condition.at_most}",
        "below": f"is below {condition.below}",
        "above": f"is above {condition.above}",
        "within_months": f"is less than {condition.within_months} months ago",
        "not_within_months": f"is at least {condition.not_within_months} months ago, or not on record",
        "on_or_after": f"is on or after {condition.on_or_after}",
        "on_or_before": f"is on or before {condition.on_or_before}",
    }
    said = [text for key, text in worded.items() if getattr(condition, key) is not None]
    return f"{name} {' and '.join(said)}"
