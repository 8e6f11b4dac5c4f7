"""The transport inside one process: queues in memory for commands, the logs themselves for entries."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from counterfoil.contract import limits
from counterfoil.contract.ensure import ensure
from counterfoil.ports import COMMANDS_SOURCE, Checkpoint, Delivery, LogReader, Overloaded, Reply

WINDOW: Final = 2_048
"""Latest entries of a log kept in memory."""

REPLIES_KEPT: Final = 8_192
"""Replies not taken yet; the oldest go first, for whoever waited for them gave up long ago."""


@dataclass(frozen=True, slots=True)
class _Take:
    """A share of one source: messages `first` up to `stop`, still to be read if `reader` is set."""

    source: str
    first: int
    stop: int
    items: Sequence[bytes]
    reader: LogReader | None

    def deliveries(self) -> list[Delivery]:
        items = self.items if self.reader is None else self.reader(self.first, self.stop)
        ensure(len(items) == self.stop - self.first, f"{self.source}: a published entry is not in the log any more")
        return [Delivery(self.source, position, data) for position, data in enumerate(items, self.first)]


@dataclass(slots=True, eq=False)
class _Source:
    """Consecutive messages, the latest in memory: positions `start` up to `end`. A log's `reader` has the earlier ones.

    The commands of a service have no reader: what is before `start` was acknowledged and is gone.
    """

    name: str
    start: int = 0
    reader: LogReader | None = None
    items: list[bytes] = field(default_factory=list)

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
    """How many messages to take from each source: as equal, and as many, as `available` and `limit` permit.

    `order` names the sources that have any; what cannot be split evenly goes, one each, to the first of them.
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


class EmbeddedInbox:
    """An `Inbox` of an `EmbeddedTransport`, for one consumer thread; only `wake` may come from others.

    A `wake` outside a waiting `poll` is kept for the next, so a consumer that looks at its stop flag and then polls
    cannot miss it. Turns between sources pass on with each `poll`, so that none starves however small the limit.
    """

    def __init__(
        self,
        lock: threading.Lock,
        waiting: list[EmbeddedInbox],
        sources: Sequence[_Source],
        positions: Mapping[str, int],
    ) -> None:
        """Over `sources`, in order of delivery, from `positions`. `lock` guards the sources and the list `waiting`."""
        self._ready = threading.Condition(lock)
        self._waiting = waiting
        self._sources = sources
        self._next = dict(positions)
        self._acknowledged = dict(positions)
        self._turn = 0
        self._woken = False

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
        # Old entries are read without the lock: nobody waits for a slow consumer's disk.
        deliveries = [delivery for take in takes for delivery in take.deliveries()]
        self._next.update((take.source, take.stop) for take in takes)
        return deliveries

    def acknowledge(self, positions: Mapping[str, int]) -> None:
        """As the port says; lower positions than before change nothing, higher ones than delivered are skipped to.

        Raises `ValueError`, changing nothing, for a source this inbox does not have or a position beyond its end.
        """
        with self._ready:
            ends = {source.name: source.end for source in self._sources}
            for name, position in positions.items():
                if name not in ends or position > ends[name]:
                    raise ValueError(f"cannot acknowledge {name} before {position}: it ends at {ends.get(name)}")
            for source in self._sources:
                position = max(positions.get(source.name, 0), self._acknowledged[source.name])
                self._acknowledged[source.name] = position
                self._next[source.name] = max(position, self._next[source.name])
                if source.reader is None:
                    source.drop_before(position)

    def rewind(self) -> None:
        """As the port says."""
        self._next = dict(self._acknowledged)

    def wake(self) -> None:
        """As the port says."""
        with self._ready:
            self._woken = True
            self._ready.notify()

    def notify(self, source: _Source) -> None:
        """End the wait of this inbox if it reads `source`; for the transport, which holds the lock."""
        if source in self._sources:
            self._ready.notify()

    def _wait(self, timeout: float) -> None:
        self._waiting.append(self)
        try:
            self._ready.wait_for(lambda: self._woken or any(self._first(s) < s.end for s in self._sources), timeout)
        finally:
            self._waiting.remove(self)

    def _first(self, source: _Source) -> int:
        """The next position to deliver; commands acknowledged through another inbox of the service are gone."""
        position = self._next[source.name]
        return max(position, source.start) if source.reader is None else position

    def _take(self, limit: int) -> list[_Take]:
        """The next messages of every source, `limit` in total, and pass the turn on."""
        firsts = [self._first(source) for source in self._sources]
        available = [source.end - first for source, first in zip(self._sources, firsts, strict=True)]
        order = [i for i in (*range(self._turn, len(available)), *range(self._turn)) if available[i]]
        if order:
            self._turn = (order[0] + 1) % len(available)
        shares = fair_shares(available, order, limit)
        return [
            source.take(first, first + share)
            for source, first, share in zip(self._sources, firsts, shares, strict=True)
            if share
        ]


class EmbeddedTransport:
    """A `Transport` for the services of one process; every method may be called from any thread.

    Entries: the topic of a log is the log itself. `register_log` makes it known with a reader of its committed entries;
    the transport keeps only the `window` latest in memory, and a consumer further behind reads the log, so memory stays
    flat however far a consumer lags, and after a restart every consumer goes on from the position it stored.

    Commands: at most `inbox_capacity` unacknowledged ones per service, counted from position 0 in every process. They
    stay until some inbox of the service acknowledges them, and a new inbox of the service begins with them. What is
    unacknowledged when the process ends is lost; the senders repeat it.

    Waiting: `wait` returns when entries, a checkpoint or a reply came in. A gateway thread keeps the count it returned,
    looks at what is new (`checkpoints`, `take_replies`, its inbox), and waits again with that count: nothing that comes
    in between is missed. With timeouts of 0 nothing here waits or looks at a clock, so one thread may step everything.
    """

    def __init__(self, inbox_capacity: int = limits.INBOX_CAPACITY, window: int = WINDOW) -> None:
        """Without logs and commands."""
        self._capacity = inbox_capacity
        self._window = window
        self._lock = threading.Lock()  # guards everything below, and every source
        self._logs: dict[str, _Source] = {}
        self._commands: defaultdict[str, _Source] = defaultdict(lambda: _Source(COMMANDS_SOURCE))
        self._checkpoints: dict[str, Checkpoint] = {}
        self._replies: deque[Reply] = deque(maxlen=REPLIES_KEPT)
        self._waiting: list[EmbeddedInbox] = []
        self._changed = threading.Condition(self._lock)
        self._changes = 0

    def register_log(self, origin: str, reader: LogReader, size: int) -> None:
        """Make a log known, its first `size` entries as published; before anybody publishes to it or consumes it.

        `reader` must answer for every published entry, from any thread. Registering again, after the log's service was
        restarted, replaces it. Raises `ValueError` if `size` is less than what was published: the log lost entries.
        """
        with self._lock:
            log = self._logs.setdefault(origin, _Source(origin, reader=reader))
            if size < log.end:
                raise ValueError(f"{origin}: {log.end} entries were published, the log has {size}")
            log.reader = reader
            if size > log.end:
                log.items.clear()
                log.start = size
                self._announce(log)

    def send_command(self, service: str, envelope: bytes) -> None:
        """As the port says; if it raises, the command was not taken."""
        with self._lock:
            commands = self._commands[service]
            if len(commands.items) >= self._capacity:
                raise Overloaded(f"{service}: {self._capacity} commands are waiting")
            commands.items.append(envelope)
            self._notify_readers(commands)

    def open_inbox(self, consumer: str, service: str | None, logs: Mapping[str, int]) -> EmbeddedInbox:
        """As the port says; the commands begin with the first that is not acknowledged.

        Raises `ValueError` for a log that is not registered and for a position beyond its end.
        """
        with self._lock:
            for origin, position in logs.items():
                end = self._log(origin).end
                if not 0 <= position <= end:
                    raise ValueError(f"{consumer}: position {position} of {origin}, which ends at {end}")
            sources = [self._logs[origin] for origin in sorted(logs)]
            positions = dict(logs)
            if service is not None:
                sources.append(commands := self._commands[service])
                positions[COMMANDS_SOURCE] = commands.start
            return EmbeddedInbox(self._lock, self._waiting, sources, positions)

    def publish(self, origin: str, first: int, entries: Sequence[bytes], note: bytes) -> None:
        """As the port says; without entries it announces the checkpoint alone.

        Raises `ValueError`, changing nothing, for a gap and for a log that is not registered.
        """
        with self._lock:
            log = self._log(origin)
            if not 0 <= first <= log.end:
                raise ValueError(f"{origin}: entries from {first} on, but the next is {log.end}")
            size = first + len(entries)
            known = self._checkpoints.get(origin)
            if known is not None and size <= known.size:
                return
            log.items.extend(entries[log.end - first :])
            log.drop_before(log.end - self._window)
            self._checkpoints[origin] = Checkpoint(origin, size, note)
            self._announce(log)

    def checkpoints(self, origin: str) -> Checkpoint | None:
        """As the port says; None until something is published in this process."""
        with self._lock:
            return self._checkpoints.get(origin)

    def reply(self, reply: Reply) -> None:
        """As the port says; the oldest is dropped where `REPLIES_KEPT` wait already."""
        with self._lock:
            self._replies.append(reply)
            self._count_change()

    def take_replies(self) -> list[Reply]:
        """As the port says, oldest first."""
        with self._lock:
            replies = list(self._replies)
            self._replies.clear()
            return replies

    def wait(self, seen: int, timeout: float) -> int:
        """The count of changes, as soon as it is not `seen` any more, or after `timeout` seconds. Begin with 0."""
        with self._lock:
            self._changed.wait_for(lambda: self._changes != seen, timeout)
            return self._changes

    def wake(self) -> None:
        """Make every `wait` return now, as if something had come in."""
        with self._lock:
            self._count_change()

    # Called with the lock held --------------------------------------------------------------------------------------

    def _log(self, origin: str) -> _Source:
        log = self._logs.get(origin)
        if log is None:
            raise ValueError(f"{origin}: no such log is registered")
        return log

    def _announce(self, log: _Source) -> None:
        self._notify_readers(log)
        self._count_change()

    def _notify_readers(self, source: _Source) -> None:
        for inbox in self._waiting:
            inbox.notify(source)

    def _count_change(self) -> None:
        self._changes += 1
        self._changed.notify_all()
