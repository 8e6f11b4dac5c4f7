"""How many nodes of one stock are on offer or sold in each delivery hour, as counters stored across the hours.

Bit h of `planes[j]` is binary digit j of the count of hour `origin + h`, so one operation acts on all hours, and its
cost grows neither with orders nor with hours that are over. `capacity` has the same for what is left of an offer.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Final, NamedTuple

from counterfoil.contract.ensure import ensure

DAY_HOURS: Final = 24
"""Hours of a delivery day, which is one of UTC."""


class Committed(NamedTuple):
    """Counts from the hour `origin` on; no count before it is kept, and the last plane is not empty."""

    origin: int
    planes: tuple[int, ...]


NOTHING: Final = Committed(0, ())


def since(counts: Committed, hour: int) -> Committed:
    """The same without the hours before this one."""
    passed = hour - counts.origin
    return counts if passed <= 0 else _made(hour, [plane >> passed for plane in counts.planes])


def added(counts: Committed, nodes: int, first: int, hours: int) -> Committed:
    """So many nodes more in a stretch of hours; of it, those before the origin do not count."""
    where, planes, carry, digit = _where(counts, first, hours), list(counts.planes), 0, 0
    while nodes >> digit or carry:
        plane = planes[digit] if digit < len(planes) else 0
        more = where if nodes >> digit & 1 else 0
        planes[digit : digit + 1] = [plane ^ more ^ carry]
        carry = plane & more | carry & (plane ^ more)
        digit += 1
    return _made(counts.origin, planes)


def removed(counts: Committed, nodes: int, first: int, hours: int) -> Committed:
    """So many nodes fewer. Raises `InvariantViolation` where there are not so many."""
    where, planes, borrow = _where(counts, first, hours), list(counts.planes), 0
    ensure(not where or not nodes >> len(planes), "inventory: more than is committed")
    for digit, plane in enumerate(planes):
        less = where if nodes >> digit & 1 else 0
        planes[digit] = plane ^ less ^ borrow
        borrow = (less | borrow) & ~plane | less & borrow
    ensure(borrow == 0, "inventory: more than is committed")
    return _made(counts.origin, planes)


def most(counts: Committed, first: int, hours: int) -> int:
    """The largest count of a stretch of hours."""
    return _largest(counts, _where(counts, first, hours))


def most_ever(counts: Committed) -> int:
    """The largest count of all hours."""
    anywhere = 0
    for plane in counts.planes:
        anywhere |= plane
    return _largest(counts, anywhere)


def merged(one: Committed, other: Committed) -> Committed:
    """Both together, from the later of their origins on."""
    origin, planes, carry = max(one.origin, other.origin), list[int](), 0
    pairs = zip_longest(since(one, origin).planes, since(other, origin).planes, fillvalue=0)
    for mine, theirs in pairs:
        planes.append(mine ^ theirs ^ carry)
        carry = mine & theirs | carry & (mine ^ theirs)
    return _made(origin, [*planes, carry])


def by_day(counts: Committed, first_day: int, days: int) -> list[int]:
    """The node-hours of so many UTC days; the origin must be the first hour of a day."""
    ensure(counts.origin % DAY_HOURS == 0, "commitments: not whole days")
    found, before = [0] * days, counts.origin // DAY_HOURS - first_day
    for digit, plane in enumerate(counts.planes):
        octets = plane.to_bytes(-(-plane.bit_length() // DAY_HOURS) * (DAY_HOURS // 8), "little")
        for nth in range(max(-before, 0), min(len(octets) // (DAY_HOURS // 8), days - before)):
            day = octets[nth * (DAY_HOURS // 8) : (nth + 1) * (DAY_HOURS // 8)]
            found[before + nth] += int.from_bytes(day, "little").bit_count() << digit
    return found


def _largest(counts: Committed, where: int) -> int:
    found = 0
    for digit in reversed(range(len(counts.planes))):
        if where & counts.planes[digit]:
            where &= counts.planes[digit]
            found |= 1 << digit
    return found


def _where(counts: Committed, first: int, hours: int) -> int:
    start, end = max(first - counts.origin, 0), max(first + hours - counts.origin, 0)
    return (1 << end) - (1 << start) if end > start else 0


def _made(origin: int, planes: list[int]) -> Committed:
    while planes and not planes[-1]:
        planes.pop()
    return Committed(origin, tuple(planes))
