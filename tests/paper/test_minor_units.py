"""What can be paid: whole minor units of a known currency, by a reference that its author never used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterfoil.contract.events import CurrencyRegistered
from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.scalars import Role
from counterfoil.core.currencies import ISO_4217, minor_unit
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.commands import AppropriateBudget, RegisterCurrency
from counterfoil.ledger.commands import Deposit, Withdraw
from counterfoil.ledger.service import DECIDER as LEDGER
from counterfoil.matching.events import OfferReceived
from counterfoil.matching.service import SERVICE as MATCHING
from counterfoil.redemption.commands import AcceptUsage, ConfirmRecovery, ReverseCapture
from counterfoil.redemption.events import DebtWrittenOff, RecoveryConfirmed, SettlementClosed
from counterfoil.redemption.service import DECIDER as REDEMPTION
from tests.given import Scenario
from tests.issuance.world import PROGRAMME, people
from tests.matching.world import OFFER, WORLD, T
from tests.paper_work import approve, pay, settle
from tests.programmes import changed
from tests.redemption import world
from tests.redemption.world import END, captured, claim, report, trade

UNIT = 1_000_000
XSD = CurrencyRegistered(currency="XSD", minor_units=1)


def bank() -> Scenario:
    """A ledger with a treasurer, another, a party, and a currency of its own."""
    roles: dict[str, Role] = {"bank": "treasurer", "other": "treasurer", "lab": "beneficiary"}
    scenario = Scenario(LEDGER, *(world.party(name, role) for name, role in roles.items()), XSD)
    return scenario.when(deposit("FIRST-1", 5 * UNIT), "bank").when(withdraw("OUT-1", UNIT), "bank")


def deposit(reference: str, amount: int, currency: str = "CNY") -> Deposit:
    return Deposit(party_id="lab", currency=currency, amount=amount, payment_reference=reference)


def withdraw(reference: str, amount: int, currency: str = "CNY") -> Withdraw:
    return Withdraw(party_id="lab", currency=currency, amount=amount, payment_reference=reference)


@pytest.mark.parametrize(
    ("body", "actor", "expected"),
    [
        (deposit("a1", 10_000), "bank", None),
        (deposit("a1", 9_999), "bank", Code.NOT_WHOLE_MINOR_UNITS),
        (deposit("a1", UNIT, "JPY"), "bank", None),
        (deposit("a1", 800_053_333, "JPY"), "bank", Code.NOT_WHOLE_MINOR_UNITS),
        (deposit("a1", 140_777, "USD"), "bank", Code.NOT_WHOLE_MINOR_UNITS),
        (deposit("a1", 1_000, "KWD"), "bank", None),
        (deposit("a1", 100, "KWD"), "bank", Code.NOT_WHOLE_MINOR_UNITS),
        (deposit("a1", 100_000, "XSD"), "bank", None),
        (deposit("a1", 10_000, "XSD"), "bank", Code.NOT_WHOLE_MINOR_UNITS),
        (deposit("a1", UNIT, "XYZ"), "bank", Code.UNKNOWN_CURRENCY),
        (withdraw("a1", 1), "bank", Code.NOT_WHOLE_MINOR_UNITS),
        (withdraw("a1", UNIT, "XYZ"), "bank", Code.UNKNOWN_CURRENCY),
        (withdraw("a1", 10_000), "bank", None),
        (deposit("first 1", UNIT), "bank", Code.REFERENCE_ALREADY_USED),
        (deposit("ＦＩＲＳＴ１", UNIT), "bank", Code.REFERENCE_ALREADY_USED),
        (deposit("first 1", 1), "bank", Code.NOT_WHOLE_MINOR_UNITS),
        (deposit("first 1", UNIT), "other", None),
        (deposit("OUT-1", UNIT), "bank", None),  # the other direction
        (withdraw("out/1", UNIT), "bank", Code.REFERENCE_ALREADY_USED),
        (withdraw("out/1", 99 * UNIT), "bank", Code.REFERENCE_ALREADY_USED),
    ],
)
def test_cash_comes_and_goes_in_what_a_bank_can_pay(body: Body, actor: str, expected: Code | None) -> None:
    scenario = bank().when(body, actor)
    if expected is not None:
        scenario.refused(expected)
    else:
        assert not isinstance(scenario.last, Refusal), scenario.last


def test_a_repeat_names_the_entry_that_used_the_reference() -> None:
    scenario = bank().when(deposit("first.1", UNIT), "bank")
    assert isinstance(scenario.last, Refusal)
    assert dict(scenario.last.detail) == {"kind": "deposit", "entry": "5"}


def test_a_refused_command_does_not_use_its_reference() -> None:
    scenario = bank().when(withdraw("late", 99 * UNIT), "bank").refused(Code.EXCEEDS_AVAILABLE)
    scenario.when(withdraw("late", UNIT), "bank")
    assert not isinstance(scenario.last, Refusal)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (AppropriateBudget(programme_id="p1", amount=UNIT, document="№ 2"), None),
        (AppropriateBudget(programme_id="p1", amount=9_999, document="№ 2"), Code.NOT_WHOLE_MINOR_UNITS),
        (AppropriateBudget(programme_id="p1", amount=UNIT, document="no 1"), Code.REFERENCE_ALREADY_USED),
        (changed(PROGRAMME, programme_id="p2", currency="XYZ"), Code.UNKNOWN_CURRENCY),
        (changed(PROGRAMME, programme_id="p2", currency="KWD"), None),
    ],
)
def test_a_budget_is_payable_and_its_document_used_once(body: Body, expected: Code | None) -> None:
    scenario = people().when(PROGRAMME, "city-1")
    scenario.when(AppropriateBudget(programme_id="p1", amount=UNIT, document="№1"), "city-1")
    scenario.when(body, "city-1")
    if expected is not None:
        scenario.refused(expected)
    else:
        assert not isinstance(scenario.last, Refusal), scenario.last


def test_the_operator_registers_what_iso_4217_lacks_once() -> None:
    body = RegisterCurrency(currency="XSD", minor_units=1)
    scenario = people().when(body, "op").then(XSD)
    scenario.when(replace(body, minor_units=2), "op").refused(Code.ALREADY_EXISTS)
    scenario.when(replace(body, currency="EUR"), "op").refused(Code.ALREADY_EXISTS)
    scenario.when(body, "city-1").refused(Code.ROLE_NOT_ALLOWED)


def test_minor_units_are_those_of_iso_4217() -> None:
    wanted = {"CNY": 10_000, "EUR": 10_000, "USD": 10_000, "JPY": UNIT, "KRW": UNIT, "KWD": 1_000, "UYW": 100}
    assert {code: minor_unit(ISO_4217[code]) for code in wanted} == wanted
    assert not {"XYZ", "XTS", "XAU", "CLF"} & ISO_4217.keys()


# settlements ----------------------------------------------------------------------------------------------------------


def earned(*subsidies: int, currency: str = "CNY") -> tuple[Scenario, list[str]]:
    """Approved claims of gpu-1 with these subsidies, under a programme in this currency."""
    scenario = Scenario(REDEMPTION, *world.PEOPLE[:-2], world.programme("p1", "city", currency=currency))
    claims = []
    for number, subsidy in enumerate(subsidies):
        scenario.reacts_to(trade(f"c{number}", currency=currency)).when(report(f"c{number}", (0, 1)), "gpu-1", END)
        report_id = f"rep-{scenario.index}-0"
        scenario.when(AcceptUsage(report_id=report_id), "lab-1")
        scenario.reacts_to(captured(f"c{number}", report_id, subsidy)).when(claim(f"I{number}", f"c{number}"), "gpu-1")
        claims.append(f"clm-{scenario.index}-0")
        scenario.when(approve(claims[-1]), "city")
    return scenario, claims


def closed(scenario: Scenario) -> SettlementClosed:
    assert not isinstance(scenario.last, Refusal), scenario.last
    (event,) = scenario.last
    assert isinstance(event, SettlementClosed)
    return event


@pytest.mark.parametrize(
    ("currency", "subsidy", "paid", "carried"),
    [("USD", 140_777, 140_000, 777), ("JPY", 800_053_333, 800_000_000, 53_333), ("KWD", 140_777, 140_000, 777)],
)
def test_a_settlement_pays_whole_minor_units_and_carries_the_rest(
    currency: str, subsidy: int, paid: int, carried: int
) -> None:
    scenario, (first, second) = earned(subsidy, subsidy, currency=currency)
    event = closed(scenario.when(settle("p1", first), "city"))
    assert (event.amount, event.payees[0].carried) == (paid, carried)
    assert scenario.state.payable == {("p1", "gpu-1"): carried}
    event = closed(scenario.when(settle("p1", second), "city"))
    assert (event.payees[0].brought, event.amount + event.payees[0].carried) == (carried, subsidy + carried)


def test_less_than_a_minor_unit_waits_for_more() -> None:
    scenario, (first, second) = earned(6_000, 5_000)
    scenario.when(settle("p1", first), "city").refused(Code.NOTHING_TO_PAY)
    event = closed(scenario.when(settle("p1", first, second), "city"))
    assert (event.amount, event.payees[0].carried) == (10_000, 1_000)
    scenario.when(settle("p1", payees=("gpu-1",)), "city").refused(Code.NOTHING_TO_PAY)


def test_a_payment_is_of_what_is_due_by_a_reference_of_its_own() -> None:
    scenario, (first, second) = earned(140_777, 150_000)
    one = closed(scenario.when(settle("p1", first), "city"))
    two = closed(scenario.when(settle("p1", second), "city"))
    scenario.when(replace(pay(one, "W-1"), amount=140_777), "bank").refused(Code.AMOUNT_DIFFERS)
    scenario.when(pay(one, "W-1"), "bank")
    scenario.when(pay(two, "w 1"), "bank").refused(Code.REFERENCE_ALREADY_USED)
    scenario.when(pay(two, "W-2"), "bank")
    assert not scenario.state.settlements


def test_what_is_paid_back_is_payable_and_by_a_reference_of_its_own() -> None:
    scenario, _ = earned(5 * UNIT)
    scenario.when(
        ReverseCapture(report_id=next(iter(scenario.state.captures)), amount=2 * UNIT, reason="meter audit"), "op"
    )
    back = ConfirmRecovery(programme_id="p1", provider_id="gpu-1", amount=UNIT, payment_reference="BACK-1")
    scenario.when(replace(back, amount=UNIT - 1), "bank").refused(Code.NOT_WHOLE_MINOR_UNITS)
    scenario.when(back, "bank").then_types(RecoveryConfirmed)
    scenario.when(replace(back, payment_reference="back 1"), "bank").refused(Code.REFERENCE_ALREADY_USED)
    scenario.when(replace(back, payment_reference="back 2"), "bank").then_types(RecoveryConfirmed)


@pytest.mark.parametrize("rest", [1, 9_999, 10_000])
@pytest.mark.parametrize("rules", [7, LATEST])
def test_less_than_a_minor_unit_that_a_recovery_leaves_of_a_debt_ends_with_it(rest: int, rules: int) -> None:
    """No bank can pay less than a fen; a whole one is waited for."""
    scenario, _ = earned(5 * UNIT)
    scenario.state.rules = RULES[rules]
    report_id = next(iter(scenario.state.captures))
    scenario.when(ReverseCapture(report_id=report_id, amount=2 * UNIT + rest, reason="meter audit"), "op")
    back = ConfirmRecovery(programme_id="p1", provider_id="gpu-1", amount=UNIT, payment_reference="BACK-1")
    scenario.when(back, "bank").then_types(RecoveryConfirmed)
    scenario.when(replace(back, payment_reference="BACK-2"), "bank")
    ends = rules == LATEST and rest < 10_000
    scenario.then_types(RecoveryConfirmed, *([DebtWrittenOff] if ends else []))
    assert scenario.state.owed == ({} if ends else {("p1", "gpu-1"): rest})


# prices ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("currency", "tick"), [("CNY", 10_000), ("JPY", UNIT), ("KWD", 1_000), ("XSD", 100_000)])
def test_a_price_tick_is_a_minor_unit(currency: str, tick: int) -> None:
    market = Scenario(MATCHING.decider, *WORLD, XSD, time=T)
    at_tick = replace(OFFER, currency=currency, price=14 * tick)
    market.when(at_tick, "gpu-1").then_types(OfferReceived)
    market.when(replace(at_tick, price=14 * tick + tick // 2), "gpu-1").refused(Code.PRICE_OFF_TICK)
    market.when(replace(at_tick, currency="XYZ"), "gpu-1").refused(Code.UNKNOWN_CURRENCY)
