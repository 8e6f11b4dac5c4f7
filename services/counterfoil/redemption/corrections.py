"""Corrections of an open report by the consent of both sides, up to what its hours can hold.

A correction that one side proposes changes nothing, but keeps the other from letting the report stand; when the other
agrees, the report is accepted as corrected. Each side has at most one correction of a report open.
"""

from __future__ import annotations

from itertools import pairwise

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.hidden import not_yours
from counterfoil.redemption.acceptance import accept
from counterfoil.redemption.commands import AgreeCorrection, ProposeCorrection, minutes
from counterfoil.redemption.events import CorrectionProposed, UsageCorrected
from counterfoil.redemption.reported import Correction, Report
from counterfoil.redemption.state import RedemptionState


def propose_correction(state: RedemptionState, body: ProposeCorrection, actor: Party, at: At) -> Decision:
    """What some hours of an open report should have said."""
    report = _report_of_side(state, body.report_id, actor)
    if isinstance(report, Refusal):
        return report
    refused = _unfit_readings(state, report, body) or _closed(state, body.report_id, at)
    if refused is not None:
        return refused
    corrected = {reading.hour: reading for reading in body.readings}
    readings = tuple(corrected.get(reading.hour, reading) for reading in report.readings)
    return [
        CorrectionProposed(
            correction_id=at.new_id("cor"),
            report_id=body.report_id,
            contract_id=report.contract_id,
            by=actor.party_id,
            readings=readings,
            gpu_minutes=minutes(readings),
            amount=state.contracts[report.contract_id].amount(minutes(readings)),
            reason=body.reason,
        )
    ]


def agree_correction(state: RedemptionState, body: AgreeCorrection, actor: Party, at: At) -> Decision:
    """The other side agrees: the report is accepted as corrected."""
    report = _report_of_side(state, body.report_id, actor)
    if isinstance(report, Refusal):
        return report
    others = {each.correction_id: each for each in report.corrections if each.by != actor.party_id}
    if body.correction_id not in others:
        return refuse(Code.UNKNOWN_PROPOSAL, correction_id=body.correction_id)
    refused = _closed(state, body.report_id, at)
    if refused is not None:
        return refused
    readings = others[body.correction_id].readings
    corrected = UsageCorrected(
        correction_id=body.correction_id,
        report_id=body.report_id,
        contract_id=report.contract_id,
        readings=readings,
        gpu_minutes=minutes(readings),
        gpu_minutes_before=report.gpu_minutes,
        amount=state.contracts[report.contract_id].amount(minutes(readings)),
    )
    return [corrected, *accept(state, body.report_id, minutes(readings), "agreement", at)]


def _report_of_side(state: RedemptionState, report_id: str, actor: Party) -> Report | Refusal:
    """The report, if it is open and on a contract of the actor."""
    report = state.reports.get(report_id)
    if report is None:
        return refuse(Code.UNKNOWN_REPORT, report_id=report_id)
    if actor.party_id not in state.contracts[report.contract_id].sides:
        return not_yours(state.rules, Code.UNKNOWN_REPORT, report_id=report_id)
    return report


def _unfit_readings(state: RedemptionState, report: Report, body: ProposeCorrection) -> Refusal | None:
    """The first refusal that applies to the readings, or None: all are checked by one rule before the next."""
    if not body.readings:
        return refuse(Code.EMPTY_LIST, field="readings")
    if len(body.readings) > state.rules.max_readings:
        return refuse(Code.OVER_LIMIT, field="readings", limit=state.rules.max_readings)
    for before, after in pairwise(body.readings):
        if before.hour >= after.hour:
            return refuse(Code.READINGS_NOT_ORDERED, hour=after.hour)
    most = state.contracts[report.contract_id].hour_capacity
    for reading in body.readings:
        if reading.gpu_minutes > most:
            return refuse(Code.EXCEEDS_CAPACITY, hour=reading.hour, most=most)
    hours = {reading.hour for reading in report.readings}
    for reading in body.readings:
        if reading.hour not in hours:
            return refuse(Code.HOUR_NOT_IN_REPORT, hour=reading.hour)
    return None


def _closed(state: RedemptionState, report_id: str, at: At) -> Refusal | None:
    """Why the report can no longer be corrected: its window, or that of its dispute, is over, swept or not."""
    disputed = state.reports[report_id].disputed
    until = state.resolve_by(report_id) if disputed else state.dispute_until(report_id)
    return refuse(Code.REPORT_NOT_OPEN, report_id=report_id) if at.time >= until else None


# evolve -------------------------------------------------------------------------------------------------------------


def correction_proposed(state: RedemptionState, event: CorrectionProposed, _at: At) -> None:
    """Apply a proposal, in the place of that side's last."""
    report = state.reports.edit(event.report_id)
    others = tuple(each for each in report.corrections if each.by != event.by)
    report.corrections = (*others, Correction(event.correction_id, event.by, event.readings))


def usage_corrected(state: RedemptionState, event: UsageCorrected, _at: At) -> None:
    """Apply a correction; the acceptance follows."""
    state.reports.edit(event.report_id).readings = event.readings
