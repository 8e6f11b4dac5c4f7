"""The transport of a gateway: commands go out to Kafka; logs and replies come in and are kept for many readers at once.

What came in is kept as the transport in memory keeps it: the latest entries of every log, and the logs themselves for
readers further behind. So a gateway has one consumer, however many streams and receipts it serves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final

from faststream import AckPolicy
from faststream.kafka import KafkaMessage
from faststream.kafka import TopicPartition as Partition

from counterfoil.contract import limits, topics
from counterfoil.contract.log_id import LogId
from counterfoil.ports import Announcement, Delivery, Inbox, Overloaded
from counterfoil.settings import KafkaAccess
from counterfoil.transport.client import PARTITION, make_admin, make_broker, partition
from counterfoil.transport.embedded import EmbeddedTransport
from counterfoil.transport.kafka import KafkaTransport
from counterfoil.transport.replies import BadReply, decode_reply
from counterfoil.transport.subscription import decode_raw, parse_raw

_BATCH: Final = 4_096
_LOOK_EVERY: Final = 0.25  # seconds between looks at how far the services are with their commands
_AFTER_FAILURE: Final = 1.0

log = logging.getLogger("counterfoil.kafka.gateway")


class KafkaGateway(EmbeddedTransport):
    """`Transport` of one gateway. `register_log` every log, then `open`; then let one thread call `step`."""

    def __init__(self, kafka: KafkaTransport, access: KafkaAccess, inbox_capacity: int = limits.INBOX_CAPACITY) -> None:
        """Nothing is consumed before `open`."""
        super().__init__(inbox_capacity)
        self._kafka, self._access = kafka, access
        self._most = inbox_capacity
        self._sent: dict[LogId, int] = {}  # per log the offset after the last command that this gateway sent
        self._done: dict[LogId, int] = {}  # and how far the service is
        self._under_way: dict[LogId, int] = {}
        self._replies_broker: Any = None
        self._stop_looking: Callable[[], None] | None = None
        self.inbox: Inbox

    def open(self) -> None:
        """Follow the logs from where they are registered, and replies from now on. Raises `Unavailable`."""
        self.recover()
        self._kafka.ask(self._follow_replies(), "following replies")
        self._stop_looking = self._kafka.spawn(self._look())

    def recover(self) -> None:
        """Go on with what was not followed yet; after `step` raised."""
        with self._lock:
            positions = {origin: log.end for origin, log in self._logs.items()}
        self.inbox = self._kafka.open_inbox("gateway", None, positions)

    def step(self, timeout: float = 0.0) -> int:
        """Take in what came; returns how many entries. Raises `Unavailable`."""
        deliveries = self.inbox.poll(_BATCH, timeout)
        moved: dict[str, int] = {}
        start = 0
        for at, delivery in enumerate(deliveries):
            last = at + 1 == len(deliveries) or deliveries[at + 1].source != delivery.source
            if delivery.note or last:
                self._take(deliveries[start : at + 1])
                start = at + 1
            moved[delivery.source] = delivery.position + 1
        if moved:
            self.inbox.acknowledge(moved)
        return len(deliveries)

    def _take(self, deliveries: list[Delivery]) -> None:
        origin, first, last = deliveries[0].source, deliveries[0].position, deliveries[-1]
        size = last.position + (1 if last.note else 2)  # without a checkpoint none is announced
        entries, traces = [each.data for each in deliveries], [each.trace for each in deliveries]
        self.publish(Announcement(origin, first, entries, size, last.note, traces=traces))

    def send_command(self, log: LogId, envelope: bytes, trace: str = "") -> Future[None]:
        """As the port says: turned away where the service is too far behind, done when Kafka has it."""
        with self._lock:
            waiting = self._waiting_before(log)
            if waiting >= self._most:
                raise Overloaded(f"{log.name}: {waiting} commands are waiting")
            self._under_way[log] = self._under_way.get(log, 0) + 1
        try:
            sent = self._kafka.send_command(log, envelope, trace)
        except BaseException:
            with self._lock:
                self._under_way[log] -= 1
            raise
        done: Future[None] = Future()
        sent.add_done_callback(lambda future: self._confirmed(log, future, done))
        return done

    def _confirmed(self, log: LogId, sent: Future[int], done: Future[None]) -> None:
        problem = sent.exception()
        with self._lock:
            self._under_way[log] -= 1
            if problem is None and (offset := sent.result()) >= 0:
                self._done.setdefault(log, offset - 1)
                self._sent[log] = max(self._sent.get(log, 0), offset)
        if done.set_running_or_notify_cancel():
            if problem is not None:
                done.set_exception(problem)
            else:
                done.set_result(None)

    def waiting(self, log: LogId) -> int:
        """Commands before a service: sent by this gateway or others before its last, and not known to be consumed."""
        with self._lock:
            return self._waiting_before(log)

    def _waiting_before(self, log: LogId) -> int:
        ahead = self._sent.get(log, 0) - self._done.get(log, 0)
        return self._under_way.get(log, 0) + max(0, ahead)

    async def _look(self) -> None:
        """Ask, while anything is under way, how far the services' groups are."""
        while True:
            admin = make_admin(self._access, "counterfoil.gateway")
            try:
                await admin.start()
                while True:
                    await asyncio.sleep(_LOOK_EVERY)
                    for each_log in [each for each in self._sent if self._sent[each] > self._done[each]]:
                        await self._look_at(admin, each_log)
            except Exception as problem:  # noqa: BLE001 whatever it is, it is asked again
                log.info("cannot see how far the services are: %r", problem)
                self._take_for_done()
            finally:
                with suppress(Exception):
                    await admin.close()
            await asyncio.sleep(_AFTER_FAILURE)

    async def _look_at(self, admin: Any, log: LogId) -> None:
        where = partition(topics.commands_topic(log.service))
        found = await admin.list_consumer_group_offsets(f"counterfoil.{log.service}", partitions=[where])
        offset = found[where].offset if where in found else -1
        if offset >= 0:
            with self._lock:
                self._done[log] = offset

    def _take_for_done(self) -> None:
        """While nobody can see how far the services are, nobody is turned away for it."""
        with self._lock:
            self._done.update(self._sent)

    async def _follow_replies(self) -> None:
        broker = self._replies_broker = make_broker(self._access, "counterfoil.gateway")
        subscriber: Any = broker.subscriber(
            partitions=[Partition(topics.REPLIES, PARTITION)],
            batch=True,
            max_records=1_000,
            batch_timeout_ms=10,
            auto_offset_reset="latest",  # a reply is for somebody who waits now
            ack_policy=AckPolicy.MANUAL,
            parser=parse_raw,
            decoder=decode_raw,
        )
        subscriber(self._take_replies)
        await broker.start()
        await subscriber.consumer.seek_to_end(partition(topics.REPLIES))

    async def _take_replies(self, message: KafkaMessage) -> None:
        for record in message.raw_message:
            try:
                self.reply(decode_reply(record.value))
            except BadReply as problem:
                log.warning("offset %d: no reply: %s", record.offset, problem)

    def logs(self) -> Mapping[str, int]:
        """Per origin, how far it is followed."""
        with self._lock:
            return {origin: log.end for origin, log in self._logs.items()}

    def close(self) -> None:
        """Follow nothing more; the Kafka transport is closed by whoever opened it."""
        if self._stop_looking is not None:
            self._stop_looking()
        if self._replies_broker is not None:
            self._kafka.finish(self._replies_broker.stop())
