"""A command stays in the outbox until its outcome is proven, whatever a gateway says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from counterfoil.cli.command import UNREACHABLE
from counterfoil.cli.delivery import Delivery, LogKey
from counterfoil.cli.gateway_session import GatewaySession
from counterfoil.client.author import Author
from counterfoil.client.ids import command_id_of, new_command_id
from counterfoil.client.outbox import Outbox
from counterfoil.client.problems import NotProven, RefusedByService, Unsettled
from counterfoil.contract.log_id import LogId
from counterfoil.contract.refusals import Code
from counterfoil.gateway.receipts import receipt_json
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher
from counterfoil.key_files import write_key
from counterfoil.runtime.receipts import Recorded
from tests.cli.command_line import invoke
from tests.market import USD, Market, T, found, seed_of

BUDGET = AppropriateBudget(programme_id="p1", amount=USD, document="B-9")
TOO_MUCH = IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=9_000 * USD)

ID = new_command_id()


class Lying:
    """A session and its gateway, which passes commands on and then says what it likes of them."""

    def __init__(self, market: Market) -> None:
        self.market, self.gateway = market, self
        self.says, self.shows = "", "its receipt"
        self.other: Any = None

    def log_file(self, log: LogId, _path: str) -> bytes:
        return self.market.system.instance.verify_key(log).vkey().encode()

    def receipt(self, log: LogId, actor: str, command_id: str) -> dict[str, Any]:
        assert (log.service, actor, command_id) == ("issuance", "city", ID)
        if not self.says:
            return receipt_json(self.other)
        raise RefusedByService(self.says, "", {}, receipt_json(self.other))

    def submit(self, envelope: bytes) -> dict[str, Any]:
        answer = self.market.post(envelope)
        assert isinstance(answer, Recorded)
        shown: Any = {"its receipt": receipt_json(answer), "nonsense": "receipt", "none": None}[self.shows]
        if not self.says:
            return dict(shown)
        raise RefusedByService(self.says, "", {}, shown)


@pytest.fixture
def lying(tmp_path: Path) -> Iterator[Lying]:
    with Market(tmp_path / "home") as market:
        found(market)
        yield Lying(market)


def key_of(lying: Lying) -> LogKey:
    return LogKey(lying.market.system.instance.verify_key(LogId("issuance")), pinned=True)


def test_only_a_refusal_that_the_log_proves_settles_a_command(lying: Lying, tmp_path: Path) -> None:
    """Of what was accepted a gateway could say that it was refused: a budget, or a payment, would be sent anew."""
    delivery, log = Delivery(lying, tmp_path / "keys"), key_of(lying)  # type: ignore[arg-type]
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
            delivery.send(lying.market.envelope("city", sent, nth=nth), log)
    kept = [each for each in delivery.outbox.all() if each.bodies != (TOO_MUCH,)]
    assert len(kept) == 4
    lying.says, lying.shows = "", "its receipt"
    for each in kept:
        delivery.resend(each, log)
    assert [each.bodies for each in delivery.outbox.all()] == [(TOO_MUCH,)] * 2


def test_another_commands_receipt_does_not_say_that_one_was_given_before(lying: Lying, tmp_path: Path) -> None:
    """A gateway could show last month's budget, the same to the digit, and this month's would never be appropriated."""
    delivery, log = Delivery(lying, tmp_path / "keys"), key_of(lying)  # type: ignore[arg-type]
    for lying.says, body in (("", BUDGET), (Code.APPROPRIATION_EXCEEDED, TOO_MUCH)):
        lying.other = lying.market.post(lying.market.envelope("city", body))
        with pytest.raises(NotProven, match="answered with the entry of"):
            delivery.decided("city", ID, log)


def test_a_command_for_another_instance_keeps_none_of_the_others_waiting(
    lying: Lying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GatewaySession, "gateway", lying)
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
    monkeypatch.setattr(GatewaySession, "gateway", lying)
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    write_key(keys / "city.pem", seed_of("city"))
    outbox, id_ = Outbox(keys / "outbox"), command_id_of("city", "Order 7")
    outbox.keep(Author("city", seed_of("city")).sign(BUDGET, "another.example/issuance/main", id_, T))
    words = ("programme", "appropriate", "p1", "--amount", "1", "--document", "B-9", "--as", "city")
    code, _, err = invoke(*words, "--keys", str(keys), "--idempotency-key", "Order 7")
    assert (code, "for another.example/issuance/main" in err.replace("\n", "")) == (2, True), err
    assert outbox.find(id_) is not None
