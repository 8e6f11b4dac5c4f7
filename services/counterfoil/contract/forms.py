"""How a record becomes JSON, and whether its texts are well formed: one function of each per record.

They are put together from the annotations of its members when the first value is met.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from msgspec import Struct
from msgspec.structs import asdict

from counterfoil.contract.record import annotations_of
from counterfoil.contract.scalars import Coded, Native, Tagged

Dump = Callable[[Any], Any]
"""From a member's value to its JSON value."""
Check = Callable[[Any], object]
"""Raises ValueError if a text in a member's value is not of its pattern or too long."""
_TEXTS_KEPT: Final = 1_024  # of each pattern: ids of parties, assets and accounts come again and again


def dump(value: Any) -> dict[str, Any]:
    """The JSON form of a record."""
    kind: type = type(value)
    return dumper(kind)(value)


def check(value: Any) -> None:
    """Raises ValueError if any text in a record is not of its pattern, or too long."""
    kind: type = type(value)
    checker(kind)(value)


@cache
def dumper(kind: type) -> Callable[[Any], dict[str, Any]]:
    """The function that dumps records of a type."""
    members = _found(_dump_of, kind)

    def run(value: Struct) -> dict[str, Any]:
        made = asdict(value)
        for name, change in members:
            made[name] = change(made[name])
        return made

    return run


@cache
def checker(kind: type) -> Callable[[Any], None]:
    """The function that checks the texts of records of a type."""
    members = _found(_check_of, kind)

    def run(value: object) -> None:
        for name, test in members:
            test(getattr(value, name))

    return run


def _found(of: Callable[[Any], Callable[[Any], Any] | None], kind: type) -> list[tuple[str, Callable[[Any], Any]]]:
    return [(name, made) for name, hint in annotations_of(kind).items() if (made := of(hint)) is not None]


def _dump_of(annotation: Any) -> Dump | None:
    """None for what is the same in JSON."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is tuple:
        one = _dump_of(parts[0])
        return list if one is None else lambda values: [one(value) for value in values]
    if origin in (Union, UnionType):
        return _unless_none(_dump_of(parts[0]))
    if origin is Annotated:
        marker = annotation.__metadata__[0]
        return marker.render if isinstance(marker, Coded) else dump if isinstance(marker, Tagged) else None
    return dumper(annotation) if _is_record(annotation) else None


def _check_of(annotation: Any) -> Check | None:
    """None where there is nothing to check."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is tuple:
        one = _check_of(parts[0])
        return None if one is None else lambda values: [one(value) for value in values]
    if origin in (Union, UnionType):
        return _unless_none(_check_of(parts[0]))
    if origin is Annotated:
        marker = annotation.__metadata__[0]
        if isinstance(marker, Native) and "pattern" in marker.schema:
            return _text_check(marker.schema["pattern"], marker.schema["max_length"])
        return check if isinstance(marker, Tagged) else None
    return checker(annotation) if _is_record(annotation) and _found(_check_of, annotation) else None


def _unless_none(one: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    return None if one is None else lambda value: None if value is None else one(value)


def _is_record(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Struct)


@cache
def _text_check(pattern: str, longest: int) -> Check:
    matches = re.compile(pattern.removesuffix("$")).fullmatch  # a `$` would let a line feed pass at the end

    @lru_cache(_TEXTS_KEPT)
    def run(text: str) -> None:
        if len(text) > longest or matches(text) is None:
            raise ValueError(pattern)

    return run
