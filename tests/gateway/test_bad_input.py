"""Each fault of a command has its own code and status, gets a problem document, and changes no state.

A refusal at intake makes no entry; a refusal by decision makes exactly one.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.client.author import Author
from counterfoil.contract import limits
from counterfoil.contract.canonical import canonical
from counterfoil.contract.log_id import LogId
from counterfoil.contract.refusal_meanings import MEANINGS, Stage
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.scalars import encode_base64
from counterfoil.contract.submission import Seen
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.commands import AddKey, IssueVoucher, RevokeKey, SuspendVoucherV1
from counterfoil.ledger.commands import Withdraw
from counterfoil.matching.commands import CancelBid, CancelOffer
from counterfoil.redemption.commands import (
    AcceptUsage,
    ConfirmPayment,
    DisputeUsage,
    Reading,
    ReportUsage,
    SubmitClaim,
)
from counterfoil.vocabulary import CODEC
from tests.contract.bad_input import BAD_ENVELOPES, TOO_LARGE
from tests.gateway.harness import ENVELOPE, Stepped, problem_of
from tests.gateway.world import BID, FIRST_HOUR, HOST, OFFER, PROGRAMME, UNIT, Market, deposit, seed_of
from tests.paper_work import PAID_ON, approve
from tests.programmes import changed

PAYMENT = ConfirmPayment(
    settlement_id="stl-9-9", provider_id="gpu-1", amount=UNIT, payment_reference="P", paid_on=PAID_ON
)
CLOCK_SKEW = RULES[LATEST].clock_skew
MAX_VALIDITY = RULES[LATEST].max_validity


@pytest.fixture(scope="module")
def http(shared: Stepped) -> Stepped:
    """The market with a contract under delivery, a bid for later that rests, and a key of lab-2 that was revoked."""
    market = shared.market
    market.ask("gpu-1", OFFER)
    market.ask("lab-1", BID)
    later = FIRST_HOUR + 15 * 24
    market.ask("lab-1", replace(BID, earliest=later, latest=later + 8, limit_price=UNIT))  # holds past the expiry
    other = Author("lab-2", seed_of("lab-2, another"))
    market.ask("lab-2", AddKey(key=other.prove(HOST)))
    market.ask("city", changed(PROGRAMME, programme_id="p2"))
    market.ask("lab-2", RevokeKey(party_id="lab-2", key_id=market.author("lab-2").key_id, reason="lost"))
    return shared


def refused(http: Stepped, envelope: bytes, code: Code, status: int, **headers: str) -> dict[str, Any]:
    """Send it; returns the problem document, after checking that no state changed."""
    market = http.market
    sizes, roots = market.sizes(), market.state_roots()
    problem = problem_of(http.post(envelope, **headers))
    assert (problem["code"], problem["status"]) == (code, status), problem
    assert problem["type"] == f"urn:counterfoil:refusal:{code}"
    assert (problem["title"], problem["transient"]) == (MEANINGS[code].text, MEANINGS[code].transient)
    recorded = MEANINGS[code].stage is Stage.DECISION and code is not Code.KEY_REVOKED  # which the gateway knows
    assert problem["recorded"] == ("receipt" in problem) == recorded
    changed = {name: size - sizes[name] for name, size in market.sizes().items() if size != sizes[name]}
    assert changed == ({problem["receipt"]["origin"].split("/")[1]: 1} if recorded else {})
    assert market.state_roots() == roots
    if recorded:
        entry = CODEC.decode_entry(b64decode(problem["receipt"]["entry"]))
        fields = tuple(sorted(problem["fields"].items()))
        assert (entry.events, [each.refusal for each in entry.outcomes]) == ((), [Refusal(code, fields)])
    return problem


# by form ------------------------------------------------------------------------------------------------------------


def test_form(http: Stepped) -> None:
    for name, code, envelope in BAD_ENVELOPES:
        problem = refused(http, envelope, code, 400)
        assert "Traceback" not in str(problem), name


@pytest.mark.parametrize(("largest", "larger"), [pair[1:] for pair in TOO_LARGE], ids=[pair[0] for pair in TOO_LARGE])
@pytest.mark.parametrize("announced", [True, False], ids=["with length", "chunked"])
def test_size(http: Stepped, largest: bytes, larger: bytes, announced: bool) -> None:
    def send(envelope: bytes) -> dict[str, Any]:
        content: Any = envelope if announced else pieces(envelope, 1_000)
        return problem_of(http.request("POST", "/v1/commands", content=content, headers=ENVELOPE))

    assert (send(largest)["code"], send(largest)["status"]) == ("unknown_key", 401)  # its size was accepted
    problem = send(larger)
    assert (problem["code"], problem["status"]) == ("too_large", 413)
    assert int(problem["fields"]["limit"]) in (
        limits.MAX_ENVELOPE_BYTES, limits.MAX_PAYLOAD_BYTES, limits.MAX_BATCH_PAYLOAD_BYTES,
    )  # fmt: skip


async def pieces(data: bytes, size: int, sent: list[int] | None = None) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        if sent is not None:
            sent.append(size)
        yield data[start : start + size]


def test_a_body_without_end_is_not_taken_in(http: Stepped) -> None:
    sent: list[int] = []
    body = pieces(b"x" * 50_000_000, 10_000, sent)
    problem = problem_of(http.request("POST", "/v1/commands", content=body, headers=ENVELOPE))
    assert problem["code"] == "too_large"
    assert sum(sent) <= limits.MAX_ENVELOPE_BYTES + 10_000


@pytest.mark.parametrize("length", ["99999999999999999999999", "32769", "³", "-1", "1e9", ""])
def test_an_announced_length_is_believed_only_if_it_is_too_much(http: Stepped, length: str) -> None:
    headers = {**ENVELOPE, "Content-Length": length.encode()}
    problem = problem_of(http.request("POST", "/v1/commands", content=pieces(b"{}", 10), headers=headers))
    assert problem["code"] == ("too_large" if length == "32769" else "malformed")


# by authority -------------------------------------------------------------------------------------------------------


def forged(envelope: bytes, of: bytes) -> bytes:
    """`envelope` with the signature of another one."""
    return canonical({**_json(envelope), "signatures": _json(of)["signatures"]})


def _json(envelope: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(envelope)
    return value


def test_bad_signature(http: Stepped) -> None:
    sign = http.market.sign
    one, other = (sign("treasury", deposit("lab-1", units)) for units in (1, 2))
    refused(http, forged(one, of=other), Code.BAD_SIGNATURE, 401)
    stranger = Author("treasury", seed_of("treasury"))
    stranger._secret = Author("lab-1", seed_of("lab-1"))._secret  # names the treasury's key, but signs with another
    refused(http, sign("treasury", deposit("lab-1", 1), key=stranger), Code.BAD_SIGNATURE, 401)


def test_a_signature_of_small_order_is_bad(http: Stepped) -> None:
    """R and S zero verify under loose rules for some keys; ours are strict."""
    envelope = http.market.sign("treasury", deposit("lab-1", 1))
    signature = {"sig": encode_base64(bytes([1]) + bytes(63))}
    refused(http, canonical({**_json(envelope), "signatures": [signature]}), Code.BAD_SIGNATURE, 401)


def test_unknown_key(http: Stepped) -> None:
    sign = http.market.sign
    nobody, spare = Author("nobody", seed_of("nobody")), Author("treasury", seed_of("spare"))
    problem = refused(http, sign("nobody", deposit("lab-1", 1), key=nobody), Code.UNKNOWN_KEY, 401)
    assert problem["fields"] == {"actor": "nobody", "key_id": nobody.key_id}
    refused(http, sign("treasury", deposit("lab-1", 1), key=spare), Code.UNKNOWN_KEY, 401)


def test_revoked_key(http: Stepped) -> None:
    bad = http.market.sign("lab-2", CancelBid(bid_id="bid-1-0"))
    problem = refused(http, bad, Code.KEY_REVOKED, 401)
    assert problem["fields"] == {"key_id": http.market.author("lab-2").key_id}


@pytest.mark.parametrize(
    "aud",
    [
        "counterfoil.example/issuance/main",  # a log of this instance, but of another service
        "counterfoil.example/ledger/second",
        "counterfoil.example/nowhere/main",
        "other.example/ledger/main",
    ],
)
def test_wrong_audience(http: Stepped, aud: str) -> None:
    refused(http, http.market.sign("treasury", deposit("lab-1", 1), aud=aud), Code.WRONG_AUDIENCE, 400)


def test_reused_id_with_other_content(http: Stepped) -> None:
    market = http.market
    id_ = market.command_id()
    assert http.post(market.sign("treasury", deposit("lab-1", 1), command_id=id_)).status_code == 200
    reused = market.sign("treasury", deposit("lab-1", 2), command_id=id_)
    problem = refused(http, reused, Code.EXISTS_WITH_DIFFERENT_CONTENT, 409)
    assert int(problem["fields"]["index"]) < market.sizes()["ledger"]
    batch = market.sign("treasury", [deposit("lab-1", 1)], command_id=id_)
    refused(http, batch, Code.EXISTS_WITH_DIFFERENT_CONTENT, 409)


def test_overloaded(http: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http.market.system.transport, "_capacity", 0)
    envelope = http.market.sign("treasury", deposit("lab-1", 1))
    refused(http, envelope, Code.OVERLOADED, 503)
    assert http.post(envelope).headers["retry-after"] == "1"
    assert not http.market.system.receipts._waiting
    monkeypatch.undo()
    assert http.post(envelope).status_code == 200  # the command can be sent again


# by time, at the limit and one beyond -------------------------------------------------------------------------------


def ledger_time(market: Market) -> int:
    """When the ledger's next entry will be."""
    return market.system.runners[LogId("ledger")].engine.time + 1


@pytest.mark.parametrize(
    ("issued", "expires", "code"),
    [
        (-HOUR, 1, None),
        (-HOUR, 0, Code.COMMAND_EXPIRED),
        (-3 * HOUR, -2 * HOUR, Code.COMMAND_EXPIRED),
        (CLOCK_SKEW, HOUR, None),
        (CLOCK_SKEW + 1, HOUR, Code.COMMAND_FROM_FUTURE),
        (0, MAX_VALIDITY, None),
        (0, MAX_VALIDITY + 1, Code.VALIDITY_TOO_LONG),
        (CLOCK_SKEW, CLOCK_SKEW, Code.VALIDITY_TOO_LONG),
    ],
)
def test_time(http: Stepped, issued: int, expires: int, code: Code | None) -> None:
    now = ledger_time(http.market)
    body = deposit("lab-1", 1)
    envelope = http.market.sign("treasury", body, issued_at=now + issued, expires_at=now + expires)
    if code is None:
        assert http.post(envelope).status_code == 200
    else:
        refused(http, envelope, code, 422)


def test_seen_is_not_ours(http: Stepped) -> None:
    market = http.market
    tree = market.system.runners[LogId("ledger")].tree
    ours = Seen(size=tree.size, root=tree.root())
    assert http.post(market.sign("treasury", deposit("lab-1", 1), seen=ours)).status_code == 200
    for seen in (Seen(size=tree.size, root=bytes(32)), Seen(size=tree.size + 2, root=ours.root)):
        refused(http, market.sign("treasury", deposit("lab-1", 1), seen=seen), Code.SEEN_IS_NOT_OURS, 422)


# by decision --------------------------------------------------------------------------------------------------------


def contract_of(market: Market) -> str:
    (row,) = market.rows("contracts")
    return str(row["contract_id"])


def usage(minutes: int) -> Callable[[Market], ReportUsage]:
    return lambda market: ReportUsage(
        contract_id=contract_of(market), readings=(Reading(hour=FIRST_HOUR, gpu_minutes=minutes),)
    )


def key_id(market: Market) -> str:
    return market.author("lab-1").key_id


def own_voucher(market: Market) -> str:
    return str(market.rows("vouchers")[0]["voucher_id"])


def out(party_id: str, units: int) -> Withdraw:
    return Withdraw(party_id=party_id, currency="USD", amount=units * UNIT, payment_reference="OUT-1")


DECIDED: list[tuple[str, str, Any, Code, int]] = [
    ("foreign role: deposit by a beneficiary", "lab-1", deposit("lab-1", 1), Code.ROLE_NOT_ALLOWED, 403),
    ("foreign role: voucher by a provider", "gpu-1",
     IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=UNIT), Code.ROLE_NOT_ALLOWED, 403),
    ("foreign role: offer by a beneficiary", "lab-1", OFFER, Code.ROLE_NOT_ALLOWED, 403),
    ("foreign role: payment by an issuer", "city", PAYMENT,
     Code.ROLE_NOT_ALLOWED, 403),
    ("unknown party", "treasury", deposit("lab-9", 1), Code.UNKNOWN_PARTY, 404),
    ("unknown programme", "lab-1", replace(BID, programme_id="p9"), Code.UNKNOWN_PROGRAMME, 404),
    ("unknown class", "gpu-1", replace(OFFER, class_id="h900"), Code.UNKNOWN_CLASS, 404),
    ("unknown voucher", "city", SuspendVoucherV1(voucher_id="vch-9-9", reason="x"), Code.UNKNOWN_VOUCHER, 404),
    ("unknown offer", "gpu-1", CancelOffer(offer_id="off-9-9"), Code.UNKNOWN_ORDER, 404),
    ("unknown contract", "gpu-1", ReportUsage(contract_id="trd-9-9", readings=(Reading(hour=1, gpu_minutes=1),)),
     Code.UNKNOWN_CONTRACT, 404),
    ("unknown report", "lab-1", AcceptUsage(report_id="rep-9-9"), Code.UNKNOWN_REPORT, 404),
    ("unknown claim", "city", approve("clm-9-9"), Code.UNKNOWN_CLAIM, 404),
    ("unknown settlement", "treasury", PAYMENT,
     Code.UNKNOWN_SETTLEMENT, 404),
    ("unknown key id", "lab-1", RevokeKey(party_id="lab-1", key_id="0" * 16, reason="x"), Code.UNKNOWN_KEY_ID, 404),
    ("another's contract", "gpu-2", usage(1), Code.UNKNOWN_CONTRACT, 404),
    ("another's keys", "gpu-1", lambda market: RevokeKey(party_id="lab-1", key_id=key_id(market), reason="x"),
     Code.NOT_YOURS, 403),
    ("the last key", "lab-1", lambda market: RevokeKey(party_id="lab-1", key_id=key_id(market), reason="x"),
     Code.LAST_KEY, 422),
    ("overdraft of cash", "treasury", out("lab-2", 1), Code.EXCEEDS_AVAILABLE, 422),
    ("overdraft of held cash", "treasury", out("gpu-1", 1_000), Code.EXCEEDS_AVAILABLE, 422),
    ("more than the cap", "city", IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=9_001 * UNIT),
     Code.CAP_EXCEEDED, 422),
    ("more than the appropriation", "city",
     IssueVoucher(programme_id="p2", beneficiary_id="lab-1", amount=UNIT), Code.APPROPRIATION_EXCEEDED, 422),
    ("over-capture before delivery", "gpu-1", usage(8 * 60 + 1), Code.USAGE_NOT_DELIVERED_YET, 422),
    ("claim without delivery", "gpu-1",
     lambda market: SubmitClaim(programme_id="p1", invoice_number="I", contract_ids=(contract_of(market),)),
     Code.NOTHING_TO_CLAIM, 422),
    ("price off the tick", "lab-1", replace(BID, limit_price=UNIT + 1), Code.PRICE_OFF_TICK, 422),
    ("window in the past", "gpu-1", replace(OFFER, window_start=1, window_end=2), Code.GATE_CLOSED, 422),
    ("region outside the programme", "lab-1", replace(BID, regions=("west",)), Code.REGION_NOT_IN_PROGRAMME, 422),
    ("version that is not the next", "city", changed(PROGRAMME, version=9), Code.VERSION_NOT_NEXT, 422),
]  # fmt: skip


@pytest.mark.parametrize(("actor", "body", "code", "status"), [row[1:] for row in DECIDED], ids=[r[0] for r in DECIDED])
def test_decided(http: Stepped, actor: str, body: Any, code: Code, status: int) -> None:
    refused(http, http.market.sign(actor, body(http.market) if callable(body) else body), code, status)


def test_over_capture_and_expired_vouchers(http: Stepped) -> None:
    """The last of this module: time moves on, past the delivery and then past the vouchers."""
    market = http.market
    market.clock.advance_to((FIRST_HOUR + 2) * HOUR)
    market.system.settle()
    too_much = market.sign("gpu-1", usage(8 * 60 + 1)(market))
    assert refused(http, too_much, Code.EXCEEDS_CAPACITY, 422)["fields"]["most"] == str(8 * 60)
    assert http.post(market.sign("gpu-1", usage(8 * 60)(market))).status_code == 200
    refused(http, market.sign("gpu-1", usage(1)(market)), Code.HOUR_ALREADY_REPORTED, 422)
    (report,) = market.rows("reports")
    dispute = DisputeUsage(report_id=str(report["report_id"]), hours=(), evidence=(), reason="x")
    assert http.post(market.sign("lab-1", dispute)).status_code == 200
    refused(http, market.sign("lab-1", dispute), Code.REPORT_NOT_OPEN, 422)

    voucher_id = own_voucher(market)
    (voucher,) = (row for row in market.rows("vouchers") if row["voucher_id"] == voucher_id)
    expires_at = int(str(voucher["expires_at"]))
    market.clock.advance_to(expires_at - SECOND)
    market.system.settle()
    market.clock.advance_to(expires_at)  # no timer has run yet

    def issuance_alone() -> None:
        market.system.runners[LogId("issuance")].step()
        market.system.receipts.step()

    everything, http.step = http.step, issuance_alone
    suspend = SuspendVoucherV1(voucher_id=voucher_id, reason="x")
    refused(http, market.sign("city", suspend), Code.VOUCHER_EXPIRED, 422)

    # A bid on it is received, since the ledger checks funds; but nothing is held and it never enters the book.
    http.step = everything
    market.system.settle()
    today = market.clock.now() // HOUR
    late = replace(BID, voucher_ids=(voucher_id,), earliest=today + 24, latest=today + 30)
    cash = [row for row in market.rows("balances") if str(row["account"]).startswith("cash/")]
    answer = http.post(market.sign("lab-1", late))
    assert answer.status_code == 200, answer.text
    market.system.settle()
    bid_id = answer.json()["events"][0]["bid_id"]
    assert http.get(f"/v1/bids/{bid_id}").json()["status"] == "closed"
    hold = http.get(f"/v1/holds/{bid_id}").json()
    assert (hold["status"], hold["reason"]) == ("refused", "unknown_voucher")  # nothing of it is left
    assert [row for row in market.rows("balances") if str(row["account"]).startswith("cash/")] == cash
    refused(http, market.sign("city", suspend), Code.UNKNOWN_VOUCHER, 404)
