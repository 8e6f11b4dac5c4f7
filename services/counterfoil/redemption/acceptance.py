"""The acceptance of a report, and the end of its contract if that was what the contract waited for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.redemption.contracts import defaulted
from counterfoil.redemption.events import (
    ContractCompleted,
    UsageAccepted,
)
from counterfoil.redemption.state import RedemptionState


def accept(
    state: RedemptionState,
    report_id: str,
    gpu_minutes: int,
    by: Literal["beneficiary", "window", "agreement", "resolution", "withdrawal", "lapse"],
    at: At,
    before: tuple[int, int] = (0, 0),
) -> list[Event]:
    """The acceptance, and the end of the contract if that was what it waited for.

    `before`: how many reports of the same contract, with how many GPU-minutes, this same decision accepted already.
    """
    contract_id = state.reports[report_id].contract_id
    contract = state.contracts[contract_id]
    accepted = UsageAccepted(
        report_id=report_id,
        contract_id=contract_id,
        gpu_minutes=gpu_minutes,
        amount=contract.amount(gpu_minutes),
        by=by,
    )
    if contract.open_reports > before[0] + 1:
        return [accepted]
    if contract.missing_hours == 0:
        if contract.is_delivered(contract.accepted + before[1] + gpu_minutes, state.rules.min_delivered_bps):
            return [accepted, ContractCompleted(contract_id=contract_id)]
        return [accepted, defaulted(contract, "not_delivered")]
    if at.time >= state.report_by(contract_id):
        return [accepted, defaulted(contract, "usage_not_reported")]
    return [accepted]


def accept_all(
    state: RedemptionState, report_ids: Sequence[str], by: Literal["window", "lapse"], at: At
) -> Sequence[Event]:
    """Accept several reports in one decision."""
    events: list[Event] = []
    accepted: dict[str, tuple[int, int]] = {}
    for report_id in report_ids:
        report = state.reports[report_id]
        reports, gpu_minutes = accepted.get(report.contract_id, (0, 0))
        events += accept(state, report_id, report.gpu_minutes, by, at, (reports, gpu_minutes))
        accepted[report.contract_id] = (reports + 1, gpu_minutes + report.gpu_minutes)
    return events


# evolve -------------------------------------------------------------------------------------------------------------


def usage_accepted(state: RedemptionState, event: UsageAccepted, _at: At) -> None:
    """Apply an acceptance."""
    disputed = state.reports.pop(event.report_id).disputed
    (state.disputes if disputed else state.windows).ended()
    contract = state.contracts.edit(event.contract_id)
    contract.open_reports -= 1
    contract.accepted += event.gpu_minutes
    contract.invoiced += event.amount
    contract.uncaptured += 1
    state.default_later(contract)  # the deadline may have passed while a report was open
