"""Reversed captures in the ledger: value goes back where it came from, and what providers owe is on an account."""

from __future__ import annotations

import pytest

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.core.rules import LATEST, RULES
from counterfoil.ledger.events import (
    CaptureReversed,
    Draw,
    ReceivableOffset,
    ReceivableRecovered,
    VoucherClosed,
    VoucherExpired,
)
from tests.ledger.story import (
    COMPLETED,
    DEFAULTED,
    ENDS,
    RETURNED,
    REVOKED,
    Story,
    accepted,
    bid,
    code,
    expire,
    issued,
    offset,
    paid,
    recovered,
    reversal,
    traded,
    withdraw,
)

ON_CITY = "claims:city"
"""The asset of the claims on the programme."""


def owed(told: Story) -> int:
    """What the provider owes, below zero."""
    return told.posted("receivables/cloud", ON_CITY)


def claimable(told: Story) -> int:
    """The provider's claims on the programme."""
    return told.posted("claims/cloud", ON_CITY)


def delivered(*, claimed: int = 0) -> Story:
    """All of a contract of 900 is captured: 400 and 200 of two vouchers, 300 in cash; so much of it is paid."""
    told = traded(issued("v1", 400), issued("v2", 600)).hears(accepted("trade", 900, "report"), COMPLETED)
    return told.hears(paid("cloud", claimed)) if claimed else told


def test_draws_are_undone_in_reverse_order() -> None:
    told = delivered().hears(reversal("report", 300, 0, 150)).then_types(CaptureReversed)
    assert isinstance(told, Story)
    (event,) = told.said
    assert event.vouchers == (Draw(voucher_id="v2", amount=200), Draw(voucher_id="v1", amount=100))
    assert (told.voucher("v1"), told.voucher("v2")) == ((100, 0, 300, 0, 0), (600, 0, 0, 0, 0))
    told.hears(reversal("report", 300, 0, 150))
    assert told.said[0].vouchers == (Draw(voucher_id="v1", amount=300),)
    assert (told.voucher("v1"), told.voucher("v2")) == ((400, 0, 0, 0, 0), (600, 0, 0, 0, 0))
    assert (told.cash("acme"), told.cash("cloud")) == ((10_000, 0), (10_000, 0))
    assert claimable(told) == owed(told) == told.posted("claims_payable/city", ON_CITY) == 0
    assert told.state.captures["report"].draws == ()


def test_what_came_back_pays_for_the_next_bid() -> None:
    told = delivered().hears(bid("next", 1_000))
    assert code(told) == Code.EXCEEDS_AVAILABLE
    told.hears(reversal("report", 600, 0, 300), bid("again", 1_000))
    assert code(told) is None


def test_subsidy_that_was_paid_is_owed_until_it_is_set_off_or_paid_back() -> None:
    told = delivered(claimed=600)
    assert told.budget() == (99_000, 400, 600, 0)
    told.hears(reversal("report", 0, 450, 0))
    assert (owed(told), told.posted("recoverable", "budget:city")) == (-450, -450)
    assert told.budget() == (99_000, 850, 600, 0)  # the vouchers are worth 850 again; 600 was paid out
    told.hears(recovered(400)).then_types(ReceivableRecovered)
    assert (owed(told), told.posted("recovered", "budget:city")) == (-50, -400)
    expire(told)  # and none of it is lost: what was owed has become free
    assert told.budget() == (99_000, 0, 600, 850)


def test_a_claim_that_is_set_off_is_not_paid_again() -> None:
    told = delivered(claimed=500).hears(reversal("report", 0, 60, 0), offset(60)).then_types(ReceivableOffset)
    assert isinstance(told, Story)
    assert (owed(told), claimable(told)) == (0, 40)
    told.hears(paid("cloud", 40))
    assert claimable(told) == 0
    assert told.posted("settled", ON_CITY) == 540


def test_value_of_an_expired_voucher_expires_and_of_a_voucher_that_is_gone_lapses() -> None:
    told = expire(delivered())
    assert set(told.state.vouchers.open) == set()
    told.hears(reversal("report", 90, 0, 0)).then_types(CaptureReversed)
    assert (told.said[0].lapsed, told.budget()) == (90, (99_000, 510, 0, 490))
    late = delivered().hears(reversal("report", 90, 0, 0), at=ENDS)
    late.then_types(CaptureReversed, VoucherExpired, VoucherClosed)  # not swept yet, and dead all the same
    assert late.voucher("v2") == (0, 0, 110, 490, 0)


@pytest.mark.parametrize("death", [REVOKED, RETURNED])
def test_value_of_a_voucher_that_was_revoked_or_given_back_is_cancelled(death: Event) -> None:
    told = traded(issued("v1", 1_000)).hears(accepted("trade", 300, "report"), death)
    assert told.voucher("v1") == (0, 400, 200, 0, 400)
    told.hears(reversal("report", 50, 0, 0))
    assert told.voucher("v1") == (0, 400, 150, 0, 450)
    told.hears(COMPLETED, reversal("report", 50, 0, 0)).then_types(CaptureReversed)
    assert told.said[0].lapsed == 50  # nothing was left of the voucher


@pytest.mark.parametrize(("at", "lapses"), [(ENDS - DAY, 0), (ENDS, 50)])
def test_a_reversal_after_a_default_goes_back_to_the_voucher_that_paid(at: int, lapses: int) -> None:
    """Not to the one that was made of what the default gave back."""
    told = traded(issued("v1", 600)).hears(accepted("trade", 300, "report"))
    if lapses:
        expire(told, at)
    told.hears(DEFAULTED, at=at)
    told.hears(reversal("report", 50, 0, 0), at=at).then_types(CaptureReversed)
    assert told.said[0].lapsed == lapses
    assert told.voucher("v1") == (50 - lapses, 0, 150 + lapses, 0, 0)
    assert told.posted("restored", "v1") == 400


def test_captures_of_earlier_rules_are_reversed_too() -> None:
    """Claims that began by rules 3 are in the currency; what is owed is kept with the claims on the programme."""
    told = traded(issued("v1", 1_000))
    told.state.rules = RULES[3]
    told.hears(accepted("trade", 300, "report"))
    told.state.rules = RULES[LATEST]
    told.hears(accepted("trade", 300, "later"), paid("cloud", 120), reversal("report", 30, 60, 0))
    assert (claimable(told), told.posted("claims/cloud"), owed(told)) == (50, 200, -60)
    told.hears(offset(60))
    assert (claimable(told), told.posted("claims/cloud"), owed(told)) == (0, 190, -10)
    assert told.posted("receivables/cloud") == 10
    told.hears(reversal("later", 190, 10, 0), recovered(10))
    assert owed(told) + told.posted("receivables/cloud") == 0
    assert told.posted("claims/cloud") == 0


@pytest.mark.parametrize(("has", "gets", "unpaid"), [(10_000, 300, 0), (299, 299, 1), (0, 0, 300)])
def test_a_provider_without_cash_owes_the_co_payment_outside(has: int, gets: int, unpaid: int) -> None:
    """Its empty account does not keep public money from coming back."""
    told = delivered()
    told.when(withdraw("cloud", 10_300 - has), "treasury")
    told.hears(reversal("report", 600, 0, 300))
    assert told.said[0].unpaid == unpaid
    assert told.cash("acme") == (9_700 + gets, 0)
    assert told.voucher("v2") == (600, 0, 0, 0, 0)
