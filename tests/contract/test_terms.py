"""The terms of a programme answer what the services ask of them."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from counterfoil.contract.terms import FixedExpiry, Rate, RedemptionModel, RelativeExpiry
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.ledger.capture import CAPTURES
from counterfoil.programme.form.redemption import Model
from counterfoil.programme.terms import expires_at, issues, on_market, report_by, settled_by
from tests.documents import document, rules_from
from tests.programmes import TERMS


@pytest.mark.parametrize(
    ("share", "amount", "subsidy", "rounds"),
    [((2, 3), 100, 66, True), ((2, 3), 3, 2, True), ((1, 1), 7, 7, False), ((3, 3), 7, 7, False), ((1, 2), 1, 0, True)],
)
def test_the_subsidy_is_the_share_rounded_down(share: tuple[int, int], amount: int, subsidy: int, rounds: bool) -> None:
    terms = replace(TERMS, share=Rate(num=share[0], den=share[1]))
    assert (terms.subsidy(amount), terms.rounds) == (subsidy, rounds)


def test_a_version_is_open_from_its_first_instant_to_before_its_last() -> None:
    terms = replace(TERMS, valid_from=5, valid_until=9, expiry=RelativeExpiry(kind="relative", after_seconds=1))
    assert [time for time in range(12) if terms.is_open(time)] == [5, 6, 7, 8]
    assert expires_at(terms, 6) == 6 + SECOND


def test_no_voucher_is_issued_that_has_already_ended() -> None:
    terms = replace(TERMS, valid_from=5, valid_until=9, expiry=FixedExpiry(kind="fixed", at=7))
    assert [time for time in range(12) if issues(terms, time)] == [5, 6]


def test_classes_and_regions_are_allowed_together() -> None:
    terms = replace(TERMS, classes=("a", "b"), regions=("east", "west"))
    assert terms.allows(("b", "a"), ("west",))
    assert not terms.allows(("a", "c"), ("west",))
    assert not terms.allows(("a",), ("west", "north"))


def test_usage_is_settled_after_both_windows_and_the_time_to_resolve_a_dispute() -> None:
    terms = replace(TERMS, report_within_seconds=3_600, dispute_window_seconds=60)
    assert report_by(terms, DAY) == DAY + HOUR
    assert settled_by(terms, DAY, 9) == DAY + HOUR + 60 * SECOND + 9


def test_each_redemption_model_has_its_capture() -> None:
    assert CAPTURES.keys() - set(get_args(Model)) == set(get_args(RedemptionModel))
    assert on_market(TERMS, meters_in_kind=False)
    hours = {"kind": "COMPUTE", "unit": "GPU_HOUR"}
    for model in get_args(Model):
        unit = {"unit": hours} if model == "IN_KIND" else {}
        rules = rules_from(document(redemption__model=model, **unit))
        assert on_market(rules, meters_in_kind=True) == (model in CAPTURES), model
        assert on_market(rules, meters_in_kind=False) == (model in CAPTURES and model != "IN_KIND"), model
    tokens = rules_from(document(redemption__model="IN_KIND", unit={"kind": "COMPUTE", "unit": "TOKEN"}))
    assert not on_market(tokens, meters_in_kind=True), "the market does not meter them"
