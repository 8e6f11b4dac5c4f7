"""The life of a voucher on the ledger: expiry, revocation and suspension, with all, some or none of its value held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.ledger.events import (
    BondReleased,
    HoldCaptured,
    HoldRefused,
    HoldReleased,
    Shortfall,
    VoucherCancelled,
    VoucherClosed,
    VoucherExpired,
    VoucherFrozen,
    VoucherUnfrozen,
)
from counterfoil.ledger.service import DECIDER
from counterfoil.matching.events import BidReduced
from tests.ledger.story import (
    CALLED_OFF,
    CLOSED,
    COMPLETED,
    DEFAULTED,
    ENDS,
    LAST_START,
    REINSTATED,
    RETURNED,
    REVOKED,
    SUSPENDED,
    accepted,
    bid,
    code,
    draws,
    expire,
    issued,
    offer,
    story,
    trade,
    traded,
)


@pytest.mark.parametrize(("recycle", "budget"), [("appropriation", (100_000, 0)), ("lapsed", (99_000, 1_000))])
def test_unheld_value_expires_into_the_budget_or_lapses(recycle: str, budget: tuple[int, int]) -> None:
    told = story(issued("v1", 1_000), recycle=recycle)
    assert DECIDER.due(told.state) == (ENDS, "voucher_expiry")
    expire(told, ENDS - 1).then()
    expire(told).then_types(VoucherExpired, VoucherClosed)
    assert told.voucher("v1") == (0, 0, 0, 1_000, 0)
    assert told.budget() == (budget[0], 0, 0, budget[1])
    assert DECIDER.due(told.state) is None
    assert not told.state.vouchers.open
    assert "v1" not in told.state.accounts.assets


def test_expired_value_is_not_spendable_although_no_sweep_came_by() -> None:
    told = story(issued("v1", 1_000), issued("v2", 1_000, expires_at=ENDS + 1))
    told.hears(bid("before", 3, 1, "v1"), at=ENDS - 1)
    assert code(told) is None
    told.hears(bid("named", 3, 1, "v1"), at=ENDS)
    assert code(told) == Code.VOUCHER_EXPIRED
    told = story(issued("v1", 1_000), issued("v2", 1_000, expires_at=ENDS + 9))
    told.hears(bid("unnamed", 1_500), at=ENDS)
    assert draws(told) == [("v2", 1_000)]
    told.hears(bid("more", 3))
    assert code(told) == Code.EXCEEDS_AVAILABLE


def test_a_refused_hold_says_what_is_missing_of_what() -> None:
    """Of vouchers two thirds of the price are needed, of cash the rest."""
    told = story(issued("v1", 500), issued("v2", 100))
    for order, lacking in (
        (bid("dear", 3_000), (Shortfall(of="vouchers", needed=2_000, available=600),)),
        (bid("named", 1_200, 1, "v1"), (Shortfall(of="vouchers", needed=800, available=500),)),
        (bid("both", 60_000), (Shortfall(of="vouchers", needed=40_000, available=600),
                               Shortfall(of="cash", needed=20_000, available=10_000))),
        (bid("nobody", 3, 1, "x"), ()),
    ):  # fmt: skip
        (refused,) = told.hears(order).said
        assert isinstance(refused, HoldRefused)
        assert (refused.party_id, refused.programme_id, refused.currency) == ("acme", "city", "CNY")
        assert refused.lacking == lacking
    (refused,) = told.hears(offer("bond", 10_001)).said
    assert refused.lacking == (Shortfall(of="cash", needed=10_001, available=10_000),)


def test_an_expiry_takes_the_unheld_rest_of_its_own_voucher_and_nothing_else() -> None:
    told = traded(issued("v1", 700, expires_at=ENDS - 1), issued("v2", 1_000))
    told.hears(accepted("trade", 300), bid("other", 150, 1, "v2"))
    before = {key: known for key, known in told.balances.known.items() if key[1] not in ("v1", "budget:city")}
    expire(told, ENDS - 1).then_types(VoucherExpired)
    assert told.voucher("v1") == (0, 400, 200, 100, 0)
    assert before == {key: known for key, known in told.balances.known.items() if key in before}
    assert DECIDER.due(told.state) == (ENDS, "voucher_expiry")


def test_an_expiry_cannot_take_what_was_captured_or_is_still_to_be_captured() -> None:
    told = expire(traded(issued("v1", 700)).hears(accepted("trade", 300)))
    told.hears(accepted("trade", 450, "after")).then_types(HoldCaptured)
    assert told.voucher("v1") == (0, 100, 500, 100, 0)
    told.hears(accepted("trade", 150, "last")).then_types(HoldCaptured, VoucherClosed)
    assert told.voucher("v1") == (0, 0, 600, 100, 0)
    assert "v1" not in told.state.vouchers.open
    told.hears(COMPLETED).then_types(HoldReleased, BondReleased)
    assert told.budget() == (99_300, 600, 0, 100)


def test_a_voucher_that_was_redeemed_to_the_last_unit_is_known_until_it_ends() -> None:
    """Its end, worth nothing, is what tells issuance that it is over."""
    told = traded(issued("v1", 600)).hears(accepted("trade", 900), COMPLETED)
    assert told.voucher("v1") == (0, 0, 600, 0, 0)
    assert code(told.hears(bid("late", 3, 1, "v1"))) == Code.EXCEEDS_AVAILABLE
    expire(told)
    event, over = told.said
    assert (event.voucher_id, event.amount, event.legs) == ("v1", 0, ())
    assert over == VoucherClosed(voucher_id="v1")
    assert not told.state.vouchers.open


@pytest.mark.parametrize(
    ("ending", "death", "expected", "budget"),
    [
        (COMPLETED, None, (0, 0, 200, 800, 0), (99_000, 200, 0, 800)),  # the sweep
        (COMPLETED, REVOKED, (0, 0, 200, 0, 800), (99_800, 200, 0, 0)),
        (COMPLETED, RETURNED, (0, 0, 200, 0, 800), (99_800, 200, 0, 0)),
        (CALLED_OFF, None, (0, 0, 200, 800, 0), (99_000, 200, 0, 800)),
        (CALLED_OFF, REVOKED, (0, 0, 200, 0, 800), (99_800, 200, 0, 0)),
        (DEFAULTED, REVOKED, (0, 0, 200, 0, 800), (99_800, 200, 0, 0)),
        (DEFAULTED, RETURNED, (0, 0, 200, 0, 800), (99_800, 200, 0, 0)),
    ],
)
def test_what_a_contract_gives_back_to_a_dead_voucher_dies_with_it(
    ending: Event, death: Event | None, expected: tuple[int, ...], budget: tuple[int, ...]
) -> None:
    told = traded(issued("v1", 1_000)).hears(accepted("trade", 300))
    if death is None:
        expire(told).then_types(VoucherExpired)
        assert told.voucher("v1") == (0, 400, 200, 400, 0)
    else:
        told.hears(death).then_types(VoucherCancelled)
        assert told.voucher("v1") == (0, 400, 200, 0, 400)
    told.hears(ending)
    assert told.voucher("v1") == expected
    assert told.budget() == budget
    assert not told.state.vouchers.open


@pytest.mark.parametrize(
    ("event", "held"),
    [
        (CLOSED, 0),
        (BidReduced(bid_id="bid", nodes_left=1), 200),
        (trade("trade", 150, 1), 300),
    ],
)
@pytest.mark.parametrize("swept", [True, False])
def test_what_an_order_gives_back_to_an_expired_voucher_never_becomes_available(
    event: Event, held: int, swept: bool
) -> None:
    """Ledger time decides, whether or not the sweep has run."""
    told = story(issued("v1", 1_000), offer("offer", 100), bid("bid", 300, 2))
    if swept:
        expire(told).then_types(VoucherExpired)
    told.hears(event, at=ENDS + 1)
    assert told.voucher("v1") == (0, held, 0, 1_000 - held, 0)
    expire(told, ENDS + 2).then()


def test_a_programme_that_does_not_toll_takes_no_hold_that_could_outlast_its_vouchers() -> None:
    told = story(issued("v1", 1_000), tolls=False)
    told.hears(bid("late", 300, latest=LAST_START + 1))
    assert code(told) == Code.EXCEEDS_AVAILABLE  # unnamed vouchers that do not fit are not looked at
    told.hears(bid("bid", 300, latest=LAST_START))
    assert code(told) is None


def test_revocation_cancels_what_is_not_held_and_recycles_it() -> None:
    told = story(issued("v1", 1_000), issued("v2", 10), bid("bid", 300, 1, "v1"))
    told.hears(REVOKED, replace(REVOKED, voucher_id="v2"))
    assert (told.voucher("v1"), told.voucher("v2")) == ((0, 200, 0, 0, 800), (0, 0, 0, 0, 10))
    assert told.budget() == (99_800, 200, 0, 0)
    for event in (REVOKED, SUSPENDED, REINSTATED):
        told.hears(event).then()
    assert told.state.vouchers.open["v1"].status == "revoked"
    expire(told).then()
    assert told.hears(CLOSED).voucher("v1") == (0, 0, 0, 0, 1_000)


def test_a_suspension_bars_new_holds_and_leaves_old_ones_alone() -> None:
    told = traded(issued("v1", 1_000)).hears(SUSPENDED)
    told.then_types(VoucherFrozen)
    assert code(told.hears(bid("named", 3, 1, "v1"))) == Code.VOUCHER_SUSPENDED
    assert code(told.hears(bid("unnamed", 3))) == Code.EXCEEDS_AVAILABLE
    told.hears(accepted("trade", 450)).then_types(HoldCaptured)
    told.hears(COMPLETED)
    assert told.voucher("v1") == (700, 0, 300, 0, 0)
    told.hears(REINSTATED).then_types(VoucherUnfrozen)
    assert code(told.hears(bid("again", 3))) is None
    told.hears(SUSPENDED)
    assert expire(told).voucher("v1") == (0, 2, 300, 698, 0)
