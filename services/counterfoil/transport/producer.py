"""The only sender of a transport: it sends to each topic in the order of `send`, one batch at a time.

The next batch of a topic is sent after Kafka has confirmed the one before. So a batch that is refused or lost never
leaves a gap, even if Kafka takes later records of the same producer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from ssl import SSLError
from threading import Condition
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from counterfoil.contract.topics import MAX_MESSAGE_BYTES
from counterfoil.ports import Overloaded, Unavailable
from counterfoil.runtime.os_errors import classified, is_transient
from counterfoil.settings import BadSetting
from counterfoil.transport import pauses
from counterfoil.transport.client import PARTITION, name_of, partition
from counterfoil.transport.dead_letter_headers import DEAD_HEADERS_BYTES
from counterfoil.transport.loop import LoopThread

MAX_QUEUED: Final = 65_536
"""The most records that are not sent or not confirmed yet."""
MAX_RECORD_BYTES: Final = MAX_MESSAGE_BYTES + DEAD_HEADERS_BYTES
"""The largest record: one that no topic takes would fail everything in flight."""
_BLOCK: Final = 60.0  # seconds to wait for room in the queue before raising `Unavailable`
_FLUSH: Final = 10.0
_END: Final = 1.0
_BATCH_OVERHEAD: Final = 61 + 3 + 4  # of a batch with one record: header, attributes and deltas, length

log = logging.getLogger("counterfoil.kafka.producer")


@dataclass(frozen=True, slots=True)
class Record:
    """A record to send."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


def octets(record: Record) -> int:
    """The size of a batch with this record alone, as Kafka counts (a few octets less for a small one)."""
    size: int = DefaultRecordBatchBuilder.size_of(record.key, record.value, list(record.headers))
    return size + _BATCH_OVERHEAD


@dataclass(slots=True, eq=False)
class _Job:
    """Records for one partition, and the future with the offset after the last. Not sent if `after` has failed."""

    where: TopicPartition
    records: Sequence[Record]
    after: Future[int] | None
    done: Future[int] = field(default_factory=Future)

    def __post_init__(self) -> None:
        self.done.set_running_or_notify_cancel()  # it cannot be cancelled any more

    @property
    def blocked(self) -> BaseException | None:
        """Why it must not be sent: the failure of `after`."""
        return self.after.exception() if self.after is not None and self.after.done() else None


class Sender:
    """Sends to Kafka from any thread.

    The producer is idempotent: while it lives, nothing is lost or repeated. If it fails permanently (a refused write, a
    broken sequence, a topic without a leader for longer than a request may take), everything not confirmed fails with
    it, and a new producer is created.
    """

    def __init__(
        self,
        loop: LoopThread,
        make: Callable[[], AIOKafkaProducer],
        explain: Callable[[Exception], str] = repr,
    ) -> None:
        """Nothing is connected before `start`. `explain` turns a failure to connect into text with advice."""
        self._loop, self._make, self._explain = loop, make, explain
        self.trouble = "not connected yet"
        """Why there is no producer at the moment; empty while there is one."""
        self.failure: Exception | None = None
        """Why there will be none until a person has acted: a setting, or a file that is missing or cannot be read."""
        self._room = Condition()  # guards what follows
        self._jobs: dict[TopicPartition, list[_Job]] = {}
        self._queued = 0
        self._closed = False
        self._event = asyncio.Event()
        self._stop: Callable[[], None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start sending; connects as soon as Kafka answers."""
        self._stop = self._loop.spawn(self._run())

    def send(
        self,
        topic: str,
        records: Sequence[Record],
        *,
        wait: bool,
        after: Future[int] | None = None,
        number: int = PARTITION,
    ) -> Future[int]:
        """Queue records for partition `number` of a topic; the future has the offset after the last of them.

        That is -1 if Kafka does not say. `after` is a future of `send` for the same partition: if it fails, these are
        not sent and fail as well. If the queue is full, `wait` waits for room and then raises `Unavailable`; without
        `wait`, raises `Overloaded` at once. Raises `ValueError` for a record of more than `MAX_RECORD_BYTES`.
        """
        for record in records:
            if (size := octets(record)) > MAX_RECORD_BYTES:
                raise ValueError(f"{topic}: a record of {size} octets, {MAX_RECORD_BYTES} are possible")
        job = _Job(partition(topic, number), records, after)
        with self._room:
            if not self._fits(len(records)) and not (wait and self._wait(len(records))):
                raise Unavailable("Kafka takes nothing") if wait else Overloaded("Kafka takes nothing")
            if self._closed:
                raise Unavailable("the transport is closed")
            self._queued += len(records)
            lane = self._jobs.setdefault(job.where, [])
            lane.append(job)
            if len(lane) == 1:
                self._loop.soon(self._event.set)
        return job.done

    def _fits(self, count: int) -> bool:
        return self._queued + count <= MAX_QUEUED or not self._queued or self._closed

    def _wait(self, count: int) -> bool:
        return self._room.wait_for(lambda: self._fits(count), _BLOCK)

    @property
    def queued(self) -> int:
        """Records not confirmed yet."""
        return self._queued

    def close(self) -> None:
        """Send what is queued, wait a limited time for it, and end; what is not confirmed by then fails."""
        with self._room:
            self._closed = True
            self._room.notify_all()
            stop, self._stop = self._stop, None
            if stop is not None:
                self._room.wait_for(lambda: not self._queued, _FLUSH)
        if stop is not None:
            stop()
        self._give_up(Unavailable("the transport is closed"))

    # on the loop ----------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            problem = await self._use(await self._connect())
            log.warning("the producer failed, and with it all that Kafka has not confirmed: %r", problem)

    async def _connect(self) -> AIOKafkaProducer:
        pause = iter(pauses.RETRY)
        while True:
            try:
                producer = await self._begin(self._make())
                self.trouble = ""
                return producer
            except (KafkaError, OSError, BadSetting) as problem:
                self.trouble = self._explain(problem)
                log.warning("no producer yet: %s", self.trouble)
                if _lasts(problem):
                    self.failure = classified(problem)
            await asyncio.sleep(next(pause))

    async def _begin(self, producer: AIOKafkaProducer) -> AIOKafkaProducer:
        try:
            await producer.start()
        except BaseException:
            await self._end(producer)
            raise
        return producer

    async def _use(self, producer: AIOKafkaProducer) -> Exception:
        """Send what is queued until the producer fails; returns why. All its jobs are done by then."""
        carriers: dict[TopicPartition, asyncio.Task[None]] = {}
        problems: list[Exception] = []
        try:
            self._event.set()
            while True:
                await self._event.wait()
                self._event.clear()
                if problems:
                    return problems[0]
                for where in [where for where, carrier in carriers.items() if carrier.done()]:
                    del carriers[where]
                for where, jobs in self._take(carriers).items():
                    carriers[where] = carrier = asyncio.create_task(self._carry(producer, where, jobs, problems))
                    carrier.add_done_callback(lambda _: self._event.set())
        finally:
            await self._end(producer)
            for carrier in carriers.values():
                carrier.cancel()
            if carriers:
                await asyncio.wait(carriers.values())

    async def _end(self, producer: AIOKafkaProducer) -> None:
        """Close the producer. If it still waits for Kafka, its end is not waited for."""

        async def end() -> None:
            try:
                await producer.stop()
            except KafkaError as problem:
                log.info("a producer ends: %r", problem)
            finally:  # also if this is cancelled
                await producer.client.close()

        ending = asyncio.create_task(end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        await asyncio.wait([ending], timeout=_END if self._closed else _FLUSH)

    def _take(self, busy: Container[TopicPartition]) -> dict[TopicPartition, list[_Job]]:
        """All that is queued for partitions that are not `busy`."""
        with self._room:
            return {where: self._jobs.pop(where) for where in list(self._jobs) if where not in busy}

    async def _carry(
        self, producer: AIOKafkaProducer, where: TopicPartition, jobs: Sequence[_Job], problems: list[Exception]
    ) -> None:
        """Send jobs of one partition in as few batches as they fit into, each after Kafka has confirmed the one before.

        All of them are done by the end. An error is added to `problems`; with the first, all that is queued fails.
        """
        began = time.monotonic()
        left = deque[_Job]()
        for job in jobs:
            if (reason := job.blocked) is None:
                left.append(job)
            else:
                self._fail([job], reason)
        try:
            for batch, ends in _batches(producer, list(left)):
                base = await _sent(producer, batch, where)
                sent = [left.popleft() for _ in ends]
                self._free(sent)
                for job, end in zip(sent, ends, strict=True):
                    job.done.set_result(base + end if base >= 0 else -1)
        except asyncio.CancelledError:
            self._fail(left, Unavailable("Kafka has not confirmed it"))
        except Exception as problem:  # noqa: BLE001 any error fails the jobs' futures
            if not problems:
                self._give_up(problem)
            problems.append(problem)
            self._fail(left, problem)
        else:
            # A request costs this process, Kafka and every reader as much as dozens of records do.
            await asyncio.sleep(max(0.0, began + pauses.GATHER - time.monotonic()))

    def _give_up(self, problem: Exception) -> None:
        for jobs in self._take(()).values():
            self._fail(jobs, problem)

    def _fail(self, jobs: Iterable[_Job], problem: BaseException) -> None:
        failed = list(jobs)
        self._free(failed)
        for job in failed:
            # A job that failed because of another has the same text: wrapped each time, it would double in length.
            text = str(problem) if isinstance(problem, Unavailable) else f"{name_of(job.where)}: {problem!r}"
            job.done.set_exception(Unavailable(text))

    def _free(self, jobs: Iterable[_Job]) -> None:
        with self._room:
            self._queued -= sum(len(job.records) for job in jobs)
            self._room.notify_all()


def _lasts(problem: Exception) -> bool:
    """Whether only a person can mend it; a certificate that does not fit may be a broker's, and so may pass."""
    if isinstance(problem, OSError):
        return not isinstance(problem, SSLError) and not is_transient(problem)
    return isinstance(problem, BadSetting)


def _batches(producer: AIOKafkaProducer, jobs: Iterable[_Job]) -> Iterator[tuple[Any, list[int]]]:
    """The jobs' records in order; with each batch, after how many of its records a job is complete."""
    batch, ends = producer.create_batch(), list[int]()
    for job in jobs:
        for record in job.records:
            if not _append(batch, record):
                yield batch, ends
                batch, ends = producer.create_batch(), []
                _append(batch, record)
        ends.append(batch.record_count())
    yield batch, ends


def _append(batch: Any, record: Record) -> bool:
    added: Any = batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers))
    return added is not None


async def _sent(producer: AIOKafkaProducer, batch: Any, where: TopicPartition) -> int:
    """The offset of a batch's first record, -1 if Kafka does not say. Raises what ends the producer."""
    if not batch.record_count():
        return -1
    batch.close()
    metadata = await (await producer.send_batch(batch, where.topic, partition=where.partition))
    return -1 if metadata is None else int(metadata.offset)
