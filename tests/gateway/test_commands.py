"""A command gets a verifiable receipt, and the same receipt however often and whenever it is sent."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import httpx
import pytest

from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Command as Body
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.contract.times import HOUR
from counterfoil.gateway import sending
from counterfoil.ledger.commands import Withdraw
from counterfoil.matching.commands import CancelBid
from tests.gateway.harness import Stepped, checked_entry, problem_of, stepped
from tests.gateway.world import BID, OFFER, UNIT, deposit

CONTENT = ("origin", "index", "id", "time", "outcomes", "events", "entry")
"""The members of a receipt that never change; its proof depends on the current checkpoint."""


def receipt_of(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    receipt: dict[str, Any] = response.json()
    return receipt


def content(receipt: dict[str, Any]) -> dict[str, Any]:
    return {name: receipt[name] for name in CONTENT}


def test_a_receipt_proves_that_the_very_bytes_are_in_the_log_and_states_the_balance(http: Stepped) -> None:
    envelope = http.market.sign("treasury", deposit("lab-1", 7))
    receipt = receipt_of(http.post(envelope))
    entry = checked_entry(http.market, receipt, envelope)
    assert (
        receipt["id"] == entry.id == f"treasury/{json.loads(b64decode(json.loads(envelope)['payload']))['command_id']}"
    )
    assert receipt["outcomes"] == [{"accepted": 1}]
    (event,) = receipt["events"]
    assert (event["type"], event["amount"]) == ("cash.deposited.v1", str(7 * UNIT))
    (leg,) = event["legs"]
    assert leg["credit"] == "cash/lab-1"
    assert leg["credit_after"]["posted"] == str(1_007 * UNIT)


def test_a_repeat_gets_the_recorded_outcome_even_if_it_would_now_be_another(http: Stepped) -> None:
    sign = http.market.sign
    good = sign("treasury", Withdraw(party_id="lab-1", currency="USD", amount=800 * UNIT, payment_reference="O-1"))
    bad = sign("treasury", Withdraw(party_id="lab-2", currency="USD", amount=UNIT, payment_reference="O-2"))
    first, refused = receipt_of(http.post(good)), problem_of(http.post(bad))
    assert refused["code"] == "exceeds_available"
    receipt_of(http.post(sign("treasury", deposit("lab-2", 10))))
    sizes = http.market.sizes()
    again = receipt_of(http.post(good))  # the remaining cash would not be enough
    still = problem_of(http.post(bad))  # and here it would be
    assert content(again) == content(first)
    assert content(still["receipt"]) == content(refused["receipt"])
    assert http.market.sizes() == sizes
    checked_entry(http.market, again, good)
    checked_entry(http.market, still["receipt"], bad)


def test_a_repeat_while_the_first_is_under_way_is_answered_by_the_same_entry(http: Stepped) -> None:
    envelope = http.market.sign("treasury", deposit("lab-1", 1))
    sizes, step = http.market.sizes(), http.step
    http.step = lambda: None  # both come in before the ledger looks

    async def two() -> list[httpx.Response]:
        request = [http._client.post("/v1/commands", content=envelope) for _ in range(2)]
        both = asyncio.gather(*request)
        while len(http.market.system.transport._commands[LogId("ledger")].items) < 2:  # noqa: ASYNC110 nothing to wait for
            await asyncio.sleep(0)
        http.step = step
        return await both

    answers = [receipt_of(each) for each in http.stepping(two())]
    assert answers[0] == answers[1]
    assert http.market.sizes() == {**sizes, "ledger": sizes["ledger"] + 1}


def test_a_repeat_after_a_restart_gets_the_same_receipt(tmp_path: Path) -> None:
    with stepped(tmp_path / "home") as before:
        envelope = before.market.sign("treasury", deposit("lab-1", 3))
        unknown = before.market.sign("lab-1", CancelBid(bid_id="bid-9-9"))
        first, refused = receipt_of(before.post(envelope)), problem_of(before.post(unknown))
    with stepped(tmp_path / "home") as after:
        sizes = after.market.sizes()
        again = receipt_of(after.post(envelope))
        assert content(again) == content(first)
        checked_entry(after.market, again, envelope)
        assert content(problem_of(after.post(unknown))["receipt"]) == content(refused["receipt"])
        assert after.market.sizes() == sizes
        receipt = receipt_of(after.get(f"/v1/commands/ledger/{first['id']}"))
        assert content(receipt) == content(first)


@pytest.mark.parametrize("prefer", ["respond-async", "wait=10, Respond-Async", "return=minimal,respond-async"])
def test_respond_async_is_answered_at_once_and_later_at_the_location(http: Stepped, prefer: str) -> None:
    envelope = http.market.sign("treasury", deposit("lab-1", 5))
    sizes, step = http.market.sizes(), http.step
    http.step = lambda: None
    taken = http.post(envelope, Prefer=prefer)
    assert (taken.status_code, taken.headers["preference-applied"]) == (202, "respond-async")
    assert taken.json() == {"status": "pending", "receipt": taken.headers["location"]}
    assert http.market.sizes() == sizes
    assert problem_of(http.get(taken.headers["location"]))["code"] == "not_decided"
    http.step = step
    step()
    receipt = receipt_of(http.get(taken.headers["location"]))
    checked_entry(http.market, receipt, envelope)
    assert content(receipt) == content(receipt_of(http.post(envelope)))


def test_a_sender_that_waits_too_long_gets_the_location_of_the_receipt(
    http: Stepped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "ANSWER_WITHIN", 0.02)
    step, http.step = http.step, lambda: None
    envelope = http.market.sign("lab-1", CancelBid(bid_id="bid-9-9"))
    pending = http.post(envelope, Prefer="wait=1")
    assert pending.status_code == 202
    assert "preference-applied" not in pending.headers
    assert not http.market.system.receipts._waiting  # no waiter is kept for a sender who left
    http.step = step
    step()
    refused = problem_of(http.get(pending.headers["location"]))
    assert (refused["code"], refused["recorded"]) == ("unknown_order", True)


def test_a_batch_has_an_outcome_for_each_of_its_commands(http: Stepped) -> None:
    bodies: list[Body] = [OFFER, CancelBid(bid_id="bid-9-9"), OFFER]
    envelope = http.market.sign("gpu-1", bodies)
    receipt = receipt_of(http.post(envelope))
    assert receipt["outcomes"] == [
        {"accepted": 1},
        {"refused": "role_not_allowed", "detail": {"needs": "beneficiary"}},
        {"accepted": 1},
    ]
    assert [event["type"] for event in receipt["events"]] == ["offer.received.v1"] * 2
    assert checked_entry(http.market, receipt, envelope).batch


def test_a_command_goes_all_the_way_to_a_trade(http: Stepped) -> None:
    receipt_of(http.post(http.market.sign("gpu-1", OFFER)))
    receipt = receipt_of(http.post(http.market.sign("lab-1", BID)))
    bid_id = receipt["events"][0]["bid_id"]
    (trade,) = http.get("/v1/trades", bid_id=bid_id).json()["items"]
    assert (trade["price"], trade["notional"]) == (str(2 * UNIT), str(32 * UNIT))  # 8 GPUs for 2 hours at 2
    assert http.get(f"/v1/bids/{bid_id}").json()["status"] == "filled"
    assert http.get(f"/v1/contracts/{trade['trade_id']}").json()["status"] == "open"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/commands/nowhere/lab-1/019ab000-0000-7000-8000-000000000001",
        "/v1/commands/ledger/lab-1/019ab000-0000-7000-8000-000000000001",
        "/v1/commands/ledger/timer/1",
        "/v1/commands/ledger/genesis",
    ],
)
def test_an_undecided_command_is_404(shared: Stepped, path: str) -> None:
    assert problem_of(shared.get(path))["status"] == 404


def test_a_log_that_stands_still_takes_no_command(http: Stepped) -> None:
    """At once and with the reason's code: a command that waited would expire. Mended, it goes on."""
    envelope = http.market.sign("treasury", deposit("lab-1", 1))
    clock = http.market.clock
    clock.set_to(clock.now() + 9 * HOUR)
    http.step()
    problem = problem_of(http.post(envelope))
    assert (problem["status"], problem["code"]) == (503, "clock_apart")
    assert "counterfoil clock accept" in problem["detail"]
    health = http.get("/healthz")
    assert (health.status_code, set(health.json()["waiting"])) == (503, {log.name for log in MAIN_LOGS})
    clock.set_to(clock.now() - 9 * HOUR)
    http.step()
    receipt_of(http.post(envelope))
    assert http.get("/healthz").status_code == 200
