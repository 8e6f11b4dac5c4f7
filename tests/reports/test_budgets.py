"""R1, R2, R6, R7: the figures of a story are those that a person gets, and those of any log agree with each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil.contract.references import same_as
from counterfoil.reports.folding import Folded, fold
from counterfoil.reports.given import Given
from tests.market import USD
from tests.reports.rows import rows

GOLDEN = [Path(__file__).parents[1] / "golden" / name for name in ("rules-1", "rules-3-to-4", "rules-7")]


def test_the_budget_of_a_story(story: Folded) -> None:
    """5,000 appropriated, 900 issued; of one order of 32, half for lack of delivery 24, the programme paid half."""
    (row,) = rows(story, "R1")
    paid = 12 * USD
    assert row == {
        "scope": "programme", "appropriated": 5_000 * USD, "returned": 0, "uncommitted": 5_000 * USD - paid,
        "issued": 900 * USD, "available": 0, "held": 0, "captured": 0, "claimed": 0, "payable": 0, "paid": paid,
        "lapsed": 0, "expired": 900 * USD - paid, "revoked": 0, "recycled": 900 * USD - paid, "owed": 0,
        "recovered": 0, "written_off": 0, "difference": 0, "committed_bps": 24, "paid_bps": 24,
        "exhausted_on": row["exhausted_on"],
    }  # fmt: skip


def test_the_vouchers_of_a_story(story: Folded) -> None:
    """One voucher pays 12; of the other what a provider did not deliver for goes on as a third. All expire."""
    parts = [(row["beneficiary_id"], row["face"], row["redeemed"], row["restored"]) for row in rows(story, "R2")]
    assert parts == [
        ("lab-1", 500 * USD, 12 * USD, 0), ("lab-2", 400 * USD, 0, 8 * USD), ("lab-2", 8 * USD, 0, 0),
    ]  # fmt: skip
    assert [row["expired"] for row in rows(story, "R7")] == [488 * USD, 392 * USD, 8 * USD]


def test_a_bank_statement_that_says_less_is_a_difference(played: Path) -> None:
    paid = [
        row
        for row in rows(fold(played, given=Given(bank={same_as("PAY-1"): 11 * USD})), "R6")
        if row["check"] == "payments"
    ]
    assert [(row["left"], row["right"], row["difference"]) for row in paid] == [(12 * USD, 11 * USD, USD)]


@pytest.mark.parametrize("logs", GOLDEN, ids=lambda path: path.name)
def test_the_figures_of_every_log_agree(logs: Path) -> None:
    """Of all rules versions: nothing is missing of a budget, and each voucher's face is where it says."""
    folded = fold(logs)
    programmes = [row["programme_id"] for row in folded.tables.rows("programmes")]
    assert programmes
    for programme_id in programmes:
        totals = rows(folded, "R1", programme_id)[0]
        assert totals["difference"] == 0
        compared = rows(folded, "R6", programme_id)
        assert [row for row in compared if row["difference"]] == []
        places = ("available", "held", "redeemed", "expired", "cancelled", "restored")
        vouchers = rows(folded, "R2", programme_id)
        assert [row for row in vouchers if row["face"] != sum(row[name] for name in places)] == []
        assert sum(row["available"] for row in vouchers) == totals["available"]
        assert sum(row["held"] for row in vouchers) == totals["held"]


def test_what_is_missing_shows_where(played: Path) -> None:
    """One unit less than was captured, paid, or posted, and the comparison that must see it does."""
    folded = fold(played)
    folded.flows.payees["p1", "gpu-1", "settled"] -= 1
    folded.earned.sums["p1", "gpu-1", "captured"] += 1
    folded.tables.get("vouchers_balance", "vch-7-0")["available"] += 1  # type: ignore[index]
    found = {(row["check"], row["left_is"]) for row in rows(folded, "R6") if row["difference"]}
    assert found >= {("payees", "paid, ledger"), ("payees", "captured, ledger"), ("total", "obligated")}
    assert rows(folded, "R1")[0]["difference"] == -1
