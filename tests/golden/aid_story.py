"""The part of the golden story about a ceiling of law: grants and aid from elsewhere count, and some count no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.issuance.aid_commands import AttestAid, RegisterRegime, WithdrawAid
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher
from tests.documents import document, publishing, revoking
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

REGIME: Final = {"regime": "DE_MINIMIS", "ceiling": "300", "months": 36, "excess": "REFUSE"}


def _law(world: GoldenWorld) -> None:
    """The ceiling is registered, as the document has it; another one is not."""
    law = RegisterRegime(
        regime="DE_MINIMIS", currency="CNY", ceiling=300 * YUAN, months=36, unit="GROUP", counts_on="GRANTED",
        in_force_on=world.clock // DAY, source="a law",
    )  # fmt: skip
    refused(world, "operator", Code.REGIME_DIFFERS, replace(law, currency="EUR"))
    done(world, "operator", law)
    *pieces, other = publishing(document(id="p-aid-3", benefit__regimes=[{**REGIME, "ceiling": "301"}]))
    done(world, "city", *pieces)
    refused(world, "city", Code.REGIME_DIFFERS, other)


def tell(world: GoldenWorld) -> None:
    """One programme names the ceiling; another that counts it otherwise is refused."""
    given = AttestAid(
        party_id="lab-1", regime="DE_MINIMIS", amount=100 * YUAN, currency="CNY", granted_on=world.clock // DAY,
        grantor="Land", reference="L 1", source="declaration",
    )  # fmt: skip
    refused(world, "operator", Code.UNKNOWN_REGIME, given)
    done(world, "city", *publishing(document(id="p-aid", benefit__regimes=[REGIME])))
    done(world, "city", AppropriateBudget(programme_id="p-aid", amount=900 * YUAN, document="p-aid"))
    *pieces, other = publishing(document(id="p-aid-2", benefit__regimes=[{**REGIME, "months": 12}]))
    done(world, "city", *pieces)
    refused(world, "city", Code.REGIME_DIFFERS, other)
    aid = done(world, "operator", given)
    if world.state("issuance").rules.max_laws:
        _law(world)
    issue = IssueVoucher(programme_id="p-aid", beneficiary_id="lab-1", amount=200 * YUAN)
    refused(world, "city", Code.CAP_EXCEEDED, replace(issue, amount=issue.amount + 1))
    refused(world, "city", Code.UNKNOWN_AID, WithdrawAid(aid_id=aid.aid_id, reason="not so"))
    entry = world.submit("city", issue)
    assert entry is not None
    voucher, counted = entry.events
    assert counted.counted_before == 100 * YUAN  # type: ignore[attr-defined]
    if world.state("issuance").rules.counts_grants_once:
        covered = done(world, "city", replace(given, amount=90 * YUAN, reference="l-1"))
        assert covered.covered == 90 * YUAN
    done(world, "operator", WithdrawAid(aid_id=aid.aid_id, reason="it was a loan"))
    if world.state("issuance").rules.regimes_stay:
        *pieces, other = publishing(document(id="p-aid", version=2, benefit__regimes=[{**REGIME, "months": 12}]))
        done(world, "city", *pieces)
        refused(world, "city", Code.REGIME_DIFFERS, other)
    done(world, "city", revoking(voucher.voucher_id))  # type: ignore[attr-defined]
