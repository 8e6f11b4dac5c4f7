"""Moves in programmes that are documents: applications, claims on invoices and after use, shares of payers, hours in
kind, ceilings of law, transfers and pledges, stops on grounds, and the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from counterfoil.contract.applications import ApplicationLine, ContractDays
from counterfoil.contract.invoices import Invoice
from counterfoil.contract.record import Command as Body
from counterfoil.contract.times import DAY, HOUR
from counterfoil.core.units import PAR
from counterfoil.issuance.aid_commands import AttestAid, WithdrawAid
from counterfoil.issuance.commands import (
    AttestFact,
    DecideApplication,
    IssueVoucher,
    ReturnApplication,
    ReturnVoucher,
    SubmitApplication,
    WithdrawApplication,
)
from counterfoil.issuance.freeze_commands import ExtendSuspension, RevokeVoucher, SuspendVoucher
from counterfoil.issuance.invoice_commands import ClaimAfterUse, ClaimInvoice, PermitClaim, RecordCreditNote
from counterfoil.issuance.run_off_commands import BeginRunOff
from counterfoil.ledger.commands import (
    AcceptTransfer,
    ApproveTransfer,
    CloseProgramme,
    EnforcePledge,
    PledgeVoucher,
    ProposeTransfer,
    RejectTransfer,
    ReleasePledge,
    SurrenderVoucher,
    WithdrawTransfer,
)
from counterfoil.ledger.credit_book import month_of
from counterfoil.ledger.credit_commands import BidForCredit, CancelCreditOrder, OfferCredit, TimeInForce
from counterfoil.matching.commands import PlaceBid, PostOffer
from counterfoil.redemption.payer_commands import ConfirmShare, ReturnShare
from tests.documents import document
from tests.properties.moves import LABS, Choice, Move, move
from tests.properties.world import YUAN, World

ISSUERS: Final = {"p3": "city", "p4": "town", "p5": "city"}
_REGISTERED: Final = {"id": "registered", "when": {"fact": "registered_in", "is": "CN"}}
_PAYERS: Final = [{"payer": "state", "share": "2/3"}, {"payer": "city", "share": "1/3", "timing": "AFTERWARDS"}]
_CONTROL: Final = {
    "freeze": {"grounds": ["INQUIRY"], "max_days": 2}, "revoke_grounds": ["FRAUD"],
    "clawback": {"grounds": ["FRAUD"], "share": "80%", "lookback_months": 1},
    "appeal": {"within_days": 1, "stays": True},
}  # fmt: skip
_SHORT: Final = {"rule": {"kind": "RELATIVE", "after_days": 9}, "notices_days": [3], "restore_within_days": 1}
DOCUMENTS: Final = {
    "p3": document(
        id="p3", budget__funding=_PAYERS, eligibility=[_REGISTERED], control=_CONTROL, expiry=_SHORT,
        transfer={"mode": "CLOSED_MARKET", "fee": "1%", "pledge": {"allowed": True}},
        redemption={"model": "APPLY_THEN_CLAIM", "claimant": "EITHER"},
        benefit__caps=[{
            "id": "paid", "scope": "GROUP", "period": {"kind": "PROGRAMME"}, "amount": "900", "counts": ["PAID"],
        }],
        benefit__regimes=[{"regime": "DE_MINIMIS", "ceiling": "1500", "months": 36}],
    ),
    "p4": document(
        id="p4", budget__funding=_PAYERS, control=_CONTROL,
        redemption={"model": "POST_USE_REIMBURSEMENT", "claimant": "BENEFICIARY"},
        benefit__regimes=[{"regime": "DE_MINIMIS", "ceiling": "1500", "months": 36}],
    ),
    "p5": document(
        id="p5", unit={"kind": "COMPUTE", "unit": "GPU_HOUR"}, benefit__basis="ALLOCATION", control=_CONTROL,
        redemption={"model": "IN_KIND", "claimant": "NONE"}, expiry=_SHORT,
        transfer={"mode": "SURRENDER_REISSUE", "price_rule": "GIFT_ONLY"},
    ),
}  # fmt: skip
"""Invoices that payers share, of vouchers that change hands; use that is reimbursed; GPU-hours in kind."""


def document_move(world: World, pick: Choice) -> Move:
    """A move in one of these programmes; one time in four any other."""
    if pick.number(0, 3) == 0:
        return move(world, pick)
    return pick.one(BUILDS)(world, pick)


# issuance -----------------------------------------------------------------------------------------------------------


def _line(world: World, pick: Choice, *, used: bool) -> ApplicationLine:
    """Use of gpu-1: of the days before, or of those to come."""
    today = world.clock // DAY
    starts = today - 2 if used else today
    return ApplicationLine(
        id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=pick.number(1, 400) * YUAN, tax=0,
        quantity=pick.number(1, 90) * YUAN, unit="GPU_HOUR", class_id=None, region=None,
        provider_id=pick.one(("gpu-1", "gpu-2")), starts=starts, ends=starts + (2 if used else 8),
    )  # fmt: skip


def _invoice(world: World, pick: Choice) -> Invoice:
    return Invoice(issuer_tax_id="CN-1", number=f"i-{pick.number(0, 200)}", issued_on=world.clock // DAY)


def _applies(world: World, pick: Choice) -> Move:
    programme_id, today = pick.one(tuple(ISSUERS)), world.clock // DAY
    common: dict[str, Any] = {"programme_id": programme_id, "corrects": None, "project_id": None, "other_support": ()}
    if programme_id == "p4":
        contract = ContractDays(sha256=bytes(32), signed=today - 30, starts=today - 9, ends=today + 9)
        return pick.one(LABS), ClaimAfterUse(
            **common, contract=contract, invoice=_invoice(world, pick), lines=(_line(world, pick, used=True),),
            evidence=(),
        )  # fmt: skip
    lines = (_line(world, pick, used=False),)
    return pick.one(LABS), SubmitApplication(**common, lines=lines, contract=None, evidence=())


def _decides(world: World, pick: Choice) -> Move:
    applications = world.state("issuance").applications.open
    application_id = pick.id(applications)
    known = applications.get(application_id)
    issuer = "city" if known is None else ISSUERS[known.content.programme_id]
    if pick.rarely() and known is not None:
        ended: Body = WithdrawApplication(application_id=application_id, reason="no need")
        return known.content.beneficiary_id, ended
    if pick.rarely():
        return issuer, ReturnApplication(application_id=application_id, reason="unclear")
    decision: Any = "rejected" if pick.rarely() else "approved"
    return issuer, DecideApplication(application_id=application_id, decision=decision, caps=(), reason="read")


def _issues(_world: World, pick: Choice) -> Move:
    programme_id = pick.one(("p3", "p5"))
    body = IssueVoucher(programme_id=programme_id, beneficiary_id=pick.one(LABS), amount=pick.number(1, 300) * YUAN)
    return ISSUERS[programme_id], body


def _attests(world: World, pick: Choice) -> Move:
    party_id, today = pick.one(LABS), world.clock // DAY
    if pick.number(0, 2):
        values = ("FR",) if pick.rarely() else ("CN",)
        return "operator", AttestFact(
            party_id=party_id, application_id=None, line=None, name="registered_in", values=values, on=today,
            source="register",
        )  # fmt: skip
    attested = world.state("issuance").aids.attested
    if attested and pick.number(0, 1):
        return "operator", WithdrawAid(aid_id=pick.id(attested), reason="typing error")
    return "operator", AttestAid(
        party_id=party_id, regime="DE_MINIMIS", amount=pick.number(1, 200) * YUAN, currency="CNY",
        granted_on=today - pick.number(0, 40), grantor="State", reference=f"aid {pick.number(0, 99)}", source="letter",
    )  # fmt: skip


def _voucher(world: World, pick: Choice) -> tuple[str, str, str]:
    """A voucher of these programmes that is open, who has a part of it, and its issuer."""
    ledger = world.state("ledger")
    mine = [name for name, each in ledger.vouchers.open.items() if each.programme_id in ISSUERS]
    voucher_id = pick.id(mine)
    if voucher_id not in mine:
        return voucher_id, "lab-1", "city"
    holders = ledger.owners(voucher_id) or ["lab-1"]
    return voucher_id, pick.one(holders), ISSUERS[ledger.vouchers.open[voucher_id].programme_id]


def _stops(world: World, pick: Choice) -> Move:
    voucher_id, holder, issuer = _voucher(world, pick)
    kind = pick.number(0, 5)
    if kind == 0:
        return issuer, RevokeVoucher(voucher_id=voucher_id, ground="FRAUD", reason="forged")
    if kind == 1:
        return holder, ReturnVoucher(voucher_id=voucher_id, reason="spare")
    suspended = [name for name, each in world.state("issuance").vouchers.items() if each.status == "suspended"]
    if suspended and kind < 4:
        return "operator", ExtendSuspension(voucher_id=pick.one(sorted(suspended)), days=1, reason="meters are read")
    return issuer, SuspendVoucher(voucher_id=voucher_id, ground="INQUIRY", days=pick.number(1, 3), reason="inquiry")


def _invoices(world: World, pick: Choice) -> Move:
    voucher_id, holder, _ = _voucher(world, pick)
    if pick.number(0, 2) == 0:
        permit = PermitClaim(voucher_id=voucher_id, provider_id=pick.one(("gpu-1", "gpu-2")), amount=90 * YUAN)
        return holder, permit
    claim = ClaimInvoice(
        voucher_id=voucher_id, amount=None, invoice=_invoice(world, pick), lines=(_line(world, pick, used=True),),
        other_support=(), evidence=(),
    )  # fmt: skip
    permits = sorted(by for of, by in world.state("issuance").claims.permits if of == voucher_id)
    return pick.one((holder, *permits)), claim


def _notes(world: World, pick: Choice) -> Move:
    """A credit note on the invoice of a claim."""
    invoiced = {
        name: each.terms for name, each in world.state("redemption").claims.items() if not name.startswith("clm")
    }
    claim_id = pick.id(invoiced)
    number = "i-0" if claim_id not in invoiced else invoiced[claim_id].invoice_number
    return "city", RecordCreditNote(
        claim_id=claim_id, invoice_number=number, amount=pick.number(1, 90) * YUAN,
        credit_note=Invoice(issuer_tax_id="CN-1", number=f"note {pick.number(0, 200)}", issued_on=world.clock // DAY),
    )  # fmt: skip


def _ends(world: World, pick: Choice) -> Move:
    """Seldom a programme runs off; those that do may be closed."""
    running = sorted(name for name in world.state("ledger").phases if name in ISSUERS)
    if running and pick.number(0, 2):
        programme_id = pick.one(running)
        return ISSUERS[programme_id], CloseProgramme(programme_id=programme_id, reason="over")
    if not pick.rarely() or not pick.rarely():
        return _invoices(world, pick)
    programme_id = pick.one(tuple(ISSUERS))
    return ISSUERS[programme_id], BeginRunOff(programme_id=programme_id, reason="over")


# ledger and matching ------------------------------------------------------------------------------------------------


def _hands(world: World, pick: Choice) -> Move:
    voucher_id, holder, issuer = _voucher(world, pick)
    amount, kind = pick.number(1, 60) * YUAN, pick.number(0, 3)
    if kind == 0:
        return holder, PledgeVoucher(voucher_id=voucher_id, amount=amount, pledgee_id=pick.one(("bank", *LABS)))
    if kind == 1 and pick.rarely():
        return holder, SurrenderVoucher(voucher_id=voucher_id, amount=amount, reason="spare")
    price = pick.number(0, 9) * YUAN if pick.rarely() else 0
    other = pick.one(LABS)
    if issuer == ISSUERS["p3"] and pick.number(0, 1):
        return _credit(world, pick, holder, voucher_id, amount)
    return holder, ProposeTransfer(voucher_id=voucher_id, amount=amount, receiver_id=other, price=price)


def _credit(world: World, pick: Choice, holder: str, voucher_id: str, amount: int) -> Move:
    """A part of a voucher is offered, or the last order is cancelled, or somebody bids for its series."""
    ledger = world.state("ledger")
    tif: TimeInForce = "IOC" if pick.rarely() else "GTC"
    price_bps = 9_000 + 500 * pick.number(0, 3)
    kind, open_orders = pick.number(0, 6), ledger.credit.orders
    if not kind and open_orders:
        order_id, order = pick.one(sorted(open_orders.items()))
        return order.party_id, CancelCreditOrder(order_id=order_id)
    if kind < 4:
        return holder, OfferCredit(voucher_id=voucher_id, amount=amount, price_bps=price_bps, time_in_force=tif)
    voucher = ledger.vouchers.open.get(voucher_id)
    rules = None if voucher is None else ledger.rules_of(voucher)
    month = None if voucher is None or rules is None else month_of(rules, voucher.expires_at)
    return pick.one(LABS), BidForCredit(
        programme_id="p3", version=1 if voucher is None else voucher.version, month=month or None, amount=amount,
        price_bps=price_bps, time_in_force=tif,
    )  # fmt: skip


def _answers(world: World, pick: Choice) -> Move:
    """What is open of transfers and pledges is answered."""
    ledger = world.state("ledger")
    transfers, pledges = ledger.encumbrances.transfers, ledger.encumbrances.pledges
    if pledges and pick.rarely():
        pledge_id, pledge = pick.one(sorted(pledges.items()))
        take = EnforcePledge(pledge_id=pledge_id, reason="overdue")
        return pledge.pledgee_id, pick.one((take, ReleasePledge(pledge_id=pledge_id)))
    if not transfers:
        return _hands(world, pick)
    transfer_id, each = pick.one(sorted(transfers.items()))
    issuer = ISSUERS.get(ledger.vouchers.open[each.voucher_id].programme_id, "city")
    named = {"transfer_id": transfer_id}
    accept = (each.receiver_id, AcceptTransfer(**named))
    return pick.one((
        accept, accept, accept, (issuer, ApproveTransfer(**named)), (issuer, ApproveTransfer(**named)),
        (each.receiver_id, RejectTransfer(**named, reason="no")), (each.holder_id, WithdrawTransfer(**named)),
    ))  # fmt: skip


def _hours(world: World, pick: Choice) -> Move:
    """GPU-hours in kind are offered and bid for."""
    start = world.clock // HOUR + 2
    if pick.number(0, 1):
        return "gpu-1", PostOffer(
            class_id="a100", region="east", currency="GPU_HOUR", nodes=4, window_start=start, window_end=start + 9,
            price=PAR, min_nodes=1, min_hours=1, bond_bps=0, tif="GTC", good_until=None, stp="taker",
        )  # fmt: skip
    bid = PlaceBid(
        programme_id="p5", voucher_ids=(), classes=("a100",), regions=("east",), nodes=1, hours=pick.number(1, 2),
        earliest=start, latest=start + 4, limit_price=PAR, partial=False, min_nodes=1, tif="GTC", good_until=None,
        post_only=False, stp="taker",
    )  # fmt: skip
    return pick.one(LABS), bid


# redemption ---------------------------------------------------------------------------------------------------------


def _shares(world: World, pick: Choice) -> Move:
    """A payer pays its share of a payment, or it comes back."""
    shared = world.state("redemption").shared
    if not shared:
        return _invoices(world, pick)
    (settlement_id, provider_id), each = pick.one(sorted(shared.items()))
    part = pick.one(each.parts)
    named: dict[str, Any] = {"settlement_id": settlement_id, "provider_id": provider_id, "payer": part.payer}
    reference = f"share {pick.number(0, 9_999)}"
    if pick.rarely():
        return "bank", ReturnShare(**named, return_reference=reference, reason="closed")
    paid = ConfirmShare(**named, amount=part.due, payment_reference=reference, paid_on=world.clock // DAY)
    return "bank", replace(paid, amount=part.due + 1) if pick.rarely() else paid


BUILDS: Final = (
    _applies, _applies, _applies, _decides, _decides, _decides, _issues, _attests, _stops, _invoices, _invoices,
    _notes, _ends, _hands, _hands, _answers, _answers, _hours, _hours, _shares, _shares, _shares,
)  # fmt: skip
