"""Divides an amount among payers, and a budget among applications."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from typing import Final, Literal, NamedTuple

from counterfoil.programme.form.budget import Exhaustion
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import parse_amount


def shared(rules: Rules, amount: int) -> tuple[tuple[str, int], ...]:
    """What each payer bears, in the document's order; the first one bears what rounding down leaves."""
    parts = [(payer, amount * share.numerator // share.denominator) for payer, share in rules.shares]
    rest = amount - sum(part for _, part in parts)
    return ((parts[0][0], parts[0][1] + rest), *parts[1:])


class Borne(NamedTuple):
    """What one payer bears of a payment, and what it pays to the payee; micro-units."""

    payer: str
    bears: int
    pays: int


def borne(rules: Rules, amount: int, unit: int) -> tuple[Borne, ...]:
    """What each payer bears and pays of a payment, in whole minor units, in the document's order.

    The first one bears what rounding down leaves. The first that pays together with the payment pays for those that
    refund it afterwards; where there is none, the first one does.
    """
    funding = rules.document.budget.funding
    shares = [amount * share.numerator // share.denominator // unit * unit for _, share in rules.shares]
    shares[0] += amount - sum(shares)
    together = [number for number, each in enumerate(funding) if each.timing == "TOGETHER"] or [0]
    pays = [share if number in together else 0 for number, share in enumerate(shares)]
    pays[together[0]] += amount - sum(pays)
    return tuple(
        Borne(payer, share, paid)
        for (payer, _), share, paid in zip(rules.shares, shares, pays, strict=True)
        if share or paid
    )


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


def draw_of(seed: bytes, chain: bytes) -> bytes:
    """What a lottery is drawn by: SHA-256 of the seed, which was committed to by its own SHA-256 before the first
    application, and of the chain, to which every application adds."""
    return sha256(seed + chain).digest()


def chained(chain: bytes, application_id: str, submitted_at: int) -> bytes:
    """The chain (32 zero octets at first) with one more application and its time in microseconds, both as text."""
    return sha256(chain + f"{application_id} {submitted_at}".encode()).digest()


def lottery_order(asked: Sequence[Asked], draw: bytes) -> list[Asked]:
    """By SHA-256 of the draw and the id."""
    return sorted(asked, key=lambda each: (sha256(draw + each.id.encode()).digest(), each.id))


def order_of(rules: Rules, asked: Sequence[Asked], draw: bytes = b"") -> list[Asked]:
    """The order in which applications are decided: by score, as drawn, or by time. Equal scores go by time."""
    by_time = sorted(asked, key=lambda each: (each.place, each.id))
    mode = rules.document.budget.exhaustion.mode
    if mode == "RANKED":
        return sorted(by_time, key=lambda each: -each.score)
    return lottery_order(asked, draw) if mode == "LOTTERY" else by_time


def next_amount(
    rule: Exhaustion, parts: Sequence[tuple[str, int]], left: Mapping[str, int], closed: Container[str] = ()
) -> int:
    """What the next in order gets of the envelopes that it asks `parts` of: all of it, or 0, or, with `partial`, what
    is left. From `closed` ones nobody gets anything, since somebody before did not fit in."""
    if any(envelope in closed for envelope, _ in parts):
        return 0
    asked = sum(part for _, part in parts)
    if all(part <= left[envelope] for envelope, part in parts):
        return asked
    return min(asked * left[envelope] // part for envelope, part in parts if part) if rule.partial else 0


WAITING: Final = frozenset({"QUEUE", "RANKED", "LOTTERY"})
"""The modes in which those that get nothing wait for what becomes free."""


def allocate(rules: Rules, asked: Sequence[Asked], left: int, seed: bytes = b"") -> tuple[Given, ...]:
    """Divide what is left of an envelope among eligible applications, by the programme's exhaustion rule.

    `seed`, what it is drawn by, is needed by LOTTERY only. The answer has the order of `asked`.
    What is given is never more than `left`.
    """
    rule = rules.document.budget.exhaustion
    if rule.mode == "PRO_RATA":
        given = _pro_rata(rules, asked, left)
    else:
        given = _in_order(order_of(rules, asked, seed), left, rule)
    return tuple(given[each.id] for each in asked)


def _in_order(order: Sequence[Asked], left: int, rule: Exhaustion) -> dict[str, Given]:
    given: dict[str, Given] = {}
    waits: Outcome = "WAITLISTED" if rule.mode in WAITING else "REJECTED"
    closed: tuple[str, ...] = ()
    for each in order:
        amount = next_amount(rule, (("", each.amount),), {"": left}, closed)
        given[each.id] = Given(each.id, amount, "GRANTED" if amount else waits)
        left -= amount
        if amount < each.amount:  # nobody later in the order goes before somebody whose amount did not fit
            closed = ("",)
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
