"""The part of the golden story about an allocation of GPU-hours: bid for, metered, put right, and never paid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.matching.commands import PostOffer
from counterfoil.redemption.commands import AcceptUsage, Reading, ReportUsage, ReverseCapture, SubmitClaim
from tests.documents import document, publishing
from tests.golden.steps import bid, done, offer, refused
from tests.golden.world import GoldenWorld

GPU_HOUR: Final = 1_000_000
IN_KIND: Final[dict[str, Any]] = {
    "unit": {"kind": "COMPUTE", "unit": "GPU_HOUR"},
    "benefit__basis": "ALLOCATION",
    "redemption": {"model": "IN_KIND", "claimant": "NONE", "reference_end": "2099-12-30"},
}


def tell(world: GoldenWorld) -> None:
    """An allocation pays for a contract by its meter; a bid that it does not pay for wholly is refused."""
    _publish(world, "p-hours")
    _publish(world, "p-over", redemption={**IN_KIND["redemption"], "reference_end": "2001-01-01"})
    world.clock += SECOND  # all services' entries come after the issue, by which vouchers begin
    world.settle()
    asked = bid(world, programme_id="p-hours", limit_price=GPU_HOUR)
    refused(world, "gpu-1", Code.PRICE_NOT_AT_PAR, _offer(world, price=2 * GPU_HOUR))
    refused(world, "gpu-1", Code.BOND_IN_KIND, _offer(world, bond_bps=500))
    refused(world, "lab-1", Code.PRICE_NOT_AT_PAR, replace(asked, limit_price=2 * GPU_HOUR))
    done(world, "lab-1", replace(asked, programme_id="p-over"))  # its hold is refused: use of that day is not paid
    done(world, "gpu-1", _offer(world))
    done(world, "lab-1", asked)
    contracts = world.state("redemption").contracts
    contract_id = next(name for name, each in contracts.items() if each.terms.programme_id == "p-hours")
    terms: Any = contracts[contract_id].terms
    world.clock = max(world.clock, (terms.first_hour + terms.hours) * HOUR + SECOND)
    full = terms.nodes * terms.gpus_per_node * 60
    readings = tuple(
        Reading(hour=each, gpu_minutes=full) for each in range(terms.first_hour, terms.first_hour + terms.hours)
    )
    report_id = done(world, "gpu-1", ReportUsage(contract_id=contract_id, readings=readings)).report_id
    done(world, "lab-1", AcceptUsage(report_id=report_id))
    claim = SubmitClaim(programme_id="p-hours", invoice_number="in kind", contract_ids=(contract_id,))
    refused(world, "gpu-1", Code.PROGRAMME_IN_KIND, claim)
    done(world, "operator", ReverseCapture(report_id=report_id, amount=GPU_HOUR, reason="stood still"))


def _publish(world: GoldenWorld, programme_id: str, **changes: Any) -> None:
    """A programme with a voucher of 90 GPU-hours."""
    value = document(id=programme_id, **(IN_KIND | {"benefit__tiers": [{"id": "all", "rate": "100%"}]} | changes))
    done(world, "city", *publishing(value))
    done(world, "city", AppropriateBudget(programme_id=programme_id, amount=900 * GPU_HOUR, document=programme_id))
    done(world, "city", ListProvider(programme_id=programme_id, provider_id="gpu-1"))
    done(world, "city", IssueVoucher(programme_id=programme_id, beneficiary_id="lab-1", amount=90 * GPU_HOUR))


def _offer(world: GoldenWorld, **changes: Any) -> PostOffer:
    """An offer in kind."""
    return offer(world, **({"currency": "GPU_HOUR", "price": GPU_HOUR, "bond_bps": 0} | changes))
