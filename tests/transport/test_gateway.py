"""A gateway sheds commands that a service has no room for, reports the outcome of each, and gets every reply."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest

from counterfoil.access import KafkaAccess
from counterfoil.contract.log_id import LogId
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.topics import REPLIES, commands_topic
from counterfoil.ports import COMMANDS_SOURCE, Overloaded, Reply, Unavailable
from counterfoil.transport import gateway as gateway_module
from counterfoil.transport import pauses
from counterfoil.transport.client import make_admin
from counterfoil.transport.gateway import KafkaGateway
from counterfoil.transport.reply_records import encode_reply
from counterfoil.transport.subscription import KafkaInbox
from tests.conformance.transport import Log
from tests.transport.own_kafka import WITHIN, Headers, OwnKafka, log_of, until

pytestmark = pytest.mark.xdist_group("servers")

CAPACITY = 5


@pytest.fixture
def gateways(kafka: OwnKafka, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., KafkaGateway]]:
    """Makes gateways that follow a log."""
    monkeypatch.setattr(pauses, "LAG", 0.05)
    with ExitStack() as opened:

        def make(log: Log | None = None) -> KafkaGateway:
            followed = log if log is not None else log_of(kafka.service())
            made = KafkaGateway(opened.enter_context(kafka.transport("gateway", followed)), kafka.access, CAPACITY)
            made.register_log(followed.origin, followed.read, 0)
            opened.enter_context(closing(made)).open()
            return made

        yield make


@contextmanager
def serving(kafka: OwnKafka, name: str) -> Iterator[KafkaInbox]:
    """The service's inbox."""
    with kafka.transport(name) as transport:
        yield transport.open_inbox(name, LogId(name), {})


def consume(inbox: KafkaInbox, count: int) -> None:
    """Take commands, and acknowledge them."""
    left, deadline = count, time.monotonic() + WITHIN
    while left:
        assert time.monotonic() < deadline
        got = inbox.poll(left, 0.1)
        left -= len(got)
        if got:
            inbox.acknowledge({COMMANDS_SOURCE: got[-1].position + 1})


def send(gateway: KafkaGateway, name: str, count: int) -> list[Future[Any]]:
    futures = [gateway.send_command(LogId(name), b"command") for _ in range(count)]
    for future in futures:
        future.result(WITHIN)
    return futures


def no_more(gateway: KafkaGateway, name: str) -> None:
    with pytest.raises(Overloaded, match=name):
        gateway.send_command(LogId(name), b"one too many")


def takes(gateway: KafkaGateway, name: str, count: int) -> None:
    """Soon it takes so many, and no more."""
    until(lambda: gateway.waiting(LogId(name)) == CAPACITY - count, f"room for {count}")
    send(gateway, name, count)
    no_more(gateway, name)


# commands -----------------------------------------------------------------------------------------------------------


def test_commands_are_taken_as_the_service_takes_them(
    kafka: OwnKafka, name: str, gateways: Callable[..., KafkaGateway]
) -> None:
    gateway, other = gateways(), kafka.service()
    send(gateway, name, CAPACITY)
    no_more(gateway, name)
    send(gateway, other, 1)
    time.sleep(0.3)
    no_more(gateway, name)  # no service has committed its progress
    with serving(kafka, name) as inbox:
        consume(inbox, 2)
        takes(gateway, name, 2)
        consume(inbox, CAPACITY)
        takes(gateway, name, CAPACITY)
    assert len(kafka.values(commands_topic(name))) == 2 * CAPACITY + 2


def test_what_others_sent_counts(kafka: OwnKafka, name: str, gateways: Callable[..., KafkaGateway]) -> None:
    """As soon as Kafka shows how far the service really is."""
    one, two = gateways(), gateways()
    with serving(kafka, name) as inbox:
        send(one, name, 1)
        consume(inbox, 1)
        until(lambda: one.waiting(LogId(name)) == 0, "the acknowledgement")
        send(one, name, CAPACITY - 1)
        send(two, name, 1)
        until(lambda: two.waiting(LogId(name)) == CAPACITY, "the lag")
        no_more(two, name)
        consume(inbox, CAPACITY)
        takes(two, name, CAPACITY)


def test_where_nobody_can_see_the_lag_nobody_is_turned_away_for_ever(
    kafka: OwnKafka, name: str, gateways: Callable[..., KafkaGateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeing, blind = make_admin, True

    def make(access: KafkaAccess, client_id: str) -> Any:
        return seeing(KafkaAccess("127.0.0.1:9", access.user) if blind else access, client_id)

    monkeypatch.setattr(gateway_module, "make_admin", make)
    gateway = gateways()
    for _ in range(3):
        until(lambda: gateway.waiting(LogId(name)) == 0, "room")
        send(gateway, name, 1)
    blind = False
    with serving(kafka, name) as inbox:
        consume(inbox, 1)
        send(gateway, name, 1)
        until(lambda: gateway.waiting(LogId(name)) == 3, "the lag")


def test_a_refused_command_says_so_and_counts_no_more(
    kafka: OwnKafka, name: str, gateways: Callable[..., KafkaGateway]
) -> None:
    gateway = gateways()
    kafka.set(commands_topic(name), max_message_bytes="200")
    futures = [gateway.send_command(LogId(name), b"x" * 300) for _ in range(3)]
    for future in futures:
        with pytest.raises(Unavailable, match="MessageSizeTooLarge"):
            future.result(WITHIN)
    assert gateway.waiting(LogId(name)) == 0
    for _ in range(CAPACITY):
        send(gateway, name, 1)
    no_more(gateway, name)
    assert kafka.values(commands_topic(name)) == [b"command"] * CAPACITY


def test_what_is_under_way_counts(kafka: OwnKafka, name: str, gateways: Callable[..., KafkaGateway]) -> None:
    """While Kafka does not answer, no more is taken than fits; a sender who gave up changes nothing."""
    gateway = gateways()
    with kafka.frozen():
        futures = [gateway.send_command(LogId(name), b"command") for _ in range(CAPACITY)]
        no_more(gateway, name)
        assert not any(future.done() for future in futures)
        assert not futures[0].cancel()
    for future in futures:
        future.result(WITHIN)
    with serving(kafka, name) as inbox:
        consume(inbox, CAPACITY)
        takes(gateway, name, CAPACITY)


# replies ------------------------------------------------------------------------------------------------------------


def reply(number: int) -> Reply:
    rejected = Refusal(Code.UNKNOWN_KEY, (("actor", str(number)),))
    return Reply(LogId("ledger"), bytes([number]) * 32, rejected, None, bytes([number]) * 64)


def heard(gateways: Sequence[KafkaGateway], *expected: Reply) -> None:
    """Every gateway gets exactly these, within a while."""
    for gateway in gateways:
        found: list[Reply] = []
        deadline = time.monotonic() + WITHIN
        while len(found) < len(expected):
            assert time.monotonic() < deadline
            found += gateway.take_replies()
        assert found == list(expected)


def test_every_gateway_hears_every_reply(kafka: OwnKafka, gateways: Callable[..., KafkaGateway]) -> None:
    kafka.write(REPLIES, (b"ledger", encode_reply(reply(0)), []))  # for a client that waited earlier
    both = [gateways(), gateways()]
    with kafka.transport("ledger") as service:
        for number in (1, 2):
            service.reply(reply(number))
        heard(both, reply(1), reply(2))


def test_what_is_no_reply_is_skipped(kafka: OwnKafka, gateways: Callable[..., KafkaGateway]) -> None:
    gateway = gateways()
    one, two = (encode_reply(reply(number)) for number in (1, 2))
    values = (one, None, b"", b"{}", b"[]", one[:-1], one + b" ")
    strange: list[Headers] = [[("nothing", None)], [("no-text", b"\xff")]]  # no reply has headers
    kafka.write(REPLIES, *((b"ledger", value, []) for value in values))
    kafka.write(REPLIES, *((b"ledger", one, headers) for headers in strange), (b"ledger", two, [("text", b"x")]))
    heard([gateway], reply(1), reply(2))


# logs ---------------------------------------------------------------------------------------------------------------


def test_a_log_is_followed_again_after_a_restart(kafka: OwnKafka, gateways: Callable[..., KafkaGateway]) -> None:
    log = log_of(kafka.service())
    gateway = gateways(log)
    with kafka.transport("writer", log) as writer:
        for count in (3, 4):
            first, _ = log.commit(count)
            writer.publish(log.announcement(first))
            deadline = time.monotonic() + WITHIN
            while gateway.logs()[log.origin] < len(log.committed):
                assert time.monotonic() < deadline
                gateway.step(0.1)
            checkpoint = gateway.checkpoints(log.origin)
            assert checkpoint is not None
            assert (checkpoint.size, checkpoint.note) == (len(log.committed), log.note())
            gateway._kafka.restart("it is stuck")
            with pytest.raises(Unavailable, match="it is stuck"):
                gateway.step(0.1)
            gateway.recover()
