"""Dead letters can be read, and are replayed unchanged: value, key, own headers, order."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from counterfoil.access import KafkaAccess
from counterfoil.contract.topics import MAX_MESSAGE_BYTES, commands_topic, dead_letters_topic, entries_topic
from counterfoil.transport.admin import dead_letters, topics
from counterfoil.transport.admin.client import KafkaFailed, configuration, settled
from counterfoil.transport.admin.dead_letters import NoSuchLetter
from counterfoil.transport.dead_letter_headers import Death, Header, dead_letter
from counterfoil.transport.topic_settings import TOPICS
from tests.transport.secured import Secured

pytestmark = pytest.mark.xdist_group("servers")

TIME = "2026-11-22T18:00:00.000000Z"
Record = tuple[bytes | None, bytes | None, Sequence[Header]]
"""Key, value, headers."""
AWKWARD: list[Record] = [
    (b"main", b'{"payload":"..."}', [("content-type", b"application/json"), ("traceparent", b"00-ab")]),
    (None, b"\x00\xff\x1b[2J", []),
    (b"", b"", [("twice", b"1"), ("twice", b"2"), ("nothing", None), ("empty", b"")]),
    (b"\xff" * 40, None, [("\u00e9\u4e16", b"\x00")]),
    (b"main", b"x" * 300_000, []),
]


class Aside:
    """The ledger's dead letters, and the topics they come from, all of them empty before the test."""

    source, topic = commands_topic("ledger"), dead_letters_topic("ledger")

    def __init__(self, secured: Secured) -> None:
        self.admin, client = secured.admin, secured.client
        emptied = [self.source, self.topic, entries_topic("matching")]
        for future in client.delete_topics(emptied).values():
            future.result(20)
        settled(lambda: not set(emptied) & client.list_topics(timeout=10).topics.keys(), "it")
        topics.apply(self.admin)

    def put(self, *records: Record, source: str | None = None, reason: str = "no_envelope") -> None:
        """Set records aside, as a consumer does."""
        self.write(
            self.topic,
            [
                (key, value, dead_letter(source or self.source, 0, offset, headers, reason, TIME))
                for offset, (key, value, headers) in enumerate(records)
            ],
        )

    def write(self, topic: str, records: Sequence[Record]) -> None:
        outcomes: list[Any] = []
        producer = Producer(configuration(self.admin) | {"enable.idempotence": True, "message.max.bytes": 2**21})
        for key, value, headers in records:
            producer.produce(topic, value, key, 0, lambda problem, _: outcomes.append(problem), headers=list(headers))
        assert producer.flush(20) == 0
        assert outcomes == [None] * len(records)

    def came_back(self, count: int, topic: str | None = None) -> list[Record]:
        """The first records of the source topic, and that there are no more."""
        found: list[Record] = []
        deadline = time.monotonic() + 20
        with Consumer(
            configuration(self.admin) | {"group.id": "counterfoil.test", "fetch.wait.max.ms": 10}
        ) as consumer:
            where = TopicPartition(topic or self.source, 0, 0)
            assert consumer.get_watermark_offsets(where, timeout=10) == (0, count)
            consumer.assign([where])
            while len(found) < count:
                assert time.monotonic() < deadline
                if (message := consumer.poll(0.5)) is not None:
                    assert message.error() is None
                    headers: list[Any] = list(message.headers() or [])
                    found.append((message.key(), message.value(), headers))
        return found

    def replay(self, offset: int | None) -> dead_letters.Replayed:
        return dead_letters.replay(self.admin, self.topic, offset, lambda _sent, _total: None)


@pytest.fixture
def aside(secured: Secured) -> Aside:
    return Aside(secured)


def test_everything_goes_back_as_it_came_and_in_order(aside: Aside) -> None:
    aside.put(*AWKWARD)
    told: list[tuple[int, int]] = []
    done = dead_letters.replay(aside.admin, aside.topic, None, lambda sent, total: told.append((sent, total)))
    assert (done.sent, done.left) == (5, [])
    assert told == [(count, 5) for count in range(1, 6)]
    assert aside.came_back(5) == AWKWARD
    # nothing was removed, and it can be done again
    assert dead_letters.extent(aside.admin, aside.topic) == range(5)
    assert aside.replay(None).sent == 5
    assert aside.came_back(10) == AWKWARD * 2


def test_one_goes_back_alone(aside: Aside) -> None:
    aside.put(*AWKWARD)
    assert aside.replay(2).sent == 1
    assert aside.came_back(1) == AWKWARD[2:3]


def test_they_are_read_as_they_were_set_aside(aside: Aside) -> None:
    aside.put(*AWKWARD)
    for offset, (key, value, headers) in enumerate(AWKWARD):
        letter = dead_letters.read(aside.admin, aside.topic, offset)
        assert (letter.topic, letter.offset, letter.key, letter.value) == (aside.topic, offset, key, value)
        assert (letter.headers, letter.death) == (headers, Death(aside.source, 0, offset, "no_envelope", TIME))
    for beyond in (5, 6):
        with pytest.raises(NoSuchLetter, match=f"no dead letter at offset {beyond}: it has 0 to 4"):
            dead_letters.read(aside.admin, aside.topic, beyond)


@pytest.mark.parametrize(
    ("limit", "offsets"), [(1, [4]), (4, [1, 2, 3, 4]), (5, [0, 1, 2, 3, 4]), (6, [0, 1, 2, 3, 4])]
)
def test_the_newest_are_listed_oldest_first(aside: Aside, limit: int, offsets: list[int]) -> None:
    aside.put(*AWKWARD)
    assert [each.offset for each in dead_letters.newest(aside.admin, [aside.topic], limit)] == offsets


def test_nothing_is_there(aside: Aside) -> None:
    assert list(dead_letters.newest(aside.admin, [aside.topic], 10)) == []
    assert aside.replay(None) == dead_letters.Replayed(0, [])
    with pytest.raises(NoSuchLetter, match="it is empty"):
        aside.replay(0)


def test_many_are_sent_back_in_order(aside: Aside) -> None:
    """More than are under way at a time, and more than one fetch brings."""
    records: list[Record] = [(b"main", b"%d" % number + b"." * 10_000, []) for number in range(600)]
    aside.put(*records)
    assert aside.replay(None).sent == 600
    assert aside.came_back(600) == records


def test_only_where_its_consumer_reads(aside: Aside, secured: Secured) -> None:
    """Otherwise a user who may write dead letters could make the administrator write to any topic."""
    elsewhere = [
        commands_topic("issuance"),
        dead_letters_topic("ledger"),
        "counterfoil.replies",
        "counterfoil.checkpoints",
        "other",
    ]
    with_headers = dead_letter(commands_topic("ledger"), 1, 0, [], "code", TIME)
    aside.write(aside.topic, [(b"k", b"v", dead_letter(each, 0, 0, [], "code", TIME)) for each in elsewhere])
    aside.write(aside.topic, [(b"k", b"v", with_headers), (b"k", b"v", []), (b"k", b"v", with_headers[:4])])
    aside.put((b"k", b"last", []), source=entries_topic("matching"))
    done = aside.replay(None)
    assert done.sent == 1
    assert aside.came_back(1, entries_topic("matching")) == [(b"k", b"last", [])]
    assert aside.came_back(0) == []
    assert [offset for offset, _why in done.left] == list(range(8))
    assert done.left[0][1] == "dead letters of ledger are not replayed to counterfoil.issuance.commands, partition 0"
    assert done.left[5][1] == "dead letters of ledger are not replayed to counterfoil.ledger.commands, partition 1"
    assert done.left[6][1] == done.left[7][1] == "its headers do not say where it came from"
    assert [each.death is None for each in dead_letters.newest(secured.admin, [aside.topic], 3)] == [True, True, False]


@pytest.mark.parametrize(("source", "goes"), [("replies", 0), ("checkpoints", 0), ("matching.entries", 1)])
def test_what_a_gateway_read(aside: Aside, source: str, goes: int) -> None:
    topic = dead_letters_topic("gateway")
    aside.write(topic, [(b"k", b"v", dead_letter(f"counterfoil.{source}", 0, 0, [], "code", TIME))])
    last = dead_letters.extent(aside.admin, topic)[-1]
    assert dead_letters.replay(aside.admin, topic, last, lambda _sent, _total: None).sent == goes


def test_one_that_is_too_large_stays_and_the_others_go(aside: Aside) -> None:
    """A dead letter that was never a record: no topic would have taken it."""
    aside.put((b"k", b"1", []), (None, bytes(MAX_MESSAGE_BYTES - 60), []), (b"k", b"3", []))
    done = aside.replay(None)
    assert done.sent == 2
    assert [offset for offset, _why in done.left] == [1]
    assert "large" in done.left[0][1]
    assert aside.came_back(2) == [(b"k", b"1", []), (b"k", b"3", [])]


def test_a_record_as_large_as_can_be(aside: Aside) -> None:
    largest = bytes(MAX_MESSAGE_BYTES - 72)
    aside.put((None, largest, []))
    assert aside.replay(0).sent == 1
    assert aside.came_back(1) == [(None, largest, [])]


def test_where_it_cannot_be_done(aside: Aside, secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterfoil.transport.admin.client.CONNECT_SECONDS", 1)
    with pytest.raises(KafkaFailed, match="no Kafka answered"):
        list(dead_letters.newest(KafkaAccess("127.0.0.1:1", "counterfoil-admin"), [aside.topic], 1))
    with pytest.raises(KafkaFailed, match="cannot be read"):
        list(dead_letters.newest(secured.access("matching"), [aside.topic], 1))
    (future,) = secured.client.delete_topics([aside.topic]).values()
    future.result(20)
    settled(lambda: aside.topic not in secured.client.list_topics(timeout=10).topics, "it")
    with pytest.raises(KafkaFailed, match="see `counterfoil topics check`"):
        aside.replay(None)
    topics.apply(secured.admin)


def test_every_consumer_has_its_topic() -> None:
    assert sorted(dead_letters.DEAD_LETTERS) == sorted(name for name in TOPICS if name.endswith(".dead-letters"))
