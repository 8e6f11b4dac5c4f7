"""What another's failure gives back comes back with time to use it, whatever has become of its voucher."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from counterfoil.contract.record import Event
from counterfoil.contract.times import DAY
from counterfoil.core.rules import LATEST, RULES
from counterfoil.ledger.events import BondSlashed, HoldReleased, VoucherClosed, VoucherExpired, VoucherRestored
from tests.ledger.story import (
    DEFAULTED,
    ENDS,
    REINSTATED,
    SUSPENDED,
    Story,
    accepted,
    bid,
    code,
    draws,
    expire,
    issued,
    traded,
)

LIFETIME = RULES[LATEST].restored_for or 0


def restored(told: Story) -> list[VoucherRestored]:
    """The vouchers that the last step made."""
    return [event for event in told.said if isinstance(event, VoucherRestored)]


@pytest.mark.parametrize(
    ("at", "comes_back"), [(ENDS - LIFETIME, False), (ENDS - LIFETIME + 1, True), (ENDS - 1, True), (ENDS + DAY, True)]
)
def test_a_default_gives_value_back_that_lasts_for_a_while(at: int, comes_back: bool) -> None:
    """700 were not held, 200 of 600 were delivered; the rest is back, on the same terms, for 30 days at least."""
    told = traded(issued("v1", 1_300)).hears(accepted("trade", 300))
    if at >= ENDS:
        expire(told, at)
    told.hears(DEFAULTED, at=at)
    if not comes_back:
        told.then_types(HoldReleased, BondSlashed)
        assert told.voucher("v1") == (1_100, 0, 200, 0, 0)
        return
    (news,) = restored(told)
    assert (news.restored_from, news.face, news.expires_at) == ("v1", 400, told.time + LIFETIME)
    assert told.voucher(news.voucher_id) == (400, 0, 0, 0, 0)
    assert told.posted("restored", "v1") == 400
    assert told.budget()[1] == (600 if at >= ENDS else 1_300), "it was issued before"
    told.hears(bid("again", 600, 1, news.voucher_id))
    assert code(told) is None
    expire(told, news.expires_at)
    assert told.voucher(news.voucher_id) == (0, 400, 0, 0, 0)


def test_the_last_part_that_comes_back_ends_its_voucher() -> None:
    told = expire(traded(issued("v1", 600))).hears(DEFAULTED)
    told.then_types(HoldReleased, VoucherRestored, VoucherClosed, BondSlashed)
    assert "v1" not in told.state.vouchers.open
    (news,) = restored(told)
    expire(told, news.expires_at).then_types(VoucherExpired, VoucherClosed)
    assert not told.state.vouchers.open
    assert told.budget() == (99_400, 0, 0, 600)


@pytest.mark.parametrize(("before", "barred"), [((SUSPENDED,), True), ((SUSPENDED, REINSTATED), False)])
def test_what_was_suspended_comes_back_suspended(before: Sequence[Event], barred: bool) -> None:
    told = traded(issued("v1", 600)).hears(*before).hears(DEFAULTED, at=ENDS - 1)
    (news,) = restored(told)
    assert news.suspended is barred
    told.hears(bid("again", 3))
    assert (code(told) is not None) is barred


def test_each_voucher_of_a_hold_comes_back_by_itself() -> None:
    """Provenance is kept: what comes back names the voucher that it was part of."""
    told = traded(issued("v1", 400), issued("v2", 500, issue_seq=2))
    told.hears(DEFAULTED, at=ENDS)
    first, second = restored(told)
    assert (first.restored_from, first.face, second.restored_from, second.face) == ("v1", 400, "v2", 200)
    told.hears(bid("again", 600))
    assert draws(told) == [(first.voucher_id, 400)]
    expire(told, ENDS + DAY)
    assert told.voucher("v2") == (0, 0, 0, 300, 0)
    assert told.posted("restored", "v2") == 200


def test_by_rules_1_to_3_a_default_destroyed_what_had_expired() -> None:
    told = expire(traded(issued("v1", 1_000)))
    told.state.rules = RULES[3]
    told.hears(DEFAULTED).then_types(HoldReleased, VoucherExpired, BondSlashed)
    assert told.voucher("v1") == (0, 0, 0, 1_000, 0)
