"""Tokens: renewed once for all that share one, kept for their owner alone, not used to their very end."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import httpx
import pytest

from clients.python.tests.answering import Answering
from counterfoil.client.bearer import Bearer
from counterfoil.client.http import Gateway
from counterfoil.client.log_server import LogServer
from counterfoil.client.problems import RefusedByService
from counterfoil.client.sessions import Opened, Tokens
from counterfoil.contract.log_id import LogId
from counterfoil.errors import BadPrivateFile

URL = "http://market.example"
BUNDLE = "tile/entries/000.p/1"


def answered(status: int, content: bytes) -> httpx.Response:
    """An answer that can be streamed."""
    return httpx.Response(
        status, stream=httpx.ByteStream(content), headers={"content-type": "application/problem+json"}
    )


def renewing(given: list[str | None]) -> Bearer:
    """Gives ``one``, ``two``, ...; notes for which refused tokens."""

    def renew(refused: str | None) -> str:
        given.append(refused)
        return ("one", "two", "three")[len(given) - 1]

    return Bearer(renew=renew)


def test_who_shares_a_token_renews_it_once() -> None:
    given: list[str | None] = []
    bearer, all_here = renewing(given), Barrier(4)

    def use() -> bool:
        header = bearer.header()
        all_here.wait()
        return bearer.replace(header)

    with ThreadPoolExecutor(4) as pool:
        used = [pool.submit(use) for _ in range(4)]
        assert [each.result() for each in used] == [True] * 4
    assert given == [None, "one"]
    assert bearer.header() == {"Authorization": "Bearer two"}


@pytest.mark.parametrize("valid", ["one", "two", None])
def test_a_token_that_is_over_is_replaced_and_the_next_one_believed(valid: str | None) -> None:
    sent: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("authorization", ""))
        if sent[-1] == f"Bearer {valid}":
            return answered(200, b'{"party_id": "acme"}' if "/v1/" in request.url.path else b"1")
        problem = {"type": "urn:counterfoil:problem:unknown_session", "code": "unknown_session", "title": "Over."}
        return answered(401, json.dumps(problem).encode())

    transport = Answering(serve)

    def ask_gateway() -> object:
        with Gateway(URL, transport=transport, bearer=renewing([])) as gateway:
            return gateway.get("parties", "acme")

    def ask_server() -> object:
        with LogServer(URL, transport=transport, bearer=renewing([]), sleep=lambda _: None) as server:
            return server.get(LogId("ledger"), BUNDLE, 9)

    for ask in (ask_gateway, ask_server):
        sent.clear()
        if valid is None:
            with pytest.raises(RefusedByService, match="unknown_session"):
                ask()
            assert sent == ["Bearer one", "Bearer two"]
        else:
            ask()
            assert sent[-1] == f"Bearer {valid}"


def test_a_token_goes_where_it_is_needed_and_nowhere_else() -> None:
    sent: dict[str, bool] = {}

    def serve(request: httpx.Request) -> httpx.Response:
        sent[request.url.path] = "authorization" in request.headers
        return answered(200, b"1")

    with LogServer(URL, transport=Answering(serve), bearer=Bearer("one")) as server:
        for path in ("checkpoint", "vkey", "tile/0/000.p/1", BUNDLE):
            server.get(LogId("ledger"), path, 9)
    with Gateway(URL, transport=Answering(serve), token="one") as gateway:
        gateway.log_file(LogId("matching"), "checkpoint")
        gateway.log_file(LogId("matching"), BUNDLE)
    assert {path for path, with_token in sent.items() if with_token} == {
        f"/log/ledger/main/{BUNDLE}",
        f"/log/matching/main/{BUNDLE}",
    }


def test_a_token_is_kept_for_its_owner_its_gateway_and_its_party(tmp_path: Path) -> None:
    tokens, now = Tokens(tmp_path / "sessions"), time.time_ns() // 1_000
    opened = Opened(URL, "acme", "t" * 43, now + 90_000_000)
    tokens.keep(opened)
    tokens.keep(opened)
    (file,) = tokens.directory.iterdir()
    assert (file.stat().st_mode & 0o777, tokens.directory.stat().st_mode & 0o777) == (0o600, 0o700)
    assert tokens.find(URL, "acme") == opened
    assert tokens.find(URL, "norn") is None
    assert tokens.find(f"{URL}/", "acme") is None
    tokens.keep(Opened(URL, "acme", "t" * 43, now + 50_000_000))
    assert tokens.find(URL, "acme") is None  # it would end under way
    file.chmod(0o640)
    with pytest.raises(BadPrivateFile, match="can be read by others"):
        tokens.find(URL, "acme")
    file.write_text("{}")
    file.chmod(0o600)
    with pytest.raises(BadPrivateFile, match="holds no session"):
        tokens.find(URL, "acme")
    tokens.set_last(URL, "acme")
    assert (tokens.last(URL), tokens.last("http://other")) == ("acme", None)
    tokens.forget(URL, "norn")
    tokens.forget(URL, "acme")
    assert tokens.last(URL) is None
    assert list(tokens.directory.iterdir()) == []
