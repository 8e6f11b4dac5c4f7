"""The part of the golden story about vouchers that are stopped on grounds, or that pay nothing so small."""

from __future__ import annotations

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, RevokeVoucherV1
from counterfoil.issuance.freeze_commands import ExtendSuspension
from tests.documents import document, publishing, revoking, suspending
from tests.golden.steps import bid, done, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

PROGRAMME = "p39"


def tell(world: GoldenWorld) -> None:
    """A suspension begins after its notice and is extended once; then the voucher is revoked."""
    control = {
        "freeze": {"grounds": ["INQUIRY"], "max_days": 2, "notice_days": 1}, "revoke_grounds": ["FRAUD"],
    }  # fmt: skip
    done(world, "city", *publishing(document(id=PROGRAMME, control=control, spending={"minimum": {"amount": "60"}})))
    done(world, "city", AppropriateBudget(programme_id=PROGRAMME, amount=90 * YUAN, document=PROGRAMME))
    issue = IssueVoucher(programme_id=PROGRAMME, beneficiary_id="lab-1", amount=90 * YUAN)
    voucher_id = str(done(world, "city", issue).voucher_id)
    world.clock += SECOND
    world.settle()
    done(world, "lab-1", bid(world, programme_id=PROGRAMME, limit_price=YUAN))  # of which vouchers pay less than 60
    refused(world, "city", Code.GROUND_NOT_IN_RULES, RevokeVoucherV1(voucher_id=voucher_id, reason="no ground"))
    refused(world, "city", Code.SUSPENSION_TOO_LONG, suspending(voucher_id, 3))
    ordered = done(world, "city", suspending(voucher_id, 2))
    world.clock = ordered.begins_at + SECOND
    world.settle()
    done(world, "operator", ExtendSuspension(voucher_id=voucher_id, days=1, reason="meters are read"))
    world.clock = ordered.ends_at + DAY + SECOND
    world.settle()
    done(world, "city", revoking(voucher_id))
    world.settle()
