"""Double entry: what each kind of leg does to its two positions, and what an account can never be made to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.contract.limits import MAX_AMOUNT, MAX_LEGS
from counterfoil.core.table import dump
from counterfoil.ledger.accounts import Accounts, Effect, Posting
from counterfoil.ledger.chart import may_overdraw
from counterfoil.ledger.events import Balance

Step = tuple[Effect, str, str, int]
BANK_TO_A: Step = ("post", "bank", "cash/a", 100)


def booked(*steps: Step) -> Accounts:
    """Accounts after these legs, each drafted and booked by itself."""
    accounts = Accounts()
    for effect, debit, credit, amount in steps:
        posting = Posting(accounts)
        posting.leg(effect, "CNY", debit, credit, amount)
        accounts.apply(posting.take())
    return accounts


def counters(accounts: Accounts, account: str) -> tuple[int, ...]:
    """(n, debits pending, debits posted, credits pending, credits posted)."""
    p = accounts.find(account, "CNY")
    return (p.n, p.debits_pending, p.debits_posted, p.credits_pending, p.credits_posted)


@pytest.mark.parametrize(
    ("steps", "payer", "payee", "available"),
    [
        ([BANK_TO_A], (1, 0, 0, 0, 100), (0, 0, 0, 0, 0), 100),
        ([BANK_TO_A, ("post", "cash/a", "pool", 30)], (2, 0, 30, 0, 100), (1, 0, 0, 0, 30), 70),
        ([BANK_TO_A, ("hold", "cash/a", "pool", 30)], (2, 30, 0, 0, 100), (1, 0, 0, 30, 0), 70),
        (
            [BANK_TO_A, ("hold", "cash/a", "pool", 30), ("capture", "cash/a", "pool", 20)],
            (3, 10, 20, 0, 100), (2, 0, 0, 10, 20), 70,
        ),
        (
            [BANK_TO_A, ("hold", "cash/a", "pool", 30), ("release", "cash/a", "pool", 20)],
            (3, 10, 0, 0, 100), (2, 0, 0, 10, 0), 90,
        ),
    ],
)  # fmt: skip
def test_each_effect_moves_its_counters(
    steps: list[Step], payer: tuple[int, ...], payee: tuple[int, ...], available: int
) -> None:
    accounts = booked(*steps)
    assert counters(accounts, "cash/a") == payer
    assert counters(accounts, "pool") == payee
    assert accounts.find("cash/a", "CNY").available == available


@pytest.mark.parametrize(
    "steps",
    [
        [("post", "cash/a", "pool", 1)],
        [BANK_TO_A, ("post", "cash/a", "pool", 101)],
        [BANK_TO_A, ("hold", "cash/a", "pool", 101)],
        [BANK_TO_A, ("hold", "cash/a", "pool", 60), ("post", "cash/a", "pool", 41)],
        [BANK_TO_A, ("hold", "cash/a", "pool", 60), ("capture", "cash/a", "pool", 61)],
        [BANK_TO_A, ("release", "cash/a", "pool", 1)],
        [BANK_TO_A, ("post", "cash/a", "cash/a", 1)],
        [("post", "bank", "cash/a", MAX_AMOUNT), ("post", "bank", "cash/b", 1)],
        [("post", "bank", "cash/a", MAX_AMOUNT), ("post", "funding", "cash/a", 1)],
    ],
)
def test_no_account_is_overdrawn_no_hold_exceeded_no_balance_out_of_range(steps: list[Step]) -> None:
    booked(*steps[:-1])
    with pytest.raises(InvariantViolation):
        booked(*steps)


def test_balances_are_bounded_and_turnover_is_not() -> None:
    there: Step = ("post", "bank", "cash/a", MAX_AMOUNT)
    back: Step = ("post", "cash/a", "bank", MAX_AMOUNT)
    accounts = booked(there, back, there, back, there)
    assert accounts.find("cash/a", "CNY").posted == MAX_AMOUNT
    assert dict(dump([accounts.assets]))["position/CNY/cash/a"] == {
        "n": 5, "debits_pending": "0", "debits_posted": str(2 * MAX_AMOUNT),
        "credits_pending": "0", "credits_posted": str(3 * MAX_AMOUNT),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ("bank", True), ("funding", True), ("circulation", True), ("claims_payable/city", True),
        ("cash/bank", False), ("bankrupt", False), ("claims/cloud", False), ("obligated", False), ("bonds", False),
    ],
)  # fmt: skip
def test_value_comes_from_few_accounts(account: str, expected: bool) -> None:
    assert may_overdraw(account) is expected


def test_a_draft_changes_nothing_and_counts_on_from_leg_to_leg() -> None:
    accounts = booked(BANK_TO_A)
    posting = Posting(accounts)
    posting.leg("hold", "CNY", "cash/a", "pool", 60)
    posting.leg("post", "CNY", "cash/a", "pool", 0)
    posting.leg("capture", "CNY", "cash/a", "pool", 25)
    first, second = posting.take()
    posting.leg("release", "CNY", "cash/a", "pool", 35)
    (third,) = posting.take()
    assert [leg.debit_after for leg in (first, second, third)] == [
        Balance(n=2, posted=100, held=60), Balance(n=3, posted=75, held=35), Balance(n=4, posted=75, held=0),
    ]  # fmt: skip
    assert [leg.credit_after.n for leg in (first, second, third)] == [1, 2, 3]
    assert posting.take() == ()
    assert counters(accounts, "cash/a") == (1, 0, 0, 0, 100)
    accounts.apply((first, second, third))
    assert counters(accounts, "pool") == (3, 0, 0, 0, 25)
    with pytest.raises(InvariantViolation):  # a second time, or with another leg missing
        accounts.apply((third,))


@pytest.mark.parametrize("side", ["debit_after", "credit_after"])
@pytest.mark.parametrize("change", [{"n": 2}, {"posted": 99}, {"held": 1}])
def test_a_leg_whose_balance_after_is_not_the_balance_is_not_booked(side: str, change: dict[str, int]) -> None:
    posting = Posting(Accounts())
    posting.leg("post", "CNY", "bank", "cash/a", 100)
    (leg,) = posting.take()
    forged = replace(leg, **{side: replace(getattr(leg, side), **change)})
    with pytest.raises(InvariantViolation, match="balances"):
        Accounts().apply((forged,))


@pytest.mark.parametrize(("count", "fits"), [(MAX_LEGS, True), (MAX_LEGS + 1, False)])
def test_an_event_has_so_many_legs_and_no_more(count: int, fits: bool) -> None:
    posting = Posting(Accounts())
    for _ in range(count):
        posting.leg("post", "CNY", "bank", "cash/a", 1)
    if fits:
        assert len(posting.take()) == count
    else:
        with pytest.raises(InvariantViolation, match="legs"):
            posting.take()


def test_a_leg_moves_a_positive_amount() -> None:
    with pytest.raises(InvariantViolation, match="positive"):
        Posting(Accounts()).leg("post", "CNY", "bank", "cash/a", -1)


def test_an_asset_whose_life_is_over_is_forgotten() -> None:
    accounts = booked(BANK_TO_A)
    accounts.drop_asset("CNY")
    assert list(dump([accounts.assets])) == []
    assert counters(accounts, "cash/a") == (0, 0, 0, 0, 0)
