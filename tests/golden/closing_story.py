"""The part of the golden story about the ends of programmes: run-off, what bars their closing, and the last books."""

from __future__ import annotations

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.issuance.run_off_commands import BeginRunOff
from counterfoil.ledger.commands import CloseProgramme
from counterfoil.redemption.commands import (
    AcceptUsage,
    ApproveClaim,
    ApprovedLine,
    CloseSettlement,
    ConfirmPayment,
    OrderClawback,
    Reading,
    ReportUsage,
    ReturnPayment,
    SubmitClaim,
    WriteOff,
)
from tests.documents import document, publishing
from tests.golden.steps import bid, done, offer, refused
from tests.golden.world import GoldenWorld
from tests.paper_work import PAID_ON, approve
from tests.properties.world import YUAN

PROGRAMME, FORGOTTEN = "p35", "p45"


def tell(world: GoldenWorld) -> None:
    """A programme runs off; it is closed once its last claim is paid and its last debt is given up."""
    control = {
        "clawback": {"grounds": ["FRAUD"], "share": "100%", "lookback_months": 1},
        "appeal": {"within_days": 1, "stays": True},
    }
    rule = {"kind": "RELATIVE", "after_days": 3}
    finer = {"mode": "TRUNCATE", "quantum": "0.000001"}
    value = document(
        id=PROGRAMME, control=control, expiry={"rule": rule}, benefit__tiers=[{"id": "all", "rate": "1/3"}],
        benefit__rounding=finer,
    )  # fmt: skip
    done(world, "city", *publishing(value))
    done(world, "city", AppropriateBudget(programme_id=PROGRAMME, amount=900 * YUAN, document=PROGRAMME))
    done(world, "city", ListProvider(programme_id=PROGRAMME, provider_id="gpu-1"))
    done(world, "city", IssueVoucher(programme_id=PROGRAMME, beneficiary_id="lab-1", amount=90 * YUAN))
    world.clock += SECOND
    world.settle()
    close = CloseProgramme(programme_id=PROGRAMME, reason="all is paid")
    refused(world, "city", Code.PROGRAMME_NOT_IN_RUN_OFF, close)
    contract_id = _delivered(world)
    done(world, "city", BeginRunOff(programme_id=PROGRAMME, reason="the last year is over"))
    issue = IssueVoucher(programme_id=PROGRAMME, beneficiary_id="lab-2", amount=YUAN)
    refused(world, "city", Code.PROGRAMME_IN_RUN_OFF, issue)
    world.settle()
    refused(world, "city", Code.PROGRAMME_STILL_OPEN, close)
    settlement_id, amount = _paid(world, contract_id)
    order = OrderClawback(
        settlement_id=settlement_id, provider_id="gpu-1", ground="FRAUD", amount=amount // 2, evidence=(),
        reason="the meter stood still",
    )  # fmt: skip
    done(world, "city", order)
    world.clock += 4 * DAY - HOUR * 12
    world.settle()
    done(world, "city", WriteOff(programme_id=PROGRAMME, provider_id="gpu-1", amount=amount // 2, reason="dissolved"))
    world.settle()
    done(world, "city", order)  # whoever may contest it keeps the programme open
    done(world, "city", close)
    world.settle()
    world.clock += DAY + SECOND
    world.settle()
    done(world, "city", WriteOff(programme_id=PROGRAMME, provider_id="gpu-1", amount=amount // 2, reason="dissolved"))
    world.settle()
    done(world, "city", close)
    world.settle()
    refused(world, "city", Code.PROGRAMME_CLOSED, close)
    refused(world, "city", Code.PROGRAMME_CLOSED, order)
    refused(world, "lab-1", Code.PROGRAMME_CLOSED, bid(world, programme_id=PROGRAMME))


def last_day(world: GoldenWorld) -> None:
    """A programme is closed though its provider claims no more and cannot be paid: both lapse after the last day."""
    if world.state("redemption").rules.unclaimed_days is None:
        return
    value = document(
        id=FORGOTTEN, expiry={"rule": {"kind": "RELATIVE", "after_days": 1}}, redemption__claim_within_days=2
    )
    done(world, "city", *publishing(value))
    done(world, "city", AppropriateBudget(programme_id=FORGOTTEN, amount=900 * YUAN, document=FORGOTTEN))
    done(world, "city", ListProvider(programme_id=FORGOTTEN, provider_id="gpu-1"))
    done(world, "city", IssueVoucher(programme_id=FORGOTTEN, beneficiary_id="lab-1", amount=90 * YUAN))
    world.clock += SECOND
    world.settle()
    contract_id = _delivered(world, FORGOTTEN)
    done(world, "city", BeginRunOff(programme_id=FORGOTTEN, reason="the last year is over"))
    claim = SubmitClaim(programme_id=FORGOTTEN, invoice_number=FORGOTTEN, contract_ids=(contract_id,))
    claim_id = done(world, "gpu-1", claim).claim_id
    some = (ApprovedLine(contract_id=contract_id, amount=YUAN),)
    done(world, "city", ApproveClaim(claim_id=claim_id, lines=some, rest="claimable"))
    settled = done(world, "city", CloseSettlement(programme_id=FORGOTTEN, claim_ids=(claim_id,), payee_ids=()))
    back = ReturnPayment(
        settlement_id=settled.settlement_id, provider_id="gpu-1", return_reference=FORGOTTEN, reason="account closed"
    )
    done(world, "bank", back)
    world.clock += 93 * DAY
    world.settle()
    done(world, "city", CloseProgramme(programme_id=FORGOTTEN, reason="all is paid"))
    world.settle()


def _delivered(world: GoldenWorld, programme_id: str = PROGRAMME) -> str:
    """A contract of the programme, delivered and accepted."""
    done(world, "gpu-1", offer(world, nodes=20, price=YUAN))
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
    return str(contract_id)


def _paid(world: GoldenWorld, contract_id: str) -> tuple[str, int]:
    """Its settlement, of which less than a fen lapses, and how much was paid."""
    claim = SubmitClaim(programme_id=PROGRAMME, invoice_number=PROGRAMME, contract_ids=(contract_id,))
    claim_id = done(world, "gpu-1", claim).claim_id
    done(world, "city", approve(claim_id))
    lapsed = done(world, "city", CloseSettlement(programme_id=PROGRAMME, claim_ids=(claim_id,), payee_ids=()))
    amount = world.state("redemption").payments[lapsed.settlement_id, "gpu-1"].amount
    payment = ConfirmPayment(
        settlement_id=lapsed.settlement_id, provider_id="gpu-1", amount=amount, payment_reference=f"pays {PROGRAMME}",
        paid_on=PAID_ON,
    )  # fmt: skip
    done(world, "bank", payment)
    return str(lapsed.settlement_id), int(amount)
