"""What is sent is on its topic once and in order, or its future fails; every future is done in the end."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from itertools import count
from ssl import SSLError

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.access import KafkaAccess
from counterfoil.contract.topics import MAX_MESSAGE_BYTES
from counterfoil.ports import Overloaded, Unavailable
from counterfoil.settings import BadSetting
from counterfoil.transport import client, producer
from counterfoil.transport.client import make_producer
from counterfoil.transport.loop import LoopThread
from counterfoil.transport.producer import MAX_RECORD_BYTES, Record, Sender, octets
from counterfoil.transport.topic_settings import MAX_DEAD_MESSAGE_BYTES
from tests.transport.mock_cluster import PRODUCE, MockCluster, mock_cluster
from tests.transport.own_kafka import OwnKafka

pytestmark = pytest.mark.xdist_group("servers")

WITHIN = 20.0
RETRIABLE = (3, 5, 6, 7, 19, 20)  # no such topic, no leader, another leader, too late, replicas missing (twice)
INVALID_RECORD = 87
DUPLICATE_SEQUENCE = 46
_numbers = count()


@pytest.fixture(scope="module")
def mock() -> Iterator[MockCluster]:
    with mock_cluster(2) as cluster:
        yield cluster


@contextmanager
def sending(servers: str, *, start: bool = True) -> Iterator[Sender]:
    """A sender, with nothing left over when it ends."""
    loop = LoopThread("tested", tls=False)
    sender = Sender(loop, lambda: make_producer(KafkaAccess(servers, "counterfoil-tested"), "tested"))
    if start:
        sender.start()
    try:
        yield sender
        sender.close()
        assert sender.queued == 0
    finally:
        loop.close()


@pytest.mark.parametrize(
    ("problem", "lasts"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "kafka-ca.pem"), True),
        (PermissionError(errno.EACCES, "Permission denied", "kafka-password"), True),
        (BadSetting("COUNTERFOIL_SECRETS: no such directory"), True),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), False),
        (SSLError(1, "certificate verify failed"), False),
        (KafkaConnectionError("no broker answers"), False),
    ],
    ids=repr,
)
def test_what_only_a_person_can_mend_is_a_failure_and_all_else_is_tried_again(problem: Exception, lasts: bool) -> None:
    tries = threading.Semaphore(0)

    def make() -> AIOKafkaProducer:
        tries.release()
        raise problem

    loop = LoopThread("tested", tls=False)
    sender = Sender(loop, make)
    sender.start()
    try:
        assert all(tries.acquire(timeout=WITHIN) for _ in range(2))
        assert (sender.failure is not None) is lasts
        assert sender.trouble
    finally:
        sender.close()
        loop.close()


def new_topic(mock: MockCluster, leader: int = 1) -> str:
    """A topic of which no error that another test ordered is left."""
    mock.answer(PRODUCE)
    name = f"topic{next(_numbers)}"
    mock.topic(name)
    mock.lead(name, leader)
    return name


def both(action: Callable[[int], None]) -> None:
    """To both brokers."""
    for broker in (1, 2):
        action(broker)


def records(*values: bytes) -> list[Record]:
    return [Record(b"main", value) for value in values]


@contextmanager
def two_topics(mock: MockCluster) -> Iterator[tuple[Sender, str, str, Future[int]]]:
    """A sender, a topic whose next record is refused, and one whose broker is away: with a record under way to it."""
    refused, stuck = new_topic(mock), new_topic(mock, 2)
    with sending(mock.servers) as sender:
        assert not any(failed([sender.send(name, records(b"there"), wait=True) for name in (refused, stuck)]))
        mock.down(2)
        hanging = sender.send(stuck, records(b"hanging"), wait=True)
        time.sleep(0.2)
        mock.answer(PRODUCE, INVALID_RECORD)
        yield sender, refused, stuck, hanging


def numbered(first: int, size: int) -> list[Record]:
    return records(*(b"%d" % number for number in range(first, first + size)))


def failed(futures: Sequence[Future[int]]) -> list[bool]:
    """Which futures failed, all of them with `Unavailable`; each must be done soon."""
    assert not wait(futures, WITHIN).not_done
    problems = [future.exception() for future in futures]
    assert all(problem is None or isinstance(problem, Unavailable) for problem in problems)
    return [problem is not None for problem in problems]


Story = list[tuple[int, int]]
STORIES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), min_size=1, max_size=12)
"""Jobs: which of three topics, how many records."""


@settings(max_examples=25)
@given(story=STORIES, errors=st.lists(st.sampled_from((0, *RETRIABLE)), max_size=4))
def test_what_may_be_tried_again_changes_nothing(mock: MockCluster, story: Story, errors: list[int]) -> None:
    """Topics keep their order each, independent of the others; the future has the offset after the last record."""
    topics = [new_topic(mock), new_topic(mock, 2), new_topic(mock)]
    mock.answer(PRODUCE, *errors)
    sizes = [0, 0, 0]
    with sending(mock.servers) as sender:
        expected = []
        for topic, size in story:
            expected.append((sender.send(topics[topic], numbered(sizes[topic], size), wait=True), sizes[topic] + size))
            sizes[topic] += size
        assert not any(failed([future for future, _ in expected]))
        assert all(future.result() == end for (future, end), (_, size) in zip(expected, story, strict=True) if size)
        assert sender.queued == 0
    for name, size in zip(topics, sizes, strict=True):
        assert mock.values(name) == [b"%d" % number for number in range(size)]


@settings(max_examples=25)
@given(story=STORIES, good=st.integers(0, 3), more=STORIES)
def test_a_refusal_fails_what_is_not_confirmed_and_leaves_no_gap(
    mock: MockCluster, story: Story, good: int, more: Story
) -> None:
    """Of every topic exactly the jobs that succeeded are there; none that comes after a lost one does."""
    names = [new_topic(mock), new_topic(mock, 2), new_topic(mock)]
    last: dict[str, Future[int]] = {}
    jobs: dict[str, list[tuple[list[Record], Future[int]]]] = {name: [] for name in names}
    mock.answer(PRODUCE, *[0] * good, INVALID_RECORD)
    with sending(mock.servers) as sender:
        for part in (story, more):
            for topic, size in part:
                name, job = names[topic], records(*(b"%d" % next(_numbers) for _ in range(size + 1)))
                last[name] = sender.send(name, job, wait=True, after=last.get(name))
                jobs[name].append((job, last[name]))
            assert not wait(last.values(), WITHIN).not_done
        mock.answer(PRODUCE)
        outcomes = {name: failed([future for _, future in sent]) for name, sent in jobs.items()}
        assert good or any(any(lost) for lost in outcomes.values())
        assert all(lost == sorted(lost) for lost in outcomes.values())
        assert sender.queued == 0
        kept = {
            name: [record.value for job, _ in sent[: outcomes[name].count(False)] for record in job]
            for name, sent in jobs.items()
        }
        assert {name: mock.values(name) for name in names} == kept
        again = [sender.send(name, records(b"again"), wait=True) for name in names]  # a new producer has taken over
        assert not any(failed(again))
    assert {name: mock.values(name) for name in names} == {name: [*values, b"again"] for name, values in kept.items()}


def test_what_kafka_refuses_costs_nothing_that_comes_later(kafka: OwnKafka) -> None:
    """Real Kafka takes any first sequence of a producer that it does not know: it is no guard against a gap."""
    topic = f"small{next(_numbers)}"
    kafka.make(topic, max_message_bytes="1000")
    with sending(kafka.cluster.kafka) as sender:
        lost = sender.send(topic, records(bytes(2_000)), wait=True)
        behind = sender.send(topic, records(b"behind"), wait=True, after=lost)
        assert failed([lost, behind]) == [True, True]
        too_late = sender.send(topic, records(b"too late"), wait=True, after=behind)
        first, second = (sender.send(topic, records(value), wait=True) for value in (b"first", b"second"))
        assert failed([too_late, first, second]) == [True, False, False]
        assert (first.result(), second.result()) == (1, 2)
    assert kafka.values(topic) == [b"first", b"second"]


def test_the_offset_after_each_job_is_told(kafka: OwnKafka) -> None:
    """Also of jobs that begin in one batch and end in another."""
    topic, sizes = f"offsets{next(_numbers)}", (1, 2, 0, 3, 1, 4, 2)
    kafka.make(topic)
    with sending(kafka.cluster.kafka) as sender:
        futures = [sender.send(topic, records(*[bytes(300_000)] * size), wait=True) for size in sizes]
        assert not any(failed(futures))
    told = [future.result() for future, size in zip(futures, sizes, strict=True) if size]
    assert told == [1, 3, 6, 7, 11, 13]


def test_where_kafka_does_not_say_the_offset_is_unknown(mock: MockCluster) -> None:
    topic = new_topic(mock)
    mock.answer(PRODUCE, DUPLICATE_SEQUENCE)
    with sending(mock.servers) as sender:
        assert sender.send(topic, records(b"here already"), wait=True).result(WITHIN) == -1


def largest(size: int) -> Record:
    """A record of so many octets in all."""
    record = Record(b"main", bytes(size), [("name", b"value")])
    return Record(b"main", bytes(2 * size - octets(record)), [("name", b"value")])


@pytest.mark.parametrize("beyond", [0, 1])
def test_the_largest_record(kafka: OwnKafka, beyond: int) -> None:
    topic = f"large{next(_numbers)}"
    kafka.make(topic, max_message_bytes=str(MAX_DEAD_MESSAGE_BYTES))
    record = largest(MAX_RECORD_BYTES + beyond)
    with sending(kafka.cluster.kafka) as sender:
        before, after = sender.send(topic, records(b"before"), wait=True), None
        if beyond:
            with pytest.raises(ValueError, match=f"{topic}: a record of {MAX_RECORD_BYTES + 1} octets"):
                sender.send(topic, [record], wait=True)
        else:
            assert sender.send(topic, [record], wait=True).result(WITHIN) == 2
        after = sender.send(topic, records(b"after"), wait=True)
        assert failed([before, after]) == [False, False]
    assert kafka.values(topic) == [b"before", *([] if beyond else [record.value]), b"after"]


def test_a_batch_is_as_large_as_a_topic_takes(kafka: OwnKafka) -> None:
    topic, value = f"full{next(_numbers)}", bytes(1_000)
    kafka.make(topic, max_message_bytes=str(MAX_MESSAGE_BYTES))
    with sending(kafka.cluster.kafka) as sender:
        assert sender.send(topic, records(*[value] * 3_000), wait=True).result(WITHIN) == 3_000


@pytest.mark.parametrize("beyond", [0, 1])
def test_the_queue_is_bounded(mock: MockCluster, monkeypatch: pytest.MonkeyPatch, beyond: int) -> None:
    monkeypatch.setattr(producer, "MAX_QUEUED", 8)
    monkeypatch.setattr(producer, "_BLOCK", 0.1)
    topic = new_topic(mock)
    with sending(mock.servers, start=False) as sender:
        begun = sender.send(topic, numbered(0, 5), wait=False)
        if beyond:
            with pytest.raises(Overloaded):
                sender.send(topic, numbered(5, 4), wait=False)
            with pytest.raises(Unavailable):
                sender.send(topic, numbered(5, 4), wait=True)
            assert sender.queued == 5
        rest = sender.send(topic, numbered(5, 3), wait=not beyond)
        assert sender.queued == 8
        monkeypatch.setattr(producer, "_BLOCK", WITHIN)
        threading.Timer(0.2, sender.start).start()
        waited = sender.send(topic, numbered(8, 9), wait=True)  # more than the bound: alone it may go
        assert failed([begun, rest, waited]) == [False, False, False]
    assert mock.values(topic) == [b"%d" % number for number in range(17)]


def test_kafka_may_come_later(mock: MockCluster) -> None:
    topic = new_topic(mock)
    both(mock.down)
    with sending(mock.servers) as sender:
        future = sender.send(topic, records(b"early"), wait=False)
        time.sleep(0.3)
        assert not future.done()
        both(mock.up)
        assert future.result(WITHIN) == 1


@pytest.mark.parametrize("long", [False, True])
def test_a_topic_without_a_leader(mock: MockCluster, monkeypatch: pytest.MonkeyPatch, long: bool) -> None:
    """Sending waits for a leader as long as for an answer; then every future fails, the outcome being unknown."""
    monkeypatch.setattr(client, "REQUEST_TIMEOUT_MS", 500 if long else 20_000)
    topic = new_topic(mock)
    with sending(mock.servers) as sender:
        assert sender.send(topic, records(b"there"), wait=True).result(WITHIN) == 1
        mock.lead(topic, -1)
        mock.answer(PRODUCE, 6)  # as from a broker that has just stopped to lead
        future = sender.send(topic, records(b"waits"), wait=True)
        if long:
            assert failed([future]) == [True]
        else:
            time.sleep(0.6)
            assert not future.done()
        mock.lead(topic, 2)
        assert sender.send(topic, records(b"next"), wait=True).result(WITHIN) == (2 if long else 3)
    assert mock.values(topic) == [b"there", *([] if long else [b"waits"]), b"next"]


def test_closing_sends_what_is_queued(mock: MockCluster) -> None:
    topic = new_topic(mock)
    mock.answer(PRODUCE, 0, 7)
    with sending(mock.servers) as sender:
        futures = [sender.send(topic, numbered(number, 1), wait=True) for number in range(500)]
        sender.close()
        assert all(future.done() for future in futures)
        assert not any(failed(futures))
        with pytest.raises(Unavailable, match="closed"):
            sender.send(topic, records(b"later"), wait=True)
    assert mock.values(topic) == [b"%d" % number for number in range(500)]


def test_closing_does_not_wait_for_ever(mock: MockCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "_FLUSH", 0.3)
    monkeypatch.setattr(producer, "_END", 0.1)
    topic = new_topic(mock)
    with sending(mock.servers) as sender:
        assert sender.send(topic, records(b"there"), wait=True).result(WITHIN) == 1
        both(mock.down)
        futures = [sender.send(topic, records(b"lost"), wait=True) for _ in range(2)]
        time.sleep(0.2)
        futures.append(sender.send(topic, records(b"lost"), wait=True))
        began = time.monotonic()
        sender.close()
        assert time.monotonic() - began < 5
        assert failed(futures) == [True, True, True]
    both(mock.up)


def test_what_fails_for_another_says_no_more_than_that(mock: MockCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that are queued, each after the one before, while a producer that failed is being ended."""
    monkeypatch.setattr(producer, "_FLUSH", 0.5)
    with two_topics(mock) as (sender, refused, _, hanging):
        chain = [sender.send(refused, records(b"lost"), wait=True)]
        assert failed(chain) == [True]
        for _ in range(12):
            chain.append(sender.send(refused, records(b"after"), wait=True, after=chain[-1]))
        assert all(failed(chain))
        assert len({str(future.exception()) for future in chain}) == 1
        mock.up(2)
        failed([hanging])


def test_a_producer_that_hangs_does_not_hold_up_the_next(mock: MockCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it still has may come later: that is what "unknown" means. It does not disturb the next one."""
    monkeypatch.setattr(producer, "_FLUSH", 0.3)
    with two_topics(mock) as (sender, refused, stuck, hanging):
        lost = sender.send(refused, records(b"lost"), wait=True)
        assert failed([lost, hanging]) == [True, True]
        assert sender.send(refused, records(b"next"), wait=True).result(WITHIN) == 2
        mock.up(2)
        assert not any(failed([sender.send(name, records(b"last"), wait=True) for name in (refused, stuck)]))
        deadline = time.monotonic() + WITHIN
        while sorted(mock.values(stuck), key=repr) != [b"hanging", b"last", b"there"]:
            assert time.monotonic() < deadline
    assert mock.values(refused) == [b"there", b"next", b"last"]
