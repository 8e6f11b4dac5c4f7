"""The part of the golden story about programmes as documents."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.issuance.commands import (
    AppropriateBudget,
    IssueVoucher,
    ListProvider,
    PublishProgramme,
    PutDocument,
)
from counterfoil.ledger.commands import Deposit
from counterfoil.redemption.commands import AcceptUsage, Reading, ReportUsage
from tests.documents import document, publishing
from tests.golden.steps import bid, done, offer, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

CAP = {"id": "per-year", "scope": "GROUP", "period": {"kind": "CALENDAR_YEAR"}, "amount": "100"}
CLAIMED = {"model": "APPLY_THEN_CLAIM", "claimant": "BENEFICIARY"}


def tell(world: GoldenWorld) -> None:
    """Documents that are published, refused and dropped; vouchers of one, which pay for a trade."""
    long = {"open_questions": ["x" * 2_000, "y" * 2_000]}
    *pieces, command = publishing(document(id="p6", provenance=long, benefit__caps=[CAP]))
    refused(world, "city", Code.DOCUMENT_INCOMPLETE, command)
    done(world, "city", pieces[0])
    world.clock += world.state("issuance").rules.document_stays + 1
    world.settle()
    wrong = PutDocument(sha256=bytes(32), piece=0, pieces=1, octets=b"x")
    refused(world, "city", Code.DOCUMENT_MALFORMED, wrong)
    done(world, "city", *pieces, command)
    *faulty, of_faulty = publishing(document(id="p7", benefit__rounding=...))
    done(world, "city", *faulty)
    refused(world, "city", Code.PROGRAMME_CONTRADICTORY, of_faulty)
    refused(world, "city", Code.DOCUMENT_INCOMPLETE, PublishProgramme(programme_id="p6", document_sha256=bytes(32)))
    done(world, "city", *publishing(document(id="p6-claimed", redemption=CLAIMED)))
    refused(world, "lab-1", Code.PROGRAMME_NOT_ON_MARKET, replace(bid(world), programme_id="p6-claimed"))
    _spend(world)


def _spend(world: GoldenWorld) -> None:
    """A voucher under the document pays half of a contract, hour by hour."""
    issue = IssueVoucher(programme_id="p6", beneficiary_id="lab-1", amount=90 * YUAN)
    done(world, "city", AppropriateBudget(programme_id="p6", amount=900 * YUAN, document="p6"))
    done(world, "city", ListProvider(programme_id="p6", provider_id="gpu-1"))
    done(world, "city", issue)
    refused(world, "city", Code.CAP_EXCEEDED, replace(issue, amount=11 * YUAN))
    done(world, "bank", Deposit(party_id="lab-1", currency="CNY", amount=900 * YUAN, payment_reference="p6"))
    done(world, "gpu-1", offer(world, nodes=1, price=YUAN))
    done(world, "lab-1", bid(world, programme_id="p6", limit_price=YUAN))
    contracts = world.state("redemption").contracts
    contract_id = next(name for name, each in contracts.items() if each.terms.programme_id == "p6")
    terms = contracts[contract_id].terms
    for hour in range(terms.first_hour, terms.first_hour + terms.hours):
        world.clock = max(world.clock, (hour + 1) * HOUR + SECOND)
        readings = (Reading(hour=hour, gpu_minutes=terms.nodes * terms.gpus_per_node * 60),)
        report_id = done(world, "gpu-1", ReportUsage(contract_id=contract_id, readings=readings)).report_id
        done(world, "lab-1", AcceptUsage(report_id=report_id))
