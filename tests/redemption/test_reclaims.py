"""Reclaims in redemption alone: exact times, an entry that comes late, an outage, and a state that is loaded anew."""

from __future__ import annotations

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR
from counterfoil.redemption.commands import AcceptUsage, WithdrawDelivery
from counterfoil.redemption.events import ContractCompleted, ProviderDefaulted, UsageAccepted, UsageReported
from counterfoil.redemption.reclaim_events import DeliveryReclaimed, ReclaimBegun
from counterfoil.redemption.service import DECIDER
from tests.redemption.test_outages import GRACE, away
from tests.redemption.world import FIRST, FULL, PRICE, T0, carrying, opened, reclaim, report
from tests.state_data import loaded

TWO_HOURS = 2 * 3_600 * 1_000_000


def over(hour: int, hours: int, *, ends: bool = False) -> DeliveryReclaimed:
    return DeliveryReclaimed(
        contract_id="c1", beneficiary_id="lab-1", provider_id="gpu-1", hour=FIRST + hour, hours=hours,
        amount=PRICE * 8 * hours, forfeits_bps=2_500, report_by=T0 + hour * HOUR + TWO_HOURS, ends=ends,
    )  # fmt: skip


@pytest.mark.parametrize(("ahead", "late"), [(HOUR, 0), (HOUR, 1), (3 * HOUR, 0), (3 * HOUR, 1)])
def test_the_notice_is_kept_to_the_microsecond(ahead: int, late: int) -> None:
    story = carrying(ahead // HOUR).when(reclaim(2), "gpu-1", T0 + 2 * HOUR - ahead + late)
    if late:
        story.refused(Code.RECLAIM_TOO_SOON)
    else:
        story.then_types(ReclaimBegun)


def test_nobody_else_gives_it_and_a_contract_without_it_is_not_reclaimed() -> None:
    carrying().when(reclaim(2), "gpu-2", T0).refused(Code.UNKNOWN_CONTRACT)
    opened().when(reclaim(2), "gpu-1", T0).refused(Code.NOT_RECLAIMABLE)
    carrying().when(reclaim(3), "gpu-1", T0).refused(Code.HOUR_NOT_IN_CONTRACT)
    ended = carrying().when(reclaim(0), "gpu-1", T0 - HOUR).fires("reclaim", T0).then(over(0, 3, ends=True))
    ended.when(reclaim(2), "gpu-1", T0).refused(Code.UNKNOWN_CONTRACT)
    assert not ended.state.notices.table


def test_what_is_left_is_to_be_reported_by_its_own_end() -> None:
    story = carrying().when(reclaim(1), "gpu-1", T0)
    assert DECIDER.due(story.state) == (T0 + HOUR, "reclaim")
    story.when(WithdrawDelivery(contract_id="c1", reason="fire"), "gpu-1", T0).refused(Code.RECLAIM_PENDING)
    story.when(report("c1", (1, FULL)), "gpu-1", T0 + 2 * HOUR).refused(Code.HOUR_NOT_IN_CONTRACT)
    story.fires("reclaim", T0 + HOUR).then(over(1, 2))
    again = loaded(DECIDER, story.state)
    for state in (story.state, again):
        assert DECIDER.due(state) == (T0 + HOUR + TWO_HOURS, "reporting")
        assert state.overdue(T0 + HOUR + TWO_HOURS, 10) == ["c1"]
        assert state.contracts["c1"].terms.hours == 1
    story.fires("reporting", T0 + HOUR + TWO_HOURS)
    story.then(ProviderDefaulted(contract_id="c1", provider_id="gpu-1", cause="usage_not_reported", missing_hours=1))


def test_an_entry_that_comes_late_finds_everything_settled() -> None:
    """The hours before were reported and accepted: the contract is complete in the same entry."""
    story = carrying().when(reclaim(2), "gpu-1", T0)
    story.when(report("c1", (0, FULL), (1, FULL)), "gpu-1", T0 + 2 * HOUR).then_types(UsageReported)
    (report_id,) = story.state.reports
    story.when(AcceptUsage(report_id=report_id), "lab-1").then_types(UsageAccepted)
    story.fires("reclaim", T0 + 3 * HOUR).then(over(2, 1), ContractCompleted(contract_id="c1"))
    assert "c1" in story.state.contracts, "its report is not captured yet"


def test_an_outage_moves_the_deadline_of_reports_and_not_the_reclaim() -> None:
    """Away across the hour, and until after what is left should have been reported: the two hours for it are left."""
    back = T0 + 5 * HOUR
    story = away(carrying().when(reclaim(1), "gpu-1", T0), T0 + HOUR // 2, back)
    assert DECIDER.due(story.state) == (T0 + HOUR, "reclaim")
    story.fires("reclaim", back).then(over(1, 2))
    assert DECIDER.due(story.state) == (story.state.report_by("c1"), "reporting") == (back + TWO_HOURS, "reporting")
    assert GRACE < TWO_HOURS
    again = loaded(DECIDER, story.state)
    assert again.report_by("c1") == back + TWO_HOURS
