"""With its own rights and no others every user does its work: the same transport, on a Kafka that keeps to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from counterfoil.catalogue import SUBSCRIPTIONS
from counterfoil.contract.log_id import LogId
from counterfoil.contract.topics import dead_letters_topic
from counterfoil.ports import COMMANDS_SOURCE, Delivery, Inbox, Reply
from counterfoil.transport.admin import dead_letters, topics
from counterfoil.transport.admin.client import settled
from counterfoil.transport.gateway import KafkaGateway
from counterfoil.transport.kafka import KafkaTransport
from counterfoil.transport.topic_settings import TOPICS
from tests.conformance.transport import Log
from tests.transport.secured import Secured

pytestmark = pytest.mark.xdist_group("servers")

SERVICES = ("issuance", "ledger", "matching", "redemption")
WITHIN = 20.0


@contextmanager
def transport(secured: Secured, user: str, logs: dict[str, Log]) -> Iterator[KafkaTransport]:
    keys = {log.origin: log.key.verify_key for log in logs.values()}
    made = KafkaTransport(secured.access(user), user, "main", keys)
    try:
        yield made
    finally:
        made.close()


def take(inbox: Inbox, count: int) -> list[Delivery]:
    """The next so many, which are acknowledged."""
    taken: list[Delivery] = []
    deadline = time.monotonic() + WITHIN
    while len(taken) < count and time.monotonic() < deadline:
        taken += inbox.poll(count - len(taken), 0.2)
    inbox.acknowledge({each.source: each.position + 1 for each in taken})
    return taken


def until(done: Callable[[], bool], step: Callable[[], object] = lambda: None) -> None:
    deadline = time.monotonic() + WITHIN
    while not done():
        assert time.monotonic() < deadline
        step()
        time.sleep(0.02)


@pytest.fixture
def logs(secured: Secured) -> dict[str, Log]:
    """Empty topics, and two entries in each log."""
    for future in secured.client.delete_topics(list(TOPICS)).values():
        future.result(WITHIN)
    settled(lambda: not secured.client.list_topics(timeout=10).topics.keys() & TOPICS.keys(), "it")
    topics.apply(secured.admin)
    made = {service: Log(f"example.test/{service}/main") for service in SERVICES}
    for log in made.values():
        log.commit(2)
    return made


def announce(secured: Secured, service: str, logs: dict[str, Log]) -> None:
    """Announce the log; started again, the service finds on its topic what it announced before."""
    log = logs[service]
    with transport(secured, service, logs) as own:
        assert own.announced(log.origin) == 0
        own.publish(log.announcement(0))
    with transport(secured, service, logs) as own:
        until(lambda: own.announced(log.origin) == 2)


def serve(secured: Secured, service: str, logs: dict[str, Log], gateway: KafkaGateway) -> None:
    """Take a command and the entries of others, set the command aside, and reply."""
    assert gateway.send_command(LogId(service), b"command").result(WITHIN) > 0
    with transport(secured, service, logs) as own:
        sources = {logs[source].origin: 0 for source in SUBSCRIPTIONS[service]}
        taken = take(own.open_inbox(service, LogId(service), sources), 1 + 2 * len(sources))
        assert {each.source for each in taken} == {COMMANDS_SOURCE, *sources}
        until(lambda: gateway.waiting(LogId(service)) == 0)
        own.set_aside(next(each for each in taken if each.source == COMMANDS_SOURCE), "no_envelope")
        own.reply(Reply(LogId(service), bytes(32), None, 1, bytes(64)))
    until(lambda: [each.log for each in gateway.take_replies()] == [LogId(service)])


def test_services_gateway_and_views_do_their_work(secured: Secured, logs: dict[str, Log]) -> None:
    for service in SERVICES:
        announce(secured, service, logs)
    with transport(secured, "views", logs) as views:
        assert len(take(views.open_inbox("views", None, {log.origin: 0 for log in logs.values()}), 8)) == 8
    with transport(secured, "gateway", logs) as outside:
        gateway = KafkaGateway(outside, secured.access("gateway"))
        for log in logs.values():
            gateway.register_log(log.origin, log.read, 0)
        gateway.open()
        until(lambda: all(gateway.checkpoints(log.origin) for log in logs.values()), lambda: gateway.step(0.1))
        for service in SERVICES:
            serve(secured, service, logs, gateway)
        gateway.close()
    for service in SERVICES:
        (letter,) = dead_letters.newest(secured.admin, [dead_letters_topic(service)], 10)
        assert letter.value == b"command"
        assert letter.death is not None
        assert (letter.death.topic, letter.death.offset) == (f"counterfoil.{service}.commands", 0)


def test_what_the_administrator_replays_comes_to_its_service(secured: Secured, logs: dict[str, Log]) -> None:
    with transport(secured, "gateway", logs) as outside:
        outside.send_command(LogId("ledger"), b"command").result(WITHIN)
    with transport(secured, "ledger", logs) as own:
        (command,) = take(own.open_inbox("ledger", LogId("ledger"), {}), 1)
        own.set_aside(command, "no_envelope")
    done = dead_letters.replay(secured.admin, dead_letters_topic("ledger"), None, lambda _sent, _all: None)
    assert done == dead_letters.Replayed(1, [])
    with transport(secured, "ledger", logs) as own:
        assert [each.data for each in take(own.open_inbox("ledger", LogId("ledger"), {}), 2)] == [b"command"] * 2
