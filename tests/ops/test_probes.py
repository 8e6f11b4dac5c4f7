"""The probes' server: its three pages, its limits at n and n + 1, and that no client can block it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse

import pytest

from counterfoil.contract.log_id import LogId
from counterfoil.ops.health import Health
from counterfoil.ops.metrics import Metrics
from counterfoil.ops.probes import MAX_HEAD_BYTES, MAX_THREADS, Page, Pages, Probes, pages
from counterfoil.settings import BadSetting, Listen

ANY_PORT = Listen("127.0.0.1", 0)


@contextmanager
def serving(shown: Pages, deadline: float = 5.0) -> Iterator[Listen]:
    """A server for these pages."""
    probes = Probes(ANY_PORT, shown, deadline=deadline)
    probes.start()
    try:
        yield probes.address
    finally:
        probes.close()


def ask(address: Listen, path: str, method: str = "GET") -> tuple[HTTPResponse, bytes]:
    """Send one request; returns the response."""
    connection = HTTPConnection(*address, timeout=20)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def send(address: Listen, data: bytes) -> bytes:
    """Send these bytes; returns the whole response."""
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def page(body: bytes = b"hello") -> Callable[[], Page]:
    """A constant page."""
    return lambda: Page(HTTPStatus.OK, "text/plain", body)


# ---------------------------------------------------------------- the pages


def test_a_process_that_starts_is_live_and_not_ready() -> None:
    health, missing = Health(), ["ledger: not connected yet"]
    health.start("started", lambda: missing[0] if missing else None)
    health.live("ledger", lambda: None)

    def statuses() -> list[int]:
        return [ask(address, f"/{page}")[0].status for page in ("startupz", "livez", "readyz")]

    with serving(pages(health, Metrics())) as address:
        assert statuses() == [503, 200, 503]
        assert json.loads(ask(address, "/readyz")[1])["checks"]["started"] == missing.pop()
        assert statuses() == [200, 200, 200]


def test_a_process_that_is_well_says_so() -> None:
    health, metrics = Health(), Metrics()
    health.live("workers", lambda: None)
    health.ready("database", lambda: None)
    health.fact("role", lambda: "standby")
    metrics.active(LogId("ledger"), False)
    with serving(pages(health, metrics)) as address:
        live, live_body = ask(address, "/livez")
        ready, ready_body = ask(address, "/readyz?verbose")
        shown, text = ask(address, "/metrics")
    assert (live.status, ready.status, shown.status) == (200, 200, 200)
    assert json.loads(live_body) == {"status": "ok", "role": "standby", "checks": {"workers": "ok"}}
    assert json.loads(ready_body)["checks"] == {"workers": "ok", "database": "ok"}
    assert live.headers["Content-Type"] == "application/json"
    assert live.headers["Cache-Control"] == "no-store"
    assert shown.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b'\ncounterfoil_active{service="ledger",shard="main"} 0.0\n' in text


def test_a_process_that_is_not_well_says_why() -> None:
    health = Health()
    health.live("workers", lambda: "ledger stopped: ProofError")
    health.ready("database", lambda: None)
    with serving(pages(health, Metrics())) as address:
        for path in ("/livez", "/readyz"):
            response, body = ask(address, path)
            assert response.status == 503
            assert json.loads(body)["status"] == "failing"
            assert json.loads(body)["checks"]["workers"] == "ledger stopped: ProofError"


def test_an_alive_process_may_be_unready() -> None:
    health = Health()
    health.ready("kafka", lambda: "no broker answers")
    with serving(pages(health, Metrics())) as address:
        assert ask(address, "/livez")[0].status == 200
        assert ask(address, "/readyz")[0].status == 503


def test_head_says_the_same_without_the_body() -> None:
    with serving({"/livez": page(b"12345")}) as address:
        response, body = ask(address, "/livez", "HEAD")
    assert (response.status, response.headers["Content-Length"], body) == (200, "5", b"")


@pytest.mark.parametrize("path", ["/", "/livez/", "/metrics/x", "/../livez", "/LIVEZ", "*"])
def test_there_is_nothing_else(path: str) -> None:
    with serving({"/livez": page()}) as address:
        response, body = ask(address, path)
    assert (response.status, json.loads(body)) == (404, {"error": "Not Found"})


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "X" * 100])
def test_only_get_and_head_are_allowed(method: str) -> None:
    with serving({"/livez": page()}) as address:
        response, body = ask(address, "/livez", method)
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
    assert json.loads(body) == {"error": "Method Not Allowed"}


def test_a_failing_page_does_not_show_its_error(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Page:
        raise ValueError("secret")

    with serving({"/metrics": broken, "/livez": page()}) as address:
        response, body = ask(address, "/metrics")
        assert (response.status, json.loads(body)) == (500, {"error": "Internal Server Error"})
        assert ask(address, "/livez")[0].status == 200
    assert "secret" in caplog.text


# ---------------------------------------------------------------- limits


def head_of(size: int) -> bytes:
    """A request whose head has this many bytes."""
    start, end = b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: ", b"\r\n\r\n"
    return start + b"x" * (size - len(start) - len(end)) + end


def test_a_head_has_a_limit() -> None:
    with serving({"/livez": page()}) as address:
        assert send(address, head_of(MAX_HEAD_BYTES)).startswith(b"HTTP/1.1 200 OK\r\n")
        refused = send(address, head_of(MAX_HEAD_BYTES + 1))
    assert refused.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /livez HTTP/1.0\r\n\r\n", b"200"),
        (b"GET /livez HTTP/1.1\n\n", b"200"),
        (b"GET /livez HTTP/1.1\r\nConnection: keep-alive\r\n\r\nGET /livez HTTP/1.1\r\n\r\n", b"200"),
        (b"GET /livez HTTP/9.9\r\n\r\n", b"505"),
        (b"GET /livez HTTP/one\r\n\r\n", b"400"),
        (b"GET /livez /readyz HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 \r\n\r\n", b"400"),
        (b"GET /livez HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"431"),
    ],
)
def test_one_answer_per_connection_whatever_is_sent(request_: bytes, status: bytes) -> None:
    with serving({"/livez": page()}) as address:
        answer = send(address, request_)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 " + status + b" ")
    assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize("trickle", [b"", b"G", b"GET /livez HTTP/1.1\r\n"])
def test_a_connection_has_a_deadline_however_slowly_it_sends(trickle: bytes) -> None:
    """Slow single bytes do not extend it."""
    with serving({"/livez": page()}, deadline=0.3) as address, socket.create_connection(address, timeout=20) as slow:
        slow.sendall(trickle)
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.05):
                try:
                    slow.sendall(b"x")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert slow.recv(1) == b""
        except ConnectionResetError:
            pass  # what was sent meanwhile was not read
        finally:
            stop.set()
            dripping.join()


def test_many_ask_at_once() -> None:
    """More than there are threads: all are answered, never more than the bound at the same time."""
    lock, running, most = threading.Lock(), [0], [0]
    full = threading.Event()

    def busy() -> Page:
        with lock:
            running[0] += 1
            most[0] = max(most)
            most[0] = max(most[0], running[0])
            if running[0] == MAX_THREADS:
                full.set()
        full.wait(10)
        with lock:
            running[0] -= 1
        return page()()

    with serving({"/livez": busy}) as address, ThreadPoolExecutor(3 * MAX_THREADS) as pool:
        answers = list(pool.map(lambda _: ask(address, "/livez")[0].status, range(3 * MAX_THREADS)))
    assert answers == [200] * (3 * MAX_THREADS)
    assert most[0] == MAX_THREADS


def test_clients_that_hold_every_thread_are_cut_off_at_the_deadline() -> None:
    with serving({"/livez": page()}, deadline=0.5) as address:
        held = [socket.create_connection(address, timeout=20) for _ in range(MAX_THREADS)]
        try:
            assert ask(address, "/livez")[0].status == 200
        finally:
            for each in held:
                each.close()


# ---------------------------------------------------------------- start and stop


def test_a_port_that_is_taken_is_a_bad_setting() -> None:
    with serving({}) as address, pytest.raises(BadSetting, match=rf"^COUNTERFOIL_PROBES: .* port {address.port}: "):
        Probes(address, {})


def test_ipv6() -> None:
    probes = Probes(Listen("::1", 0), {"/livez": page()})
    probes.start()
    try:
        assert ask(probes.address, "/livez")[0].status == 200
    finally:
        probes.close()


def test_closing_finishes_what_is_under_way_and_frees_the_address() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow() -> Page:
        asked.set()
        go_on.wait(10)
        return page()()

    probes = Probes(ANY_PORT, {"/livez": slow})
    probes.start()
    address = probes.address
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, address, "/livez")
        assert asked.wait(10)
        threading.Timer(0.2, go_on.set).start()
        probes.close()
        assert answer.result(10)[0].status == 200
    probes.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)
    again = Probes(address, {})
    again.close()


def test_closing_does_not_wait_for_a_page_that_hangs() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def hanging() -> Page:
        asked.set()
        go_on.wait(30)
        return page()()

    probes = Probes(ANY_PORT, {"/livez": hanging}, deadline=0.3)
    probes.start()
    with socket.create_connection(probes.address, timeout=20) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\n\r\n")
        assert asked.wait(10)
        began = time.monotonic()
        probes.close()
        assert time.monotonic() - began < 20  # the page hangs for 30 s
        go_on.set()
