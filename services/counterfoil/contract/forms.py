"""How a record becomes JSON, whether its texts are well formed, and which are free: one function of each per record.

They are put together from the annotations of its members when the first value is met.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from msgspec import Struct
from msgspec.structs import asdict

from counterfoil.contract.record import annotations_of
from counterfoil.contract.scalars import Coded, FreeText, Native, Tagged

Dump = Callable[[Any], Any]
"""From a member's value to its JSON value."""
Check = Callable[[Any], object]
"""Raises ValueError if a text in a member's value is not of its pattern or too long."""
Texts = Callable[[Any], Iterator[tuple[str, str]]]
"""The free texts in a member's value, each with what its path adds to the member's name."""
_TEXTS_KEPT: Final = 1_024  # of each pattern: ids of parties, assets and accounts come again and again


def dump(value: Any) -> dict[str, Any]:
    """The JSON form of a record."""
    kind: type = type(value)
    return dumper(kind)(value)


def check(value: Any) -> None:
    """Raises ValueError if any text in a record is not of its pattern, or too long."""
    kind: type = type(value)
    checker(kind)(value)


def free_texts(value: Any) -> Iterator[tuple[str, str]]:
    """The names and reasons in a record, each with the path of its member: ``terms.title``."""
    kind: type = type(value)
    for name, texts in _texts_in(kind):
        for rest, text in texts(getattr(value, name)):
            yield name + rest, text


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


@cache
def _texts_in(kind: type) -> list[tuple[str, Texts]]:
    return _found(_texts_of, kind)


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


def _texts_of(annotation: Any) -> Texts | None:
    """None where no free text can be."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is tuple:
        one = _texts_of(parts[0])
        return None if one is None else lambda values: (found for value in values for found in one(value))
    if origin in (Union, UnionType):
        inner = _texts_of(parts[0])
        return None if inner is None else lambda value: iter(()) if value is None else inner(value)
    if origin is Annotated:
        return (lambda text: iter([("", text)])) if isinstance(annotation.__metadata__[0], FreeText) else None
    if _is_record(annotation) and _texts_in(annotation):
        return lambda value: ((f".{name}", text) for name, text in free_texts(value))
    return None


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
