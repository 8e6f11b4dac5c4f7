"""Commands not signed by a registered key are refused before any inbox; a key is known once its receipt is."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from counterfoil.client.author import Author
from counterfoil.contract.canonical import canonical
from counterfoil.contract.log_id import LogId
from counterfoil.contract.scalars import encode_base64
from counterfoil.gateway import signatures
from counterfoil.transport.embedded import INBOX_CAPACITY
from tests.gateway.harness import Served, Stepped, checked_entry, problem_of
from tests.gateway.world import Market, deposit, seed_of

FORGERIES = INBOX_CAPACITY + 250
AT_ONCE = 250


def forgeries(market: Market) -> Iterator[bytes]:
    """Alternately by an unregistered key, and with an invalid signature."""
    stranger = Author("stranger", seed_of("stranger"))
    template = json.loads(market.sign("treasury", deposit("lab-1", 1)))
    for n in range(FORGERIES):
        yield market.sign("stranger", deposit("lab-1", 1), key=stranger)
        yield canonical({**template, "signatures": [{"sig": encode_base64(n.to_bytes(64, "big"))}]})


async def post(app: Any, envelope: bytes) -> str:
    """Send a command straight to the application, without an HTTP client; returns the code of the refusal."""
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": "/v1/commands",
        "raw_path": b"/v1/commands", "root_path": "", "query_string": b"", "headers": [], "asgi": {"version": "3.0"},
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": envelope, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return str(json.loads(sent[1]["body"])["code"])


def test_forgeries_do_not_keep_an_honest_sender_out(http: Stepped) -> None:
    market = http.market
    envelopes = islice(forgeries(market), FORGERIES)
    assert FORGERIES > INBOX_CAPACITY

    async def flood() -> Counter[str]:
        codes: Counter[str] = Counter()
        while portion := list(islice(envelopes, AT_ONCE)):
            codes.update(await asyncio.gather(*(post(http.app, envelope) for envelope in portion)))
        return codes

    # The services are not stepped meanwhile: what reaches an inbox stays there.
    assert http._loop.run_until_complete(flood()) == {"unknown_key": FORGERIES // 2, "bad_signature": FORGERIES // 2}
    assert not market.system.transport._commands[LogId("ledger")].items
    assert not market.system.receipts._waiting
    envelope = market.sign("treasury", deposit("lab-1", 1))
    answer = http.post(envelope)
    assert answer.status_code == 200, answer.text
    checked_entry(market, answer.json(), envelope)


def test_a_receipt_for_a_key_is_enough_to_sign_with_it(server: Served) -> None:
    """The view may lag behind the receipt; the sender does not notice."""
    market = server.market
    for n in range(20):
        party = f"newcomer-{n}"
        body = market.registration(party, "issuer")
        assert server.post(market.sign("operator", body)).status_code == 200
        own = market.sign(party, body)  # issuance knows the key, and refuses the command for its role
        assert problem_of(server.post(own))["code"] == "role_not_allowed"


def test_with_a_view_backlog_no_key_is_called_unknown(http: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "CATCH_UP_WITHIN", 0.05)
    market = http.market
    projector, step = market.system.projector, market.system.projector.step
    monkeypatch.setattr(projector, "step", lambda: 0)
    market.register("late", "beneficiary")
    envelope = market.sign("late", deposit("lab-1", 1))
    behind = http.post(envelope)
    assert (behind.status_code, problem_of(behind)["code"]) == (503, "catching_up")
    assert int(behind.headers["retry-after"]) > 0
    monkeypatch.setattr(projector, "step", step)
    assert problem_of(http.post(envelope))["code"] == "role_not_allowed"
