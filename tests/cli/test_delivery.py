"""A command stays in the outbox until its outcome is proven, whatever a gateway says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from clients.python.tests.answering import Answering
from counterfoil.cli.command import UNREACHABLE
from counterfoil.cli.gateway_session import GatewaySession
from counterfoil.client.author import Author
from counterfoil.client.delivery import Delivery, LogKey
from counterfoil.client.http import Gateway
from counterfoil.client.ids import command_id_of, new_command_id
from counterfoil.client.outbox import Outbox
from counterfoil.client.problems import NotProven, RefusedByService, Unsettled
from counterfoil.contract.log_id import LogId
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import Seen
from counterfoil.gateway.receipts import receipt_json
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher
from counterfoil.key_files import write_key
from counterfoil.log.keys import VerifyKey
from counterfoil.runtime.receipts import Recorded
from tests.cli.command_line import invoke
from tests.market import USD, Market, T, found, seed_of

BUDGET = AppropriateBudget(programme_id="p1", amount=USD, document="B-9")
TOO_MUCH = IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=9_000 * USD)

ID = new_command_id()


class Lying:
    """A gateway that passes commands on, and then says what it likes of them."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.gateway = Gateway("http://g", transport=Answering(self.answer), sleep=lambda _: None)
        self.says, self.shows = "", "its receipt"
        self.other: Any = None

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/vkey"):
            return httpx.Response(200, content=key_of(self.market).vkey().encode())
        if path.startswith("/log/"):
            return httpx.Response(404)
        if request.method == "GET":
            assert path == f"/v1/commands/issuance/city/{ID}"
            return self.said(receipt_json(self.other))
        answer = self.market.post(request.content)
        assert isinstance(answer, Recorded)
        shown: Any = {"its receipt": receipt_json(answer), "nonsense": {"receipt": 1}, "none": None}[self.shows]
        return self.said(shown)

    def said(self, receipt: Any) -> httpx.Response:
        """What it says: that the command was accepted, or refused with a code."""
        if not self.says:
            return httpx.Response(200, json=receipt)
        problem = {"type": f"urn:counterfoil:refusal:{self.says}", "code": self.says, "title": "", "receipt": receipt}
        return httpx.Response(422, json=problem, headers={"content-type": "application/problem+json"})

    def delivery(self, directory: Path) -> Delivery:
        """A delivery through it, with the log's key pinned."""
        key = key_of(self.market)
        return Delivery(self.gateway.exchanges, directory, {key.name: key})


@pytest.fixture
def lying(tmp_path: Path) -> Iterator[Lying]:
    with Market(tmp_path / "home") as market:
        found(market)
        yield Lying(market)


def key_of(market: Market) -> VerifyKey:
    return market.system.instance.verify_key(LogId("issuance"))


def signed(market: Market, body: Any, nth: int, _seen: Seen | None) -> bytes:
    return market.envelope("city", body, nth=nth)


def test_only_a_refusal_that_the_log_proves_settles_a_command(lying: Lying, tmp_path: Path) -> None:
    """Of what was accepted a gateway could say that it was refused: a budget, or a payment, would be sent anew."""
    delivery, log = lying.delivery(tmp_path / "keys"), LogKey(key_of(lying.market), pinned=True)
    told: list[tuple[str, str, type[Exception], Any]] = [
        (Code.CAP_EXCEEDED, "its receipt", NotProven, BUDGET),
        (Code.CAP_EXCEEDED, "nonsense", NotProven, BUDGET),
        (Code.CAP_EXCEEDED, "none", Unsettled, BUDGET),
        (Code.OVERLOADED, "none", Unsettled, BUDGET),
        (Code.CAP_EXCEEDED, "its receipt", NotProven, TOO_MUCH),
        ("", "its receipt", NotProven, TOO_MUCH),
        (Code.APPROPRIATION_EXCEEDED, "its receipt", RefusedByService, TOO_MUCH),
    ]
    for nth, (lying.says, lying.shows, raised, body) in enumerate(told):
        sent = replace(body, document=f"C-{nth}") if body is BUDGET else body
        with pytest.raises(raised):
            lying.gateway.run(delivery.send(partial(signed, lying.market, sent, nth), log))
    kept = [each for each in delivery.outbox.all() if each.bodies != (TOO_MUCH,)]
    assert len(kept) == 4
    lying.says, lying.shows = "", "its receipt"
    for each in kept:
        lying.gateway.run(delivery.resend(each))
    assert [each.bodies for each in delivery.outbox.all()] == [(TOO_MUCH,)] * 2


def test_another_commands_receipt_does_not_say_that_one_was_given_before(lying: Lying, tmp_path: Path) -> None:
    """A gateway could show last month's budget, the same to the digit, and this month's would never be appropriated."""
    delivery, log = lying.delivery(tmp_path / "keys"), LogKey(key_of(lying.market), pinned=True)
    for lying.says, body in (("", BUDGET), (Code.APPROPRIATION_EXCEEDED, TOO_MUCH)):
        lying.other = lying.market.post(lying.market.envelope("city", body))
        with pytest.raises(NotProven, match="answered with the entry of"):
            lying.gateway.run(delivery.decided("city", ID, log))


def test_a_command_for_another_instance_keeps_none_of_the_others_waiting(
    lying: Lying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GatewaySession, "gateway", lying.gateway)
    outbox = Outbox(tmp_path / "keys" / "outbox")
    elsewhere = Author("city", bytes(32)).sign(BUDGET, "another.example/issuance/main", "00000000" + ID[8:], T)
    for envelope in (elsewhere, lying.market.envelope("city", BUDGET)):
        outbox.keep(envelope)
    code, out, _ = invoke("resend", "--keys", str(tmp_path / "keys"), "--json")
    said = [row["outcome"].partition(":") for row in json.loads(out)]
    assert code == UNREACHABLE
    assert [first for first, _, _ in said] == ["not settled", "accepted"]
    assert "another.example" in said[0][2]
    assert len(list(outbox.all())) == 1


def test_a_command_that_waits_for_another_instance_is_not_sent_to_this_one(
    lying: Lying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused by the wrong log, it was forgotten, though the right one may have accepted it."""
    monkeypatch.setattr(GatewaySession, "gateway", lying.gateway)
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    write_key(keys / "city.pem", seed_of("city"))
    outbox, id_ = Outbox(keys / "outbox"), command_id_of("city", "Order 7")
    outbox.keep(Author("city", seed_of("city")).sign(BUDGET, "another.example/issuance/main", id_, T))
    words = ("programme", "appropriate", "p1", "--amount", "1", "--document", "B-9", "--as", "city")
    code, _, err = invoke(*words, "--keys", str(keys), "--idempotency-key", "Order 7")
    assert (code, "for another.example/issuance/main" in err.replace("\n", "")) == (2, True), err
    assert outbox.find(id_) is not None
