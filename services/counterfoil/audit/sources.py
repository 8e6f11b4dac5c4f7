"""What a log has to consume: the events of another log that it subscribes to, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from counterfoil.audit.structure import Verified
from counterfoil.catalogue import CODEC
from counterfoil.contract.canonical import Refused
from counterfoil.contract.codec import type_markers
from counterfoil.contract.record import Event
from counterfoil.contract.times import HOUR
from counterfoil.log.errors import LogError
from counterfoil.log.merkle import leaf_hash

CONSUME_WITHIN: Final = HOUR
"""How long a log that keeps deciding may leave another log's event unconsumed."""

UNREADABLE = (Refused, LogError, OSError)


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """One subscribed event of a source log: where it stands, the leaf of its entry, and itself."""

    index: int
    item: int
    leaf: bytes
    event: Event
    time: int


class Source:
    """One source log, read as far as it was consumed and one event further.

    Reading raises what is in `UNREADABLE`, again and again at the same event.
    """

    def __init__(self, log: Verified, types: tuple[type[Event], ...]) -> None:
        self._items = _items(log, types)
        self._next: SourceEvent | Exception | None = None
        self._is_read = False
        self._late_since: int | None = None
        self.is_reported = False
        """Whether the next event, or one before it since the log last kept up, was found to be withheld."""

    def next(self) -> SourceEvent | None:
        """The next event to be consumed; None after the last."""
        if not self._is_read:
            self._is_read = True
            try:
                self._next = next(self._items, None)
            except UNREADABLE as problem:
                self._next = problem
        if isinstance(self._next, Exception):
            raise self._next
        return self._next

    def consumed(self) -> None:
        """The next event was consumed."""
        self._is_read = False

    def rest(self) -> Iterator[SourceEvent]:
        """Everything that was not consumed."""
        while (item := self.next()) is not None:
            yield item
            self.consumed()

    def withheld(self, time: int) -> SourceEvent | None:
        """The next event, if an entry made at `time` (microseconds) is the first to show that events are withheld.

        A log that was away makes entries before it has caught up. But one that makes entries over more than
        `CONSUME_WITHIN` while what waits is always older than that leaves events aside, or lags behind for no reason.
        """
        try:
            item = self.next()
        except UNREADABLE:
            return None  # whoever consumes it finds out
        if item is None or time <= item.time + CONSUME_WITHIN:
            self._late_since, self.is_reported = None, False
            return None
        if self._late_since is None:
            self._late_since = time
        if self.is_reported or time <= self._late_since + CONSUME_WITHIN:
            return None
        self.is_reported = True
        return item


def _items(source: Verified, types: tuple[type[Event], ...]) -> Iterator[SourceEvent]:
    """The events of these types in a log, in order; only entries that can hold one are parsed."""
    names = type_markers(types)
    for index, data in enumerate(source.files.entries(source.intact)):
        if not any(name in data for name in names):
            continue
        leaf, entry = leaf_hash(data), CODEC.decode_entry(data)
        for item, event in enumerate(entry.events):
            if type(event) in types:
                yield SourceEvent(index, item, leaf, event, entry.time)
