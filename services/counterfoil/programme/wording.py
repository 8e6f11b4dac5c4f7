"""Conditions, rates and values in words, for refusals, explanations and `programme show`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import UNSET

from counterfoil.programme.facts import Value
from counterfoil.programme.form.conditions import Condition

_PART: Final = re.compile(r"\{([a-z]+)\}")
Say = Callable[..., str]
"""(message, its named parts) -> a text: in English (`plainly`), or in a language that has the message."""


def plainly(message: str, **parts: object) -> str:
    """The message as it stands, with its parts."""
    return _PART.sub(lambda found: f"{parts[found[1]]}", message)


def message(text: str) -> str:
    """Marks a text that `say` is given later."""
    return text


def value_text(value: Value) -> str:
    """A fact's value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else f"{value}"


def condition_text(condition: Condition | None, say: Say = plainly) -> str:
    """A condition in words."""
    if condition is None:
        return say("always")
    if condition.negated is not None:
        return say("not ({condition})", condition=condition_text(condition.negated, say))
    if condition.all is not None:
        return say(" and ").join(_part(each, say) for each in condition.all)
    if condition.any is not None:
        return say(" or ").join(_part(each, say) for each in condition.any)
    return _compared(condition, say)


def _part(condition: Condition, say: Say) -> str:
    text = condition_text(condition, say)
    return f"({text})" if condition.all or condition.any else text


def _compared(condition: Condition, say: Say) -> str:
    name = (condition.fact or "?").replace("_", " ")
    if condition.equals is not UNSET:
        if isinstance(condition.equals, bool):
            return name if condition.equals else say("not {fact}", fact=name)
        return say("{fact} is {value}", fact=name, value=condition.equals)
    if condition.one_of is not None:
        return say("{fact} is {value}", fact=name, value=say(" or ").join(condition.one_of))
    values = ((key, getattr(condition, key)) for key in _COMPARED)
    said = [say(_COMPARED[key], value=value) for key, value in values if value is not None]
    return f"{name} {say(' and ').join(said)}"


_COMPARED: Final[Mapping[str, str]] = {
    "at_least": message("is at least {value}"),
    "at_most": message("is at most {value}"),
    "below": message("is below {value}"),
    "above": message("is above {value}"),
    "within_months": message("is less than {value} months ago"),
    "not_within_months": message("is at least {value} months ago, or not on record"),
    "on_or_after": message("is on or after {value}"),
    "on_or_before": message("is on or before {value}"),
}
