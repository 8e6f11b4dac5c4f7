"""The one sender of a transport: what is handed over is sent in that order, in batches, by a single task."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Condition
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NodeNotReadyError,
)

from counterfoil.ports import Overloaded, Unavailable
from counterfoil.transport.client import PARTITION
from counterfoil.transport.loop import LoopThread

MAX_QUEUED: Final = 65_536
"""Records that wait to be handed to Kafka, or for its word, at most."""
_BLOCK: Final = 60.0  # seconds that a service waits for room before it says that Kafka is away
_PAUSES: Final = (0.1, 0.5, 1.0, 2.0)
_FLUSH: Final = 10.0

log = logging.getLogger("counterfoil.kafka.producer")


@dataclass(frozen=True, slots=True)
class Record:
    """What goes to a topic."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


@dataclass(slots=True)
class _Job:
    """Records for one topic that are sent or not sent together, and who wants to know: the offset after the last."""

    topic: str
    records: Sequence[Record]
    done: Future[int] = field(default_factory=Future)


class Sender:
    """Sends to Kafka from any thread.

    The producer is idempotent: while it lives, nothing is lost or doubled, however long Kafka is away. If it fails for
    good (a refused write, a sequence that broke), everything not confirmed fails with it, and the next use begins with
    a new one.
    """

    def __init__(self, loop: LoopThread, make: Callable[[], AIOKafkaProducer]) -> None:
        """Nothing is connected before `start`."""
        self._loop, self._make = loop, make
        self._room = Condition()  # guards what follows
        self._jobs: deque[_Job] = deque()
        self._queued = 0
        self._failure: Exception | None = None
        self._event = asyncio.Event()
        self._stop: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to send, as soon as Kafka is there."""
        self._stop = self._loop.spawn(self._run())

    def send(self, topic: str, records: Sequence[Record], *, wait: bool) -> Future[int]:
        """Queue records; the future has the offset after the last of them (-1 where Kafka does not say).

        Where the queue is full: wait for room and at last raise `Unavailable`, or raise `Overloaded` at once.
        """
        job = _Job(topic, records)
        with self._room:
            if self._queued + len(records) > MAX_QUEUED and not self._wait(len(records), wait):
                raise Unavailable("Kafka takes nothing") if wait else Overloaded("Kafka takes nothing")
            self._queued += len(records)
            first = not self._jobs
            self._jobs.append(job)
        if first:
            self._loop.soon(self._event.set)
        return job.done

    def _wait(self, count: int, wait: bool) -> bool:
        def fits() -> bool:
            return self._queued + count <= MAX_QUEUED or not self._queued

        return self._room.wait_for(fits, _BLOCK) if wait else fits()

    @property
    def queued(self) -> int:
        """Records not confirmed yet."""
        return self._queued

    def close(self) -> None:
        """Send what is queued, for a while, and end."""
        stop, self._stop = self._stop, None
        if stop is not None:
            with self._room:
                self._room.wait_for(lambda: not self._queued, _FLUSH)
            stop()

    # on the loop ----------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            producer = await self._connect()
            try:
                await self._send_all(producer)
            except KafkaError as problem:
                log.warning("the producer failed, what it had not sent is given up: %r", problem)
                self._give_up(problem)
            finally:
                await _stopped(producer)

    async def _connect(self) -> AIOKafkaProducer:
        attempt = 0
        while True:
            producer = self._make()
            try:
                await producer.start()
                return producer
            except (KafkaError, OSError) as problem:
                log.warning("no producer yet: %r", problem)
                await _stopped(producer)
            except asyncio.CancelledError:
                await _stopped(producer)
                raise
            await asyncio.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
            attempt += 1

    async def _send_all(self, producer: AIOKafkaProducer) -> None:
        """Hand over job after job; ends by raising what makes the producer useless."""
        self._failure = None
        while True:
            await self._event.wait()
            self._event.clear()
            while jobs := self._take():
                await self._hand_over(producer, jobs)
                if self._failure is not None:
                    raise self._failure

    def _take(self) -> list[_Job]:
        """The next jobs of one topic."""
        with self._room:
            jobs: list[_Job] = []
            while self._jobs and (not jobs or self._jobs[0].topic == jobs[0].topic) and len(jobs) < 1_024:
                jobs.append(self._jobs.popleft())
            return jobs

    async def _hand_over(self, producer: AIOKafkaProducer, jobs: list[_Job]) -> None:
        """Send the jobs' records in as few batches as they fit into."""
        left = deque(jobs)
        try:
            builder, ready = producer.create_batch(), list[_Job]()
            for job in jobs:
                for record in job.records:
                    if not _append(builder, record):
                        await self._send(producer, builder, ready, job.topic)
                        for _ in ready:
                            left.popleft()
                        builder, ready = producer.create_batch(), []
                        if not _append(builder, record):
                            raise MessageSizeTooLargeError(f"a record of {len(record.value or b'')} octets")
                ready.append(job)
            await self._send(producer, builder, ready, jobs[0].topic)
        except KafkaError as problem:
            self._finish(list(left), problem)
            raise

    async def _send(self, producer: AIOKafkaProducer, builder: Any, jobs: list[_Job], topic: str) -> None:
        if not builder.record_count():
            return
        builder.close()
        sent: asyncio.Future[Any] | None = None
        while sent is None:
            try:
                sent = await producer.send_batch(builder, topic, partition=PARTITION)
            except (KafkaTimeoutError, KafkaConnectionError, NodeNotReadyError) as problem:
                log.warning("%s: still waiting to send: %r", topic, problem)  # not handed over yet: safe to repeat
                await asyncio.sleep(_PAUSES[0])
        sent.add_done_callback(lambda future: self._sent(future, jobs))

    def _sent(self, future: asyncio.Future[Any], jobs: list[_Job]) -> None:
        problem = asyncio.CancelledError() if future.cancelled() else future.exception()
        if problem is None:
            metadata = future.result()
            self._finish(jobs, None, -1 if metadata is None else metadata.offset)
            return
        self._failure = problem if isinstance(problem, KafkaError) else KafkaError(repr(problem))
        self._finish(jobs, self._failure)
        self._event.set()

    def _finish(self, jobs: list[_Job], problem: Exception | None, base: int = -1) -> None:
        with self._room:
            self._queued -= sum(len(job.records) for job in jobs)
            self._room.notify_all()
        # Of a job that began in an earlier batch, the end is in this one: offsets are counted from the back.
        left = sum(len(job.records) for job in jobs)
        end = base + left
        for job in jobs:
            left -= len(job.records)
            if problem is not None:
                job.done.set_exception(Unavailable(f"{job.topic}: {problem!r}"))
            else:
                job.done.set_result(end - left if base >= 0 else -1)

    def _give_up(self, problem: Exception) -> None:
        with self._room:
            jobs = list(self._jobs)
            self._jobs.clear()
        self._finish(jobs, problem)


def _append(builder: Any, record: Record) -> bool:
    added: Any = builder.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers))
    return added is not None


async def _stopped(producer: AIOKafkaProducer) -> None:
    with suppress(Exception):
        await asyncio.wait_for(producer.stop(), _FLUSH)
