"""Reclaimed hours in the ledger: what goes back of vouchers and cash, and of the bond, to the last micro-unit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from counterfoil.contract.times import DAY, HOUR
from counterfoil.ledger.events import BondReleased, BondSlashed, HoldCaptured, HoldReleased, VoucherRestored
from counterfoil.ledger.notice_events import BondDivided
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.ledger.service import SERVICE
from counterfoil.redemption.reclaim_events import DeliveryReclaimed
from tests.ledger.story import COMPLETED, DEFAULTED, T, accepted, issued, traded
from tests.views import viewed_in

FIRST = T // HOUR + 24


def over(amount: int, *, ends: bool = False) -> DeliveryReclaimed:
    """So much of the price of 900 is of hours that were reclaimed."""
    return DeliveryReclaimed(
        contract_id="trade", beneficiary_id="acme", provider_id="cloud", hour=FIRST + 900 - amount, hours=amount,
        amount=amount, forfeits_bps=2_500, report_by=T + DAY, ends=ends,
    )  # fmt: skip


@pytest.mark.parametrize("used", [0, 100, 101])
@pytest.mark.parametrize("amount", [1, 2, 3, 299, 451, 799])
def test_what_goes_back_is_what_the_hours_before_do_not_need(tmp_path: Path, amount: int, used: int) -> None:
    """900 are 600 from vouchers and 300 in cash, the bond is 90; then the rest is used to the last, in any split."""
    with viewed_in(tmp_path, SERVICE) as viewed:
        told = viewed.of(traded(issued("v1", 1_000)))
        if used:
            told.hears(accepted("trade", used)).then_types(HoldCaptured)
        if amount + used > 900:
            return
        told.hears(over(amount)).then_types(ContractReclaimed)
        back: Any = told.said[-1]
        vouchers = sum(each.amount for each in back.vouchers)
        assert vouchers + back.cash == amount
        rest = 900 - amount
        assert vouchers == 600 - rest * 2 // 3, "what is left pays the share of all that may be invoiced"
        assert (back.bond, back.paid) == (90 * amount // 900, 90 * amount // 900 // 4)
        assert back.returned == back.bond - back.paid
        assert viewed.part("holds", "trade", "vouchers", "cash", "bond") == (
            600 - vouchers - used * 2 // 3, 300 - back.cash - (used - used * 2 // 3), 90 - back.bond,
        )  # fmt: skip
        assert viewed.part("reclaims", "trade", "hours", "paid", "programme_id") == (amount, back.paid, "city")
        if rest - used:
            told.hears(accepted("trade", rest - used)).then_types(HoldCaptured)
        told.hears(COMPLETED).then_types(HoldReleased, BondReleased)
        assert told.voucher("v1")[0] == 1_000 - rest * 2 // 3
        paid = rest - rest * 2 // 3
        assert told.cash("acme") == (10_000 - paid + back.paid, 0)
        assert told.cash("cloud") == (10_000 + paid - back.paid, 0)


def test_a_contract_that_never_began_ends_with_it(tmp_path: Path) -> None:
    with viewed_in(tmp_path, SERVICE) as viewed:
        told = viewed.of(traded(issued("v1", 1_000)))
        told.hears(over(900, ends=True)).then_types(ContractReclaimed)
        assert told.voucher("v1") == (1_000, 0, 0, 0, 0)
        assert (told.cash("acme"), told.cash("cloud")) == ((10_022, 0), (9_978, 0))
        assert not told.state.contracts
        assert "trade" in told.state.ended
        assert viewed.part("holds", "trade", "status", "vouchers", "cash", "bond") == ("reclaimed", 0, 0, 0)


def test_what_is_left_of_a_bond_is_slashed_or_divided_as_ever() -> None:
    told = traded(issued("v1", 1_000)).hears(over(450))
    told.hears(replace(DEFAULTED, cause="usage_not_reported")).then_types(HoldReleased, BondSlashed)
    assert told.cash("cloud") == (10_000 - 45 // 4 - 45, 0)
    told = traded(issued("v1", 1_000)).hears(over(450)).hears(accepted("trade", 300))
    told.hears(COMPLETED).then_types(HoldReleased, BondDivided)
    assert told.said[-1].paid == 45 // 3, "a third of what was left was not delivered"


def test_what_goes_back_of_a_voucher_that_ends_soon_lasts_long_enough_to_be_used() -> None:
    told = traded(issued("v1", 1_000, expires_at=T + 40 * HOUR)).hears(over(450))
    told.then_types(ContractReclaimed, VoucherRestored)
    assert sum(each.amount for each in told.said[0].vouchers) == told.said[1].face
