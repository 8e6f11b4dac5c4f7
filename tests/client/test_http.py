"""The client repeats the very same bytes while an outcome is unknown, within bounds, and never otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import httpx
import orjson
import pytest

from clients.python.tests.answering import Answering
from counterfoil.cli.command import UNREACHABLE, Out, guarded
from counterfoil.client.exchanges import PAUSES
from counterfoil.client.http import Gateway
from counterfoil.client.problems import NotReady, NotThere, RefusedByService, Unreachable
from counterfoil.contract.refusal_meanings import MEANINGS
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.gateway.refusals import refusal

ENVELOPE = b'{"payload":"AA=="}'
RECEIPT = {"origin": "h/ledger/main", "index": 7}
PROBLEM = "application/problem+json"

Outcome = httpx.Response | Exception


class Script:
    """A server that plays its outcomes in turn and keeps what it was asked."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.left = list(outcomes)
        self.bodies: list[bytes] = []
        self.asked: list[httpx.URL] = []
        self.headers: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(request.content)
        self.asked.append(request.url)
        self.headers.append(request.headers)
        outcome = self.left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def play(outcomes: Sequence[Outcome]) -> tuple[Gateway, Script, list[float]]:
    script, slept = Script(outcomes), list[float]()
    return Gateway("http://g", transport=Answering(script), sleep=slept.append), script, slept


def ok(value: Any) -> httpx.Response:
    return httpx.Response(200, json=value)


def busy(retry_after: str | None = None) -> httpx.Response:
    headers = {"content-type": PROBLEM, **({"Retry-After": retry_after} if retry_after else {})}
    body = {"type": "urn:counterfoil:refusal:overloaded", "title": "t", "status": 503, "code": "overloaded"}
    return httpx.Response(503, content=orjson.dumps(body), headers=headers)


UNKNOWN: list[Callable[[], Outcome]] = [
    lambda: httpx.ConnectError("refused"),
    lambda: httpx.ReadError("lost while answering"),
    lambda: httpx.RemoteProtocolError("closed without an answer"),
    lambda: httpx.ReadTimeout("slow"),
    lambda: httpx.ConnectTimeout("slow"),
    busy,
    lambda: httpx.Response(202, json={"status": "pending"}),
]


@pytest.mark.parametrize("outcome", UNKNOWN)
@pytest.mark.parametrize("failures", [1, len(PAUSES)])
def test_the_same_envelope_is_sent_again(outcome: Callable[[], Outcome], failures: int) -> None:
    gateway, script, slept = play([*(outcome() for _ in range(failures)), ok(RECEIPT)])
    assert gateway.submit(ENVELOPE) == RECEIPT
    assert script.bodies == [ENVELOPE] * (failures + 1)
    assert slept == list(PAUSES[:failures])


def test_what_becomes_of_a_command_is_waited_for_where_that_is_asked() -> None:
    gateway, script, _ = play([busy(), ok({**RECEIPT, "outcome": {"status": "open"}}), ok(RECEIPT)])
    assert gateway.submit(ENVELOPE, wait=5)["outcome"] == {"status": "open"}
    assert "outcome" not in gateway.submit(ENVELOPE)
    assert [each.get("prefer") for each in script.headers] == ["wait=5", "wait=5", None]


@pytest.mark.parametrize("outcome", UNKNOWN)
def test_repetition_ends(outcome: Callable[[], Outcome]) -> None:
    gateway, script, slept = play([outcome() for _ in range(len(PAUSES) + 1)])
    with pytest.raises((Unreachable, RefusedByService)) as caught:
        gateway.submit(ENVELOPE)
    assert len(script.bodies) == len(PAUSES) + 1
    assert slept == list(PAUSES)
    if isinstance(caught.value, RefusedByService):  # the one outcome that is known: nothing was taken
        assert caught.value.code == "overloaded"


@pytest.mark.parametrize(
    ("asked", "slept"), [("3", 3), ("0", PAUSES[0]), ("99999", 10), ("-5", PAUSES[0]), ("soon", PAUSES[0])]
)
def test_a_gateway_may_ask_for_a_longer_pause_within_a_bound(asked: str, slept: float) -> None:
    gateway, _, pauses = play([busy(asked), ok(RECEIPT)])
    gateway.submit(ENVELOPE)
    assert pauses == [slept]


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OVERLOADED])
def test_a_refusal_is_final_and_keeps_its_fields(code: Code) -> None:
    answer = refusal(Refusal(code, (("limit", "3"),)), {"origin": "o", "index": 1})
    sent = httpx.Response(answer.status_code, content=bytes(answer.body), headers=dict(answer.headers))
    gateway, script, slept = play([sent])
    with pytest.raises(RefusedByService) as caught:
        gateway.submit(ENVELOPE)
    assert (caught.value.code, caught.value.title) == (code.value, MEANINGS[code].text)
    assert (caught.value.fields, caught.value.receipt) == ({"limit": "3"}, {"origin": "o", "index": 1})
    assert (len(script.bodies), slept) == (1, [])
    assert not isinstance(caught.value, NotThere)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="Internal Server Error"),
        httpx.Response(404, text="<html>"),
        httpx.Response(301, headers={"location": "http://elsewhere/"}),
        httpx.Response(200, text="not JSON"),
        httpx.Response(200, json=["not", "an", "object"]),
        httpx.Response(504, json={"code": "wait_timed_out"}, headers={"content-type": PROBLEM}),
    ],
    ids=lambda answer: str(answer.status_code),
)
def test_what_is_no_answer_leaves_the_outcome_unknown(answer: httpx.Response) -> None:
    gateway, script, _ = play([answer])
    with pytest.raises(Unreachable):
        gateway.submit(ENVELOPE)
    assert len(script.bodies) == 1


def test_views_that_are_behind_are_no_fault_of_the_connection() -> None:
    body = {"title": "The views did not get that far in time; try again.", "code": "wait_timed_out"}
    answer = httpx.Response(504, content=orjson.dumps(body), headers={"content-type": PROBLEM})
    gateway, _, _ = play([answer])
    with pytest.raises(NotReady, match="did not get that far"):
        gateway.get("balances", "a", "USD", wait_for=["ledger:9"])


def test_a_party_over_its_quota_waits_for_as_long_as_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    def answer() -> httpx.Response:
        headers = {"content-type": PROBLEM, "retry-after": "3"}
        return httpx.Response(429, content=orjson.dumps({"title": "t", "code": "rate_limited"}), headers=headers)

    gateway, script, slept = play([answer() for _ in range(len(PAUSES) + 1)])
    with pytest.raises(NotReady, match="rate_limited"):  # which leaves the outcome open: an attempt may have been taken
        gateway.submit(ENVELOPE)
    assert len(script.bodies) == len(PAUSES) + 1
    assert set(slept) == {3.0}


def test_a_gateway_that_is_not_ready_every_time_is_said_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    body = {"title": "The views are being rebuilt.", "code": "catching_up", "detail": "ledger: 1,200 of 9,000 entries"}
    headers = {"content-type": PROBLEM, "retry-after": "2"}
    answers = [httpx.Response(503, content=orjson.dumps(body), headers=headers) for _ in range(len(PAUSES) + 1)]
    gateway, _, slept = play(answers)

    def ask() -> None:
        gateway.get("balances", "a", "USD")

    assert guarded(Out(json=True), ask) == UNREACHABLE
    error = orjson.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "catching_up"
    assert "ledger: 1,200 of 9,000 entries" in error["meaning"]
    assert slept == [max(2, pause) for pause in PAUSES]


def test_not_there() -> None:
    body = {"type": "urn:counterfoil:problem:not_found", "title": "No such item.", "status": 404, "code": "not_found"}
    gateway, _, _ = play([httpx.Response(404, json=body, headers={"content-type": PROBLEM})])
    with pytest.raises(NotThere, match="not_found"):
        gateway.get("vouchers", "nope")


def test_rows_follow_the_cursor() -> None:
    pages: list[Outcome] = [
        ok({"items": [{"n": 1}, {"n": 2}], "next": "c/1="}),
        httpx.ReadError("lost"),
        ok({"items": [], "next": None}),
    ]
    gateway, script, _ = play(pages)
    rows = gateway.rows("vouchers_balance", {"beneficiary_id": "a&b"}, wait_for=("ledger:3",))
    assert [row["n"] for row in rows] == [1, 2]
    assert [url.path for url in script.asked] == ["/v1/vouchers-balance"] * 3
    wanted = {"beneficiary_id": "a&b", "wait_for": "ledger:3", "limit": "200"}
    assert [dict(url.params) for url in script.asked] == [
        wanted,
        {**wanted, "after": "c/1="},
        {**wanted, "after": "c/1="},
    ]


@pytest.mark.parametrize(("limit", "asked"), [(1, ["1"]), (3, ["3", "1"]), (0, [])])
def test_rows_never_ask_for_more_than_the_limit(limit: int, asked: list[str]) -> None:
    gateway, script, _ = play(
        [ok({"items": [{}, {}][:limit], "next": "c" if limit > 1 else None}), ok({"items": [{}], "next": "d"})]
    )
    assert len(list(gateway.rows("offers", limit=limit))) == limit
    assert [url.params["limit"] for url in script.asked] == asked


def test_key_parts_are_escaped() -> None:
    gateway, script, _ = play([ok({})])
    gateway.get("balances", "cash/acme", "USD?")
    assert script.asked[0].raw_path == b"/v1/balances/cash%2Facme/USD%3F"


def test_health_is_asked_once_whatever_it_is() -> None:
    gateway, script, _ = play([httpx.Response(503, json={"ok": False, "failure": "f"})])
    assert gateway.health() == {"ok": False, "failure": "f"}
    assert len(script.asked) == 1


def test_the_stream_is_read_event_by_event() -> None:
    text = 'id: ledger:1\r\nevent: ledger\r\ndata: {"a":1}\r\n\r\n: ping\r\n\r\nid: ledger:2\r\ndata: {"a":2}\r\n\r\n'
    gateway, script, _ = play([httpx.Response(200, text=text)])
    stream = gateway.tail(["ledger"], ["ledger:0"])
    assert [next(stream), next(stream)] == [("ledger:1", {"a": 1}), ("ledger:2", {"a": 2})]
    with pytest.raises(Unreachable, match="ended"):
        next(stream)
    assert str(script.asked[0]) == "http://g/v1/events?service=ledger&from=ledger%3A0"


# without waiting for the decision -----------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", UNKNOWN[:-1])
@pytest.mark.parametrize("failures", [0, 1, len(PAUSES)])
def test_an_envelope_is_sent_until_it_is_accepted(outcome: Callable[[], Outcome], failures: int) -> None:
    gateway, script, slept = play([*(outcome() for _ in range(failures)), httpx.Response(202, json={})])
    gateway.submit_async(ENVELOPE)
    assert script.bodies == [ENVELOPE] * (failures + 1)
    assert all(each["prefer"] == "respond-async" for each in script.headers)
    assert slept == list(PAUSES[:failures])


@pytest.mark.parametrize("outcome", UNKNOWN[:-1])
def test_one_that_is_never_accepted_has_an_unknown_outcome(outcome: Callable[[], Outcome]) -> None:
    """Shed commands, too: an earlier attempt may have been accepted."""
    gateway, script, slept = play([outcome() for _ in range(len(PAUSES) + 1)])
    with pytest.raises(Unreachable):
        gateway.submit_async(ENVELOPE)
    assert len(script.bodies) == len(PAUSES) + 1
    assert slept == list(PAUSES)


def test_a_refusal_before_the_inbox_is_final() -> None:
    body = {"type": "urn:counterfoil:refusal:bad_signature", "title": "t", "status": 401, "code": "bad_signature"}
    refused = httpx.Response(401, content=orjson.dumps(body), headers={"content-type": PROBLEM})
    gateway, script, _ = play([refused])
    with pytest.raises(RefusedByService) as caught:
        gateway.submit_async(ENVELOPE)
    assert (caught.value.code, len(script.bodies)) == ("bad_signature", 1)
