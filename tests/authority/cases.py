"""For every row of `docs/who-may-do-what.md`, the command that is tried, and the party that the row is about.

`ABOUT[command][relation to]` makes the case in the prepared market.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from counterfoil.contract.applications import CapSet
from counterfoil.contract.limits import MAX_PIECE_BYTES
from counterfoil.contract.record import Command
from counterfoil.contract.times import DAY
from counterfoil.core.rules import LATEST
from counterfoil.issuance.aid_commands import WithdrawAid
from counterfoil.issuance.commands import (
    AddKey,
    AdoptRules,
    AppointAuditor,
    AppropriateBudget,
    AttestGroup,
    CloseParty,
    CloseWindow,
    DecideApplication,
    DelistProvider,
    DemandFourEyes,
    DismissAuditor,
    IssueVoucher,
    ListProvider,
    ObjectToRecovery,
    OpenWindow,
    PauseProgramme,
    ProposeRecovery,
    PutDocument,
    RecoverParty,
    ReduceBudget,
    RegisterCurrency,
    RegisterParty,
    ReinstateParty,
    ReinstateProvider,
    ReinstateVoucher,
    ResumeProgramme,
    ReturnApplication,
    ReturnVoucher,
    ReviewApplication,
    RevokeKey,
    ScoreApplication,
    SetApplicationCaps,
    SetRecoveryKey,
    SuspendParty,
    SuspendProvider,
    WithdrawApplication,
)
from counterfoil.issuance.freeze_commands import ExtendSuspension
from counterfoil.issuance.invoice_commands import PermitClaim
from counterfoil.issuance.run_off_commands import BeginRunOff
from counterfoil.ledger.commands import (
    AcceptTransfer,
    ApproveTransfer,
    CloseProgramme,
    Deposit,
    EnforcePledge,
    RejectTransfer,
    ReleasePledge,
    RestoreVoucher,
    SurrenderVoucher,
    Withdraw,
    WithdrawTransfer,
)
from counterfoil.ledger.credit_commands import CancelCreditOrder
from counterfoil.ledger.extension_commands import ExtendVoucher
from counterfoil.ledger.tranche_commands import AttestMilestone, ReleaseTranche
from counterfoil.matching.auction.book import Placement
from counterfoil.matching.auction_commands import CancelAuction, ImproveOrder, OfferInAuction
from counterfoil.matching.commands import (
    AmendBid,
    AmendOffer,
    CancelBid,
    CancelOffer,
    CancelOrderFor,
    CancelOrdersOf,
    CancelOwnOrders,
)
from counterfoil.matching.halt_commands import HaltTrading, ResumeTrading
from counterfoil.redemption.commands import (
    AcceptUsage,
    AgreeCancellation,
    AgreeCorrection,
    AgreeReversal,
    ConfirmRecovery,
    DecideAppeal,
    DisputeUsage,
    FileAppeal,
    ProposeCancellation,
    ProposeCorrection,
    ProposeReversal,
    ReportUsage,
    ResolveDispute,
    ReturnPayment,
    ReverseCapture,
    SubmitClaim,
    WithdrawApproval,
    WithdrawDelivery,
    WithdrawDispute,
    WriteOff,
)
from counterfoil.redemption.payer_commands import ReturnShare
from counterfoil.redemption.reclaim_commands import ReclaimDelivery
from tests.authority.prepared import (
    AID_GIVEN,
    APPLICATION,
    AUCTION,
    COLLAR,
    CONTROL,
    FACT,
    FURTHER,
    LATER,
    LIMIT,
    MINUTES,
    NEW,
    ORDER_LIMIT,
    SPECIAL_AID,
    STOCK,
    Market,
    adjusting,
    auction_bid,
    bid,
    claiming,
    claiming_use,
    clawback,
    credit_bid,
    credit_offer,
    crediting,
    handing,
    offer,
    offer_at_site,
    payment,
    performance_bid,
    pledging,
    proposing,
    reading,
    reclaimable_bid,
    reclaimable_offer,
    reclaimable_performance_bid,
    share,
)
from tests.documents import publishing, revoking, suspending
from tests.paper_work import approve, reject, settle
from tests.properties.world import YUAN, described, first_in_force


@dataclass(frozen=True)
class Case:
    """What a row tries.

    `owner`: the party that the row is about. `bodies`: by relation, the command. `actor`: who gives it in any case, if
    the row is about a party that the command names; None if it is about who gives it. `foreign`: then the party that is
    foreign.
    """

    owner: str
    bodies: Mapping[str, Command]
    actor: str | None = None
    foreign: str = ""


Make = Callable[[Market], Case]
WHY: Final = "because"


def by(owner: str, make: Callable[[Market], Command]) -> Make:
    """The command is given by the owner, by a party related to it, and by a foreign one."""
    return lambda market: Case(owner, dict.fromkeys(("own", "related", "foreign"), make(market)))


def alone(owner: str, make: Callable[[Market], Command]) -> Make:
    """It is given by the owner: nothing of others is named."""
    return lambda market: Case(owner, {"own": make(market)})


def naming(owner: str, role: str, make: Callable[[str], Command], actor: str = "city") -> Make:
    """The issuer, or another actor, names the owner in it, a related party with a role, and a foreign one."""
    named = {"own": owner, "related": f"{owner}-{role}", "foreign": f"none-{role}"}
    bodies = {relation: make(each) for relation, each in named.items()}
    return lambda _market: Case(owner, bodies, actor, named["foreign"])


def of_claimant(make: Callable[[Market, str], Command], related: str, foreign: str) -> Make:
    """The issuer decides on a claim of a party that has become related to it, and of a foreign one."""

    def case(market: Market) -> Case:
        claims = {"related": market.ids[related], "foreign": market.ids[foreign]}
        return Case("city", {relation: make(market, each) for relation, each in claims.items()}, "city", "gpu-1")

    return case


def two_sided(make: Callable[[Market], Command]) -> Mapping[str, Make]:
    """Both sides of a contract may give it."""
    return {"the contract's provider": by("gpu-1", make), "the contract's beneficiary": by("lab-1", make)}


def agreed(make: Callable[[Market], Command]) -> Mapping[str, Make]:
    """The other side agrees to what the provider proposed."""
    return {"who proposed it": by("gpu-1", make), "the other side": by("lab-1", make)}


def of_issuer(make: Callable[[Market], Command]) -> Mapping[str, Make]:
    """It is about a programme."""
    return {"the programme's issuer": by("city", make)}


# parties and keys ---------------------------------------------------------------------------------------------------


def _adopt(_market: Market) -> Command:
    return AdoptRules(rules=LATEST + 1, replaces=LATEST, release="9.0.0")


def _register(market: Market) -> Command:
    key = market.key("newcomer")
    return RegisterParty(
        party_id="newcomer",
        name="Newcomer",
        roles=("auditor",),
        group_id="newcomer",
        key=key,
        recovery_key=None,
        looks_like=None,
    )


def _first_key(market: Market) -> Command:
    key_id = first_in_force(market.state("issuance").directory.parties["lab-1"])
    return RevokeKey(party_id="lab-1", key_id=key_id, reason=WHY)


def _recovery_key(party_id: str) -> Callable[[Market], Command]:
    return lambda market: SetRecoveryKey(key=market.key(party_id, use="recovery"), consent=None)


def _propose_recovery(party_id: str) -> Callable[[Market], Command]:
    return lambda market: ProposeRecovery(party_id=party_id, key=market.key(party_id), recovery_key=None, reason=WHY)


def _object(market: Market) -> Command:
    return ObjectToRecovery(recovery_id=market.ids["recovery"], reason=WHY)


def _attest(party_id: str) -> Callable[[Market], Command]:
    return lambda _market: AttestGroup(party_id=party_id, group_id="joint", since=None, source="register")


def _review(name: str, step: int) -> Callable[[Market], Command]:
    return lambda market: ReviewApplication(application_id=market.ids[name], step=step, passes=True, reason=WHY)


PARTIES: Final[Mapping[str, Mapping[str, Make]]] = {
    "adopt_rules": {"itself": alone("lab-1", _adopt)},
    "register_party": {"itself": alone("lab-1", _register)},
    "add_key": {"itself": alone("lab-1", lambda market: AddKey(key=market.key("lab-1")))},
    "revoke_key": {"the key's party": by("lab-1", _first_key)},
    "set_recovery_key": {
        "itself": alone("city", _recovery_key("city")),
        "itself, without the consent of the one before": alone("lab-1", _recovery_key("lab-1")),
    },
    "recover_party": {
        "itself": alone("lab-1", lambda market: RecoverParty(key=market.key("lab-1"), recovery_key=None))
    },
    "propose_recovery": {
        "the party": by("lab-1", _propose_recovery("lab-1")),
        "the root operator": by("operator", _propose_recovery("operator")),
    },
    "object_to_recovery": {
        "the party": by("gpu-1", _object),
        "who proposed it": by("proposer", _object),
        "the root operator": by("operator", _object),
    },
    "close_party": {
        "itself": alone("lab-1", lambda _market: CloseParty(reason=WHY)),
        "the root operator": alone("operator", lambda _market: CloseParty(reason=WHY)),
    },
    "attest_group": {
        "a party without relations": lambda market: Case(
            "alone", dict.fromkeys(("own", "foreign"), _attest("alone")(market))
        ),
        "a party with relations": by("lab-1", _attest("lab-1")),
    },
    "suspend_party": {
        "the party": by("lab-1", lambda _market: SuspendParty(party_id="lab-1", reason=WHY)),
        "the root operator": by("operator", lambda _market: SuspendParty(party_id="operator", reason=WHY)),
    },
    "reinstate_party": {
        "the party": by("stopped", lambda _market: ReinstateParty(party_id="stopped", reason=WHY)),
    },
}

# programmes ---------------------------------------------------------------------------------------------------------


def _list(provider_id: str) -> ListProvider:
    return ListProvider(programme_id="p1", provider_id=provider_id)


def _issue(beneficiary_id: str) -> IssueVoucher:
    return IssueVoucher(programme_id="p1", beneficiary_id=beneficiary_id, amount=YUAN)


def _appoint(auditor_id: str) -> AppointAuditor:
    return AppointAuditor(auditor_id=auditor_id, programme_id="p1")


def _appoint_for_all(auditor_id: str) -> AppointAuditor:
    return AppointAuditor(auditor_id=auditor_id, programme_id=None)


def _extend(market: Market) -> Command:
    return ExtendSuspension(voucher_id=market.ids["stopped voucher"], days=1, reason=WHY)


PROGRAMMES: Final[Mapping[str, Mapping[str, Make]]] = {
    "register_class": {"itself": alone("lab-1", lambda _market: described("a100", 2, YUAN))},
    "register_currency": {"itself": alone("lab-1", lambda _market: RegisterCurrency(currency="XSD", minor_units=1))},
    "publish_programme": {
        "itself, a new programme": alone("lab-1", lambda _market: publishing(NEW)[-1]),
        "the programme's issuer": by("city", lambda _market: publishing(FURTHER)[-1]),
        "an auditor of all programmes": by("watch", lambda _market: publishing(NEW)[-1]),
    },
    "put_document": {
        "itself": alone(
            "lab-1", lambda _market: PutDocument(sha256=bytes(32), piece=0, pieces=2, octets=bytes(MAX_PIECE_BYTES))
        )
    },
    "attest_fact": {"the party": by("lab-1", lambda _market: replace(FACT, name="stage", values=("REVENUE",)))},
    "register_regime": {"itself": alone("lab-1", lambda _market: SPECIAL_AID)},
    "attest_control": {"the party": by("lab-1", lambda _market: CONTROL)},
    "attest_aid": {"the party": by("lab-1", lambda _market: replace(AID_GIVEN, reference="A-9"))},
    "withdraw_aid": {
        "who attested it": by("city", lambda market: WithdrawAid(aid_id=market.ids["aid"], reason=WHY)),
        "the party": by("lab-1", lambda market: WithdrawAid(aid_id=market.ids["aid of an operator"], reason=WHY)),
    },
    "submit_application": {
        "itself": alone("lab-1", lambda _market: APPLICATION),
        "the programme's issuer": by("city", lambda _market: APPLICATION),
        "a provider of the programme": by("gpu-1", lambda _market: APPLICATION),
        "an auditor of all programmes": by("watch", lambda _market: APPLICATION),
    },
    "withdraw_application": {
        "the application's beneficiary": by(
            "lab-1", lambda market: WithdrawApplication(application_id=market.ids["application"], reason=WHY)
        )
    },
    "return_application": of_issuer(
        lambda market: ReturnApplication(application_id=market.ids["application"], reason=WHY)
    ),
    "review_application": {
        "the programme's issuer": by("city", _review("application", 0)),
        "the applicant": by("lab-1", _review("signed application", 1)),
    },
    "score_application": {
        "the programme's issuer": by(
            "city",
            lambda market: ScoreApplication(application_id=market.ids["application to score"], points=YUAN, reason=WHY),
        )
    },
    "set_application_caps": of_issuer(
        lambda market: SetApplicationCaps(
            application_id=market.ids["application to score"], caps=(CapSet(cap="project", amount=YUAN),)
        )
    ),
    "open_window": of_issuer(
        lambda market: OpenWindow(
            programme_id="p6", opens=market.clock // DAY + 2, closes=market.clock // DAY + 3, commitment=None
        )
    ),
    "close_window": of_issuer(lambda market: CloseWindow(window_id=market.ids["window that is over"], seed=None)),
    "decide_application": of_issuer(
        lambda market: DecideApplication(
            application_id=market.ids["application"], decision="rejected", caps=(), reason=WHY
        )
    ),
    "appropriate_budget": of_issuer(lambda _market: AppropriateBudget(programme_id="p1", amount=YUAN, document="B-2")),
    "reduce_budget": of_issuer(
        lambda _market: ReduceBudget(programme_id="p1", amount=YUAN, document="B-3", reason=WHY)
    ),
    "demand_four_eyes": of_issuer(lambda _market: DemandFourEyes(programme_id="p1", act="approval")),
    "list_provider": {
        **of_issuer(lambda _market: _list("none-provider")),
        "the provider": naming("city", "provider", _list),
        "a beneficiary of the programme": naming("lab-1", "provider", _list),
        "an auditor of the programme": naming("watch", "provider", _list),
    },
    "delist_provider": of_issuer(lambda _market: DelistProvider(programme_id="p1", provider_id="gpu-1", reason=WHY)),
    "suspend_provider": of_issuer(lambda _market: SuspendProvider(programme_id="p1", provider_id="gpu-1", reason=WHY)),
    "reinstate_provider": of_issuer(
        lambda _market: ReinstateProvider(programme_id="p1", provider_id="shunned", reason=WHY)
    ),
    "pause_programme": of_issuer(lambda _market: PauseProgramme(programme_id="p1", reason=WHY)),
    "resume_programme": of_issuer(lambda _market: ResumeProgramme(programme_id="p2", reason=WHY)),
    "begin_run_off": of_issuer(lambda _market: BeginRunOff(programme_id="p1", reason=WHY)),
    "close_programme": of_issuer(lambda _market: CloseProgramme(programme_id="p15", reason=WHY)),
    "issue_voucher": {
        **of_issuer(lambda _market: _issue("none-beneficiary")),
        "the beneficiary": naming("city", "beneficiary", _issue),
        "a provider of the programme": naming("gpu-1", "beneficiary", _issue),
        "an auditor of the programme": naming("watch", "beneficiary", _issue),
    },
    "appoint_auditor": {
        **of_issuer(lambda _market: _appoint("none-auditor")),
        "the auditor is the issuer": naming("city", "auditor", _appoint),
        "the auditor is a provider of the programme": naming("gpu-1", "auditor", _appoint),
        "the auditor is a beneficiary of the programme": naming("lab-1", "auditor", _appoint),
        "the auditor is an operator": naming("operator", "auditor", _appoint),
        "a treasurer": lambda _market: Case(
            "none-treasurer",
            {"related": _appoint("clerk"), "foreign": _appoint("none-auditor")},
            "city",
            "none-auditor",
        ),
        "itself, for all programmes": alone("lab-1", lambda _market: _appoint_for_all("none-auditor")),
        "the auditor of all is an operator": naming("operator", "auditor", _appoint_for_all, "none-operator"),
        "the auditor of all is a beneficiary": naming("lab-1", "auditor", _appoint_for_all, "none-operator"),
    },
    "dismiss_auditor": {
        **of_issuer(lambda _market: DismissAuditor(auditor_id="watch", programme_id="p1", reason=WHY)),
        "itself, for all programmes": alone(
            "lab-1", lambda _market: DismissAuditor(auditor_id="watch", programme_id=None, reason=WHY)
        ),
    },
    "suspend_voucher": of_issuer(lambda market: suspending(market.ids["free voucher"])),
    "reinstate_voucher": of_issuer(lambda market: ReinstateVoucher(voucher_id=market.ids["suspended voucher"])),
    "revoke_voucher": of_issuer(lambda market: revoking(market.ids["free voucher"])),
    "extend_suspension": {
        "the voucher's beneficiary": by("lab-1", _extend),
        "the programme's issuer": by("city", _extend),
    },
    "permit_claim": {
        "the voucher's holder": by(
            "lab-1",
            lambda market: PermitClaim(voucher_id=market.ids["claimed voucher"], provider_id="gpu-1", amount=YUAN),
        )
    },
    "claim_invoice": {"the voucher's holder": by("lab-1", lambda market: claiming(market, "claimed voucher"))},
    "record_credit_note": of_issuer(crediting),
    "claim_after_use": {"itself": alone("lab-1", claiming_use)},
    "return_voucher": {
        "the voucher's beneficiary": by(
            "lab-1", lambda market: ReturnVoucher(voucher_id=market.ids["voucher"], reason=WHY)
        )
    },
}

# vouchers handed on ------------------------------------------------------------------------------------------------


def _surrender(market: Market) -> Command:
    return SurrenderVoucher(voucher_id=market.ids["free voucher"], amount=YUAN, reason=WHY)


def _reject(market: Market) -> Command:
    return RejectTransfer(transfer_id=market.ids["transfer to lab-1"], reason=WHY)


def _attest_milestone(market: Market) -> Command:
    return AttestMilestone(tranche_id=market.ids["milestone"], report=bytes(32), reason=WHY)


def _naming_other(owner: str, make: Callable[[Market, str], Command]) -> Make:
    """The holder names the owner in it, a related party, and a foreign one."""

    def case(market: Market) -> Case:
        named = {"own": owner, "related": f"{owner}-beneficiary", "foreign": "none-beneficiary"}
        bodies = {relation: make(market, each) for relation, each in named.items()}
        return Case(owner, bodies, "lab-1", named["foreign"])

    return case


def _handing(market: Market, receiver_id: str) -> Command:
    return handing(market, "free voucher", receiver_id)


def _pledging(market: Market, pledgee_id: str) -> Command:
    return pledging(market, "free voucher", pledgee_id)


HANDS: Final[Mapping[str, Mapping[str, Make]]] = {
    "surrender_voucher": {"the voucher's holder": by("lab-1", _surrender)},
    "extend_voucher": of_issuer(
        lambda market: ExtendVoucher(voucher_id=market.ids["voucher in parts"], days=1, ground=None, reason=WHY)
    ),
    "restore_voucher": {
        "the voucher's holder": by("lab-1", lambda market: RestoreVoucher(voucher_id=market.ids["offline voucher"])),
    },
    "propose_transfer": {
        "the voucher's holder": by("lab-1", lambda market: _handing(market, "none-beneficiary")),
        "the receiver": _naming_other("lab-1", _handing),
        "the receiver is the programme's issuer": _naming_other("city", _handing),
    },
    "approve_transfer": of_issuer(lambda market: ApproveTransfer(transfer_id=market.ids["transfer to approve"])),
    "accept_transfer": {
        "the receiver": by("lab-1", lambda market: AcceptTransfer(transfer_id=market.ids["transfer to lab-1"])),
        "the voucher's holder": by("lab-1", lambda market: AcceptTransfer(transfer_id=market.ids["transfer of lab-1"])),
    },
    "reject_transfer": {"the receiver": by("lab-1", _reject), "the programme's issuer": by("city", _reject)},
    "withdraw_transfer": {
        "the voucher's holder": by(
            "lab-1", lambda market: WithdrawTransfer(transfer_id=market.ids["transfer of lab-1"])
        ),
    },
    "pledge_voucher": {
        "the voucher's holder": by("lab-1", lambda market: _pledging(market, "none-treasurer")),
        "the pledgee": _naming_other("lab-1", _pledging),
    },
    "offer_credit": {"the voucher's holder": by("lab-1", lambda market: credit_offer(market, 9_000))},
    "bid_for_credit": {"the programme's issuer": by("city", credit_bid)},
    "cancel_credit_order": {
        "the order's party": by("lab-1", lambda market: CancelCreditOrder(order_id=market.ids["credit offer"])),
    },
    "attest_milestone": {
        "the attester named": by("gpu-1", _attest_milestone),
        "the voucher's holder": by("lab-1", _attest_milestone),
    },
    "release_tranche": of_issuer(
        lambda market: ReleaseTranche(tranche_id=market.ids["free part"], report=None, reason=WHY)
    ),
    "release_pledge": {
        "the pledgee": by("lab-1", lambda market: ReleasePledge(pledge_id=market.ids["pledge to lab-1"])),
    },
    "enforce_pledge": {
        "the pledgee": by("lab-1", lambda market: EnforcePledge(pledge_id=market.ids["pledge to lab-1"], reason=WHY)),
    },
}

# cash and orders ----------------------------------------------------------------------------------------------------


def _appeal(market: Market) -> Command:
    return FileAppeal(clawback_id=market.ids["clawback"], evidence=(), reason=WHY)


def _decide(market: Market) -> Command:
    return DecideAppeal(clawback_id=market.ids["contested clawback"], amount=0, reason=WHY)


def _deposit(_market: Market) -> Command:
    return Deposit(party_id="lab-1", currency="CNY", amount=YUAN, payment_reference="IN-100")


def _withdraw(_market: Market) -> Command:
    return Withdraw(party_id="lab-1", currency="CNY", amount=YUAN, payment_reference="OUT-100")


def _bid_on_voucher(market: Market) -> Command:
    return bid(LATER + 30, voucher_ids=(market.ids["voucher"],))


def _cancel_for(name: str) -> Callable[[Market], Command]:
    return lambda market: CancelOrderFor(order_id=market.ids[name], reason=WHY)


def _cancel_all(programme_id: str | None) -> Callable[[Market], Command]:
    return lambda _market: CancelOrdersOf(party_id="lab-1", programme_id=programme_id, reason=WHY)


def _amend_offer(market: Market) -> Command:
    return AmendOffer(offer_id=market.ids["offer"], reduce_nodes_by=None, price=2 * YUAN)


def _amend_bid(market: Market) -> Command:
    return AmendBid(bid_id=market.ids["bid"], reduce_nodes_by=None, limit_price=2 * YUAN)


def _halt(_market: Market) -> Command:
    return HaltTrading(class_id="a100", region="farther", provider_id=None, reason=WHY)


def _resume(_market: Market) -> Command:
    return ResumeTrading(class_id="a100", region="far", provider_id=None, reason=WHY)


def _offer_in_auction(market: Market) -> Command:
    return OfferInAuction(
        auction_id=market.ids["auction"], class_id="a100", nodes=1, window_start=AUCTION.first_hour,
        window_end=AUCTION.first_hour + 1, price=YUAN, bond_bps=2_000,
    )  # fmt: skip


def _solution(market: Market) -> Command:
    return proposing(
        market.ids["locked auction"], Placement(market.ids["auction bid"], 0, "off-1-0"), AUCTION.first_hour
    )


ORDERS: Final[Mapping[str, Mapping[str, Make]]] = {
    "deposit": {"whose cash it is": by("lab-1", _deposit)},
    "withdraw": {"whose cash it is": by("lab-1", _withdraw)},
    "post_offer": {"itself": alone("gpu-1", lambda _market: offer(LATER + 30))},
    "post_offer_at_site": {"itself": alone("gpu-1", lambda _market: offer_at_site(LATER + 30))},
    "attest_inventory": {"the provider": by("gpu-1", lambda _market: STOCK)},
    "amend_offer": {"the offer's provider": by("gpu-1", _amend_offer)},
    "cancel_offer": {"the offer's provider": by("gpu-1", lambda market: CancelOffer(offer_id=market.ids["offer"]))},
    "place_bid": {
        "the voucher's beneficiary": by("lab-1", _bid_on_voucher),
        "the programme's issuer": by("city", lambda _market: bid(LATER + 30)),
        "a provider of the programme": by("gpu-1", lambda _market: bid(LATER + 30)),
    },
    "place_performance_bid": {"itself": alone("lab-1", lambda _market: performance_bid(LATER + 30))},
    "post_reclaimable_offer": {"itself": alone("gpu-1", lambda _market: reclaimable_offer(LATER + 30))},
    "place_reclaimable_bid": {"itself": alone("lab-1", lambda _market: reclaimable_bid(LATER + 30))},
    "place_reclaimable_performance_bid": {
        "itself": alone("lab-1", lambda _market: reclaimable_performance_bid(LATER + 30))
    },
    "amend_bid": {"the bid's beneficiary": by("lab-1", _amend_bid)},
    "cancel_bid": {"the bid's beneficiary": by("lab-1", lambda market: CancelBid(bid_id=market.ids["bid"]))},
    "cancel_own_orders": {"itself": alone("lab-1", lambda _market: CancelOwnOrders(programme_id=None))},
    "cancel_order_for": {
        "the offer's provider": by("gpu-1", _cancel_for("offer")),
        "the bid's beneficiary": by("lab-1", _cancel_for("bid")),
        "the issuer of the bid's programme": by("city", _cancel_for("bid")),
    },
    "cancel_orders_of": {
        "the party, all its orders": by("lab-1", _cancel_all(None)),
        "the issuer, bids in its programme": by("city", _cancel_all("p1")),
    },
    "halt_trading": {"itself": alone("lab-1", _halt)},
    "resume_trading": {"itself": alone("lab-1", _resume)},
    "set_price_collar": {"itself": alone("lab-1", lambda _market: COLLAR)},
    "set_order_limit": {"itself": alone("lab-1", lambda _market: ORDER_LIMIT)},
    "set_position_limit": {"itself": alone("lab-1", lambda _market: LIMIT)},
    "schedule_auction": {"itself": alone("lab-1", lambda _market: AUCTION)},
    "cancel_auction": {
        "itself": alone("lab-1", lambda market: CancelAuction(auction_id=market.ids["auction"], reason=WHY))
    },
    "offer_in_auction": {"itself": alone("gpu-1", _offer_in_auction)},
    "bid_in_auction": {
        "the programme's issuer": by("city", auction_bid),
        "a provider of the programme": by("gpu-1", auction_bid),
    },
    "improve_order": {
        "the order's owner": by(
            "lab-1", lambda market: ImproveOrder(order_id=market.ids["auction bid"], price=2 * YUAN)
        )
    },
    "propose_solution": {"itself": alone("lab-1", _solution)},
}

# contracts, claims, payment -----------------------------------------------------------------------------------------


def _report(market: Market) -> Command:
    return ReportUsage(contract_id=market.ids["contract"], readings=(reading(MINUTES),))


def _dispute(market: Market) -> Command:
    return DisputeUsage(report_id=market.ids["report report"], hours=(), evidence=(), reason=WHY)


def _resolve(market: Market) -> Command:
    return ResolveDispute(report_id=market.ids["report disputed"], gpu_minutes=48, reason=WHY)


def _withdraw_dispute(market: Market) -> Command:
    return WithdrawDispute(report_id=market.ids["report disputed"])


def _correct(market: Market) -> Command:
    return ProposeCorrection(report_id=market.ids["report report"], readings=(reading(48),), reason=WHY)


def _agree_correction(market: Market) -> Command:
    return AgreeCorrection(report_id=market.ids["report corrected"], correction_id=market.ids["correction"])


def _withdraw_delivery(market: Market) -> Command:
    return WithdrawDelivery(contract_id=market.ids["contract"], reason=WHY)


def _reclaim(market: Market) -> Command:
    return ReclaimDelivery(contract_id=market.ids["reclaimable"], hour=LATER, reason="maintenance")


def _claim(market: Market) -> Command:
    return SubmitClaim(programme_id="p1", invoice_number="I-100", contract_ids=(market.ids["captured"],))


def _settle(_market: Market, claim_id: str) -> Command:
    return settle("p1", claim_id)


def _pay(settlement: str) -> Callable[[Market], Command]:
    return lambda market: payment(market, settlement)


def _return(market: Market) -> Command:
    return ReturnPayment(
        settlement_id=market.ids["settlement"], provider_id="gpu-1", return_reference="BACK-100", reason=WHY
    )


def _refund(market: Market) -> Command:
    return share(market, "district")


def _return_share(market: Market) -> Command:
    return ReturnShare(
        settlement_id=market.ids["shared settlement"], provider_id="gpu-1", payer="region",
        return_reference="BACK-100", reason=WHY,
    )  # fmt: skip


def _withdraw_approval(_market: Market, claim_id: str) -> Command:
    return WithdrawApproval(claim_id=claim_id, reason=WHY)


def _reverse(market: Market) -> Command:
    return ReverseCapture(report_id=market.ids["report captured"], amount=YUAN, reason=WHY)


def _paid_back(_market: Market) -> Command:
    return ConfirmRecovery(programme_id="p1", provider_id="gpu-1", amount=YUAN // 100, payment_reference="BACK-100")


CONTRACTS: Final[Mapping[str, Mapping[str, Make]]] = {
    "report_usage": {"the contract's provider": by("gpu-1", _report)},
    "accept_usage": {
        "the contract's beneficiary": by("lab-1", lambda market: AcceptUsage(report_id=market.ids["report report"]))
    },
    "dispute_usage": {"the contract's beneficiary": by("lab-1", _dispute)},
    "withdraw_dispute": {
        "who raised it": by("lab-1", _withdraw_dispute),
        "the other side": by("gpu-1", _withdraw_dispute),
    },
    "resolve_dispute": two_sided(_resolve),
    "propose_correction": two_sided(_correct),
    "agree_correction": agreed(_agree_correction),
    "propose_cancellation": two_sided(
        lambda market: ProposeCancellation(contract_id=market.ids["future"], reason=WHY)
    ),
    "agree_cancellation": agreed(lambda market: AgreeCancellation(contract_id=market.ids["cancelling"])),
    "withdraw_delivery": {"the contract's provider": by("gpu-1", _withdraw_delivery)},
    "reclaim_delivery": {"the contract's provider": by("gpu-1", _reclaim)},
    "submit_claim": {"the contract's provider": by("gpu-1", _claim)},
    "approve_claim": {
        "the issuer, the first of two to sign": by("city", lambda market: approve(market.ids["claim for two"])),
        "the issuer, who signed it first": by("city", lambda market: approve(market.ids["claim signed once"])),
        **of_issuer(lambda market: approve(market.ids["claim claimed"])),
        "the claimant": of_claimant(
            lambda _market, claim_id: approve(claim_id), "claim claimed by late", "claim claimed"
        ),
    },
    "withdraw_approval": {
        **of_issuer(lambda market: _withdraw_approval(market, market.ids["claim approved"])),
        "the claimant": of_claimant(_withdraw_approval, "claim approved for late", "claim approved"),
    },
    "reject_claim": {
        **of_issuer(lambda market: reject(market.ids["claim claimed"])),
        "the claimant": of_claimant(
            lambda _market, claim_id: reject(claim_id),
            "claim claimed by late", "claim claimed",
        ),
    },
    "close_settlement": {
        **of_issuer(lambda market: _settle(market, market.ids["claim approved"])),
        "the claimant": of_claimant(_settle, "claim approved for late", "claim approved"),
    },
    "confirm_payment": {
        "the payee": by("gpu-1", _pay("settlement")),
        "who signed it first": by("teller", _pay("settlement by two")),
    },
    "return_payment": {"the payee": by("gpu-1", _return)},
    "confirm_share": {"the payee": by("gpu-1", _refund)},
    "return_share": {"the payee": by("gpu-1", _return_share)},
    "propose_reversal": two_sided(
        lambda market: ProposeReversal(report_id=market.ids["report captured"], amount=YUAN, reason=WHY)
    ),
    "agree_reversal": agreed(
        lambda market: AgreeReversal(report_id=market.ids["report reversing"], reversal_id=market.ids["reversal"])
    ),
    "reverse_capture": two_sided(_reverse),
    "confirm_recovery": {"the provider that owes": by("gpu-1", _paid_back)},
    "order_clawback": of_issuer(clawback),
    "adjust_payment": of_issuer(adjusting),
    "file_appeal": {"who was paid": by("gpu-1", _appeal)},
    "decide_appeal": {"who was paid": by("gpu-1", _decide), "the programme's issuer": by("city", _decide)},
    "write_off": of_issuer(lambda _market: WriteOff(programme_id="p1", provider_id="gpu-1", amount=1, reason=WHY)),
}  # fmt: skip

ABOUT: Final[Mapping[str, Mapping[str, Make]]] = {**PARTIES, **PROGRAMMES, **HANDS, **ORDERS, **CONTRACTS}
