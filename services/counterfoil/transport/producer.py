"""The one sender of a transport: each topic gets what is handed over in that order, one batch at a time.

Until Kafka has confirmed a batch, nothing that comes after it in its topic is handed over: so a batch that is refused
or lost never leaves a gap behind it, whatever Kafka thinks of the producer's sequence.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from counterfoil.contract.topics import MAX_MESSAGE_BYTES
from counterfoil.ports import Overloaded, Unavailable
from counterfoil.settings import BadSetting
from counterfoil.transport import pauses
from counterfoil.transport.client import PARTITION
from counterfoil.transport.dead_letter_headers import DEAD_HEADERS_BYTES
from counterfoil.transport.loop import LoopThread

MAX_QUEUED: Final = 65_536
"""Records that wait to be handed to Kafka, or for its word, at most."""
MAX_RECORD_BYTES: Final = MAX_MESSAGE_BYTES + DEAD_HEADERS_BYTES
"""Of one record: what no topic takes would cost everything that is under way."""
_BLOCK: Final = 60.0  # seconds that a service waits for room before it says that Kafka is away
_FLUSH: Final = 10.0
_END: Final = 1.0
_BATCH_OVERHEAD: Final = 61 + 3 + 4  # of a batch with one record: header, attributes and deltas, length

log = logging.getLogger("counterfoil.kafka.producer")


@dataclass(frozen=True, slots=True)
class Record:
    """What goes to a topic."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


def octets(record: Record) -> int:
    """What a record takes as the only one of a batch, as Kafka counts (a few less for a small one)."""
    size: int = DefaultRecordBatchBuilder.size_of(record.key, record.value, list(record.headers))
    return size + _BATCH_OVERHEAD


@dataclass(slots=True, eq=False)
class _Job:
    """Records for one topic, and who wants to know: the offset after the last. Not sent if `after` has failed."""

    topic: str
    records: Sequence[Record]
    after: Future[int] | None
    done: Future[int] = field(default_factory=Future)

    def __post_init__(self) -> None:
        self.done.set_running_or_notify_cancel()  # from here on nobody can cancel it

    @property
    def in_vain(self) -> BaseException | None:
        """Why it must not be sent any more."""
        return self.after.exception() if self.after is not None and self.after.done() else None


class Sender:
    """Sends to Kafka from any thread.

    The producer is idempotent: while it lives, nothing is lost or doubled. If it fails for good (a refused write, a
    sequence that broke, a topic without a leader for longer than a request may take), everything not confirmed fails
    with it, and the next use begins with a new one.
    """

    def __init__(
        self,
        loop: LoopThread,
        make: Callable[[], AIOKafkaProducer],
        explain: Callable[[Exception], str] = repr,
    ) -> None:
        """Nothing is connected before `start`. `explain` says what is wrong with a connection, and what to do."""
        self._loop, self._make, self._explain = loop, make, explain
        self.trouble = "not connected yet"
        """Why there is no producer just now; empty while there is one."""
        self._room = Condition()  # guards what follows
        self._jobs: dict[str, list[_Job]] = {}
        self._queued = 0
        self._closed = False
        self._event = asyncio.Event()
        self._stop: Callable[[], None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to send, as soon as Kafka is there."""
        self._stop = self._loop.spawn(self._run())

    def send(
        self, topic: str, records: Sequence[Record], *, wait: bool, after: Future[int] | None = None
    ) -> Future[int]:
        """Queue records; the future has the offset after the last of them (-1 where Kafka does not say).

        `after`, what `send` returned for the same topic: if that fails, these are not sent and fail as well. Where the
        queue is full: wait for room and at last raise `Unavailable`, or raise `Overloaded` at once. Raises `ValueError`
        for a record of more than `MAX_RECORD_BYTES`.
        """
        for record in records:
            if (size := octets(record)) > MAX_RECORD_BYTES:
                raise ValueError(f"{topic}: a record of {size} octets, {MAX_RECORD_BYTES} are possible")
        job = _Job(topic, records, after)
        with self._room:
            if not self._fits(len(records)) and not (wait and self._wait(len(records))):
                raise Unavailable("Kafka takes nothing") if wait else Overloaded("Kafka takes nothing")
            if self._closed:
                raise Unavailable("the transport is closed")
            self._queued += len(records)
            lane = self._jobs.setdefault(topic, [])
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
        """Send what is queued, for a while, and end; what is not confirmed by then fails."""
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
            log.warning("the producer failed, what Kafka has not confirmed is given up: %r", problem)

    async def _connect(self) -> AIOKafkaProducer:
        attempt = 0
        while True:
            try:
                producer = await self._begin(self._make())
                self.trouble = ""
                return producer
            except (KafkaError, OSError, BadSetting) as problem:
                self.trouble = self._explain(problem)
                log.warning("no producer yet: %s", self.trouble)
            await asyncio.sleep(pauses.before_retry(attempt))
            attempt += 1

    async def _begin(self, producer: AIOKafkaProducer) -> AIOKafkaProducer:
        try:
            await producer.start()
        except BaseException:
            await self._end(producer)
            raise
        return producer

    async def _use(self, producer: AIOKafkaProducer) -> Exception:
        """Send what is queued until the producer fails; returns why. What it was given is done then."""
        carriers: dict[str, asyncio.Task[None]] = {}
        problems: list[Exception] = []
        try:
            self._event.set()
            while True:
                await self._event.wait()
                self._event.clear()
                if problems:
                    return problems[0]
                for topic in [topic for topic, carrier in carriers.items() if carrier.done()]:
                    del carriers[topic]
                for topic, jobs in self._take(carriers).items():
                    carriers[topic] = carrier = asyncio.create_task(self._carry(producer, topic, jobs, problems))
                    carrier.add_done_callback(lambda _: self._event.set())
        finally:
            await self._end(producer)
            for carrier in carriers.values():
                carrier.cancel()
            if carriers:
                await asyncio.wait(carriers.values())

    async def _end(self, producer: AIOKafkaProducer) -> None:
        """Close the producer. One that still waits for Kafka is left to itself: it ends once Kafka has answered."""

        async def end() -> None:
            try:
                await producer.stop()
            except KafkaError as problem:
                log.info("a producer ends: %r", problem)
            finally:  # also where this is cancelled
                await producer.client.close()

        ending = asyncio.create_task(end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        await asyncio.wait([ending], timeout=_END if self._closed else _FLUSH)

    def _take(self, busy: Container[str]) -> dict[str, list[_Job]]:
        """All that is queued for topics that are not `busy`."""
        with self._room:
            return {topic: self._jobs.pop(topic) for topic in list(self._jobs) if topic not in busy}

    async def _carry(
        self, producer: AIOKafkaProducer, topic: str, jobs: Sequence[_Job], problems: list[Exception]
    ) -> None:
        """Send jobs of one topic in as few batches as they fit into, each after Kafka has confirmed the one before.

        All of them are done then. What goes wrong is added to `problems`; with the first, all that is queued fails.
        """
        left = deque[_Job]()
        for job in jobs:
            if (reason := job.in_vain) is None:
                left.append(job)
            else:
                self._fail([job], reason)
        try:
            for batch, ends in _batches(producer, list(left)):
                base = await _sent(producer, batch, topic)
                for end in ends:
                    self._finish(left.popleft(), base + end if base >= 0 else -1)
        except asyncio.CancelledError:
            self._fail(left, Unavailable("no word from Kafka"))
        except Exception as problem:  # noqa: BLE001 whatever it is, those who wait are told
            if not problems:
                self._give_up(problem)
            problems.append(problem)
            self._fail(left, problem)

    def _give_up(self, problem: Exception) -> None:
        for jobs in self._take(()).values():
            self._fail(jobs, problem)

    def _fail(self, jobs: Iterable[_Job], problem: BaseException) -> None:
        for job in jobs:
            self._free(job)
            # What failed for another's failure says the same: wrapped once more for each, it would double in length.
            text = str(problem) if isinstance(problem, Unavailable) else f"{job.topic}: {problem!r}"
            job.done.set_exception(Unavailable(text))

    def _finish(self, job: _Job, end: int) -> None:
        self._free(job)
        job.done.set_result(end)

    def _free(self, job: _Job) -> None:
        with self._room:
            self._queued -= len(job.records)
            self._room.notify_all()


def _batches(producer: AIOKafkaProducer, jobs: Iterable[_Job]) -> Iterator[tuple[Any, list[int]]]:
    """The jobs' records in order; with each batch, after how many records of it a job is whole."""
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


async def _sent(producer: AIOKafkaProducer, batch: Any, topic: str) -> int:
    """The offset of a batch's first record, -1 where Kafka does not say. Raises what makes the producer useless."""
    if not batch.record_count():
        return -1
    batch.close()
    metadata = await (await producer.send_batch(batch, topic, partition=PARTITION))
    return -1 if metadata is None else int(metadata.offset)
