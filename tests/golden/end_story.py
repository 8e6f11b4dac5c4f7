"""The part of the golden story about the ends of vouchers, and about payments that are taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.ledger.commands import Deposit, ProposeTransfer, RestoreVoucher
from counterfoil.redemption.commands import (
    AcceptUsage,
    ConfirmPayment,
    DecideAppeal,
    FileAppeal,
    OrderClawback,
    Reading,
    ReportUsage,
    SubmitClaim,
    WriteOff,
)
from tests.documents import document, publishing
from tests.golden.steps import bid, done, offer, refused
from tests.golden.world import GoldenWorld
from tests.paper_work import PAID_ON, approve, settle
from tests.properties.world import YUAN

EXPIRY = {
    "rule": {"kind": "RELATIVE", "after_days": 5}, "notices_days": [2], "offline_days": 1, "restore_within_days": 1,
    "expunge_days": 3,
}  # fmt: skip
STAYS = {"p13": True, "p14": False}
"""By programme, whether an order waits for an appeal."""
CLAWBACK = {"grounds": ["FRAUD"], "share": "80%", "lookback_months": 1}


def tell(world: GoldenWorld) -> None:
    """Two programmes take back what they paid: of one, orders wait for an appeal; of the other, they do not."""
    vouchers = {programme_id: _programme(world, programme_id, stays) for programme_id, stays in STAYS.items()}
    world.clock += SECOND  # all services' entries come after the issue, by which vouchers begin
    world.settle()
    paid = {programme_id: _paid(world, programme_id) for programme_id in STAYS}
    _contested(world, *paid["p13"])
    _at_once(world, *paid["p14"])
    _ends(world, *vouchers["p13"])


def _programme(world: GoldenWorld, programme_id: str, stays: bool) -> list[Any]:
    """A programme, and two vouchers of it."""
    control = {"clawback": CLAWBACK, "appeal": {"within_days": 1, "stays": stays, "decided_within_days": 9}}
    value = document(id=programme_id, control=control, expiry=EXPIRY, transfer={"mode": "CLOSED_MARKET"})
    done(world, "city", *publishing(value))
    done(world, "city", AppropriateBudget(programme_id=programme_id, amount=900 * YUAN, document=programme_id))
    done(world, "city", ListProvider(programme_id=programme_id, provider_id="gpu-1"))
    done(world, "bank", Deposit(party_id="lab-1", currency="CNY", amount=90 * YUAN, payment_reference=programme_id))
    issue = IssueVoucher(programme_id=programme_id, beneficiary_id="lab-1", amount=90 * YUAN)
    return [done(world, "city", issue) for _ in range(2)]


def _paid(world: GoldenWorld, programme_id: str) -> tuple[str, int]:
    """The settlement of a contract that the programme paid, and how much."""
    done(world, "gpu-1", offer(world, nodes=20, price=YUAN))  # others on the book may take some of it
    done(world, "lab-1", bid(world, programme_id=programme_id, limit_price=YUAN))
    contracts = world.state("redemption").contracts
    contract_id = next(name for name, each in contracts.items() if each.terms.programme_id == programme_id)
    terms = contracts[contract_id].terms
    world.clock = max(world.clock, (terms.first_hour + terms.hours) * HOUR + SECOND)
    minutes = terms.nodes * terms.gpus_per_node * 60
    hours = range(terms.first_hour, terms.first_hour + terms.hours)
    readings = tuple(Reading(hour=hour, gpu_minutes=minutes) for hour in hours)
    report_id = done(world, "gpu-1", ReportUsage(contract_id=contract_id, readings=readings)).report_id
    done(world, "lab-1", AcceptUsage(report_id=report_id))
    claim = SubmitClaim(programme_id=programme_id, invoice_number=programme_id, contract_ids=(contract_id,))
    claim_id = done(world, "gpu-1", claim).claim_id
    done(world, "city", approve(claim_id))
    closed = done(world, "city", settle(programme_id, claim_id))
    payment = ConfirmPayment(
        settlement_id=closed.settlement_id, provider_id="gpu-1", amount=closed.amount,
        payment_reference=f"pays {programme_id}", paid_on=PAID_ON,
    )  # fmt: skip
    done(world, "bank", payment)
    return str(closed.settlement_id), int(closed.amount)


def _order(settlement_id: str, amount: int, ground: str = "FRAUD") -> OrderClawback:
    return OrderClawback(
        settlement_id=settlement_id, provider_id="gpu-1", ground=ground, amount=amount, evidence=(bytes(32),),
        reason="the invoice was cancelled",
    )  # fmt: skip


def _appeal(clawback_id: str) -> FileAppeal:
    return FileAppeal(clawback_id=clawback_id, evidence=(), reason="it was delivered")


def _decide(clawback_id: str, amount: int) -> DecideAppeal:
    return DecideAppeal(clawback_id=clawback_id, amount=amount, reason="heard")


def _contested(world: GoldenWorld, settlement_id: str, paid: int) -> None:
    """One order is contested and upheld in part; of another nobody says anything in time."""
    most = paid * 4 // 5
    refused(world, "city", Code.CLAWBACK_NOT_PERMITTED, _order(settlement_id, YUAN, "WASTE"))
    refused(world, "city", Code.EXCEEDS_PAID, _order(settlement_id, most + 1))
    first = done(world, "city", _order(settlement_id, most // 2)).clawback_id
    done(world, "city", _order(settlement_id, most // 4))
    refused(world, "lab-1", Code.UNKNOWN_CLAWBACK, _appeal(first))
    refused(world, "operator", Code.APPEAL_NOT_OPEN, _decide(first, 0))
    done(world, "gpu-1", _appeal(first))
    refused(world, "operator", Code.EXCEEDS_ORDERED, _decide(first, paid))
    done(world, "operator", _decide(first, most // 4))


def _at_once(world: GoldenWorld, settlement_id: str, paid: int) -> None:
    """What is owed at once is contested and ends; the rest of a debt is given up when that time is over."""
    write_off = WriteOff(programme_id="p14", provider_id="gpu-1", amount=paid // 4, reason="dissolved")
    first = done(world, "city", _order(settlement_id, paid // 4)).clawback_id
    done(world, "gpu-1", _appeal(first))
    refused(world, "city", Code.APPEAL_OPEN, write_off)
    done(world, "operator", _decide(first, 0))
    done(world, "city", _order(settlement_id, paid // 4))
    world.clock += DAY + SECOND
    world.settle()  # the order that nobody contested is in force
    done(world, "city", write_off)


def _ends(world: GoldenWorld, first: Any, second: Any) -> None:
    """One voucher comes back in time, the other does not; what comes back ends, too."""
    back = RestoreVoucher(voucher_id=first.voucher_id)
    refused(world, "lab-1", Code.VOUCHER_NOT_OFFLINE, back)
    world.clock = max(world.clock, first.expires_at - DAY + SECOND)
    world.settle()
    hand_on = ProposeTransfer(voucher_id=first.voucher_id, amount=YUAN, receiver_id="lab-2", price=0)
    refused(world, "lab-1", Code.VOUCHER_OFFLINE, hand_on)
    done(world, "lab-1", back)
    world.clock = max(world.clock, first.expires_at + DAY + SECOND)
    world.settle()
    refused(world, "lab-1", Code.NOT_RESTORABLE, replace(back, voucher_id=second.voucher_id))
    world.clock = max(world.clock, first.expires_at + 3 * DAY + SECOND)
    world.settle()
