"""Buffers of messages in memory, and the inbox that reads several of them: order, fairness and redelivery.

Both transports deliver through these; they differ in what fills the buffers.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from counterfoil.contract.ensure import ensure
from counterfoil.ports import Delivery, LogReader


@dataclass(frozen=True, slots=True)
class _Take:
    """A share of one source: messages `first` up to `stop`; not read yet if `reader` is set."""

    source: str
    first: int
    stop: int
    items: Sequence[Delivery]
    reader: LogReader | None

    def deliveries(self) -> Sequence[Delivery]:
        if self.reader is None:
            return self.items
        items = self.reader(self.first, self.stop)
        ensure(len(items) == self.stop - self.first, f"{self.source}: a published entry is missing from the log")
        return [Delivery(self.source, position, data) for position, data in enumerate(items, self.first)]


@dataclass(slots=True, eq=False)
class Buffer:
    """Consecutive messages of one source, the latest in memory: positions `start` up to `end`.

    A `reader` has the earlier ones. Without a reader, messages before `start` were acknowledged and are gone.
    """

    name: str
    start: int = 0
    reader: LogReader | None = None
    items: list[Delivery] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.start + len(self.items)

    def take(self, first: int, stop: int) -> _Take:
        if first < self.start:
            return _Take(self.name, first, stop, (), self.reader)
        return _Take(self.name, first, stop, self.items[first - self.start : stop - self.start], None)

    def drop_before(self, position: int) -> None:
        if position > self.start:
            del self.items[: position - self.start]
            self.start = position


def fair_shares(available: Sequence[int], order: Sequence[int], limit: int) -> list[int]:
    """How many messages to take from each source: as many, and as evenly, as `available` and `limit` permit.

    `order` lists the sources that have any, by index; a remainder goes, one each, to the first of them.
    """
    shares = [0] * len(available)
    hungry = order
    while hungry and limit:
        each = max(1, limit // len(hungry))
        for i in hungry:
            more = min(each, available[i] - shares[i], limit)
            shares[i] += more
            limit -= more
        hungry = [i for i in hungry if shares[i] < available[i]]
    return shares


class BufferedInbox:
    """An `Inbox` over buffers that others fill. One thread consumes; only `wake` may be called from other threads.

    A `wake` while no `poll` waits ends the next one, so a consumer that checks its stop flag and then polls cannot miss
    it. The first turn moves to the next source with each `poll`, so that none starves however small the limit.
    """

    def __init__(
        self,
        lock: threading.Lock,
        waiting: list[BufferedInbox],
        sources: Sequence[Buffer],
        positions: Mapping[str, int],
        wanted: Mapping[str, AbstractSet[str]] | None = None,
    ) -> None:
        """Over `sources`, in order of delivery, from `positions`. `lock` guards the sources and the list `waiting`.

        `wanted`: by source, the names of events without which entries do not end a wait.
        """
        self._ready = threading.Condition(lock)
        self._waiting = waiting
        self._sources = sources
        self._by_name = {source.name: source for source in sources}
        self._next = dict(positions)
        self._acknowledged = dict(positions)
        self._wanted = wanted or {}
        self._turn = 0
        self._woken = False
        self._news = False  # whether something came that ends a wait

    def poll(self, limit: int, timeout: float) -> list[Delivery]:
        """As the port says. If a log's reader raises, so does this, and nothing counts as delivered.

        Raises `ValueError` for a limit below 1.
        """
        if limit < 1:
            raise ValueError(f"cannot poll for {limit} messages")
        with self._ready:
            if timeout > 0:
                self._wait(timeout)
            self._woken = False
            takes = self._take(limit)
        # Old entries are read without the lock, so that other consumers do not wait for this one's disk.
        deliveries = [delivery for take in takes for delivery in take.deliveries()]
        self._next.update((take.source, take.stop) for take in takes)
        return deliveries

    def acknowledge(self, positions: Mapping[str, int]) -> None:
        """As the port says; a position lower than before changes nothing, one beyond the last delivery skips messages.

        Raises `ValueError`, changing nothing, for a source this inbox does not have or a position beyond its end.
        """
        with self._ready:
            for name, position in positions.items():
                source = self._by_name.get(name)
                if source is None or position > source.end:
                    end = None if source is None else source.end
                    raise ValueError(f"cannot acknowledge {name} before {position}: it ends at {end}")
            for name, given in positions.items():
                source, position = self._by_name[name], max(given, self._acknowledged[name])
                self._acknowledged[name] = position
                self._next[name] = max(position, self._next[name])
                if source.reader is None:
                    source.drop_before(position)

    def progress(self) -> dict[str, tuple[int, int]]:
        """By source, the first message that is not acknowledged, and the end; for any thread."""
        with self._ready:
            return {
                each.name: (max(self._acknowledged[each.name], 0 if each.reader else each.start), each.end)
                for each in self._sources
            }

    def rewind(self) -> None:
        """As the port says."""
        self._next = dict(self._acknowledged)

    def wake(self) -> None:
        """As the port says."""
        with self._ready:
            self._woken = True
            self._ready.notify()

    def notify(self, source: Buffer, types: AbstractSet[str] | None = None) -> None:
        """End the wait of this inbox if it reads `source`. Called with the lock held, after filling a buffer.

        `types`: the names of the events that came, if known; where it wants none of them, the wait goes on.
        """
        wanted = self._wanted.get(source.name)
        if source in self._sources and (types is None or wanted is None or not wanted.isdisjoint(types)):
            self._news = True
            self._ready.notify()

    def _wait(self, timeout: float) -> None:
        if self._woken or any(self._first(source) < source.end for source in self._sources):
            return
        self._news = False
        self._waiting.append(self)
        try:
            self._ready.wait_for(lambda: self._woken or self._news, timeout)
        finally:
            self._waiting.remove(self)

    def _first(self, source: Buffer) -> int:
        """The next position to deliver, which is past commands acknowledged through another inbox of the service."""
        position = self._next[source.name]
        return max(position, source.start) if source.reader is None else position

    def _take(self, limit: int) -> list[_Take]:
        """The next messages of every source, `limit` in total; moves the first turn on."""
        firsts = [self._first(source) for source in self._sources]
        available = [source.end - first for source, first in zip(self._sources, firsts, strict=True)]
        order = [i for i in (*range(self._turn, len(available)), *range(self._turn)) if available[i]]
        if order:
            self._turn = (order[0] + 1) % len(available)
        if len(order) == 1:  # nothing to share out
            (only,) = order
            first = firsts[only]
            return [self._sources[only].take(first, first + min(available[only], limit))]
        shares = fair_shares(available, order, limit)
        return [
            source.take(first, first + share)
            for source, first, share in zip(self._sources, firsts, shares, strict=True)
            if share
        ]
