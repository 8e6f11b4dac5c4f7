"""Dead letters: reading them, and replaying them to the topics that they came from.

Nothing is removed from a topic of dead letters. Replaying a record twice is harmless: its consumer recognises a command
that it has recorded, and an entry that it has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from counterfoil.access import KafkaAccess
from counterfoil.contract.topics import CHECKPOINTS, MAX_MESSAGE_BYTES, REPLIES, dead_letters_topic
from counterfoil.transport.admin.acls import READS
from counterfoil.transport.admin.client import REQUEST_SECONDS, KafkaFailed, configuration, connect, reason
from counterfoil.transport.dead_letter_headers import Death, Header, read_dead_letter

DEAD_LETTERS: Final = {dead_letters_topic(user): user for user in READS}
"""Every topic of dead letters, and the user who writes to it."""

_SOURCES: Final = {
    user: [name for name in names if name not in (CHECKPOINTS, REPLIES)] for user, names in READS.items()
}
"""By user: the topics that its dead letters may be replayed to; their consumers verify signatures."""
_PARTITION: Final = 0  # the only one of every topic of dead letters
_IN_FLIGHT: Final = 16  # records replayed and not confirmed yet; each may have a megabyte
_PREFETCH_KIB: Final = 8 * 1_024


class NoSuchLetter(KafkaFailed):
    """There is no dead letter at this offset."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: `offset` on its own topic, the original `headers`; `death` None if its headers do not say."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]
    death: Death | None


@dataclass(slots=True)
class Replayed:
    """How many records were replayed, and those that were not: (offset, why)."""

    sent: int = 0
    left: list[tuple[int, str]] = field(default_factory=list)


def extent(access: KafkaAccess, topic: str) -> range:
    """The offsets at which `topic` has dead letters. Raises `KafkaFailed`."""
    with _reader(access) as consumer:
        return _extent(consumer, topic)


def newest(access: KafkaAccess, topics: Sequence[str], limit: int) -> Iterator[Letter]:
    """The last `limit` dead letters of each topic, oldest first, read one by one. Raises `KafkaFailed`."""
    with _reader(access) as consumer:
        for topic in topics:
            yield from _letters(consumer, topic, _extent(consumer, topic)[-limit:])


def read(access: KafkaAccess, topic: str, offset: int) -> Letter:
    """One dead letter. Raises `NoSuchLetter`, `KafkaFailed`."""
    with _reader(access) as consumer:
        for letter in _letters(consumer, topic, _only(_extent(consumer, topic), topic, offset)):
            return letter
    raise NoSuchLetter(f"{topic} has no dead letter at offset {offset} any more")


def replay(access: KafkaAccess, topic: str, offset: int | None, sent: Callable[[int, int], None]) -> Replayed:
    """Replay the dead letter at `offset`, or (None) all that are there now, to the topics they came from, in order.

    Value, key and original headers are sent unchanged. A record that did not come from commands or entries that its
    consumer reads is left: a user who may write dead letters must not make the administrator write elsewhere.
    `sent(count, total)` reports progress. Raises `NoSuchLetter`, and `KafkaFailed`, which says how many were sent.
    """
    with _reader(access) as consumer:
        there = _extent(consumer, topic)
        chosen = there if offset is None else _only(there, topic, offset)
        sender = _Sender(access)
        for count, letter in enumerate(_letters(consumer, topic, chosen), 1):
            sender.send(letter)
            sent(count, len(chosen))
        return sender.finish()


class _Sender:
    """Replays dead letters, a few at a time."""

    def __init__(self, access: KafkaAccess) -> None:
        self._done = Replayed()
        self._lost: KafkaError | None = None
        self._counts: dict[str, int] = {}  # by topic, its partitions
        self._producer = Producer(
            configuration(access)
            | {
                "enable.idempotence": True,  # in order, each once
                "acks": "all",
                "message.timeout.ms": REQUEST_SECONDS * 1_000,
                "message.max.bytes": MAX_MESSAGE_BYTES,
                "linger.ms": 5,
            }
        )

    def send(self, letter: Letter) -> None:
        """Raises `KafkaFailed` if Kafka is lost."""
        death, user = letter.death, DEAD_LETTERS[letter.topic]
        if death is None:
            self._left(letter, "its headers do not say where it came from")
        elif death.topic not in _SOURCES[user] or death.partition >= self._partitions(death.topic):
            self._left(letter, f"dead letters of {user} are not replayed to {death.topic}, partition {death.partition}")
        else:
            self._produce(letter, death)
            self._wait(_IN_FLIGHT)

    def _partitions(self, topic: str) -> int:
        """How many partitions a topic has. Raises `KafkaFailed`."""
        if topic not in self._counts:
            try:
                found = self._producer.list_topics(topic, timeout=REQUEST_SECONDS).topics[topic]
            except KafkaException as problem:
                raise KafkaFailed(f"{topic} cannot be looked up: {reason(problem)}") from problem
            self._counts[topic] = len(found.partitions)
        return self._counts[topic]

    def finish(self) -> Replayed:
        """Wait until all are confirmed. Raises `KafkaFailed`."""
        self._wait(0)
        self._done.left.sort()
        return self._done

    def _produce(self, letter: Letter, death: Death) -> None:
        def confirmed(problem: KafkaError | None, _message: Message) -> None:
            if problem is None:
                self._done.sent += 1
            elif problem.name().startswith("_"):  # librdkafka's own error: Kafka did not answer
                self._lost = problem
            else:
                self._left(letter, problem.str())

        try:
            self._producer.produce(
                death.topic, letter.value, letter.key, death.partition, confirmed, headers=list(letter.headers)
            )
        except KafkaException as problem:  # such as a record that is too large
            self._left(letter, reason(problem))

    def _left(self, letter: Letter, why: str) -> None:
        self._done.left.append((letter.offset, why))

    def _wait(self, most: int) -> None:
        while len(self._producer) > most:  # ends: each is confirmed or times out
            self._producer.poll(0.1)
        if self._lost is not None:
            raise KafkaFailed(f"{self._done.sent} were replayed, then Kafka was lost: {self._lost.str()}")


def _reader(access: KafkaAccess) -> Consumer:
    connect(access)  # raises a clear error
    return Consumer(
        configuration(access)
        | {
            "group.id": access.user,  # librdkafka needs a name; it is not used
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,  # the records that are read exist
            "queued.max.messages.kbytes": _PREFETCH_KIB,
        }
    )


def _extent(consumer: Consumer, topic: str) -> range:
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, _PARTITION), timeout=REQUEST_SECONDS)
    except KafkaException as problem:
        raise KafkaFailed(f"{topic} cannot be read: {reason(problem)}; see `counterfoil topics check`") from problem
    return range(low, high)


def _only(there: range, topic: str, offset: int) -> range:
    if offset not in there:
        has = f"it has {there[0]} to {there[-1]}" if there else "it is empty"
        raise NoSuchLetter(f"{topic} has no dead letter at offset {offset}: {has}")
    return range(offset, offset + 1)


def _letters(consumer: Consumer, topic: str, offsets: range) -> Iterator[Letter]:
    """The dead letters at these consecutive offsets. Raises `KafkaFailed` if Kafka sends none in time."""
    if not offsets:
        return
    consumer.assign([TopicPartition(topic, _PARTITION, offsets.start)])
    deadline = time.monotonic() + REQUEST_SECONDS
    while True:
        message = consumer.poll(0.5)
        problem = None if message is None else message.error()
        if problem is not None and problem.name() == "_PARTITION_EOF":
            return
        if problem is not None and not problem.name().startswith("_"):  # librdkafka handles the others itself
            raise KafkaFailed(f"{topic}: {problem.str()}")
        if message is None or problem is not None:
            if time.monotonic() > deadline:
                raise KafkaFailed(f"{topic}: Kafka sent nothing for {REQUEST_SECONDS} s")
            continue
        if (at := message.offset() or 0) < offsets.stop:
            yield _letter(topic, at, message)
        if at >= offsets.stop - 1:
            return
        deadline = time.monotonic() + REQUEST_SECONDS


def _letter(topic: str, offset: int, message: Message) -> Letter:
    headers: list[Any] = list(message.headers() or [])
    try:
        death, own = read_dead_letter(headers)
    except ValueError:
        death, own = None, headers
    return Letter(topic, offset, message.key(), message.value(), own, death)
