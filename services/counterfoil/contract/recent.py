"""What was read lately, by its bytes, so that a process reads nothing twice within moments."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The latest values by the bytes that they were read from: from half of `most` up to `most` of such bytes.

    Any thread may use it: where two of them forget at the same time, more is forgotten than need be.
    """

    __slots__ = ("_most", "_new", "_old", "_size")

    def __init__(self, most: int) -> None:
        self._most = most
        self._new: dict[bytes, T] = {}
        self._old: dict[bytes, T] = {}
        self._size = 0

    def get(self, data: bytes) -> T | None:
        """The value, unless it was forgotten or never kept."""
        found = self._new.get(data)
        return self._old.get(data) if found is None else found

    def keep(self, data: bytes, value: T) -> None:
        """Keep the value that these bytes are read as."""
        if self._size >= self._most // 2:
            self._new, self._old, self._size = {}, self._new, 0
        self._new[data] = value
        self._size += len(data)
