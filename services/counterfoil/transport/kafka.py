"""The transport over Apache Kafka: FastStream and aiokafka, behind the same port as the transport in memory.

One `KafkaTransport` per user of Kafka. Its clients live on one thread with an event loop; everybody else stays
synchronous. Every topic has one partition and one order. What Kafka promises is not taken for more than it is: offsets
are stored with what was made of the messages, entries count only as their log signed them, and a lost producer means
asking the topic what it has.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from counterfoil.contract import topics
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.times import format_time
from counterfoil.log.keys import VerifyKey
from counterfoil.ports import COMMANDS_SOURCE, Announcement, Delivery, Reply, Unavailable
from counterfoil.settings import KafkaAccess
from counterfoil.transport import lookup
from counterfoil.transport.batches import BatchReader, encode
from counterfoil.transport.buffers import Buffer
from counterfoil.transport.client import PARTITION, explained, make_admin, make_broker, make_producer, make_reader, tls
from counterfoil.transport.dead_records import dead_letter
from counterfoil.transport.loop import LoopThread
from counterfoil.transport.producer import Record, Sender
from counterfoil.transport.replies import encode_reply
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
_ANSWER: Final = 30.0  # seconds for what has to be asked of Kafka before a consumer can begin
_CONFIRM: Final = 30.0  # seconds for a dead letter to be kept
_SHOWN_WITHIN: Final = 2.0  # seconds for a broker to know a topic
_END_WITHIN: Final = 3.0  # seconds for clients to say goodbye

log = logging.getLogger("counterfoil.kafka")


class KafkaTransport:
    """`ServiceTransport` of one user: a service, the gateway or the views."""

    def __init__(
        self,
        access: KafkaAccess,
        name: str,
        shard: str,
        keys: Mapping[str, VerifyKey],
        buried: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        """`name` is the user; `keys`: per origin the key of each log that is published or followed.

        `buried` is told the reason of every dead letter. Raises `BadSetting`.
        """
        self._access, self._name, self._shard, self._keys = access, name, shard.encode(), keys
        self._buried = buried
        self.group = f"counterfoil.{name}"
        self._loop = LoopThread(f"counterfoil-kafka-{name}", tls=tls(access) is not None)
        self._sender = Sender(self._loop, lambda: make_producer(access, self.group), lambda at: explained(at, access))
        self._sender.start()
        self._subscriptions: list[Subscription] = []
        self._gaps: set[tuple[str, str]] = set()  # (consumer, topic) where an entry was waited for at the end
        self._next: dict[str, int] = {}
        self._last: dict[str, Future[int]] = {}  # per origin, of the entries queued last
        self._unsure: list[tuple[str, int, Future[int]]] = []  # topic, how many records, their end once confirmed
        self._ends: dict[str, int] = {}  # of topics, as far as Kafka has confirmed

    # consuming ------------------------------------------------------------------------------------------------------

    def open_inbox(
        self, consumer: str, commands: LogId | None, logs: Mapping[str, int], resume: Mapping[str, int] | None = None
    ) -> KafkaInbox:
        """As the port says; an inbox opened before for the same consumer takes nothing more.

        Raises `Unavailable` if Kafka does not answer.
        """
        return self.ask(self._open(consumer, commands, logs, resume or {}), f"opening the inbox of {consumer}")

    async def _open(
        self, consumer: str, commands: LogId | None, logs: Mapping[str, int], resume: Mapping[str, int]
    ) -> KafkaInbox:
        await self._close_subscriptions(consumer)
        wanted = [topics.entries_topic(log_of(origin).service) for origin in logs]
        cluster = await self._look_around(
            [*wanted, topics.commands_topic(commands.service)] if commands is not None else wanted
        )
        feeds: list[Feed] = []
        positions = dict(logs)
        async with _Reader(self._access, self.group) as reader:
            for origin in sorted(logs):
                topic = topics.entries_topic(log_of(origin).service)
                cursor = f"kafka:{cluster}:{topic}"
                if (consumer, topic) in self._gaps:  # what was missing there may lie further back than it should
                    begin, _ = await lookup.bounds(reader, topic)
                else:
                    begin = await lookup.place(reader, topic, logs[origin], resume.get(cursor))
                batches = BatchReader(origin, self._keys[origin], logs[origin], cursor)
                feeds.append(EntryFeed(topic, Buffer(origin, start=logs[origin]), begin, batches, cursor))
            if commands is not None:
                topic = topics.commands_topic(commands.service)
                cursor = f"kafka:{cluster}:{topic}"
                begin = await lookup.within(reader, topic, resume.get(cursor, 0), resume.get(time_of(cursor)))
                feeds.append(CommandFeed(topic, Buffer(COMMANDS_SOURCE), begin, cursor))
                positions[COMMANDS_SOURCE] = 0
        broker = make_broker(self._access, self.group)
        subscription = Subscription(broker, consumer, self.group, feeds, self._dead)
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

    async def _look_around(self, wanted: Sequence[str]) -> str:
        """Which Kafka this is. Raises `Unavailable` unless it shows us these topics: a consumer would wait for them."""
        admin = make_admin(self._access, self.group)
        try:
            await admin.start()
            deadline = time.monotonic() + _SHOWN_WITHIN
            while lacking := sorted(set(wanted).difference(await admin.list_topics())):
                if time.monotonic() < deadline:
                    await asyncio.sleep(_SHOWN_WITHIN / 10)  # a topic that was just made is not known at once
                    continue
                advice = f"not there, or not for {self._access.user}: run `counterfoil topics apply`"
                raise Unavailable(f"{', '.join(lacking)}: {advice}")
            return str((await admin.describe_cluster())["cluster_id"])
        finally:
            await admin.close()

    @property
    def trouble(self) -> str:
        """Why nothing can be written to Kafka just now; empty if something can."""
        return self._sender.trouble

    def reach(self) -> None:
        """Raises `Unavailable` unless Kafka answers, before anything costly is begun."""
        self.ask(self._look_around(()), "reaching Kafka")

    def close_inboxes(self) -> None:
        """Consume nothing more for now; inboxes may be opened again."""
        self.finish(self._close_subscriptions(None))

    def progress(self) -> list[Progress]:
        """How the consumers come along, topic by topic."""
        return [progress for each in list(self._subscriptions) for progress in each.progress()]

    def restart(self, reason: str) -> None:
        """Make consumers that stand still begin again: their inboxes raise `Unavailable`, and are opened anew."""
        for subscription in list(self._subscriptions):
            subscription.inbox.fail(reason)

    # producing ------------------------------------------------------------------------------------------------------

    def announced(self, origin: str) -> int:
        """As the port says: what the topic has, proven by the log's signature."""

        topic = topics.entries_topic(log_of(origin).service)

        async def look() -> tuple[int, int]:
            async with _Reader(self._access, self.group) as reader:
                _, end = await lookup.bounds(reader, topic)
                return end, await lookup.announced(reader, topic, origin, self._keys[origin])

        self._next.pop(origin, None)
        self._settle()
        self._last.pop(origin, None)
        self._ends[topic], size = self.ask(look(), f"finding out what {origin} announced")
        self._next[origin] = size
        return size

    def _settle(self) -> None:
        """Wait for what is under way, so that the topic is not asked while it still grows. Raises `Unavailable`."""
        _, left = wait_for([future for *_, future in self._unsure], _CONFIRM)
        if left:
            raise Unavailable(f"{len(left)} announcements are under way for more than {_CONFIRM:.0f} s")
        self._unsure, self._ends = [], {}

    def publish(self, announcement: Announcement) -> None:
        """As the port says; it returns when the entries are queued. The order of the log is the order of the topic."""
        origin = announcement.origin
        if origin not in self._next:
            self.announced(origin)
        expected = self._next[origin]
        if not 0 <= announcement.first <= expected:
            raise ValueError(f"{origin}: entries from {announcement.first} on, but the next is {expected}")
        self._check()
        if announcement.entries and announcement.end > expected:
            records = [Record(self._shard, value, headers) for value, headers in encode(announcement)]
            after = self._last.get(origin)  # if that is lost, these would leave a gap
            self._last[origin] = self._queue(topics.entries_topic(log_of(origin).service), records, after)
            self._next[origin] = announcement.end
        if announcement.end == announcement.size:
            note = Record(origin.encode(), announcement.note, [(topics.CONTENT_TYPE, topics.NOTE_TYPE.encode())])
            self._queue(topics.CHECKPOINTS, [note])

    def _queue(self, topic: str, records: list[Record], after: Future[int] | None = None) -> Future[int]:
        future = self._sender.send(topic, records, wait=True, after=after)
        self._unsure.append((topic, len(records), future))
        future.add_done_callback(self._announced)
        return future

    def _announced(self, sent: Future[int]) -> None:
        """A quiet service publishes nothing in which it could notice the loss: its inbox tells it."""
        if sent.exception() is not None:
            self.restart("an announcement may be lost")

    def _check(self) -> None:
        """Raise `Unavailable` if anything announced before may be lost; forget what is safe."""
        while self._unsure and self._unsure[0][-1].done():
            topic, count, future = self._unsure.pop(0)
            problem = future.exception()
            if problem is not None:
                raise Unavailable(f"an announcement may be lost: {problem}") from problem
            end, before = future.result(), self._ends.get(topic, 0)
            if 0 <= end < before + count:
                raise Unavailable(f"{topic} begins anew: {count} records after offset {before - 1} end at {end - 1}")
            self._ends[topic] = max(end, before)

    def send_command(self, log: LogId, envelope: bytes, trace: str = "") -> Future[int]:
        """Put a command on its topic; the future has the offset after it. Raises `Overloaded`."""
        headers = [(topics.CONTENT_TYPE, topics.ENVELOPE_TYPE.encode())]
        if trace:
            headers.append((topics.TRACE, trace.encode()))
        record = Record(self._shard, envelope, headers)
        return self._sender.send(topics.commands_topic(log.service), [record], wait=False)

    def reply(self, reply: Reply) -> None:
        """As the port says."""
        self._sender.send(topics.REPLIES, [Record(reply.log.name.encode(), encode_reply(reply))], wait=True)

    def set_aside(self, delivery: Delivery, reason: str) -> None:
        """Keep a command that its service cannot take, with the reason. Raises `Unavailable` if it cannot be kept."""
        offset = delivery.resume[0][1] - 1 if delivery.resume else 0
        headers = [(topics.CONTENT_TYPE, topics.ENVELOPE_TYPE.encode())]
        record = Record(self._shard, delivery.data, headers)
        kept = self._bury(topics.commands_topic(self._name), offset, record, reason, wait=True)
        if not wait_for([kept], _CONFIRM).done:
            raise Unavailable(f"a dead letter is under way for more than {_CONFIRM:.0f} s")
        kept.result()

    def _dead(self, record: Any, reason: str) -> Future[int]:
        kept = Record(record.key, record.value, record.headers)
        return self._bury(record.topic, record.offset, kept, reason, wait=False)

    def _bury(self, topic: str, offset: int, record: Record, reason: str, *, wait: bool) -> Future[int]:
        now = format_time(time.time_ns() // 1_000)
        headers = dead_letter(topic, PARTITION, offset, record.headers, reason, now)
        dead = Record(record.key, record.value, headers)
        self._buried(reason)
        return self._sender.send(topics.dead_letters_topic(self._name), [dead], wait=wait)

    # all ------------------------------------------------------------------------------------------------------------

    def ask(self, work: Coroutine[Any, Any, T], what: str) -> T:
        """Run something on the clients' thread and wait for it. Raises `Unavailable`."""
        try:
            return self._loop.call(work, _ANSWER, what)
        except (KafkaError, OSError, UnicodeError) as problem:  # aiokafka cannot read every name of a header
            raise Unavailable(f"{what}: {explained(problem, self._access)}") from problem

    def finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something on the clients' thread come to its end; what takes longer than a few seconds is left to it."""
        wait_for([self._loop.start(work)], _END_WITHIN)

    def give_up(self) -> None:
        """Whoever asks something of Kafka, now or later, gets `Unavailable`: the end does not wait for it."""
        self._loop.give_up()

    def spawn(self, work: Coroutine[Any, Any, None]) -> Callable[[], None]:
        """Run something on the clients' thread until what this returns is called."""
        return self._loop.spawn(work)

    def soon(self, function: Callable[[], object]) -> None:
        """Call something on the clients' thread. Raises RuntimeError once it has ended."""
        self._loop.soon(function)

    def close(self) -> None:
        """Send what is queued, for a while, and stop."""
        self._sender.close()
        self.close_inboxes()
        self._loop.close()


class _Reader:
    """A consumer to look things up with, for the length of a block."""

    def __init__(self, access: KafkaAccess, client_id: str) -> None:
        self._reader = make_reader(access, client_id)

    async def __aenter__(self) -> AIOKafkaConsumer:
        try:
            await self._reader.start()
        except BaseException:
            await self._reader.stop()
            raise
        return self._reader

    async def __aexit__(self, *_: object) -> None:
        await self._reader.stop()
