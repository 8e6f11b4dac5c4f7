"""Deliveries by gateways that share a store: each event at least once, in order, whatever else happens."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, cast

import pytest
import trustme
from standardwebhooks.webhooks import Webhook as Oracle

from counterfoil.client.author import Author
from counterfoil.client.webhooks import verify_webhook
from counterfoil.contract.record import Command
from counterfoil.contract.webhook_signature import format_secret
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import WEBHOOK_GIVE_UP, WEBHOOK_RETRY_FIRST, WEBHOOK_RETRY_LONGEST
from counterfoil.gateway.deliveries import Deliveries
from counterfoil.gateway.following import Pace
from counterfoil.gateway.readers import session_time
from counterfoil.gateway.webhook_sending import Sender
from counterfoil.gateway.webhook_targets import Resolver
from counterfoil.issuance.commands import AddKey, CloseParty, RevokeKey, SuspendParty
from counterfoil.webhooks import Webhook, WebhookStore
from tests.gateway.test_feed import whole
from tests.gateway.webhook_receiver import Receiver, eventually, receiving
from tests.market import HOST, USD, Market, deposit, found, party, seed_of, trade

FAST = Pace(poll=0.02, lease=12, attempt=5, retry_first=0.02, retry_longest=0.1)
HASTY = replace(FAST, lease=1.2, attempt=0.4)
"""Of gateways that are replaced soon, and give up what does not answer."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A market with two trades."""
    with Market(tmp_path_factory.mktemp("story")) as made:
        found(made)
        trade(made)
        yield made


class Webhooks:
    """The webhooks of a test, and the gateways that deliver them."""

    def __init__(self, market: Market, running: ExitStack) -> None:
        self.backend, self.store = replace(market.system.backend(), alone=False), market.system.webhooks
        self._running, self._made = running, list[Webhook]()

    def subscribe(self, party_id: str, url: str, start: str = "", **more: Any) -> Webhook:
        """A webhook of a party, by default from the beginning of the logs."""
        number, key_id = time.monotonic_ns(), Author(party_id, seed_of(party_id)).key_id
        webhook = Webhook(f"wh_{number}", party_id, key_id, url, (), b"%032d" % number, session_time(), start)
        self._made.append(replace(webhook, **more))
        self.store.create(self._made[-1], 99)
        return self._made[-1]

    def now(self, webhook: Webhook) -> Webhook:
        """The webhook as the store has it."""
        found = self.store.find(webhook.party_id, webhook.id)
        assert found is not None
        return found

    def gateway(self, pace: Pace = FAST, backend: Backend | None = None, sender: Sender | None = None) -> Deliveries:
        """One more gateway."""
        deliveries = Deliveries(backend or self.backend, loopback=True, pace=pace, sender=sender)
        deliveries.start()
        self._running.callback(deliveries.stop)
        return deliveries

    def forget(self) -> None:
        """Delete all of them."""
        for each in self._made:
            self.store.delete(each.party_id, each.id)


@pytest.fixture
def webhooks(market: Market) -> Iterator[Webhooks]:
    """None yet; those of a test end with it."""
    with ExitStack() as running:
        made = Webhooks(market, running)
        running.callback(made.forget)
        yield made


@contextmanager
def dying(backend: Backend) -> Iterator[Backend]:
    """The backend of a gateway that ends as a killed process does: without giving up its leases."""

    class Store:
        def __getattr__(self, name: str) -> Any:
            return getattr(backend.webhooks, name)

        def release(self, _holder: str) -> None:
            """Nothing."""

    yield replace(backend, webhooks=cast(WebhookStore, Store()))


def ids_of(market: Market, party_id: str) -> list[str]:
    """The events of a party's feed."""
    return [item["id"] for item in whole(market.system.backend(), party_id, 500)]


def overlaps(receiver: Receiver) -> int:
    """Requests that began before the one in front of them was answered."""
    spans = sorted((each.began, each.ended) for each in receiver.messages)
    return sum(later[0] < earlier[1] for earlier, later in pairwise(spans))


def test_every_event_comes_in_order_although_receiver_and_gateway_fail(market: Market, webhooks: Webhooks) -> None:
    wanted = ids_of(market, "city")
    assert len(wanted) > 20

    def answer(number: int) -> int:
        if number % 11 == 5:
            time.sleep(0.6)  # longer than an attempt may take
        return (204, 200, 500, 202)[number % 4]

    with receiving(answer) as receiver, dying(webhooks.backend) as killed:
        webhook = webhooks.subscribe("city", receiver.url())
        first = webhooks.gateway(HASTY, killed)
        eventually(lambda: len(receiver.accepted()) > 8)
        first.stop()
        webhooks.gateway(HASTY)
        webhooks.gateway(HASTY)
        seen = len(receiver.messages)
        eventually(lambda: len(receiver.messages) > seen + 8)
        receiver.stop()
        time.sleep(0.1)
        receiver.start()
        eventually(lambda: receiver.accepted() == wanted, within=30)
        eventually(lambda: webhooks.now(webhook).last_id == wanted[-1])
        secret = format_secret(webhook.secret)
        for message in receiver.messages:
            assert Oracle(secret).verify(message.body, message.headers) == message.event
            assert verify_webhook(secret, message.headers, message.body) == message.event
            assert message.headers["content-type"] == "application/cloudevents+json"
            assert message.path == "/hook"  # a redirection is not followed
        assert {each.headers["webhook-id"] for each in receiver.messages if each.event["id"] == wanted[0]} == {
            receiver.messages[0].headers["webhook-id"]
        }
    told = webhooks.now(webhook)
    assert (told.failures, told.last_status in ("204", "200", "202")) == (0, True)


def taken(receiver: Receiver, wanted: list[str]) -> bool:
    return receiver.accepted() == wanted


def slowly(_number: int) -> int:
    time.sleep(0.004)
    return 204


def test_gateways_share_webhooks_and_one_delivers_each(market: Market, webhooks: Webhooks) -> None:
    wanted = ids_of(market, "lab-2")
    with ExitStack() as stack:
        receivers = [stack.enter_context(receiving(slowly)) for _ in range(4)]
        made = [webhooks.subscribe("lab-2", receiver.url()) for receiver in receivers]
        gateways = [webhooks.gateway() for _ in range(3)]
        for receiver in receivers:
            eventually(partial(taken, receiver, wanted))
        eventually(lambda: {webhooks.now(each).delivered for each in made} == {len(wanted)})
        gateways[0].stop()
        market.do("treasury", deposit("lab-2", USD, "SHARED"))
        later = ids_of(market, "lab-2")
        for receiver in receivers:
            eventually(partial(taken, receiver, later))
            assert len(receiver.messages) == len(later)
            assert overlaps(receiver) == 0


def test_a_receiver_that_is_dead_or_slow_delays_no_other(market: Market, webhooks: Webhooks) -> None:
    wanted = ids_of(market, "gpu-1")
    with receiving() as good, receiving() as silent:
        silent.answer = lambda _number: (silent.ending.wait(20) and 204) or 204
        for number in range(6):
            webhooks.subscribe("lab-1", silent.url(f"/{number}"))
        webhooks.subscribe("lab-2", "http://127.0.0.1:9/nobody")
        webhooks.gateway(replace(FAST, attempt=1.0))
        eventually(lambda: webhooks.backend.webhooks.of("lab-2")[0].failures > 0)
        webhook = webhooks.subscribe("gpu-1", good.url())
        began = time.monotonic()
        eventually(lambda: good.accepted() == wanted)
        assert time.monotonic() - began < 3
        eventually(lambda: webhooks.now(webhook).delivered == len(wanted))


def test_a_replay_sends_again_while_deliveries_go_on(market: Market, webhooks: Webhooks) -> None:
    wanted = ids_of(market, "city")
    with receiving() as receiver:
        webhook = webhooks.subscribe("city", receiver.url(), types=("bid.received.v1", "voucher.issued.v1"))
        webhooks.gateway()
        eventually(lambda: len(receiver.accepted()) > 0)
        webhooks.store.change("city", webhook.id, {"positions": "", "last_id": ""})
        kinds = {item["id"] for item in whole(webhooks.backend, "city", 500) if item["type"] in webhook.types}
        filtered = [each for each in wanted if each in kinds]
        sent = receiver.messages
        eventually(lambda: len(sent) > len(filtered) and sent[-1].event["id"] == filtered[-1])
        assert [each.event["id"] for each in sent[-len(filtered) :]] == filtered
        assert {each.event["type"] for each in receiver.messages} == set(webhook.types)


def test_both_secrets_sign_until_the_old_one_is_over(market: Market, webhooks: Webhooks) -> None:
    with receiving() as receiver:
        old, hour = b"o" * 32, session_time() + 3_600_000_000
        both = webhooks.subscribe("lab-1", receiver.url("/both"), old_secret=old, old_until=hour)
        over = webhooks.subscribe("lab-1", receiver.url("/over"), old_secret=old, old_until=session_time() - 1)
        webhooks.gateway()
        eventually(lambda: {each.path for each in receiver.messages} == {"/both", "/over"})
        last = {each.path: each for each in receiver.messages}
        signatures = {path: each.headers["webhook-signature"].split(" ") for path, each in last.items()}
        assert (len(signatures["/both"]), len(signatures["/over"])) == (2, 1)
        for secret in (both.secret, old):
            verify_webhook(format_secret(secret), last["/both"].headers, last["/both"].body)
        verify_webhook(format_secret(over.secret), last["/over"].headers, last["/over"].body)


def ended(webhooks: Webhooks, webhook: Webhook) -> str:
    """Why a webhook is paused."""
    eventually(lambda: bool(webhooks.now(webhook).paused))
    return webhooks.now(webhook).paused


def test_a_webhook_is_paused_when_its_receiver_is_gone_or_fails_for_long(market: Market, webhooks: Webhooks) -> None:
    with receiving(lambda number: (204, 410)[number > 1]) as gone, receiving(lambda _number: 301) as failing:
        first = webhooks.subscribe("lab-1", gone.url())
        second = webhooks.subscribe("lab-1", failing.url())
        webhooks.gateway(replace(FAST, give_up=0.2))
        assert (ended(webhooks, first), ended(webhooks, second)) == ("gone", "failed_too_long")
        assert len(gone.messages) == 3
        assert webhooks.now(first).delivered == 2
        assert webhooks.now(second).last_status == "301"
        assert not [each for each in failing.messages if each.path != "/hook"]


def register(market: Market, name: str) -> None:
    market.do("operator", party(name, ("beneficiary",)))


def test_a_webhook_ends_with_what_its_party_may_read(market: Market, webhooks: Webhooks) -> None:
    for name in ("late-1", "late-2", "late-3"):
        register(market, name)
    with receiving() as receiver:
        closed, suspended, revoked = (
            webhooks.subscribe(name, receiver.url(f"/{name}")) for name in ("late-1", "late-2", "late-3")
        )
        webhooks.gateway()
        eventually(lambda: {each.path for each in receiver.messages} == {"/late-1", "/late-2", "/late-3"})
        spare = Author("late-3", seed_of("late-3 spare"))
        market.do("late-3", AddKey(key=spare.prove(HOST)))
        expected = [ids_of(market, name) for name in ("late-1", "late-2", "late-3")]
        eventually(lambda: [receiver.accepted(f"/late-{number}") for number in (1, 2, 3)] == expected)
        count = len(receiver.messages)
        acts: list[tuple[str, Command]] = [
            ("late-1", CloseParty(reason="merged")),
            ("operator", SuspendParty(party_id="late-2", reason="inquiry")),
            ("late-3", RevokeKey(party_id="late-3", key_id=revoked.key_id, reason="lost")),
        ]
        for actor, body in acts:
            market.do(actor, body)
        assert (ended(webhooks, suspended), ended(webhooks, revoked)) == ("party_suspended", "key_revoked")
        eventually(lambda: webhooks.store.find("late-1", closed.id) is None)
        assert len(receiver.messages) == count


def test_a_name_is_verified_by_its_certificate_at_the_judged_address(market: Market, webhooks: Webhooks) -> None:
    authority = trustme.CA()
    context, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(client)
    with receiving(trusted=context) as receiver:
        named = webhooks.subscribe("lab-1", receiver.url(scheme="https", host="localhost"))
        other = webhooks.subscribe("lab-1", receiver.url(scheme="https"))
        resolver = Resolver(loopback=True)
        webhooks.gateway(sender=Sender(resolver.addresses, loopback=True, trusted=client))
        eventually(lambda: webhooks.now(named).delivered > 0)
        eventually(lambda: webhooks.now(other).failures > 0)
        assert webhooks.now(other).last_status == "bad_certificate"
        assert receiver.messages[0].headers["host"] == f"localhost:{receiver.port}"
        resolver.close()


def test_without_the_setting_nothing_goes_to_this_machine(market: Market, webhooks: Webhooks) -> None:
    with receiving() as receiver:
        webhook = webhooks.subscribe("lab-1", receiver.url())
        strict = Deliveries(webhooks.backend, loopback=False, pace=FAST)
        strict.start()
        try:
            eventually(lambda: webhooks.now(webhook).failures > 1)
        finally:
            strict.stop()
        assert (webhooks.now(webhook).last_status, receiver.messages) == ("not_https", [])


def test_pauses_grow_up_to_a_bound_and_as_the_receiver_asks() -> None:
    pace = Pace()
    for failures in range(1, 40):
        most = min(WEBHOOK_RETRY_FIRST * 2 ** (failures - 1), WEBHOOK_RETRY_LONGEST)
        assert most / 2 <= pace.pause(failures, 0) <= most
    assert pace.pause(1, 120) == 120
    assert pace.pause(1, 99_999) == WEBHOOK_RETRY_LONGEST
    assert pace.give_up == WEBHOOK_GIVE_UP
