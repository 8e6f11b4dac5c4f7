"""One log while it is read: each entry once, for its own replay and for every log that consumes its events.

Who is behind finds what it has not taken yet in a queue, which holds what memory has no room for on disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from counterfoil.audit.spool import Spool
from counterfoil.contract.codec import decode_cause, type_markers
from counterfoil.contract.entry import Cause
from counterfoil.contract.record import Event


class Heading(NamedTuple):
    """An entry's bytes with its cause and time; if they cannot be read, why, and time 0."""

    data: bytes
    cause: Cause | Exception
    time: int


def heading(data: bytes) -> Heading:
    """What must be known of an entry before it is decided again."""
    try:
        return Heading(data, *decode_cause(data))
    except Exception as problem:  # noqa: BLE001 whatever is wrong with it, its replay says so
        return Heading(data, problem, 0)


class Follower:
    """The entries of a log that may hold an event of certain types: what one consumer has not taken yet."""

    def __init__(self, reading: Reading, types: Sequence[type[Event]]) -> None:
        self._reading, self._names, self._waiting = reading, type_markers(types), Spool()

    def offer(self, first: int, entries: Sequence[bytes]) -> None:
        """Keep those of the entries, numbered from `first` on, that may hold such an event."""
        names, waiting = self._names, self._waiting
        for index, data in enumerate(entries, first):
            for name in names:
                if name in data:
                    waiting.append(index.to_bytes(8) + data)
                    break

    def take(self, until: int | None = None) -> tuple[int, bytes] | None:
        """The next entry and its index, None if there is none.

        With `until`, a time in microseconds, the log is not read further than to its first entry from then on.
        """
        while not self._waiting.count:
            if (until is not None and self._reading.time >= until) or not self._reading.more():
                return None
        item = self._waiting.popleft()
        return int.from_bytes(item[:8]), item[8:]

    def leave(self) -> None:
        """Take nothing more."""
        self._reading.followers.remove(self)


class Reading:
    """Reads a log's bundles as they are needed, and gives them out."""

    def __init__(self, bundles: Iterator[list[bytes]]) -> None:
        self._bundles, self._size = bundles, 0
        self._own = Spool()
        self._left = False
        self.followers: list[Follower] = []
        self.time = 0
        """When the last entry was made that has been read, microseconds; 0 if that cannot be told."""

    def follow(self, types: Sequence[type[Event]]) -> Follower:
        """A consumer of these events; before anything is read."""
        self.followers.append(Follower(self, types))
        return self.followers[-1]

    def more(self) -> bool:
        """Read one more bundle, ahead of the log's own replay; False after the last."""
        entries = self._read()
        if not self._left:
            for data in entries:
                self._own.append(data)
        return bool(entries)

    def entries(self) -> Iterator[Heading]:
        """The log's own entries, in order, until `leave`."""
        while not self._left:
            if self._own.count:
                yield heading(self._own.popleft())
            elif entries := self._read():
                yield from map(heading, entries)
            else:
                return

    def _read(self) -> Sequence[bytes]:
        """The entries of the next bundle; none after the last."""
        entries = next(self._bundles, ())
        if entries:
            for follower in self.followers:
                follower.offer(self._size, entries)
            self._size += len(entries)
            self.time = heading(entries[-1]).time
        return entries

    def leave(self) -> None:
        """Keep nothing more for the log's own replay."""
        self._own, self._left = Spool(), True
