"""A snapshot of everything that an object holds, to see whether something wrote to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

PLAIN = (int, str, bytes, bool, type(None))


def snapshot(thing: Any, without: Collection[str] = ()) -> object:
    """`thing` as nested tuples of plain values, order of dictionaries included, down to the last private attribute.

    `without`: attributes to leave out, written ``Class.attribute``. Functions count by name.
    """
    return _Camera(without).picture(thing)


class _Camera:
    """One snapshot; objects are followed once."""

    def __init__(self, without: Collection[str]) -> None:
        self._without, self._seen = without, set[int]()

    def picture(self, thing: Any) -> object:
        if isinstance(thing, PLAIN):
            return thing
        if callable(thing) and hasattr(thing, "__qualname__"):
            return thing.__qualname__
        if isinstance(thing, set | frozenset):
            return ("set", *sorted(map(repr, thing)))
        if isinstance(thing, list | tuple):
            return (type(thing).__name__, *map(self.picture, thing))
        if id(thing) in self._seen:
            return "seen"
        self._seen.add(id(thing))
        if isinstance(thing, Mapping):
            return ("dict", *((self.picture(key), self.picture(value)) for key, value in thing.items()))
        kind = type(thing)
        names = [name for each in kind.__mro__ for name in getattr(each, "__slots__", ())]
        names += getattr(thing, "__dict__", {})
        kept = [name for name in names if f"{kind.__name__}.{name}" not in self._without and hasattr(thing, name)]
        return (kind.__name__, *((name, self.picture(getattr(thing, name))) for name in kept))
