"""Whatever is asked, the answer is one that the OpenAPI document describes, and no fault inside is among them."""

from __future__ import annotations

import http.client
import socket
from collections import Counter
from dataclasses import replace

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from counterfoil.matching.commands import CancelBid
from tests.gateway.harness import Served, Stepped
from tests.gateway.requests import Drawn, operations, requests
from tests.gateway.world import BID, OFFER, UNIT, deposit

QUICK = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def described(shared: Stepped) -> Stepped:
    """The market with an offer, a trade and a bid that rests."""
    market = shared.market
    market.ask("gpu-1", OFFER)
    market.ask("lab-1", BID, replace(BID, limit_price=UNIT))
    return shared


def known_of(http: Stepped) -> dict[str, list[str]]:
    """Values that exist, by the names of parameters."""
    market = http.market
    known: dict[str, list[str]] = {"service": ["ledger", "matching"], "shard": ["main"], "currency": ["USD"]}
    for view in market.system.backend().definitions:
        for row in market.rows(view.name)[:3]:
            for name in {*view.key, *view.filters}:
                value = row[name]
                if isinstance(value, str):
                    known.setdefault(name, []).append(value)
    decided = market.ask("treasury", deposit("lab-1", 1))[0].entry.id.split("/")
    return {
        **known,
        "actor": [decided[0]],
        "command_id": [decided[1]],
        "rest": ["0/000.p/1", "entries/000.p/1", "0/000"],
    }


def envelopes_of(http: Stepped) -> list[bytes]:
    """Commands that are accepted, refused with an entry, and refused without one."""
    sign = http.market.sign
    return [
        sign("treasury", deposit("lab-1", 1)),
        sign("gpu-1", [OFFER, OFFER]),
        sign("lab-1", CancelBid(bid_id="bid-0-0")),
        sign("lab-1", deposit("lab-1", 1)),
        sign("gpu-1", OFFER, aud="elsewhere.example/matching/main"),
        sign("gpu-1", OFFER, key=http.market.author("lab-1")),
    ]


def test_every_answer_is_described(described: Stepped) -> None:
    seen: Counter[int] = Counter()
    known, envelopes = known_of(described), envelopes_of(described)
    for operation in operations(described.app.openapi()):

        @QUICK
        @given(requests(operation, known, envelopes))
        def ask(drawn: Drawn) -> None:
            url = httpx.URL("http://gateway").copy_with(raw_path=drawn.target)
            headers = [(b"Content-Type", b"application/vnd.dsse.envelope.v1+json"), *drawn.headers]
            answer = described.ask(httpx.Request(drawn.method, url, headers=headers, content=drawn.body))
            assert answer.status_code != 500, answer.text
            seen[answer.status_code] += 1

        ask()
    assert {200, 400, 404, 405, 414, 431} <= set(seen), seen
    assert {401, 403, 422} & set(seen), seen


LINE = b"GET /healthz HTTP/1.1\r\n"
HOST = b"Host: localhost\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (LINE + HOST + b"\r\n", 200),
        (LINE + HOST + b"Host: other\r\n\r\n", 200),
        (b"GET /v1/bids/%zz%00%ff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /v1/%2e%2e/healthz HTTP/1.1\r\n" + HOST + b"\r\n", 404),
        (b"GET /v1/bids?status=%ff&limit=%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET http://elsewhere/healthz HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 404),
        (b"DELETE /v1/bids/x HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"BREW /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /healthz HTTP/3.7\r\n" + HOST + b"\r\n", 400),
        (LINE + HOST + b"X: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /healthz?" + b"x" * 9_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"POST /v1/commands HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\nnull", 400),
        (b"POST /v1/commands HTTP/1.1\r\n" + HOST + b"Content-Length: 99999\r\n\r\n", 413),
        (b"POST /v1/commands HTTP/1.1\r\n" + HOST + b"Content-Type: \xff\r\nContent-Length: 2\r\n\r\n{}", 400),
        (b"POST /v1/commands HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ],
)
def test_what_comes_over_a_socket_is_answered_as_described(server: Served, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(sent)
        parsed = http.client.HTTPResponse(raw)
        parsed.begin()
        body = parsed.read()
    method, target = sent.split(b" ", 2)[:2]
    url = httpx.URL("http://localhost").join(target.decode() if target != b"*" else "/*")
    request = httpx.Request(method.decode(), url)
    answer = httpx.Response(parsed.status, headers=parsed.getheaders(), content=body, request=request)
    assert answer.status_code == status, answer.text
    server.document.check(answer)
