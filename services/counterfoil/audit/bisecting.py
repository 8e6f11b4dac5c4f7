"""Where two implementations of a decider part: the first entry behind which their states differ.

Both fold the same entries. Their state roots, which are what a log publishes of a state, are compared after so many
entries each, and within those where they first differ by bisection, from the last state that both had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from counterfoil.contract.canonical import canonical
from counterfoil.contract.entry import Entry
from counterfoil.core.decider import Decider
from counterfoil.core.engine import Engine

COMPARED_EVERY: Final = 1_024
"""Entries between two comparisons, before it is known where the states differ."""
_State = tuple[list[tuple[str, bytes]], int, int]
"""Records, canonical bytes by key; the index behind the last entry, and its time."""


def first_difference(entries: Iterable[Entry], origin: str, one: Decider[Any], other: Decider[Any]) -> int | None:
    """The index of the first entry behind which the states of the two differ; None if they never do.

    `entries`: of the log `origin`, from its first on.
    """
    pair = _Pair(origin, (one, other))
    remaining = iter(entries)
    while some := list(islice(remaining, COMPARED_EVERY)):
        before = pair.kept()
        pair.fold(some)
        if not pair.agrees():
            return _within(pair, before, some)
    return None


def _within(pair: _Pair, before: Sequence[_State], entries: Sequence[Entry]) -> int:
    """Both agree before these entries, and differ behind them."""
    agreed, differing = 0, len(entries)
    while differing - agreed > 1:
        middle = (agreed + differing) // 2
        pair.restore(before)
        pair.fold(entries[agreed:middle])
        if pair.agrees():
            agreed, before = middle, pair.kept()
        else:
            differing = middle
    return entries[differing - 1].index


class _Pair:
    """The same log in two engines."""

    def __init__(self, origin: str, deciders: Sequence[Decider[Any]]) -> None:
        self._origin, self._deciders = origin, deciders
        self._engines = [Engine(each, origin, _nobody_asks) for each in deciders]

    def fold(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            for engine in self._engines:
                engine.replay(entry)

    def agrees(self) -> bool:
        one, other = (engine.root() for engine in self._engines)
        return one == other

    def kept(self) -> list[_State]:
        return [
            ([(key, canonical(value)) for key, value in each.decider.records(each.state)], each.size, each.time)
            for each in self._engines
        ]

    def restore(self, states: Sequence[_State]) -> None:
        self._engines = [
            Engine.restore(decider, self._origin, _nobody_asks, *state) if state[1] else self._fresh(decider)
            for decider, state in zip(self._deciders, states, strict=True)
        ]

    def _fresh(self, decider: Decider[Any]) -> Engine[Any]:
        return Engine(decider, self._origin, _nobody_asks)


def _nobody_asks(_size: int) -> bytes | None:
    """The tree's root: only commands ask for it, and entries that were decided are folded here."""
    return None
