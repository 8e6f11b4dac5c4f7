"""Parts of a voucher that are released later: until then they encumber it, and they end with it.

The document under which a voucher was granted says the parts and what each waits for; the issuer releases them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import format_day
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.standing import not_taking_part
from counterfoil.issuance.events import VoucherGranted, VoucherIssued
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import ENDS, REDEEMED, TRANCHES, owner
from counterfoil.ledger.encumbrances import Tranche
from counterfoil.ledger.endings import bury
from counterfoil.ledger.events import Draw
from counterfoil.ledger.state import LedgerState
from counterfoil.ledger.tranche_commands import AttestMilestone, ReleaseTranche
from counterfoil.ledger.tranche_events import (
    MilestoneAttested,
    TrancheLapsed,
    TrancheReleased,
    TrancheWithheld,
)
from counterfoil.programme.models import MODELS
from counterfoil.programme.rules import Rules
from counterfoil.programme.terms import least_spent
from counterfoil.programme.tranches import parts_of, to_be_used


def withhold(
    state: LedgerState, posting: Posting, event: VoucherIssued | VoucherGranted, at: At
) -> Iterator[TrancheWithheld]:
    """The parts of a new voucher that are not released with its issue."""
    rules = state.terms(event.programme_id, event.version)
    if not state.rules.releases_tranches or not isinstance(rules, Rules):
        return
    if not MODELS[rules.document.redemption.model].applies:  # it pays all of itself in the act that makes it
        return
    before, issued = 0, rules.day(event.not_before)
    for number, (part, amount) in enumerate(parts_of(rules, event.face), 1):
        if amount and part.release_on != "ISSUE":
            posting.leg("hold", event.voucher_id, owner(event.beneficiary_id), TRANCHES, amount)
            yield TrancheWithheld(
                tranche_id=at.new_id("trc", number),
                voucher_id=event.voucher_id,
                programme_id=event.programme_id,
                holder_id=event.beneficiary_id,
                number=number,
                amount=amount,
                release_on=part.release_on,
                due_on=issued + (part.after_days or 0) if part.release_on == "DATE" else None,
                attester_id=part.attested_by,
                former=before or None if part.release_on == "FORMER_USED" else None,
                used=to_be_used(part, before) or None,
                legs=posting.take(),
            )
        before += amount


def attest_milestone(state: LedgerState, body: AttestMilestone, actor: Party, _at: At) -> Decision:
    """The word of whom the document names, or of an operator; neither is related to the holder."""
    found = state.encumbrances.tranches.get(body.tranche_id)
    may = found is not None and (found.attester_id == actor.party_id or "operator" in actor.roles)
    if found is None or found.attester_id is None or not may:
        return _no_tranche(body.tranche_id)
    if found.attested:
        return refuse(Code.ALREADY_EXISTS, tranche_id=body.tranche_id)
    together = not_separate(state, Held(Duty.ATTESTER, actor.party_id), Held(Duty.ATTESTED, found.holder_id))
    return together or [
        MilestoneAttested(
            tranche_id=body.tranche_id,
            voucher_id=found.voucher_id,
            programme_id=state.vouchers.open[found.voucher_id].programme_id,
            holder_id=found.holder_id,
            attested_by=actor.party_id,
            report=body.report,
            reason=body.reason,
        )
    ]


def release_tranche(state: LedgerState, body: ReleaseTranche, actor: Party, at: At) -> Decision:
    """Give a part to its holder to spend, if what it waits for has come."""
    found = state.encumbrances.tranches.get(body.tranche_id)
    voucher = None if found is None else state.vouchers.open[found.voucher_id]
    if found is None or voucher is None or state.issuer(voucher.programme_id) != actor.party_id:
        return _no_tranche(body.tranche_id)
    if (code := state.bar(voucher, at.time)) is not None:
        return refuse(code, voucher_id=voucher.voucher_id)
    if (refused := _not_due(state, found, body, at) or _at_will(found, actor)) is not None:
        return refused
    posting = Posting(state.accounts)
    posting.leg("release", voucher.voucher_id, owner(found.holder_id), TRANCHES, found.amount)
    return [
        TrancheReleased(
            tranche_id=body.tranche_id,
            voucher_id=voucher.voucher_id,
            programme_id=voucher.programme_id,
            holder_id=found.holder_id,
            amount=found.amount,
            released_by=actor.party_id,
            report=body.report,
            reason=body.reason,
            legs=posting.take(),
        )
    ]


def _not_due(state: LedgerState, found: Tranche, body: ReleaseTranche, at: At) -> Refusal | None:
    """What a part still waits for."""
    rules = cast("Rules", state.rules_of(state.vouchers.open[found.voucher_id]))
    if found.due_on is not None and rules.day(at.time) < found.due_on:
        return refuse(Code.TRANCHE_NOT_DUE, why="day", due_on=format_day(found.due_on))
    if found.attester_id is not None and not found.attested:
        return refuse(Code.TRANCHE_NOT_DUE, why="milestone", attester_id=found.attester_id)
    used = state.accounts.find(REDEEMED, found.voucher_id).posted
    needed = _to_use(state, found)
    if used < needed and needed - used >= least_spent(rules):
        return refuse(Code.TRANCHE_NOT_DUE, why="former_part", used=used, needed=needed)
    if found.release_on == "PROGRESS_REPORT" and found.attester_id is None and body.report is None:
        return refuse(Code.EVIDENCE_MISSING, type="PROGRESS_REPORT")
    return None


def _at_will(found: Tranche, issuer: Party) -> Refusal | None:
    """Whether an issuer that is stopped would decide by itself: it releases what its holder has earned, and no more."""
    earned = found.release_on in ("DATE", "FORMER_USED") or found.attested
    return None if earned else not_taking_part(issuer)


def _to_use(state: LedgerState, found: Tranche) -> int:
    """How much of the former parts is to be used: not what has ended unspent of them, or goes on as another voucher."""
    if found.used is None or found.former is None:
        return 0
    ended = sum(state.accounts.find(each, found.voucher_id).posted for each in ENDS if each != REDEEMED)
    return min(found.used, max(found.former - ended, 0))


def _no_tranche(tranche_id: str) -> Refusal:
    return refuse(Code.UNKNOWN_TRANCHE, tranche_id=tranche_id)


def lapse(state: LedgerState, posting: Posting, tranche_id: str, found: Tranche, at: At) -> Sequence[Event]:
    """End a part together with its voucher."""
    posting.leg("release", found.voucher_id, owner(found.holder_id), TRANCHES, found.amount)
    lapsed = TrancheLapsed(
        tranche_id=tranche_id,
        voucher_id=found.voucher_id,
        programme_id=state.vouchers.open[found.voucher_id].programme_id,
        holder_id=found.holder_id,
        legs=posting.take(),
    )
    draw = Draw(voucher_id=found.voucher_id, amount=found.amount)
    return [lapsed, *bury(state, posting, found.holder_id, [draw], at)]


# evolve -------------------------------------------------------------------------------------------------------------


def tranche_withheld(state: LedgerState, event: TrancheWithheld, _at: At) -> None:
    """Apply that a part waits."""
    state.book(event.legs)
    part = Tranche(
        event.voucher_id, event.holder_id, event.amount, event.release_on, event.due_on, event.attester_id,
        event.former, event.used, attested=False,
    )  # fmt: skip
    state.encumber(event.tranche_id, part)


def milestone_attested(state: LedgerState, event: MilestoneAttested, _at: At) -> None:
    """Apply the word of the attester."""
    found = state.encumbrances.tranches[event.tranche_id]
    state.encumbrances.tranches[event.tranche_id] = found._replace(attested=True)


def tranche_over(state: LedgerState, event: TrancheReleased | TrancheLapsed, _at: At) -> None:
    """Apply that a part waits no more."""
    state.book(event.legs)
    state.disencumber(event.tranche_id)
