"""How a subscription uses its client: where it starts, what ends it, what it asks for. The client is a script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from counterfoil.ports import COMMANDS_SOURCE, Unavailable
from counterfoil.transport import subscription
from counterfoil.transport.buffers import Buffer
from counterfoil.transport.subscription import CommandFeed, KafkaInbox, Subscription

WITHIN = 5.0
ONE, TWO = (TopicPartition(name, 0) for name in ("one", "two"))
Found = dict[TopicPartition, list[Any]]


class Client:
    """Answers polls from a list, then waits for ever; keeps what it was called with."""

    def __init__(self, *answers: Found | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[Any, ...]] = []
        self.polled: list[set[TopicPartition]] = []

    async def start(self) -> None:
        self.calls.append(("start",))

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.calls.append(("assign", *partitions))

    def seek(self, where: TopicPartition, offset: int) -> None:
        self.calls.append(("seek", where, offset))

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int, max_records: int) -> Found:
        assert (timeout_ms, max_records) > (0, 0)
        self.calls.append(("poll",))
        self.polled.append(set(partitions))
        await asyncio.sleep(0)
        if not self.answers:
            await asyncio.sleep(timeout_ms / 1_000)
            return {}
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.calls.append(("commit", offsets))

    async def stop(self) -> None:
        self.calls.append(("stop",))


def record(where: TopicPartition, offset: int) -> Any:
    return ConsumerRecord(where.topic, 0, offset, 1, 1, b"main", b"%d" % offset, None, 4, 1, ())


def feeds() -> list[CommandFeed]:
    return [CommandFeed(ONE, Buffer(COMMANDS_SOURCE), 3, "one"), CommandFeed(TWO, Buffer("two"), 7, "two")]


def reading(client: Client, check: Callable[[KafkaInbox], Awaitable[None]]) -> None:
    """Run a subscription of two topics over the client, and `check` beside it."""

    async def run() -> None:
        own = feeds()
        read = Subscription(lambda: client, "consumer", "group", own, lambda _record, _reason: Future())
        inbox = KafkaInbox(own, {COMMANDS_SOURCE: 0, "two": 0})
        await read.start(inbox)
        try:
            await asyncio.wait_for(check(inbox), WITHIN)
        finally:
            await read.stop()

    asyncio.run(run())


async def until(done: Callable[[], bool]) -> None:
    while not done():  # noqa: ASYNC110 what is waited for sets no event
        await asyncio.sleep(0.001)


def test_it_seeks_before_it_polls() -> None:
    client = Client()

    async def check(_inbox: KafkaInbox) -> None:
        await until(lambda: bool(client.polled))

    reading(client, check)
    assert client.calls[:5] == [("start",), ("assign", ONE, TWO), ("seek", ONE, 3), ("seek", TWO, 7), ("poll",)]
    assert client.calls[-1] == ("stop",)


@pytest.mark.parametrize(
    "problem", [TopicAuthorizationFailedError("one"), KafkaError("data"), ValueError("bug"), UnicodeError("header")]
)
def test_any_error_ends_the_inbox_and_is_not_retried(problem: Exception) -> None:
    """What was read before it is not delivered either: the next inbox begins with what was not consumed."""
    client = Client({ONE: [record(ONE, 3)]}, problem, {ONE: [record(ONE, 4)]})

    async def check(inbox: KafkaInbox) -> None:
        await until(lambda: bool(inbox.failure))
        with pytest.raises(Unavailable, match=type(problem).__name__):
            inbox.poll(10, 0.0)

    reading(client, check)
    assert len(client.polled) == 2


def test_a_full_source_is_not_asked_for_until_half_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "MAX_BUFFERED", 4)
    client = Client({ONE: [record(ONE, 3 + number) for number in range(5)]})

    async def asked_for() -> set[TopicPartition]:
        seen = len(client.polled)
        await until(lambda: len(client.polled) > seen + 1)
        return client.polled[-1]

    async def check(inbox: KafkaInbox) -> None:
        await until(lambda: inbox._feeds[0].full)
        assert await asked_for() == {TWO}
        assert [each.position for each in inbox.poll(10, 0.0)] == [0, 1, 2, 3, 4]
        inbox.acknowledge({COMMANDS_SOURCE: 2})  # three are left
        assert await asked_for() == {TWO}
        inbox.acknowledge({COMMANDS_SOURCE: 3})
        assert await asked_for() == {ONE, TWO}

    reading(client, check)


def test_positions_do_not_depend_on_the_buffer() -> None:
    """Its consumer's thread may be changing the buffer while records are taken."""
    feed = feeds()[0]
    assert [feed.take(record(ONE, offset))[0].position for offset in (3, 4, 9)] == [0, 1, 2]
