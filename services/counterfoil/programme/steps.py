"""The steps of a decision: a stable code and its values, and the sentence that they make.

Values become text only when somebody reads them: most decisions are made without that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final, NamedTuple

from counterfoil.contract.times import format_day
from counterfoil.programme.codes import LINES, REFUSALS, STEPS, TRANSFERS
from counterfoil.programme.facts import Fact
from counterfoil.programme.form.budget import Period
from counterfoil.programme.form.conditions import Condition
from counterfoil.programme.periods import spelled
from counterfoil.programme.values import Exact, percent, written
from counterfoil.programme.wording import condition_text, value_text

_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
SENTENCES: Final[Mapping[str, str]] = {**STEPS, **LINES, **REFUSALS, **TRANSFERS}


class Micros(NamedTuple):
    """An amount, in micro-units: written in units."""

    amount: Exact


class Share(NamedTuple):
    """A rate: written as a percentage or a fraction."""

    rate: Fraction


class Worded(NamedTuple):
    """A condition: written in words."""

    condition: Condition | None


class Cited(NamedTuple):
    """Facts: written with who attested each, and when."""

    facts: tuple[Fact, ...]


Value = str | int | Micros | Share | Period | Worded | Cited | None


class Step(NamedTuple):
    """One step: its code, its values by name, and the line that it is about (None: the whole)."""

    code: str
    values: Mapping[str, Value]
    line: str | None = None

    @property
    def texts(self) -> dict[str, str]:
        """The values as people read them."""
        return {name: _text(value) for name, value in self.values.items()}

    @property
    def sentence(self) -> str:
        """The step in words."""
        texts = self.texts
        return _PLACE.sub(lambda place: texts[place[1]], SENTENCES[self.code])


def _text(value: Value) -> str:
    if isinstance(value, Micros):
        return written(value.amount)
    if isinstance(value, Share):
        return percent(value.rate)
    if isinstance(value, Worded):
        return condition_text(value.condition)
    if isinstance(value, Cited):
        return _cited(value.facts)
    return spelled(value) if value is None or isinstance(value, Period) else f"{value}"


def _cited(facts: tuple[Fact, ...]) -> str:
    if not facts:
        return "nothing on record"
    cited = [
        f"{each.name}: {value_text(each.value)}, attested by {each.attested_by} on {format_day(each.on)}"
        for each in facts
    ]
    return "; ".join(cited)


def step(code: str, line: str | None = None, /, **values: Value) -> Step:
    """A step."""
    return Step(code, values, line)


def day_text(day: int | None) -> str:
    """A day as text; open where there is none."""
    return "open" if day is None else format_day(day)
