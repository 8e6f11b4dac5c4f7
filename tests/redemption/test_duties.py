"""Who decides on a claim, a payment or a dispute is not related to who gains or loses by it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from counterfoil.contract.events import GroupAttested
from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.rules import RULES
from counterfoil.redemption.commands import (
    ConfirmPayment,
    ResolveDispute,
    ReturnPayment,
)
from tests.given import Scenario
from tests.paper_work import PAID_ON, approve, reject, settle
from tests.redemption.world import CLM_1, REP, STL, approved, claimed, disputed, settled

RESOLVE = ResolveDispute(report_id=REP, gpu_minutes=1, reason="meter")
SETTLE = settle("p1", CLM_1)
PAY = ConfirmPayment(
    settlement_id=STL, provider_id="gpu-1", amount=600, payment_reference="PAY-1", paid_on=PAID_ON
)  # fmt: skip
RETURN = ReturnPayment(settlement_id=STL, provider_id="gpu-1", return_reference="R-1", reason="closed")


def related(story: Callable[[], Scenario], party_id: str, other: str) -> Scenario:
    """The story, and then the party joins the other's group."""
    return story().reacts_to(GroupAttested(
        party_id=party_id, group_id=other, since=1, source="register", attested_by="op", group_after=other,
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("story", "body", "actor", "party_id", "duties"),
    [
        (claimed, approve(CLM_1), "city", "gpu-1", "approver and claimant"),
        (approved, SETTLE, "city", "gpu-1", "approver and claimant"),
        (settled, PAY, "bank", "gpu-1", "treasurer and payee"),
        (settled, RETURN, "bank", "gpu-1", "treasurer and payee"),
        (disputed, RESOLVE, "op", "gpu-1", "resolver and disputant"),
        (disputed, RESOLVE, "op", "lab-1", "resolver and disputant"),
        (claimed, reject(CLM_1, "related"), "city", "gpu-1", ""),
    ],
)
def test_it(story: Callable[[], Scenario], body: Body, actor: str, party_id: str, duties: str) -> None:
    def accepted(scenario: Scenario) -> bool:
        return not isinstance(scenario.when(body, actor=actor).last, Refusal)

    assert accepted(story())
    scenario = related(story, party_id, actor)
    if not duties:
        assert accepted(scenario)
        return
    scenario.when(body, actor=actor).refused(Code.DUTIES_NOT_SEPARATE)
    assert isinstance(scenario.last, Refusal)
    assert dict(scenario.last.detail) == {"duties": duties, "party_id": party_id, "related_to": actor}
    scenario.state.rules = RULES[3]
    assert accepted(scenario), "earlier rules ask for roles only"
