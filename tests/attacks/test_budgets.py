"""What one issuer, or one failure, could do to all others with budgets and vouchers: tried through commands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.times import HOUR
from counterfoil.issuance.commands import (
    AppropriateBudget,
    IssueVoucher,
    ReduceBudget,
    ReinstateVoucher,
    ReturnVoucher,
    RevokeVoucherV1,
    SuspendVoucherV1,
)
from counterfoil.ledger.invariants import check_ledger
from counterfoil.matching.commands import PlaceBid, PostOffer
from tests.properties.test_world_stateful import check_replay, check_settled
from tests.properties.world import YUAN, Newest, World, opened, programme
from tests.rules import changed_rules

P1 = IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=100 * YUAN)


def done(world: World, actor: str, *bodies: Any) -> None:
    """Commands that must be accepted, and all that follows from them."""
    before = world.refusals["accepted"]
    world.submit(actor, *bodies)
    assert world.refusals["accepted"] == before + len(bodies), world.refusals
    world.settle()


def refused(world: World, actor: str, code: str, body: Any) -> None:
    """A command that must be refused."""
    before = world.refusals[code]
    world.submit(actor, body)
    assert world.refusals[code] == before + 1, world.refusals


def vouchers(world: World) -> dict[str, Any]:
    """The vouchers that issuance knows."""
    return dict(world.state("issuance").vouchers)


def a_bid(world: World, ahead: int, **changes: Any) -> PlaceBid:
    """One node for two hours, paid for by half from vouchers of p1."""
    start = world.clock // HOUR + ahead
    bid = PlaceBid(
        programme_id="p1", voucher_ids=(), classes=("a100",), regions=("east",), nodes=1, hours=2, earliest=start,
        latest=start, limit_price=4 * YUAN, partial=False, min_nodes=1, tif="GTC", good_until=None, post_only=False,
        stp="taker",
    )  # fmt: skip
    return replace(bid, **changes)


def an_offer(world: World, ahead: int) -> PostOffer:
    """One node, for the hours of such a bid."""
    start = world.clock // HOUR + ahead
    return PostOffer(
        class_id="a100", region="east", currency="CNY", nodes=1, window_start=start, window_end=start + 2,
        price=2 * YUAN, min_nodes=1, min_hours=1, bond_bps=2_000, tif="GTC", good_until=None, stp="taker",
    )  # fmt: skip


def checked(world: World) -> None:
    """All services agree, every value is where it belongs, and the logs alone say the same."""
    world.settle()
    check_settled(world)
    assert check_ledger(world.state("ledger")) == []
    check_replay(world)


def test_an_issuer_that_appropriates_everything_bars_nobody_else_and_can_mend_it() -> None:
    world = opened(Newest)
    all_of_it = (MAX_AMOUNT // YUAN - 20_000) * YUAN
    done(world, "city", AppropriateBudget(programme_id="p1", amount=all_of_it, document="B-12"))
    done(world, "town", AppropriateBudget(programme_id="p2", amount=all_of_it, document="T-1"))
    done(world, "town", replace(P1, programme_id="p2"))
    done(world, "city", P1)
    refused(world, "city", "amount_too_large", AppropriateBudget(programme_id="p1", amount=YUAN, document="B-13"))
    error = ReduceBudget(programme_id="p1", amount=all_of_it, document="B-14", reason="typing error in B-12")
    refused(world, "town", "not_yours", error)
    refused(world, "city", "appropriation_exceeded", replace(error, amount=MAX_AMOUNT))
    done(world, "city", error)
    done(world, "city", AppropriateBudget(programme_id="p1", amount=YUAN, document="B-15"))
    checked(world)


def test_dust_of_one_issuer_fills_no_limit_of_another() -> None:
    with changed_rules(max_open_vouchers_per_programme=3):
        world = opened(Newest)
        for _ in range(3):
            done(world, "city", replace(P1, amount=YUAN))
        refused(world, "city", "over_limit", replace(P1, amount=YUAN))
        refused(world, "city", "face_too_small", replace(P1, beneficiary_id="lab-2", amount=YUAN - 1))
        done(world, "city", replace(P1, beneficiary_id="lab-2", amount=YUAN))
        done(world, "town", replace(P1, programme_id="p2"))
        dust = next(iter(vouchers(world)))
        done(world, "lab-1", ReturnVoucher(voucher_id=dust, reason="dust"))
        done(world, "city", P1)
        checked(world)


@pytest.mark.parametrize("how", ["revoked", "suspended", "expired"])
def test_a_voucher_that_has_ended_pays_for_nothing_new_however_long_the_bid_has_waited(how: str) -> None:
    """The bid leaves the book with the reason, and an offer that comes 300 days later finds nothing."""
    world = opened(Newest)
    done(world, "city", P1)
    (voucher_id,) = vouchers(world)
    far = 300 * 24
    done(world, "lab-1", a_bid(world, far))
    assert world.state("matching").bids
    if how == "revoked":
        done(world, "city", RevokeVoucherV1(voucher_id=voucher_id, reason="misuse"))
    elif how == "suspended":
        done(world, "city", SuspendVoucherV1(voucher_id=voucher_id, reason="inquiry"))
    else:
        world.clock += 31 * HOUR
        world.settle()
    assert not world.state("matching").bids
    done(world, "gpu-1", an_offer(world, far - (31 if how == "expired" else 0)))
    assert not world.state("redemption").contracts
    assert world.state("ledger").accounts.find("cash/lab-1", "CNY").debits_pending == 0
    assert vouchers(world).keys() == ({voucher_id} if how == "suspended" else set())
    checked(world)


def test_a_default_after_expiry_destroys_nothing_of_the_victims() -> None:
    """The provider never delivers; when that shows, the voucher has long expired. Its value is back for 30 days."""
    world = opened(Newest)
    done(world, "city", P1)
    done(world, "gpu-1", an_offer(world, 40))
    done(world, "lab-1", a_bid(world, 40))
    assert world.state("redemption").contracts
    world.clock += 31 * HOUR
    world.settle()
    (voucher_id,) = vouchers(world)
    refused(world, "city", "voucher_expired", RevokeVoucherV1(voucher_id=voucher_id, reason="too late"))
    group_issued = dict(world.state("issuance").group_issued)
    world.clock += 14 * HOUR
    world.settle()
    assert not world.state("redemption").contracts
    ((restored, known),) = vouchers(world).items()
    face = world.state("ledger").vouchers.open[restored].face
    assert (restored.startswith("rvc-"), known.status, face) == (True, "active", 16 * YUAN)
    assert world.state("issuance").group_issued == group_issued
    done(world, "gpu-2", an_offer(world, 4))
    done(world, "lab-1", a_bid(world, 4, voucher_ids=(restored,), limit_price=2 * YUAN))
    assert world.state("redemption").contracts
    checked(world)


def test_a_mistaken_voucher_given_back_or_revoked_uses_up_neither_cap_nor_budget() -> None:
    world = opened(Newest)
    done(world, "city", programme("p1", 2, beneficiary_cap=100 * YUAN))
    done(world, "city", P1)
    refused(world, "city", "cap_exceeded", replace(P1, amount=YUAN))
    (voucher_id,) = vouchers(world)
    refused(world, "lab-2", "unknown_voucher", ReturnVoucher(voucher_id=voucher_id, reason="not mine"))
    done(world, "lab-1", a_bid(world, 4))
    done(world, "lab-1", ReturnVoucher(voucher_id=voucher_id, reason="issued twice"))
    assert not vouchers(world)
    done(world, "city", P1)
    (again,) = vouchers(world)
    done(world, "city", RevokeVoucherV1(voucher_id=again, reason="wrong firm"))
    done(world, "city", P1)
    assert world.state("issuance").programmes["p1"].issued == 100 * YUAN
    checked(world)


def test_what_a_default_gives_back_of_a_suspended_voucher_is_suspended_even_if_the_voucher_has_expired() -> None:
    """A beneficiary under inquiry arranges that its provider fails after the expiry: the value was active again."""
    world = opened(Newest)
    done(world, "city", P1)
    done(world, "gpu-1", an_offer(world, 40))
    done(world, "lab-1", a_bid(world, 40))
    (voucher_id,) = vouchers(world)
    done(world, "city", SuspendVoucherV1(voucher_id=voucher_id, reason="inquiry"))
    world.clock += 45 * HOUR
    world.settle()
    assert not world.state("redemption").contracts
    ((restored, known),) = vouchers(world).items()
    assert (known.status, world.state("ledger").vouchers.open[restored].status) == ("suspended", "frozen")
    done(world, "city", ReinstateVoucher(voucher_id=restored))
    checked(world)
