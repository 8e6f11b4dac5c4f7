"""Bit-sliced residual counters: how many nodes of one offer are unsold in each delivery hour.

The counters of all hours are stored across, not along: bit h of `planes[j]` is binary digit j of the residual of hour
h (counted from the start of the window). One operation on a big integer then acts on every hour at once, and a set of
hours is an integer with a bit for each hour. Bit-slicing: O'Neil & Quass, "Improved Query Performance with Variant
Indexes", SIGMOD 1997.
"""

from __future__ import annotations

from counterfoil.contract.ensure import ensure


class Capacity:
    """Residual nodes for each hour of a window: `planes` as above, `full` the set of all its hours."""

    __slots__ = ("full", "planes")

    def __init__(self, nodes: int, hours: int) -> None:
        """Start with `nodes` (>= 1) nodes in each of `hours` (>= 1) hours."""
        self.full = (1 << hours) - 1
        self.planes = [self.full if nodes >> j & 1 else 0 for j in range(nodes.bit_length())]

    def copy(self) -> Capacity:
        """An independent copy: planning fills the copy, never the original."""
        twin = Capacity.__new__(Capacity)
        twin.full = self.full
        twin.planes = self.planes.copy()
        return twin

    def emptied(self) -> Capacity:
        """The same window with nothing left in any hour."""
        twin = Capacity.__new__(Capacity)
        twin.full = self.full
        twin.planes = [0] * len(self.planes)
        return twin

    def is_empty(self) -> bool:
        """Whether nothing is left in any hour."""
        return not any(self.planes)

    def at_least(self, nodes: int) -> int:
        """The hours whose residual is at least `nodes` (>= 0)."""
        if nodes >> len(self.planes):
            return 0
        enough = self.full  # compares the digits seen so far, lowest first; a higher digit outweighs them all
        for plane in self.planes:
            enough = enough & plane if nodes & 1 else enough | plane
            nodes >>= 1
        return enough

    def starts(self, nodes: int, hours: int) -> int:
        """The hours from which `nodes` nodes are free for `hours` (>= 1) contiguous hours, all inside the window."""
        free = self.at_least(nodes)
        span = 1  # bit h of `free`: hours h .. h + span - 1 are free; the span doubles
        while span < hours and free:
            step = min(span, hours - span)
            free &= free >> step
            span += step
        return free

    def take(self, nodes: int, first: int, hours: int) -> None:
        """Subtract `nodes` from hours first .. first + hours - 1, or raise `InvariantViolation` and change nothing."""
        ensure(nodes >= 1 and first >= 0 and hours >= 1, "capacity: nothing to take")
        where = ((1 << hours) - 1) << first
        ensure(where & ~self.at_least(nodes) == 0, "capacity: not enough nodes")
        borrow = 0
        for j, plane in enumerate(self.planes):
            digit = where if nodes >> j & 1 else 0
            self.planes[j] = plane ^ digit ^ borrow
            borrow = (digit | borrow) & ~plane | digit & borrow

    def runs(self) -> list[tuple[int, int, int]]:
        """The residual as (first hour, hours, nodes), zeros included: covers the window, no two neighbours equal."""
        edges = 1
        for plane in self.planes:
            edges |= plane ^ plane << 1
        edges |= self.full + 1  # the end of the window closes the last run
        runs: list[tuple[int, int, int]] = []
        first = 0
        while edges := edges & edges - 1:
            end = (edges & -edges).bit_length() - 1
            nodes = sum((plane >> first & 1) << j for j, plane in enumerate(self.planes))
            runs.append((first, end - first, nodes))
            first = end
        return runs
