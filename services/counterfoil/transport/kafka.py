"""The transport over Apache Kafka, on aiokafka, behind the same port as the transport in memory.

One `KafkaTransport` per user of Kafka. Its clients live on one thread with an event loop; all other code is
synchronous. A log has one partition of its service's topics (`partitions`), and so one order. Offsets are stored with
what was made of the messages, entries count only if their log signed them, and after losing a producer the transport
asks the topic which entries it has.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from functools import partial
from typing import Any, Final, TypeVar

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from counterfoil.access import KafkaAccess
from counterfoil.contract import topics
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.contract.times import format_time
from counterfoil.log.keys import VerifyKey
from counterfoil.ports import COMMANDS_SOURCE, Announcement, Delivery, Reply, Unavailable
from counterfoil.transport import lookup, pauses
from counterfoil.transport.batches import BatchReader, encode
from counterfoil.transport.buffers import Buffer
from counterfoil.transport.client import (
    explained,
    looking_up,
    make_admin,
    make_consumer,
    make_producer,
    name_of,
    partition,
    tls,
)
from counterfoil.transport.dead_letter_headers import dead_letter
from counterfoil.transport.loop import LoopThread
from counterfoil.transport.partitions import Partitions
from counterfoil.transport.producer import Record, Sender
from counterfoil.transport.reply_records import encode_reply
from counterfoil.transport.routes import Read, group_of
from counterfoil.transport.subscription import (
    CommandFeed,
    EntryFeed,
    Feed,
    KafkaInbox,
    Progress,
    Subscription,
    time_of,
)

T = TypeVar("T")
_ANSWER: Final = 30.0  # seconds for the lookups before a consumer can start
_CONFIRM: Final = 30.0  # seconds for Kafka to confirm a dead letter
_SHOWN_WITHIN: Final = 2.0  # seconds for a broker to show a topic
_END_WITHIN: Final = 3.0  # seconds for clients to disconnect

log = logging.getLogger("counterfoil.kafka")


class KafkaTransport:
    """`ServiceTransport` of one user: the writer of a log, the gateway or the views."""

    def __init__(
        self,
        access: KafkaAccess,
        name: str,
        shard: str,
        keys: Mapping[str, VerifyKey],
        on_dead_letter: Callable[[str], None] = lambda _reason: None,
        logs: Sequence[LogId] = MAIN_LOGS,
    ) -> None:
        """`name` is the user, `shard` that of the log that it writes, if it writes one; `keys`: by origin, the key of
        each log that is published or followed; `logs`: all logs of the instance.

        `on_dead_letter` is called with the reason of every dead letter. Raises `BadSetting`.
        """
        self._access, self._name, self._keys = access, name, keys
        self._own, self._partitions = LogId(name, shard), Partitions(logs)
        self._on_dead_letter = on_dead_letter
        self.group = group_of(name, shard)
        self._loop = LoopThread(f"counterfoil-kafka-{self._own.stem}", tls=tls(access) is not None)
        self._sender = Sender(self._loop, lambda: make_producer(access, self.group), lambda at: explained(at, access))
        self._sender.start()
        self._subscriptions: list[Subscription] = []
        self._gaps: set[tuple[str, str]] = set()  # (consumer, partition) that ended while an entry was missing
        self._next: dict[str, int] = {}
        self._last: dict[str, Future[int]] = {}  # by origin: of the entries queued last
        self._unconfirmed: list[
            tuple[TopicPartition, int, Future[int]]
        ] = []  # where, how many records, their end once confirmed
        self._ends: dict[TopicPartition, int] = {}  # by partition: where it ends, as far as Kafka has confirmed

    # consuming ------------------------------------------------------------------------------------------------------

    def open_inbox(
        self,
        consumer: str,
        commands: LogId | None,
        logs: Mapping[str, int],
        resume: Mapping[str, int] | None = None,
        wanted: Mapping[str, AbstractSet[str]] | None = None,
    ) -> KafkaInbox:
        """As the port says; an inbox opened before for the same consumer receives nothing more.

        Raises `Unavailable` if Kafka does not answer.
        """
        opened = self._open(consumer, commands, logs, resume or {}, wanted or {})
        return self.ask(opened, f"opening the inbox of {consumer}")

    async def _open(
        self,
        consumer: str,
        commands: LogId | None,
        logs: Mapping[str, int],
        resume: Mapping[str, int],
        wanted: Mapping[str, AbstractSet[str]],
    ) -> KafkaInbox:
        await self._close_subscriptions(consumer)
        read = [self._entries_of(origin) for origin in logs]
        if commands is not None:
            read.append(self.commands_of(commands))
        cluster = await self._look_around(read)
        feeds: list[Feed] = []
        positions = dict(logs)
        async with looking_up(self._access, self.group) as reader:
            for origin in sorted(logs):
                where = self._entries_of(origin)
                cursor = f"kafka:{cluster}:{name_of(where)}"
                if (consumer, name_of(where)) in self._gaps:  # the missing entry may lie before the stored offset
                    begin, _ = await lookup.bounds(reader, where)
                else:
                    begin = await lookup.place(reader, where, logs[origin], resume.get(cursor))
                batches = BatchReader(origin, self._keys[origin], logs[origin], cursor)
                buffer = Buffer(origin, start=logs[origin])
                feeds.append(EntryFeed(where, buffer, begin, batches, cursor, wanted.get(origin)))
            if commands is not None:
                where = self.commands_of(commands)
                cursor = f"kafka:{cluster}:{name_of(where)}"
                begin = await lookup.within(reader, where, resume.get(cursor, 0), resume.get(time_of(cursor)))
                feeds.append(CommandFeed(where, Buffer(COMMANDS_SOURCE), begin, cursor))
                positions[COMMANDS_SOURCE] = 0
        make = partial(make_consumer, self._access, self.group, self.group)
        subscription = Subscription(make, consumer, self.group, feeds, self._set_aside_record)
        inbox = KafkaInbox(feeds, positions)
        try:
            await subscription.start(inbox)
        except BaseException:
            await subscription.stop()
            raise
        self._subscriptions.append(subscription)
        self._gaps.difference_update([(consumer, feed.topic) for feed in feeds])
        return inbox

    async def _close_subscriptions(self, consumer: str | None) -> None:
        for subscription in [each for each in self._subscriptions if consumer in (None, each.consumer_name)]:
            self._subscriptions.remove(subscription)
            gaps = [each.topic for each in subscription.progress() if each.missing is not None]
            self._gaps.update((subscription.consumer_name, topic) for topic in gaps)
            await subscription.stop()

    def _entries_of(self, origin: str) -> TopicPartition:
        log = log_of(origin)
        return partition(topics.entries_topic(log.service), self._partitions.of(log))

    def commands_of(self, log: LogId) -> TopicPartition:
        """Where the commands before a log are. Raises ValueError for a log that the instance does not have."""
        return partition(topics.commands_topic(log.service), self._partitions.of(log))

    async def _look_around(self, wanted: Sequence[TopicPartition]) -> str:
        """The cluster's id. Raises `Unavailable` unless Kafka shows these; a consumer would wait for them."""
        admin = make_admin(self._access, self.group)
        try:
            await admin.start()
            deadline = time.monotonic() + _SHOWN_WITHIN
            while lacking := await _lacking(admin, wanted):
                if time.monotonic() < deadline:
                    await asyncio.sleep(pauses.NEW_TOPIC)  # a new topic takes a moment to show
                    continue
                advice = f"missing, or {self._access.user} may not see it: run `counterfoil topics apply`"
                raise Unavailable(f"{', '.join(lacking)}: {advice}")
            return str((await admin.describe_cluster())["cluster_id"])
        finally:
            await admin.close()

    @property
    def failure(self) -> Exception | None:
        """What ends the process: Kafka cannot be reached until a person has acted."""
        return self._sender.failure

    @property
    def trouble(self) -> str:
        """Why nothing can be written to Kafka at the moment; empty if it can."""
        return self._sender.trouble

    def reach(self) -> None:
        """Raises `Unavailable` unless Kafka answers; a check before costly work."""
        self.ask(self._look_around(()), "reaching Kafka")

    def close_inboxes(self) -> None:
        """Stop consuming; inboxes may be opened again."""
        self.finish(self._close_subscriptions(None))

    def progress(self) -> list[Progress]:
        """How far each consumer has read each topic."""
        return [progress for each in list(self._subscriptions) for progress in each.progress()]

    def silent(self) -> float:
        """As the port says; for the writer of a log."""
        commands = name_of(self.commands_of(self._own))
        return max((each.silent for each in self.progress() if each.topic == commands), default=0.0)

    @property
    def reads(self) -> list[Read]:
        """Each topic that is read at the moment, and the group; to compare with the routes."""
        return [read for each in list(self._subscriptions) for read in each.reads]

    def restart(self, reason: str) -> None:
        """Restart consumers that are stuck: their inboxes raise `Unavailable`, and their owners open new ones."""
        for subscription in list(self._subscriptions):
            subscription.inbox.fail(reason)

    # producing ------------------------------------------------------------------------------------------------------

    def announced(self, origin: str) -> int:
        """As the port says: the entries on the topic that the log's signature proves."""

        where = self._entries_of(origin)

        async def look() -> tuple[int, int]:
            async with looking_up(self._access, self.group) as reader:
                _, end = await lookup.bounds(reader, where)
                return end, await lookup.announced(reader, where, origin, self._keys[origin])

        self._next.pop(origin, None)
        self._settle()
        self._last.pop(origin, None)
        self._ends[where], size = self.ask(look(), f"looking up what {origin} announced")
        self._next[origin] = size
        return size

    def _settle(self) -> None:
        """Wait for records in flight, so that the topic does not grow while it is read. Raises `Unavailable`."""
        _, left = wait_for([future for *_, future in self._unconfirmed], _CONFIRM)
        if left:
            raise Unavailable(f"{len(left)} announcements are not confirmed after {_CONFIRM:.0f} s")
        self._unconfirmed, self._ends = [], {}

    def publish(self, announcement: Announcement) -> None:
        """As the port says; returns once the entries are queued. They reach the topic in the order of the log."""
        origin = announcement.origin
        if origin not in self._next:
            self.announced(origin)
        expected = self._next[origin]
        if not 0 <= announcement.first <= expected:
            raise ValueError(f"{origin}: entries from {announcement.first} on, but the next is {expected}")
        self._check()
        if announcement.entries and announcement.end > expected:
            key = log_of(origin).shard.encode()
            records = [Record(key, value, headers) for value, headers in encode(announcement)]
            after = self._last.get(origin)  # if those are lost, these are not sent: they would leave a gap
            self._last[origin] = self._queue(self._entries_of(origin), records, after)
            self._next[origin] = announcement.end
        if announcement.end == announcement.size:
            note = Record(origin.encode(), announcement.note, [(topics.CONTENT_TYPE, topics.NOTE_TYPE.encode())])
            self._queue(partition(topics.CHECKPOINTS), [note])

    def _queue(self, where: TopicPartition, records: list[Record], after: Future[int] | None = None) -> Future[int]:
        future = self._sender.send(where.topic, records, wait=True, after=after, number=where.partition)
        self._unconfirmed.append((where, len(records), future))
        future.add_done_callback(self._announced)
        return future

    def _announced(self, sent: Future[int]) -> None:
        """A quiet service may not publish again for long, so a loss is reported through its inbox."""
        if sent.exception() is not None:
            self.restart("an announcement may be lost")

    def _check(self) -> None:
        """Raise `Unavailable` if an earlier announcement may be lost; drop those that are confirmed."""
        while self._unconfirmed and self._unconfirmed[0][-1].done():
            where, count, future = self._unconfirmed.pop(0)
            problem = future.exception()
            if problem is not None:
                raise Unavailable(f"an announcement may be lost: {problem}") from problem
            end, before = future.result(), self._ends.get(where, 0)
            if 0 <= end < before + count:
                raise Unavailable(
                    f"{name_of(where)} was recreated: {count} records after offset {before - 1} end at {end - 1}"
                )
            self._ends[where] = max(end, before)

    def send_command(self, log: LogId, envelope: bytes, trace: str = "") -> Future[int]:
        """Put a command on its log's partition; the future has the offset after it. Raises `Overloaded`."""
        headers = [(topics.CONTENT_TYPE, topics.ENVELOPE_TYPE.encode())]
        if trace:
            headers.append((topics.TRACE, trace.encode()))
        record, where = Record(log.shard.encode(), envelope, headers), self.commands_of(log)
        return self._sender.send(where.topic, [record], wait=False, number=where.partition)

    def reply(self, reply: Reply) -> None:
        """As the port says."""
        self._sender.send(topics.REPLIES, [Record(reply.log.service.encode(), encode_reply(reply))], wait=True)

    def set_aside(self, delivery: Delivery, reason: str) -> None:
        """Write a command that its service cannot take to its dead letters. Raises `Unavailable` if Kafka does not."""
        offset = delivery.resume[0][1] - 1 if delivery.resume else 0
        headers = [(topics.CONTENT_TYPE, topics.ENVELOPE_TYPE.encode())]
        record = Record(self._own.shard.encode(), delivery.data, headers)
        kept = self._dead_letter(self.commands_of(self._own), offset, record, reason, wait=True)
        if not wait_for([kept], _CONFIRM).done:
            raise Unavailable(f"a dead letter is not confirmed after {_CONFIRM:.0f} s")
        kept.result()

    def _set_aside_record(self, record: Any, reason: str) -> Future[int]:
        kept = Record(record.key, record.value, record.headers)
        return self._dead_letter(partition(record.topic, record.partition), record.offset, kept, reason, wait=False)

    def _dead_letter(
        self, where: TopicPartition, offset: int, record: Record, reason: str, *, wait: bool
    ) -> Future[int]:
        now = format_time(time.time_ns() // 1_000)
        headers = dead_letter(where.topic, where.partition, offset, record.headers, reason, now)
        dead = Record(record.key, record.value, headers)
        self._on_dead_letter(reason)
        return self._sender.send(topics.dead_letters_topic(self._name), [dead], wait=wait)

    # all ------------------------------------------------------------------------------------------------------------

    def ask(self, work: Coroutine[Any, Any, T], what: str) -> T:
        """Run a coroutine on the clients' thread and wait for its result. Raises `Unavailable`."""
        try:
            return self._loop.call(work, _ANSWER, what)
        except (KafkaError, OSError, UnicodeError) as problem:  # UnicodeError: a header's name that is not UTF-8
            raise Unavailable(f"{what}: {explained(problem, self._access)}") from problem

    def finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the clients' thread and wait a few seconds for its end."""
        wait_for([self._loop.start(work)], _END_WITHIN)

    def give_up(self) -> None:
        """Every `ask`, now and later, raises `Unavailable`, so that closing does not wait for Kafka."""
        self._loop.give_up()

    def spawn(self, work: Coroutine[Any, Any, None]) -> Callable[[], None]:
        """Run a coroutine on the clients' thread; call the result to end it."""
        return self._loop.spawn(work)

    def soon(self, function: Callable[[], object]) -> None:
        """Call a function on the clients' thread. Raises RuntimeError once that has ended."""
        self._loop.soon(function)

    def close(self) -> None:
        """Send what is queued, wait a limited time for it, and stop."""
        self._sender.close()
        self.close_inboxes()
        self._loop.close()


async def _lacking(admin: AIOKafkaAdminClient, wanted: Sequence[TopicPartition]) -> list[str]:
    """Those of the partitions that Kafka does not show."""
    there = {
        TopicPartition(topic["topic"], each["partition"])
        for topic in await admin.describe_topics()
        for each in topic["partitions"]
    }
    return sorted(name_of(where) for where in set(wanted) - there)
