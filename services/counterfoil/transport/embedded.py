"""The transport inside one process: queues in memory for commands, the logs themselves for entries."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from typing import Any, Final

from counterfoil.contract.log_id import LogId
from counterfoil.ports import COMMANDS_SOURCE, Announcement, Checkpoint, Clock, Delivery, LogReader, Overloaded, Reply
from counterfoil.transport.buffers import Buffer, BufferedInbox

INBOX_CAPACITY: Final = 8_192
"""Unacknowledged commands of one log; further ones are shed."""

WINDOW: Final = 2_048
"""Latest entries of a log kept in memory."""

REPLIES_KEPT: Final = 8_192
"""Replies not taken yet; beyond these the oldest are dropped, whose clients have timed out."""

_TAKEN: Final[Future[None]] = Future()
_TAKEN.set_result(None)


class EmbeddedTransport:
    """A `Transport` and `ServiceTransport` for the services of one process; every method may be called from any thread.

    Entries: the topic of a log is the log itself. `register_log` makes it known with a reader of its committed entries;
    the transport keeps only the `window` latest in memory, and a consumer further behind reads the log, so memory stays
    flat however far a consumer lags, and after a restart every consumer resumes at the position it stored.

    Commands: at most `inbox_capacity` unacknowledged ones per log, counted from position 0 in every process. They
    stay until some inbox of the log acknowledges them, and a new inbox of the log begins with them. What is
    unacknowledged when the process ends is lost; the senders repeat it.

    With timeouts of 0 nothing here waits, so one thread may step everything.
    """

    def __init__(self, inbox_capacity: int = INBOX_CAPACITY, window: int = WINDOW, clock: Clock | None = None) -> None:
        """Without logs and commands; `clock`: says when commands are accepted."""
        self._capacity, self._clock = inbox_capacity, clock
        self._window = window
        self._lock = threading.Lock()  # guards everything below, and every source
        self._logs: dict[str, Buffer] = {}
        self._commands: defaultdict[LogId, Buffer] = defaultdict(lambda: Buffer(COMMANDS_SOURCE))
        self._checkpoints: dict[str, Checkpoint] = {}
        self._replies: deque[Reply] = deque(maxlen=REPLIES_KEPT)
        self._waiting: list[BufferedInbox] = []

    def register_log(self, origin: str, reader: LogReader, size: int) -> None:
        """Register a log whose first `size` entries count as announced, before anything is announced or consumed.

        `reader` must answer for every published entry, from any thread. Registering again, after the log's service was
        restarted, replaces it. Raises `ValueError` if `size` is less than what was published: the log lost entries.
        """
        with self._lock:
            log = self._logs.setdefault(origin, Buffer(origin, reader=reader))
            if size < log.end:
                raise ValueError(f"{origin}: {log.end} entries were published, the log has {size}")
            log.reader = reader
            if size > log.end:
                log.items.clear()
                log.start = size
                self._notify_readers(log)

    def send_command(self, log: LogId, envelope: bytes, trace: str = "") -> Future[Any]:
        """As the port says; what is taken here is only as durable as the process."""
        with self._lock:
            commands = self._commands[log]
            if len(commands.items) >= self._capacity:
                raise Overloaded(f"{log.name}: {self._capacity} commands are waiting")
            accepted = None if self._clock is None else self._clock.now()
            commands.items.append(Delivery(COMMANDS_SOURCE, commands.end, envelope, trace=trace, accepted=accepted))
            self._notify_readers(commands)
        return _TAKEN

    def open_inbox(
        self,
        consumer: str,
        commands: LogId | None,
        logs: Mapping[str, int],
        resume: Mapping[str, int] | None = None,
        wanted: Mapping[str, AbstractSet[str]] | None = None,
    ) -> BufferedInbox:
        """As the port says; the commands begin with the first that is not acknowledged. `resume` means nothing here.

        Raises `ValueError` for a log that is not registered and for a position beyond its end.
        """
        with self._lock:
            for origin, position in logs.items():
                end = self._log(origin).end
                if not 0 <= position <= end:
                    raise ValueError(f"{consumer}: position {position} of {origin}, which ends at {end}")
            sources = [self._logs[origin] for origin in sorted(logs)]
            positions = dict(logs)
            if commands is not None:
                sources.append(waiting := self._commands[commands])
                positions[COMMANDS_SOURCE] = waiting.start
            return BufferedInbox(self._lock, self._waiting, sources, positions, wanted)

    def silent(self) -> float:
        """As the port says: never."""
        return 0.0

    def announced(self, origin: str) -> int:
        """As the port says. Raises `ValueError` for a log that is not registered."""
        with self._lock:
            return self._log(origin).end

    def publish(self, announcement: Announcement) -> None:
        """As the port says; without entries it announces the checkpoint alone.

        Raises `ValueError`, changing nothing, for a gap and for a log that is not registered. No other process
        can write here, so the proof is left to those who read the published log.
        """
        origin, first = announcement.origin, announcement.first
        with self._lock:
            log = self._log(origin)
            if not 0 <= first <= log.end:
                raise ValueError(f"{origin}: entries from {first} on, but the next is {log.end}")
            news = announcement.end > log.end
            if news:
                log.items += _deliveries(announcement, log.end)
                log.drop_before(log.end - self._window)
            known = self._checkpoints.get(origin)
            if announcement.end == announcement.size and (known is None or known.size < announcement.size):
                self._checkpoints[origin] = Checkpoint(origin, announcement.size, announcement.note)
                news = True
            if news:
                self._notify_readers(log, announcement.types)

    def checkpoints(self, origin: str) -> Checkpoint | None:
        """As the port says; None until something is published in this process."""
        with self._lock:
            return self._checkpoints.get(origin)

    def reply(self, reply: Reply) -> None:
        """As the port says; the oldest is dropped where `REPLIES_KEPT` wait already."""
        with self._lock:
            self._replies.append(reply)

    def set_aside(self, delivery: Delivery, reason: str) -> None:
        """Nothing is kept: its sender is in this process, and gets the reply."""

    def take_replies(self) -> list[Reply]:
        """As the port says, oldest first."""
        with self._lock:
            replies = list(self._replies)
            self._replies.clear()
            return replies

    # Called with the lock held --------------------------------------------------------------------------------------

    def _log(self, origin: str) -> Buffer:
        log = self._logs.get(origin)
        if log is None:
            raise ValueError(f"{origin}: no such log is registered")
        return log

    def _notify_readers(self, source: Buffer, types: AbstractSet[str] | None = None) -> None:
        for inbox in self._waiting:
            inbox.notify(source, types)


def _deliveries(announcement: Announcement, start: int) -> list[Delivery]:
    """What is announced from the index `start` on."""
    old = start - announcement.first
    entries = announcement.entries[old:]
    traces = announcement.traces[old:] or [""] * len(entries)
    origin = announcement.origin
    return [
        Delivery(origin, at, data, trace=trace)
        for at, data, trace in zip(range(start, announcement.end), entries, traces, strict=True)
    ]
