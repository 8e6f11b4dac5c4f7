"""The part of the golden story about applications to programmes as documents."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.contract.applications import ApplicationLine
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.issuance.commands import (
    AppropriateBudget,
    AttestFact,
    DecideApplication,
    ReturnApplication,
    ReviewApplication,
    SubmitApplication,
    WithdrawApplication,
)
from tests.documents import document, publishing
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN


def tell(world: GoldenWorld) -> None:
    """Applications that are corrected, reviewed, approved, rejected, waitlisted and withdrawn."""
    eligibility = [{"id": "here", "when": {"fact": "registered_in", "in": ["CN"]}}]
    value = document(
        id="p8", eligibility=eligibility, providers={"mode": "OPEN"}, budget__exhaustion={"mode": "QUEUE"},
        review={"steps": [{"authority": "issuer"}, {"authority": "operator", "up_to": "1"}]},
    )  # fmt: skip
    done(world, "city", *publishing(value))
    closed = {"windows": {"kind": "FIXED", "opens": "2001-01-01", "closes": "2001-01-02"}}
    done(world, "city", *publishing(document(id="p10", applications=closed)))
    done(world, "city", AppropriateBudget(programme_id="p8", amount=60 * YUAN, document="B-8"))
    line = ApplicationLine(
        id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=100 * YUAN, tax=0, quantity=0, unit=None,
        class_id="a100", region="east", provider_id=None, starts=None, ends=None,
    )  # fmt: skip
    apply = SubmitApplication(
        programme_id="p8", corrects=None, project_id=None, lines=(line,), contract=None, other_support=(), evidence=()
    )
    refused(world, "lab-1", Code.NOT_BY_APPLICATION, replace(apply, programme_id="p1"))
    refused(world, "lab-1", Code.APPLICATIONS_CLOSED, replace(apply, programme_id="p10"))
    first, second, third = (done(world, "lab-1", apply).application_id for _ in range(3))
    _facts(world)
    sign = ReviewApplication(application_id=first, step=0, passes=True, reason="Seen")
    decide = DecideApplication(application_id=first, decision="approved", caps=(), reason="Complete")
    back = ReturnApplication(application_id=first, reason="No contract")
    done(world, "city", back)
    refused(world, "city", Code.APPLICATION_NOT_OPEN, back)
    done(world, "lab-1", replace(apply, corrects=first))
    refused(world, "town", Code.UNKNOWN_APPLICATION, sign)
    refused(world, "operator", Code.NOT_A_REVIEWER, sign)
    refused(world, "city", Code.REVIEW_INCOMPLETE, decide)
    done(world, "city", sign)
    refused(world, "city", Code.REVIEW_NOT_DUE, sign)
    done(world, "city", replace(sign, application_id=second))
    refused(world, "city", Code.EARLIER_APPLICATION_WAITS, replace(decide, application_id=second))
    done(world, "city", decide)
    refused(world, "city", Code.UNKNOWN_APPLICATION, decide)
    refused(world, "city", Code.NOT_GRANTED, replace(decide, application_id=second))
    done(world, "city", replace(decide, application_id=second, decision="waitlisted"))
    done(world, "city", replace(decide, application_id=second, decision="rejected"))
    done(world, "lab-1", WithdrawApplication(application_id=third, reason="No need"))


def _facts(world: GoldenWorld) -> None:
    today = world.clock // DAY
    fact = AttestFact(
        party_id="lab-1", application_id=None, line=None, name="registered_in", values=("CN",), on=today,
        source="Register",
    )  # fmt: skip
    refused(world, "operator", Code.FACT_NOT_VALID, replace(fact, name="awards"))
    done(world, "operator", fact)
    refused(world, "operator", Code.FACT_NOT_NEWER, fact)
