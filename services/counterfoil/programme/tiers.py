"""Which rate applies to a line: the programme's tiers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from counterfoil.programme.case import Case, Line
from counterfoil.programme.conditions import Judgement, judge
from counterfoil.programme.facts import Facts
from counterfoil.programme.form.benefit import Tier
from counterfoil.programme.rules import Rules, TierRule
from counterfoil.programme.values import Exact, add_months, floor_of


class Part(NamedTuple):
    """A part of a line's eligible amount (micro-units), and the tier that pays for it."""

    tier: TierRule
    amount: Exact


class Applied(NamedTuple):
    """The parts of an amount that tiers pay for. `missing`: facts that nobody attested, and tiers asked for."""

    parts: tuple[Part, ...]
    missing: tuple[str, ...]


class Tiers:
    """The tiers during one evaluation: those with `until` hold for the first so much of all its lines."""

    def __init__(self, rules: Rules, case: Case) -> None:
        self._case = case
        order = rules.document.benefit.tier_order
        self._tiers = list(rules.tiers)
        if order in ("HIGHEST", "LOWEST"):
            self._tiers.sort(key=lambda each: each.rate, reverse=order == "HIGHEST")
        self._left = {each.tier.id: each.until for each in rules.tiers}
        self._judged: dict[int, Judgement] = {}  # by a tier's number, on the facts of the whole alone

    def apply(self, line: Line, amount: Exact) -> Applied:
        """Divide a line's eligible amount among the tiers that apply to it, in their order."""
        parts: list[Part] = []
        missing: list[str] = []
        for tier in self._applying(line, missing):
            left = self._left[tier.tier.id]
            taken = amount if left is None else min(amount, left)
            if taken > 0:
                parts.append(Part(tier, taken))
                amount -= taken
                if left is not None:
                    self._left[tier.tier.id] = left - floor_of(taken)
            if amount <= 0:
                break
        return Applied(tuple(parts), tuple(missing))

    def _applying(self, line: Line, missing: list[str]) -> Iterator[TierRule]:
        for number, each in enumerate(self._tiers):
            tier = each.tier
            if tier.instruments and line.instrument not in tier.instruments:
                continue
            first = self._case.first_used.get(tier.id)
            day = self._case.day if line.starts is None else line.starts
            if tier.max_months is not None and first is not None and day >= add_months(first, tier.max_months):
                continue
            found = self._judge(number, tier, line.facts)
            missing.extend(found.missing)
            if found.holds:
                yield each

    def _judge(self, number: int, tier: Tier, of_line: Facts | None) -> Judgement:
        """Whether a tier is for a line; for lines without facts of their own it is found out once."""
        if of_line is not None:
            return judge(tier.when, self._case.facts.joined(of_line), self._case.day)
        found = self._judged.get(number)
        if found is None:
            found = self._judged[number] = judge(tier.when, self._case.facts, self._case.day)
        return found
