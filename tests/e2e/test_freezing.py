"""Vouchers are stopped on grounds that their documents name: announced, for so many days, extended, or for good."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, SECOND
from counterfoil.issuance.commands import (
    AppropriateBudget,
    IssueVoucher,
    ReinstateVoucher,
    RevokeVoucherV1,
    SuspendVoucherV1,
)
from counterfoil.issuance.freeze_commands import ExtendSuspension, RevokeVoucher, SuspendVoucher
from counterfoil.ledger.commands import AcceptTransfer, ApproveTransfer, ProposeTransfer
from tests.documents import document, publishing
from tests.e2e.asking import Asking
from tests.properties.test_world_stateful import check_replay, check_settled
from tests.properties.world import YUAN

FREEZE = {"grounds": ["INQUIRY", "AUDIT"], "max_days": 20, "notice_days": 3}
ACTIVE, SUSPENDED = ("active", "active"), ("suspended", "frozen")


class Stopping(Asking):
    """The market with a programme that announces suspensions three days before, and a voucher of it."""

    def __init__(self, **control: Any) -> None:
        super().__init__()
        self.publishes(1, freeze=FREEZE, revoke_grounds=["FRAUD"], **control)
        self.does("city", AppropriateBudget(programme_id="p9", amount=900 * YUAN, document="budget of p9"))
        self.voucher_id = self.issues("p9")

    def publishes(self, version: int, **control: Any) -> None:
        """A version of the programme."""
        transfer = {"mode": "SURRENDER_REISSUE"}
        for body in publishing(document(id="p9", version=version, control=control, transfer=transfer)):
            self.does("city", body)

    def issues(self, programme_id: str) -> str:
        """A voucher of a programme."""
        issue = IssueVoucher(programme_id=programme_id, beneficiary_id="lab-1", amount=400 * YUAN)
        voucher_id = str(self.does("city", issue).voucher_id)
        self.clock += SECOND
        return voucher_id

    def suspends(self, ground: str = "INQUIRY", days: int = 20, **other: str) -> Any:
        """The city orders a suspension."""
        named = {"voucher_id": self.voucher_id, **other}
        return self.answer("city", SuspendVoucher(ground=ground, days=days, reason="meters", **named))

    def extends(self, days: int) -> Any:
        """An operator decides that it lasts longer."""
        body = ExtendSuspension(voucher_id=self.voucher_id, days=days, reason="meters are read")
        return self.answer("operator", body)

    def is_at(self, time: int, voucher_id: str = "") -> tuple[str, str]:
        """The status of the voucher at a time, in issuance and in the ledger."""
        self.clock = max(self.clock, time)
        self.settle()
        of = voucher_id or self.voucher_id
        return self.state("issuance").vouchers[of].status, self.state("ledger").vouchers.open[of].status


def test_a_suspension_is_announced_begins_and_ends_by_itself_unless_it_is_extended() -> None:
    market = Stopping()
    ordered_at = market.clock
    ordered = market.suspends()
    assert (ordered.begins_at, ordered.ends_at) == (ordered_at + 3 * DAY, ordered_at + 23 * DAY)
    assert market.suspends("AUDIT").code is Code.VOUCHER_SUSPENDED, "one after the other"
    assert market.is_at(ordered.begins_at - 1) == ACTIVE
    assert market.is_at(ordered.begins_at) == SUSPENDED
    assert market.extends(21).code is Code.SUSPENSION_TOO_LONG
    assert market.extends(0).code is Code.SUSPENSION_TOO_LONG
    assert market.extends(20).ends_at == ordered.ends_at + 20 * DAY
    assert market.is_at(ordered.ends_at) == SUSPENDED
    assert market.is_at(ordered.ends_at + 20 * DAY - 1) == SUSPENDED
    assert market.is_at(ordered.ends_at + 20 * DAY) == ACTIVE
    assert market.extends(1).code is Code.VOUCHER_NOT_SUSPENDED
    assert market.suspends("AUDIT", 1).code is Code.SUSPENSION_TOO_LONG, "it was suspended for forty days"
    check_settled(market)
    check_replay(market)


def test_suspensions_together_last_no_longer_than_the_document_allows() -> None:
    """Whether they end by themselves or are lifted; a day that was begun counts."""
    market = Stopping()
    first = market.suspends(days=5)
    assert market.is_at(first.ends_at) == ACTIVE
    second = market.suspends("AUDIT", 15)
    market.is_at(second.begins_at + DAY)
    market.clock += 1
    market.does("city", ReinstateVoucher(voucher_id=market.voucher_id))
    refused = market.suspends(days=14)
    assert (refused.code, dict(refused.detail)["most_days"]) == (Code.SUSPENSION_TOO_LONG, "13")
    unbegun = market.suspends(days=13)
    market.does("city", ReinstateVoucher(voucher_id=market.voucher_id))
    assert unbegun.begins_at > market.clock
    last = market.suspends(days=13)
    assert market.is_at(last.ends_at) == ACTIVE
    assert market.suspends(days=1).code is Code.SUSPENSION_TOO_LONG
    check_replay(market)


def test_what_the_document_does_not_name_does_not_stop_a_voucher() -> None:
    """The document is the one that the voucher was granted under: later ones do not name grounds for it."""
    market = Stopping()
    market.publishes(2, freeze={**FREEZE, "grounds": ["WASTE"], "max_days": 90}, revoke_grounds=["WASTE"])
    before = market.root("issuance")
    assert market.suspends("WASTE").code is Code.GROUND_NOT_IN_RULES
    assert market.suspends(days=21).code is Code.SUSPENSION_TOO_LONG
    for refused in (
        SuspendVoucherV1(voucher_id=market.voucher_id, reason="no ground"),
        RevokeVoucherV1(voucher_id=market.voucher_id, reason="no ground"),
        RevokeVoucher(voucher_id=market.voucher_id, ground="WASTE", reason="a later ground"),
        RevokeVoucher(voucher_id=market.voucher_id, ground="INQUIRY", reason="a ground to stop it"),
    ):
        assert market.answer("city", refused).code is Code.GROUND_NOT_IN_RULES
    assert market.root("issuance")[1:] == before[1:], "no state changed"
    thin = market.issues("p1")
    assert dict(market.suspends(voucher_id=thin).detail)["why"] == "no_document"
    market.does("city", SuspendVoucherV1(voucher_id=thin, reason="as its programme has it"))


@pytest.mark.parametrize("begun", [False, True])
def test_a_suspension_is_lifted_or_ended_by_a_revocation(begun: bool) -> None:
    market = Stopping()
    ordered = market.suspends()
    if begun:
        market.is_at(ordered.begins_at)
    market.does("city", ReinstateVoucher(voucher_id=market.voucher_id))
    assert market.is_at(ordered.begins_at + DAY) == ACTIVE
    market.suspends()
    market.does("city", RevokeVoucher(voucher_id=market.voucher_id, ground="FRAUD", reason="forged bills"))
    assert market.voucher_id not in market.state("issuance").vouchers
    assert not market.state("issuance").suspensions.table
    market.clock += 60 * DAY
    market.settle()
    check_settled(market)
    check_replay(market)


def test_what_takes_the_place_of_a_voucher_is_stopped_as_long() -> None:
    market = Stopping()
    ordered = market.suspends()
    body = ProposeTransfer(voucher_id=market.voucher_id, amount=100 * YUAN, receiver_id="lab-2", price=0)
    transfer_id = market.does("lab-1", body).transfer_id
    market.does("city", ApproveTransfer(transfer_id=transfer_id))
    market.does("lab-2", AcceptTransfer(transfer_id=transfer_id))
    (other,) = [each.voucher_id for each in market.state("ledger").vouchers.of("lab-2", "p9")]
    assert market.is_at(ordered.begins_at, other) == SUSPENDED
    assert market.is_at(ordered.ends_at, other) == ACTIVE
    check_replay(market)
