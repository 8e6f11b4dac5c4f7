"""Insiders who hold more than one duty: each act is refused, or found by the audit.

The audit's own judgement is tried with a release whose decider keeps nothing apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from counterfoil.audit.duties import ACTS
from counterfoil.audit.report import AuditReport
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import Role
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.core import duties
from counterfoil.core.duties import SEPARATE
from counterfoil.issuance.aid_commands import AttestAid, WithdrawAid
from counterfoil.issuance.commands import (
    AppointAuditor,
    AppropriateBudget,
    AttestGroup,
    DemandFourEyes,
    IssueVoucher,
    ListProvider,
)
from counterfoil.issuance.control_commands import AttestControl
from counterfoil.issuance.freeze_commands import ExtendSuspension
from counterfoil.ledger.tranche_commands import AttestMilestone
from counterfoil.ledger.tranche_events import TrancheWithheld
from counterfoil.matching.auction_commands import BidInAuction, OfferInAuction, ScheduleAuction
from counterfoil.matching.auction_events import TradeCleared
from counterfoil.matching.commands import AmendBid
from counterfoil.matching.events import TradeMatched
from counterfoil.redemption.adjustment_commands import AdjustPayment
from counterfoil.redemption.commands import (
    CloseSettlement,
    ConfirmRecovery,
    DecideAppeal,
    DisputeUsage,
    FileAppeal,
    OrderClawback,
    Reading,
    ReportUsage,
    ResolveDispute,
    ReturnPayment,
    ReverseCapture,
    SubmitClaim,
    WriteOff,
)
from counterfoil.redemption.events import SettlementClosed
from counterfoil.redemption.payer_commands import ConfirmShare, ReturnShare
from counterfoil.redemption.payer_events import PaymentShared
from tests.documents import document, publishing, suspending
from tests.market import BID, OFFER, USD, Market, T, deposit, found, party
from tests.paper_work import PAID_ON, approve, pay, settle
from tests.programmes import publish

ALL: tuple[Role, ...] = ("issuer", "provider", "beneficiary", "treasurer")
BY_DOCUMENT: dict[str, Any] = {"unit__currency": "USD", "scope__classes": "ANY", "scope__regions": "ANY"}
TAKEN_BACK = {
    "clawback": {"grounds": ["FRAUD"], "share": "80%", "lookback_months": 12},
    "appeal": {"within_days": 10, "stays": True},
}
PARTS = [
    {"share": "1/2", "release_on": "ISSUE"},
    {"share": "1/2", "release_on": "PROGRESS_REPORT", "attested_by": "crook"},
]
LIST = ListProvider(programme_id="own", provider_id="shell")
REGIME = {"regime": "DE_MINIMIS", "ceiling": "300000", "months": 36}
AID = AttestAid(
    party_id="shell", regime="DE_MINIMIS", amount=USD, currency="USD", granted_on=T // DAY, grantor="Land",
    reference="L-1", source="declaration",
)  # fmt: skip
ISSUE = IssueVoucher(programme_id="own", beneficiary_id="shell", amount=800_000)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with Market(tmp_path / "home") as opened:
        found(opened)
        yield opened


@contextmanager
def nothing_kept_apart() -> Iterator[None]:
    """A release with a hole: its decider keeps no duties apart, and decides that again in an audit."""
    with patch.object(duties, "SEPARATE", ()):
        yield


def attest(party_id: str, group_id: str, since: int | None = None) -> AttestGroup:
    """A fact about a party's group."""
    return AttestGroup(party_id=party_id, group_id=group_id, since=since, source="register, sheet 7")


def auctioned(market: Market) -> None:
    """A trade of the same two in an auction."""
    now = market.clock.now()
    first = now // HOUR + 6
    terms = ScheduleAuction(
        programmes=("p1",), classes=("a100",), region="east", first_hour=first, hours=1, locks_at=now + SECOND,
        clears_at=now + 2 * SECOND, reference_price=2 * USD, collar_bps=10_000, caps="none", cap_bps=0, rsi_bps=0,
        cover_bps=0, pivotal_bps=0, reserve_price=0, reserve_points=(),
    )  # fmt: skip
    auction_id = market.do("operator", terms)[0].auction_id  # type: ignore[attr-defined]
    market.do("gpu-1", OfferInAuction(
        auction_id=auction_id, class_id="a100", nodes=1, window_start=first, window_end=first + 1, price=USD,
        bond_bps=2_000,
    ))  # fmt: skip
    market.do("lab-1", BidInAuction(
        auction_id=auction_id, programme_id="p1", voucher_ids=(), nodes=1, hours=1, earliest=first, latest=first,
        limit_price=2 * USD, divisible=True,
    ))  # fmt: skip
    market.advance_to(now + 3 * SECOND)
    assert len(market.events("matching", TradeCleared)) == 1


def programme_of_its_own(market: Market) -> None:
    """A city that is everything, its shell company, and a programme that nobody else takes part in."""
    market.do("operator", party("crook", ALL), replace(party("shell", ALL), group_id="crook"))
    budget = AppropriateBudget(programme_id="own", amount=1_000_000 * USD, document="B-9")
    market.do("crook", publish("own", currency="USD"), budget)


def contract(market: Market) -> TradeMatched:
    """A trade of lab-1 with gpu-1, delivered and reported in its first hour."""
    market.do("gpu-1", OFFER)
    market.do("lab-1", BID)
    (trade,) = market.events("matching", TradeMatched)
    return trade  # type: ignore[no-any-return]


def report(market: Market, trade: TradeMatched) -> str:
    """Every hour of it is reported in one report; its id."""
    market.advance_to((trade.first_hour + trade.hours) * HOUR + SECOND)
    readings = tuple(Reading(hour=trade.first_hour + nth, gpu_minutes=480) for nth in range(trade.hours))
    done = market.do(trade.provider_id, ReportUsage(contract_id=trade.trade_id, readings=readings))
    return str(done[0].report_id)  # type: ignore[attr-defined]


def claimed(market: Market, trade: TradeMatched) -> str:
    """The report's window closes, and the subsidy is claimed; the claim's id."""
    report(market, trade)
    market.advance_to((trade.first_hour + trade.hours + 5) * HOUR)
    claim = SubmitClaim(programme_id=trade.programme_id, invoice_number="I-1", contract_ids=(trade.trade_id,))
    return str(market.do(trade.provider_id, claim)[0].claim_id)  # type: ignore[attr-defined]


def taken_back(market: Market, settlement_id: str) -> None:
    """Part of what gpu-1 was paid is asked back, contested and owed; the rest of the debt is given up."""
    (ordered,) = market.do("city", OrderClawback(
        settlement_id=settlement_id, provider_id="gpu-1", ground="FRAUD", amount=2_000, evidence=(), reason="Meter",
    ))  # fmt: skip
    clawback_id = ordered.clawback_id  # type: ignore[attr-defined]
    market.do("gpu-1", FileAppeal(clawback_id=clawback_id, evidence=(), reason="It ran"))
    market.do("operator", attest("operator", "city"))
    market.do("operator", DecideAppeal(clawback_id=clawback_id, amount=1_000, reason="Half of it did"))
    market.do("city", WriteOff(programme_id="p1", provider_id="gpu-1", amount=1_000, reason="Too small"))


def found_in(audited: AuditReport) -> list[str]:
    return [finding.text for finding in audited.findings if finding.code == "duties_not_separate"]


# the issuer with a shell company ------------------------------------------------------------------------------------


def test_an_issuer_and_its_shell_list_and_issue_nothing_to_themselves(market: Market) -> None:
    programme_of_its_own(market)
    for party_id in ("crook", "shell"):
        market.refused("crook", replace(LIST, provider_id=party_id), Code.DUTIES_NOT_SEPARATE)
        market.refused("crook", replace(ISSUE, beneficiary_id=party_id), Code.DUTIES_NOT_SEPARATE)
        market.refused("crook", deposit(party_id), Code.DUTIES_NOT_SEPARATE)
    market.refused("crook", attest("shell", "shell"), Code.ROLE_NOT_ALLOWED)  # nor can it deny the relation
    market.refused("crook", attest("crook", "other"), Code.ROLE_NOT_ALLOWED)
    assert market.sealed().clean


def test_an_issuer_whose_shell_is_found_out_late_is_not_paid(market: Market) -> None:
    """What was under way when the relation became known can be neither approved nor paid, and the audit lists it."""
    began = market.clock.now() - HOUR
    trade = contract(market)
    claim_id = claimed(market, trade)
    market.do("operator", attest("gpu-1", "city", began))
    market.refused("city", approve(claim_id), Code.DUTIES_NOT_SEPARATE)
    audited = market.sealed()
    assert audited.clean
    (issuance,) = (log for log in audited.logs if "/issuance/" in log.origin)
    assert [(each.party_id, each.group_id, each.attested_by) for each in issuance.relations] == [
        ("gpu-1", "city", "operator")
    ]
    assert [(each.where, each.duties, each.party_id, each.related_to) for each in issuance.together] == [
        ("p1", "issuer and provider", "city", "gpu-1")
    ]


def test_a_treasurer_does_not_pay_its_own(market: Market) -> None:
    trade = contract(market)
    claim_id = claimed(market, trade)
    market.do("city", approve(claim_id))
    (settled,) = market.do("city", settle("p1", claim_id))
    assert isinstance(settled, SettlementClosed)
    market.do("operator", attest("treasury", "gpu-1"))
    market.refused("treasury", pay(settled, "PAY-1"), Code.DUTIES_NOT_SEPARATE)
    market.refused("treasury", deposit("gpu-1", reference="IN-9"), Code.DUTIES_NOT_SEPARATE)
    market.do("operator", party("other-treasury", ("treasurer",)))
    market.do("other-treasury", pay(settled, "PAY-1"))
    assert market.sealed().clean


# the operator -------------------------------------------------------------------------------------------------------


def test_an_operator_does_not_resolve_its_own_dispute_and_cannot_deny_the_relation(market: Market) -> None:
    trade = contract(market)
    report_id = report(market, trade)
    market.do("lab-1", DisputeUsage(report_id=report_id, hours=(), evidence=(), reason="It stood still"))
    market.do("city", attest("gpu-1", "operator"))  # an issuer may say so
    resolve = ResolveDispute(report_id=report_id, gpu_minutes=960, reason="Meter log")
    market.refused("operator", resolve, Code.DUTIES_NOT_SEPARATE)
    for party_id in ("gpu-1", "operator"):
        market.refused("operator", attest(party_id, "elsewhere"), Code.DUTIES_NOT_SEPARATE)
    market.do("operator", party("umpire", ("operator",)))
    market.do("umpire", resolve)
    assert market.sealed().clean


# a colluding pair ---------------------------------------------------------------------------------------------------


def test_a_pair_that_hid_its_relation_is_listed_with_its_contracts(market: Market) -> None:
    began = market.clock.now() - HOUR
    trade = contract(market)
    claimed(market, trade)
    market.do("operator", attest("lab-1", "gpu-1", began))
    market.refused("lab-1", BID, Code.DUTIES_NOT_SEPARATE)
    market.refused("city", replace(ISSUE, programme_id="p1", beneficiary_id="lab-1"), Code.DUTIES_NOT_SEPARATE)
    audited = market.sealed()
    assert audited.clean
    listed = [(each.where, each.duties) for log in audited.logs for each in log.together]
    assert listed == [("p1", "provider and beneficiary"), (trade.trade_id, "provider and beneficiary")]


def test_a_pair_that_parted_before_its_contract_is_not_listed(market: Market) -> None:
    market.do("operator", attest("lab-1", "gpu-1", market.clock.now() - HOUR), attest("lab-1", "lab-1"))
    contract(market)
    assert [each for log in market.sealed().logs for each in log.together] == []


# a decider with a hole ------------------------------------------------------------------------------------------------


FUNDING = [{"payer": "city", "share": "1/2"}, {"payer": "district", "share": "1/2"}]


def shared(market: Market) -> None:
    """What is payable to the provider is gathered anew; one of two payers pays its part, which comes back."""
    *_, parts, settled = market.do("city", CloseSettlement(programme_id="p1", claim_ids=(), payee_ids=("gpu-1",)))
    assert isinstance(parts, PaymentShared)
    assert isinstance(settled, SettlementClosed)
    which: Any = {"settlement_id": settled.settlement_id, "provider_id": "gpu-1", "payer": "district"}
    paid = ConfirmShare(amount=parts.parts[1].pays, payment_reference="D", paid_on=PAID_ON, **which)
    market.do("treasury", paid, ReturnShare(return_reference="D", reason="closed", **which))


def test_the_audit_judges_every_act_by_itself(market: Market) -> None:
    with nothing_kept_apart():
        programme_of_its_own(market)
        market.do("crook", LIST, ISSUE)
        by_document = document(id="doc", benefit__regimes=[REGIME], benefit__tranches=PARTS, **BY_DOCUMENT)
        budget = AppropriateBudget(programme_id="doc", amount=1_000 * USD, document="B-10")
        granted = market.do("crook", *publishing(by_document), budget, replace(ISSUE, programme_id="doc"))[0]
        voucher_id = granted.voucher_id  # type: ignore[attr-defined]
        (part,) = market.events("ledger", TrancheWithheld)
        market.do("crook", AttestMilestone(tranche_id=part.tranche_id, report=bytes(32), reason="It is trained"))
        market.do("crook", suspending(voucher_id))
        market.do("crook", deposit("shell"))
        aid_id = market.do("crook", AID)[0].aid_id  # type: ignore[attr-defined]
        market.do("crook", WithdrawAid(aid_id=aid_id, reason="Never mind"))
        market.do("operator", attest("operator", "gpu-1"), attest("treasury", "gpu-1"), attest("lab-1", "city"))
        market.do("operator", attest("shell", "gpu-1"))
        market.do("operator", AttestControl(
            owner_id="holding", party_id="gpu-1", kind="MAJORITY_OF_VOTES", share_bps=4_000, on=1, source="register"
        ))  # fmt: skip
        market.do("operator", ExtendSuspension(voucher_id=voucher_id, days=1, reason="Meter log"))
        trade = contract(market)
        resting = market.do("lab-1", replace(BID, limit_price=USD // 100))[0].bid_id  # type: ignore[attr-defined]
        market.do("lab-1", AmendBid(bid_id=resting, reduce_nodes_by=None, limit_price=USD // 50))
        auctioned(market)
        report_id = report(market, trade)
        market.do("lab-1", DisputeUsage(report_id=report_id, hours=(), evidence=(), reason="It stood still"))
        market.do("operator", ResolveDispute(report_id=report_id, gpu_minutes=960, reason="Meter log"))
        market.do("operator", ReverseCapture(report_id=report_id, amount=USD, reason="Meter log"))
        market.do("operator", attest("gpu-1", "city"))
        claim = SubmitClaim(programme_id="p1", invoice_number="I-1", contract_ids=(trade.trade_id,))
        claim_id = market.do("gpu-1", claim)[0].claim_id  # type: ignore[attr-defined]
        market.do("operator", replace(party("mayor", ("issuer",)), group_id="city"))
        market.do("city", DemandFourEyes(programme_id="p1", act="approval"))
        for signatory in ("city", "mayor"):
            market.do(signatory, approve(claim_id))
        (settled,) = market.do("city", settle("p1", claim_id))
        market.do("operator", attest("treasury", "city"))
        assert isinstance(settled, SettlementClosed)
        back = ReturnPayment(
            settlement_id=settled.settlement_id, provider_id="gpu-1", return_reference="R", reason="closed"
        )
        market.do(
            "city",
            *publishing(document(**BY_DOCUMENT, id="p1", version=2, control=TAKEN_BACK, budget__funding=FUNDING)),
        )
        market.do("treasury", pay(settled, "P"))
        more = AdjustPayment(
            settlement_id=settled.settlement_id, provider_id="gpu-1", amount=USD // 100, document="B-14",
            period_starts=1, period_ends=1, evidence=(), reason="Hours were left out",
        )  # fmt: skip
        for signatory in ("city", "mayor"):
            market.do(signatory, more)
        taken_back(market, settled.settlement_id)
        market.do("treasury", back)
        shared(market)
        market.do("operator", ReverseCapture(report_id=report_id, amount=2 * USD, reason="Meter audit"))
        market.do("treasury", ConfirmRecovery(
            programme_id="p1", provider_id="gpu-1", amount=USD // 100, payment_reference="BACK"
        ))  # fmt: skip
        for eye, group in (("eye", "city"), ("eye-2", "gpu-1")):
            market.do("operator", replace(party(eye, ("auditor",)), group_id=group))
        market.do("city", AppointAuditor(auditor_id="eye", programme_id="p1"))
        market.do("operator", AppointAuditor(auditor_id="eye-2", programme_id=None))
        market.do("city", publish("p1", 3, currency="USD"))
        audited = market.sealed()
    assert {finding.code for finding in audited.findings} == {"duties_not_separate"}
    texts = found_in(audited)
    for event in {kind.TYPE for _, kind in ACTS} - {"cash.withdrawn.v1"}:
        assert any(text.startswith(f"{event}: ") for text in texts), event
    for first, second in SEPARATE:
        assert any(f": {first} " in text and f" and {second} " in text for text in texts), (first, second)


def test_the_audit_goes_by_the_relations_of_each_entry(market: Market) -> None:
    """Together in one entry, in an order in which nothing was wrong."""
    market.do("operator", party("gpu-9", ("provider",)))
    entry = market.ask("city", [ListProvider(programme_id="p1", provider_id="gpu-9"), attest("gpu-9", "city")])
    assert [outcome.refusal for outcome in entry.outcomes] == [None, None]
    assert market.sealed().clean
