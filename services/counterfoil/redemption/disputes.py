"""Disputes about reported usage, and what a window that closes without one does.

The hours that are contested become a report of their own; the others go their way. A correction that is still open when
the window closes becomes a dispute raised by who proposed it. A dispute that is not resolved in time lapses, and the
report stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import SECOND
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.hidden import not_yours
from counterfoil.redemption.acceptance import accept, accept_all
from counterfoil.redemption.commands import (
    DisputeUsage,
    DisputeUsageV1,
    Reading,
    ResolveDispute,
    WithdrawDispute,
    minutes,
)
from counterfoil.redemption.events import (
    DisputeRaised,
    UsageDisputed,
    UsageSplit,
)
from counterfoil.redemption.reported import Correction, Report
from counterfoil.redemption.state import RedemptionState
from counterfoil.redemption.usage import correction_of_other, own_report, undecidable


def dispute_usage_v1(state: RedemptionState, body: DisputeUsageV1, actor: Party, at: At) -> Decision:
    """The beneficiary contests a report within its window: rules before version 4."""
    report = own_report(state, body.report_id, actor)
    if isinstance(report, Refusal):
        return report
    resolve_by = at.time + state.rules.resolution_window
    return undecidable(state, body.report_id, at) or [
        UsageDisputed(
            report_id=body.report_id, contract_id=report.contract_id, reason=body.reason, resolve_by=resolve_by
        )
    ]


def dispute_usage(state: RedemptionState, body: DisputeUsage, actor: Party, at: At) -> Decision:
    """The beneficiary contests hours of a report within its window."""
    report = own_report(state, body.report_id, actor)
    if isinstance(report, Refusal):
        return report
    refused = unfit_lists(
        Listed("hours", body.hours, state.rules.max_readings, may_be_empty=True),
        Listed("evidence", body.evidence, state.rules.max_evidence, may_be_empty=True),
    )
    if refused is not None:
        return refused
    hours = {reading.hour for reading in report.readings}
    for hour in body.hours:
        if hour not in hours:
            return refuse(Code.HOUR_NOT_IN_REPORT, hour=hour)
    refused = undecidable(state, body.report_id, at)
    if refused is not None:
        return refused
    contested = [reading for reading in report.readings if not body.hours or reading.hour in body.hours]
    if len(contested) == len(report.readings):
        return [_raised(state, body.report_id, report.contract_id, actor.party_id, body.reason, at, body.evidence)]
    part_id = at.new_id("rep")
    return [
        _split(state, body.report_id, report, part_id, tuple(contested)),
        _raised(state, part_id, report.contract_id, actor.party_id, body.reason, at, body.evidence),
    ]


def withdraw_dispute(state: RedemptionState, body: WithdrawDispute, actor: Party, at: At) -> Decision:
    """Who raised a dispute withdraws it, and the report stands, unless the other side has said that it is wrong."""
    report = state.reports.get(body.report_id)
    if report is None:
        return refuse(Code.UNKNOWN_REPORT, report_id=body.report_id)
    sides = state.contracts[report.contract_id].sides
    if actor.party_id not in sides or report.disputed_by not in (None, actor.party_id):
        return not_yours(state.rules, Code.UNKNOWN_REPORT, report_id=body.report_id)
    refused = _unresolvable(state, body.report_id, at) or correction_of_other(report, body.report_id, actor)
    return refused or accept(state, body.report_id, report.gpu_minutes, "withdrawal", at)


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
    most = report.gpu_minutes
    if state.rules.resolves_up_to_capacity:
        most = len(report.readings) * state.contracts[report.contract_id].hour_capacity
    if body.gpu_minutes > most:
        return refuse(Code.EXCEEDS_CAPACITY, most=most)
    return _unresolvable(state, body.report_id, at) or accept(state, body.report_id, body.gpu_minutes, "resolution", at)


def lapse_disputes(state: RedemptionState, cutoff: int, at: At) -> Sequence[Event]:
    """Accept the reports whose disputes were not resolved in time."""
    return accept_all(state, state.disputes.reached(cutoff, state.rules.max_items_per_sweep), "lapse", at)


def close_windows(state: RedemptionState, cutoff: int, at: At) -> Sequence[Event]:
    """Accept the reports that were not disputed in time; those that a side has said are wrong become disputes."""
    closing = state.windows.reached(cutoff, state.rules.max_items_per_sweep)
    raised: list[Event] = []
    for report_id in closing:
        report = state.reports[report_id]
        if report.corrections:
            by = report.corrections[0].by
            raised.append(_raised(state, report_id, report.contract_id, by, "correction not agreed", at))
    accepted = [report_id for report_id in closing if not state.reports[report_id].corrections]
    return [*raised, *accept_all(state, accepted, "window", at)]


def _unresolvable(state: RedemptionState, report_id: str, at: At) -> Refusal | None:
    """Why there is no dispute to decide; it lapses by ledger time alone, swept or not."""
    if not state.reports[report_id].disputed or at.time >= state.resolve_by(report_id):
        return refuse(Code.REPORT_NOT_DISPUTED, report_id=report_id)
    return None


def _split(
    state: RedemptionState, report_id: str, report: Report, part_id: str, part: tuple[Reading, ...]
) -> UsageSplit:
    """The contested hours as a report of their own."""
    contract = state.contracts[report.contract_id]
    rest = tuple(reading for reading in report.readings if reading not in part)
    return UsageSplit(
        report_id=report_id,
        contract_id=report.contract_id,
        part_id=part_id,
        part=part,
        part_amount=contract.amount(minutes(part)),
        rest=rest,
        rest_amount=contract.amount(minutes(rest)),
        reported_at=report.dispute_until - contract.terms.dispute_window_seconds * SECOND,
        dispute_until=report.dispute_until,
    )


def _raised(
    state: RedemptionState, report_id: str, contract_id: str, by: str, reason: str, at: At,
    evidence: tuple[bytes, ...] = (),
) -> DisputeRaised:  # fmt: skip
    return DisputeRaised(
        report_id=report_id,
        contract_id=contract_id,
        raised_by=by,
        evidence=evidence,
        reason=reason,
        resolve_by=at.time + state.rules.resolution_window,
    )


# evolve -------------------------------------------------------------------------------------------------------------


def usage_split(state: RedemptionState, event: UsageSplit, at: At) -> None:
    """Apply a split: the dispute about the part follows. What was proposed for the whole stands for both."""
    whole = state.reports.edit(event.report_id)
    part = Report(event.contract_id, event.part, event.dispute_until, at.index, at.item)
    part.corrections = _within(whole.corrections, event.part)
    state.reports[event.part_id] = part
    whole.readings, whole.corrections = event.rest, _within(whole.corrections, event.rest)
    state.contracts.edit(event.contract_id).open_reports += 1


def _within(corrections: Iterable[Correction], readings: Sequence[Reading]) -> tuple[Correction, ...]:
    """What corrections say of the hours of these readings; those that change none of them are left out."""
    hours = {reading.hour for reading in readings}
    narrowed = (
        each._replace(readings=tuple(reading for reading in each.readings if reading.hour in hours))
        for each in corrections
    )
    return tuple(each for each in narrowed if each.readings != readings)


def usage_disputed(state: RedemptionState, event: UsageDisputed, at: At) -> None:
    """Apply a dispute of the rules before version 4."""
    _await_resolution(state, event.report_id, state.contracts[event.contract_id].terms.beneficiary_id, event, at)


def dispute_raised(state: RedemptionState, event: DisputeRaised, at: At) -> None:
    """Apply a dispute; it waits for a resolution."""
    _await_resolution(state, event.report_id, event.raised_by, event, at)


def _await_resolution(
    state: RedemptionState, report_id: str, by: str, event: UsageDisputed | DisputeRaised, at: At
) -> None:
    report = state.reports.edit(report_id)
    report.disputed_by, report.resolve_by = by, event.resolve_by
    report.index, report.item = at.index, at.item
    state.decide_later(report_id, report)
    state.windows.ended()
