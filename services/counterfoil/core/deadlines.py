"""The queue of deadlines behind every service's timers.

Reading never changes the queue, so deciders may read it. `evolve` functions add ids, and report with `ended` that one
is no longer live: at least half of the queue, 64 ids aside, is live if every end is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from itertools import islice, takewhile
from typing import Final

_SPARE: Final = 32  # ends reported before the queue is searched for ids that are not live

Due = tuple[int, int, int, str]
"""(time in microseconds, entry index, item, id): the lower comes first."""


class Deadlines:
    """A queue of ids by (time, index, item, id). An id may be added again; one that is not `live` is skipped."""

    __slots__ = ("_ended", "_heap", "_live", "_queued")

    def __init__(self, live: Callable[[str], bool]) -> None:
        self._live = live
        self._heap: list[Due] = []
        self._queued: set[str] = set()
        self._ended = 0  # since the whole queue was last searched

    def __len__(self) -> int:
        """How many ids it remembers, live or not."""
        return len(self._heap)

    def add(self, time: int, index: int, item: int, id_: str) -> None:
        """Remember that `id_` is due at `time` (microseconds), always the same for one id until it is moved."""
        if id_ not in self._queued:
            self._queued.add(id_)
            heappush(self._heap, (time, index, item, id_))

    def ended(self) -> None:
        """Report that one id is no longer live; drops such ids from the queue. O(log n) on average."""
        self._ended += 1
        while self._heap and not self._live(self._heap[0][3]):
            self._queued.discard(heappop(self._heap)[3])
        if self._ended > len(self._heap) // 2 + _SPARE:
            self._ended = 0
            self._heap = [due for due in self._heap if self._live(due[3])]
            self._queued = {due[3] for due in self._heap}
            heapify(self._heap)

    def forget(self, gone: Callable[[str], bool]) -> None:
        """Forget ids, so that they can be added for another time. O(n)."""
        self._heap = [due for due in self._heap if not gone(due[3])]
        self._queued = {due[3] for due in self._heap}
        heapify(self._heap)

    def postpone(self, until: Callable[[str], int]) -> None:
        """Ask anew when each live id is due, after an outage; `add` follows the same from then on. O(n)."""
        self._heap = [(until(id_), index, item, id_) for _, index, item, id_ in self._heap if self._live(id_)]
        self._queued = {due[3] for due in self._heap}
        self._ended = 0
        heapify(self._heap)

    def next(self) -> int | None:
        """When the first live id is due."""
        heap = self._heap
        if heap and self._live(heap[0][3]):  # as a rule: this is asked before every decision
            return heap[0][0]
        return next((due[0] for due in self._in_order()), None)

    def reached(self, cutoff: int, most: int) -> list[str]:
        """Up to `most` live ids that are due at or before `cutoff`, in order."""
        return [due[3] for due in islice(takewhile(lambda due: due[0] <= cutoff, self._in_order()), most)]

    def _in_order(self) -> Iterator[Due]:
        """The live ids, the first due first; the cost depends on the ids skipped and taken only."""
        heap = self._heap
        next_up = [(heap[0], 0)] if heap else []
        while next_up:
            due, place = heappop(next_up)
            if self._live(due[3]):
                yield due
            for child in (2 * place + 1, 2 * place + 2):
                if child < len(heap):
                    heappush(next_up, (heap[child], child))
