"""`Prefer: wait`: the receipt comes with what became of the command, and says where that is followed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import count, cycle, islice
from typing import Any

import httpx
import pytest

from counterfoil.contract.record import Command as Body
from counterfoil.gateway import outcomes, submit
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import MAX_FOLLOWED_PER_PARTY, MAX_FOLLOWED_PER_PEER, MAX_WAIT
from counterfoil.gateway.preferences import Preferences, preferences
from counterfoil.issuance.commands import IssueVoucher, RegisterClassV1
from counterfoil.matching.commands import CancelBid
from tests.gateway.harness import Stepped, problem_of
from tests.gateway.world import BID, OFFER, UNIT, deposit

WAIT = "wait=20"


def waited(http: Stepped, party_id: str, body: Body | Sequence[Body], prefer: str = WAIT) -> httpx.Response:
    return http.post(http.market.sign(party_id, body), Prefer=prefer)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], (False, None)),
        (["wait=5"], (False, 5)),
        (["Wait = 5 ; x=1"], (False, 5)),
        (['wait="5"'], (False, 5)),
        (["return=minimal", "wait=0, wait=7"], (False, 0)),
        ([f"wait={MAX_WAIT}"], (False, MAX_WAIT)),
        ([f"wait={MAX_WAIT + 1}"], (False, MAX_WAIT)),
        (["wait=" + "9" * 5_000], (False, MAX_WAIT)),
        (["wait=5, Respond-Async"], (True, None)),
        (["wait"], (False, None)),
        (["wait=-1"], (False, None)),
        (["wait=1.5"], (False, None)),
        (["wait=²"], (False, None)),
        (["respond-asynchronously"], (False, None)),
    ],
)
def test_preferences(lines: list[str], found: tuple[bool, int | None]) -> None:
    assert preferences(lines) == Preferences(*found)


def test_orders_are_followed_until_they_rest_are_filled_or_are_closed_with_the_cause(http: Stepped) -> None:
    resting = waited(http, "gpu-1", OFFER)
    assert (resting.status_code, resting.headers["preference-applied"]) == (200, WAIT)
    found = resting.json()["outcome"]
    assert (found["status"], found["cause"], found["trades"]) == ("open", None, [])
    assert resting.headers["link"] == f'<{found["href"]}>; rel="status"'
    row = http.get(found["href"]).json()
    assert {name: found[name] for name in row} == row

    filled = waited(http, "lab-1", BID).json()["outcome"]
    assert (filled["status"], filled["nodes_left"]) == ("filled", 0)
    assert [each["offer_id"] for each in filled["trades"]] == [found["offer_id"]]

    refused = waited(http, "lab-2", replace(BID, voucher_ids=())).json()["outcome"]
    assert (refused["status"], refused["status_reason"], refused["cause"], refused["trades"]) == (
        "closed", "hold_refused", "exceeds_available", [],
    )  # fmt: skip
    hold = http.get(f"/v1/holds/{refused['bid_id']}").json()
    assert {name: refused[name] for name in ("short_vouchers", "short_cash")} == {
        "short_vouchers": hold["short_vouchers"],
        "short_cash": hold["short_cash"],
    }
    assert "0" not in (refused["short_vouchers"], refused["short_cash"])
    assert refused == {**refused, **http.get(refused["href"]).json()}


def test_what_is_made_at_once_is_its_row(http: Stepped) -> None:
    answer = waited(http, "city", IssueVoucher(programme_id="p1", beneficiary_id="lab-2", amount=UNIT))
    found = answer.json()["outcome"]
    assert (found["beneficiary_id"], found["face"]) == ("lab-2", str(UNIT))
    a200 = RegisterClassV1(
        class_id="a200", version=1, description="A200", mem_mb=1, gpus_per_node=8, bf16_mtflops_nominal=None,
        bf16_mtflops_attested=None, interconnect=None, sources=(),
    )  # fmt: skip
    assert waited(http, "operator", a200).json()["outcome"]["href"] == "/v1/classes/a200/1"


def test_what_has_no_outcome_is_answered_without(http: Stepped) -> None:
    """And a preference that had no effect is not called applied."""
    paid = waited(http, "treasury", deposit("lab-2", 1))
    assert (paid.status_code, "outcome" in paid.json(), "link" in paid.headers) == (200, False, False)
    assert "preference-applied" not in paid.headers
    assert problem_of(waited(http, "lab-1", CancelBid(bid_id="bid-0-0")))["code"] == "unknown_order"


def test_each_command_of_a_batch_has_its_outcome(http: Stepped) -> None:
    """In their order; one that was refused, or that made nothing to follow, has none."""
    dear = replace(BID, limit_price=1_000 * UNIT)
    batch = waited(http, "lab-1", [BID, CancelBid(bid_id="bid-0-0"), dear, replace(BID, limit_price=UNIT // 10)])
    assert (batch.headers["preference-applied"], "outcome" in batch.json()) == (WAIT, False)
    found = [each.get("outcome") for each in batch.json()["outcomes"]]
    assert [each and each["status"] for each in found] == ["open", None, "closed", "open"]
    assert batch.headers["link"].count('rel="status"') == 3
    bids = [each for each in found if each]
    assert all({**each, **http.get(each["href"]).json()} == each for each in bids)
    late = waited(http, "lab-1", [BID, BID], "wait=0")
    assert ("preference-applied" in late.headers, {*map(len, late.json()["outcomes"])}) == (False, {1})


def test_the_same_envelope_again_has_the_outcome_of_then(http: Stepped) -> None:
    envelope = http.market.sign("gpu-1", OFFER)
    first = http.post(envelope)
    assert "outcome" not in first.json()
    again = http.post(envelope, Prefer=WAIT)
    assert (again.json()["entry"], again.json()["events"]) == (first.json()["entry"], first.json()["events"])
    assert again.json()["outcome"]["status"] == "open"
    later = http.get(f"/v1/commands/matching/{first.json()['id']}")
    assert later.headers["link"] == first.headers["link"]


def test_the_receipt_comes_though_the_outcome_does_not(http: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    """The views stand still, or too many wait: the command was decided all the same."""
    monkeypatch.setattr(http.market.system.projector, "step", lambda: 0)
    late = waited(http, "gpu-1", OFFER, "wait=1")
    assert (late.status_code, "outcome" in late.json()) == (200, False)
    assert "preference-applied" not in late.headers


@pytest.mark.parametrize("share", ["peer", "party"])
def test_few_wait_at_once_and_a_peer_and_a_party_have_their_shares(
    http: Stepped, monkeypatch: pytest.MonkeyPatch, share: str
) -> None:
    """Each beyond them gets its receipt at once; one read of the views serves all who wait."""
    settled = outcomes._settled
    reads: list[int] = []

    def counted(backend: Backend, waiting: Sequence[Any]) -> list[Any]:
        reads.append(len(waiting))
        return list(settled(backend, waiting))

    signed: list[tuple[str, Body]] = [("gpu-1", OFFER)]
    if share == "party":
        peers = count()
        monkeypatch.setattr(submit, "peer_of", lambda _scope: str(next(peers)))
        most = MAX_FOLLOWED_PER_PARTY
    else:
        issue = IssueVoucher(programme_id="p1", beneficiary_id="lab-2", amount=UNIT)
        most = MAX_FOLLOWED_PER_PEER
        signed.append(("city", issue))
    monkeypatch.setattr(http.market.system.projector, "step", lambda: 0)
    monkeypatch.setattr(outcomes, "_settled", counted)
    envelopes = [http.market.sign(*each) for each in islice(cycle(signed), most + 1)]

    async def timed(envelope: bytes) -> float:
        began = asyncio.get_running_loop().time()
        answer = await http.send(envelope, Prefer="wait=1")
        assert (answer.status_code, "outcome" in answer.json()) == (200, False)
        return asyncio.get_running_loop().time() - began

    async def ask() -> list[float]:
        return sorted(await asyncio.gather(*map(timed, envelopes)))

    first, *others = http.stepping(ask())
    assert first < 0.9 < min(others)
    assert max(reads) == most
