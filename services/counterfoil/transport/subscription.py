"""What one consumer reads from Kafka: an aiokafka consumer, its partitions assigned by hand, fills an inbox's buffers.

The consumer of an inbox stores offsets with what it made of the messages; reading resumes there. The consumer group
only shows lag: acknowledged offsets are committed to it, and nothing is ever read from it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from counterfoil.contract import topics
from counterfoil.contract.codec import type_markers
from counterfoil.contract.limits import MAX_ENVELOPE_BYTES
from counterfoil.ports import COMMANDS_SOURCE, Delivery, Unavailable
from counterfoil.transport import pauses
from counterfoil.transport.batches import BadRecord, BatchReader
from counterfoil.transport.buffers import Buffer, BufferedInbox
from counterfoil.transport.client import name_of
from counterfoil.transport.routes import Read

MAX_BUFFERED: Final = 8_192
"""Unacknowledged messages of one source in memory; at this many, no more of it are asked for."""
_MAX_RECORDS: Final = 1_000
_POLL_MS: Final = 50  # a poll ends at once when records come; a source that was full is asked for again after this time
_KEPT_WITHIN: Final = 30.0
_LAST_COMMIT: Final = 2.0

log = logging.getLogger("counterfoil.kafka.consumer")

SetAside = Callable[[Any, str], Future[int]]
"""Writes a record to the dead letters, with the reason; done when Kafka has confirmed it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one partition is read: offsets, seconds since Kafka last answered a fetch, records not acknowledged yet.

    While its buffer is full, a topic is not asked for: its `end` is then its `position`.
    """

    topic: str
    position: int
    end: int
    silent: float
    behind: int
    missing: int | None
    """The index of an entry that has not come, while later ones have."""


def time_of(cursor: str) -> str:
    """The cursor that stores the time of the last message before a cursor of commands: it shows a recreated topic."""
    return f"{cursor}:time"


class Feed(ABC):
    """One partition on its way into one buffer."""

    def __init__(self, where: TopicPartition, buffer: Buffer, offset: int, cursor: str) -> None:
        self.where, self.buffer, self.offset, self.cursor = where, buffer, offset, cursor
        self.topic = name_of(where)
        self.full = False
        self.asked = time.monotonic()  # since when Kafka is asked for it
        self.committed = offset

    def has_room(self) -> bool:
        """Whether Kafka is asked for more: once its buffer is full, not before half of it is acknowledged."""
        self.full = len(self.buffer.items) > (MAX_BUFFERED // 2 if self.full else MAX_BUFFERED - 1)
        if self.full:
            self.asked = time.monotonic()
        return not self.full

    @abstractmethod
    def take(self, record: Any) -> list[Delivery]:
        """What may be delivered now that `record` has come. Raises `BadRecord`."""

    def wakes(self, _deliveries: Sequence[Delivery]) -> bool:
        """Whether these, which are not empty, end a wait of the consumer."""
        return True

    @property
    def missing(self) -> int | None:
        """The position that has not come, while later ones have."""
        return None


class CommandFeed(Feed):
    """Commands: every record is one, in the order of the topic."""

    def __init__(self, where: TopicPartition, buffer: Buffer, offset: int, cursor: str) -> None:
        super().__init__(where, buffer, offset, cursor)
        self._position = buffer.end  # counted here: the buffer may be changed by its consumer's thread

    def take(self, record: Any) -> list[Delivery]:
        """Raises `BadRecord` for a record that cannot be an envelope."""
        if not record.value or len(record.value) > MAX_ENVELOPE_BYTES:
            raise BadRecord("no_envelope")
        trace = (dict(record.headers).get(topics.TRACE) or b"").decode("ascii", "replace")[:64]
        resume = ((self.cursor, record.offset + 1), (time_of(self.cursor), max(0, record.timestamp)))
        position, self._position = self._position, self._position + 1
        accepted = record.timestamp * 1_000 if record.timestamp >= 0 else None  # Kafka counts milliseconds
        return [Delivery(COMMANDS_SOURCE, position, record.value, resume, trace=trace, accepted=accepted)]


class EntryFeed(Feed):
    """Entries: whole batches that the log's signature vouches for."""

    def __init__(
        self,
        where: TopicPartition,
        buffer: Buffer,
        offset: int,
        batches: BatchReader,
        cursor: str,
        wanted: AbstractSet[str] | None = None,
    ) -> None:
        """`wanted`: the names of the events that end a wait; None if every entry does."""
        super().__init__(where, buffer, offset, cursor)
        self.batches = batches
        self._markers = None if wanted is None else type_markers(wanted)

    def take(self, record: Any) -> list[Delivery]:
        """Raises `BadRecord`."""
        return self.batches.feed(record.offset, record.value, record.headers)

    def wakes(self, deliveries: Sequence[Delivery]) -> bool:
        """By the entries themselves, which are proven: a header that said so would be anybody's word."""
        if self._markers is None:
            return True
        return any(marker in each.data for each in deliveries for marker in self._markers)

    @property
    def missing(self) -> int | None:
        """The index of the entry that has not come, while later ones have."""
        return self.batches.next_index if self.batches.waits_for_gap else None


class KafkaInbox(BufferedInbox):
    """An `Inbox` that a `Subscription` fills."""

    def __init__(self, feeds: Sequence[Feed], positions: Mapping[str, int]) -> None:
        """`feeds` in order of delivery."""
        self._lock = threading.Lock()
        super().__init__(self._lock, [], [feed.buffer for feed in feeds], positions)
        self._feeds = feeds
        self.failure: str = ""

    def poll(self, limit: int, timeout: float) -> list[Delivery]:
        """As the port says. Raises `Unavailable` after `fail`: open another inbox."""
        if self.failure:
            raise Unavailable(self.failure)
        return super().poll(limit, timeout)

    def acknowledge(self, positions: Mapping[str, int]) -> None:
        """As the port says."""
        with self._lock:
            for feed in self._feeds:
                at = positions.get(feed.buffer.name, 0) - 1 - feed.buffer.start
                if 0 <= at < len(feed.buffer.items) and (resume := feed.buffer.items[at].resume):
                    feed.committed = max(feed.committed, resume[0][1])
        super().acknowledge(positions)

    def put(self, feed: Feed, deliveries: Sequence[Delivery]) -> None:
        """Add what has come; called by the subscription."""
        if not deliveries:
            return
        with self._lock:
            feed.buffer.items.extend(deliveries)
            if self._waiting and feed.wakes(deliveries):
                self.notify(feed.buffer)

    def fail(self, reason: str) -> None:
        """End the inbox: every later `poll` raises `Unavailable` with this reason."""
        self.failure = reason
        self.wake()


class Subscription:
    """Fills one inbox until it is stopped.

    FastStream's subscriber is not used here: it starts to read before an offset can be sought, swallows what a handler
    raises, and sleeps after every empty poll.
    """

    def __init__(
        self,
        make: Callable[[], AIOKafkaConsumer],
        consumer: str,
        group: str,
        feeds: Sequence[Feed],
        set_aside: SetAside,
    ) -> None:
        """`make` makes the client, in the group `group`, on the loop that calls `start`; `consumer` reads the inbox."""
        self.consumer_name, self._make, self._group = consumer, make, group
        self._feeds = {feed.where: feed for feed in feeds}
        self._set_aside = set_aside
        self._tasks: list[asyncio.Task[None]] = []
        self._last: dict[TopicPartition, int] = {}
        self._client: AIOKafkaConsumer | None = None
        self.inbox: KafkaInbox

    @property
    def reads(self) -> list[Read]:
        """Each topic that is read, and the group."""
        return [(where.topic, self._group) for where in self._feeds]

    async def start(self, inbox: KafkaInbox) -> None:
        """Connect, and read from the feeds' offsets on. Raises what the client raises; then, too, `stop` it."""
        self.inbox = inbox
        client = self._client = self._make()
        await client.start()
        client.assign(list(self._feeds))
        for where, feed in self._feeds.items():
            client.seek(where, feed.offset)
        self._tasks = [asyncio.create_task(self._read(client)), asyncio.create_task(self._report(client))]

    async def stop(self) -> None:
        """Read no more, commit what is acknowledged, and disconnect."""
        client, self._client = self._client, None
        for task in self._tasks:
            task.cancel()
        if client is None:
            return
        if self._tasks:
            with suppress(Exception):
                await asyncio.wait_for(self._commit(client), _LAST_COMMIT)
        with suppress(Exception):
            await client.stop()

    async def _read(self, client: AIOKafkaConsumer) -> None:
        """Read until an error, which ends this inbox; the next one begins with what was not consumed."""
        try:
            while True:
                wanted = [where for where, feed in self._feeds.items() if feed.has_room()]
                if not wanted:
                    await asyncio.sleep(pauses.FULL)
                    continue
                # Of each partition that is not wanted, aiokafka keeps one fetch and asks for no more.
                found = await client.getmany(*wanted, timeout_ms=_POLL_MS, max_records=_MAX_RECORDS)
                began = time.monotonic()
                for where, records in found.items():
                    await self._take(self._feeds[where], records)
                await asyncio.sleep(max(0.0, began + pauses.GATHER - time.monotonic()))
        except Exception as problem:
            log.warning("%s: reading ends: %r", self._group, problem, exc_info=problem)
            self.inbox.fail(f"reading for {self._group} ended: {problem!r}")

    async def _take(self, feed: Feed, records: Iterable[Any]) -> None:
        """Deliver records of one topic; what is not one of its messages is dead-lettered before the next is read."""
        ready: list[Delivery] = []
        for record in records:
            if record.offset < feed.offset:  # its offset was gone, and the client went to the earliest
                raise Unavailable(f"{feed.topic} was recreated: offset {record.offset} came after {feed.offset - 1}")
            try:
                ready += feed.take(record)
            except BadRecord as problem:
                log.warning("%s, offset %d: set aside: %s", feed.topic, record.offset, problem)
                self.inbox.put(feed, ready)
                ready = []
                kept = asyncio.wrap_future(self._set_aside(record, str(problem)))
                await asyncio.wait_for(kept, _KEPT_WITHIN)
            feed.offset = record.offset + 1
        self.inbox.put(feed, ready)

    async def _report(self, client: AIOKafkaConsumer) -> None:
        """Commit to the group what is acknowledged; if Kafka refuses that, reading continues."""
        while True:
            await asyncio.sleep(pauses.COMMIT)
            await self._commit(client)

    async def _commit(self, client: AIOKafkaConsumer) -> None:
        moved = {where: feed.committed for where, feed in self._feeds.items() if feed.committed > 0}
        if moved != self._last:
            try:
                await client.commit(moved)
                self._last = moved
            except Exception as problem:  # noqa: BLE001 offsets in the group are only for display
                log.info("%s: offsets not committed: %r", self._group, problem)

    def progress(self) -> list[Progress]:
        """How far each topic is read."""
        return [self._progress(feed) for feed in self._feeds.values()]

    def _progress(self, feed: Feed) -> Progress:
        client = self._client if not self.inbox.failure else None
        end = client.highwater(feed.where) if client is not None else None
        answered = client.last_poll_timestamp(feed.where) if client is not None else None
        silent = time.monotonic() - feed.asked
        if answered:
            silent = min(silent, time.time() - answered / 1_000)
        if feed.full:
            silent, end = 0.0, None  # Kafka is not asked for it
        end = feed.offset if end is None else max(end, feed.offset)
        return Progress(feed.topic, feed.offset, end, max(0.0, silent), max(0, end - feed.committed), feed.missing)
