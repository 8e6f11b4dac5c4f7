"""A consumer gets what is on its topics, even if they are truncated, flooded or forged; no reader waits behind junk."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from counterfoil.contract import topics
from counterfoil.contract.limits import MAX_ENVELOPE_BYTES
from counterfoil.contract.log_id import LogId
from counterfoil.contract.topics import commands_topic, dead_letters_topic, entries_topic
from counterfoil.ports import COMMANDS_SOURCE, Delivery, Unavailable
from counterfoil.transport import subscription
from counterfoil.transport.batches import BatchReader, encode
from counterfoil.transport.buffers import Buffer
from counterfoil.transport.client import partition
from counterfoil.transport.dead_letter_headers import read_dead_letter
from counterfoil.transport.subscription import EntryFeed, KafkaInbox, Progress
from tests.conformance.transport import FOREVER, Log
from tests.transport.own_kafka import WITHIN, Headers, OwnKafka, Raw, log_of, until

pytestmark = pytest.mark.xdist_group("servers")


@pytest.fixture
def log(kafka: OwnKafka) -> Log:
    """The log of another."""
    return log_of(kafka.service())


def topic_of(log: Log) -> str:
    return entries_topic(log.origin.split("/")[1])


def announce(kafka: OwnKafka, log: Log, first: int, end: int) -> None:
    kafka.write(topic_of(log), *raw(log, first, end))


def raw(log: Log, first: int, end: int) -> list[Raw]:
    """The records of a log's entries from `first` to `end`."""
    log.commit(max(0, end - len(log.committed)))
    return [(b"main", value, headers) for value, headers in encode(log.announcement(first, end))]


def command(number: int) -> Raw:
    return b"main", b"%d" % number, [(topics.CONTENT_TYPE, topics.ENVELOPE_TYPE.encode())]


def commands(first: int, end: int) -> list[Raw]:
    return [command(number) for number in range(first, end)]


def collect(inbox: KafkaInbox, count: int) -> list[Delivery]:
    """The next deliveries."""
    found: list[Delivery] = []
    deadline = time.monotonic() + WITHIN
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} came"
        found += inbox.poll(count - len(found), 0.1)
    return found


def data(deliveries: Sequence[Delivery], source: str = COMMANDS_SOURCE) -> list[bytes]:
    return [each.data for each in deliveries if each.source == source]


def numbers(first: int, end: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, end)]


# pace ---------------------------------------------------------------------------------------------------------------


def test_a_flood_is_held_back_and_nothing_else_is(
    kafka: OwnKafka, name: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "MAX_BUFFERED", 20)
    monkeypatch.setattr(subscription, "_MAX_RECORDS", 5)
    with kafka.transport(name, log) as transport:
        inbox = transport.open_inbox(name, LogId(name), {log.origin: 0})
        held = inbox._feeds[1].buffer

        def progress() -> Progress:
            return next(each for each in transport.progress() if each.topic == commands_topic(name))

        kafka.write(commands_topic(name), *commands(0, 90))
        until(lambda: len(held.items) >= 20, "the flood")
        for count in range(1, 4):
            announce(kafka, log, 5 * count - 5, 5 * count)
            until(lambda count=count: len(inbox._feeds[0].buffer.items) == 5 * count, "entries")  # type: ignore[misc]
        assert 20 <= len(held.items) < 20 + 5
        stood = progress()
        assert (stood.position, stood.end, stood.silent) == (len(held.items), len(held.items), 0.0)
        found = data(collect(inbox, 15 + len(held.items)))
        assert inbox.poll(100, 0.1) == []
        inbox.acknowledge({COMMANDS_SOURCE: len(found) - 11})  # eleven are left: more than half of what may be held
        time.sleep(0.1)
        assert len(held.items) == 11
        while len(found) < 90:
            inbox.acknowledge({COMMANDS_SOURCE: len(found)})
            found += data(collect(inbox, 1))
            assert len(held.items) < 20 + 5
            assert progress().silent < WITHIN
        assert found == numbers(0, 90)


def test_a_batch_without_a_wanted_event_ends_no_wait(log: Log) -> None:
    """What is wanted is looked for in the entries: nobody can hide an event by what he writes beside them."""
    batches = BatchReader(log.origin, log.key.verify_key, 0)
    feed = EntryFeed(partition(topic_of(log)), Buffer(log.origin), 0, batches, "", {"this.happened.v1"})
    inbox = KafkaInbox([feed], {log.origin: 0})

    def come(*names: str) -> None:
        end = feed.buffer.end
        entries = [b'{"events":[{"type":"%b"}]}' % name.encode() for name in names]
        inbox.put(feed, [Delivery(log.origin, at, data) for at, data in enumerate(entries, end)])

    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(inbox.poll, 10, FOREVER)
        until(lambda: bool(inbox._waiting), "the wait")
        come("that.happened.v1", "this.happened.v10")
        assert inbox._waiting
        assert not inbox._news  # the wait goes on
        come("that.happened.v1", "this.happened.v1")
        assert len(waits.result(WITHIN)) == 4


# junk ---------------------------------------------------------------------------------------------------------------

TYPED: Headers = [(topics.CONTENT_TYPE, topics.ENVELOPE_TYPE.encode())]
NO_COMMANDS: list[Raw] = [
    (b"main", None, TYPED),
    (b"main", b"", []),
    (None, None, [("nothing", None), ("twice", b"1"), ("twice", b"2")]),
    (b"\xff\x00", bytes(MAX_ENVELOPE_BYTES + 1), [("\u00e9", b"\x00")]),
]


def set_aside(kafka: OwnKafka, name: str, source: str) -> list[tuple[int, str]]:
    """Offset and reason of a user's dead letters. Each is, byte for byte, the record at that offset of `source`."""
    records, found = kafka.read(source), []
    for key, value, headers in kafka.read(dead_letters_topic(name)):
        death, own = read_dead_letter(headers)
        assert (death.topic, death.partition) == (source, 0)
        assert (key, value, own) == records[death.offset]
        found.append((death.offset, death.reason))
    return found


def test_what_is_no_command_is_set_aside(kafka: OwnKafka, name: str) -> None:
    largest: Raw = (b"main", bytes(MAX_ENVELOPE_BYTES), [(topics.TRACE, None)])
    with kafka.transport(name) as transport:
        inbox = transport.open_inbox(name, LogId(name), {})
        kafka.write(commands_topic(name), command(0), *NO_COMMANDS, largest, command(1))
        assert data(collect(inbox, 3)) == [b"0", largest[1], b"1"]
        assert kafka.read(commands_topic(name))[1:5] == NO_COMMANDS
        assert set_aside(kafka, name, commands_topic(name)) == [(offset, "no_envelope") for offset in range(1, 5)]


def test_what_is_no_entry_is_set_aside(kafka: OwnKafka, name: str, log: Log) -> None:
    forged, stranger = raw(log, 0, 3), raw(Log("example.test/stranger/main"), 0, 2)
    forged[1] = (b"main", b"forged", forged[1][2])
    junk: list[tuple[str, Raw]] = [
        ("no_place", (b"main", b"junk", [])),
        ("no_place", (None, None, [(topics.INDEX, None), (topics.BATCH, None)])),
        ("impossible_place", (b"main", b"junk", [(topics.INDEX, b"3"), (topics.BATCH, b"3-3")])),
        ("no_entry", (b"main", None, [(topics.INDEX, b"0"), (topics.BATCH, b"0-3")])),
        (
            "no_checkpoint",
            (b"main", b"junk", [(topics.INDEX, b"2"), (topics.BATCH, b"2-3"), (topics.CHECKPOINT, None)]),
        ),
    ]
    with kafka.transport(name, log) as transport:
        inbox = transport.open_inbox(name, None, {log.origin: 0})
        kafka.write(topic_of(log), *(record for _, record in junk), *forged, *stranger, *raw(log, 0, 3))
        assert data(collect(inbox, 3), log.origin) == log.committed
        announce(kafka, log, 3, 5)
        assert data(collect(inbox, 2), log.origin) == log.committed[3:]
        found = set_aside(kafka, name, topic_of(log))
        assert found[: len(junk)] == [(offset, reason) for offset, (reason, _) in enumerate(junk)]
        unproven = {offset for offset, reason in found[len(junk) :] if reason == "unproven_batch"}
        assert len(unproven) == len(found) - len(junk)
        assert {len(junk) + 2, len(junk) + 4} <= unproven  # what made the forged and the stranger's batch whole


def test_nothing_passes_what_could_not_be_set_aside(kafka: OwnKafka, name: str) -> None:
    """Kafka refuses the dead letter: the consumer begins again, before it."""
    with kafka.transport(name) as transport:
        inbox = transport.open_inbox(name, LogId(name), {})
        kafka.write(commands_topic(name), command(0))
        (first,) = collect(inbox, 1)
        kafka.set(dead_letters_topic(name), max_message_bytes="100")
        kafka.write(commands_topic(name), NO_COMMANDS[0], command(1))
        until(lambda: bool(inbox.failure), "the failure")
        with pytest.raises(Unavailable, match="MessageSizeTooLarge"):
            inbox.poll(1, 0.0)
        kafka.set(dead_letters_topic(name), max_message_bytes=None)
        again = transport.open_inbox(name, LogId(name), {}, dict(first.resume))
        assert data(collect(again, 1)) == [b"1"]
        assert set_aside(kafka, name, commands_topic(name)) == [(1, "no_envelope")]


# places -------------------------------------------------------------------------------------------------------------


def test_a_gap_is_waited_for_and_shown(kafka: OwnKafka, name: str, log: Log) -> None:
    log.commit(7)
    with kafka.transport(name, log) as transport:
        inbox = transport.open_inbox(name, None, {log.origin: 0})
        announce(kafka, log, 0, 2)
        announce(kafka, log, 5, 7)
        assert data(collect(inbox, 2), log.origin) == log.committed[:2]
        until(lambda: transport.progress()[0].missing == 2, "the gap")
        announce(kafka, log, 3, 5)
        time.sleep(0.1)
        assert inbox.poll(10, 0.0) == []
        announce(kafka, log, 2, 3)
        assert data(collect(inbox, 5), log.origin) == log.committed[2:]
        assert transport.progress()[0].missing is None


@pytest.mark.parametrize("consumed", [0, 1, 4, 9, 14])
def test_what_was_stored_is_where_it_goes_on(kafka: OwnKafka, name: str, log: Log, consumed: int) -> None:
    """Nothing is left out and nothing comes again, in the middle of a batch of entries, too."""
    with kafka.transport(name, log) as transport:
        inbox = transport.open_inbox(name, LogId(name), {log.origin: 0})
        for first, end in ((0, 1), (1, 4), (4, 7)):
            announce(kafka, log, first, end)
        kafka.write(commands_topic(name), *commands(0, 7))
        got = collect(inbox, 14)[:consumed]
        stored = {name: place for each in got for name, place in each.resume}
        entries, orders = len(data(got, log.origin)), len(data(got))
        again = transport.open_inbox(name, LogId(name), {log.origin: entries}, stored)
        rest = collect(again, 14 - consumed)
        assert again.poll(10, 0.1) == []
        assert data(rest, log.origin) == log.committed[entries:]
        assert data(rest) == numbers(orders, 7)


@pytest.mark.parametrize("stored", [0, 4, 100])
def test_an_offset_that_is_gone_means_the_earliest(kafka: OwnKafka, name: str, stored: int) -> None:
    with kafka.transport(name) as transport:
        inbox = transport.open_inbox(name, LogId(name), {})
        kafka.write(commands_topic(name), *commands(0, 9))
        ((cursor, _), (told, at)) = collect(inbox, 9)[max(0, min(stored, 9) - 1)].resume
        kafka.drop(commands_topic(name), 5)
        again = transport.open_inbox(name, LogId(name), {}, {cursor: stored, told: at})
        assert data(collect(again, 4)) == numbers(5, 9)


def test_what_is_deleted_under_a_consumer_is_passed(
    kafka: OwnKafka, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands are kept for days; a consumer that is held back for longer resumes with the first that is there."""
    monkeypatch.setattr(subscription, "MAX_BUFFERED", 5)
    monkeypatch.setattr(subscription, "_MAX_RECORDS", 5)
    padding = bytes(MAX_ENVELOPE_BYTES - 8)
    assert 45 * len(padding) > topics.MAX_MESSAGE_BYTES, "one fetch must not hold what is deleted"
    large: list[Raw] = [(b"main", number + padding, []) for number in numbers(0, 60)]
    with kafka.transport(name) as transport:
        inbox = transport.open_inbox(name, LogId(name), {})
        kafka.write(commands_topic(name), *large)
        until(lambda: inbox._feeds[0].full, "the full buffer")
        kafka.drop(commands_topic(name), 50)
        found: list[bytes] = []
        while b"59" not in found:
            found += [value.rstrip(b"\0") for value in data(collect(inbox, 1))]
            inbox.acknowledge({COMMANDS_SOURCE: len(found)})
        assert found == [*numbers(0, len(found) - 10), *numbers(50, 60)]
        assert 5 <= len(found) - 10 < 50


def test_the_group_shows_what_is_acknowledged(kafka: OwnKafka, name: str, log: Log) -> None:
    with kafka.transport(name, log) as transport:
        inbox = transport.open_inbox(name, LogId(name), {log.origin: 0})
        kafka.write(commands_topic(name), *commands(0, 5))
        announce(kafka, log, 0, 3)
        collect(inbox, 8)
        time.sleep(0.4)
        assert kafka.committed(f"counterfoil.{name}", commands_topic(name)) is None
        inbox.acknowledge({COMMANDS_SOURCE: 2})
        until(lambda: kafka.committed(f"counterfoil.{name}", commands_topic(name)) == 2, "the offset")
        inbox.acknowledge({COMMANDS_SOURCE: 5, log.origin: 3})
        transport.close_inboxes()
        assert kafka.committed(f"counterfoil.{name}", commands_topic(name)) == 5


# losing Kafka -------------------------------------------------------------------------------------------------------


def test_silence_shows(kafka: OwnKafka, name: str) -> None:
    with kafka.transport(name) as transport:
        inbox = transport.open_inbox(name, LogId(name), {})
        kafka.write(commands_topic(name), command(0))
        collect(inbox, 1)
        with kafka.frozen():
            time.sleep(1.2)
            assert transport.progress()[0].silent > 0.6  # Kafka answers twice a second, with or without records
        until(lambda: transport.progress()[0].silent < 0.6, "an answer")


def test_a_stuck_consumer_begins_again(kafka: OwnKafka, name: str) -> None:
    with kafka.transport(name) as transport:
        inbox = transport.open_inbox(name, LogId(name), {})
        kafka.write(commands_topic(name), *commands(0, 2))
        (first, _) = collect(inbox, 2)
        transport.restart("no answer to a fetch for 30 s")
        for _ in range(2):
            with pytest.raises(Unavailable, match="no answer to a fetch for 30 s"):
                inbox.poll(1, WITHIN)
        again = transport.open_inbox(name, LogId(name), {}, dict(first.resume))
        assert data(collect(again, 1)) == [b"1"]


def test_a_waiting_poll_hears_of_the_restart(kafka: OwnKafka, name: str) -> None:
    with kafka.transport(name) as transport:
        inbox = transport.open_inbox(name, LogId(name), {})
        soon = threading.Timer(0.2, transport.restart, ["it stands still"])
        soon.start()
        began = time.monotonic()
        assert inbox.poll(1, FOREVER) == []
        assert time.monotonic() - began < WITHIN
        soon.join()


def test_commands_on_a_recreated_topic_are_taken(kafka: OwnKafka, name: str) -> None:
    with kafka.transport(name) as transport:
        inbox = transport.open_inbox(name, LogId(name), {})
        kafka.write(commands_topic(name), *commands(0, 5))
        resume = collect(inbox, 5)[-1].resume
        kafka.recreate(commands_topic(name))
        kafka.write(commands_topic(name), *commands(5, 8))
        until(lambda: bool(inbox.failure), "the failure")
        with pytest.raises(Unavailable, match="was recreated"):
            inbox.poll(1, 0.0)
        again = transport.open_inbox(name, LogId(name), {}, dict(resume))
        assert data(collect(again, 3)) == numbers(5, 8)


@pytest.mark.parametrize("count", [4, 5, 9])
def test_a_topic_recreated_while_nobody_read_it_is_read_from_its_start(kafka: OwnKafka, name: str, count: int) -> None:
    """Also where it has more by now than what was consumed of the one before."""
    with kafka.transport(name) as transport:
        inbox = transport.open_inbox(name, LogId(name), {})
        kafka.write(commands_topic(name), *commands(0, 5))
        resume = collect(inbox, 5)[-1].resume
        transport.close_inboxes()
        kafka.recreate(commands_topic(name))
        kafka.write(commands_topic(name), *commands(5, 5 + count))
        again = transport.open_inbox(name, LogId(name), {}, dict(resume))
        assert data(collect(again, count)) == numbers(5, 5 + count)


# what the client cannot read ----------------------------------------------------------------------------------------


def test_what_the_client_cannot_read_is_said(kafka: OwnKafka, name: str, log: Log) -> None:
    """Kafka takes names of headers that are no UTF-8, and aiokafka fails on them: an administrator must delete them."""
    log.commit(2)
    with kafka.transport(name, log) as transport:
        inbox = transport.open_inbox(name, LogId(name), {log.origin: 0})
        kafka.write(commands_topic(name), command(0))
        (first,) = collect(inbox, 1)
        for topic in (commands_topic(name), topic_of(log)):
            kafka.write_unreadable(topic)
        kafka.write(commands_topic(name), command(1))
        announce(kafka, log, 0, 2)
        until(lambda: bool(inbox.failure), "the failure")
        with pytest.raises(Unavailable, match="UnicodeDecodeError"):
            inbox.poll(1, 0.0)
        assert [each.position for each in transport.progress()] == [0, 1]
        with pytest.raises(Unavailable, match="UnicodeDecodeError"):
            transport.open_inbox(name, LogId(name), {log.origin: 1})
        kafka.drop(commands_topic(name), 2)
        kafka.drop(topic_of(log), 1)
        again = transport.open_inbox(name, LogId(name), {log.origin: 0}, dict(first.resume))
        got = collect(again, 3)
        assert (data(got, log.origin), data(got)) == (log.committed, [b"1"])
