"""Claims after use: nothing is granted before; the approval grants the voucher and makes it due, in one act.

Until it is decided such a claim is an application that names its invoice, so that reviews, windows, waiting lists and
the division of a budget are the same for both.
"""

from __future__ import annotations

from counterfoil.contract.applications import EnvelopePart
from counterfoil.contract.invoices import ClaimBasis, InScope, LineSeen, TierUsed, invoice_key
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.applications import submission
from counterfoil.issuance.applying import Application
from counterfoil.issuance.claimed import Claimed
from counterfoil.issuance.commands import SubmitApplication
from counterfoil.issuance.events import ApplicationDecided
from counterfoil.issuance.invoice_commands import ClaimAfterUse
from counterfoil.issuance.invoice_events import UseClaimed, UseDue, UseGranted
from counterfoil.issuance.invoices import counted, evidence_missing, not_free
from counterfoil.issuance.judging import Judged, first_used
from counterfoil.issuance.state import IssuanceState
from counterfoil.programme.claiming import AT_ONCE
from counterfoil.programme.rules import Rules


def claim_after_use(state: IssuanceState, body: ClaimAfterUse, actor: Party, at: At) -> Decision:
    """A claim, or the correction of one that was returned, that waits for its decision."""
    asked = SubmitApplication(
        programme_id=body.programme_id,
        corrects=body.corrects,
        project_id=body.project_id,
        lines=body.lines,
        contract=body.contract,
        other_support=body.other_support,
        evidence=tuple(dict.fromkeys(each.sha256 for each in body.evidence)),
    )
    submitted = submission(state, asked, actor, at, claims=True)
    if isinstance(submitted, Refusal):
        return submitted
    rules = submitted.rules
    refused = (
        unfit_lists(_papers(state, body))
        or _out_of_time(rules, body, rules.day(at.time))
        or not_free(state, body.invoice, body.lines, actor.party_id, body.corrects)
        or evidence_missing(rules, body.evidence, paid_itself=True)
    )
    return refused or [
        submitted.event,
        UseClaimed(
            application_id=submitted.event.application_id,
            programme_id=body.programme_id,
            beneficiary_id=actor.party_id,
            invoice=body.invoice,
            invoice_key=invoice_key(body.invoice),
            evidence=body.evidence,
        ),
    ]


def _papers(state: IssuanceState, body: ClaimAfterUse) -> Listed:
    papers = [(each.type, each.sha256) for each in body.evidence]
    return Listed("evidence", papers, state.rules.max_application_lines, may_be_empty=True)


def _out_of_time(rules: Rules, body: ClaimAfterUse, day: int) -> Refusal | None:
    """Whether the invoice or its use is of the future, or the use too old, or nothing says when it was.

    What lies outside the reference period is not paid; the time to claim runs from the last day that counts.
    """
    if body.invoice.issued_on > day:
        return refuse(Code.DATE_IN_FUTURE, field="invoice")
    if any(each.ends is not None and each.ends > day for each in body.lines):
        return refuse(Code.DATE_IN_FUTURE, field="lines")
    if body.contract is None and any(each.ends is None for each in body.lines):
        return refuse(Code.PERIOD_NOT_VALID, field="lines")
    whole = day if body.contract is None else body.contract.ends
    last = max(whole if each.ends is None else each.ends for each in body.lines)
    if rules.reference.end is not None:
        last = min(last, rules.reference.end - 1)
    within = rules.document.redemption.claim_within_days
    if last > day:
        return refuse(Code.DATE_IN_FUTURE, field="lines")
    return refuse(Code.CLAIMS_CLOSED) if within is not None and day > last + within else None


def used_meanwhile(state: IssuanceState, application_id: str, application: Application) -> Refusal | None:
    """Whether the invoice of a claim was granted to another claim since, or credited; nothing for an application."""
    claim = state.claims.waiting.get(application_id)
    if claim is None:
        return None
    return not_free(state, claim.invoice, application.content.lines, claim.beneficiary_id, application_id)


def due_at_once(
    state: IssuanceState, rules: Rules, application: Application, judged: Judged, decided: ApplicationDecided, at: At
) -> list[Event]:
    """What follows the voucher of an approved claim: why it is due, and that it is; nothing for an application."""
    claim, voucher_id = state.claims.waiting.get(decided.application_id), decided.voucher_id
    if claim is None or voucher_id is None:
        return []
    granted = UseGranted(
        claim_id=decided.application_id,
        programme_id=decided.programme_id,
        version=decided.version,
        voucher_id=voucher_id,
        beneficiary_id=decided.beneficiary_id,
        invoice=claim.invoice,
        invoice_key=claim.invoice_key,
        evidence=claim.evidence,
        rules_hash=decided.rules_hash,
        basis=_basis(state, rules, application, judged, decided),
        left=tuple(EnvelopePart(envelope=name, amount=amount) for name, amount in judged.case.left.items()),
        eligible=decided.eligible,
        subsidy=decided.subsidy,
        co_payment=decided.co_payment,
        payers=decided.payers,
    )
    due = UseDue(
        claim_id=decided.application_id,
        programme_id=decided.programme_id,
        version=decided.version,
        voucher_id=voucher_id,
        beneficiary_id=decided.beneficiary_id,
        invoice_number=claim.invoice.number,
        amount=decided.subsidy,
        granted_at=at.time,
    )
    return [granted, due]


def _basis(
    state: IssuanceState, rules: Rules, application: Application, judged: Judged, decided: ApplicationDecided
) -> ClaimBasis:
    case, asked = judged.case, application.content
    uncommitted = state.programmes[decided.programme_id].uncommitted
    return ClaimBasis(
        day=case.day,
        subjects=tuple(InScope(scope=scope, subject=subject) for scope, subject in case.subjects.items()),
        applied=case.applied,
        contract=asked.contract,
        lines=asked.lines,
        seen=tuple(LineSeen(line=each.id, listed=each.provider_listed, related=each.related) for each in case.lines),
        facts=decided.facts,
        other_support=asked.other_support,
        caps=decided.caps,
        counted=tuple(counted(state, rules, case.subjects, case.day, AT_ONCE, case.law_day)),
        used=tuple(
            TierUsed(tier=tier, on=on) for tier, on in first_used(state, rules, decided.beneficiary_id).items()
        ),
        most=uncommitted if case.granted is None else min(case.granted, uncommitted),
    )  # fmt: skip


# evolve -------------------------------------------------------------------------------------------------------------


def use_claimed(state: IssuanceState, event: UseClaimed, _at: At) -> None:
    """Apply a claim that waits; by rules 7 its invoice is used."""
    state.claims.wait(event, takes=state.rules.undecided_bars_all)


def use_granted(state: IssuanceState, event: UseGranted, _at: At) -> None:
    """Apply that a claim takes all of its voucher: what the grant counts, counts as claimed from here on."""
    state.claims.decided(event.claim_id)
    basis, granted = event.basis, state.grants.pop(event.voucher_id)
    of = (0, 0) if basis.contract is None else (basis.contract.starts, basis.contract.ends)
    starts = min(of[0] if each.starts is None else each.starts for each in basis.lines)
    ends = max(of[1] if each.ends is None else each.ends for each in basis.lines)
    providers = tuple(dict.fromkeys(each.provider_id for each in basis.lines if each.provider_id is not None))
    claimed = Claimed(
        event.programme_id, event.voucher_id, event.beneficiary_id, event.beneficiary_id, event.invoice_key, basis.day,
        starts, ends, providers, event.subsidy, granted.counts,
    )  # fmt: skip
    state.claims.add(event.claim_id, claimed)
    state.claims.invoiced(event.claim_id, sum(each.amount for each in basis.lines))


def use_due(_state: IssuanceState, _event: UseDue, _at: At) -> None:
    """What follows from it is for the ledger."""
