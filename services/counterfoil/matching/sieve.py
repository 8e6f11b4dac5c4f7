"""Which of many orders can be met at all, by the numbers that each of them states: asked of all with a few operations.

Each order has a place, a bit. The numbers are stored across, not along, as in `capacity`: bit p of `planes[j]` is
binary digit j of the number of the order in place p. So one comparison, of some twenty operations on big integers,
answers for every order there is, and those that strangers rest, and nobody can meet, cost an arrival next to nothing. A
set of orders is an integer with a bit for each; bits of places that nobody has mean nothing.
"""

from __future__ import annotations

from collections.abc import Sequence


class Sieve:
    """The numbers of orders (>= 0), so many for each, and whose they are."""

    __slots__ = ("_free", "_owners", "_planes", "_used")

    def __init__(self, numbers: int) -> None:
        self._planes: list[list[int]] = [[] for _ in range(numbers)]
        self._owners: dict[str, int] = {}
        self._free: list[int] = []
        self._used = 0

    def add(self, numbers: Sequence[int], owner: str) -> int:
        """Give an order a place."""
        is_new = not self._free
        place = self._used if is_new else self._free.pop()
        self._used += is_new
        bit = 1 << place
        for planes, number in zip(self._planes, numbers, strict=True):
            planes.extend([0] * (number.bit_length() - len(planes)))
            for j, plane in enumerate(planes):
                if number >> j & 1:
                    planes[j] = plane | bit
                elif not is_new and plane & bit:
                    planes[j] = plane ^ bit
        self._owners[owner] = self._owners.get(owner, 0) | bit
        return place

    def change(self, place: int, which: int, number: int) -> None:
        """Give an order another number, no longer than the longest there was."""
        planes, bit = self._planes[which], 1 << place
        for j, plane in enumerate(planes):
            if bool(plane & bit) != bool(number >> j & 1):
                planes[j] = plane ^ bit

    def remove(self, place: int, owner: str) -> None:
        """Take an order out."""
        self._free.append(place)
        left = self._owners[owner] ^ 1 << place
        if left:
            self._owners[owner] = left
        else:
            del self._owners[owner]

    def of(self, owner: str) -> int:
        """All orders of an owner."""
        return self._owners.get(owner, 0)

    def every(self) -> int:
        """All places."""
        return (1 << self._used) - 1

    def at_least(self, which: int, least: int, among: int) -> int:
        """Those whose number is `least` or more."""
        planes = self._planes[which]
        if least <= 0:
            return among
        if least >> len(planes):
            return 0
        enough = among  # compares the digits seen so far, lowest first; a higher digit outweighs them all
        for plane in planes:
            enough = enough & plane if least & 1 else enough | plane
            least >>= 1
        return enough & among

    def at_most(self, which: int, most: int, among: int) -> int:
        """Those whose number is `most` or less."""
        return among ^ self.at_least(which, most + 1, among)
