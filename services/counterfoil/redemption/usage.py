"""Metered usage: what a provider may report, and its acceptance by the beneficiary."""

from __future__ import annotations

from itertools import pairwise

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.hidden import not_yours
from counterfoil.redemption.acceptance import accept
from counterfoil.redemption.commands import (
    AcceptUsage,
    ReportUsage,
    minutes,
)
from counterfoil.redemption.contracts import own_contract
from counterfoil.redemption.events import (
    UsageReported,
)
from counterfoil.redemption.reported import Report
from counterfoil.redemption.state import Contract, RedemptionState


def report_usage(state: RedemptionState, body: ReportUsage, actor: Party, at: At) -> Decision:
    """Meter readings of hours that are over, each hour once."""
    contract = own_contract(state, body.contract_id, actor)
    if isinstance(contract, Refusal):
        return contract
    refused = _unfit_readings(state, contract, body, at)
    if refused is not None:
        return refused
    report_by = state.report_by(body.contract_id)
    if at.time >= report_by:
        return refuse(Code.REPORTING_CLOSED, report_by=report_by)
    gpu_minutes = minutes(body.readings)
    return [
        UsageReported(
            report_id=at.new_id("rep"),
            contract_id=body.contract_id,
            readings=body.readings,
            gpu_minutes=gpu_minutes,
            amount=contract.amount(gpu_minutes),
            dispute_until=at.time + contract.terms.dispute_window_seconds * SECOND,
        )
    ]


def _unfit_readings(state: RedemptionState, contract: Contract, body: ReportUsage, at: At) -> Refusal | None:
    """The first refusal that applies to the readings, or None: all are checked by one rule before the next."""
    terms, hours = contract.terms, [reading.hour for reading in body.readings]
    if not hours:
        return refuse(Code.EMPTY_LIST, field="readings")
    if len(hours) > state.rules.max_readings:
        return refuse(Code.OVER_LIMIT, field="readings", limit=state.rules.max_readings)
    last = max(hours)
    if (last + 1) * HOUR > at.time:
        return refuse(Code.USAGE_NOT_DELIVERED_YET, hour=last)
    end, reclaimed = terms.first_hour + terms.hours, state.notices.hour(body.contract_id)
    for hour in hours:
        if not terms.first_hour <= hour < (end if reclaimed is None else reclaimed):
            return refuse(Code.HOUR_NOT_IN_CONTRACT, hour=hour)
    for hour in hours:
        if contract.reported >> (hour - terms.first_hour) & 1:
            return refuse(Code.HOUR_ALREADY_REPORTED, hour=hour)
    for before, after in pairwise(hours):
        if before >= after:
            return refuse(Code.READINGS_NOT_ORDERED, hour=after)
    for reading in body.readings:
        if reading.gpu_minutes > contract.hour_capacity:
            return refuse(Code.EXCEEDS_CAPACITY, hour=reading.hour, most=contract.hour_capacity)
    return None


def accept_usage(state: RedemptionState, body: AcceptUsage, actor: Party, at: At) -> Decision:
    """The beneficiary accepts a report."""
    report = own_report(state, body.report_id, actor)
    if isinstance(report, Refusal):
        return report
    refused = undecidable(state, body.report_id, at) or correction_of_other(report, body.report_id, actor)
    return refused or accept(state, body.report_id, report.gpu_minutes, "beneficiary", at)


def own_report(state: RedemptionState, report_id: str, actor: Party) -> Report | Refusal:
    """The report, if it is open and on a contract of the actor as beneficiary."""
    report = state.reports.get(report_id)
    if report is None:
        return refuse(Code.UNKNOWN_REPORT, report_id=report_id)
    if state.contracts[report.contract_id].terms.beneficiary_id != actor.party_id:
        return not_yours(state.rules, Code.UNKNOWN_REPORT, report_id=report_id)
    return report


def undecidable(state: RedemptionState, report_id: str, at: At) -> Refusal | None:
    """Why the beneficiary may no longer decide on a report; by ledger time alone, swept or not."""
    if state.reports[report_id].disputed or at.time >= state.dispute_until(report_id):
        return refuse(Code.REPORT_NOT_OPEN, report_id=report_id)
    return None


def correction_of_other(report: Report, report_id: str, actor: Party) -> Refusal | None:
    """Why the actor may not let a report stand: the other side has said that it is wrong."""
    for each in report.corrections:
        if each.by != actor.party_id:
            return refuse(Code.CORRECTION_OPEN, report_id=report_id, correction_id=each.correction_id)
    return None


# evolve -------------------------------------------------------------------------------------------------------------


def usage_reported(state: RedemptionState, event: UsageReported, at: At) -> None:
    """Apply a report; its dispute window runs."""
    contract = state.contracts.edit(event.contract_id)
    for reading in event.readings:
        contract.reported |= 1 << (reading.hour - contract.terms.first_hour)
    contract.open_reports += 1
    report = Report(event.contract_id, event.readings, event.dispute_until, at.index, at.item)
    state.reports[event.report_id] = report
    state.decide_later(event.report_id, report)
