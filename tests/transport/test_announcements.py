"""What is announced reaches every reader once, in order, without a gap, after any fault of a producer or a topic."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from counterfoil.contract.topics import CHECKPOINTS, entries_topic
from counterfoil.ports import Inbox, Unavailable
from counterfoil.transport import kafka as kafka_module
from counterfoil.transport import lookup
from counterfoil.transport.batches import encode
from counterfoil.transport.kafka import KafkaTransport
from tests.conformance.transport import Log
from tests.transport.own_kafka import WITHIN, OwnKafka, log_of, until

pytestmark = pytest.mark.xdist_group("servers")

CHUNK = 4


@pytest.fixture
def log(kafka: OwnKafka) -> Log:
    """The log of a service that no other test uses."""
    return log_of(kafka.service())


def topic_of(log: Log) -> str:
    return entries_topic(log.origin.split("/")[1])


def raw(kafka: OwnKafka, log: Log, *pieces: tuple[int, int], records: slice = slice(None)) -> None:
    """Put pieces FIRST to END of a log on its topic, as another instance of its service would."""
    for first, end in pieces:
        batch = encode(log.announcement(first, end))
        kafka.write(topic_of(log), *((b"main", value, headers) for value, headers in batch[records]))


def announce(transport: KafkaTransport, log: Log, count: int) -> None:
    first, _ = log.commit(count)
    transport.publish(log.announcement(first))


def go_on(transport: KafkaTransport, log: Log) -> int:
    """As a recovering service does: announce what is missing. Returns where it began."""
    size = len(log.committed)
    start = first = transport.announced(log.origin)
    while first < size:
        end = min(first + CHUNK, size)
        transport.publish(log.announcement(first, end, size))
        first = end
    return start


def fails_soon(transport: KafkaTransport, log: Log) -> None:
    """Announce until it is known that something may be lost."""
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        try:
            announce(transport, log, 1)
        except Unavailable:
            return
        time.sleep(0.01)
    pytest.fail("nothing was lost")


def entries(inbox: Inbox, count: int) -> list[bytes]:
    """The next entries, and that no more come."""
    found: list[bytes] = []
    deadline = time.monotonic() + WITHIN
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} came"
        found += [each.data for each in inbox.poll(100, 0.1)]
    assert inbox.poll(100, 0.1) == []
    return found


def assert_all_read(kafka: OwnKafka, log: Log, starts: Sequence[int] = (0,)) -> None:
    """Readers that begin anywhere get every entry from there on, once and in order."""
    with kafka.transport("reader", log) as reader:
        for start in starts:
            inbox = reader.open_inbox("reader", None, {log.origin: start})
            assert entries(inbox, len(log.committed) - start) == log.committed[start:]


def test_a_refused_announcement_is_made_again(kafka: OwnKafka, log: Log) -> None:
    """Real Kafka refuses what is larger than its topic takes; the producer is lost with it."""
    with kafka.transport("writer", log) as writer:
        announce(writer, log, 3)
        until(lambda: len(kafka.values(topic_of(log))) == 3, "the entries")
        kafka.set(topic_of(log), max_message_bytes="100")
        fails_soon(writer, log)
        assert writer.announced(log.origin) == 3
        kafka.set(topic_of(log), max_message_bytes=None)
        assert go_on(writer, log) == 3
        announce(writer, log, 2)
    assert kafka.values(topic_of(log)) == log.committed
    assert_all_read(kafka, log, (0, 2, 5))
    notes = [value for key, value, _ in kafka.read(CHECKPOINTS) if key == log.origin.encode()]
    assert notes[-1] == log.note()


def test_nothing_follows_what_was_lost(kafka: OwnKafka, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service may have checked for trouble, and waited for room, before the producer was lost."""
    with kafka.transport("writer", log) as writer:
        announce(writer, log, 1)
        until(lambda: len(kafka.values(topic_of(log))) == 1, "the entry")
        kafka.set(topic_of(log), max_message_bytes="100")
        announce(writer, log, 2)
        until(lambda: writer._sender.queued == 0, "the refusal")
        kafka.set(topic_of(log), max_message_bytes=None)
        with monkeypatch.context() as patch:
            patch.setattr(writer, "_check", lambda: None)
            announce(writer, log, 2)
        with pytest.raises(Unavailable, match="may be lost"):
            announce(writer, log, 1)
        assert kafka.values(topic_of(log)) == log.committed[:1]
        assert go_on(writer, log) == 1
    assert_all_read(kafka, log)


def test_what_hangs_is_waited_for(kafka: OwnKafka, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """The topic is not asked what it has while it may still grow."""
    monkeypatch.setattr(kafka_module, "_CONFIRM", 0.3)
    with kafka.transport("writer", log) as writer:
        announce(writer, log, 2)
        assert writer.announced(log.origin) == 2
        with kafka.frozen():
            announce(writer, log, 2)
            for _ in range(2):
                with pytest.raises(Unavailable, match="not confirmed"):
                    writer.announced(log.origin)
        monkeypatch.setattr(kafka_module, "_CONFIRM", WITHIN)
        assert go_on(writer, log) == 4
    assert kafka.values(topic_of(log)) == log.committed


@pytest.mark.parametrize("came", [1, 3])
def test_a_batch_that_came_in_part_comes_again(kafka: OwnKafka, log: Log, came: int) -> None:
    log.commit(6)
    raw(kafka, log, (0, 2))
    raw(kafka, log, (2, 6), records=slice(came))
    with kafka.transport("writer", log) as writer:
        assert go_on(writer, log) == 2
        announce(writer, log, 1)
    assert_all_read(kafka, log, (0, 3, 6))


def test_an_instance_that_woke_up_late_does_no_harm(kafka: OwnKafka, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """It announces again what another has announced, cut in another way, at any later time."""
    monkeypatch.setattr(lookup, "_FIRST_STEP", 3)
    with kafka.transport("writer", log) as writer:
        announce(writer, log, 9)
        announce(writer, log, 3)
        assert writer.announced(log.origin) == 12
        raw(kafka, log, (1, 5), (5, 6))
        announce(writer, log, 2)
        assert writer.announced(log.origin) == 14
        raw(kafka, log, (6, 11), records=slice(3))
        announce(writer, log, 4)
        assert go_on(writer, log) == 18
    assert_all_read(kafka, log, (0, 4, 13))


def test_a_reader_misled_by_late_records_finds_what_it_lacks(
    kafka: OwnKafka, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins at records that say they are of earlier entries; what they hide shows as missing, and comes then."""
    monkeypatch.setattr(lookup, "_FIRST_STEP", 4)
    with kafka.transport("writer", log) as writer, kafka.transport("reader", log) as reader:
        announce(writer, log, 20)
        writer.announced(log.origin)
        raw(kafka, log, (0, 5))
        inbox = reader.open_inbox("reader", None, {log.origin: 15})
        announce(writer, log, 2)
        until(lambda: reader.progress()[0].missing == 15, "the gap")
        assert inbox.poll(100, 0.0) == []
        reader.restart("waited for entry 15")
        with pytest.raises(Unavailable, match="waited for entry 15"):
            inbox.poll(100, WITHIN)
        again = reader.open_inbox("reader", None, {log.origin: 15})
        assert entries(again, 7) == log.committed[15:]
        assert reader.progress()[0].missing is None


@pytest.mark.parametrize("while_running", [False, True])
def test_a_recreated_topic_gets_everything_again(kafka: OwnKafka, log: Log, while_running: bool) -> None:
    """Readers that were further than the new topic is begin again with what they lack."""
    with kafka.transport("writer", log) as writer, kafka.transport("reader", log) as reader:
        for count in (5, 4):
            announce(writer, log, count)
        assert writer.announced(log.origin) == 9
        inbox = reader.open_inbox("reader", None, {log.origin: 0})
        assert entries(inbox, 9) == log.committed
        kafka.recreate(topic_of(log))
        if while_running:
            fails_soon(writer, log)
        assert go_on(writer, log) == 0
        announce(writer, log, 1)
        rest = log.committed[9:]
        found: list[bytes] = []
        deadline = time.monotonic() + WITHIN
        while len(found) < len(rest):
            assert time.monotonic() < deadline
            try:
                found += [each.data for each in inbox.poll(100, 0.1)]
            except Unavailable:
                inbox = reader.open_inbox("reader", None, {log.origin: 9 + len(found)})
        assert found == rest
        assert inbox.poll(100, 0.1) == []
    assert_all_read(kafka, log, (0, 7))
