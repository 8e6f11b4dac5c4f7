"""Webhooks over HTTP: who may create, read and change them, within which bounds, and what they show."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from counterfoil.client.webhooks import verify_webhook
from counterfoil.gateway import webhooks as routes
from counterfoil.gateway.bounds import (
    WEBHOOK_BODY_BYTES,
    WEBHOOK_SECRET_OVERLAP,
    WEBHOOK_TYPES,
    WEBHOOK_URL_CHARS,
    WEBHOOKS_PER_PARTY,
)
from counterfoil.gateway.readers import session_time
from counterfoil.ledger.commands import Deposit
from tests.gateway.harness import problem_of
from tests.gateway.readers import READERS, Reading, reading
from tests.gateway.webhook_receiver import Receiver, eventually, receiving
from tests.gateway.world import UNIT

PATH = "/v1/webhooks"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """A restricted gateway whose webhooks may name this machine."""
    with reading(tmp_path_factory.mktemp("market"), "restricted", webhooks_to_loopback=True) as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything."""
    with receiving() as found:
        yield found


def created(market: Reading, reader: str, url: str, **body: Any) -> dict[str, Any]:
    """A webhook of a reader."""
    answer = market.ask(reader, PATH, "POST", json={"url": url, **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def act(market: Reading, reader: str, webhook: dict[str, Any], verb: str, **more: Any) -> httpx.Response:
    return market.ask(reader, f"{PATH}/{webhook['id']}/{verb}", "POST", **more)


def shown(market: Reading, reader: str, webhook: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = market.ask(reader, f"{PATH}/{webhook['id']}").json()
    return found


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    problem = problem_of(answer)
    return answer.status_code, problem["code"], problem.get("detail", "")


@pytest.fixture(autouse=True)
def _none_left(market: Reading) -> Iterator[None]:
    yield
    for reader in READERS[1:]:
        for each in market.ask(reader, PATH).json()["items"]:
            assert market.ask(reader, f"{PATH}/{each['id']}", "DELETE").status_code == 204


def test_a_new_event_is_sent_and_the_list_tells_of_it(market: Reading, receiver: Receiver) -> None:
    made = created(market, "party", receiver.url(), types=["cash.deposited.v1"])
    assert (made["state"], made["delivered"], made["last_status"]) == ("active", 0, None)
    paid = Deposit(party_id="lab-1", currency="USD", amount=UNIT, payment_reference="HOOK")
    market.market.ask("treasury", paid)
    eventually(lambda: len(receiver.messages) == 1)
    event = verify_webhook(made["secret"], receiver.messages[0].headers, receiver.messages[0].body)
    assert (event["type"], event["data"]["payment_reference"]) == ("cash.deposited.v1", "HOOK")
    eventually(lambda: shown(market, "party", made)["delivered"] == 1)
    (listed,) = market.ask("party", PATH).json()["items"]
    assert "secret" not in listed
    assert (listed["last_status"], listed["failures"], listed["position"] != made["position"]) == ("204", 0, True)
    assert market.ask("party", f"/v1/feed?from={made['position']}").json()["items"][-1] == event


def test_it_is_paused_and_resumed_without_a_loss(market: Reading, receiver: Receiver) -> None:
    made = created(market, "party", receiver.url())
    paused = act(market, "party", made, "pause").json()
    assert (paused["state"], paused["paused_because"]) == ("paused", "by_party")
    paid = Deposit(party_id="lab-1", currency="USD", amount=UNIT, payment_reference="LATER")
    market.market.ask("treasury", paid)
    time.sleep(0.8)
    assert not receiver.messages
    assert act(market, "party", made, "resume").json()["state"] == "active"
    eventually(lambda: [each.event["data"]["payment_reference"] for each in receiver.messages] == ["LATER"])


def test_it_is_replayed_from_a_time_or_a_place(market: Reading, receiver: Receiver) -> None:
    whole = market.ask("party", "/v1/feed?limit=500").json()["items"]
    made = created(market, "party", receiver.url(), since=whole[0]["time"])
    eventually(lambda: receiver.accepted() == [each["id"] for each in whole])
    count = len(receiver.messages)
    assert act(market, "party", made, "replay", json={"from": "issuance:0,ledger:0"}).status_code == 200
    eventually(lambda: len(receiver.messages) == 2 * count)
    ahead = "2031-01-01T00:00:00.000000Z"
    assert act(market, "party", made, "replay", json={"since": ahead}).json()["position"] == made_now(market)


def made_now(market: Reading) -> str:
    """The positions at the end of the logs."""
    page: str = market.ask("party", "/v1/feed?limit=500").json()["next"]
    return page


def test_a_test_is_sent_at_once_also_while_it_is_paused(market: Reading, receiver: Receiver) -> None:
    made = created(market, "party", receiver.url())
    act(market, "party", made, "pause")
    assert act(market, "party", made, "test").json() == {"delivered": True, "status": "204"}
    event = verify_webhook(made["secret"], receiver.messages[0].headers, receiver.messages[0].body)
    assert (event["type"], event["subject"]) == ("webhook.test.v1", made["id"])
    assert refused(act(market, "party", made, "test"))[:2] == (429, "tested_just_now")
    receiver.stop()
    other = created(market, "party", receiver.url())
    assert act(market, "party", other, "test").json() == {"delivered": False, "status": "not_connected"}


def test_a_new_secret_signs_beside_the_old_one_for_a_stated_time(market: Reading, receiver: Receiver) -> None:
    made = created(market, "party", receiver.url())
    act(market, "party", made, "pause")
    rotated = act(market, "party", made, "secret").json()
    assert rotated["old_secret_until"] > made["created_at"]
    assert rotated["secret"] != made["secret"]
    act(market, "party", made, "test")
    for secret in (made["secret"], rotated["secret"]):
        verify_webhook(secret, receiver.messages[0].headers, receiver.messages[0].body)
    stored = market.market.system.webhooks.find("lab-1", made["id"])
    assert stored is not None
    assert 0 < stored.old_until - session_time() <= WEBHOOK_SECRET_OVERLAP * 1_000_000


def test_it_is_its_partys_alone(market: Reading, receiver: Receiver) -> None:
    made = created(market, "party", receiver.url())
    one = f"{PATH}/{made['id']}"
    for reader in READERS:
        if reader == "party":
            continue
        wanted = (401, "session_required") if reader == "anybody" else (404, "not_found")
        asked = [("GET", ""), ("DELETE", "")]
        asked += [("POST", f"/{verb}") for verb in ("pause", "resume", "test", "secret")]
        for method, verb in asked:
            assert refused(market.ask(reader, one + verb, method))[:2] == wanted, (reader, method, verb)
        assert refused(market.ask(reader, f"{one}/replay", "POST", json={"from": "ledger:0"}))[:2] == wanted
        listed = market.ask(reader, PATH)
        assert listed.status_code == 401 if reader == "anybody" else listed.json() == {"items": []}
    assert refused(market.ask("anybody", PATH, "POST", json={"url": receiver.url()}))[:2] == (401, "session_required")
    assert shown(market, "party", made)["state"] == "active"


def test_a_secret_is_in_no_answer_but_the_first_and_in_no_text(market: Reading, receiver: Receiver) -> None:
    made = created(market, "party", receiver.url())
    for answer in (
        market.ask("party", PATH),
        act(market, "party", made, "pause"),
        act(market, "party", made, "resume"),
    ):
        assert "whsec_" not in answer.text
        assert answer.headers["cache-control"] == "no-store"
    stored = market.market.system.webhooks.find("lab-1", made["id"])
    assert "secret" not in repr(stored)


# bounds -------------------------------------------------------------------------------------------------------------


def test_a_party_has_so_many(market: Reading, receiver: Receiver) -> None:
    for _ in range(WEBHOOKS_PER_PARTY):
        created(market, "party", receiver.url())
    answer = market.ask("party", PATH, "POST", json={"url": receiver.url()})
    assert refused(answer) == (409, "too_many_webhooks", str(WEBHOOKS_PER_PARTY))
    created(market, "other side", receiver.url())


def test_urls_and_types_are_taken_up_to_their_bounds(market: Reading, receiver: Receiver) -> None:
    base = receiver.url("/")
    created(market, "party", base + "x" * (WEBHOOK_URL_CHARS - len(base)))
    types = sorted(routes.TYPES)[: WEBHOOK_TYPES - 1]
    padded = [*types, *types][:WEBHOOK_TYPES]
    assert created(market, "party", base, types=padded)["types"] == types[:WEBHOOK_TYPES]
    for body in (
        {"url": base + "x" * (WEBHOOK_URL_CHARS - len(base) + 1)},
        {"url": base, "types": ([*types, *types, *types])[: WEBHOOK_TYPES + 1]},
    ):
        assert refused(market.ask("party", PATH, "POST", json=body))[:2] == (400, "bad_request")


def test_bodies_are_read_up_to_their_bound(market: Reading, receiver: Receiver) -> None:
    start = b'{"url":"%s"' % receiver.url().encode()
    largest = start + b" " * (WEBHOOK_BODY_BYTES - len(start) - 1) + b"}"
    assert market.ask("party", PATH, "POST", content=largest).status_code == 201
    assert refused(market.ask("party", PATH, "POST", content=largest + b" "))[:2] == (413, "too_large")


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        ({"url": "http://hook.example/"}, "bad_webhook_url", "not_https"),
        ({"url": "https://10.0.0.1/"}, "bad_webhook_url", "forbidden_address"),
        ({"url": "https://a:b@hook.example/"}, "bad_webhook_url", "has_credentials"),
        ({"url": "https://hook.example:25/"}, "bad_webhook_url", "forbidden_port"),
        ({"url": "https://hook.example/", "types": ["bid.unheard.v1"]}, "unknown_event_type", "bid.unheard.v1"),
        ({"url": "https://hook.example/", "types": ["state.rooted.v1"]}, "unknown_event_type", "state.rooted.v1"),
        ({"url": "https://hook.example/", "from": "ledger:999999"}, "bad_position", "ledger:999999"),
        ({"url": "https://hook.example/", "from": "ledger:0", "since": "x"}, "bad_request", "either `from` or `since`"),
        ({"url": "https://hook.example/", "secret": "mine"}, "bad_request", "secret: Extra inputs are not permitted"),
        ({"url": 7}, "bad_request", "url: Input should be a valid string"),
        ({}, "bad_request", "url: Field required"),
    ],
)
def test_what_cannot_be_is_refused_with_its_code(market: Reading, body: dict[str, Any], code: str, detail: str) -> None:
    assert refused(market.ask("party", PATH, "POST", json=body)) == (400, code, detail)
    assert market.ask("party", PATH).json() == {"items": []}


def test_limits_are_shown(market: Reading) -> None:
    told = market.ask("anybody", "/v1/limits").json()["webhooks"]
    assert (told["per_party"], told["url_chars"], told["types"]) == (
        WEBHOOKS_PER_PARTY,
        WEBHOOK_URL_CHARS,
        WEBHOOK_TYPES,
    )
