"""What one consumer reads of Kafka: a FastStream subscriber fills the buffers of its inbox.

Offsets are the consumer's own, stored with what it made of the messages; reading begins where they say. The group is
there to be watched: what was acknowledged is committed to it, and nothing is ever read from it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka import TopicPartition as Partition
from faststream.kafka.message import FAKE_CONSUMER

from counterfoil.contract import topics
from counterfoil.contract.limits import MAX_ENVELOPE_BYTES
from counterfoil.ports import COMMANDS_SOURCE, Delivery, Unavailable
from counterfoil.transport.batches import BadRecord, BatchReader
from counterfoil.transport.buffers import Buffer, BufferedInbox
from counterfoil.transport.client import PARTITION, headers_of

MAX_BUFFERED: Final = 8_192
"""Messages of one source that are held, unacknowledged, before Kafka is asked for no more of it."""
_MAX_RECORDS: Final = 1_000
_POLL_MS: Final = 10  # FastStream waits as long again after an empty poll: this is the delay of a quiet topic
_COMMIT_EVERY: Final = 0.25  # seconds
_KEPT_WITHIN: Final = 30.0

log = logging.getLogger("counterfoil.kafka.consumer")

Dead = Callable[[Any, str], Future[int]]
"""Takes a record that cannot be taken, and the reason; done when it is kept."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one topic is read: offsets, seconds since Kafka last answered a fetch, records not acknowledged yet.

    A topic that is not asked for, because its buffer is full, ends where it is read up to.
    """

    topic: str
    position: int
    end: int
    silent: float
    behind: int
    missing: int | None
    """The index of an entry that is waited for while later ones have come."""


def time_of(cursor: str) -> str:
    """The cursor for the time of the last message before a cursor of commands: it tells a topic from one made anew."""
    return f"{cursor}:time"


class Feed(ABC):
    """One topic on its way into one buffer."""

    def __init__(self, topic: str, buffer: Buffer, offset: int, cursor: str) -> None:
        self.topic, self.buffer, self.offset, self.cursor = topic, buffer, offset, cursor
        self.where = TopicPartition(topic, PARTITION)
        self.paused = False
        self.asked = time.monotonic()  # since when Kafka is asked for it
        self.committed = offset

    @abstractmethod
    def take(self, record: Any) -> list[Delivery]:
        """What may be delivered now that `record` came. Raises `BadRecord`."""

    @property
    def missing(self) -> int | None:
        """The position that is waited for while later ones have come."""
        return None


class CommandFeed(Feed):
    """Commands: every record is one, in the order of the topic."""

    def take(self, record: Any) -> list[Delivery]:
        """Raises `BadRecord` for what no envelope can be."""
        if not record.value or len(record.value) > MAX_ENVELOPE_BYTES:
            raise BadRecord("no_envelope")
        trace = dict(headers_of(record)).get(topics.TRACE, b"").decode("ascii", "replace")[:64]
        resume = ((self.cursor, record.offset + 1), (time_of(self.cursor), max(0, record.timestamp)))
        return [Delivery(COMMANDS_SOURCE, self.buffer.end, record.value, resume, trace=trace)]


class EntryFeed(Feed):
    """Entries: whole batches that the log's signature vouches for."""

    def __init__(self, topic: str, buffer: Buffer, offset: int, batches: BatchReader, cursor: str) -> None:
        super().__init__(topic, buffer, offset, cursor)
        self.batches = batches

    def take(self, record: Any) -> list[Delivery]:
        """Raises `BadRecord`."""
        return self.batches.feed(record.offset, record.value, headers_of(record))

    @property
    def missing(self) -> int | None:
        """The entry that is waited for while later ones have come."""
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
        """As the port says. Raises `Unavailable` once this inbox cannot go on: open another."""
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
        """For the subscription: these came."""
        with self._lock:
            feed.buffer.items.extend(deliveries)
            if self._waiting:
                self.notify(feed.buffer)

    def fail(self, reason: str) -> None:
        """For whoever finds that nothing will come any more."""
        self.failure = reason
        self.wake()


class Subscription:
    """Fills one inbox until it is stopped."""

    def __init__(self, broker: KafkaBroker, consumer: str, group: str, feeds: Sequence[Feed], dead: Dead) -> None:
        self.consumer_name, self._broker, self._group = consumer, broker, group
        self._feeds = {feed.topic: feed for feed in feeds}
        self._dead = dead
        self._armed = False
        self._tasks: list[asyncio.Task[None]] = []
        self.inbox: KafkaInbox
        self._last: dict[TopicPartition, int] = {}
        self._subscriber: Any = broker.subscriber(
            partitions=[Partition(topic, PARTITION) for topic in self._feeds],
            group_id=group,
            batch=True,
            max_records=_MAX_RECORDS,
            batch_timeout_ms=_POLL_MS,
            auto_offset_reset="earliest",  # where a stored offset is gone: messages come again, none is passed over
            ack_policy=AckPolicy.MANUAL,  # the inbox acknowledges, once what came of a message is durable
            max_partition_fetch_bytes=topics.MAX_MESSAGE_BYTES,
            isolation_level="read_uncommitted",
            parser=parse_raw,
            decoder=decode_raw,
        )
        self._subscriber(self._handle)

    async def start(self, inbox: KafkaInbox) -> None:
        """Connect, and begin where the feeds say. Raises what the client raises."""
        self.inbox = inbox
        await self._broker.start()
        for feed in self._feeds.values():
            self.consumer.seek(feed.where, feed.offset)
        self._armed = True
        self._tasks = [asyncio.create_task(self._attend()), asyncio.create_task(self._report())]

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """FastStream's consumer, while it runs."""
        return self._subscriber.consumer

    async def stop(self) -> None:
        """Take nothing more; what is acknowledged is committed."""
        self._armed = False
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            with suppress(Exception):
                await asyncio.wait_for(self._commit(), 2.0)
        with suppress(Exception):
            await self._broker.stop()

    async def _handle(self, message: KafkaMessage) -> None:
        """One batch of records. Nothing here may raise: FastStream would go on after it.

        What goes wrong ends this inbox, and the next one begins with what was not consumed.
        """
        if not self._armed:
            return  # read before the feeds' offsets were sought, or after the end
        try:
            for record in message.raw_message:
                await self._take(record)
            self._pace()
        except Exception as problem:
            log.warning("%s: reading ends: %r", self._group, problem, exc_info=problem)
            self._fail(problem)

    def _fail(self, problem: BaseException) -> None:
        self._armed = False
        self.inbox.fail(f"reading for {self._group} ended: {problem!r}")

    async def _take(self, record: Any) -> None:
        feed = self._feeds[record.topic]
        if record.offset < feed.offset:  # what it had was not there any more, and the client began again
            raise Unavailable(f"{record.topic} begins anew: offset {record.offset} came after {feed.offset - 1}")
        try:
            deliveries = feed.take(record)
        except BadRecord as problem:
            log.warning("%s, offset %d: set aside: %s", record.topic, record.offset, problem)
            # Kept before anything after it can be consumed, for then its offset is passed.
            await asyncio.wait_for(asyncio.wrap_future(self._dead(record, str(problem))), _KEPT_WITHIN)
            deliveries = []
        feed.offset = record.offset + 1
        if deliveries:
            self.inbox.put(feed, deliveries)

    def _pace(self) -> None:
        """Ask Kafka for no more of a source whose buffer is full, until half of it is acknowledged."""
        for feed in self._feeds.values():
            held = len(feed.buffer.items)
            if not feed.paused and held >= MAX_BUFFERED:
                self.consumer.pause(feed.where)
                feed.paused = True
            elif feed.paused and held <= MAX_BUFFERED // 2:
                self.consumer.resume(feed.where)
                feed.paused, feed.asked = False, time.monotonic()

    async def _attend(self) -> None:
        """Resume what has room again. Where reading broke down, end it: FastStream tries the same again at once."""
        while self._armed:
            await asyncio.sleep(_POLL_MS / 1_000)
            self._pace()
            if (problem := self._broke_down()) is not None:
                log.error("%s: reading broke down: %r", self._group, problem)
                self._fail(problem)
                with suppress(Exception):
                    await self._broker.stop()

    def _broke_down(self) -> BaseException | None:
        ended = [task for task in self._subscriber.tasks if task.done() and not task.cancelled()]
        return next((problem for task in ended if (problem := task.exception()) is not None), None)

    async def _report(self) -> None:
        """Tell the group how far the inbox is; while Kafka does not take that, everything else goes on."""
        while self._armed:
            await asyncio.sleep(_COMMIT_EVERY)
            await self._commit()

    async def _commit(self) -> None:
        moved = {feed.where: feed.committed for feed in self._feeds.values() if feed.committed > 0}
        if moved != self._last:
            try:
                await self.consumer.commit(moved)
                self._last = moved
            except Exception as problem:  # noqa: BLE001 nobody reads them: it is only for those who watch
                log.info("%s: offsets not committed: %r", self._group, problem)

    def progress(self) -> list[Progress]:
        """How each topic comes along."""
        return [self._progress(feed) for feed in self._feeds.values()]

    def _progress(self, feed: Feed) -> Progress:
        end = self.consumer.highwater(feed.where) if self._armed else None
        answered = self.consumer.last_poll_timestamp(feed.where) if self._armed else None
        silent = time.monotonic() - feed.asked
        if answered:
            silent = min(silent, time.time() - answered / 1_000)
        if feed.paused:
            silent, end = 0.0, None  # nothing is asked for
        end = feed.offset if end is None else max(end, feed.offset)
        return Progress(feed.topic, feed.offset, end, max(0.0, silent), max(0, end - feed.committed), feed.missing)


async def parse_raw(message: tuple[Any, ...]) -> KafkaMessage:
    """The raw records as they are: what they mean is not for the library to guess."""
    return KafkaMessage(body=b"", raw_message=message, consumer=FAKE_CONSUMER)


async def decode_raw(message: KafkaMessage) -> KafkaMessage:
    """Nothing is decoded before somebody has looked at its size and its place."""
    return message
