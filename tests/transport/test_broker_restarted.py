"""A broker stops and starts again: no one has to act; nothing is lost, repeated or left unanswered."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import Future, wait
from contextlib import closing
from pathlib import Path

import pytest

from counterfoil.contract.log_id import LogId
from counterfoil.contract.topics import commands_topic, dead_letters_topic, entries_topic
from counterfoil.ports import COMMANDS_SOURCE, Delivery, Reply
from counterfoil.runtime.timekeeper import SILENCE
from counterfoil.transport.client import make_producer
from counterfoil.transport.gateway import KafkaGateway
from counterfoil.transport.loop import LoopThread
from counterfoil.transport.producer import Record, Sender
from counterfoil.transport.subscription import KafkaInbox
from tests.conformance.transport import Log
from tests.transport.own_kafka import WITHIN, OwnKafka, log_of, own_kafka, until

pytestmark = pytest.mark.xdist_group("servers")


class Pump:
    """Sends numbers to topics all the time, in jobs of one, two, three."""

    def __init__(self, kafka: OwnKafka, names: list[str]) -> None:
        self.jobs: dict[str, list[tuple[range, Future[int]]]] = {name: [] for name in names}
        self._loop = LoopThread("tested", tls=False)
        self._sender = Sender(self._loop, lambda: make_producer(kafka.access, "tested"))
        self._sender.start()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.002):
            for size, (name, jobs) in enumerate(self.jobs.items(), 1):
                numbers = range(size * len(jobs), size * len(jobs) + size)
                records = [Record(b"main", b"%d" % number) for number in numbers]
                jobs.append((numbers, self._sender.send(name, records, wait=True)))

    def confirmed(self, topic: str) -> list[int]:
        """The numbers that Kafka said are on a topic."""
        return [number for numbers, future in self.jobs[topic] if future.exception() is None for number in numbers]

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        futures = [future for jobs in self.jobs.values() for _, future in jobs]
        assert not wait(futures, WITHIN).not_done
        self._sender.close()
        self._loop.close()


def drain(inbox: KafkaInbox, count: int) -> list[Delivery]:
    """So many deliveries, and that there are no more."""
    found: list[Delivery] = []
    deadline = time.monotonic() + WITHIN
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} came"
        found += inbox.poll(1_000, 0.1)
    assert inbox.poll(1_000, 0.2) == []
    return found


def reply(number: int) -> Reply:
    return Reply(LogId("ledger"), bytes(32), None, number)


def use(kafka: OwnKafka, gateway: KafkaGateway, name: str, log: Log, inbox: KafkaInbox, at: int) -> None:
    """Three commands and their replies, two entries."""
    futures = [gateway.send_command(LogId(name), b"%d" % number) for number in range(at, at + 3)]
    assert not wait(futures, WITHIN).not_done
    assert [future.exception() for future in futures] == [None] * 3
    with kafka.transport("writer", log) as writer:
        size = len(log.committed)
        log.commit(2)
        writer.publish(log.announcement(size))
        for number in range(at, at + 3):
            writer.reply(reply(number))
    got = drain(inbox, 5)
    assert [each.data for each in got if each.source == COMMANDS_SOURCE] == [b"%d" % n for n in range(at, at + 3)]
    assert [each.data for each in got if each.source == log.origin] == log.committed[size:]
    inbox.acknowledge({COMMANDS_SOURCE: at + 3, log.origin: len(log.committed)})
    until(lambda: kafka.committed(f"counterfoil.{name}", commands_topic(name)) == at + 3, "the group's offset")
    until(lambda: gateway.waiting(LogId(name)) == 0, "what the service did")
    replies: list[Reply] = []
    deadline = time.monotonic() + WITHIN
    while len(replies) < 3:
        assert time.monotonic() < deadline
        replies += gateway.take_replies()
    assert replies == [reply(number) for number in range(at, at + 3)]


def test_a_broker_that_is_restarted_costs_nothing(cluster_directory: Path) -> None:
    kafka = own_kafka(cluster_directory)
    name, log = kafka.service(), log_of(kafka.service())
    topics = [each(kafka.service()) for each in (commands_topic, entries_topic, dead_letters_topic)]
    with kafka.transport("gateway", log) as outside, kafka.transport(name, log) as service:
        gateway = KafkaGateway(outside, kafka.access)
        gateway.register_log(log.origin, log.read, 0)
        with closing(gateway):
            gateway.open()
            inbox = service.open_inbox(name, LogId(name), {log.origin: 0})
            use(kafka, gateway, name, log, inbox, 0)
            with closing(Pump(kafka, topics)) as pump:
                until(lambda: all(len(jobs) > 50 for jobs in pump.jobs.values()), "traffic")
                kafka.cluster.kill_broker(1, signal.SIGTERM)
                assert inbox.poll(10, 0.3) == []
                until(lambda: service.silent() > 1.0, "silence: an answer, even an empty one, takes half a second")
                kafka.cluster.start_broker(1)
                use(kafka, gateway, name, log, inbox, 3)
                assert service.silent() < SILENCE
    for topic in topics:
        found, confirmed = [int(value or b"") for value in kafka.values(topic)], pump.confirmed(topic)
        assert len(found) == len(set(found))
        assert len(confirmed) > 50
        known = set(confirmed)
        assert [number for number in found if number in known] == confirmed
