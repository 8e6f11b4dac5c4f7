"""Commands that parties in the market of `world` might give: mostly sensible, sometimes by the wrong party."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar

from counterfoil.contract.accelerators import Requirement
from counterfoil.contract.possession import ProvenKey
from counterfoil.contract.record import Command as Body
from counterfoil.contract.terms import RelativeExpiry
from counterfoil.contract.times import DAY, HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.commands import (
    AddKey,
    AdoptRules,
    AppointAuditor,
    AppropriateBudget,
    AttestGroup,
    CloseParty,
    DelistProvider,
    DismissAuditor,
    IssueVoucher,
    ListProvider,
    ObjectToRecovery,
    PauseProgramme,
    ProposeRecovery,
    PublishProgramme,
    RecoverParty,
    ReduceBudget,
    RegisterCurrency,
    RegisterParty,
    ReinstateParty,
    ReinstateProvider,
    ReinstateVoucher,
    ResumeProgramme,
    ReturnVoucher,
    RevokeKey,
    RevokeVoucherV1,
    SuspendParty,
    SuspendProvider,
    SuspendVoucherV1,
)
from counterfoil.issuance.freeze_commands import RevokeVoucher, SuspendVoucher
from counterfoil.ledger.commands import (
    Deposit,
    PledgeVoucher,
    ProposeTransfer,
    RestoreVoucher,
    SurrenderVoucher,
    Withdraw,
)
from counterfoil.matching.commands import (
    AmendBid,
    AmendOffer,
    CancelBid,
    CancelOffer,
    CancelOrderFor,
    CancelOrdersOf,
    CancelOwnOrders,
    PlaceBid,
    PostOffer,
    TimeInForce,
)
from counterfoil.matching.performance_commands import PlacePerformanceBid
from counterfoil.redemption.commands import (
    AcceptUsage,
    AgreeCancellation,
    AgreeCorrection,
    AgreeReversal,
    ApproveClaim,
    ApprovedLine,
    CloseSettlement,
    ConfirmPayment,
    ConfirmRecovery,
    DecideAppeal,
    DisputeUsage,
    FileAppeal,
    OrderClawback,
    ProposeCancellation,
    ProposeCorrection,
    ProposeReversal,
    Reading,
    RejectClaim,
    ReportUsage,
    ResolveDispute,
    Rest,
    ReturnPayment,
    ReverseCapture,
    SubmitClaim,
    WithdrawApproval,
    WithdrawDelivery,
    WithdrawDispute,
    WriteOff,
)
from counterfoil.redemption.state import Contract
from tests.documents import document, publishing
from tests.older import as_of
from tests.possession import proven
from tests.properties.world import GPUS, ROLES, YUAN, World, accelerator, described, programme

PRICE_TICK = RULES[LATEST].price_tick

T = TypeVar("T")
ISSUER = {
    "p1": "city",
    "p2": "town",
    "p3": "city",
    "p4": "town",
    "p5": "city",
    "p6": "city",
    "p7": "town",
    "p8": "town",
}
"""Of the programmes that every world has, and of those that are documents in some."""
RATES: tuple[list[dict[str, str]], ...] = (
    [{"id": "all", "rate": "2/3"}],
    [{"id": "first", "rate": "60%", "until": "100"}, {"id": "rest", "rate": "30%"}],
    [{"id": "all", "rate": "100%"}],
)
"""Tiers of the documents that are published."""
BY: tuple[dict[str, str], ...] = ({}, {"attested_by": "operator"})
"""Who attests what the last part of a voucher waits for, if not its issuer."""
PROVIDERS, LABS = ("gpu-1", "gpu-2"), ("lab-1", "lab-2", "gpu-2")
CLASS_LISTS = {
    "p1": (("a100",), ("a100",), ("a100", "h100"), ("h100",), ("l40s",)),
    "p2": (("a100",), ("a100",), ("l40s",), ("l40s",), ("a100", "l40s")),
    **dict.fromkeys(("p3", "p4", "p5", "p6", "p7", "p8"), (("a100",),)),
}
CLAIMED = {
    "claim.permitted.v1", "invoice.claimed.v1", "invoice.due.v1", "claim.counted_back.v1", "invoice.captured.v1",
    "invoice.refused.v1",
    "invoice.returned.v1", "claim.returned.v1", "use.claimed.v1", "use.granted.v1", "use.due.v1", "use.captured.v1",
    "payment.shared.v1", "share.confirmed.v1", "share.returned.v1",
    "payment.adjusted.v1", "adjustment.posted.v1",
    "credit_note.recorded.v1", "invoice.credited.v1", "claim.cut.v1", "credit.known.v1", "credit.owed.v1",
}  # fmt: skip
"""Events of vouchers whose document has them claimed with invoices, and of programmes that several payers pay for."""
REGION_LISTS = (("east",), ("east",), ("east", "west"), ("west",))


@dataclass(frozen=True)
class Choice:
    """Where chance comes from: `number` gives an integer between two bounds, both included."""

    number: Callable[[int, int], int]

    def one(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.number(0, len(items) - 1)]

    def rarely(self) -> bool:
        """True one time in eight."""
        return self.number(0, 7) == 7

    def id(self, ids: Iterable[str]) -> str:
        """One of these ids, in an order that does not depend on how they are kept, or now and then no id at all."""
        known = sorted(ids)
        return self.one(known) if known and not self.rarely() else "none-0-0"

    def some(self, ids: Iterable[str], most: int) -> tuple[str, ...]:
        """Up to `most` of these ids, rarely one of them twice."""
        known = sorted(ids)
        chosen = tuple(dict.fromkeys(self.one(known) for _ in range(self.number(0, most)))) if known else ()
        return chosen * 2 if chosen and self.rarely() else chosen


Move = tuple[str, Body]
"""Who gives which command."""


# issuance -----------------------------------------------------------------------------------------------------------


def _issue(_world: World, pick: Choice) -> Move:
    programme_id = pick.one(("p1", "p1", "p2"))
    amount = pick.number(1, 20) * 100 * YUAN + pick.number(0, 1)
    body = IssueVoucher(programme_id=programme_id, beneficiary_id=pick.one(LABS), amount=amount)
    return ISSUER[programme_id], body


def _voucher_changes(world: World, pick: Choice) -> Move:
    vouchers = world.state("issuance").vouchers
    suspended = [name for name, each in vouchers.items() if each.status == "suspended"]
    voucher_id = pick.id(suspended or vouchers)
    issuer = ISSUER[vouchers[voucher_id].programme_id] if voucher_id in vouchers else "city"
    if pick.number(0, 2) == 0:
        if voucher_id in vouchers and pick.number(0, 2) == 0:
            return vouchers[voucher_id].beneficiary_id, ReturnVoucher(voucher_id=voucher_id, reason="twice")
        revoke = RevokeVoucher(voucher_id=voucher_id, ground="FRAUD", reason="misuse")
        return issuer, revoke if _names_ground(world, voucher_id) else _without_ground(revoke)
    if not suspended or pick.rarely():
        suspend = SuspendVoucher(voucher_id=voucher_id, ground="INQUIRY", days=2, reason="inquiry")
        return issuer, suspend if _names_ground(world, voucher_id) else _without_ground(suspend)
    return issuer, ReinstateVoucher(voucher_id=voucher_id)


def _names_ground(world: World, voucher_id: str) -> bool:
    """Whether a voucher is stopped on a ground that its document names."""
    state = world.state("issuance")
    return state.rules.names_grounds and voucher_id in state.claims.purposes


def _without_ground(body: SuspendVoucher | RevokeVoucher) -> Body:
    kind = SuspendVoucherV1 if isinstance(body, SuspendVoucher) else RevokeVoucherV1
    return kind(voucher_id=body.voucher_id, reason=body.reason)


def _budget(world: World, pick: Choice) -> Move:
    programme_id = pick.one(("p1", "p2"))
    kind = pick.number(0, 2)
    if kind == 0:
        amount = pick.number(1, 500) * YUAN
        body: Body = AppropriateBudget(programme_id=programme_id, amount=amount, document=_paper(pick))
        if pick.rarely():
            body = ReduceBudget(programme_id=programme_id, amount=amount, document=_paper(pick), reason="typing error")
    elif kind == 1:
        version = world.state("issuance").programmes[programme_id].current.version + 1
        by_document = next_version(world, programme_id, version)
        if by_document is not None and (isinstance(by_document, PublishProgramme) or pick.number(0, 2)):
            return ISSUER[programme_id], by_document
        classes = pick.one((("a100", "h100"), ("a100", "l40s"), ("a100",)))
        tolls = pick.one((True, False))  # without, a voucher has to last until the last dispute is over
        expiry = RelativeExpiry(kind="relative", after_seconds=30 * 3_600 if tolls else 250 * 3_600)
        body = programme(programme_id, version, hold_tolls_expiry=tolls, classes=classes, expiry=expiry)
    else:
        body = ListProvider(programme_id=programme_id, provider_id=pick.one(tuple(ROLES)))
    return ISSUER[programme_id], body


def next_version(world: World, programme_id: str, version: int) -> Body | None:
    """A further version as a document, the same for all: its only piece, or its publication once that is put."""
    if not world.state("issuance").rules.max_documents:
        return None
    tiers, cap = RATES[version % len(RATES)], {"id": "year", "scope": "GROUP", "period": {"kind": "CALENDAR_YEAR"}}
    value = document(
        id=programme_id, version=version, benefit__tiers=tiers, benefit__caps=[{**cap, "amount": "60000"}],
        benefit__tier_order="FIRST", scope={"classes": ["a100", "h100"][: 1 + version % 2], "regions": ["east"]},
        delivery={"report_hours": 2, "dispute_hours": 1}, spending={"hold_tolls_expiry": version % 3 > 0},
        expiry={
            "rule": {"kind": "RELATIVE", "after_days": 12}, "notices_days": [5, 1], "offline_days": version % 3,
            "restore_within_days": 1, "expunge_days": 2, "extension_days": 4,
        },
        transfer={"mode": "OPEN", "pledge": {"allowed": True}},
        benefit__regimes=[{"regime": "DE_MINIMIS", "ceiling": "60000", "months": 36}],
        benefit__tranches=[
            {"share": "3/4", "release_on": "ISSUE"},
            {"share": "1/4", "release_on": "PROGRESS_REPORT", **BY[version % 2]},
        ],
        control={
            "clawback": {"grounds": ["FRAUD"], "share": "80%", "lookback_months": 1},
            "appeal": {"within_days": 1, "stays": version % 2 == 0},
            "freeze": {"grounds": ["INQUIRY"], "max_days": 2, "notice_days": version % 2},
            "revoke_grounds": ["FRAUD"],
        },
    )  # fmt: skip
    piece, publication = publishing(value)
    known = world.state("issuance").documents.find(ISSUER[programme_id], publication.document_sha256)  # type: ignore[attr-defined]
    return piece if known is None else publication


def _people(world: World, pick: Choice) -> Move:
    kind, party_id = pick.number(0, 8), pick.one(tuple(ROLES))
    number = 100 + pick.number(0, 39)
    if kind == 0:
        return party_id, AddKey(key=proven(number, party_id, world.host))
    if kind == 1:
        keys = world.state("issuance").directory.parties[party_id].keys
        return party_id, RevokeKey(party_id=party_id, key_id=pick.one(sorted(keys)), reason="rotated")
    if kind == 2:
        class_id = pick.one(sorted(GPUS))
        version = world.state("issuance").classes[class_id] + 1
        if world.state("issuance").rules.max_floor_prices and not pick.rarely():
            return "operator", described(class_id, version, pick.number(1, 4) * YUAN)
        return "operator", accelerator(class_id, version)
    if kind == 6:
        return "operator", RegisterCurrency(currency=pick.one(("XYZ", "XSD", "EUR")), minor_units=pick.number(0, 6))
    if kind == 3 and world.adopts:
        replaces = pick.number(1, LATEST) if pick.rarely() else world.state("issuance").rules.number
        return "operator", AdoptRules(rules=pick.number(2, LATEST), replaces=replaces, release="0.1.0")
    if kind in (7, 8):
        return _audits(world, pick)
    if kind in (4, 5):
        return _recovery(world, pick, party_id, proven(number, party_id, world.host))
    name = f"guest-{pick.number(0, 3)}"
    return "operator", RegisterParty(
        party_id=name,
        name=name,
        roles=("auditor",),
        group_id=name,
        key=proven(number, name, world.host),
        recovery_key=None,
        looks_like=None,
    )


def _audits(world: World, pick: Choice) -> Move:
    """A guest is appointed, or one that is dismissed: of one programme, or of all."""
    appointed = sorted(world.state("issuance").auditors)
    if appointed and pick.number(0, 2) == 0:
        of, guest = pick.one(appointed)
        by = ISSUER.get(of, "operator")
        return by, DismissAuditor(auditor_id=guest, programme_id=of or None, reason="its term is over")
    programme_id, guest = pick.one(("p1", "p2", None)), pick.one(("watch", "watch", f"guest-{pick.number(0, 3)}"))
    by = "operator" if programme_id is None else ISSUER[programme_id]
    return by, AppointAuditor(auditor_id=guest, programme_id=programme_id)


def _recovery(world: World, pick: Choice, party_id: str, key: ProvenKey) -> Move:
    under_way = world.state("issuance").recoveries
    if under_way and pick.number(0, 1):
        recovery_id = pick.one(sorted(under_way))
        objector = pick.one((under_way[recovery_id].party_id, "operator", party_id))
        return objector, ObjectToRecovery(recovery_id=recovery_id, reason="no")
    if pick.number(0, 2) == 0:
        return "operator", ProposeRecovery(party_id=party_id, key=key, recovery_key=None, reason="lost")
    if pick.number(0, 3) == 0:
        return party_id, CloseParty(reason="sold")
    return party_id, RecoverParty(key=key, recovery_key=None)


def _relations(world: World, pick: Choice) -> Move:
    party_id, group = pick.one(tuple(ROLES)), pick.one((*ROLES, "related"))
    since = None if pick.number(0, 1) else world.clock - pick.number(0, 40) * HOUR
    attester = pick.one(("operator", "operator", "city", "town"))
    return attester, AttestGroup(party_id=party_id, group_id=group, since=since, source="register")


def _stops(world: World, pick: Choice) -> Move:
    """Somebody is stopped, or goes on: mostly goes on, so that the market does not end."""
    state = world.state("issuance")
    suspended = [name for name, each in state.directory.parties.items() if each.suspended]
    if suspended and pick.number(0, 3):
        return "operator", ReinstateParty(party_id=pick.one(sorted(suspended)), reason="inquiry is over")
    programme_id = pick.one(("p1", "p2"))
    if state.programmes[programme_id].paused and pick.number(0, 3):
        return ISSUER[programme_id], ResumeProgramme(programme_id=programme_id, reason="reviewed")
    listings = sorted(provider for of, provider in state.listings if of == programme_id)
    named = {"programme_id": programme_id, "provider_id": pick.one(listings or PROVIDERS), "reason": "meters"}
    if state.listings.get((programme_id, named["provider_id"])) == "suspended" and pick.number(0, 3):
        return ISSUER[programme_id], ReinstateProvider(**named)
    kind = pick.number(0, 4)
    if kind == 0:
        return "operator", SuspendParty(party_id=pick.one((*PROVIDERS, *LABS)), reason="fraud")
    if kind == 1:
        return ISSUER[programme_id], PauseProgramme(programme_id=programme_id, reason="review")
    return ISSUER[programme_id], DelistProvider(**named) if kind == 2 else SuspendProvider(**named)


# ledger -------------------------------------------------------------------------------------------------------------


def _cash(_world: World, pick: Choice) -> Move:
    party_id, amount = pick.one((*PROVIDERS, *LABS)), pick.number(1, 900) * YUAN + (1 if pick.rarely() else 0)
    currency = "XYZ" if pick.rarely() else "CNY"
    if pick.number(0, 1):
        return "bank", Withdraw(party_id=party_id, currency=currency, amount=amount, payment_reference=_paper(pick))
    return "bank", Deposit(party_id=party_id, currency=currency, amount=amount, payment_reference=_paper(pick))


def _paper(pick: Choice) -> str:
    """A reference; now and then one that was used, perhaps in another spelling."""
    return f"{pick.one(('№', 'no ', 'NO-'))}{pick.number(0, 2_000)}"


def _hands(world: World, pick: Choice) -> Move:
    """What a holder does with its part of a voucher, by rules that have it."""
    state = world.state("ledger")
    if (SurrenderVoucher.TYPE, SurrenderVoucher.V) in state.rules.absent:
        return _cash(world, pick)
    voucher_id = pick.id(state.vouchers.open)
    holder = pick.one(state.owners(voucher_id) or LABS)
    other, amount = pick.one(LABS), pick.number(1, 200) * YUAN
    body: Body = SurrenderVoucher(voucher_id=voucher_id, amount=amount, reason="spare")
    kind = pick.number(0, 3)
    if kind == 0:
        body = ProposeTransfer(voucher_id=voucher_id, amount=amount, receiver_id=other, price=0)
    elif kind == 1:
        body = PledgeVoucher(voucher_id=voucher_id, amount=amount, pledgee_id=other)
    offline = sorted(name for name, each in state.vouchers.open.items() if state.offline(each))
    if kind == 2 and offline:
        voucher_id = pick.one(offline)
        return pick.one(state.owners(voucher_id) or LABS), RestoreVoucher(voucher_id=voucher_id)
    return holder, body


# matching -----------------------------------------------------------------------------------------------------------


def _price(pick: Choice) -> int:
    return pick.number(2, 6) * PRICE_TICK * 25 + (1 if pick.rarely() else 0)


def _good_until(world: World, tif: str, pick: Choice) -> int | None:
    return world.clock + pick.number(1, 3) * HOUR if (tif == "GTD") != pick.rarely() else None


def _offer(world: World, pick: Choice) -> Move:
    bids = world.state("matching").bids
    bid = bids.get(pick.id(bids)) if pick.number(0, 1) else None  # left alone, the two rarely meet
    if bid is None:
        class_id, region = pick.one(("a100", "a100", "h100", "l40s")), pick.one(("east", "east", "west"))
        start, price = world.clock // HOUR + pick.number(1, 6), _price(pick)
    else:
        class_id, region = bid.classes[0], bid.regions[0]
        start, price = max(bid.earliest, world.clock // HOUR + 1), bid.limit_price
    tif: Literal["GTC", "GTD", "IOC"] = pick.one(("GTC", "GTC", "GTC", "GTC", "IOC", "GTD"))
    body = PostOffer(
        class_id=class_id, region=region, currency="CNY", nodes=pick.number(1, 12), window_start=start,
        window_end=start + pick.number(4, 24), price=price, min_nodes=pick.number(1, 2), min_hours=pick.number(1, 2),
        bond_bps=pick.one((2_000, 2_500, 3_333)), tif=tif, good_until=_good_until(world, tif, pick),
        stp=pick.one(("taker", "maker", "both")),
    )  # fmt: skip
    return pick.one(PROVIDERS), body


def _bid(world: World, pick: Choice) -> Move:
    known = world.state("issuance").vouchers
    voucher = known.get(pick.id(known))
    lab, programme_id = ("lab-1", "p1") if voucher is None else (voucher.beneficiary_id, voucher.programme_id)
    mine = [name for name, each in known.items() if (each.beneficiary_id, each.programme_id) == (lab, programme_id)]
    pays = world.state("issuance").terms(programme_id).allows_class
    offers = {name: each for name, each in world.state("matching").offers.items() if pays(each.class_id)}
    offer = offers.get(pick.id(offers)) if pick.number(0, 3) else None  # left alone, the two rarely meet
    if offer is None:
        classes, regions, limit = pick.one(CLASS_LISTS[programme_id]), pick.one(REGION_LISTS), _price(pick)
        earliest = world.clock // HOUR + pick.number(1, 6)
    else:
        classes, regions, limit = (offer.class_id,), (offer.region,), offer.price
        earliest = max(offer.window_start, world.clock // HOUR + 1)
    tif: TimeInForce = pick.one(("GTC", "GTC", "GTC", "GTC", "IOC", "FOK", "GTD"))
    body = PlaceBid(
        programme_id=programme_id, voucher_ids=pick.some(mine, 2) if pick.rarely() else (),
        classes=classes, regions=regions, nodes=pick.number(1, 4), hours=pick.number(1, 3),
        earliest=earliest, latest=earliest + pick.number(0, 9),
        limit_price=limit + pick.number(0, 3) * 10 * PRICE_TICK, partial=pick.one((True, False)), min_nodes=1, tif=tif,
        good_until=_good_until(world, tif, pick), post_only=pick.rarely(), stp=pick.one(("taker", "maker", "both")),
    )  # fmt: skip
    if world.state("matching").rules.max_floor_prices and pick.rarely():
        return lab, _by_performance(body, classes, pick)
    return lab, body


def _by_performance(body: PlaceBid, classes: Sequence[str], pick: Choice) -> PlacePerformanceBid:
    """The same for what a class gives: some 304 TFLOPS of a GPU, in nodes of the first class."""
    require = Requirement(
        gpus_per_node=GPUS[classes[0]], classes=pick.one(((), tuple(classes))), min_mtflops=pick.one((0, 304_277)),
        min_mem_mb=0, min_allreduce=(), interconnects=(), origins=(), attested_only=pick.one((True, False)),
    )  # fmt: skip
    same = {each.name: getattr(body, each.name) for each in fields(body) if each.name not in ("classes", "limit_price")}
    return PlacePerformanceBid(require=require, limit_price=body.limit_price * 4, **same)


def _order_changes(world: World, pick: Choice) -> Move:
    orders: dict[str, Any] = {**world.state("matching").offers, **world.state("matching").bids}
    order_id = pick.id(orders)
    kind, fewer, price = pick.number(0, 4), pick.number(1, 3), _price(pick)
    received = orders.get(order_id)
    if received is not None and order_id in world.state("matching").offers:
        owner, changes = received.provider_id, {"offer_id": order_id}
        if kind == 0:
            return owner, CancelOffer(**changes)
        reduce = kind % 2 == 1
        return owner, AmendOffer(**changes, reduce_nodes_by=fewer if reduce else None, price=None if reduce else price)
    owner = "lab-1" if received is None else received.beneficiary_id
    if kind == 0:
        return owner, CancelBid(bid_id=order_id)
    reduce = kind % 2 == 1
    return owner, AmendBid(
        bid_id=order_id, reduce_nodes_by=fewer if reduce else None, limit_price=None if reduce else price
    )


def _for_others(world: World, pick: Choice) -> Move:
    state, reason = world.state("matching"), "wrong limit"
    if (CancelOwnOrders.TYPE, CancelOwnOrders.V) not in state.rules.absent and pick.number(0, 8) == 0:
        return pick.one((*PROVIDERS, *LABS)), CancelOwnOrders(programme_id=pick.one((None, "p1")))
    if pick.number(0, 2):
        bid_id = pick.id(state.bids)
        issuer = ISSUER[state.bids[bid_id].programme_id] if bid_id in state.bids else "operator"
        return issuer, CancelOrderFor(order_id=pick.one((bid_id, pick.id(state.offers))), reason=reason)
    programme_id = pick.one(("p1", "p2"))
    if pick.number(0, 1):
        return ISSUER[programme_id], CancelOrdersOf(party_id=pick.one(LABS), programme_id=programme_id, reason=reason)
    return "operator", CancelOrdersOf(party_id=pick.one((*PROVIDERS, *LABS)), programme_id=None, reason=reason)


# redemption ---------------------------------------------------------------------------------------------------------


def _hours_over(world: World, contract: Contract) -> int:
    """How many of the contract's hours have ended."""
    return min(contract.terms.hours, max(0, world.clock // HOUR - contract.terms.first_hour))


def _to_report(world: World) -> list[str]:
    """Contracts with hours that have ended and were not reported."""
    contracts = world.state("redemption").contracts.items()
    return [name for name, each in contracts if _hours_over(world, each) > each.reported.bit_count()]


def _report(world: World, pick: Choice) -> Move:
    contracts = world.state("redemption").contracts
    contract_id = pick.id(_to_report(world) or contracts)
    contract = contracts.get(contract_id)
    if contract is None:
        return "gpu-1", ReportUsage(contract_id=contract_id, readings=())
    terms, most = contract.terms, contract.hour_capacity
    over = _hours_over(world, contract) + (1 if pick.rarely() else 0)  # an hour too many
    hours = [hour for hour in range(over) if pick.rarely() or not contract.reported >> hour & 1]
    spared = [pick.one((0, 0, 0, 7, most, -1 if pick.rarely() else 1)) for _ in hours]
    readings = [
        Reading(hour=terms.first_hour + hour, gpu_minutes=most - less) for hour, less in zip(hours, spared, strict=True)
    ]
    if readings and pick.rarely():
        readings.pop()
    return terms.provider_id, ReportUsage(contract_id=contract_id, readings=tuple(readings))


def _usage(world: World, pick: Choice) -> Move:
    state = world.state("redemption")
    longer = [name for name, each in state.reports.items() if len(each.readings) > 1]
    report_id = pick.id(longer or state.reports)
    report = state.reports.get(report_id)
    lab, provider = ("lab-1", "gpu-1") if report is None else state.contracts[report.contract_id].sides
    kind = pick.number(0, 6)
    if kind in (0, 5):
        hours = () if report is None else tuple(reading.hour for reading in report.readings[:1])
        return lab, contest(world, report_id, *hours)
    if kind == 1:
        minutes = 0 if report is None else max(0, report.gpu_minutes - pick.number(-1, 100))
        return "operator", ResolveDispute(report_id=report_id, gpu_minutes=minutes, reason="meter read")
    if kind == 2:
        return lab, WithdrawDispute(report_id=report_id)
    if kind == 3 and report is not None and report.corrections:
        correction = pick.one(report.corrections)
        other = lab if correction.by == provider else provider
        return other, AgreeCorrection(report_id=report_id, correction_id=correction.correction_id)
    if kind in (3, 4) and report is not None:
        said = tuple(replace(reading, gpu_minutes=pick.number(0, 500)) for reading in report.readings[:1])
        return pick.one((lab, provider)), ProposeCorrection(report_id=report_id, readings=said, reason="meter read")
    return lab, AcceptUsage(report_id=report_id)


def contest(world: World, report_id: str, *hours: int) -> Body:
    """A dispute, as the rules in force have it."""
    body = DisputeUsage(report_id=report_id, hours=hours, evidence=(bytes(32),), reason="idle")
    return as_of(world.state("redemption").rules, body, "")


def _cancel(world: World, pick: Choice) -> Move:
    contracts = world.state("redemption").contracts
    if pick.number(0, 2):
        return _report(world, pick)
    contract_id = pick.id(contracts)
    if contract_id not in contracts:
        return "gpu-1", AgreeCancellation(contract_id=contract_id)
    contract = contracts[contract_id]
    if contract.cancellation is None:
        return pick.one(contract.sides), ProposeCancellation(contract_id=contract_id, reason="no need")
    lab, provider = contract.sides
    other = lab if contract.cancellation.by == provider else provider
    return other, AgreeCancellation(contract_id=contract_id)


def _withdraw(world: World, pick: Choice) -> Move:
    contracts = world.state("redemption").contracts
    unfunded = contracts.keys() - world.state("ledger").contracts.keys()  # so far: the ledger has to wait
    if not unfunded and pick.number(0, 2):
        return _report(world, pick)
    contract_id = pick.id(unfunded or contracts)
    owner = contracts[contract_id].terms.provider_id if contract_id in contracts else "gpu-1"
    return owner, WithdrawDelivery(contract_id=contract_id, reason="no power")


def _reversal(world: World, pick: Choice) -> Move:
    state = world.state("redemption")
    if state.owed and pick.rarely():
        programme_id, provider = pick.one(sorted(state.owed))
        cents = state.owed[programme_id, provider] * 100 // YUAN
        amount = (pick.number(0, cents) + 1) * (1 if pick.rarely() else YUAN // 100)
        return "bank", ConfirmRecovery(
            programme_id=programme_id, provider_id=provider, amount=amount, payment_reference=_paper(pick)
        )
    unclaimed = [name for name, each in state.captures.items() if each.contract_id in state.claimable]
    report_id = pick.id(unclaimed if unclaimed and pick.number(0, 1) else state.captures)
    captured = state.captures.get(report_id)
    if captured is None:
        return "gpu-1", ProposeReversal(report_id=report_id, amount=1, reason="counted twice")
    contract = state.contracts.get(captured.contract_id) or state.ended[captured.contract_id]
    lab, provider = contract.sides
    if captured.proposed is not None and pick.number(0, 3):
        other = lab if captured.proposed.by == provider else provider
        return other, AgreeReversal(report_id=report_id, reversal_id=captured.proposed.reversal_id)
    amount = max(1, pick.one((captured.left, captured.left // 3, captured.left + 1)))
    if pick.number(0, 2) == 0:
        return "operator", ReverseCapture(report_id=report_id, amount=amount, reason="meter audit")
    return pick.one((lab, provider)), ProposeReversal(report_id=report_id, amount=amount, reason="counted twice")


def _claim(world: World, pick: Choice) -> Move:
    claimable = world.state("redemption").claimable
    first = claimable.get(pick.id(claimable))
    provider, programme_id = ("gpu-1", "p1") if first is None else (first.provider_id, first.programme_id)
    same = [
        name for name, each in claimable.items() if (each.provider_id, each.programme_id) == (provider, programme_id)
    ]
    invoice = f"inv-{pick.number(0, 30)}"
    return provider, SubmitClaim(
        programme_id=programme_id, invoice_number=invoice, contract_ids=pick.some(same, 4) or tuple(sorted(same)[:1])
    )


def _claims(world: World, pick: Choice) -> Move:
    state = world.state("redemption")
    kind = pick.number(0, 7)
    if kind in (0, 6):
        return _payment(world, pick)
    if kind == 1:
        programme_id = pick.one(("p1", "p2"))
        ready = sorted(
            name
            for name, each in state.claims.items()
            if each.status == "approved" and each.terms.programme_id == programme_id
        )
        named = tuple(ready) if ready else pick.some(state.claims, 2)
        payable = pick.some((provider for programme, provider in state.payable if programme == programme_id), 2)
        return ISSUER[programme_id], CloseSettlement(programme_id=programme_id, claim_ids=named, payee_ids=payable)
    claim_id = pick.id(state.claims)
    claim = state.claims.get(claim_id)
    issuer = "city" if claim is None else ISSUER[claim.terms.programme_id]
    rest: Rest = pick.one(("ends", "claimable"))
    if kind == 2:
        return issuer, RejectClaim(claim_id=claim_id, reason="no invoice", rest=rest)
    if kind == 3:
        return issuer, WithdrawApproval(claim_id=claim_id, reason="too early")
    lines = () if claim is None or pick.number(0, 1) else claim.terms.lines[:1]
    part = tuple(ApprovedLine(contract_id=each.contract_id, amount=each.amount // 2) for each in lines)
    return issuer, ApproveClaim(claim_id=claim_id, lines=part, rest=rest)


def _payment(world: World, pick: Choice) -> Move:
    payments = world.state("redemption").payments
    settlement_id, _, provider_id = pick.id("/".join(key) for key in payments).partition("/")
    payment = payments.get((settlement_id, provider_id))
    amount = YUAN if payment is None else payment.amount + (1 if pick.rarely() else 0)
    provider_id = provider_id or "gpu-1"
    if pick.number(0, 3) == 0:
        return "bank", ReturnPayment(
            settlement_id=settlement_id, provider_id=provider_id, return_reference=_paper(pick), reason="closed"
        )
    paid_on = world.clock // DAY + (2 if pick.rarely() else 0)
    return "bank", ConfirmPayment(
        settlement_id=settlement_id, provider_id=provider_id, amount=amount, payment_reference=_paper(pick),
        paid_on=paid_on,
    )  # fmt: skip


def _clawback(world: World, pick: Choice) -> Move:
    """What was paid is taken back, contested, decided, or given up."""
    state = world.state("redemption")
    if (OrderClawback.TYPE, OrderClawback.V) in state.rules.absent or not state.paid:
        return _payment(world, pick)
    kind, clawback_id = pick.number(0, 4), pick.id(state.clawbacks)
    clawback = state.clawbacks.get(clawback_id)
    if kind == 0:
        return "gpu-1" if clawback is None else clawback.provider_id, FileAppeal(
            clawback_id=clawback_id, evidence=(), reason="delivered"
        )
    if kind == 1:
        most = YUAN if clawback is None else clawback.amount
        return "operator", DecideAppeal(clawback_id=clawback_id, amount=pick.number(0, most), reason="heard")
    if kind == 2 and state.owed:
        (programme_id, provider_id), owed = pick.one(sorted(state.owed.items()))
        body = WriteOff(programme_id=programme_id, provider_id=provider_id, amount=pick.number(1, owed), reason="gone")
        return ISSUER[programme_id], body
    settlement_id, provider_id = pick.one(sorted(state.paid))
    payment = state.payments[settlement_id, provider_id]
    return ISSUER[payment.programme_id], OrderClawback(
        settlement_id=settlement_id, provider_id=provider_id, ground="FRAUD", amount=pick.number(1, payment.amount),
        evidence=(), reason="cancelled",
    )  # fmt: skip


Build = Callable[[World, Choice], Move]
ALWAYS: tuple[Build, ...] = (
    _issue, _issue, _voucher_changes, _budget, _people, _relations, _cash, _hands, _stops,
    _offer, _offer, _offer, _offer, _bid, _bid, _bid, _bid, _bid, _bid,
)  # fmt: skip
WITH: dict[Build, Callable[[World], object]] = {
    _order_changes: lambda world: world.state("matching").admitted,
    _for_others: lambda world: len(world.state("matching").admitted) > 6,
    _report: _to_report,
    _withdraw: lambda world: world.state("redemption").contracts,
    _usage: lambda world: world.state("redemption").reports,
    _cancel: lambda world: world.state("redemption").contracts,
    _reversal: lambda world: world.state("redemption").captures,
    _claim: lambda world: world.state("redemption").claimable,
    _claims: lambda world: world.state("redemption").claims,
    _payment: lambda world: world.state("redemption").payments,
    _clawback: lambda world: world.state("redemption").paid,
}
"""Moves that need something to act on; half of all moves while there is some."""


def move(world: World, pick: Choice) -> Move:
    """Any command, one time in eight by a party picked at random."""
    possible = [build for build, has in WITH.items() if pick.rarely() or has(world)]
    build = pick.one(ALWAYS if not possible or pick.number(0, 1) else possible)
    actor, body = build(world, pick)
    return (pick.one(tuple(ROLES)) if pick.rarely() else actor), body
