"""Many senders at once, senders that leave, services that fail: every answer is right and reaches its own sender."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from counterfoil.bootstrap import embedded as bootstrap
from counterfoil.client.author import Author
from counterfoil.contract.canonical import canonical
from counterfoil.contract.log_id import LogId
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import encode_base64
from counterfoil.core.decider import refuse
from counterfoil.gateway.receipts import receipt_json
from counterfoil.issuance.commands import AddKey
from counterfoil.matching.commands import CancelBid
from counterfoil.ports import NewEntry, StoreConflict, Unavailable
from tests.gateway.harness import ENVELOPE, Served, Stepped, checked_entry, problem_of, served
from tests.gateway.world import HOST, Market, accepted, deposit, seed_of

CLIENTS = 64


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Served]:
    """A new market behind a server."""
    with served(tmp_path / "home") as running:
        yield running


def forged(envelope: bytes) -> bytes:
    """The same payload under an invalid signature."""
    value = json.loads(envelope)
    signature = bytearray(b64decode(value["signatures"][0]["sig"]))
    signature[40] ^= 1
    return canonical({**value, "signatures": [{"sig": encode_base64(bytes(signature))}]})


# many at once -------------------------------------------------------------------------------------------------------


def conversation(market: Market, n: int) -> list[tuple[bytes, str]]:
    """What client `n` sends, and the code that must come back ("" for a receipt)."""
    party = f"lab-{n}"
    keys = [Author(party, seed_of(f"{party}/{each}")) for each in range(2)]
    accepted = [market.sign(party, AddKey(key=key.prove(HOST))) for key in keys]
    unknown = [market.sign(party, CancelBid(bid_id=f"bid-{n}-{each}")) for each in range(2)]
    return [
        (accepted[0], ""),
        (unknown[0], "unknown_order"),
        (forged(accepted[1]), "bad_signature"),
        (accepted[1], ""),
        (unknown[0], "unknown_order"),
        (accepted[0], ""),
        (unknown[1][:-9], "malformed"),
        (unknown[1], "unknown_order"),
    ]


def test_64_clients_each_get_their_own_answers(crowd: Served) -> None:
    market = crowd.market
    with_parties(market)
    scripts = [conversation(market, n) for n in range(100, 100 + CLIENTS)]
    before = market.sizes()

    async def client(script: list[tuple[bytes, str]]) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=crowd.url, timeout=30, trust_env=False) as http:
            return [await http.post("/v1/commands", content=envelope, headers=ENVELOPE) for envelope, _ in script]

    async def everybody() -> list[list[httpx.Response]]:
        return await asyncio.gather(*(client(script) for script in scripts))

    for script, answers in zip(scripts, asyncio.run(everybody()), strict=True):
        indexes: dict[bytes, int] = {}
        for (envelope, code), answer in zip(script, answers, strict=True):
            receipt = answer.json() if not code else problem_of(answer).get("receipt")
            assert answer.json().get("code", "") == code
            if receipt is not None:
                checked_entry(market, receipt, envelope)  # exactly the sender's bytes
                assert indexes.setdefault(envelope, receipt["index"]) == receipt["index"]
        assert len(indexes) == 4
    after = market.sizes()
    assert (after["issuance"] - before["issuance"], after["matching"] - before["matching"]) == (
        2 * CLIENTS,
        2 * CLIENTS + 2 * CLIENTS,  # what it decided, and the keys it consumed
    )
    assert not market.system.receipts._waiting


def with_parties(market: Market) -> None:
    """Register as many more beneficiaries, while the services run."""
    futures = []
    for n in range(100, 100 + CLIENTS):
        body = market.registration(f"lab-{n}", "beneficiary")
        futures.append(market.system.submit(market.sign("operator", body)))
    assert all(future.result(timeout=20) for future in futures)
    origin = market.instance.origin(LogId("issuance"))
    index = market.sizes()["issuance"]
    until(lambda: market.system.stores[LogId("matching")].cursors().get(origin, 0) >= index)


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not true():
        assert time.monotonic() < ends, "it never came true"
        time.sleep(0.01)


def test_a_forgery_in_flight_is_answered_to_its_sender_only(http: Stepped) -> None:
    """A payload with two signatures in a batch, past the gateway's check: each gets the answer to its bytes."""
    system = http.market.system
    good = http.market.sign("treasury", deposit("lab-1", 1))
    bad = forged(good)
    for order in ([good, bad], [bad, good]):
        futures = {envelope: system.submit(envelope) for envelope in order}
        system.settle()
        answers = {envelope: future.result(timeout=0) for envelope, future in futures.items()}
        checked_entry(http.market, receipt_json(accepted(answers[good])), good)
        assert answers[bad] == refuse(Code.BAD_SIGNATURE)


# senders that leave -------------------------------------------------------------------------------------------------


def test_a_sender_who_leaves_disturbs_nobody_and_finds_its_receipt_later(crowd: Served) -> None:
    market = crowd.market
    runner, gate, at_gate = market.system.runners[LogId("ledger")], threading.Event(), threading.Event()
    step = runner.step

    def held(timeout: float = 0.0) -> int:
        at_gate.set()
        gate.wait(10)
        return step(timeout)

    runner.step = held  # type: ignore[method-assign]
    runner.inbox.wake()
    assert at_gate.wait(10)
    envelope = market.sign("treasury", deposit("lab-1", 9))
    with socket.create_connection(("127.0.0.1", crowd.port)) as raw:
        head = f"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: {len(envelope)}\r\n\r\n"
        raw.sendall(head.encode() + envelope)
        until(lambda: bool(market.system.receipts._waiting))
    other: dict[str, Any] = {}
    thread = threading.Thread(
        target=lambda: other.update(answer=crowd.post(market.sign("treasury", deposit("lab-2", 1))))
    )
    thread.start()
    gate.set()
    thread.join()
    assert other["answer"].status_code == 200
    until(lambda: not market.system.receipts._waiting)
    payload = json.loads(b64decode(json.loads(envelope)["payload"]))
    with crowd.client() as client:
        found = client.get(f"/v1/commands/ledger/treasury/{payload['command_id']}")
        assert found.status_code == 200
        checked_entry(market, found.json(), envelope)


def test_half_a_request_is_no_command(crowd: Served) -> None:
    market = crowd.market
    sizes = market.sizes()
    envelope = market.sign("treasury", deposit("lab-1", 9))
    with socket.create_connection(("127.0.0.1", crowd.port)) as raw:
        head = f"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: {len(envelope)}\r\n\r\n"
        raw.sendall(head.encode() + envelope[:-1])
    assert crowd.post(market.sign("treasury", deposit("lab-2", 1))).status_code == 200
    assert market.sizes() == {**sizes, "ledger": sizes["ledger"] + 1}


# services that fail -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("persisted", [False, True], ids=["and nothing is written", "after writing"])
def test_answers_come_after_a_service_failed_and_recovered(
    crowd: Served, monkeypatch: pytest.MonkeyPatch, persisted: bool
) -> None:
    market = crowd.market
    store = market.system.stores[LogId("ledger")]
    append, failures = store.append, [OSError(errno.EIO, "the disk went away")]

    def failing(size: int, entries: list[NewEntry], *more: Any) -> None:
        if persisted or not failures:
            append(size, entries, *more)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(store, "append", failing)
    size = market.sizes()["ledger"]
    good, bad = market.sign("treasury", deposit("lab-1", 1)), market.sign("lab-1", deposit("lab-1", 1))
    first = crowd.post(good)
    assert first.status_code == 200
    checked_entry(market, first.json(), good)
    assert problem_of(crowd.post(bad))["code"] == "role_not_allowed"
    assert not failures
    assert crowd.post(good).json()["index"] == first.json()["index"] == size
    assert market.sizes()["ledger"] == size + 2
    assert market.system.failure == ""


@pytest.mark.parametrize("where", ["acknowledge", "inclusion_proof", "entries"])
def test_answers_come_after_the_follower_of_the_logs_failed(
    crowd: Served, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    market, failures = crowd.market, [OSError(errno.EIO, "not now"), Unavailable("not now")]
    receipts, origin = market.system.receipts, market.instance.origin(LogId("ledger"))
    log = receipts._logs[origin]
    place: Any = {"acknowledge": receipts.inbox, "inclusion_proof": log.tree, "entries": log.store}[where]
    original = getattr(place, where)

    def failing(*given: Any) -> Any:
        if failures:
            raise failures.pop()
        return original(*given)

    repeated = market.sign("treasury", deposit("lab-1", 2))
    first = crowd.post(repeated).json()
    monkeypatch.setattr(place, where, failing)
    assert crowd.post(repeated).json()["entry"] == first["entry"]  # by a reply; the next one by following the log
    for _ in range(3):
        envelope = market.sign("treasury", deposit("lab-1", 1))
        checked_entry(market, crowd.post(envelope).json(), envelope)
    assert not failures
    assert market.system.failure == ""


def test_a_service_that_stopped_for_good_is_reported(crowd: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    market = crowd.market

    def conflict(*_: object) -> None:
        raise StoreConflict("another writer at /secret/place")

    monkeypatch.setattr(market.system.stores[LogId("ledger")], "append", conflict)
    with crowd.client() as client:
        envelope = market.sign("treasury", deposit("lab-1", 1))
        client.post("/v1/commands", content=envelope, headers={"Prefer": "respond-async"})
        until(lambda: bool(market.system.failure))
        health = client.get("/healthz")
        assert (health.status_code, health.json()["ok"]) == (503, False)
        assert "secret" not in health.text
        problem = problem_of(client.post("/v1/commands", content=envelope))
        assert (problem["status"], problem["code"]) == (503, "stopped")
        assert client.get("/v1/parties").status_code == 200  # queries still work


def test_a_second_process_on_one_log_is_named_and_who_waits_is_told(crowd: Served) -> None:
    """As after `rm up.lock`: the second one commits, so the first one cannot, and says why."""
    market = crowd.market
    second = Market(market.home)
    with closing(second.system):
        second.ask("treasury", deposit("lab-2", 1))
        problem = problem_of(crowd.post(market.sign("treasury", deposit("lab-1", 1))))
        assert (problem["status"], problem["code"]) == (503, "unknown_outcome")
        assert "ledger stopped: another process writes the log ledger" in market.system.failure
        assert "end one of the two" in market.system.failure


# no answer waits for a timeout----------------------------------------------------------------------------------------


def test_no_answer_waits_for_an_idle_thread_to_look_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With threads that would idle for a minute, every message wakes the threads that need it."""
    monkeypatch.setattr(bootstrap, "_IDLE", 60.0)
    with served(tmp_path / "home") as server:
        sign = server.market.sign
        envelope = sign("treasury", deposit("lab-1", 1))
        receipt = server.post(envelope).json()
        assert problem_of(server.post(forged(envelope)))["code"] == "bad_signature"  # a refusal without an entry
        assert server.post(envelope).json()["index"] == receipt["index"]  # a recorded outcome
        assert problem_of(server.post(sign("lab-1", CancelBid(bid_id="bid-1-1"))))["code"] == "unknown_order"
        with server.client() as client:
            row = client.get(f"/v1/balances/cash/lab-1/USD?wait_for=ledger:{receipt['index']}").json()
            assert row["posted"] == str(1_001_000_000)
