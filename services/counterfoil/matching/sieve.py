"""Which of many orders can be met at all, by the numbers that each of them states: asked of all with a few operations.

Each order has a place, a bit. The numbers are stored across, not along, as in `capacity`: bit p of `planes[j]` is
binary digit j of the number of the order in place p. So one comparison, of some twenty operations on big integers,
answers for every order there is, and those that strangers rest, and nobody can meet, cost an arrival next to nothing. A
set of orders is an integer with a bit for each; bits of places that nobody has mean nothing.

A few orders are asked as fast one by one: until there are more, nothing is stored across, and any may be met.
"""

from __future__ import annotations

from collections.abc import Sequence

FEW = 256  # orders


class Sieve:
    """The numbers of orders (>= 0), so many for each, and whose they are.

    `_numbers`: by place, what it has in the planes; while there are no planes, what it is to have.
    """

    __slots__ = ("_few", "_free", "_numbers", "_owners", "_planes", "_width")

    def __init__(self, width: int) -> None:
        """`width`: numbers of each order."""
        self._width, self._few = width, FEW
        self._planes: list[list[int]] = []
        self._numbers: list[Sequence[int]] = []
        self._owners: dict[str, int] = {}
        self._free: list[int] = []

    def add(self, numbers: Sequence[int], owner: str) -> int:
        """Give an order a place."""
        if self._free:
            place = self._free.pop()
        else:
            place = len(self._numbers)
            self._numbers.append((0,) * self._width if self._planes else numbers)
        self._owners[owner] = self._owners.get(owner, 0) | 1 << place
        if self._planes:
            self._store(place, numbers)
        else:
            self._numbers[place] = numbers
            if len(self._numbers) > self._few:
                self._begin()
        return place

    def _begin(self) -> None:
        known, self._planes = self._numbers, [[] for _ in range(self._width)]
        self._numbers = [(0,) * self._width for _ in known]
        for place, numbers in enumerate(known):
            self._store(place, numbers)

    def _store(self, place: int, numbers: Sequence[int]) -> None:
        """Turn over the digits in which the numbers differ from those that the place had."""
        bit = 1 << place
        for planes, before, number in zip(self._planes, self._numbers[place], numbers, strict=True):
            if number.bit_length() > len(planes):
                planes.extend([0] * (number.bit_length() - len(planes)))
            different = before ^ number
            while different:
                lowest = different & -different
                planes[lowest.bit_length() - 1] ^= bit
                different ^= lowest
        self._numbers[place] = numbers

    def change(self, place: int, which: int, number: int) -> None:
        """Give an order another number."""
        numbers = [*self._numbers[place]]
        numbers[which] = number
        if self._planes:
            self._store(place, numbers)
        else:
            self._numbers[place] = numbers

    def remove(self, place: int, owner: str) -> None:
        """Take an order out."""
        self._free.append(place)
        left = self._owners[owner] ^ 1 << place
        if left:
            self._owners[owner] = left
        else:
            del self._owners[owner]

    def knows(self) -> bool:
        """Whether there are so many orders that it rules any out."""
        return bool(self._planes)

    def of(self, owner: str) -> int:
        """All orders of an owner."""
        return self._owners.get(owner, 0)

    def every(self) -> int:
        """All places."""
        return (1 << len(self._numbers)) - 1

    def at_least(self, which: int, least: int, among: int) -> int:
        """Those whose number is `least` or more."""
        if least <= 0 or not self._planes:
            return among
        planes = self._planes[which]
        if least >> len(planes):
            return 0
        enough = among  # compares the digits seen so far, lowest first; a higher digit outweighs them all
        for plane in planes:
            enough = enough & plane if least & 1 else enough | plane
            least >>= 1
        return enough & among

    def at_most(self, which: int, most: int, among: int) -> int:
        """Those whose number is `most` or less."""
        return among ^ self.at_least(which, most + 1, among) if self._planes else among
