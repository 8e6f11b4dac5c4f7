"""Redemption: delivery contracts from trades, metered usage, its acceptance or dispute, and provider default.

One redemption model, DEDUCT_AT_PROVIDER: the ledger captures accepted usage (the voucher's share and the co-payment),
and the provider claims the share from the programme (`claims`).

A contract ends exactly once: completed when every hour was reported, every report decided and enough was delivered,
else defaulted, by the provider's word, for want of delivery, or when the reporting deadline has passed. While a report
is open the contract waits for its end; a dispute that nobody resolves lapses, so that this end always comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal

from counterfoil.contract.limits import MAX_ITEMS_PER_SWEEP, MAX_READINGS, RESOLUTION_WINDOW
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.core.decider import COMMON, MIRRORED, At, Decider, Decision, mirror, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.events import ProgrammePublished
from counterfoil.ledger.events import HoldCaptured
from counterfoil.matching.events import TradeMatched
from counterfoil.redemption import claims
from counterfoil.redemption.commands import (
    AcceptUsage,
    ApproveClaim,
    CloseSettlement,
    ConfirmPayment,
    DisputeUsage,
    RejectClaim,
    ReportUsage,
    ResolveDispute,
    SubmitClaim,
    WithdrawDelivery,
)
from counterfoil.redemption.events import (
    CaptureRecorded,
    ClaimApproved,
    ClaimRejected,
    ClaimSubmitted,
    ContractCompleted,
    ContractOpened,
    PaymentConfirmed,
    ProviderDefaulted,
    SettlementClosed,
    UsageAccepted,
    UsageDisputed,
    UsageReported,
)
from counterfoil.redemption.state import Claimable, Contract, Report, State

# the provider ---------------------------------------------------------------------------------------------------------


def _report_usage(state: State, body: ReportUsage, actor: Party, at: At) -> Decision:
    contract = _own_contract(state, body.contract_id, actor)
    if isinstance(contract, Refusal):
        return contract
    refused = _unfit_readings(contract, body, at)
    if refused is not None:
        return refused
    if at.time >= contract.terms.report_by:
        return refuse(Code.REPORTING_CLOSED, report_by=contract.terms.report_by)
    gpu_minutes = sum(reading.gpu_minutes for reading in body.readings)
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


def _unfit_readings(contract: Contract, body: ReportUsage, at: At) -> Refusal | None:
    """What bars the readings, whichever of them: every rule is asked of all before the next rule."""
    terms, hours = contract.terms, [reading.hour for reading in body.readings]
    if not hours:
        return refuse(Code.EMPTY_LIST, field="readings")
    if len(hours) > MAX_READINGS:
        return refuse(Code.OVER_LIMIT, field="readings", limit=MAX_READINGS)
    last = max(hours)
    if (last + 1) * HOUR > at.time:
        return refuse(Code.USAGE_NOT_DELIVERED_YET, hour=last)
    for hour in hours:
        if not terms.first_hour <= hour < terms.first_hour + terms.hours:
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


def _withdraw_delivery(state: State, body: WithdrawDelivery, actor: Party, _at: At) -> Decision:
    contract = _own_contract(state, body.contract_id, actor)
    if isinstance(contract, Refusal):
        return contract
    if contract.open_reports:
        return refuse(Code.USAGE_OPEN, open_reports=contract.open_reports)
    return [_defaulted(contract, "withdrawn")]


def _own_contract(state: State, contract_id: str, actor: Party) -> Contract | Refusal:
    contract = state.open_contract(contract_id)
    if contract is None:
        return refuse(Code.UNKNOWN_CONTRACT, contract_id=contract_id)
    if contract.terms.provider_id != actor.party_id:
        return refuse(Code.NOT_YOURS, contract_id=contract_id)
    return contract


# the beneficiary, and the operator between them -----------------------------------------------------------------------


def _accept_usage(state: State, body: AcceptUsage, actor: Party, at: At) -> Decision:
    report = _own_open_report(state, body.report_id, actor, at)
    if isinstance(report, Refusal):
        return report
    return _accepted(state, body.report_id, report.gpu_minutes, "beneficiary", at)


def _dispute_usage(state: State, body: DisputeUsage, actor: Party, at: At) -> Decision:
    report = _own_open_report(state, body.report_id, actor, at)
    if isinstance(report, Refusal):
        return report
    resolve_by = at.time + RESOLUTION_WINDOW
    contract_id = report.contract_id
    return [UsageDisputed(report_id=body.report_id, contract_id=contract_id, reason=body.reason, resolve_by=resolve_by)]


def _own_open_report(state: State, report_id: str, actor: Party, at: At) -> Report | Refusal:
    """The report if the actor may still decide on it; by ledger time alone, whether or not a sweep came by."""
    report = state.reports.get(report_id)
    if report is None:
        return refuse(Code.UNKNOWN_REPORT, report_id=report_id)
    if state.contracts[report.contract_id].terms.beneficiary_id != actor.party_id:
        return refuse(Code.NOT_YOURS, report_id=report_id)
    if report.disputed or at.time >= report.dispute_until:
        return refuse(Code.REPORT_NOT_OPEN, report_id=report_id)
    return report


def _resolve_dispute(state: State, body: ResolveDispute, _actor: Party, at: At) -> Decision:
    report = state.reports.get(body.report_id)
    if report is None:
        return refuse(Code.UNKNOWN_REPORT, report_id=body.report_id)
    if body.gpu_minutes > report.gpu_minutes:
        return refuse(Code.EXCEEDS_CAPACITY, most=report.gpu_minutes)
    if report.resolve_by is None or at.time >= report.resolve_by:  # lapsed by ledger time alone, swept or not
        return refuse(Code.REPORT_NOT_DISPUTED, report_id=body.report_id)
    return _accepted(state, body.report_id, body.gpu_minutes, "resolution", at)


# ends -----------------------------------------------------------------------------------------------------------------


def _accepted(
    state: State,
    report_id: str,
    gpu_minutes: int,
    by: Literal["beneficiary", "window", "resolution", "lapse"],
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
        if contract.is_delivered(contract.accepted + before[1] + gpu_minutes):
            return [accepted, ContractCompleted(contract_id=contract_id)]
        return [accepted, _defaulted(contract, "not_delivered")]
    if at.time >= contract.terms.report_by:
        return [accepted, _defaulted(contract, "usage_not_reported")]
    return [accepted]


def _defaulted(
    contract: Contract, cause: Literal["usage_not_reported", "withdrawn", "not_delivered"]
) -> ProviderDefaulted:
    return ProviderDefaulted(
        contract_id=contract.terms.contract_id,
        provider_id=contract.terms.provider_id,
        cause=cause,
        missing_hours=contract.missing_hours,
    )


def _close_windows(state: State, cutoff: int, at: At) -> Sequence[Event]:
    """Accept what nobody disputed in time."""
    return _accept_all(state, state.windows.reached(cutoff, MAX_ITEMS_PER_SWEEP), "window", at)


def _lapse_disputes(state: State, cutoff: int, at: At) -> Sequence[Event]:
    """Let the reports stand whose disputes nobody resolved in time."""
    return _accept_all(state, state.disputes.reached(cutoff, MAX_ITEMS_PER_SWEEP), "lapse", at)


def _accept_all(state: State, report_ids: Sequence[str], by: Literal["window", "lapse"], at: At) -> Sequence[Event]:
    events: list[Event] = []
    accepted: dict[str, tuple[int, int]] = {}
    for report_id in report_ids:
        report = state.reports[report_id]
        reports, gpu_minutes = accepted.get(report.contract_id, (0, 0))
        events += _accepted(state, report_id, report.gpu_minutes, by, at, (reports, gpu_minutes))
        accepted[report.contract_id] = (reports + 1, gpu_minutes + report.gpu_minutes)
    return events


def _close_reporting(state: State, cutoff: int, _at: At) -> Sequence[Event]:
    """Default the contracts whose hours were not reported in time."""
    overdue = state.reporting.reached(cutoff, MAX_ITEMS_PER_SWEEP)
    return [_defaulted(state.contracts[contract_id], "usage_not_reported") for contract_id in overdue]


# other services -------------------------------------------------------------------------------------------------------


def _traded(_state: State, event: TradeMatched, _at: At) -> Sequence[Event]:
    delivered = (event.first_hour + event.hours) * HOUR
    return [
        ContractOpened(
            contract_id=event.trade_id,
            beneficiary_id=event.beneficiary_id,
            provider_id=event.provider_id,
            programme_id=event.programme_id,
            currency=event.currency,
            nodes=event.nodes,
            gpus_per_node=event.gpus_per_node,
            first_hour=event.first_hour,
            hours=event.hours,
            price=event.price,
            report_by=delivered + event.report_within_seconds * SECOND,
            dispute_window_seconds=event.dispute_window_seconds,
        )
    ]


def _captured(state: State, event: HoldCaptured, _at: At) -> Sequence[Event]:
    if event.contract_id not in state.contracts:  # another shard's
        return []
    return [
        CaptureRecorded(
            contract_id=event.contract_id,
            report_id=event.report_id,
            subsidy=event.subsidy,
            co_payment=event.co_payment,
        )
    ]


# evolve ---------------------------------------------------------------------------------------------------------------


def _programme_published(state: State, event: ProgrammePublished, _at: At) -> None:
    state.programmes[event.programme_id] = (event.issuer_id, event.currency)


def _contract_opened(state: State, event: ContractOpened, at: At) -> None:
    state.contracts[event.contract_id] = Contract(event, at.index)
    state.reporting.add(event.report_by, at.index, 0, event.contract_id)


def _usage_reported(state: State, event: UsageReported, at: At) -> None:
    contract = state.contracts[event.contract_id]
    for reading in event.readings:
        contract.reported |= 1 << (reading.hour - contract.terms.first_hour)
    contract.open_reports += 1
    state.reports[event.report_id] = Report(event.contract_id, event.gpu_minutes, event.dispute_until)
    state.windows.add(event.dispute_until, at.index, at.item, event.report_id)


def _usage_disputed(state: State, event: UsageDisputed, at: At) -> None:
    state.reports[event.report_id].resolve_by = event.resolve_by
    state.disputes.add(event.resolve_by, at.index, at.item, event.report_id)
    state.windows.ended()


def _usage_accepted(state: State, event: UsageAccepted, _at: At) -> None:
    disputed = state.reports.pop(event.report_id).disputed
    (state.disputes if disputed else state.windows).ended()
    contract = state.contracts[event.contract_id]
    contract.open_reports -= 1
    contract.accepted += event.gpu_minutes
    contract.uncaptured += 1
    # While a report was open the deadline may have been passed over.
    state.reporting.add(contract.terms.report_by, contract.index, 0, event.contract_id)


def _contract_ended(state: State, event: ContractCompleted | ProviderDefaulted, _at: At) -> None:
    state.contracts[event.contract_id].ended = True
    state.reporting.ended()
    _forget_if_over(state, event.contract_id)


def _capture_recorded(state: State, event: CaptureRecorded, _at: At) -> None:
    contract = state.contracts[event.contract_id]
    contract.uncaptured -= 1
    if event.subsidy:
        fresh = Claimable(contract.terms.programme_id, contract.terms.provider_id)
        state.claimable.setdefault(event.contract_id, fresh).amount += event.subsidy
    _forget_if_over(state, event.contract_id)


def _forget_if_over(state: State, contract_id: str) -> None:
    contract = state.contracts[contract_id]
    if contract.ended and contract.uncaptured == 0:
        del state.contracts[contract_id]


DECIDER: Final = Decider(
    service="redemption",
    initial=State,
    commands={
        ReportUsage: _report_usage,
        AcceptUsage: _accept_usage,
        DisputeUsage: _dispute_usage,
        ResolveDispute: _resolve_dispute,
        WithdrawDelivery: _withdraw_delivery,
        SubmitClaim: claims.submit_claim,
        ApproveClaim: claims.approve_claim,
        RejectClaim: claims.reject_claim,
        CloseSettlement: claims.close_settlement,
        ConfirmPayment: claims.confirm_payment,
    },
    reactions={
        "issuance": {
            **MIRRORED,
            ProgrammePublished: mirror,
        },
        "matching": {
            TradeMatched: _traded,
        },
        "ledger": {
            HoldCaptured: _captured,
        },
    },
    ready={},
    timers={"dispute_window": _close_windows, "resolution_window": _lapse_disputes, "reporting": _close_reporting},
    due=State.next_due,
    evolve={
        **COMMON,
        ProgrammePublished: _programme_published,
        ContractOpened: _contract_opened,
        UsageReported: _usage_reported,
        UsageDisputed: _usage_disputed,
        UsageAccepted: _usage_accepted,
        ContractCompleted: _contract_ended,
        ProviderDefaulted: _contract_ended,
        CaptureRecorded: _capture_recorded,
        ClaimSubmitted: claims.claim_submitted,
        ClaimApproved: claims.claim_approved,
        ClaimRejected: claims.claim_rejected,
        SettlementClosed: claims.settlement_closed,
        PaymentConfirmed: claims.payment_confirmed,
    },
    records=State.records,
)
