"""What consumers set aside: reading it, and sending it back to where it came from.

Nothing is removed from a topic of dead letters. To send a record back twice is harmless: its consumer knows a command
that it has recorded, and an entry that it has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from counterfoil.contract.topics import CHECKPOINTS, MAX_MESSAGE_BYTES, REPLIES, dead_letters_topic
from counterfoil.settings import KafkaAccess
from counterfoil.transport.admin.acls import READS
from counterfoil.transport.admin.client import REQUEST_SECONDS, KafkaFailed, configuration, connect, reason
from counterfoil.transport.dead_letter_headers import Death, Header, read_dead_letter

DEAD_LETTERS: Final = {dead_letters_topic(user): user for user in READS}
"""Every topic of dead letters, and who sets records aside on it."""

_SOURCES: Final = {
    user: [name for name in names if name not in (CHECKPOINTS, REPLIES)] for user, names in READS.items()
}
"""Where records of each may go back to: only where consumers believe nothing but signatures."""
_PARTITION: Final = 0  # of every topic there is one
_IN_FLIGHT: Final = 16  # records sent back and not confirmed yet; each may have a megabyte
_PREFETCH_KIB: Final = 8 * 1_024


class NoSuchLetter(KafkaFailed):
    """There is no dead letter at this place."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: `offset` on its own topic, `headers` its own, `death` None if nobody says where it came from."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]
    death: Death | None


@dataclass(slots=True)
class Replayed:
    """How many records were sent back, and those that were not: (offset, why)."""

    sent: int = 0
    left: list[tuple[int, str]] = field(default_factory=list)


def extent(access: KafkaAccess, topic: str) -> range:
    """The offsets at which `topic` has dead letters. Raises `KafkaFailed`."""
    with _reader(access) as consumer:
        return _extent(consumer, topic)


def newest(access: KafkaAccess, topics: Sequence[str], limit: int) -> Iterator[Letter]:
    """The last `limit` dead letters of each topic, oldest first; one at a time is in memory. Raises `KafkaFailed`."""
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
    """Send the dead letter at `offset`, or (None) all that are there now, back to where they came from, in order.

    Value, key and own headers go back as they came. What did not come from commands or entries that its consumer reads
    is left: whoever may write dead letters cannot have the administrator write elsewhere for him. `sent(count, total)`
    tells about the progress. Raises `NoSuchLetter`, and `KafkaFailed`, which says how many were sent before.
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
    """Sends dead letters back, a few at a time."""

    def __init__(self, access: KafkaAccess) -> None:
        self._done = Replayed()
        self._lost: KafkaError | None = None
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
        """Raises `KafkaFailed` if Kafka has gone."""
        death, user = letter.death, DEAD_LETTERS[letter.topic]
        if death is None:
            self._left(letter, "its headers do not say where it came from")
        elif death.topic not in _SOURCES[user] or death.partition != _PARTITION:
            self._left(letter, f"nothing of {user} goes back to {death.topic}, partition {death.partition}")
        else:
            self._produce(letter, death)
            self._wait(_IN_FLIGHT)

    def finish(self) -> Replayed:
        """Wait until all are confirmed. Raises `KafkaFailed`."""
        self._wait(0)
        self._done.left.sort()
        return self._done

    def _produce(self, letter: Letter, death: Death) -> None:
        def confirmed(problem: KafkaError | None, _message: Message) -> None:
            if problem is None:
                self._done.sent += 1
            elif problem.name().startswith("_"):  # librdkafka's own: Kafka gave no answer
                self._lost = problem
            else:
                self._left(letter, problem.str())

        try:
            self._producer.produce(
                death.topic, letter.value, letter.key, death.partition, confirmed, headers=list(letter.headers)
            )
        except KafkaException as problem:  # such as one that is too large
            self._left(letter, reason(problem))

    def _left(self, letter: Letter, why: str) -> None:
        self._done.left.append((letter.offset, why))

    def _wait(self, most: int) -> None:
        while len(self._producer) > most:  # ends: each is confirmed or given up in time
            self._producer.poll(0.1)
        if self._lost is not None:
            raise KafkaFailed(f"{self._done.sent} were sent back, then Kafka was lost: {self._lost.str()}")


def _reader(access: KafkaAccess) -> Consumer:
    connect(access)  # says clearly what is wrong
    return Consumer(
        configuration(access)
        | {
            "group.id": access.user,  # has to be named, is not used
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,  # what is looked for is there
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
    """The dead letters at these consecutive offsets. Raises `KafkaFailed` if none comes for a while."""
    if not offsets:
        return
    consumer.assign([TopicPartition(topic, _PARTITION, offsets.start)])
    deadline = time.monotonic() + REQUEST_SECONDS
    while True:
        message = consumer.poll(0.5)
        problem = None if message is None else message.error()
        if problem is not None and problem.name() == "_PARTITION_EOF":
            return
        if problem is not None and not problem.name().startswith("_"):  # others librdkafka deals with itself
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
