"""What issuance makes of vouchers that the ledger has in other hands: budget, caps, and what was decided meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.issuance.commands import ReturnVoucher, RevokeVoucherV1, SuspendVoucherV1
from counterfoil.issuance.events import (
    BudgetRecycled,
    IssueReversed,
    VoucherReinstated,
    VoucherRevoked,
    VoucherSuspended,
)
from counterfoil.ledger.events import VoucherCancelled
from counterfoil.ledger.transfer_events import VoucherReissued, VoucherSurrendered
from tests.given import Scenario
from tests.issuance.world import OPEN, VOUCHER, issue, market, taken

pytestmark = pytest.mark.usefixtures("any_paper")


def issued() -> Scenario:
    return market().when(issue("lab-1", 300), actor="city-1", at=OPEN)


def surrendered(holder_id: str, amount: int, *, suspended: bool = False) -> VoucherSurrendered:
    return VoucherSurrendered(
        voucher_id=VOUCHER, programme_id="p1", holder_id=holder_id, amount=amount, suspended=suspended, legs=()
    )


def reissued() -> VoucherReissued:
    return VoucherReissued(
        voucher_id="vch-9-9", reissued_from=VOUCHER, transfer_id="tfr-1-0", holder_id="lab-1", programme_id="p1",
        version=1, beneficiary_id="lab-2", face=50, not_before=OPEN, expires_at=OPEN + 1, issue_seq=1, hops=1, legs=(),
    )  # fmt: skip


def reversed_(amount: int, uncommitted: int, counted: int) -> IssueReversed:
    return IssueReversed(
        voucher_id=VOUCHER, programme_id="p1", amount=amount, uncommitted_after=uncommitted, group_issued_after=counted
    )


def recycled(amount: int, uncommitted: int) -> BudgetRecycled:
    return BudgetRecycled(source_id=VOUCHER, programme_id="p1", amount=amount, uncommitted_after=uncommitted)


def test_what_was_handed_on_frees_the_budget_and_not_the_cap_of_who_handed_it_on() -> None:
    legs = (taken(200), taken(100, "lab-2"))
    scenario = issued().when(RevokeVoucherV1(voucher_id=VOUCHER, reason="fraud"), actor="city-1")
    scenario.reacts_to(VoucherCancelled(voucher_id=VOUCHER, programme_id="p1", amount=300, legs=legs))
    scenario.then(reversed_(200, 900, 100), recycled(100, 1_000))
    assert scenario.state.counted("p1", scenario.state.directory.group_now("lab-1")) == 100


def test_who_gives_back_what_it_was_issued_may_be_issued_as_much_again() -> None:
    scenario = issued().reacts_to(surrendered("lab-1", 120))
    scenario.then(surrendered("lab-1", 120), reversed_(120, 820, 180))
    scenario.reacts_to(surrendered("lab-2", 30)).then(surrendered("lab-2", 30), recycled(30, 850))


@pytest.mark.parametrize("suspended", [False, True])
def test_a_voucher_that_was_given_back_goes_on_for_its_other_holders(suspended: bool) -> None:
    scenario = issued().when(ReturnVoucher(voucher_id=VOUCHER, reason="spare"), actor="lab-1")
    follows: Any = VoucherReinstated(voucher_id=VOUCHER)
    if suspended:
        follows = VoucherSuspended(voucher_id=VOUCHER, reason="it was suspended before it was given back")
    news = surrendered("lab-1", 0, suspended=suspended)
    scenario.reacts_to(news).then(news, follows)
    scenario.when(RevokeVoucherV1(voucher_id=VOUCHER, reason="fraud"), actor="city-1").then_types(VoucherRevoked)


def test_a_part_surrendered_just_before_the_rest_is_given_back_lets_nothing_go_on() -> None:
    """It looks as if the ledger had the voucher in other hands, too, until the ledger says that it ended in all."""
    scenario = issued().when(ReturnVoucher(voucher_id=VOUCHER, reason="spare"), actor="lab-1")
    scenario.reacts_to(surrendered("lab-1", 5))
    ended = VoucherCancelled(voucher_id=VOUCHER, programme_id="p1", amount=295, legs=(taken(295),))
    scenario.reacts_to(ended).then(ended, reversed_(295, 1_000, 0))
    assert scenario.state.vouchers[VOUCHER].status == "returned"


@pytest.mark.parametrize(
    ("before", "follows"),
    [
        (None, ()),
        (RevokeVoucherV1(voucher_id=VOUCHER, reason="fraud"), (VoucherRevoked,)),
        (SuspendVoucherV1(voucher_id=VOUCHER, reason="audit"), (VoucherSuspended,)),
    ],
)
def test_a_voucher_made_of_another_follows_what_was_decided_about_that(before: Any, follows: Any) -> None:
    scenario = issued()
    if before is not None:
        scenario.when(before, actor="city-1")
    scenario.reacts_to(reissued()).then_types(VoucherReissued, *follows)
    assert scenario.state.counted("p1", "lab-2") == 0
    cancelled = VoucherCancelled(voucher_id="vch-9-9", programme_id="p1", amount=50, legs=(taken(50, "lab-2"),))
    known = () if VoucherRevoked in follows else (VoucherCancelled,)  # an end that the ledger tells first is mirrored
    scenario.reacts_to(cancelled).then_types(*known, BudgetRecycled)
