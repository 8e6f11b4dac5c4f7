"""An outage of redemption's log harms nobody: whoever could act only through it gets the time back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from counterfoil.contract.events import WriterResumed
from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.core.rules import LATEST, RULES
from counterfoil.redemption.commands import ResolveDispute
from counterfoil.redemption.events import UsageReported
from tests.given import Scenario
from tests.redemption.world import END, FULL, REP, REPORT_BY, T0, dispute, disputed, opened, report, reported, trade

GRACE = RULES[LATEST].resumption_grace
MINUTE = 60 * SECOND
REST = report("c1", (0, FULL), (1, FULL), (2, FULL))
DISPUTE = dispute(REP)
RESOLVE = ResolveDispute(report_id=REP, gpu_minutes=FULL, reason="meter read")
CLOSES = T0 + 2 * HOUR
LAPSES = T0 + HOUR + 1 + 7 * DAY


def away(scenario: Scenario, since: int, until: int) -> Scenario:
    scenario.time = until - 1
    return scenario.given(WriterResumed(away_since=since, earliest=until + GRACE))


def due(scenario: Scenario, timer: str) -> Any:
    state = scenario.state
    queues = {"reporting": state.reporting, "dispute_window": state.windows, "resolution_window": state.disputes}
    return queues[timer].next()


# Each row: the story, a command and its actor, its deadline, how it is refused afterwards, and the timer.
ROWS: list[tuple[Callable[[], Scenario], Body, str, int, Code, str]] = [
    (opened, REST, "gpu-1", REPORT_BY, Code.REPORTING_CLOSED, "reporting"),
    (reported, DISPUTE, "lab-1", CLOSES, Code.REPORT_NOT_OPEN, "dispute_window"),
    (disputed, RESOLVE, "op", LAPSES, Code.REPORT_NOT_DISPUTED, "resolution_window"),
]


@pytest.mark.parametrize(("story", "body", "actor", "deadline", "refused", "timer"), ROWS)
def test_what_was_left_is_left_again(
    story: Callable[[], Scenario], body: Body, actor: str, deadline: int, refused: Code, timer: str
) -> None:
    """Away from half an hour before until long after: half an hour is left; commands and timer agree on the end."""
    back = deadline + 5 * HOUR
    ends = back + 30 * MINUTE
    assert not isinstance(away(story(), deadline - 30 * MINUTE, back).when(body, actor, ends - 1).last, Refusal)
    after = away(story(), deadline - 30 * MINUTE, back)
    assert due(after, timer) == ends
    assert after.fires(timer, ends - 1).last == []
    assert after.fires(timer, ends).last != []
    away(story(), deadline - 30 * MINUTE, back).when(body, actor, ends).refused(refused)


@pytest.mark.parametrize(("story", "body", "actor", "deadline", "refused", "timer"), ROWS)
def test_what_was_sent_in_the_last_moment_is_decided_before_the_timer(
    story: Callable[[], Scenario], body: Body, actor: str, deadline: int, refused: Code, timer: str
) -> None:
    back = deadline + HOUR
    after = away(story(), deadline - 1, back)
    assert due(after, timer) == back + GRACE
    assert not isinstance(after.when(body, actor, back + 1).last, Refusal)
    away(story(), deadline, back).when(body, actor, back + 1).refused(refused)  # nothing was left of it


def test_an_outage_before_the_delivery_does_not_move_its_deadline() -> None:
    after = away(opened(), END - 2 * HOUR, END - HOUR)
    assert after.state.report_by("c1") == REPORT_BY


def test_a_contract_that_opens_after_the_outage_has_its_whole_window() -> None:
    """Its trade lay in matching's log meanwhile, and its hours were delivered: nobody could report them."""
    back = REPORT_BY + DAY
    after = away(opened(), T0 - HOUR, back).reacts_to(trade("c4"))
    assert after.state.report_by("c4") == back + REPORT_BY - END
    after.when(report("c4", (0, FULL)), "gpu-1", back + HOUR).then_types(UsageReported)


def test_an_outage_is_part_of_the_state() -> None:
    before, after = opened().records(), away(opened(), END, END + HOUR).records()
    outage = {"away_since": END, "earliest": END + HOUR + GRACE}
    assert {key: after[key] for key in set(after) - set(before)} == {f"outage/{END + HOUR}": outage}
