"""One log while it is read: each entry once, for its own replay and for every log that consumes its events.

Who is behind finds what it has not taken yet in a queue, which holds what memory has no room for on disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple, Self

from counterfoil.audit.spool import Spool
from counterfoil.contract.codec import decode_cause, type_markers
from counterfoil.contract.entry import Cause, ResumedCause
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


class Offered(NamedTuple):
    """An entry of another log: the index `at` which it is, when it was made (0 if unreadable), and its bytes."""

    at: int
    time: int
    data: bytes

    def pack(self) -> bytes:
        """As bytes."""
        return b"".join((self.at.to_bytes(8), self.time.to_bytes(8), self.data))

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """From the bytes of `pack`."""
        return cls(int.from_bytes(packed[:8]), int.from_bytes(packed[8:16]), packed[16:])


class Follower:
    """The entries of a log that may hold an event of certain types: what one consumer has not taken yet."""

    def __init__(self, reading: Reading, types: Sequence[type[Event]], start: int) -> None:
        self._reading, self._start = reading, start
        self._wanted = re.compile(b"|".join(map(re.escape, type_markers(each.TYPE for each in types)))).search
        self._waiting = Spool(Offered.pack, Offered.unpack)

    def offer(self, first: int, entries: Sequence[Heading]) -> None:
        """Keep those of the entries, numbered from `first` on, that may hold such an event."""
        passed = max(0, self._start - first)
        for index, (data, _, time) in enumerate(entries[passed:], first + passed):
            if self._wanted(data):
                self._waiting.append(Offered(index, time, data))

    def next(self, until: int | None = None) -> Offered | None:
        """The next entry, None if there is none.

        With `until`, a time in microseconds, the log is not read further than to its first entry from then on.
        """
        while not self._waiting.count:
            if (until is not None and self._reading.time >= until) or not self._reading.more():
                return None
        return self._waiting.first()

    def take(self) -> None:
        """Go on behind the next entry."""
        self._waiting.popleft()

    def end(self) -> int:
        """The index behind what was read of the log."""
        return self._reading.size

    def outages(self, until: int) -> list[tuple[int, int]]:
        """When the log was away: what its entries say, from the first that was read to the first made after `until`."""
        while self._reading.time < until and self._reading.more():
            pass
        return self._reading.outages

    def leave(self) -> None:
        """Take nothing more."""
        self._reading.followers.remove(self)


class Reading:
    """Reads a log's bundles as they are needed, and gives them out."""

    def __init__(self, bundles: Iterator[list[bytes]], first: int = 0, own: int = 0) -> None:
        """`first`: the index with which the bundles begin; `own`: the one with which the log's own replay begins."""
        self._bundles, self._begin = bundles, own
        self.size = first
        """The index behind what was read."""
        self._own: Spool[Heading] = Spool(attrgetter("data"), heading)
        self._left = False
        self.followers: list[Follower] = []
        self.outages: list[tuple[int, int]] = []
        """Each outage in what was read: from when on the log was away, and when it resumed; microseconds."""
        self.time = 0
        """When the last entry was made that has been read, microseconds; 0 if that cannot be told."""

    def follow(self, types: Sequence[type[Event]], start: int = 0) -> Follower:
        """A consumer of these events, from the index `start` on; before anything is read."""
        self.followers.append(Follower(self, types, start))
        return self.followers[-1]

    def more(self) -> bool:
        """Read one more bundle, ahead of the log's own replay; False after the last."""
        entries = self._read()
        if not self._left:
            for each in self._of_own(entries):
                self._own.append(each)
        return bool(entries)

    def entries(self) -> Iterator[Heading]:
        """The log's own entries, in order, until `leave`."""
        while not self._left:
            if self._own.count:
                yield self._own.popleft()
            elif entries := self._read():
                yield from self._of_own(entries)
            else:
                return

    def leave(self) -> None:
        """Keep nothing more for the log's own replay."""
        self._own, self._left = Spool(attrgetter("data"), heading), True

    def _of_own(self, entries: Sequence[Heading]) -> Sequence[Heading]:
        """Those of the entries just read that the log's own replay wants."""
        return entries[max(0, self._begin - (self.size - len(entries))) :]

    def _read(self) -> Sequence[Heading]:
        """The entries of the next bundle; none after the last."""
        entries = [heading(data) for data in next(self._bundles, ())]
        if entries:
            for follower in self.followers:
                follower.offer(self.size, entries)
            self.outages += [(each.cause.away_since, each.time) for each in entries if type(each.cause) is ResumedCause]
            self.size += len(entries)
            self.time = entries[-1].time
        return entries
