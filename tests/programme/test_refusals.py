"""Each reason for which a line, a claim or a handover is refused, by the smallest change of one that is not."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.contract.times import parse_date
from counterfoil.programme.benefit import Evaluation
from counterfoil.programme.codes import LINES, REFUSALS, TRANSFERS
from counterfoil.programme.facts import Fact, Facts
from counterfoil.programme.transfers import Handover, check_pledge, check_transfer, fee
from tests.programme.given import case, fact, judged, line, rules, units

SMALL = [fact("employees", 30), fact("turnover", 2_000_000), fact("legal_form", "ENTERPRISE")]
DAY = "2026-03-01"


def refused(found: Evaluation) -> str | None:
    return found.refusal.code if found.refusal else None


def of_mixed(lines: Any = None, facts: Any = SMALL, day: str = DAY, **other: Any) -> Evaluation:
    changes = other.pop("rules", {})
    return judged(rules("mixed", **changes), day, lines or [line("1000")], *facts, **other)


def counted(cap: str, amount: str, event: str = "GRANTED", on: str = "2026-02-01", subject: str = "acme") -> Any:
    return [{"cap": cap, "subject": subject, "event": event, "on": on, "amount": amount}]


FLOOR = {"benefit__floor": {"measure": "QUANTITY", "amount": "10", "waived_when": {"fact": "pilot", "is": True}}}
PILOT = fact("pilot", True, "issuer", "2026-02-01")
WHOLE_OR_NOT = {"benefit__regimes__0__excess": "REFUSE"}
WHOLE: list[tuple[str | None, dict[str, Any]]] = [
    (None, {}),
    ("not_open", {"day": "2025-12-31"}),
    (None, {"day": "2026-12-31"}),
    ("not_open", {"day": "2027-01-01"}),
    ("not_eligible", {"facts": [fact("employees", 250), *SMALL[1:]]}),
    (None, {"facts": [fact("employees", 249), *SMALL[1:]]}),
    ("fact_not_attested", {"facts": SMALL[1:]}),
    ("fact_not_attested", {"facts": SMALL[:2]}),
    ("provider_as_beneficiary", {"facts": [*SMALL, fact("listed_provider", True)]}),
    ("nothing_eligible", {"lines": [line("1", sku="STORAGE")]}),
    ("below_floor", {"lines": [line("1000", quantity="9.999999", ceiling="1000")], "rules": FLOOR}),
    (None, {"lines": [line("10", quantity="10")], "rules": FLOOR}),
    (None, {"facts": [*SMALL, PILOT], "rules": FLOOR}),
    ("stacking_not_allowed", {"other_support": {"banned-here": "1"}}),
    ("cap_reached", {"counted": counted("both", "40000")}),
    (None, {"counted": counted("both", "39999.99")}),
    (None, {"counted": counted("both", "40000", on="2025-03-01")}),
    ("cap_reached", {"counted": counted("both", "40000", on="2025-03-02")}),
    ("cap_reached", {"counted": counted("both", "40000", "APPLIED")}),
    (None, {"counted": counted("both", "40000", "PAID")}),
    (None, {"counted": counted("both", "40000", subject="norn")}),
    ("cap_reached", {"counted": counted("how-often", "2")}),
    (None, {"counted": counted("how-often", "2", on="2025-12-31")}),
    ("ceiling_reached", {"counted": counted("regime:DE_MINIMIS", "300000")}),
    ("ceiling_exceeded", {"counted": counted("regime:DE_MINIMIS", "299900.01"), "rules": WHOLE_OR_NOT}),
    (None, {"counted": counted("regime:DE_MINIMIS", "299900"), "lines": [line("100")], "rules": WHOLE_OR_NOT}),
    ("budget_exhausted", {"left": {"all": "0"}}),
    (None, {"left": {"all": "0.01"}}),
    ("below_quantum", {"lines": [line("0.001")]}),
]


@pytest.mark.parametrize(("code", "given"), WHOLE)
def test_a_whole_application(code: str | None, given: dict[str, Any]) -> None:
    found = of_mixed(**given)
    assert refused(found) == code
    assert (found.subsidy == 0) is (code is not None)
    assert not (found.counts and code)


def test_nothing_is_claimed() -> None:
    made = rules("mixed")
    assert refused(judged(made, DAY, [], *SMALL)) == "no_lines"


CONTRACT = {"signed": "2026-01-10", "starts": "2026-01-11", "ends": "2026-12-31"}
SIGNED = {"contract__signed_from": "2026-01-10", "contract__signed_until": "2026-01-10"}
LISTED = {"providers": {"mode": "REGISTER", "registry": "list"}}
REFERENCE = {"redemption__reference_start": "2026-02-01", "redemption__reference_end": "2026-02-28"}
CEILING = {"providers__price_ceiling__on_excess": "REJECT"}
USED = {"starts": "2026-02-01", "ends": "2026-02-28"}
OF_LINES: list[tuple[str | None, dict[str, Any], dict[str, Any]]] = [
    ("sku_excluded", {"sku": "STORAGE"}, {}),
    ("sku_not_included", {}, {"rules": {"scope__include": ["TPU_COMPUTE"]}}),
    ("class_not_allowed", {"class_id": "v100"}, {}),
    (None, {"class_id": "a100-80gb", "region": "anywhere"}, {}),
    ("region_not_allowed", {"region": "us"}, {"rules": {"scope__regions": ["eu"]}}),
    (
        "workload_not_allowed",
        {},
        {"rules": {"scope__workloads": ["TRAINING"]}, "facts": [*SMALL, fact("workload", "GAMES")]},
    ),
    ("line_condition", {}, {"rules": {"scope__line_when": {"fact": "accelerator_origin", "is": "DOMESTIC"}}}),
    ("provider_not_listed", {"provider_listed": False}, {"rules": LISTED}),
    (None, {"provider_listed": False}, {}),
    ("related_parties", {"related": True}, {}),
    ("outside_reference", {**USED, "starts": "2026-01-31"}, {"rules": REFERENCE}),
    ("outside_reference", {**USED, "ends": "2026-03-01"}, {"rules": REFERENCE}),
    (None, USED, {"rules": REFERENCE}),
    ("outside_contract", {**USED, "starts": "2026-01-10"}, {"contract": CONTRACT}),
    (None, {**USED, "starts": "2026-01-11"}, {"contract": CONTRACT}),
    ("contract_too_early", {}, {"contract": {**CONTRACT, "signed": "2026-01-09"}, "rules": SIGNED}),
    ("contract_too_late", {}, {"contract": {**CONTRACT, "signed": "2026-01-11"}, "rules": SIGNED}),
    (None, {}, {"contract": CONTRACT, "rules": SIGNED}),
    ("contract_too_long", {}, {"contract": {**CONTRACT, "ends": "2027-02-15"}}),
    (None, {}, {"contract": {**CONTRACT, "ends": "2027-02-14"}}),
    ("prior_costs", USED, {"applied": "2026-02-02"}),
    (None, USED, {"applied": "2026-02-01"}),
    ("price_above_ceiling", {"quantity": "333"}, {"rules": CEILING}),
    (None, {"quantity": "334"}, {"rules": CEILING}),
    ("no_tier", {"instrument": "MODEL"}, {}),
]


@pytest.mark.parametrize(("code", "given", "other"), OF_LINES)
def test_a_line(code: str | None, given: dict[str, Any], other: dict[str, Any]) -> None:
    found = of_mixed(lines=[line("1000", **given)], **other).lines[0].refusal
    assert (found.code if found else None) == code


def test_every_code_of_lines_and_claims_is_tried() -> None:
    assert {code for code, _ in WHOLE if code} | {"no_lines", "not_corrected"} == set(REFUSALS)  # the last: of a window
    assert {code for code, *_ in OF_LINES if code} | {"unit_not_convertible"} == set(LINES)


def facts_of(made: Any, *given: Fact) -> Facts:
    return Facts(made.facts, given, parse_date(DAY))


def handover(made: Any, **other: Any) -> Handover:
    facts = [
        Fact("employees", other.pop("employees", 30), "operator", 0),
        Fact("turnover", 1, "operator", 0),
        Fact("legal_form", "ENTERPRISE", "operator", 0),
    ]
    facts = facts[other.pop("missing", 0) :]
    counting = other.pop("counting", None)
    given: dict[str, Any] = {
        "day": parse_date(DAY),
        "giver": "acme",
        "receiver": "hooli",
        "amount": units("1000"),
        "price": units("999"),
        "facts": facts_of(made, *facts),
        "counting": None if counting is None else case(made, DAY, [], counted=counting),
    }
    return Handover(**{**given, **other})


TOMORROW = parse_date(DAY) + 1
PRICES = [("FREE", 10**12, None), ("AT_PAR", units("1000"), None), ("AT_PAR", units("999"), "price_not_allowed")]
PRICES += [
    ("BELOW_PAR_ONLY", units("1000"), "price_not_allowed"),
    ("GIFT_ONLY", 1, "price_not_allowed"),
    ("GIFT_ONLY", 0, None),
]
HANDOVERS: list[tuple[str | None, dict[str, Any], dict[str, Any]]] = [
    (None, {}, {}),
    ("transfer_not_permitted", {}, {"transfer__mode": "NONE"}),
    ("same_party", {"receiver": "acme"}, {}),
    ("frozen", {"frozen": True}, {}),
    ("encumbered", {"pledged": True}, {}),
    ("not_yet_valid", {"starts": TOMORROW}, {}),
    ("expired", {"ends": TOMORROW - 1}, {}),
    (None, {"ends": TOMORROW, "starts": TOMORROW - 1}, {}),
    ("not_related", {}, {"transfer__mode": "INTRA_GROUP"}),
    (None, {"related": True}, {"transfer__mode": "INTRA_GROUP"}),
    ("receiver_not_eligible", {"employees": 250}, {}),
    (None, {"employees": 250}, {"transfer__mode": "OPEN"}),
    ("receiver_fact_not_attested", {"missing": 1}, {}),
    ("receiver_not_allowed", {}, {"transfer__to": {"fact": "employees", "below": 30}}),
    ("too_many_hops", {"hops": 2}, {}),
    (None, {"hops": 1}, {}),
    ("cooling_off", {"last": TOMORROW - 7}, {}),
    (None, {"last": TOMORROW - 8}, {}),
    ("below_minimum", {"amount": units("100") - 1, "price": 0}, {}),
    (None, {"amount": units("100"), "price": 0}, {}),
    ("cap_of_receiver", {"counting": counted("both", "39000.01")}, {}),
    (None, {"counting": counted("both", "39000")}, {}),
    ("not_surrendered", {}, {"transfer__mode": "SURRENDER_REISSUE"}),
    ("approval_missing", {}, {"transfer__mode": "ISSUER_APPROVED"}),
    (None, {"approved": True}, {"transfer__mode": "ISSUER_APPROVED"}),
    *((code, {"price": price}, {"transfer__price_rule": rule}) for rule, price, code in PRICES),
]


@pytest.mark.parametrize(("code", "given", "changes"), HANDOVERS)
def test_a_handover(code: str | None, given: dict[str, Any], changes: dict[str, Any]) -> None:
    made = rules("mixed", **changes)
    found = check_transfer(made, handover(made, **given))
    assert (found.code if found else None) == code
    assert found is None or found.sentence


def test_a_pledge_and_a_fee() -> None:
    made = rules("mixed")
    bank = facts_of(made, Fact("licensed_bank", True, "operator", 0))
    lot = units("1000")
    assert check_pledge(made, lot, units("800"), bank, parse_date(DAY)) is None
    above = check_pledge(made, lot, units("800") + 1, bank, parse_date(DAY))
    assert above is not None
    assert above.code == "pledge_above_share"
    other = check_pledge(made, lot, 1, facts_of(made), parse_date(DAY))
    assert other is not None
    assert other.code == "pledge_not_permitted"
    assert fee(made, units("1000")) == units("10")
    assert fee(made, 99) == 0


def test_every_code_of_handovers_is_tried() -> None:
    pledges, credit = {"pledge_not_permitted", "pledge_above_share"}, {"no_credit_market", "traded"}
    assert {code for code, *_ in HANDOVERS if code} | pledges | credit == set(TRANSFERS)
