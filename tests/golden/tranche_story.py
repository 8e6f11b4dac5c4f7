"""The part of the golden story about vouchers that are released in parts."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.contract.refusals import Code
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher
from counterfoil.ledger.extension_commands import ExtendVoucher
from counterfoil.ledger.tranche_commands import AttestMilestone, ReleaseTranche
from tests.documents import document, publishing, revoking
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN


def tell(world: GoldenWorld) -> None:
    """A part waits for a milestone, one for a day that does not come before the voucher is revoked."""
    tranches = [
        {"share": "1/3", "release_on": "PROGRESS_REPORT", "attested_by": "gpu-1"},
        {"share": "2/3", "release_on": "DATE", "after_days": 90},
    ]
    expiry = {
        "rule": {"kind": "RELATIVE", "after_days": 365}, "extension_days": 30, "extension_grounds": ["SITE_OUTAGE"],
    }  # fmt: skip
    done(world, "city", *publishing(document(id="p-parts", benefit__tranches=tranches, expiry=expiry)))
    done(world, "city", AppropriateBudget(programme_id="p-parts", amount=90 * YUAN, document="p-parts"))
    issue = IssueVoucher(programme_id="p-parts", beneficiary_id="lab-1", amount=90 * YUAN)
    voucher_id = str(done(world, "city", issue).voucher_id)
    world.settle()
    parts = {each.release_on: name for name, each in world.state("ledger").encumbrances.tranches.items()}
    release = ReleaseTranche(tranche_id=parts["PROGRESS_REPORT"], report=None, reason="trained")
    refused(world, "city", Code.TRANCHE_NOT_DUE, release)
    done(world, "gpu-1", AttestMilestone(tranche_id=release.tranche_id, report=bytes(32), reason="trained"))
    done(world, "city", release)
    extend = ExtendVoucher(voucher_id=voucher_id, days=30, ground="SITE_OUTAGE", reason="a site was down")
    refused(world, "city", Code.EXTENSION_NOT_PERMITTED, replace(extend, days=31))
    done(world, "city", extend)
    refused(world, "city", Code.UNKNOWN_TRANCHE, release)
    done(world, "city", revoking(voucher_id))
    world.settle()
