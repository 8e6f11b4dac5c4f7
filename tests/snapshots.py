"""A snapshot of everything that an object holds, to see whether something wrote to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from operator import attrgetter
from typing import Any

import msgspec

PLAIN = (int, str, bytes, bool, type(None))
_Take = Callable[[Any], object]


def snapshot(thing: Any, without: Collection[str] = ()) -> object:
    """`thing` as nested tuples of plain values, order of dictionaries included, down to the last private attribute.

    `without`: attributes to leave out, written ``Class.attribute``. Functions count by name. A record counts as itself
    where it is frozen, and so is all that it holds; one that is not, or holds a dictionary, as rules do, is followed.
    """
    return _Camera(without).picture(thing)


def slots(kind: type) -> list[str]:
    """The names of all slots of a class and its bases."""
    return [name for each in kind.__mro__ for name in getattr(each, "__slots__", ())]


class _Camera:
    """One snapshot; objects are followed once. How a thing is taken is decided once for its type: states are large."""

    def __init__(self, without: Collection[str]) -> None:
        self._without, self._seen = without, set[int]()
        self._ways: dict[type, _Take] = dict.fromkeys(PLAIN, _itself)

    def picture(self, thing: Any) -> object:
        kind = type(thing)
        take = self._ways.get(kind)
        if take is None:
            take = self._ways[kind] = self._way(kind, thing)
        return take(thing)

    def _way(self, kind: type, first: Any) -> _Take:
        if issubclass(kind, PLAIN):
            return _itself
        if issubclass(kind, msgspec.Struct):
            alike = kind.__struct_config__.frozen and _has_hash(first)
            return _record if alike else self._once(self._object(kind))
        if callable(first) and hasattr(first, "__qualname__"):
            return attrgetter("__qualname__")
        if issubclass(kind, set | frozenset):
            return lambda thing: ("set", *sorted(map(repr, thing)))
        if issubclass(kind, list | tuple):
            return lambda thing: (kind.__name__, *self._each(thing))
        if issubclass(kind, Mapping):
            return self._once(lambda thing: ("dict", *self._each(thing), *self._each(thing.values())))
        return self._once(self._object(kind))

    def _each(self, things: Iterable[Any]) -> Iterable[object]:
        return things if _PLAIN.issuperset(map(type, things)) else map(self.picture, things)

    def _once(self, take: _Take) -> _Take:
        def taken(thing: Any) -> object:
            if id(thing) in self._seen:
                return "seen"
            self._seen.add(id(thing))
            return take(thing)

        return taken

    def _object(self, kind: type) -> _Take:
        """The values of slots, in the order of their names, and the names and values of other attributes."""

        def kept(names: Collection[str]) -> list[str]:
            return [name for name in names if f"{kind.__name__}.{name}" not in self._without]

        names = kept(slots(kind))

        def taken(thing: Any) -> object:
            values = self._each([getattr(thing, name, _UNSET) for name in names])
            others = getattr(thing, "__dict__", {})
            return (kind.__name__, *values, *((name, self.picture(others[name])) for name in kept(others)))

        return taken


_PLAIN = frozenset(PLAIN)
_UNSET = ("unset",)


def _itself(thing: object) -> object:
    return thing


def _has_hash(thing: object) -> bool:
    try:
        hash(thing)
    except TypeError:
        return False
    return True


def _record(thing: object) -> object:
    hash(thing)  # a list or a dictionary in it could be written to, and has none
    return thing
