"""What was paid is taken back: on which grounds, how much, who contests it, what is owed, forgiven or paid again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import Refusal
from counterfoil.contract.times import DAY
from counterfoil.issuance.events import FourEyesDemanded
from counterfoil.issuance.run_off_events import RunOffBegun
from counterfoil.ledger.invoice_events import InvoiceCaptured, InvoiceCredited
from counterfoil.redemption.commands import (
    AcceptUsage,
    CloseSettlement,
    ConfirmPayment,
    ConfirmRecovery,
    DecideAppeal,
    FileAppeal,
    OrderClawback,
    ReturnPayment,
    ReverseCapture,
    WriteOff,
)
from counterfoil.redemption.credit_events import CreditKnown
from counterfoil.redemption.events import (
    ActEndorsed,
    AppealDecided,
    AppealFiled,
    ClaimOffset,
    ClaimSubmitted,
    ClawbackInForce,
    ClawbackOrdered,
    DebtWrittenOff,
    SettlementClosed,
    UsageReversed,
)
from tests.documents import document, published
from tests.given import Scenario
from tests.paper_work import PAID_ON, approve
from tests.redemption.world import END, FULL, REP, STL, captured, claim, party, report, settle, settled, trade

APPEAL: dict[str, Any] = {"within_days": 10, "stays": True, "decided_within_days": 60}
CLAWBACK: dict[str, Any] = {"grounds": ["FRAUD", "NOT_USED"], "share": "50%", "lookback_months": 1}
ORDERED = "cbk-33-0"
"""The first order, of 300 of the 600 that gpu-1 was paid."""


def paid(appeal: dict[str, Any] | None = APPEAL, **clawback: Any) -> Scenario:
    """gpu-1 was paid 600 under a document; gpu-2 is due 300."""
    control = {"clawback": {**CLAWBACK, **clawback}} | ({} if appeal is None else {"appeal": appeal})
    scenario = settled()
    for event in published(document(id="p1", version=2, control=control)):
        scenario.reacts_to(event)
    return scenario.when(pay("gpu-1", 600), "bank")


def pay(provider_id: str, amount: int, settlement_id: str = STL) -> ConfirmPayment:
    return ConfirmPayment(
        settlement_id=settlement_id, provider_id=provider_id, amount=amount, payment_reference=f"w {provider_id}",
        paid_on=PAID_ON,
    )  # fmt: skip


def order(amount: int = 300, provider_id: str = "gpu-1", ground: str = "FRAUD", evidence: int = 1) -> OrderClawback:
    return OrderClawback(
        settlement_id=STL, provider_id=provider_id, ground=ground, amount=amount,
        evidence=tuple(bytes([each]) * 32 for each in range(evidence)), reason="the invoice was cancelled",
    )  # fmt: skip


def appeal(clawback_id: str = ORDERED) -> FileAppeal:
    return FileAppeal(clawback_id=clawback_id, evidence=(), reason="it was delivered")


def decide(amount: int, clawback_id: str = ORDERED) -> DecideAppeal:
    return DecideAppeal(clawback_id=clawback_id, amount=amount, reason="heard")


def write_off(amount: int) -> WriteOff:
    return WriteOff(programme_id="p1", provider_id="gpu-1", amount=amount, reason="dissolved")


def ordered() -> Scenario:
    """It waits for an appeal."""
    return paid().when(order(), "city").then_types(ClawbackOrdered)


def appealed() -> Scenario:
    return ordered().when(appeal(), "gpu-1").then_types(AppealFiled)


def at_once(**clawback: Any) -> Scenario:
    """300 are owed though it may be contested."""
    return (
        paid({**APPEAL, "stays": False}, **clawback).when(order(), "city").then_types(ClawbackOrdered, ClawbackInForce)
    )


def earns(scenario: Scenario, amount: int) -> Scenario:
    """A further contract of gpu-1, delivered and captured."""
    scenario.reacts_to(trade("c4", first_hour=scenario.time // (3_600 * 10**6) + 1))
    hours = scenario.state.contracts["c4"].terms.first_hour - END // (3_600 * 10**6) + 3
    scenario.when(report("c4", *((hours + each, FULL) for each in range(3))), "gpu-1", scenario.time + DAY)
    report_id = f"rep-{scenario.index}-0"
    scenario.when(AcceptUsage(report_id=report_id), "lab-1").reacts_to(captured("c4", report_id, amount, 0))
    return scenario


def owed(scenario: Scenario) -> tuple[int, int]:
    """(owed by gpu-1, payable to it)."""
    key = ("p1", "gpu-1")
    return scenario.state.owed.get(key, 0), scenario.state.payable.get(key, 0)


def why(scenario: Scenario) -> str | None:
    last = scenario.last
    return dict(last.detail).get("why", last.code.value) if isinstance(last, Refusal) else None


REFUSED: list[tuple[str | None, Callable[[], Scenario], Body, str, int]] = [
    (None, paid, order(300), "city", 0),
    ("exceeds_paid", paid, order(301), "city", 0),
    ("exceeds_paid", ordered, order(1), "city", 0),
    ("unknown_settlement", paid, order(), "town", 0),
    ("unknown_settlement", paid, order(provider_id="gpu-9"), "city", 0),
    ("not_paid", paid, order(provider_id="gpu-2"), "city", 0),
    ("no_clawback", lambda: settled().when(pay("gpu-1", 600), "bank"), order(), "city", 0),
    ("ground_not_named", paid, order(ground="WASTE"), "city", 0),
    (None, paid, order(ground="NOT_USED"), "city", 27),
    ("too_late", paid, order(), "city", 32),
    ("over_limit", paid, order(evidence=17), "city", 0),
    ("unknown_clawback", ordered, appeal("cbk-1-0"), "gpu-1", 0),
    ("unknown_clawback", ordered, appeal(), "gpu-2", 0),
    (None, ordered, appeal(), "gpu-1", 9),
    ("appeal_not_open", ordered, appeal(), "gpu-1", 10),
    ("appeal_not_open", appealed, appeal(), "gpu-1", 0),
    ("appeal_not_open", ordered, decide(0), "op", 0),
    ("unknown_clawback", ordered, decide(0, "cbk-1-0"), "op", 0),
    ("exceeds_ordered", appealed, decide(301), "op", 0),
    (None, appealed, decide(300), "op", 90),
    ("exceeds_owed", ordered, write_off(1), "city", 0),
    ("appeal_open", at_once, write_off(1), "city", 9),
    (None, at_once, write_off(300), "city", 10),
    ("exceeds_owed", at_once, write_off(301), "city", 10),
    ("not_yours", at_once, write_off(1), "town", 10),
    ("unknown_programme", at_once, replace(write_off(1), programme_id="p9"), "city", 10),
]


@pytest.mark.parametrize(("expected", "story", "body", "actor", "days"), REFUSED)
def test_who_may_do_what_when(
    expected: str | None, story: Callable[[], Scenario], body: Body, actor: str, days: int
) -> None:
    scenario = story()
    assert why(scenario.when(body, actor, scenario.time + days * DAY)) == expected


def test_an_order_that_nobody_contests_comes_into_force_and_is_set_off() -> None:
    scenario = ordered()
    assert owed(scenario) == (0, 0)
    due = scenario.decider.due(scenario.state)
    assert due is not None
    assert due[1] == "appeal"
    assert owed(scenario.fires("appeal", due[0]).then_types(ClawbackInForce)) == (300, 0)
    scenario.when(appeal(), "gpu-1")
    assert why(scenario) == "unknown_clawback"
    earns(scenario, 500).when(claim("INV/9", "c4"), "gpu-1").then_types(ClaimOffset, ClaimSubmitted)
    assert owed(scenario) == (0, 0)


def test_where_the_document_says_no_nothing_is_set_off() -> None:
    scenario = earns(at_once(offset_allowed=False), 500).when(claim("INV/9", "c4"), "gpu-1").then_types(ClaimSubmitted)
    assert owed(scenario) == (300, 0)
    back = ConfirmRecovery(programme_id="p1", provider_id="gpu-1", amount=300, payment_reference="back")
    assert owed(scenario.when(back, "bank")) == (0, 0)


@pytest.mark.parametrize(
    ("upheld", "outcome", "left"), [(300, "upheld", 300), (120, "modified", 120), (0, "reversed", 0)]
)
@pytest.mark.parametrize("story", [appealed, lambda: at_once().when(appeal(), "gpu-1")])
def test_an_appeal_upholds_all_a_part_or_nothing(
    story: Callable[[], Scenario], upheld: int, outcome: str, left: int
) -> None:
    scenario = story().when(decide(upheld), "op")
    assert cast("list[Any]", scenario.last)[0].outcome == outcome
    assert owed(scenario) == (left, 0)
    again = order(300 - upheld + 1)  # what was not upheld may be ordered again, and no more
    assert why(scenario.when(again, "city")) == "exceeds_paid"


def test_what_was_set_off_before_an_appeal_ends_it_is_paid_again() -> None:
    scenario = earns(at_once(), 200).when(claim("INV/9", "c4"), "gpu-1").then_types(ClaimOffset)
    assert owed(scenario) == (100, 0)
    scenario.when(appeal(), "gpu-1").when(decide(50), "op").then_types(AppealDecided)
    (decided,) = cast("list[Any]", scenario.last)
    assert (decided.forgiven, decided.refunded) == (100, 150)
    assert owed(scenario) == (0, 150)
    close = CloseSettlement(programme_id="p1", claim_ids=(), payee_ids=("gpu-1",))
    assert owed(scenario.when(close, "city").then_types(SettlementClosed)) == (0, 0)


def test_a_second_signatory_orders_and_gives_up() -> None:
    scenario = paid(None)
    scenario.reacts_to(FourEyesDemanded(programme_id="p1", act="clawback"))
    scenario.reacts_to(replace(party("city-2", "issuer"), group_id="city"))
    scenario.when(order(), "city").then_types(ActEndorsed).when(order(), "city")
    assert why(scenario) == "second_signatory_needed"
    scenario.when(order(299), "city-2").then_types(ActEndorsed)
    scenario.when(order(299), "city").then_types(ClawbackOrdered, ClawbackInForce)
    scenario.when(write_off(9), "city-2").then_types(ActEndorsed).when(write_off(9), "city").then_types(DebtWrittenOff)
    assert owed(scenario) == (290, 0)


def test_who_is_related_decides_nothing() -> None:
    scenario = appealed()
    for group_id in ("gpu-1", "city"):
        scenario.reacts_to(replace(party(f"op-{group_id}", "operator"), group_id=group_id))
        assert why(scenario.when(decide(0), f"op-{group_id}")) == "duties_not_separate"


@pytest.mark.parametrize("phase", [None, "run_off", "closing", "closed"])
def test_a_credit_note_on_what_is_settled_is_told_however_near_its_end_the_programme_is(phase: Any) -> None:
    """It is no debt, so it bars no end; and if the programme stays open after all, its issuer has the evidence."""
    invoiced = InvoiceCaptured(
        claim_id="inv-1-0", programme_id="p1", version=1, voucher_id="vch-1-0", holder_id="lab-1", payee_id="lab-1",
        invoice_number="1", amount=600, legs=(),
    )  # fmt: skip
    told = settled().reacts_to(invoiced)
    told.when(approve("inv-1-0"), "city").when(settle("inv-1-0"), "city").then_types(SettlementClosed)
    if phase is not None:
        told.given(RunOffBegun(programme_id="p1", reason="over"))
        told.state.phases["p1"] = phase
    note = InvoiceCredited(claim_id="inv-1-0", programme_id="p1", payee_id="lab-1", amount=1, invoiced=4)
    known = CreditKnown(claim_id="inv-1-0", programme_id="p1", provider_id="lab-1", amount=150)
    told.reacts_to(note).then(known)
    told.reacts_to(replace(note, invoiced=3)).then(known)
    told.reacts_to(replace(note, amount=2, invoiced=2)).then(replace(known, amount=300))
    told.reacts_to(note).then()
    assert not told.state.owed


def reverse(amount: int) -> ReverseCapture:
    return ReverseCapture(report_id=REP, amount=amount, reason="the meter was wrong")


@pytest.mark.parametrize("first", ["reversal", "order"])
def test_what_is_owed_back_of_a_payment_is_owed_once(first: str) -> None:
    """By reversals of what was captured and by orders to give back together; not a unit more."""
    scenario = paid(None, share="100%")
    if first == "reversal":
        scenario.when(reverse(303), "op").then_types(UsageReversed)
    else:
        scenario.when(order(301), "city").then_types(ClawbackOrdered, ClawbackInForce)
    left = 600 - owed(scenario)[0]
    assert why(scenario.when(reverse(607), "op")) == "exceeds_captured"
    assert why(scenario.when(order(left + 1), "city")) == "exceeds_paid"
    scenario.when(order(left), "city").then_types(ClawbackOrdered, ClawbackInForce)
    assert owed(scenario) == (600, 0)
    for again, code in ((order(1), "exceeds_paid"), (reverse(4), "exceeds_captured")):
        assert why(scenario.when(again, "op" if again.TYPE == "reverse_capture" else "city")) == code


def test_what_an_appeal_does_not_uphold_may_be_reversed() -> None:
    scenario = paid(share="100%").when(order(600), "city").then_types(ClawbackOrdered)
    scenario.when(appeal(), "gpu-1")
    assert why(scenario.when(reverse(202), "op")) == "exceeds_captured"
    scenario.when(decide(400), "op")
    assert why(scenario.when(reverse(204), "op")) == "exceeds_captured"
    scenario.when(reverse(202), "op").then_types(UsageReversed)
    assert owed(scenario) == (600, 0)


@pytest.mark.parametrize("was_paid_back", [False, True])
def test_a_payment_that_comes_back_and_is_paid_again_is_taken_back_once(was_paid_back: bool) -> None:
    scenario = paid(None, offset_allowed=was_paid_back).when(order(300), "city")
    if was_paid_back:
        recovered = ConfirmRecovery(programme_id="p1", provider_id="gpu-1", amount=300, payment_reference="back")
        scenario.when(recovered, "bank")
    came_back = ReturnPayment(settlement_id=STL, provider_id="gpu-1", return_reference="r", reason="account closed")
    scenario.when(came_back, "bank")
    scenario.when(CloseSettlement(programme_id="p1", claim_ids=(), payee_ids=("gpu-1",)), "city")
    again = f"stl-{scenario.index}-0"
    scenario.when(replace(pay("gpu-1", 600, again), payment_reference="again"), "bank")
    assert why(scenario.when(replace(order(1), settlement_id=again), "city")) == "exceeds_paid"
    assert why(scenario.when(reverse(607), "op")) == "exceeds_captured"
    scenario.when(reverse(303), "op").then_types(UsageReversed)
