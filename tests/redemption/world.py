"""A small world for redemption: three contracts of two providers under two programmes, built stage by stage."""

from __future__ import annotations

from typing import Any

from counterfoil.contract.events import PartyRegistered, ProgrammePublishedV1
from counterfoil.contract.record import Event
from counterfoil.contract.scalars import Role
from counterfoil.contract.times import HOUR
from counterfoil.ledger.events import HoldCaptured
from counterfoil.matching.events import TradeMatched
from counterfoil.matching.reclaim_events import TradeReclaimable
from counterfoil.redemption.commands import (
    AcceptUsage,
    CloseSettlement,
    DisputeUsage,
    ProposeCorrection,
    Reading,
    ReportUsage,
    SubmitClaim,
)
from counterfoil.redemption.reclaim_commands import ReclaimDelivery
from counterfoil.redemption.service import DECIDER
from tests.given import Scenario
from tests.paper_work import approve
from tests.programmes import published
from tests.purity import PureScenario

FIRST = 277_780  # the first delivery hour, some two hours after the scenario's clock starts
T0 = FIRST * HOUR
END = T0 + 3 * HOUR  # where c1's last hour ends
REPORT_BY = END + 2 * HOUR
WINDOW = HOUR
FULL = 480  # GPU-minutes of an hour: 2 nodes of 4 GPUs
PRICE = 100_001  # micro-units per GPU-hour; odd, so that amounts need rounding

# The ids that the stages give, by the index of the entry that makes them.
REP, CLM_1, CLM_2, CLM_3, STL = "rep-14-0", "clm-23-0", "clm-24-0", "clm-25-0", "stl-29-0"


def party(party_id: str, *roles: Role) -> PartyRegistered:
    """A party in a group of its own."""
    return PartyRegistered(party_id=party_id, name=party_id, roles=roles, group_id=party_id)


def programme(programme_id: str, issuer_id: str, version: int = 1, **terms: Any) -> ProgrammePublishedV1:
    """A programme; redemption takes its issuer, its currency and its windows from it."""
    windows = {"report_within_seconds": 7_200, "dispute_window_seconds": 3_600}
    return published(programme_id, version, issuer_id, **(windows | terms))


def trade(trade_id: str, **other: Any) -> TradeMatched:
    """A trade of lab-1 with gpu-1 under p1: 2 nodes of 4 GPUs for 3 hours."""
    terms: dict[str, Any] = {
        "trade_id": trade_id, "rule_set": "PTW-1", "taker": "bid", "bid_id": "bid-1-0", "offer_id": "ofr-2-0",
        "beneficiary_id": "lab-1", "provider_id": "gpu-1", "programme_id": "p1", "class_id": "a100", "region": "east",
        "currency": "CNY", "nodes": 2, "gpus_per_node": 4, "first_hour": FIRST, "hours": 3, "price": PRICE,
        "notional": PRICE * 24, "bid_nodes_left": 0, "version": 1,
    }  # fmt: skip
    return TradeMatched(**(terms | other))


def report(contract_id: str, *readings: tuple[int, int]) -> ReportUsage:
    """Readings as (hours after FIRST, GPU-minutes)."""
    return ReportUsage(
        contract_id=contract_id,
        readings=tuple(Reading(hour=FIRST + hour, gpu_minutes=minutes) for hour, minutes in readings),
    )


def captured(contract_id: str, report_id: str, subsidy: int, co_payment: int = 0) -> HoldCaptured:
    """The ledger's event; redemption reads the ids, the subsidy and the co-payment."""
    return HoldCaptured(
        contract_id=contract_id,
        report_id=report_id,
        programme_id="p1",
        provider_id="gpu-1",
        currency="CNY",
        invoice=subsidy + co_payment,
        vouchers=(),
        subsidy=subsidy,
        co_payment=co_payment,
        legs=(),
    )


def dispute(report_id: str, *hours: int, evidence: tuple[bytes, ...] = ()) -> DisputeUsage:
    """A dispute of some hours after FIRST, or of all."""
    contested = tuple(FIRST + hour for hour in hours)
    return DisputeUsage(report_id=report_id, hours=contested, evidence=evidence, reason="idle")


def claim(invoice: str, *contract_ids: str, programme_id: str = "p1") -> SubmitClaim:
    """A claim."""
    return SubmitClaim(programme_id=programme_id, invoice_number=invoice, contract_ids=contract_ids)


def settle(*claim_ids: str, programme_id: str = "p1") -> CloseSettlement:
    """A settlement."""
    return CloseSettlement(programme_id=programme_id, claim_ids=claim_ids, payee_ids=())


PEOPLE: tuple[Event, ...] = (
    party("gpu-1", "provider"),
    party("gpu-2", "provider"),
    party("lab-1", "beneficiary"),
    party("lab-2", "beneficiary"),
    party("city", "issuer"),
    party("town", "issuer"),
    party("op", "operator"),
    party("bank", "treasurer"),
    programme("p1", "city"),
    programme("p2", "town"),
)
WINDOWS = ("report_within_seconds", "dispute_window_seconds")


def people(**windows: int) -> Scenario:
    """Entries 1 to 10: parties and programmes, p1 with other windows if given."""
    return PureScenario(DECIDER, *PEOPLE[:-2], programme("p1", "city", **windows), PEOPLE[-1])


def opened(**terms: Any) -> Scenario:
    """Entries 11 to 13: c1 (with `terms`; windows are those of p1), c2 of gpu-2 with lab-2, c3 under p2."""
    windows = {name: terms.pop(name) for name in WINDOWS if name in terms}
    scenario = people(**windows).reacts_to(trade("c1", **terms))
    scenario.reacts_to(trade("c2", provider_id="gpu-2", beneficiary_id="lab-2"))
    return scenario.reacts_to(trade("c3", programme_id="p2"))


def reported() -> Scenario:
    """Entry 14: c1's first hour is reported as it ends; its window runs for an hour."""
    return opened().when(report("c1", (0, FULL)), "gpu-1", T0 + HOUR)


def correction(report_id: str, *readings: tuple[int, int]) -> ProposeCorrection:
    """What a report should have said, as (hours after FIRST, GPU-minutes)."""
    return ProposeCorrection(report_id=report_id, readings=report("", *readings).readings, reason="a digit short")


def short() -> Scenario:
    """Entries 14 and 15: a tenth of c1's first hour is reported; the provider proposes to correct that."""
    scenario = opened().when(report("c1", (0, FULL // 10)), "gpu-1", T0 + HOUR)
    return scenario.when(correction(REP, (0, FULL)), "gpu-1")


def disputed() -> Scenario:
    """Entry 15: the report is disputed."""
    return reported().when(dispute(REP), "lab-1")


def earned() -> Scenario:
    """Entries 14 to 22: each contract reported in full, accepted, captured; 600, 300 and 90 are claimable."""
    scenario = opened()
    deals = (("c1", "gpu-1", "lab-1", 600), ("c2", "gpu-2", "lab-2", 300), ("c3", "gpu-1", "lab-1", 90))
    for contract_id, provider, lab, subsidy in deals:
        scenario.when(report(contract_id, (0, FULL), (1, FULL), (2, FULL)), provider, END)
        report_id = f"rep-{scenario.index}-0"
        scenario.when(AcceptUsage(report_id=report_id), lab).reacts_to(captured(contract_id, report_id, subsidy, 7))
    return scenario


def claimed() -> Scenario:
    """Entries 23 to 25: each contract's subsidy is claimed."""
    scenario = earned().when(claim("INV/1", "c1"), "gpu-1").when(claim("INV/1", "c2"), "gpu-2")
    return scenario.when(claim("INV/2", "c3", programme_id="p2"), "gpu-1")


def approved() -> Scenario:
    """Entries 26 to 28: each claim is approved."""
    scenario = claimed()
    for claim_id, issuer in ((CLM_1, "city"), (CLM_2, "city"), (CLM_3, "town")):
        scenario.when(approve(claim_id), issuer)
    return scenario


def settled() -> Scenario:
    """Entry 29: p1's claims are in one settlement."""
    return approved().when(settle(CLM_2, CLM_1), "city")


def carrying(notice_hours: int = 1) -> Scenario:
    """Entry 14: c1 carries a notice."""
    return opened().reacts_to(TradeReclaimable(trade_id="c1", reclaim_notice_hours=notice_hours))


def reclaim(hour: int) -> ReclaimDelivery:
    """Notice that nothing is delivered from so many hours after FIRST on."""
    return ReclaimDelivery(contract_id="c1", hour=FIRST + hour, reason="own_use")


def pending() -> Scenario:
    """Entry 15: c1's last two hours are to be reclaimed."""
    return carrying().when(reclaim(1), "gpu-1")
