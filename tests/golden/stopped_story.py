"""The part of the golden story about vouchers without an end, a stopped issuer, and what an earlier period lacks."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.contract.applications import ApplicationLine
from counterfoil.contract.refusals import Code
from counterfoil.issuance.commands import (
    AppropriateBudget,
    DecideApplication,
    IssueVoucher,
    RegisterParty,
    ReinstateParty,
    SubmitApplication,
    SuspendParty,
)
from counterfoil.issuance.control_commands import AttestControl
from counterfoil.issuance.run_off_commands import BeginRunOff
from counterfoil.redemption.adjustment_commands import AdjustPayment
from tests.documents import document, publishing
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.possession import proven
from tests.properties.world import YUAN

PROGRAMME = "p-endless"
LINE = ApplicationLine(
    id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=9 * YUAN, tax=0, quantity=0, unit=None, class_id="a100",
    region="east", provider_id="gpu-1", starts=None, ends=None,
)  # fmt: skip


def tell(world: GoldenWorld) -> None:
    """An issuer that is suspended rejects and approves nothing; in a run-off, what has no end gets one."""
    value = document(id=PROGRAMME, expiry={"rule": {"kind": "NONE"}}, providers={"mode": "OPEN"})
    done(world, "town", *publishing(value))
    done(world, "town", AppropriateBudget(programme_id=PROGRAMME, amount=90 * YUAN, document=PROGRAMME))
    done(world, "town", IssueVoucher(programme_id=PROGRAMME, beneficiary_id="lab-1", amount=9 * YUAN))
    asked = SubmitApplication(
        programme_id=PROGRAMME, corrects=None, project_id=None, lines=(LINE,), contract=None, other_support=(),
        evidence=(),
    )  # fmt: skip
    application_id = done(world, "lab-1", asked).application_id
    decide = DecideApplication(application_id=application_id, decision="approved", caps=(), reason="the town is closed")
    done(world, "operator", SuspendParty(party_id="town", reason="inquiry"))
    refused(world, "town", Code.PARTY_SUSPENDED, decide)
    done(world, "town", DecideApplication(application_id=application_id, decision="rejected", caps=(), reason="closed"))
    world.settle()
    done(world, "town", BeginRunOff(programme_id=PROGRAMME, reason="the town runs no programmes"))
    world.settle()
    _adjusted(world)
    _controlled(world)
    done(world, "operator", ReinstateParty(party_id="town", reason="nothing was found"))


def _adjusted(world: GoldenWorld) -> None:
    """Two people pay more for an earlier period."""
    county = RegisterParty(
        party_id="county", name="County", roles=("issuer",), group_id="city", key=proven(190, "county", world.host),
        recovery_key=None, looks_like=None,
    )  # fmt: skip
    done(world, "operator", county)
    world.settle()
    state = world.state("redemption")
    settlement_id, provider_id = next(
        key
        for key, each in sorted(state.payments.items())
        if each.paid and state.issuer(each.programme_id) == "city" and state.phases.shut(each.programme_id) is None
    )
    adjust = AdjustPayment(
        settlement_id=settlement_id, provider_id=provider_id, amount=1, document="B-2000", period_starts=1,
        period_ends=90, evidence=(), reason="hours were left out",
    )  # fmt: skip
    done(world, "city", adjust)
    refused(world, "city", Code.SECOND_SIGNATORY_NEEDED, adjust)
    done(world, "county", adjust)
    world.settle()


def _controlled(world: GoldenWorld) -> None:
    """An undertaking that is no party has parts of two; of one it has none any more."""
    made = AttestControl(
        owner_id="holding", party_id="lab-2", kind="MAJORITY_OF_VOTES", share_bps=6_000, on=1, source="register"
    )
    refused(world, "operator", Code.RATE_NOT_A_SHARE, replace(made, kind="AGREEMENT"))
    done(world, "operator", made)
    refused(world, "operator", Code.ALREADY_EXISTS, made)
    done(world, "city", replace(made, party_id="gpu-2", share_bps=2_000))
    done(world, "operator", replace(made, party_id="gpu-2", share_bps=0))
