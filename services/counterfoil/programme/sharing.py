"""Divides an amount among payers, and a budget among applications."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from hashlib import sha256
from typing import Literal, NamedTuple

from counterfoil.programme.rules import Rules
from counterfoil.programme.values import parse_amount


def shared(rules: Rules, amount: int) -> tuple[tuple[str, int], ...]:
    """What each payer bears, in the document's order; the first one bears what rounding down leaves."""
    parts = [(payer, amount * share.numerator // share.denominator) for payer, share in rules.shares]
    rest = amount - sum(part for _, part in parts)
    return ((parts[0][0], parts[0][1] + rest), *parts[1:])


class Asked(NamedTuple):
    """An eligible application: what it asks for in micro-units, its place in time, and its score."""

    id: str
    amount: int
    place: int
    score: int = 0


Outcome = Literal["GRANTED", "WAITLISTED", "REJECTED"]


class Given(NamedTuple):
    """What an application gets."""

    id: str
    amount: int
    outcome: Outcome


def lottery_order(asked: Sequence[Asked], seed: bytes) -> list[Asked]:
    """By SHA-256 of the seed and the id. The seed's own SHA-256 is committed to before the first application."""
    return sorted(asked, key=lambda each: (sha256(seed + each.id.encode()).digest(), each.id))


def allocate(rules: Rules, asked: Sequence[Asked], left: int, seed: bytes = b"") -> tuple[Given, ...]:
    """Divide what is left of an envelope among eligible applications, by the programme's exhaustion rule.

    `seed` is needed by LOTTERY only. The answer has the order of `asked`. What is given is never more than `left`.
    """
    rule = rules.document.budget.exhaustion
    if rule.mode == "PRO_RATA":
        given = _pro_rata(rules, asked, left)
    else:
        by_time = sorted(asked, key=lambda each: (each.place, each.id))
        order = {
            "RANKED": sorted(by_time, key=lambda each: -each.score),
            "LOTTERY": lottery_order(asked, seed),
        }.get(rule.mode, by_time)
        waits: Outcome = "WAITLISTED" if rule.mode in ("QUEUE", "RANKED", "LOTTERY") else "REJECTED"
        given = _in_order(order, left, partial=rule.partial, waits=waits)
    return tuple(given[each.id] for each in asked)


def _in_order(order: Sequence[Asked], left: int, *, partial: bool, waits: Outcome) -> dict[str, Given]:
    given: dict[str, Given] = {}
    closed = False
    for each in order:
        if not closed and each.amount <= left:
            given[each.id] = Given(each.id, each.amount, "GRANTED")
            left -= each.amount
        elif not closed and partial and left > 0:
            given[each.id] = Given(each.id, left, "GRANTED")
            left, closed = 0, True
        else:  # nobody later in the order goes before somebody whose amount did not fit
            given[each.id], closed = Given(each.id, 0, waits), True
    return given


def _pro_rata(rules: Rules, asked: Sequence[Asked], left: int) -> dict[str, Given]:
    """All in proportion, in whole quanta rounded down; quanta that are left go to those cut most, then by time."""
    total = sum(each.amount for each in asked)
    if total <= left:
        return {each.id: Given(each.id, each.amount, "GRANTED") for each in asked}
    quantum = quantum_of(rules)
    exact = {each.id: Fraction(each.amount * left, total) for each in asked}
    given = {name: part.numerator // (part.denominator * quantum) * quantum for name, part in exact.items()}
    spare = left - sum(given.values())
    for each in sorted(asked, key=lambda one: (given[one.id] - exact[one.id], one.place, one.id)):
        if spare >= quantum and given[each.id] + quantum <= each.amount:
            given[each.id] += quantum
            spare -= quantum
    return {name: Given(name, amount, "GRANTED" if amount else "REJECTED") for name, amount in given.items()}


def quantum_of(rules: Rules) -> int:
    """The smallest amount that the programme pays, in micro-units."""
    rounding = rules.document.benefit.rounding
    return 1 if rounding is None else parse_amount(rounding.quantum)
