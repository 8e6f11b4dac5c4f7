"""What a log has to consume: the events of another log that it subscribes to, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from counterfoil.audit.kept import KeptSource
from counterfoil.audit.reading import Offered, Reading
from counterfoil.contract.canonical import Refused
from counterfoil.contract.record import Event
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.log.merkle import leaf_hash
from counterfoil.vocabulary import CODEC

CONSUME_WITHIN: Final = HOUR
"""How long a log that keeps deciding may leave another log's event unconsumed."""

LEFT_ASIDE: Final = DAY
"""How long a log that makes no entries may do so, its outages and the other log's left out: these say why."""

PUBLISHED_WITHIN: Final = 300 * SECOND
"""How much later than its consumers a log may publish an entry."""


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """One subscribed event of a source log: where it stands, the leaf of its entry, and itself."""

    index: int
    item: int
    leaf: bytes
    event: Event
    time: int


class Source:
    """One source log, taken as far as it was consumed and one event further.

    Raises `Refused` at an entry that cannot be read, again and again.
    """

    def __init__(self, log: Reading, types: tuple[type[Event], ...], start: KeptSource) -> None:
        """`start`: how far it is consumed already."""
        self._log, self._types, self._start = log.follow(types, start.index), types, start
        self._events: list[SourceEvent] = []  # of the entry taken last, the next one last
        self._late_since, self._blocked_until = start.late_since, start.blocked_until
        self.is_reported = False
        """Whether the next event, or one before it since the log last kept up, was found to be withheld."""

    def next(self) -> SourceEvent | None:
        """The next event to be consumed; None after the last."""
        while not self._events:
            offered = self._log.next()
            if offered is None:
                return None
            passed = self._start.item if offered.at == self._start.index else 0
            self._events = [each for each in _subscribed(offered, self._types) if each.item >= passed]
            self._log.take()
        return self._events[-1]

    def end(self) -> int:
        """How many entries the source has, once `next` found none."""
        return self._log.end()

    def position(self) -> KeptSource:
        """How far it is consumed, once all of its log was read."""
        item = self.next()
        place = (self._log.end(), 0) if item is None else (item.index, item.item)
        return KeptSource(*place, self._late_since, self._blocked_until)

    def consumed(self) -> None:
        """The next event was consumed."""
        self._events.pop()

    def rest(self) -> Iterator[SourceEvent]:
        """Everything that was not consumed."""
        while (item := self.next()) is not None:
            yield item
            self.consumed()

    def leave(self) -> None:
        """Nothing more will be consumed."""
        self._log.leave()

    def since(self, item: SourceEvent) -> int:
        """Since when the next event could have been consumed: made, and nothing before it or that it needs missing."""
        return max(item.time, self._blocked_until)

    def left_aside(self, item: SourceEvent, time: int, outages: Iterable[tuple[int, int]]) -> int:
        """For how long the next event was left aside until `time`, but for outages of the source, and of the log."""
        since = self.since(item)
        return time - since - _within([*self._log.outages(time), *outages], since, time)

    def withheld(self, time: int, ready: Callable[[Event], bool]) -> SourceEvent | None:
        """The next event, if an entry made at `time` (microseconds) is the first to show that events are withheld.

        `ready`: whether what an event refers to has arrived; until then all of its entry waits, and what comes after.
        A log that was away makes entries before it has caught up. But one that makes entries over more than
        `CONSUME_WITHIN` while what waits is always older than that leaves events aside, or lags behind for no reason.
        """
        try:
            item = self.next() if self._may_be_late(time) else None
        except Refused:
            return None  # whoever consumes it finds out
        if item is not None and not all(ready(each.event) for each in self._events):
            self._blocked_until = time
        if item is None or time <= self.since(item) + CONSUME_WITHIN:
            self._late_since, self.is_reported = None, False
            return None
        if self._late_since is None:
            self._late_since = time
        if self.is_reported or time <= self._late_since + CONSUME_WITHIN:
            return None
        if self.left_aside(item, time, ()) <= CONSUME_WITHIN:  # its log was away before it had told the others
            return None
        self.is_reported = True
        return item

    def _may_be_late(self, time: int) -> bool:
        """Whether what is next was made so long before `time`; its event is not decoded for that."""
        late = time - CONSUME_WITHIN
        if self._events:
            return self._events[-1].time < late
        offered = self._log.next(late)
        return offered is not None and offered.time < late


def _within(outages: Iterable[tuple[int, int]], since: int, until: int) -> int:
    """For how long any of the outages lasted between two times."""
    away, end = 0, since
    for begin, resumed in sorted(outages):
        begin, resumed = max(begin, end), min(resumed, until)
        if begin < resumed:
            away, end = away + resumed - begin, resumed
    return away


def _subscribed(offered: Offered, types: tuple[type[Event], ...]) -> list[SourceEvent]:
    """The events of these types in an entry, the last one first. Raises `Refused`."""
    index, _, data = offered
    leaf, entry = leaf_hash(data), CODEC.decode_entry(data)
    found = enumerate(entry.events)
    return [SourceEvent(index, item, leaf, each, entry.time) for item, each in found if type(each) in types][::-1]
