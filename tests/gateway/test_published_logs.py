"""The log directories over HTTP: verifiable with the verifier key alone, and nothing else is accessible."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import SERVICES
from counterfoil.log.keys import VerifyKey
from counterfoil.log.tiles import bundle_path, tile_path
from counterfoil.log.verify import TileTree, open_checkpoint
from tests.gateway.harness import Served, problem_of
from tests.gateway.world import Market, deposit


@pytest.fixture(scope="module")
def http(server: Served) -> Iterator[httpx.Client]:
    """A client of a market whose ledger has more than one full tile."""
    market = server.market
    while market.sizes()["ledger"] < 270:
        futures = [market.system.submit(market.sign("treasury", deposit("lab-1", 1))) for _ in range(50)]
        assert all(future.result(timeout=10) for future in futures)
    publish(market)
    with server.client() as client:
        yield client


def publish(market: Market) -> None:
    """Let an interval pass, and wait until every checkpoint covers what is committed."""
    market.clock.advance_to(market.clock.now() + 1_000_000)
    for log, runner in market.system.runners.items():
        size, ends = market.sizes()[log.name], time.monotonic() + 10
        while runner._publisher.published_size() < size:
            runner.inbox.wake()
            assert time.monotonic() < ends
            time.sleep(0.01)


@pytest.mark.parametrize("service", SERVICES)
def test_a_log_can_be_verified_from_what_is_served(server: Served, http: httpx.Client, service: str) -> None:
    base = f"/log/{service}/main"
    key = VerifyKey.parse(http.get(f"{base}/vkey").text.strip())
    answer = http.get(f"{base}/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=1"
    checkpoint = open_checkpoint(answer.content, [key])
    assert checkpoint.origin == server.market.instance.origin(LogId(service))

    def fetch(path: str) -> bytes:
        tile = http.get(f"{base}/{path}")
        assert (tile.status_code, tile.headers["content-type"]) == (200, "application/octet-stream")
        assert "immutable" in tile.headers["cache-control"]
        return tile.content

    tree = TileTree(checkpoint, lambda level, index, width: fetch(tile_path(level, index, width)))
    entries: list[bytes] = []
    for index in range(-(-checkpoint.size // 256)):
        width = min(256, checkpoint.size - 256 * index)
        entries += tree.entries(index, fetch(bundle_path(index, width)))
    assert entries == server.market.system.stores[LogId(service)].entries(0, checkpoint.size)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/log/ledger/main/tile/0/999", "not_published"),
        ("/log/ledger/main/tile/entries/999", "not_published"),
        ("/log/ledger/main/tile/0/000.p/7", "not_published"),
        ("/log/ledger/main/tile/0/000.p/256", "not_a_tile"),
        ("/log/ledger/main/tile/0/0", "not_a_tile"),
        ("/log/ledger/main/tile/00/000", "not_a_tile"),
        ("/log/ledger/main/tile/0/x001/234", "not_published"),
        ("/log/ledger/main/tile/", "not_a_tile"),
        ("/log/ledger/main/", "not_found"),
        ("/log/ledger/main", "not_found"),
        ("/log/ledger/other/checkpoint", "unknown_log"),
        ("/log/nowhere/main/checkpoint", "unknown_log"),
        ("/log/views/main/checkpoint", "unknown_log"),
    ],
)
def test_what_is_not_published_is_404(http: httpx.Client, path: str, code: str) -> None:
    problem = problem_of(http.get(path))
    assert (problem["status"], problem["code"]) == (404, code)


@pytest.mark.parametrize(
    "path",
    [
        "/log/ledger/main/tile/../vkey",
        "/log/ledger/main/tile/../../../../instance.json",
        "/log/ledger/main/tile/0/../../../../../keys/operator.pem",
        "/log/ledger/main/tile/%2e%2e/%2e%2e/%2e%2e/%2e%2e/keys/operator.pem",
        "/log/ledger/main/tile/..%2f..%2f..%2f..%2fkeys%2foperator.pem",
        "/log/ledger/main/tile//etc/passwd",
        "/log/ledger/main/tile/0/000%00",
        "/log/ledger/main/tile/..\\..\\vkey",
        "/log/ledger/../keys/checkpoint",
        "/log/../db/checkpoint",
        "/log/ledger/main%2f..%2f..%2f..%2fkeys/checkpoint",
        "/log/%2e%2e/keys/checkpoint",
        "/log/ledger/main/.new-x",
        "//etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_published_directories(server: Served, http: httpx.Client, path: str) -> None:
    """Sent as raw bytes, since clients normalise such paths."""
    assert http.get("/healthz").status_code == 200
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    assert answer.split(b" ", 2)[1] in (b"404", b"400")
    secret = (server.market.home / "keys" / "operator.pem").read_bytes().splitlines()[1]
    assert secret not in answer
    assert b"root:" not in answer


def test_a_receipt_fits_the_published_log(server: Served, http: httpx.Client) -> None:
    """The checkpoint of a receipt and the one published later are heads of one history."""
    market = server.market
    receipt = http.post("/v1/commands", content=market.sign("treasury", deposit("lab-1", 1))).json()
    publish(market)
    key = VerifyKey.parse(http.get("/log/ledger/main/vkey").text.strip())
    older = open_checkpoint(receipt["proof"].partition("\n\n")[2].encode(), [key])
    newer = open_checkpoint(http.get("/log/ledger/main/checkpoint").content, [key])

    def fetch(level: int, index: int, width: int) -> bytes:
        return http.get(f"/log/ledger/main/{tile_path(level, index, width)}").content

    TileTree(newer, fetch).check_prefix(older)
    assert newer.size > receipt["index"]


def test_files_are_compressed_and_kept(http: httpx.Client) -> None:
    path = f"/log/ledger/main/{bundle_path(0, 256)}"
    plain = http.get(path, headers={"Accept-Encoding": "identity"})
    packed = http.get(path, headers={"Accept-Encoding": "br, gzip"})
    assert packed.content == plain.content
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) // 2
    assert "content-encoding" not in plain.headers
    assert packed.headers["etag"] == plain.headers["etag"]
    again = http.get(path, headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = http.head(path, headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(plain.content)))
    assert http.head("/log/ledger/main/tile/0/999").status_code == 404
