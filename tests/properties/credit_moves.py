"""Moves of a market in which credit changes hands: vouchers of documents pay for bids, and pass on by agreement.

What follows from it is what these moves look for: bids on credit that was handed on, ends while it is held or pending,
defaults, reversals after disputes, and what was paid of it taken back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from counterfoil.contract.record import Command as Body
from counterfoil.contract.times import HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.commands import IssueVoucher
from counterfoil.issuance.freeze_commands import RevokeVoucher
from counterfoil.ledger.commands import (
    AcceptTransfer,
    ApproveTransfer,
    EnforcePledge,
    PledgeVoucher,
    ProposeTransfer,
    ReleasePledge,
    SurrenderVoucher,
)
from counterfoil.ledger.credit_book import month_of
from counterfoil.ledger.credit_commands import BidForCredit, OfferCredit
from counterfoil.matching.commands import PlaceBid, PostOffer
from counterfoil.redemption.commands import (
    AcceptUsage,
    AgreeCorrection,
    CloseSettlement,
    ConfirmPayment,
    OrderClawback,
    ProposeCorrection,
    Reading,
    ReportUsage,
    ResolveDispute,
    ReverseCapture,
    SubmitClaim,
    WithdrawDelivery,
)
from counterfoil.redemption.reported import Report
from tests.documents import document
from tests.paper_work import approve
from tests.properties.document_moves import DOCUMENTS as OFF_MARKET
from tests.properties.document_moves import ISSUERS as OFF_MARKET_ISSUERS
from tests.properties.document_moves import document_move
from tests.properties.later_moves import later_move
from tests.properties.moves import LABS, Choice, Move, contest
from tests.properties.world import YUAN, World

PRICE: Final = RULES[LATEST].price_tick * 100
_CONTROL: Final = {
    "freeze": {"grounds": ["INQUIRY"], "max_days": 2}, "revoke_grounds": ["FRAUD"],
    "clawback": {"grounds": ["FRAUD"], "share": "80%", "lookback_months": 1},
    "appeal": {"within_days": 1, "stays": False},
}  # fmt: skip
ISSUERS: Final = {"p6": "city", "p7": "town", "p8": "town"}
DOCUMENTS: Final = {
    "p6": document(
        id="p6", control=_CONTROL, benefit__tiers=[{"id": "all", "rate": "2/3"}],
        transfer={"mode": "ISSUER_APPROVED", "max_hops": 3, "fee": "1%", "pledge": {"allowed": True}},
        expiry={"rule": {"kind": "RELATIVE", "after_days": 1}}, delivery={"report_hours": 2, "dispute_hours": 1},
        spending={"hold_tolls_expiry": True},
    ),
    "p7": document(
        id="p7", control=_CONTROL,
        transfer={
            "mode": "OPEN", "price_rule": "BELOW_PAR_ONLY",
            "pledge": {"allowed": True, "to": {"fact": "registered_in", "is": "CN"}},
        },
        expiry={"rule": {"kind": "RELATIVE", "after_days": 3}, "notices_days": [1], "grace_days": 1},
        delivery={"report_hours": 2, "dispute_hours": 1}, spending={"hold_tolls_expiry": False},
    ),
    "p8": document(
        id="p8", control=_CONTROL, transfer={"mode": "SURRENDER_REISSUE"},
        expiry={"rule": {"kind": "RELATIVE", "after_days": 2}}, delivery={"report_hours": 2, "dispute_hours": 1},
    ),
}  # fmt: skip
"""Half or two thirds of what is bought on the market, with credit that others were granted; all end within days."""
APPROVED: Final = ("p6", "p8")
ALL: Final = {**OFF_MARKET, **DOCUMENTS}
ALL_ISSUERS: Final = {**OFF_MARKET_ISSUERS, **ISSUERS}


def credit_move(world: World, pick: Choice) -> Move:
    """One of these moves half of the time; else any other that the latest rules have."""
    if pick.number(0, 1):
        return pick.one(BUILDS)(world, pick)
    return later_move(world, pick) if pick.number(0, 3) else document_move(world, pick)


def _lots(world: World) -> dict[str, str]:
    """Vouchers of these programmes that are open, each with its programme."""
    return {
        name: each.programme_id
        for name, each in world.state("ledger").vouchers.open.items()
        if each.programme_id in ISSUERS
    }


def _handed(world: World) -> list[tuple[str, str]]:
    """What was handed on: voucher and who has it."""
    hands = world.state("ledger").encumbrances.hands
    lots = _lots(world)
    return [(voucher_id, holder) for voucher_id in sorted(hands) if voucher_id in lots for holder in hands[voucher_id]]


def _issues(_world: World, pick: Choice) -> Move:
    programme_id = pick.one(tuple(ISSUERS))
    amount = pick.number(20, 90) * YUAN
    return ISSUERS[programme_id], IssueVoucher(
        programme_id=programme_id, beneficiary_id=pick.one(LABS[:2]), amount=amount
    )


def _proposes(world: World, pick: Choice) -> Move:
    """Part of a voucher to another party; now and then of one that was handed on before."""
    lots, handed = _lots(world), _handed(world)
    if not lots:
        return _issues(world, pick)
    voucher_id, holder = pick.one(handed) if handed and pick.rarely() else (pick.one(sorted(lots)), "")
    holder = holder or pick.one(world.state("ledger").owners(voucher_id) or ["lab-1"])
    amount, kind = pick.number(1, 40) * YUAN, pick.number(0, 7)
    if kind == 0:
        return holder, PledgeVoucher(voucher_id=voucher_id, amount=amount, pledgee_id=pick.one(("bank", *LABS)))
    if kind == 1:
        return holder, SurrenderVoucher(voucher_id=voucher_id, amount=amount, reason="spare")
    price = pick.number(0, amount // YUAN - 1) * YUAN if pick.number(0, 1) else 0
    return holder, ProposeTransfer(voucher_id=voucher_id, amount=amount, receiver_id=pick.one(LABS[:2]), price=price)


def _trades(world: World, pick: Choice) -> Move:
    """Part of a voucher on the book of its series, or a bid for that."""
    ledger, lots = world.state("ledger"), _lots(world)
    voucher_id = pick.id(name for name, each in lots.items() if each == "p7")
    if voucher_id not in lots:
        return _issues(world, pick)
    amount, price = pick.number(5, 20) * YUAN, 9_000 + 500 * pick.number(0, 1)
    if pick.number(0, 1):
        holder = pick.one(ledger.owners(voucher_id) or ["lab-1"])
        return holder, OfferCredit(voucher_id=voucher_id, amount=amount, price_bps=price, time_in_force="GTC")
    voucher = ledger.vouchers.open[voucher_id]
    return pick.one(LABS), BidForCredit(
        programme_id="p7", version=voucher.version, month=month_of(ledger.rules_of(voucher), voucher.expires_at),
        amount=amount, price_bps=price, time_in_force="GTC",
    )  # fmt: skip


def _answers(world: World, pick: Choice) -> Move:
    """What is open is approved and accepted; a pledge is enforced or ends."""
    encumbered, lots = world.state("ledger").encumbrances, _lots(world)
    pledges = {name: each for name, each in encumbered.pledges.items() if each.voucher_id in lots}
    if pledges and pick.rarely():
        pledge_id, pledge = pick.one(sorted(pledges.items()))
        take: Body = EnforcePledge(pledge_id=pledge_id, reason="overdue")
        return pledge.pledgee_id, take if pick.number(0, 1) else ReleasePledge(pledge_id=pledge_id)
    transfers = {name: each for name, each in encumbered.transfers.items() if each.voucher_id in lots}
    if not transfers:
        return _proposes(world, pick)
    transfer_id, each = pick.one(sorted(transfers.items()))
    if (programme_id := lots[each.voucher_id]) in APPROVED and not each.approved:
        return ISSUERS[programme_id], ApproveTransfer(transfer_id=transfer_id)
    return each.receiver_id, AcceptTransfer(transfer_id=transfer_id)


def _buys(world: World, pick: Choice) -> Move:
    """A bid with credit that was handed on, or an offer that it meets."""
    handed = _handed(world)
    if not handed:
        return _answers(world, pick)
    voucher_id, holder = pick.one(handed)
    start = world.clock // HOUR + 1
    if pick.number(0, 1):
        return pick.one(("gpu-1", "gpu-1", "gpu-2")), PostOffer(
            class_id="a100", region="east", currency="CNY", nodes=2, window_start=start, window_end=start + 6,
            price=PRICE, min_nodes=1, min_hours=1, bond_bps=2_500, tif="GTC", good_until=None, stp="taker",
        )  # fmt: skip
    return holder, PlaceBid(
        programme_id=_lots(world)[voucher_id], voucher_ids=(voucher_id,), classes=("a100",), regions=("east",), nodes=1,
        hours=pick.number(1, 3), earliest=start, latest=start + 5, limit_price=PRICE, partial=False, min_nodes=1,
        tif="GTC", good_until=None, post_only=False, stp="taker",
    )  # fmt: skip


def _delivers(world: World, pick: Choice) -> Move:
    """What was disputed is resolved, accepted and reversed; a contract on handed-on credit is given up now and then."""
    state = world.state("redemption")
    of = {name for name, each in state.contracts.items() if each.terms.programme_id in ISSUERS}
    if of and pick.rarely():
        contract_id = pick.one(sorted(of))
        return state.contracts[contract_id].terms.provider_id, WithdrawDelivery(contract_id=contract_id, reason="power")
    done = {name: whole_hours(world, name) for name in sorted(of)}
    if (ended := [name for name, hours in done.items() if hours]) and pick.number(0, 1):
        contract_id = pick.one(ended)
        most = state.contracts[contract_id].hour_capacity
        readings = tuple(Reading(hour=hour, gpu_minutes=most) for hour in done[contract_id])
        provider = state.contracts[contract_id].terms.provider_id
        return provider, ReportUsage(contract_id=contract_id, readings=readings)
    disputed = sorted(name for name, each in state.reports.items() if each.disputed_by is not None)
    if disputed:
        report_id = pick.one(disputed)
        minutes = state.reports[report_id].gpu_minutes
        return "operator", ResolveDispute(report_id=report_id, gpu_minutes=minutes // 2, reason="meter read")
    captured = sorted(name for name, each in state.captures.items() if each.left)
    if captured and pick.number(0, 1):
        report_id = pick.one(captured)
        amount = max(1, state.captures[report_id].left // 2)
        return "operator", ReverseCapture(report_id=report_id, amount=amount, reason="meter audit")
    reports = sorted(name for name, each in state.reports.items() if each.disputed_by is None)
    if not reports:
        return _buys(world, pick)
    report_id = pick.one(reports)
    report = state.reports[report_id]
    lab, provider = state.contracts[report.contract_id].sides
    if pick.number(0, 3) == 0:
        return _corrects(report_id, report, lab, provider)
    if pick.number(0, 1):
        return lab, contest(world, report_id, *(each.hour for each in report.readings))
    return lab, AcceptUsage(report_id=report_id)


def _corrects(report_id: str, report: Report, lab: str, provider: str) -> Move:
    """Both sides agree that less was used."""
    if report.corrections:
        said = report.corrections[0]
        other = lab if said.by == provider else provider
        return other, AgreeCorrection(report_id=report_id, correction_id=said.correction_id)
    readings = tuple(replace(each, gpu_minutes=each.gpu_minutes // 2) for each in report.readings)
    return provider, ProposeCorrection(report_id=report_id, readings=readings, reason="meter read")


def whole_hours(world: World, contract_id: str) -> list[int]:
    """The hours of a contract that have ended and were not reported."""
    contract = world.state("redemption").contracts[contract_id]
    first, now = contract.terms.first_hour, world.clock // HOUR
    hours = range(min(contract.terms.hours, max(0, now - first)))
    return [first + hour for hour in hours if not contract.reported >> hour & 1]


def _is_paid(world: World, pick: Choice) -> Move:
    """Claims on these programmes are submitted, approved, settled and paid; what was paid is taken back."""
    state = world.state("redemption")
    earned = {name: each for name, each in state.claimable.items() if each.programme_id in ISSUERS}
    claims = {name: each for name, each in state.claims.items() if each.terms.programme_id in ISSUERS}
    due = sorted(key for key, each in state.payments.items() if not each.paid and each.programme_id in ISSUERS)
    paid = sorted(key for key in state.paid if state.payments[key].programme_id in ISSUERS)
    if paid and pick.number(0, 2) == 0:
        settlement_id, provider_id = pick.one(paid)
        payment = state.payments[settlement_id, provider_id]
        return ISSUERS[payment.programme_id], OrderClawback(
            settlement_id=settlement_id, provider_id=provider_id, ground="FRAUD", evidence=(), reason="forged",
            amount=pick.number(1, payment.amount),
        )  # fmt: skip
    if due:
        settlement_id, provider_id = pick.one(due)
        return "bank", ConfirmPayment(
            settlement_id=settlement_id, provider_id=provider_id, paid_on=world.clock // (24 * HOUR),
            amount=state.payments[settlement_id, provider_id].amount,
            payment_reference=f"paid {settlement_id} {provider_id}",
        )  # fmt: skip
    approved = sorted(name for name, each in claims.items() if each.status == "approved")
    if approved:
        programme_id = claims[approved[0]].terms.programme_id
        return ISSUERS[programme_id], CloseSettlement(
            programme_id=programme_id, claim_ids=tuple(approved[:1]), payee_ids=()
        )
    if claims:
        claim_id = pick.one(sorted(claims))
        return ISSUERS[claims[claim_id].terms.programme_id], approve(claim_id)
    if not earned:
        return _delivers(world, pick)
    contract_id, each = pick.one(sorted(earned.items()))
    return each.provider_id, SubmitClaim(
        programme_id=each.programme_id, invoice_number=f"inv {contract_id}", contract_ids=(contract_id,)
    )


def _revokes(world: World, pick: Choice) -> Move:
    """Now and then a voucher ends in every hand that it has come to."""
    handed = _handed(world)
    if not handed or not pick.rarely():
        return _answers(world, pick)
    voucher_id = pick.one(handed)[0]
    body = RevokeVoucher(voucher_id=voucher_id, ground="FRAUD", reason="forged")
    return ISSUERS[_lots(world)[voucher_id]], body


BUILDS: Final[tuple[Callable[[World, Choice], Move], ...]] = (
    _issues, _proposes, _proposes, _trades, _answers, _answers, _answers, _buys, _buys, _buys, _buys, _delivers,
    _delivers, _delivers, _is_paid, _is_paid, _is_paid, _revokes,
)  # fmt: skip
