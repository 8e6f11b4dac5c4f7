"""Disputes about reported usage. One that is not resolved in time lapses, and the report stands."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import At, Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.redemption.acceptance import accept, accept_all
from counterfoil.redemption.commands import (
    DisputeUsage,
    ResolveDispute,
)
from counterfoil.redemption.events import (
    UsageDisputed,
)
from counterfoil.redemption.state import RedemptionState
from counterfoil.redemption.usage import own_open_report


def dispute_usage(state: RedemptionState, body: DisputeUsage, actor: Party, at: At) -> Decision:
    """The beneficiary contests a report within its window."""
    report = own_open_report(state, body.report_id, actor, at)
    if isinstance(report, Refusal):
        return report
    resolve_by = at.time + state.rules.resolution_window
    contract_id = report.contract_id
    return [UsageDisputed(report_id=body.report_id, contract_id=contract_id, reason=body.reason, resolve_by=resolve_by)]


def resolve_dispute(state: RedemptionState, body: ResolveDispute, actor: Party, at: At) -> Decision:
    """The operator decides a disputed report between two parties that are not related to it."""
    report = state.reports.get(body.report_id)
    if report is None:
        return refuse(Code.UNKNOWN_REPORT, report_id=body.report_id)
    terms = state.contracts[report.contract_id].terms
    sides = (Held(Duty.DISPUTANT, terms.provider_id), Held(Duty.DISPUTANT, terms.beneficiary_id))
    together = not_separate(state, Held(Duty.RESOLVER, actor.party_id), *sides)
    if together is not None:
        return together
    if body.gpu_minutes > report.gpu_minutes:
        return refuse(Code.EXCEEDS_CAPACITY, most=report.gpu_minutes)
    if not report.disputed or at.time >= state.resolve_by(body.report_id):  # lapsed by ledger time alone, swept or not
        return refuse(Code.REPORT_NOT_DISPUTED, report_id=body.report_id)
    return accept(state, body.report_id, body.gpu_minutes, "resolution", at)


def lapse_disputes(state: RedemptionState, cutoff: int, at: At) -> Sequence[Event]:
    """Accept the reports whose disputes were not resolved in time."""
    return accept_all(state, state.disputes.reached(cutoff, state.rules.max_items_per_sweep), "lapse", at)


# evolve -------------------------------------------------------------------------------------------------------------


def usage_disputed(state: RedemptionState, event: UsageDisputed, at: At) -> None:
    """Apply a dispute; it waits for a resolution."""
    report = state.reports.edit(event.report_id)
    report.resolve_by, report.index, report.item = event.resolve_by, at.index, at.item
    state.decide_later(event.report_id, report)
    state.windows.ended()
