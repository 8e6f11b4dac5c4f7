"""A time as far off as can be written fits into every record of every state; one further off is refused unread."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.canonical import Refused
from counterfoil.contract.limits import MAX_BID_HOURS, MAX_COUNT, MAX_WINDOW
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.terms import FixedExpiry
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance import service as issuance
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher
from counterfoil.issuance.events import VoucherIssued
from counterfoil.ledger import service as ledger
from counterfoil.ledger.events import VoucherCredited
from counterfoil.redemption import service as redemption
from counterfoil.redemption.events import DisputeRaised, UsageReported
from tests.core import largest
from tests.core.largest import CITY, CLOUD, LAB, LAST_TIME, PROGRAMME, Large, submission
from tests.core.test_entry_sizes import issuing, published_with
from tests.matching.world import BID, OFFER
from tests.programmes import changed
from tests.redemption.world import REP, dispute, opened, report
from tests.state_root import state_root

YEAR_9999 = 253_402_300_799_999_999
PUBLICATION = published_with(PROGRAMME, 1)


@pytest.mark.parametrize("time", [LAST_TIME + 1, YEAR_9999])
@pytest.mark.parametrize(
    ("actor", "body", "member"),
    [
        (CITY, PUBLICATION, "expiry"),
        (CITY, PUBLICATION, "valid_until"),
        (CLOUD, OFFER, "good_until"),
        (LAB, BID, "good_until"),
    ],
)
def test_a_time_after_the_year_2199_is_refused_before_anything_reads_it(
    actor: str, body: Body, member: str, time: int
) -> None:
    def at(when: int) -> Body:
        value: Any = FixedExpiry(kind="fixed", at=when) if member == "expiry" else when
        return changed(body, **{member: value})

    assert submission(actor, [at(LAST_TIME)], batch=False).bodies == (at(LAST_TIME),)
    with pytest.raises(Refused):
        submission(actor, [at(time)], batch=False)


def test_a_voucher_that_lasts_as_long_as_can_be_leaves_every_state_root_sound() -> None:
    issuer = issuing()
    largest.register(issuer, (LAB, "beneficiary"))
    said: list[Event] = []
    for body in (
        PUBLICATION,
        AppropriateBudget(programme_id=PROGRAMME, amount=9, document="d"),
        IssueVoucher(programme_id=PROGRAMME, beneficiary_id=LAB, amount=9),
    ):
        entry = issuer.decides(CITY, body)
        assert entry.outcomes[0].refusal is None
        said += entry.events
    issued = said[-1]
    assert isinstance(issued, VoucherIssued)
    assert issued.expires_at == LAST_TIME
    keeper = Large(ledger.DECIDER)
    assert isinstance(keeper.hears(*said).events[0], VoucherCredited)
    assert ledger.DECIDER.due(keeper.state) == (LAST_TIME, "voucher_expiry")
    assert state_root(issuance.DECIDER.records(issuer.state))[0] > 4
    assert state_root(ledger.DECIDER.records(keeper.state))[0] > 4


def test_a_contract_delivered_as_late_as_can_be_leaves_the_state_root_sound() -> None:
    """Deadlines lie after it, by at most two windows and the time for a resolution; JSON integers still hold them."""
    first = LAST_TIME // HOUR - 1
    windows = {"report_within_seconds": MAX_WINDOW // SECOND, "dispute_window_seconds": MAX_WINDOW // SECOND}
    scenario = opened(first_hour=first, hours=MAX_BID_HOURS, **windows)
    late = (first + MAX_BID_HOURS) * HOUR + MAX_WINDOW - 1
    reading = replace(report("c1", (0, 1)).readings[0], hour=first)
    scenario.when(replace(report("c1"), readings=(reading,)), "gpu-1", late).then_types(UsageReported)
    scenario.when(dispute(REP), "lab-1", late + MAX_WINDOW - 1).then_types(DisputeRaised)
    resolve_by = scenario.state.reports[REP].resolve_by
    assert resolve_by == late + MAX_WINDOW - 1 + RULES[LATEST].resolution_window < MAX_COUNT
    assert state_root(redemption.DECIDER.records(scenario.state))[0] > 4
