"""Checks that several deciders make: each gives the refusal or None."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import refuse


class Listed(NamedTuple):
    """A list in a command: the member's name, its items, and the most that the rules allow."""

    field: str
    items: Sequence[object]
    most: int
    may_be_empty: bool = False


def unfit_lists(*lists: Listed) -> Refusal | None:
    """The first refusal that applies to a command's lists, or None: a rule is checked on all before the next."""
    return _first(_checks(lists))


def _checks(lists: Iterable[Listed]) -> Iterable[Refusal | None]:
    lists = tuple(lists)
    for each in lists:
        yield refuse(Code.DUPLICATE_ITEM, field=each.field) if len(set(each.items)) < len(each.items) else None
    for each in lists:
        yield refuse(Code.EMPTY_LIST, field=each.field) if not each.items and not each.may_be_empty else None
    for each in lists:
        yield refuse(Code.OVER_LIMIT, field=each.field, limit=each.most) if len(each.items) > each.most else None


def _first(checks: Iterable[Refusal | None]) -> Refusal | None:
    return next((refusal for refusal in checks if refusal is not None), None)
