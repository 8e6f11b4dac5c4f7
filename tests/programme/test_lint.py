"""Each kind of finding, by the smallest change of a clean document that causes it; and what cannot be read at all."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.programme.findings import KINDS
from counterfoil.programme.limits import MAX_DOCUMENT_BYTES, MAX_DOCUMENT_NESTING, MAX_ITEMS, MAX_TERMS, MAX_TEXT
from counterfoil.programme.lint import blocks, lint
from counterfoil.programme.reading import BadDocument, read_document
from counterfoil.programme.rules import rules_of
from tests.programme.given import ALL, changed, data, rules

TIERS = "benefit.tiers"
TWO = [{"id": "a", "rate": "1/2"}, {"id": "b", "rate": "1/3"}]
STEPS = {"steps": [{"authority": "a", "up_to": "2"}, {"authority": "b", "up_to": "2"}]}
CAP = {"id": "c", "scope": "BENEFICIARY", "period": {"kind": "LIFETIME"}, "amount": "1"}
FIXED = {"kind": "FIXED", "on": "2026-06-30"}
WINDOW = {"kind": "FIXED", "opens": "2026-08-01", "closes": "2026-08-31"}

CHANGES: list[tuple[str, str, str, Any]] = [
    ("condition_malformed", "mixed", "eligibility.0.when", {"fact": "employees"}),
    ("fact_redeclared", "mixed", "facts.0.name", "employees"),
    ("id_twice", "mixed", "benefit.tiers.1.id", "first-part"),
    ("taker_without_ceiling", "mixed", "benefit.caps", [{**CAP, "scope": "CONTRACT"}]),
    ("conversion_twice", "in-kind", "conversions.1.from_unit", "A100_GPU_HOUR"),
    ("instrument_without_tier", "cn-shanghai-2025", "budget.envelopes.0.instruments", ["COMPUTE", "TRANSPORT"]),
    ("instrument_without_envelope", "cn-shanghai-2025", "benefit.tiers.1.instruments", ["COMPUTE", "TRANSPORT"]),
    ("period_incomplete", "mixed", "benefit.caps.0.period", {"kind": "ROLLING"}),
    ("period_incomplete", "mixed", "budget.envelopes.0.period", {"kind": "FISCAL_YEAR", "starts": "13-01"}),
    ("validity_empty", "mixed", "valid.end", "2025-12-31"),
    ("reference_empty", "cn-nanning-2025", "redemption.reference_end", "2025-02-01"),
    ("window_empty", "mixed", "redemption.windows", {**WINDOW, "closes": "2026-07-31"}),
    ("window_incomplete", "mixed", "redemption.windows", {"kind": "ANNUAL"}),
    ("window_incomplete", "mixed", "redemption.windows", {"kind": "MONTHLY", "opens": "01-01", "closes": "02-01"}),
    ("rate_above_whole", "mixed", "benefit.tiers.0.rate", "3/2"),
    ("funding_shares_not_whole", "mixed", "budget.funding.0.share", "49.9999%"),
    ("tranches_not_whole", "in-kind", "benefit.tranches.0.share", "1/3"),
    ("tranche_condition", "in-kind", "benefit.tranches.0.used_share", "1/2"),
    ("rate_above_aggregate", "shenzhen", "benefit.stacking.0.aggregate_max", "59%"),
    ("rate_above_co_payment", "mixed", "benefit.co_payment.min_share", "34%"),
    ("tiers_overlap", "mixed", "benefit", {"basis": "SETTLED", "tiers": TWO}),
    ("tier_unreachable", "shenzhen", "benefit.tiers", TWO),
    ("cap_without_amount", "mixed", "benefit.caps.1.amount", ...),
    ("cap_without_period", "mixed", "benefit.caps.1.period", ...),
    ("cap_with_two_amounts", "mixed", "benefit.caps.2.set_at_approval", True),
    ("cap_above_envelope", "mixed", "benefit.caps.0.amount", "9000000"),
    ("floor_above_cap", "mixed", "benefit.floor", {"measure": "SUBSIDY", "amount": "40000.01"}),
    ("rounding_not_stated", "mixed", "benefit.rounding", ...),
    ("quantum_zero", "mixed", "benefit.rounding.quantum", "0"),
    ("quantum_below_minor_unit", "mixed", "benefit.rounding.quantum", "0.005"),
    ("prorata_without_reference", "mixed", "benefit.prorata", {"day_count": "INCLUSIVE"}),
    ("claimant_does_not_fit", "mixed", "redemption.claimant", "BENEFICIARY"),
    ("in_kind_is_not_money", "mixed", "redemption", {"model": "IN_KIND", "claimant": "NONE"}),
    ("in_kind_is_not_money", "mixed", "unit", {"kind": "COMPUTE", "unit": "TOKEN"}),
    ("in_kind_with_money_rule", "in-kind", "benefit.co_payment", {"min_share": "1%"}),
    ("in_kind_with_money_rule", "in-kind", "budget.reserve_fund", {}),
    ("registry_missing", "shenzhen", "providers.registry", ...),
    ("price_ceiling_incomplete", "mixed", "providers.price_ceiling", {"kind": "PEER_GROUP_MEDIAN"}),
    ("arms_length_without_ownership", "mixed", "contract.arms_length.ownership_source", ...),
    ("group_cap_without_ownership", "mixed", "contract.arms_length", ...),
    ("expiry_before_last_window", "mixed", "expiry", {"rule": {**FIXED, "on": "2026-01-01"}}),
    ("expiry_incomplete", "mixed", "expiry", {"rule": FIXED, "restore_within_days": 31, "expunge_days": 30}),
    ("expiry_incomplete", "mixed", "expiry", {"rule": FIXED, "notices_days": [5], "offline_days": 5}),
    ("project_end_without_purpose", "mixed", "expiry", {"rule": {"kind": "PROJECT_END"}}),
    ("transfer_rule_without_mode", "mixed", "transfer.mode", "NONE"),
    ("open_transfer_of_bound_voucher", "mixed", "scope.purpose_bound", True),
    ("transfer_of_reimbursement", "mixed", "redemption", {"model": "POST_USE_REIMBURSEMENT", "claimant": "EITHER"}),
    ("clawback_without_appeal", "mixed", "control.appeal", ...),
    ("review_thresholds_not_rising", "mixed", "review", STEPS),
    ("line_condition_on_applicant", "mixed", "scope.line_when", {"fact": "employees", "above": 1}),
    ("open_ended", "mixed", "valid.end", ...),
    ("sources_missing", "mixed", "legal_basis", []),
]  # fmt: skip


@pytest.mark.parametrize(("code", "name", "path", "new"), CHANGES)
def test_a_finding(code: str, name: str, path: str, new: Any) -> None:
    value = changed(data(name), path, new)
    if code == "expiry_before_last_window":
        value = changed(value, "redemption.windows", WINDOW)
    found = {each.code: each for each in lint(rules_of(read_document(value)))}
    assert code in found
    assert found[code].places
    assert found[code].why


def test_what_is_settled_and_never_released() -> None:
    value = changed(data("hangzhou"), "redemption.windows", ...)
    value = changed(value, "expiry.rule", {"kind": "NONE"})
    assert "settled_without_release" in {each.code for each in lint(rules_of(read_document(value)))}


def test_every_kind_is_tried() -> None:
    assert {code for code, *_ in CHANGES} | {"settled_without_release", "scope_widened"} == set(KINDS)


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_document_can_be_published(name: str) -> None:
    assert not blocks(lint(rules(name)))


def test_conditions_that_exclude_each_other_do_not_overlap() -> None:
    def overlap(one: Any, other: Any) -> bool:
        tiers = [{"id": "a", "rate": "1/2", "when": one}, {"id": "b", "rate": "1/3", "when": other}]
        benefit = {"basis": "SETTLED", "tiers": tiers, "rounding": {"mode": "TRUNCATE", "quantum": "1"}}
        found = lint(rules_of(read_document(changed(data("mixed"), "benefit", benefit))))
        return "tiers_overlap" in {each.code for each in found}

    number, code = "employees", "accelerator_origin"
    assert not overlap({"fact": number, "below": 10}, {"fact": number, "at_least": 10})
    assert overlap({"fact": number, "at_most": 10}, {"fact": number, "at_least": 10})
    assert not overlap({"fact": code, "is": "DOMESTIC"}, {"fact": code, "in": ["OTHER", "FOREIGN"]})
    assert overlap({"fact": code, "is": "OTHER"}, {"fact": code, "in": ["OTHER", "FOREIGN"]})
    assert not overlap({"fact": "founded_on", "within_months": 12}, {"fact": "founded_on", "not_within_months": 12})
    assert overlap({"fact": "founded_on", "within_months": 13}, {"fact": "founded_on", "not_within_months": 12})
    assert not overlap({"fact": number, "above": 5}, {"not": {"fact": number, "above": 5}})
    both = {"all": [{"fact": code, "is": "DOMESTIC"}, {"fact": number, "below": 10}]}
    assert not overlap(both, {"fact": number, "at_least": 10})
    assert overlap({"fact": number, "below": 10}, {"fact": code, "is": "DOMESTIC"})


BAD: list[tuple[str, str, Any, str]] = [
    ("malformed", "benefit.tiers.0.rat", "1/2", "benefit.tiers[0]"),
    ("malformed", "benefit.tiers.0.rate", "0.5", "benefit.tiers[0].rate"),
    ("malformed", "benefit.tiers.0.rate", "1/0", "benefit.tiers[0].rate"),
    ("malformed", "budget.envelopes.0.amount", "1e6", "budget.envelopes[0].amount"),
    ("malformed", "budget.envelopes.0.amount", "0.0000001", "budget.envelopes[0].amount"),
    ("malformed", "schema", "counterfoil.programme/2", "schema"),
    ("malformed", "providers", ..., ""),
    ("malformed", "unknown", {}, ""),
    ("malformed", "benefit.tiers", [], "benefit.tiers"),
    ("not_a_date", "valid.end", "2026-02-30", "valid.end"),
    ("not_json", "version", 1.5, ""),
    ("not_json", "version", 2**53, ""),
    ("text_not_visible", "issuer.name", "City\u202e", "issuer.name"),
    ("text_not_visible", "title.en", " ", "title.en"),
]


@pytest.mark.parametrize(("code", "path", "new", "where"), BAD)
def test_what_cannot_be_read(code: str, path: str, new: Any, where: str) -> None:
    with pytest.raises(BadDocument) as problem:
        read_document(changed(data("mixed"), path, new))
    assert (problem.value.code, problem.value.where) == (code, where)


def _nested(levels: int) -> Any:
    condition: Any = {"fact": "employees", "below": 250}
    for _ in range(levels):
        condition = {"not": condition}
    return condition


def _terms(count: int) -> Any:
    part = {"any": [{"fact": "employees", "below": 1} for _ in range(MAX_ITEMS - 1)]}
    left = count - 1 - MAX_ITEMS
    return {"all": [part, {"any": [{"fact": "employees", "below": 1} for _ in range(left - 1)]}]}


def _is_read(path: str, new: Any) -> bool:
    try:
        read_document(changed(data("mixed"), path, new))
    except BadDocument as problem:
        return {"malformed": False, "nested_too_deep": False}[problem.code]
    return True


def test_each_limit_at_n_and_one_more() -> None:
    tiers = [{"id": f"t{n}", "rate": "1/2"} for n in range(MAX_ITEMS + 1)]
    assert [_is_read(TIERS, tiers[:n]) for n in (MAX_ITEMS, MAX_ITEMS + 1)] == [True, False]
    assert [_is_read("budget.text", "x" * n) for n in (MAX_TEXT, MAX_TEXT + 1)] == [True, False]
    around = 4  # eligibility, its item, when: the depth of the condition itself
    deepest = MAX_DOCUMENT_NESTING - around
    assert [_is_read("eligibility.0.when", _nested(n)) for n in (deepest, deepest + 1)] == [True, False]
    for count, fits in ((MAX_TERMS, True), (MAX_TERMS + 1, False)):
        found = lint(rules_of(read_document(changed(data("mixed"), "eligibility.0.when", _terms(count)))))
        assert ("condition_malformed" not in {each.code for each in found}) is fits


def test_the_limit_of_bytes_at_n_and_one_more() -> None:
    def sized(last: int) -> Any:
        texts = ["x" * MAX_TEXT] * (MAX_ITEMS - 1)
        return changed(
            data("mixed"), "provenance", {"assumed": texts, "grade": "T" + "1" * 63, "open_questions": ["x" * last]}
        )

    least = len(read_document(sized(1)).data)
    fill = MAX_DOCUMENT_BYTES - least + 1
    assert fill <= MAX_TEXT
    assert len(read_document(sized(fill)).data) == MAX_DOCUMENT_BYTES
    with pytest.raises(BadDocument) as problem:
        read_document(sized(fill + 1))
    assert problem.value.code == "too_large"
