"""Who may read what is no view: a cell for each endpoint and reader, in either disclosure."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from counterfoil.catalogue import VIEWS
from counterfoil.contract.disclosure import DISCLOSURES
from counterfoil.gateway.readers import may_read_entry
from counterfoil.ledger.commands import Deposit
from tests.gateway.harness import problem_of
from tests.gateway.readers import PARTIES, READERS, Reading, bearer, reading
from tests.gateway.world import BID, UNIT

EVERYTHING = ("auditor of all", "operator")
OF_PROGRAMME = ("party", "issuer", "auditor of the programme", *EVERYTHING)
PUBLISHED = ("/log/ledger/main/checkpoint", "/log/ledger/main/vkey", "/log/ledger/main/tile/0/000.p/{}")
BUNDLE = "/log/ledger/main/tile/entries/000.p/{}"


@pytest.fixture(scope="module", params=DISCLOSURES)
def market(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Reading]:
    """A market of each disclosure, with a command about a programme and one that is about none."""
    with reading(tmp_path_factory.mktemp("market"), request.param) as found:
        found.market.ask("lab-1", BID)
        paid = Deposit(party_id="lab-1", currency="USD", amount=UNIT, payment_reference="READERS")
        found.market.ask("treasury", paid)
        found.market.system.seal()
        yield found


def path_of(market: Reading, path: str) -> str:
    """A path with the number of the ledger's entries, which its partial tile has."""
    return path.format(market.market.sizes()["ledger"])


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("path", PUBLISHED)
def test_hashes_are_for_anybody(market: Reading, path: str, reader: str) -> None:
    answer = market.ask(reader, path_of(market, path))
    assert answer.status_code == 200
    assert answer.headers["cache-control"].startswith("public")
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_entries_are_for_who_reads_everything(market: Reading, method: str, reader: str) -> None:
    answer = market.ask(reader, path_of(market, BUNDLE), method)
    if market.disclosure == "public":
        assert answer.headers["cache-control"].startswith("public")
        assert answer.headers["access-control-allow-origin"] == "*"
        return
    assert answer.status_code == expected(reader, EVERYTHING)
    assert "access-control-allow-origin" not in answer.headers
    if answer.status_code == 200:
        assert answer.headers["cache-control"].startswith("private")
    elif method == "GET":
        code = "session_required" if reader == "anybody" else "not_for_this_reader"
        assert problem_of(answer)["code"] == code


@pytest.mark.parametrize("reader", READERS)
def test_the_stream_is_for_who_reads_everything(market: Reading, reader: str) -> None:
    status = 200 if market.disclosure == "public" else expected(reader, EVERYTHING)
    assert streamed(market, reader) == status


@pytest.mark.parametrize("reader", READERS)
def test_a_receipt_is_for_who_signed_it_and_who_has_its_programme(market: Reading, reader: str) -> None:
    found = market.ask(reader, receipt_of(market, "matching", "lab-1"))
    assert (found.status_code == 200) == (market.disclosure == "public" or reader in OF_PROGRAMME)
    paid = market.ask(reader, receipt_of(market, "ledger", "treasury"))
    assert (paid.status_code == 200) == (market.disclosure == "public" or reader in EVERYTHING)
    if paid.status_code != 200:
        unknown = market.ask(reader, "/v1/commands/ledger/treasury/01890000-0000-7000-8000-000000000000")
        assert {**problem_of(paid), "detail": ""} == {**problem_of(unknown), "detail": ""}  # as if there were none


STATE = "/v1/state/ledger/main?key={}"
KEYS = ("position/USD/cash/lab-1", "position/USD/cash/gpu-2", "position/USD/cash/nobody", "no-such-kind/x")
"""Records of state: of the party that asks, of another one, of nobody, and none at all."""


@pytest.mark.parametrize("reader", READERS)
def test_records_of_state_are_for_who_reads_everything(market: Reading, reader: str) -> None:
    """A proof has hashes of others' records, which can be guessed. So nothing is told: not of one's own record, not of
    another's, and not that there is none, in the same words for all of them.
    """
    answers = [market.ask(reader, STATE.format(key)) for key in KEYS]
    if market.disclosure == "public" or reader in EVERYTHING:
        assert {answer.status_code for answer in answers} <= {200, 409, 503}
        return
    assert {answer.status_code for answer in answers} == {expected(reader, EVERYTHING)}
    first, *others = [{**problem_of(answer), "instance": ""} for answer in answers]
    assert all(other == first for other in others)
    assert "lab-1" not in str(first) or PARTIES.get(reader) == "lab-1"
    elsewhere = market.ask(reader, STATE.replace("ledger", "bank").format("x"))
    assert {**problem_of(elsewhere), "instance": ""} == first


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("path", ["/v1/feed", "/v1/webhooks", "/v1/sessions"])
def test_what_is_a_partys_own_needs_its_session(market: Reading, path: str, reader: str) -> None:
    answer = market.ask(reader, path)
    assert answer.status_code == (401 if reader == "anybody" else 200)
    if path == "/v1/sessions" and reader != "anybody":
        assert market.token(PARTIES[reader]) not in answer.text


@pytest.mark.parametrize("reader", READERS)
def test_another_partys_webhook_is_there_for_nobody(market: Reading, reader: str) -> None:
    body = {"url": "https://lab.example/hook", "types": []}
    made = market.ask("party", "/v1/webhooks", "POST", json=body).json()["id"]
    path = f"/v1/webhooks/{made}"
    asked = [("GET", path), ("POST", f"{path}/test"), ("POST", f"{path}/secret"), ("POST", f"{path}/pause"),
             ("POST", f"{path}/resume"), ("POST", f"{path}/replay")]  # fmt: skip
    if reader != "party":
        for method, to in [*asked, ("DELETE", path)]:
            more = {"json": {"since": "2026-01-01T00:00:00.000000Z"}} if to.endswith("replay") else {}
            found, absent = (market.ask(reader, each, method, **more) for each in (to, to.replace(made, "whk_none")))
            assert found.status_code == (401 if reader == "anybody" else 404), to
            assert {**problem_of(found), "detail": "", "instance": ""} == {
                **problem_of(absent), "detail": "", "instance": ""
            }  # fmt: skip
    assert market.ask("party", path, "DELETE").status_code == 204


WHERE = "class_id=a100&region=east&currency=USD"
MARKET = (f"/v1/depth?{WHERE}", f"/v1/depth/hours?{WHERE}", f"/v1/index?{WHERE}", f"/v1/quote?{WHERE}&nodes=1&hours=1")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("path", MARKET)
def test_what_the_market_has_is_for_anybody_and_names_nobody(market: Reading, path: str, reader: str) -> None:
    answer = market.ask(reader, path)
    assert answer.status_code == 200, answer.text
    assert not any(f'"{party}"' in answer.text for party in PARTIES.values())
    assert '"off-' not in answer.text
    assert '"bid-' not in answer.text


PLACES = {
    "/v1/commands": "signed by whoever gives it",
    "/v1/commands/{service}/{actor}/{command_id}": "test_a_receipt_is_for_who_signed_it_and_who_has_its_programme",
    "/v1/commands/{service}/{shard}/{actor}/{command_id}": "as without a shard",
    "/v1/sessions": "test_what_is_a_partys_own_needs_its_session",
    "/v1/feed": "test_what_is_a_partys_own_needs_its_session",
    "/v1/webhooks": "test_what_is_a_partys_own_needs_its_session",
    "/v1/webhooks/{webhook_id}": "test_another_partys_webhook_is_there_for_nobody",
    "/v1/webhooks/{webhook_id}/pause": "test_another_partys_webhook_is_there_for_nobody",
    "/v1/webhooks/{webhook_id}/resume": "test_another_partys_webhook_is_there_for_nobody",
    "/v1/webhooks/{webhook_id}/replay": "test_another_partys_webhook_is_there_for_nobody",
    "/v1/webhooks/{webhook_id}/secret": "test_another_partys_webhook_is_there_for_nobody",
    "/v1/webhooks/{webhook_id}/test": "test_another_partys_webhook_is_there_for_nobody",
    "/v1/events": "test_the_stream_is_for_who_reads_everything",
    "/v1/state/{service}/{shard}": "test_records_of_state_are_for_who_reads_everything",
    "/v1/depth": "test_what_the_market_has_is_for_anybody_and_names_nobody",
    "/v1/depth/hours": "test_what_the_market_has_is_for_anybody_and_names_nobody",
    "/v1/index": "test_what_the_market_has_is_for_anybody_and_names_nobody",
    "/v1/quote": "test_what_the_market_has_is_for_anybody_and_names_nobody",
    "/v1/market/events": "tests/gateway/test_stream.py",
    "/v1/limits": "test_health_and_limits_are_for_anybody",
    "/healthz": "test_health_and_limits_are_for_anybody",
    "/log/{service}/{shard}/checkpoint": "test_hashes_are_for_anybody",
    "/log/{service}/{shard}/vkey": "test_hashes_are_for_anybody",
    "/log/{service}/{shard}/tile/{rest}": "test_entries_are_for_who_reads_everything",
}
"""Each path that is no view, and where its cells are; those of views are in `tests/readers`."""


def test_every_path_has_its_cells() -> None:
    views = {f"/v1/{view.name.replace('_', '-')}" for view in VIEWS}
    paths = json.loads(Path("schemas/openapi.json").read_bytes())["paths"]
    assert {path for path in paths if path.partition("/{")[0] not in views} == set(PLACES)
    for place in PLACES.values():
        assert not place.startswith("test_") or place in globals()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("path", ["/healthz", "/v1/limits"])
def test_health_and_limits_are_for_anybody(market: Reading, path: str, reader: str) -> None:
    assert market.ask(reader, path).status_code == 200


def test_a_client_finds_who_may_read_what(market: Reading) -> None:
    assert market.http.get("/v1/limits").json()["disclosure"] == market.disclosure


def test_a_stream_ends_with_its_session(market: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterfoil.gateway.readers.READER_KNOWN_FOR", 0.2)
    token = market.open("operator").json()["token"]

    async def follow() -> str:
        transport = httpx.ASGITransport(market.http.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://g", headers=bearer(token)) as client:
            stream = asyncio.create_task(client.get("/v1/events?from=ledger:0&service=ledger", timeout=20))
            await asyncio.sleep(0.3)
            await client.delete("/v1/sessions")
            return (await stream).text

    text = market.http.stepping(follow())
    assert text.count("data: ") == market.market.sizes()["ledger"]


def test_an_entry_without_a_command_is_for_who_reads_everything(market: Reading) -> None:
    from counterfoil.contract.log_id import LogId
    from counterfoil.gateway.readers import Reader
    from counterfoil.vocabulary import CODEC

    (first,) = market.market.system.stores[LogId("ledger")].entries(0, 1)
    backend = cast(Any, None)
    entry = CODEC.decode_entry(first)
    assert not may_read_entry(backend, Reader("lab-1", everything=False), entry)
    assert may_read_entry(backend, Reader("operator", everything=True), entry)


def expected(reader: str, allowed: tuple[str, ...]) -> int:
    """The status of an answer that says why it is none."""
    return 200 if reader in allowed else 401 if reader == "anybody" else 403


def receipt_of(market: Reading, service: str, party_id: str) -> str:
    """The path of the last receipt of a party."""
    from counterfoil.contract.log_id import LogId
    from counterfoil.vocabulary import CODEC

    entries = market.market.system.stores[LogId(service)].entries(0, 10_000)
    ids = [CODEC.decode_entry(each).id for each in entries]
    return f"/v1/commands/{service}/{[each for each in ids if each.startswith(f'{party_id}/')][-1]}"


def streamed(market: Reading, reader: str) -> int:
    """The status of a stream."""
    party = PARTIES.get(reader)
    headers = {} if party is None else bearer(market.token(party))
    started: list[int] = []

    async def ask() -> int:
        gone = asyncio.Event()

        async def receive() -> dict[str, object]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                started.append(message["status"])
                gone.set()

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": "/v1/events", "raw_path": b"/v1/events", "query_string": b"", "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1), "server": ("g", 80),
        }  # fmt: skip
        await market.http.app(scope, receive, send)
        return started[0]

    return market.http.stepping(ask())
