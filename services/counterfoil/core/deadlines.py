"""What is due when: the one queue of deadlines that every service keeps its timers by."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush


class Deadlines:
    """A queue of ids by (time, index, item). An id may be added again; one that is not `live` is passed over."""

    __slots__ = ("_heap", "_live", "_queued")

    def __init__(self, live: Callable[[str], bool]) -> None:
        self._live = live
        self._heap: list[tuple[int, int, int, str]] = []
        self._queued: set[str] = set()

    def add(self, time: int, index: int, item: int, id_: str) -> None:
        """Remember that `id_` is due at `time`, always the same for one id."""
        if id_ not in self._queued:
            self._queued.add(id_)
            heappush(self._heap, (time, index, item, id_))

    def next(self) -> int | None:
        """When the first live id is due."""
        while self._heap and not self._live(self._heap[0][3]):
            self._queued.discard(heappop(self._heap)[3])
        return self._heap[0][0] if self._heap else None

    def reached(self, cutoff: int, most: int) -> list[str]:
        """Up to `most` live ids that are due at or before `cutoff`, in order."""
        found: list[tuple[int, int, int, str]] = []
        while len(found) < most and (time := self.next()) is not None and time <= cutoff:
            found.append(heappop(self._heap))
        for due in found:  # only an event may take them out for good
            heappush(self._heap, due)
        return [due[3] for due in found]
