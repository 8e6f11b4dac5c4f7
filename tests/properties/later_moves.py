"""Moves that only the latest rules have: what documents lay down beyond a grant, and what the market has since.

The golden logs' story does not give them, so that what they add leaves its chances as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from counterfoil.contract.record import Command as Body
from counterfoil.contract.times import DAY, HOUR
from counterfoil.issuance.aid_commands import AttestAid, RegisterRegime, WithdrawAid
from counterfoil.issuance.freeze_commands import ExtendSuspension
from counterfoil.ledger.commands import (
    AcceptTransfer,
    EnforcePledge,
    RejectTransfer,
    ReleasePledge,
    WithdrawTransfer,
)
from counterfoil.ledger.extension_commands import ExtendVoucher
from counterfoil.ledger.tranche_commands import AttestMilestone, ReleaseTranche
from counterfoil.matching.auction_commands import (
    BidInAuction,
    CancelAuction,
    ImproveOrder,
    OfferInAuction,
    ScheduleAuction,
)
from counterfoil.matching.events import BidReceived
from counterfoil.matching.halt_commands import HaltTrading, ResumeTrading
from counterfoil.matching.inventory_commands import AttestInventory, PostOfferAtSite
from counterfoil.matching.reclaim_commands import PlaceReclaimableBid, PostReclaimableOffer
from counterfoil.matching.state import ANY
from counterfoil.redemption.commands import DecideAppeal, FileAppeal, WriteOff
from counterfoil.redemption.reclaim_commands import ReclaimDelivery
from tests.properties.moves import ISSUER, LABS, PROVIDERS, Choice, Move, move, next_version
from tests.properties.world import YUAN, World

_REPORT: Final = bytes(range(32))


def later_move(world: World, pick: Choice) -> Move:
    """One of these moves one time in five, where the rules have it; else any other."""
    contested = world.state("redemption").clawbacks and pick.number(0, 1)  # there is a day to appeal
    if not contested and pick.number(0, 4):
        return move(world, pick)
    actor, body = (_contests if contested else pick.one(BUILDS))(world, pick)
    absent = world.state("issuance").rules.absent
    return move(world, pick) if (body.TYPE, body.V) in absent else (actor, body)


# vouchers under documents -------------------------------------------------------------------------------------------


def _parts(world: World, pick: Choice) -> Move:
    """A part of a voucher is reported on, and released."""
    tranches = world.state("ledger").encumbrances.tranches
    if not tranches:
        return _extends(world, pick)
    tranche_id, each = pick.one(sorted(tranches.items()))
    if each.attester_id is not None and not each.attested:
        attest = AttestMilestone(tranche_id=tranche_id, report=_REPORT, reason="trained")
        return pick.one((each.attester_id, "operator")), attest
    programme_id = world.state("ledger").vouchers.open[each.voucher_id].programme_id
    return ISSUER[programme_id], ReleaseTranche(tranche_id=tranche_id, report=_REPORT, reason="shown")


def _extends(world: World, pick: Choice) -> Move:
    vouchers = world.state("ledger").vouchers.open
    voucher_id = pick.id(vouchers)
    issuer = ISSUER[vouchers[voucher_id].programme_id] if voucher_id in vouchers else "city"
    return issuer, ExtendVoucher(voucher_id=voucher_id, days=pick.number(1, 3), ground=None, reason="site down")


def _stands(world: World, pick: Choice) -> Move:
    """What is open of transfers and pledges is answered, or an inquiry takes longer."""
    encumbered = world.state("ledger").encumbrances
    if encumbered.transfers and pick.number(0, 1):
        transfer_id, transfer = pick.one(sorted(encumbered.transfers.items()))
        named = {"transfer_id": transfer_id}
        accept = (transfer.receiver_id, AcceptTransfer(**named))
        reject = (transfer.receiver_id, RejectTransfer(**named, reason="no"))
        return pick.one((accept, accept, reject, (transfer.holder_id, WithdrawTransfer(**named))))
    if encumbered.pledges and pick.number(0, 1):
        pledge_id, pledge = pick.one(sorted(encumbered.pledges.items()))
        take = EnforcePledge(pledge_id=pledge_id, reason="overdue")
        return pledge.pledgee_id, pick.one((take, ReleasePledge(pledge_id=pledge_id)))
    suspended = [name for name, each in world.state("issuance").vouchers.items() if each.status == "suspended"]
    return "operator", ExtendSuspension(voucher_id=pick.id(suspended), days=1, reason="meters are read")


def _publishes(world: World, pick: Choice) -> Move:
    """The next piece or version of a document, or an answer to what is open."""
    programme_id = pick.one(("p1", "p2"))
    version = world.state("issuance").programmes[programme_id].current.version + 1
    body = next_version(world, programme_id, version)
    return (ISSUER[programme_id], body) if body is not None and version < 6 else _stands(world, pick)


def _contests(world: World, pick: Choice) -> Move:
    """What is taken back is contested and decided, or what is owed is given up, once nobody can contest it."""
    state = world.state("redemption")
    appealed = sorted(name for name, each in state.clawbacks.items() if each.appealed)
    if appealed:
        clawback_id = pick.one(appealed)
        upheld = pick.number(0, 2) * state.clawbacks[clawback_id].amount // 2
        return "operator", DecideAppeal(clawback_id=clawback_id, amount=upheld, reason="heard")
    if state.clawbacks:
        clawback_id, each = pick.one(sorted(state.clawbacks.items()))
        return each.provider_id, FileAppeal(clawback_id=clawback_id, evidence=(), reason="delivered")
    if not state.owed:
        return _stands(world, pick)
    (programme_id, provider_id), owed = pick.one(sorted(state.owed.items()))
    body = WriteOff(programme_id=programme_id, provider_id=provider_id, amount=pick.number(1, owed), reason="gone")
    return ISSUER[programme_id], body


def _aid(world: World, pick: Choice) -> Move:
    """Aid from elsewhere is attested or withdrawn, or the law of the day is registered."""
    attested, today = world.state("issuance").aids.attested, world.clock // DAY
    if attested and pick.number(0, 2) == 0:
        return "operator", WithdrawAid(aid_id=pick.id(attested), reason="typing error")
    if pick.rarely():
        return "operator", RegisterRegime(
            regime="DE_MINIMIS", currency="CNY", ceiling=60_000 * YUAN, months=36, unit="GROUP",
            counts_on="GRANTED", in_force_on=today + pick.number(0, 1), source="gazette",
        )  # fmt: skip
    return "operator", AttestAid(
        party_id=pick.one(LABS), regime="DE_MINIMIS", amount=pick.number(1, 200) * YUAN, currency="CNY",
        granted_on=today - pick.number(0, 40), grantor="State", reference=f"aid {pick.number(0, 99)}", source="letter",
    )  # fmt: skip


# the market ---------------------------------------------------------------------------------------------------------


def _halts(world: World, pick: Choice) -> Move:
    """Trading is halted, or goes on: mostly goes on."""
    halted = sorted(world.state("matching").halts)
    if halted and pick.number(0, 4):
        return "operator", ResumeTrading(**_scope(*pick.one(halted)), reason="the feed is back")
    some = (("l40s", ANY, ANY), ("h100", "west", ANY), (ANY, ANY, "gpu-2"))
    return "operator", HaltTrading(**_scope(*pick.one(some)), reason="the feed is gone")


def _scope(*halted: str) -> dict[str, Any]:
    names = ("class_id", "region", "provider_id")
    return {name: None if each == ANY else each for name, each in zip(names, halted, strict=True)}


def _sites(world: World, pick: Choice) -> Move:
    """What a provider has at a site is attested, or offered from there."""
    provider, site = pick.one(PROVIDERS), pick.one(("hall-1", "hall-2"))
    if pick.number(0, 2) == 0:
        return pick.one(("operator", "operator", "watch")), AttestInventory(
            provider_id=provider, site_id=site, class_id="a100", nodes=pick.number(1, 9), source="visit"
        )
    start = world.clock // HOUR + pick.number(1, 4)
    return provider, PostOfferAtSite(
        site_id=site, class_id="a100", region="east", currency="CNY", nodes=pick.number(1, 4), window_start=start,
        window_end=start + pick.number(4, 12), price=pick.number(2, 4) * YUAN // 4, min_nodes=1, min_hours=1,
        bond_bps=3_333, tif="GTC", good_until=None, stp="taker",
    )  # fmt: skip


def _auction(world: World, pick: Choice) -> Move:
    """An auction of a few hours is scheduled, has orders, or is cancelled."""
    auctions = world.state("matching").auctions.open
    if not auctions or pick.rarely():
        return "operator", _scheduled(world, pick)
    auction_id = pick.one(sorted(auctions))
    if pick.rarely() and pick.rarely():
        return "operator", CancelAuction(auction_id=auction_id, reason="no power")
    first, hours = auctions[auction_id].scheduled.first_hour, auctions[auction_id].scheduled.hours
    price = pick.number(2, 6) * YUAN // 4
    orders = world.state("matching").auctions.orders
    if orders and pick.rarely():
        order_id, order = pick.one(sorted(orders.items()))
        is_bid = isinstance(order.received, BidReceived)
        owner = order.received.beneficiary_id if is_bid else order.received.provider_id
        better = order.price + YUAN // 4 if is_bid else max(order.price - YUAN // 4, YUAN // 4)
        return owner, ImproveOrder(order_id=order_id, price=better)
    if pick.number(0, 1):
        return pick.one(PROVIDERS), OfferInAuction(
            auction_id=auction_id, class_id="a100", nodes=pick.number(1, 4), window_start=first,
            window_end=first + hours, price=price // 2, bond_bps=3_333,
        )  # fmt: skip
    length = pick.number(1, hours)
    return pick.one(LABS), BidInAuction(
        auction_id=auction_id, programme_id=pick.one(("p1", "p2")), voucher_ids=(), nodes=pick.number(1, 3),
        hours=length, earliest=first, latest=first + hours - length, limit_price=price,
        divisible=length == 1 and bool(pick.number(0, 1)),
    )  # fmt: skip


def _scheduled(world: World, pick: Choice) -> ScheduleAuction:
    locks = world.clock + pick.number(1, 4) * HOUR
    return ScheduleAuction(
        programmes=("p1", "p2"), classes=("a100",), region="east", first_hour=locks // HOUR + 4,
        hours=pick.number(1, 3), locks_at=locks, clears_at=locks + HOUR, reference_price=YUAN, collar_bps=10_000,
        caps=pick.one(("none", "pro_rata", "maxmin")), cap_bps=5_000, rsi_bps=11_000, cover_bps=10_000,
        pivotal_bps=1_000, reserve_price=0, reserve_points=(),
    )  # fmt: skip


def reclaim_move(world: World, pick: Choice) -> Move:
    """Every other time capacity is sold with notice of a reclaim, or hours of it are reclaimed; else any move."""
    if pick.number(0, 1):
        return later_move(world, pick)
    carried = world.state("redemption").notices.table
    if carried and pick.number(0, 2) == 0:
        contract_id = pick.one(sorted(carried))
        terms, now = world.state("redemption").contracts[contract_id].terms, world.clock // HOUR
        hour = max(terms.first_hour, now + carried[contract_id].notice_hours) + pick.number(0, 2)
        return terms.provider_id, ReclaimDelivery(contract_id=contract_id, hour=hour, reason="own_use")
    start, price = world.clock // HOUR + pick.number(2, 4), pick.number(1, 2) * YUAN // 4
    if pick.number(0, 1):
        return pick.one(PROVIDERS), PostReclaimableOffer(
            reclaim_notice_hours=pick.number(1, 2), site_id=pick.one((None, None, "hall-1")), class_id="a100",
            region="east", currency="CNY", nodes=pick.number(1, 3), window_start=start,
            window_end=start + pick.number(8, 14), price=price, min_nodes=1, min_hours=1, bond_bps=3_333,
            tif="GTC", good_until=None, stp="taker",
        )  # fmt: skip
    return pick.one(LABS), PlaceReclaimableBid(
        min_reclaim_notice_hours=pick.number(1, 2), programme_id=pick.one(("p1", "p2")), voucher_ids=(),
        classes=("a100",), regions=("east",), nodes=1, hours=pick.number(2, 5), earliest=start, latest=start + 3,
        limit_price=2 * price, partial=False, min_nodes=1, tif="GTC", good_until=None, post_only=False, stp="taker",
    )  # fmt: skip


BUILDS: Final[tuple[Callable[[World, Choice], tuple[str, Body]], ...]] = (
    _publishes, _publishes, _parts, _parts, _extends, _stands, _stands, _contests, _contests, _aid, _halts, _sites,
    _sites, _auction, _auction, _auction,
)  # fmt: skip
