"""A market in which every command has something to act on, at one moment, made by commands alone.

`gpu-1` delivers to `lab-1` what `city` pays for. For each of these, for the root operator and for nobody (`none`) there
is a party of every role: `gpu-1-issuer` is related to `gpu-1`, `none-issuer` to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from itertools import count
from typing import Any, Final, get_args

from counterfoil.contract.accelerators import Requirement
from counterfoil.contract.applications import ApplicationLine
from counterfoil.contract.events import DocumentPiecePut
from counterfoil.contract.invoices import Invoice
from counterfoil.contract.record import Command, annotations_of
from counterfoil.contract.scalars import Role
from counterfoil.contract.terms import FixedExpiry
from counterfoil.contract.times import DAY, HOUR, SECOND, format_day, format_month
from counterfoil.core.at import At
from counterfoil.issuance.aid_commands import AttestAid, RegisterRegime
from counterfoil.issuance.commands import (
    AddKey,
    AppointAuditor,
    AppropriateBudget,
    AttestFact,
    AttestGroup,
    DemandFourEyes,
    IssueVoucher,
    ListProvider,
    OpenWindow,
    PauseProgramme,
    ProposeRecovery,
    RegisterParty,
    ReturnApplication,
    ReviewApplication,
    ScoreApplication,
    SubmitApplication,
    SuspendParty,
    SuspendProvider,
    SuspendVoucherV1,
)
from counterfoil.issuance.control_commands import AttestControl
from counterfoil.issuance.events import WindowOpened
from counterfoil.issuance.invoice_commands import ClaimAfterUse, ClaimInvoice, PermitClaim, RecordCreditNote
from counterfoil.issuance.run_off_commands import BeginRunOff
from counterfoil.ledger.commands import Deposit, PledgeVoucher, ProposeTransfer
from counterfoil.ledger.credit_commands import BidForCredit, OfferCredit
from counterfoil.matching.auction.book import Placement
from counterfoil.matching.auction_commands import BidInAuction, ScheduleAuction
from counterfoil.matching.collar_commands import SetPriceCollar
from counterfoil.matching.commands import PlaceBid, PostOffer
from counterfoil.matching.halt_commands import HaltTrading
from counterfoil.matching.inventory_commands import AttestInventory, PostOfferAtSite
from counterfoil.matching.order_limit_commands import SetOrderLimit
from counterfoil.matching.order_limit_events import OrdersCounted
from counterfoil.matching.performance_commands import PlacePerformanceBid
from counterfoil.matching.position_commands import SetPositionLimit
from counterfoil.matching.reclaim_commands import (
    PlaceReclaimableBid,
    PlaceReclaimablePerformanceBid,
    PostReclaimableOffer,
)
from counterfoil.matching.solution_commands import PlacedBlock, ProposeSolution
from counterfoil.matching.solutions import digest_of
from counterfoil.redemption.adjustment_commands import AdjustPayment
from counterfoil.redemption.commands import (
    AcceptUsage,
    ConfirmPayment,
    DisputeUsage,
    FileAppeal,
    OrderClawback,
    ProposeCancellation,
    ProposeCorrection,
    ProposeReversal,
    Reading,
    ReportUsage,
    ReverseCapture,
    SubmitClaim,
)
from counterfoil.redemption.payer_commands import ConfirmShare
from counterfoil.vocabulary import CODEC
from tests.documents import document, published, publishing, suspending
from tests.paper_work import PAID_ON, approve, settle
from tests.possession import proven
from tests.properties.world import DECIDERS, SERVICE_OF, START, START_HOUR, YUAN, Newest, described, programme

ROLES: Final[tuple[Role, ...]] = get_args(Role)
OWNERS: Final[dict[str, Role]] = {"city": "issuer", "gpu-1": "provider", "lab-1": "beneficiary"}
OTHERS: Final[dict[str, tuple[Role, str]]] = {
    "alone": ("auditor", "alone"),
    "clerk": ("auditor", "none-treasurer"),
    "late": ("provider", "late"),
    "proposer": ("operator", "city"),
    "shunned": ("provider", "shunned"),
    "stopped": ("beneficiary", "lab-1"),
    "teller": ("treasurer", "operator"),
    "watch": ("auditor", "watch"),
}
"""Further parties: role and group. `late` turns out to be related to the city once it has claimed, and `watch` gets
related parties once it is appointed."""
DELIVERIES: Final = dict.fromkeys(("contract", "report", "corrected", "disputed", "captured", "reversing"), "gpu-1")
TAKEN_BACK: Final = "taken back"
"""A contract of programme p14, which takes back what it paid."""
BY_TWO: Final = ("for two", "signed once", "settled by two")
"""Contracts of programme p2, which comes to demand two signatories, and is paused; all others are of p1."""
CLAIMS: Final = {
    **dict.fromkeys(("claimed", "approved", "settled", "owing"), "gpu-1"),
    **dict.fromkeys(("claimed by late", "approved for late"), "late"),
    **dict.fromkeys(BY_TWO, "gpu-1"),
    TAKEN_BACK: "gpu-1",
}
"""Contracts that are delivered, by what becomes of them, with their providers; those that are claimed."""
DELIVERED: Final = START_HOUR + 3
"""The hour of the contracts that are delivered; the market is prepared two hours later."""
LATER: Final = START_HOUR + 200
"""The hour of those that are not."""
MINUTES: Final = 480
REPORTING: Final = 720 * HOUR
DISPUTE_WINDOW: Final = 48 * HOUR
NEW: Final = document(id="p9")
FURTHER: Final = document(id="p1", version=2)
CLAIMED: Final = {"model": "APPLY_THEN_CLAIM", "claimant": "EITHER"}
APPLIED: Final = document(id="p5", review={"steps": [{"authority": "issuer"}, {"authority": "operator"}]})
RANKED: Final = document(
    id="p6", budget__exhaustion={"mode": "RANKED"}, review={"steps": [{"authority": "issuer"}]},
    benefit__caps=[{"id": "project", "scope": "PROJECT", "period": {"kind": "PROGRAMME"}, "set_at_approval": True}],
)  # fmt: skip
APPLICATION: Final = SubmitApplication(
    programme_id="p5",
    corrects=None,
    project_id=None,
    lines=(
        ApplicationLine(
            id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=100 * YUAN, tax=0, quantity=0, unit=None,
            class_id="a100", region="east", provider_id=None, starts=None, ends=None,
        ),
    ),
    contract=None,
    other_support=(),
    evidence=(),
)  # fmt: skip
SPECIAL_AID: Final = RegisterRegime(
    regime="SPECIAL", currency="CNY", ceiling=100 * YUAN, months=12, unit="GROUP", counts_on="GRANTED",
    in_force_on=START // DAY, source="a law",
)  # fmt: skip
CONTROL: Final = AttestControl(
    owner_id="holding", party_id="lab-1", kind="MAJORITY_OF_VOTES", share_bps=6_000, on=1, source="register"
)
"""An undertaking that is no party has the majority of one."""
AID_GIVEN: Final = AttestAid(
    party_id="lab-1", regime="DE_MINIMIS", amount=YUAN, currency="CNY", granted_on=START // DAY, grantor="Land",
    reference="A-1", source="declaration",
)  # fmt: skip
"""Aid of the first day."""
FACT: Final = AttestFact(
    party_id="lab-1", application_id=None, line=None, name="employees", values=("9",), on=START // DAY,
    source="register",
)  # fmt: skip
VALID_UNTIL: Final = START + 1_500 * HOUR
EXPIRY: Final = START + 2_000 * HOUR
"""Of the programme."""
OFFLINE: Final = START + 2 * HOUR
"""The next midnight four hours west of Greenwich."""


class Market(Newest):
    """The market, and the `ids` of what was made in it, and at which `times` (microseconds), by name."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: dict[str, str] = {}
        self.times: dict[str, int] = {}
        self._numbers = count(1_000)
        _parties(self)
        _programmes(self)
        _auditors(self)
        _hands(self)
        _orders(self)
        _reports(self)
        _claims(self)
        _pauses(self)
        _documents(self)
        _applications(self)
        _invoices(self)
        _aid(self)
        _parts(self)

    def key(self, party_id: str, **use: Any) -> Any:
        """A key that nobody has yet, with its proof for a party."""
        return proven(next(self._numbers), party_id, **use)

    def do(self, actor: str, body: Command, name: str | None = None) -> str:
        """A command that is accepted, and all that follows; the id of what it makes, kept under a name."""
        self.submit(actor, body)
        entry = CODEC.decode_entry(self.logs[SERVICE_OF[type(body)]][-1])
        assert [outcome.refusal for outcome in entry.outcomes] == [None], f"{actor}: {body}: {entry.outcomes}"
        self.settle()
        made = next(each for each in reversed(entry.events) if not isinstance(each, OrdersCounted))
        id_ = str(next(getattr(made, field) for field in annotations_of(type(made)) if field.endswith("_id")))
        if name is not None:
            self.ids[name], self.times[name] = id_, entry.time
        return id_

    def trade(self, name: str, provider: str, hour: int) -> None:
        """A contract of one node and hour."""
        self.do(provider, offer(hour))
        known = set(self.state("redemption").contracts)
        self.do("lab-1", bid(hour, programme_id=programme_of(name)))
        (self.ids[name],) = set(self.state("redemption").contracts) - known


def programme_of(name: str) -> str:
    """The programme of a contract."""
    if name == TAKEN_BACK:
        return "p14"
    return "p2" if name in BY_TWO else "p1"


def payment(market: Market, settlement: str) -> ConfirmPayment:
    """What `gpu-1` is due of a settlement."""
    settlement_id = market.ids[settlement]
    due = market.state("redemption").payments[settlement_id, "gpu-1"].amount
    return ConfirmPayment(
        settlement_id=settlement_id, provider_id="gpu-1", amount=due, payment_reference="OUT-100", paid_on=PAID_ON
    )


def adjusting(market: Market) -> AdjustPayment:
    """A payment was too small by one unit, a day in the year before."""
    return AdjustPayment(
        settlement_id=market.ids["settlement to take back"], provider_id="gpu-1", amount=YUAN, document="B-14-2",
        period_starts=1, period_ends=1, evidence=(), reason="hours were left out",
    )  # fmt: skip


def clawback(market: Market) -> OrderClawback:
    """Part of what was paid is to be given back."""
    return OrderClawback(
        settlement_id=market.ids["settlement to take back"], provider_id="gpu-1", ground="FRAUD", amount=YUAN,
        evidence=(), reason="the invoice was cancelled",
    )  # fmt: skip


def offer(hour: int, **changes: Any) -> PostOffer:
    """A node for an hour."""
    terms: dict[str, Any] = {
        "class_id": "a100", "region": "east", "currency": "CNY", "nodes": 1, "window_start": hour,
        "window_end": hour + 1, "price": YUAN, "min_nodes": 1, "min_hours": 1, "bond_bps": 2_000, "tif": "GTC",
        "good_until": None, "stp": "taker",
    }  # fmt: skip
    return PostOffer(**(terms | changes))


STOCK = AttestInventory(provider_id="gpu-1", site_id="hall-1", class_id="a100", nodes=8, source="visit")


def offer_at_site(hour: int) -> PostOfferAtSite:
    """The same at a site."""
    usual = offer(hour)
    return PostOfferAtSite(site_id="hall-1", **{each.name: getattr(usual, each.name) for each in fields(usual)})


def bid(hour: int, **changes: Any) -> PlaceBid:
    """A bid for it."""
    terms: dict[str, Any] = {
        "programme_id": "p1", "voucher_ids": (), "classes": ("a100",), "regions": ("east",), "nodes": 1, "hours": 1,
        "earliest": hour, "latest": hour, "limit_price": YUAN, "partial": False, "min_nodes": 1, "tif": "GTC",
        "good_until": None, "post_only": False, "stp": "taker",
    }  # fmt: skip
    return PlaceBid(**(terms | changes))


def performance_bid(hour: int) -> PlacePerformanceBid:
    """The same by performance, for a class of which the figures are known."""
    usual = bid(hour)
    same = {each.name: getattr(usual, each.name) for each in fields(usual) if each.name != "classes"}
    require = Requirement(
        gpus_per_node=8, classes=(), min_mtflops=0, min_mem_mb=0, min_allreduce=(), interconnects=(), origins=(),
        attested_only=True,
    )  # fmt: skip
    return PlacePerformanceBid(require=require, **{**same, "limit_price": 4 * YUAN})


def reclaimable_offer(hour: int) -> PostReclaimableOffer:
    """An offer that names ten hours of notice."""
    return PostReclaimableOffer(reclaim_notice_hours=10, site_id=None, **_terms(offer(hour)))


def reclaimable_bid(hour: int) -> PlaceReclaimableBid:
    """A bid that asks for as many."""
    return PlaceReclaimableBid(min_reclaim_notice_hours=10, **_terms(bid(hour)))


def reclaimable_performance_bid(hour: int) -> PlaceReclaimablePerformanceBid:
    """The same by performance."""
    return PlaceReclaimablePerformanceBid(min_reclaim_notice_hours=10, **_terms(performance_bid(hour)))


def _terms(body: PostOffer | PlaceBid | PlacePerformanceBid) -> dict[str, Any]:
    return {each.name: getattr(body, each.name) for each in fields(body)}


def reading(minutes: int) -> Reading:
    """What was delivered in the hour."""
    return Reading(hour=DELIVERED, gpu_minutes=minutes)


@cache
def prepared() -> Market:
    """The one market of all tests; whoever acts in it takes a copy."""
    return Market()


# how it is made -----------------------------------------------------------------------------------------------------


def _parties(market: Market) -> None:
    people: dict[str, tuple[Role, str]] = {name: (role, name) for name, role in OWNERS.items()}
    people |= OTHERS
    people |= {
        f"{group}-{role}": (role, f"none-{role}" if group == "none" else group)
        for group in (*OWNERS, "operator", "none")
        for role in ROLES
    }
    for name, (role, group) in people.items():
        _register(market, name, role, group)
    market.do("lab-1", AddKey(key=market.key("lab-1")))
    market.do("operator", described("a100", 1, YUAN // 100))
    market.do("operator", STOCK)


def _register(market: Market, name: str, role: Role, group: str) -> None:
    recovery_key = market.key(name, use="recovery") if name == "lab-1" else None
    market.do("operator", RegisterParty(
        party_id=name, name=name, roles=(role,), group_id=group, key=market.key(name), recovery_key=recovery_key,
        looks_like=None,
    ))  # fmt: skip


def _auditors(market: Market) -> None:
    """One for a programme and for all."""
    market.do("city", AppointAuditor(auditor_id="watch", programme_id="p1"))
    market.do("operator", AppointAuditor(auditor_id="watch", programme_id=None))
    for role in ROLES:
        _register(market, f"watch-{role}", role, "watch")


def _programmes(market: Market) -> None:
    terms: dict[str, Any] = {
        "classes": ("a100",), "valid_until": VALID_UNTIL, "expiry": FixedExpiry(kind="fixed", at=EXPIRY),
        "report_within_seconds": REPORTING // SECOND, "dispute_window_seconds": DISPUTE_WINDOW // SECOND,
    }  # fmt: skip
    for programme_id in ("p1", "p2"):
        market.do("city", programme(programme_id, **terms))
        amount = 20_000 * YUAN
        market.do("city", AppropriateBudget(programme_id=programme_id, amount=amount, document=f"B-{programme_id}"))
    for programme_id, provider in (("p1", "gpu-1"), ("p1", "late"), ("p1", "shunned"), ("p2", "gpu-1")):
        market.do("city", ListProvider(programme_id=programme_id, provider_id=provider))
    vouchers = {"voucher": "lab-1", "suspended voucher": "lab-1", "foreign voucher": "none-beneficiary"}
    for name, beneficiary in vouchers.items():
        issue = IssueVoucher(programme_id="p1", beneficiary_id=beneficiary, amount=1_000 * YUAN)
        market.do("city", issue, name)
    market.do("city", IssueVoucher(programme_id="p2", beneficiary_id="lab-1", amount=1_000 * YUAN))
    market.do("city", SuspendVoucherV1(voucher_id=market.ids["suspended voucher"], reason="inquiry"))
    for owner in ("gpu-1", "late", "lab-1", "none-beneficiary"):
        deposit = Deposit(party_id=owner, currency="CNY", amount=1_000 * YUAN, payment_reference=f"IN-{owner}")
        market.do("none-treasurer", deposit)


def _hands(market: Market) -> None:
    """Vouchers that may be handed on, by programme p3 freely, by p4 if the issuer approves; some is under way."""
    for programme_id, mode in (("p3", "CLOSED_MARKET"), ("p4", "ISSUER_APPROVED")):
        transfer = {"mode": mode, "pledge": {"allowed": True}}
        expiry = {"rule": {"kind": "FIXED", "on": format_day(EXPIRY // DAY - 1)}, "extension_days": 30}
        for body in publishing(document(id=programme_id, transfer=transfer, expiry=expiry)):
            market.do("city", body)
        amount = 20_000 * YUAN
        market.do("city", AppropriateBudget(programme_id=programme_id, amount=amount, document=f"B-{programme_id}"))
    held = {
        "free voucher": ("p3", "lab-1"), "other voucher": ("p3", "none-beneficiary"), "bound voucher": ("p4", "lab-1"),
    }  # fmt: skip
    for name, (programme_id, holder_id) in held.items():
        issue = IssueVoucher(programme_id=programme_id, beneficiary_id=holder_id, amount=1_000 * YUAN)
        market.do("city", issue, name)
    issue = IssueVoucher(programme_id="p3", beneficiary_id="lab-1", amount=1_000 * YUAN)
    market.do("city", issue, "stopped voucher")
    market.do("city", suspending(market.ids["stopped voucher"]), "suspension")
    _offline(market)
    _taking_back(market)
    market.do("lab-1", handing(market, "free voucher", "none-beneficiary"), "transfer of lab-1")
    market.do("none-beneficiary", handing(market, "other voucher", "lab-1"), "transfer to lab-1")
    market.do("lab-1", handing(market, "bound voucher", "none-beneficiary"), "transfer to approve")
    market.do("none-beneficiary", pledging(market, "other voucher", "lab-1"), "pledge to lab-1")
    market.do("lab-1", credit_offer(market, 10_000), "credit offer")


def _taking_back(market: Market) -> None:
    """A programme that takes back what it paid, and a voucher of it."""
    control = {
        "clawback": {"grounds": ["FRAUD"], "lookback_months": 1}, "appeal": {"within_days": 10, "stays": True},
    }  # fmt: skip
    rule = {"kind": "FIXED", "on": format_day(EXPIRY // DAY - 1)}
    budget = AppropriateBudget(programme_id="p14", amount=20_000 * YUAN, document="B-p14")
    value = document(id="p14", control=control, expiry={"rule": rule})
    for body in (*publishing(value), budget, ListProvider(programme_id="p14", provider_id="gpu-1")):
        market.do("city", body)
    market.do("city", IssueVoucher(programme_id="p14", beneficiary_id="lab-1", amount=1_000 * YUAN))


def _offline(market: Market) -> None:
    """A voucher that is offline since `OFFLINE`, and may be asked for since then."""
    rule = {"kind": "RELATIVE", "after_days": 1}
    valid = {"start": "2000-01-01", "end": "2099-12-31", "utc_offset": "-04:00"}
    value = document(id="p13", valid=valid, expiry={"rule": rule, "restore_within_days": 30, "expunge_days": 60})
    issue = IssueVoucher(programme_id="p13", beneficiary_id="lab-1", amount=1_000 * YUAN)
    budget = AppropriateBudget(programme_id="p13", amount=20_000 * YUAN, document="B-p13")
    for body in (*publishing(value), budget):
        market.do("city", body)
    market.do("city", issue, "offline voucher")


def handing(market: Market, name: str, receiver_id: str) -> ProposeTransfer:
    """A transfer of part of a voucher, for nothing."""
    return ProposeTransfer(voucher_id=market.ids[name], amount=YUAN, receiver_id=receiver_id, price=0)


def credit_offer(market: Market, price_bps: int) -> OfferCredit:
    """An offer of part of a voucher that may be handed on."""
    voucher_id = market.ids["free voucher"]
    return OfferCredit(voucher_id=voucher_id, amount=YUAN, price_bps=price_bps, time_in_force="GTC")


def credit_bid(_market: Market) -> BidForCredit:
    """A bid for the series of that voucher, at less than what is asked for."""
    return BidForCredit(
        programme_id="p3", version=1, month=format_month(EXPIRY // DAY * DAY - 1), amount=YUAN, price_bps=5_000,
        time_in_force="GTC",
    )  # fmt: skip


def pledging(market: Market, name: str, pledgee_id: str) -> PledgeVoucher:
    """A pledge of part of a voucher."""
    return PledgeVoucher(voucher_id=market.ids[name], amount=YUAN, pledgee_id=pledgee_id)


COLLAR: Final = SetPriceCollar(
    class_id="a100", region="farther", currency="CNY", collar_bps=5_000, reference_price=YUAN, reason="calm"
)
ORDER_LIMIT: Final = SetOrderLimit(orders_per_trade=50, free=10_000, reason="orders that never trade")
LIMIT: Final = SetPositionLimit(class_id="a100", region="farther", share_bps=2_000, least=24, reason="crowding")
AUCTION: Final = ScheduleAuction(
    programmes=("p1",), classes=("a100",), region="east", first_hour=LATER + 40, hours=4,
    locks_at=(LATER + 12) * HOUR, clears_at=(LATER + 14) * HOUR, reference_price=YUAN, collar_bps=10_000, caps="none",
    cap_bps=0, rsi_bps=0, cover_bps=0, pivotal_bps=0, reserve_price=0, reserve_points=(),
)  # fmt: skip


def auction_bid(market: Market) -> BidInAuction:
    """A node for an hour of the auction."""
    return BidInAuction(
        auction_id=market.ids["auction"], programme_id="p1", voucher_ids=(), nodes=1, hours=1, earliest=LATER + 40,
        latest=LATER + 40, limit_price=YUAN, divisible=True,
    )  # fmt: skip


def proposing(auction_id: str, block: Placement, first_hour: int) -> ProposeSolution:
    """A solution of one block for an auction that begins with this hour."""
    placed = PlacedBlock(bid_id=block.block_id, first_hour=first_hour + block.start, offer_id=block.ask_id)
    return ProposeSolution(
        auction_id=auction_id, solver="by-hand", sha256=digest_of((block,)), piece=0, pieces=1, blocks=(placed,)
    )


def _orders(market: Market) -> None:
    """Contracts, named after what becomes of them, and an order of each kind that waits."""
    for name, provider in (DELIVERIES | CLAIMS).items():
        market.trade(name, provider, DELIVERED)
    for name in ("future", "cancelling"):
        market.trade(name, "gpu-1", LATER)
    market.do("gpu-1", reclaimable_offer(LATER))
    known = set(market.state("redemption").contracts)
    market.do("lab-1", reclaimable_bid(LATER))
    (market.ids["reclaimable"],) = set(market.state("redemption").contracts) - known
    market.do("gpu-1", offer(LATER + 10), "offer")
    market.do("lab-1", bid(LATER + 20), "bid")
    market.do("operator", AUCTION, "auction")
    market.do("operator", replace(AUCTION, locks_at=(DELIVERED + 1) * HOUR), "locked auction")
    market.do("operator", HaltTrading(class_id="a100", region="far", provider_id=None, reason="drill"))
    market.do("lab-1", auction_bid(market), "auction bid")
    market.do("gpu-1", ProposeCancellation(contract_id=market.ids["cancelling"], reason="no power"), "cancellation")


def _reports(market: Market) -> None:
    """Every contract but one is reported; most reports are accepted, and captured."""
    market.clock = (DELIVERED + 2) * HOUR
    market.settle()
    for name, provider in (DELIVERIES | CLAIMS).items():
        if name != "contract":
            report = ReportUsage(contract_id=market.ids[name], readings=(reading(MINUTES),))
            market.do(provider, report, f"report {name}")
    for name in ("captured", "reversing", *CLAIMS):
        market.do("lab-1", AcceptUsage(report_id=market.ids[f"report {name}"]))
    report_id = market.ids["report disputed"]
    market.do("lab-1", DisputeUsage(report_id=report_id, hours=(), evidence=(), reason="It stood still"), "dispute")
    correct = ProposeCorrection(report_id=market.ids["report corrected"], readings=(reading(48),), reason="misread")
    market.do("gpu-1", correct, "correction")
    reverse = ProposeReversal(report_id=market.ids["report reversing"], amount=YUAN, reason="misread")
    market.do("gpu-1", reverse, "reversal")


def _claims(market: Market) -> None:
    """One is submitted, one approved, one in a settlement; of one the subsidy is owed back."""
    for name, provider in CLAIMS.items():
        contract_id = market.ids[name]
        claim = SubmitClaim(
            programme_id=programme_of(name), invoice_number=f"I-{contract_id}", contract_ids=(contract_id,)
        )
        market.do(provider, claim, f"claim {name}")
    for name in ("approved", "approved for late", "settled", "settled by two"):
        market.do("city", approve(market.ids[f"claim {name}"]))
    market.do("city", settle("p1", market.ids["claim settled"]), "settlement")
    market.do("city", settle("p2", market.ids["claim settled by two"]), "settlement by two")
    reverse = ReverseCapture(report_id=market.ids["report owing"], amount=YUAN, reason="meter log")
    market.do("none-operator", reverse)
    market.do("city", approve(market.ids[f"claim {TAKEN_BACK}"]))
    market.do("city", settle("p14", market.ids[f"claim {TAKEN_BACK}"]), "settlement to take back")
    first = replace(payment(market, "settlement to take back"), payment_reference="OUT-99")
    market.do("teller", first, "payment to take back")
    for name in ("clawback", "contested clawback"):
        market.do("city", clawback(market), name)
    contested = FileAppeal(clawback_id=market.ids["contested clawback"], evidence=(), reason="delivered")
    market.do("gpu-1", contested)
    market.do("city", DemandFourEyes(programme_id="p2", act="approval"))
    market.do("city", DemandFourEyes(programme_id="p2", act="payment"))
    market.do("city", approve(market.ids["claim signed once"]))
    market.do("teller", payment(market, "settlement by two"))


def _pauses(market: Market) -> None:
    """What has been stopped, a recovery that is under way, and a relation that became known late."""
    market.do("city", PauseProgramme(programme_id="p2", reason="inquiry"))
    for body in (*publishing(document(id="p15")), BeginRunOff(programme_id="p15", reason="never needed")):
        market.do("city", body)
    market.do("city", SuspendProvider(programme_id="p1", provider_id="shunned", reason="inquiry"))
    market.do("operator", SuspendParty(party_id="stopped", reason="inquiry"))
    recover = ProposeRecovery(party_id="gpu-1", key=market.key("gpu-1"), recovery_key=None, reason="lost")
    market.do("proposer", recover, "recovery")
    market.do("operator", AttestGroup(party_id="late", group_id="city", since=None, source="register"))


def _applications(market: Market) -> None:
    """To a programme of their own: one before its first step, which is the issuer's, one before that of operators."""
    for body in publishing(APPLIED):
        market.do("city", body)
    market.do("city", ListProvider(programme_id="p5", provider_id="gpu-1"))
    for name in ("application", "signed application", "returned application"):
        market.do("lab-1", APPLICATION, name)
    signed = ReviewApplication(application_id=market.ids["signed application"], step=0, passes=True, reason="seen")
    market.do("city", signed)
    market.do("city", ReturnApplication(application_id=market.ids["returned application"], reason="no contract"))
    for body in publishing(RANKED):
        market.do("city", body)
    today = market.clock // DAY
    market.do("city", OpenWindow(programme_id="p6", opens=today, closes=today, commitment=None), "window")
    for name in ("application to score", "scored application"):
        market.do("lab-1", replace(APPLICATION, programme_id="p6"), name)
    scored = ScoreApplication(application_id=market.ids["scored application"], points=YUAN, reason="read")
    market.do("city", scored)
    state = market.state("issuance")
    current = state.programmes["p6"].current
    over = WindowOpened(
        window_id="win-0-0", programme_id="p6", version=1, document_id=current.document_id,
        rules_hash=current.rules_hash, mode="RANKED", opens=today - 1, closes=today - 1, commitment=None,
    )  # fmt: skip
    DECIDERS["issuance"].evolve[WindowOpened](state, over, At(market.clock, 0, 0))
    market.ids["window that is over"] = over.window_id
    for party_id in ("none-operator", "gpu-1"):
        market.do(party_id, FACT)
    market.do("none-operator", replace(FACT, application_id=market.ids["application"]))


def _invoices(market: Market) -> None:
    """A programme whose vouchers are claimed with invoices."""
    expiry = {"rule": {"kind": "FIXED", "on": format_day(EXPIRY // DAY - 1)}}
    for body in publishing(document(id="p7", redemption=CLAIMED, providers={"mode": "OPEN"}, expiry=expiry)):
        market.do("city", body)
    market.do("city", AppropriateBudget(programme_id="p7", amount=1_000 * YUAN, document="B-p7"))
    issue = IssueVoucher(programme_id="p7", beneficiary_id="lab-1", amount=1_000 * YUAN)
    market.do("city", issue, "claimed voucher")
    claim = claiming(market, "claimed voucher")
    market.do("lab-1", replace(claim, invoice=replace(claim.invoice, number="INV-0")), "claim on an invoice")
    _shared(market, expiry)
    after_use = {"model": "POST_USE_REIMBURSEMENT", "claimant": "BENEFICIARY"}
    for body in publishing(document(id="p8", redemption=after_use, providers={"mode": "OPEN"})):
        market.do("city", body)


def _parts(market: Market) -> None:
    """A programme whose vouchers are released in parts, and a voucher of which nothing is released."""
    tranches = [
        {"share": "1/2", "release_on": "PROGRESS_REPORT", "attested_by": "gpu-1"},
        {"share": "1/2", "release_on": "DATE", "after_days": 0},
    ]
    expiry = {"rule": {"kind": "FIXED", "on": format_day(EXPIRY // DAY - 1)}, "extension_days": 30}
    for body in publishing(document(id="p18", benefit__tranches=tranches, expiry=expiry)):
        market.do("city", body)
    market.do("city", AppropriateBudget(programme_id="p18", amount=1_000 * YUAN, document="B-p18"))
    market.do("city", IssueVoucher(programme_id="p18", beneficiary_id="lab-1", amount=1_000 * YUAN), "voucher in parts")
    found = market.state("ledger").encumbrances.tranches
    market.ids |= {"free part" if each.attester_id is None else "milestone": name for name, each in found.items()}


def _aid(market: Market) -> None:
    """A programme under a ceiling of law, and aid from elsewhere that an issuer and an operator attested."""
    regime = {"regime": "DE_MINIMIS", "ceiling": "300000", "months": 36}
    for body in publishing(document(id="p11", benefit__regimes=[regime])):
        market.do("city", body)
    market.do("city", AID_GIVEN, "aid")
    market.do("none-operator", replace(AID_GIVEN, reference="A-2"), "aid of an operator")


def claiming(market: Market, name: str) -> ClaimInvoice:
    """A claim on an invoice of the first day."""
    day = START // DAY
    invoice = Invoice(issuer_tax_id="TAX-1", number="INV-1", issued_on=day)
    (line,) = APPLICATION.lines
    return ClaimInvoice(
        voucher_id=market.ids[name], amount=None, invoice=invoice, lines=(replace(line, starts=day, ends=day),),
        other_support=(), evidence=(),
    )  # fmt: skip


def _shared(market: Market, expiry: Mapping[str, Any]) -> None:
    """A claim of a provider that two bear: the region has paid it, the district refunds its share."""
    funding = [{"payer": "region", "share": "1/2"}, {"payer": "district", "share": "1/2", "timing": "AFTERWARDS"}]
    value = document(id="p17", redemption=CLAIMED, providers={"mode": "OPEN"}, expiry=expiry, budget__funding=funding)
    for body in publishing(value):
        market.do("city", body)
    market.do("city", AppropriateBudget(programme_id="p17", amount=1_000 * YUAN, document="B-p17"))
    issue = IssueVoucher(programme_id="p17", beneficiary_id="lab-1", amount=1_000 * YUAN)
    voucher_id = market.do("city", issue, "shared voucher")
    market.do("lab-1", PermitClaim(voucher_id=voucher_id, provider_id="gpu-1", amount=1_000 * YUAN))
    claim = claiming(market, "shared voucher")
    lines = (replace(claim.lines[0], provider_id="gpu-1"),)
    theirs = replace(claim, invoice=replace(claim.invoice, number="INV-17"), lines=lines)
    claim_id = market.do("gpu-1", theirs, "shared claim")
    market.do("city", approve(claim_id))
    note = crediting(market)
    paper = replace(note.credit_note, number="NOTE-0")
    market.do("city", replace(note, claim_id=claim_id, invoice_number="INV-17", credit_note=paper))
    market.do("city", settle("p17", claim_id), "shared settlement")
    market.do("teller", share(market, "region"))


def share(market: Market, payer: str) -> ConfirmShare:
    """What a payer pays of it."""
    key = (market.ids["shared settlement"], "gpu-1")
    due = next(each.due for each in market.state("redemption").shared[key].parts if each.payer == payer)
    return ConfirmShare(
        settlement_id=key[0], provider_id=key[1], payer=payer, amount=due, payment_reference=f"OUT-{payer}",
        paid_on=PAID_ON,
    )  # fmt: skip


def crediting(market: Market) -> RecordCreditNote:
    """A credit note on the invoice that was claimed."""
    note = Invoice(issuer_tax_id="TAX-1", number="NOTE-1", issued_on=START // DAY)
    claim_id = market.ids["claim on an invoice"]
    return RecordCreditNote(claim_id=claim_id, invoice_number="INV-0", credit_note=note, amount=YUAN)


def claiming_use(market: Market) -> ClaimAfterUse:
    """A claim of use that nothing was granted for before, on another invoice of the first day."""
    claim = claiming(market, "claimed voucher")
    return ClaimAfterUse(
        programme_id="p8", corrects=None, project_id=None, contract=None,
        invoice=replace(claim.invoice, number="INV-9"), lines=claim.lines, other_support=(), evidence=(),
    )  # fmt: skip


def _documents(market: Market) -> None:
    """Documents that are put and not published: of a new programme, and of a second version of p1."""
    state, parties = market.state("issuance"), dict.fromkeys(("lab-1", "watch", "watch-issuer", "none-issuer"), NEW)
    for number, (party_id, value) in enumerate((parties | {"city": FURTHER}).items()):
        for event in published(value, party_id, f"doc-{number}-0"):
            if isinstance(event, DocumentPiecePut):
                DECIDERS["issuance"].evolve[DocumentPiecePut](state, event, At(market.clock, 0, 0))
