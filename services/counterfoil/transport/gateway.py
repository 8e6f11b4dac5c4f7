"""The transport of a gateway: it sends commands to Kafka, and keeps the logs and replies that come for many readers.

They are kept as the transport in memory keeps them: the latest entries of every log, and the logs themselves for
readers further behind. So a gateway has one consumer of entries, however many streams and receipts it serves. Replies
come by FastStream: each is handled on its own and at most once, and no position is kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, Final

from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka import TopicPartition as Partition

from counterfoil.access import KafkaAccess
from counterfoil.contract import topics
from counterfoil.contract.log_id import LogId
from counterfoil.ports import Announcement, Delivery, Inbox, Overloaded
from counterfoil.settings import GATEWAY
from counterfoil.transport import pauses
from counterfoil.transport.broker import make_broker
from counterfoil.transport.client import PARTITION, make_admin, partition
from counterfoil.transport.embedded import INBOX_CAPACITY, EmbeddedTransport
from counterfoil.transport.kafka import KafkaTransport
from counterfoil.transport.reply_records import BadReply, decode_reply
from counterfoil.transport.routes import group_of

_BATCH: Final = 4_096

log = logging.getLogger("counterfoil.kafka.gateway")


def subscribe_to_replies(broker: KafkaBroker, handler: Callable[[bytes], Awaitable[None]]) -> Any:
    """Bind a handler to the replies, from the end of the topic on: a reply is for a client that waits now.

    Returns FastStream's subscriber.
    """
    subscriber: Any = broker.subscriber(
        partitions=[Partition(topics.REPLIES, PARTITION)],
        auto_offset_reset="latest",
        ack_policy=AckPolicy.ACK_FIRST,  # no group: nothing is committed
        decoder=_undecoded,
    )
    subscriber(handler)
    return subscriber


async def _undecoded(message: KafkaMessage) -> bytes:
    """The value as it is: `decode_reply` reads replies, and strictly."""
    return bytes(message.body)


class KafkaGateway(EmbeddedTransport):
    """`Transport` of one gateway. `register_log` every log, then `open`; then let one thread call `step`."""

    def __init__(self, kafka: KafkaTransport, access: KafkaAccess, inbox_capacity: int = INBOX_CAPACITY) -> None:
        """Nothing is consumed before `open`."""
        super().__init__(inbox_capacity)
        self._kafka, self._access = kafka, access
        self._most = inbox_capacity
        self._sent: dict[LogId, int] = {}  # by log: the offset after the last command that this gateway sent
        self._done: dict[LogId, int] = {}  # and how far its writer is
        self._in_flight: dict[LogId, int] = {}
        self.replies_broker: KafkaBroker | None = None  # once open: FastStream's, which also describes it
        self._stop_looking: Callable[[], None] | None = None
        self.inbox: Inbox

    def open(self) -> None:
        """Follow the logs from their registered sizes, and replies from now on. Raises `Unavailable`."""
        self.recover()
        self._kafka.ask(self._follow_replies(), "following replies")
        self._stop_looking = self._kafka.spawn(self._look())

    def recover(self) -> None:
        """Resume after `step` raised, with the first entries that were not taken in."""
        with self._lock:
            positions = {origin: log.end for origin, log in self._logs.items()}
        self.inbox = self._kafka.open_inbox("gateway", None, positions)

    def step(self, timeout: float = 0.0) -> int:
        """Take in what came, waiting up to `timeout` seconds for entries or a reply; returns how many entries.

        Raises `Unavailable`.
        """
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

    def send_command(self, log: LogId, envelope: bytes, trace: str = "") -> Future[int]:
        """As the port says: shed if the writer is too far behind; done when Kafka has it."""
        with self._lock:
            waiting = self._waiting_before(log)
            if waiting >= self._most:
                raise Overloaded(f"{log.name}: {waiting} commands are waiting")
            self._in_flight[log] = self._in_flight.get(log, 0) + 1
        try:
            sent = self._kafka.send_command(log, envelope, trace)
        except BaseException:
            with self._lock:
                self._in_flight[log] -= 1
            raise
        sent.add_done_callback(partial(self._confirmed, log))
        return sent

    def _confirmed(self, log: LogId, sent: Future[int]) -> None:
        problem = sent.exception()
        with self._lock:
            self._in_flight[log] -= 1
            if problem is None and (offset := sent.result()) >= 0:
                self._done.setdefault(log, offset - 1)
                self._sent[log] = max(self._sent.get(log, 0), offset)

    def waiting(self, log: LogId) -> int:
        """A log's backlog: commands, up to the last that this gateway sent, that are not known to be consumed."""
        with self._lock:
            return self._waiting_before(log)

    def _waiting_before(self, log: LogId) -> int:
        ahead = self._sent.get(log, 0) - self._done.get(log, 0)
        return self._in_flight.get(log, 0) + max(0, ahead)

    async def _look(self) -> None:
        """Ask how far the writers' groups are, while any commands are not consumed."""
        pause = iter(pauses.RETRY)
        while True:
            admin = make_admin(self._access, group_of(GATEWAY))
            try:
                await admin.start()
                while True:
                    await asyncio.sleep(pauses.LAG)
                    for each in [each for each in self._sent if self._sent[each] > self._done[each]]:
                        await self._look_at(admin, each)
                    pause = iter(pauses.RETRY)
            except Exception as problem:  # noqa: BLE001 any failure is tried again
                log.info("cannot see how far the services are: %r", problem)
                self._take_for_done()
            finally:
                with suppress(Exception):
                    await admin.close()
            await asyncio.sleep(next(pause))

    async def _look_at(self, admin: Any, log: LogId) -> None:
        where = self._kafka.commands_of(log)
        found = await admin.list_consumer_group_offsets(group_of(*log), partitions=[where])
        offset = found[where].offset if where in found else -1
        if offset >= 0:
            with self._lock:
                self._done[log] = offset

    def _take_for_done(self) -> None:
        """While the services' progress cannot be seen, no command is shed because of it."""
        with self._lock:
            self._done.update(self._sent)

    async def _follow_replies(self) -> None:
        broker = self.replies_broker = make_broker(self._access, group_of(GATEWAY))
        subscriber = subscribe_to_replies(broker, self._take_reply)
        await broker.start()
        await subscriber.consumer.seek_to_end(partition(topics.REPLIES))  # returns when the end is known

    async def _take_reply(self, value: bytes) -> None:
        try:
            self.reply(decode_reply(value))
            self.inbox.wake()
        except BadReply as problem:
            log.warning("a record that is not a reply: %s", problem)

    def logs(self) -> Mapping[str, int]:
        """By origin: how far each log is followed."""
        with self._lock:
            return {origin: log.end for origin, log in self._logs.items()}

    def close(self) -> None:
        """Follow nothing more; the Kafka transport is closed by its owner."""
        if self._stop_looking is not None:
            self._stop_looking()
        if self.replies_broker is not None:
            self._kafka.finish(self.replies_broker.stop())
