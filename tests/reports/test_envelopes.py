"""R1 by envelope: what one has left is what decisions find, and what is of several is divided without a rest."""

from __future__ import annotations

import pytest

from counterfoil.contract.applications import CounterMoved
from counterfoil.contract.entry import Entry, Outcome, TimerCause
from counterfoil.contract.log_id import LogId
from counterfoil.contract.times import DAY
from counterfoil.issuance.events import IssueReversed, VoucherGranted
from counterfoil.issuance.judging import left_of
from counterfoil.ledger.events import VoucherCancelled, VoucherRestored
from counterfoil.programme.rules import Rules
from counterfoil.reports.budget_parts import by_envelope
from counterfoil.reports.envelopes import Envelopes
from counterfoil.reports.folding import Folded
from tests.given import Scenario
from tests.issuance.test_grants import START, UNIT, granted, issue, programme, taken
from tests.reports.planted import event


def left(told: Scenario) -> tuple[dict[str, int], dict[str, int]]:
    """What each envelope has left, by the report on all that was decided, and by the state."""
    folded = Folded({})
    for index, (each, at) in enumerate(told.decided):
        cause = TimerCause("test", at.time)
        entry = Entry("x/issuance", index, f"{index}", at.time, "", cause, False, (Outcome(1, None),), (each,))
        folded.fold(LogId("issuance"), entry)
    folded.time, rules = told.time, told.state.terms("p1")
    assert isinstance(rules, Rules)
    said = by_envelope(folded, "p1", told.state.programmes["p1"].uncommitted)
    found = {row["scope"].removeprefix("envelope "): row["uncommitted"] for row in said}
    return found, left_of(told.state, rules, rules.day(told.time))


@pytest.mark.parametrize("rolls_over", [False, True])
def test_an_envelope_has_left_what_decisions_find(rolls_over: bool) -> None:
    quarter = {"period": {"kind": "CALENDAR_QUARTER"}, "rolls_over": rolls_over}
    told = programme(budget__envelopes=[{"id": "main", "amount": "500", **quarter}, {"id": "rest", **quarter}])
    of = ""
    for amount, at in ((300, START), (400, START + DAY), (50, START + 93 * DAY)):
        of = granted(issue(told, amount, at=at)).voucher_id
        found, expected = left(told)
        assert found == expected
    ends = told.time + DAY
    whose = {"programme_id": "p1", "beneficiary_id": "lab-1", "face": 30 * UNIT, "expires_at": ends, "legs": ()}
    told.reacts_to(event(VoucherRestored, **whose, voucher_id="rvc-1", restored_from=of, not_before=told.time))
    for name, amount in ((of, 20), ("rvc-1", 10)):
        before, legs = left(told)[0]["main"], (taken(name, amount * UNIT),)
        told.reacts_to(VoucherCancelled(voucher_id=name, programme_id="p1", amount=amount * UNIT, legs=legs))
        found, expected = left(told)
        assert found == expected
        assert found["main"] == before + amount * UNIT


def test_an_amount_of_several_envelopes_is_divided_to_the_last() -> None:
    found = Envelopes()
    counted = tuple(
        CounterMoved(cap=f"envelope:{name}", subject="p1", event="GRANTED", before=7, after=7 + part)
        for name, part in (("one", 1), ("two", 2), ("three", 4))
    )
    found.fold(event(VoucherGranted, voucher_id="v", counted=counted))
    found.fold(event(IssueReversed, voucher_id="v", amount=3))
    assert found.granted["v"].divided(5) == {"one": 0, "two": 1, "three": 4}
    assert found.reversed["v"] == 3
