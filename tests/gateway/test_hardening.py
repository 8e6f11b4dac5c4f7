"""Input from strangers is bounded before it is read, and answers reveal nothing internal."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import replace

import httpx
import pytest

from counterfoil.contract.log_id import LogId
from counterfoil.gateway.app import create_app
from counterfoil.gateway.bounds import MAX_HEAD_BYTES, MAX_HEADER_BYTES, MAX_TARGET_BYTES
from counterfoil.gateway.relay import AnswerRelay
from tests.gateway.harness import PUBLIC, Served, Stepped, problem_of
from tests.gateway.world import deposit


def exchange(server: Served, request: bytes, *, more: bytes = b"", times: int = 0) -> bytes:
    """The response to raw bytes; `more` is sent up to `times` while the server reads."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(request)
        try:
            for _ in range(times):
                raw.sendall(more)
            return b"".join(iter(lambda: raw.recv(65_536), b""))
        except (BrokenPipeError, ConnectionResetError):
            return b""


# sizes --------------------------------------------------------------------------------------------------------------


def test_header_size(shared: Stepped) -> None:
    sent = {"host": "gateway", "accept": "*/*", "accept-encoding": "x", "connection": "x", "user-agent": "x"}
    room = MAX_HEADER_BYTES - sum(len(name) + len(value) for name, value in sent.items()) - len("filler")
    assert shared.request("GET", "/healthz", headers={**sent, "filler": "x" * room}).status_code == 200
    problem = problem_of(shared.request("GET", "/healthz", headers={**sent, "filler": "x" * (room + 1)}))
    assert (problem["status"], problem["code"]) == (431, "headers_too_large")


def test_target_size(shared: Stepped) -> None:
    path = "/v1/parties?limit=1&group_id="
    room = MAX_TARGET_BYTES - len(path) + 1  # without the question mark
    assert shared.request("GET", path + "x" * room).status_code == 200
    problem = problem_of(shared.request("GET", path + "x" * (room + 1)))
    assert (problem["status"], problem["code"]) == (414, "target_too_long")


def test_a_request_head_without_end_is_cut_off(server: Served) -> None:
    line = b"X-Filler: " + b"x" * 990 + b"\r\n"
    sent = exchange(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n", more=line, times=MAX_HEAD_BYTES // 1_000 * 20)
    assert sent == b"" or sent.startswith(b"HTTP/1.1 400")
    endless = exchange(server, b"GET /" + b"x" * (MAX_HEAD_BYTES + 10) + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert endless == b"" or endless.startswith(b"HTTP/1.1 400")
    largest = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Filler: " + b"x" * 60_000 + b"\r\n\r\n"
    assert exchange(server, largest).startswith(
        b"HTTP/1.1 431"
    )  # within the server's bound, refused by the application
    with server.client() as client:
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_as_such(server: Served, request_: bytes) -> None:
    answer = exchange(server, request_)
    assert answer.startswith(b"HTTP/1.1 400")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["code"] == "not_http"


# what answers reveal ------------------------------------------------------------------------------------------------


def test_a_fault_inside_is_a_problem_without_particulars(shared: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such table at /home/secret")

    market = shared.market
    monkeypatch.setattr(market.system.views, "consistent_read", broken)
    monkeypatch.setattr(market.system.receipts, "submit", broken)
    monkeypatch.setattr(market.system.stores[LogId("ledger")], "find", broken)
    envelope = market.sign("treasury", deposit("lab-1", 1))
    answers = [
        shared.get("/v1/parties/lab-1"),
        shared.get("/v1/parties"),
        shared.get("/v1/depth", class_id="a100", region="east"),
        shared.post(envelope),
        shared.get("/v1/commands/ledger/lab-1/019ab000-0000-7000-8000-000000000001"),
    ]
    for answer in answers:
        problem = problem_of(answer)
        assert (problem["status"], problem["code"]) == (500, "internal_error")
        assert not any(word in answer.text for word in ("secret", "RuntimeError", "Traceback", ".py"))


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1", 404, "not_found"),
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/redoc", 404, "not_found"),
        ("GET", "/v1/commands", 405, "method_not_allowed"),
        ("PUT", "/v1/commands", 405, "method_not_allowed"),
        ("DELETE", "/v1/bids/bid-1-0", 405, "method_not_allowed"),
        ("POST", "/log/ledger/main/checkpoint", 405, "method_not_allowed"),
        ("OPTIONS", "/v1/commands", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there_is_a_problem_too(shared: Stepped, method: str, path: str, status: int, code: str) -> None:
    response = shared.request(method, path)
    assert (problem_of(response)["status"], problem_of(response)["code"]) == (status, code)
    assert status != 405 or response.headers["allow"]


def test_pages_of_other_origins_may_not_read_answers(server: Served) -> None:
    with server.client() as client:
        for origin in ("https://elsewhere.example", "null"):
            for response in (
                client.get("/v1/parties", headers={"Origin": origin}),
                client.options("/v1/commands", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}),
            ):
                assert not [name for name in response.headers if name.startswith("access-control")]
        assert "server" not in client.get("/healthz").headers
        public = client.get("/log/ledger/main/checkpoint", headers={"Origin": "https://elsewhere.example"})
        assert public.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/healthz", "/v1/nothing", "/v1/parties?limit=0", "/log/ledger/main/vkey"])
def test_browsers_take_no_answer_for_a_page(shared: Stepped, path: str) -> None:
    headers = shared.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("market.example", True),
        ("MARKET.example:8440", True),
        ("localhost:8440", True),
        ("127.0.0.1", True),
        ("[::1]:8440", True),
        ("rebound.example", False),
        ("market.example.evil.example", False),
        ("", False),
        ("[market.example", False),
    ],
)
def test_only_known_names_are_answered(shared: Stepped, host: str, known: bool) -> None:
    app = create_app(
        shared.market.system.backend(), AnswerRelay(), replace(PUBLIC, hosts=frozenset({"market.example"}))
    )

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return await client.get("/v1/limits", headers={"Host": host})

    answer = asyncio.run(ask())
    assert answer.status_code == (200 if known else 400)
    assert known or problem_of(answer)["code"] == "unknown_host"


def test_no_answer_sends_a_reader_elsewhere(shared: Stepped) -> None:
    answer = shared.request("GET", "/v1/limits/", headers={"Host": "rebound.example"})
    assert (answer.status_code, "location" in answer.headers) == (404, False)


def test_limits_are_shown(shared: Stepped) -> None:
    shown = shared.get("/v1/limits").json()
    assert shown["quota_per_party"] == {
        "entries_per_second": 250,
        "bytes_per_second": 524_288,
        "burst_seconds": 20,
        "refused_weighs": 10,
    }
    assert shown["commands"]["envelope_bytes"] == 32_768


def test_the_description_names_every_route_and_refusal(shared: Stepped) -> None:
    document = shared.get("/openapi.json").json()
    assert {"/v1/commands", "/v1/events", "/v1/depth", "/v1/balances/{account}/{asset}", "/healthz"} <= set(
        document["paths"]
    )
    described = str([*document["paths"]["/v1/commands"]["post"]["responses"].values(), document["components"]])
    assert all(code in described for code in ("too_large", "exceeds_available", "role_not_allowed", "unknown_voucher"))
