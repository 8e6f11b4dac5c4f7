"""The life of a delivery contract, from a trade to its one end.

A contract ends exactly once: cancelled by both sides before its delivery (`cancellations`), or withdrawn from by its
provider with notice; or completed when every hour was reported, every report decided and enough was delivered; else
defaulted: the provider withdrew, delivered too
little, or missed the reporting deadline. While a report is open the contract waits for its end; an unresolved dispute
lapses, so that this end always comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from counterfoil.contract.events import WriterResumed
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.hidden import not_yours
from counterfoil.core.units import METERED
from counterfoil.ledger.events import HoldCaptured
from counterfoil.matching.auction_events import Trade
from counterfoil.programme.terms import in_kind, report_by
from counterfoil.redemption.captured import Captured
from counterfoil.redemption.commands import (
    WithdrawDelivery,
)
from counterfoil.redemption.events import (
    CaptureRecorded,
    ContractCancelled,
    ContractCompleted,
    ContractOpened,
    ProviderDefaulted,
)
from counterfoil.redemption.notice_events import ContractWithdrawn
from counterfoil.redemption.state import Contract, EndedContract, RedemptionState


def open_contract(state: RedemptionState, event: Trade, _at: At) -> Sequence[Event]:
    """A trade becomes a delivery contract."""
    terms = state.terms(event.programme_id, event.version)
    return [
        ContractOpened(
            contract_id=event.trade_id,
            beneficiary_id=event.beneficiary_id,
            provider_id=event.provider_id,
            programme_id=event.programme_id,
            version=event.version,
            currency=event.currency,
            nodes=event.nodes,
            gpus_per_node=event.gpus_per_node,
            first_hour=event.first_hour,
            hours=event.hours,
            price=event.price,
            report_by=report_by(terms, (event.first_hour + event.hours) * HOUR),
            dispute_window_seconds=terms.dispute_window_seconds,
        )
    ]


def terms_known(state: RedemptionState, event: Trade) -> bool:
    """Whether the programme version of the trade has arrived from issuance."""
    return state.has_version(event.programme_id, event.version)


def withdraw_delivery(state: RedemptionState, body: WithdrawDelivery, actor: Party, at: At) -> Decision:
    """The provider gives up the rest of a contract: a default, unless it says so long enough before the delivery."""
    contract = own_contract(state, body.contract_id, actor)
    if isinstance(contract, Refusal):
        return contract
    carried = state.notices.table.get(body.contract_id)
    if carried is not None:
        return refuse(Code.NOTICE_NEEDED) if carried.hour is None else refuse(Code.RECLAIM_PENDING, hour=carried.hour)
    if contract.open_reports:
        return refuse(Code.USAGE_OPEN, open_reports=contract.open_reports)
    notice = (contract.terms.first_hour * HOUR - at.time) // HOUR
    forfeits = next((bps for hours, bps in state.rules.notice_table if notice >= hours), None)
    if forfeits is None or contract.terms.currency in METERED:
        return [defaulted(contract, "withdrawn")]
    beneficiary_id, provider_id = contract.sides
    return [
        ContractWithdrawn(
            contract_id=body.contract_id,
            beneficiary_id=beneficiary_id,
            provider_id=provider_id,
            notice_hours=notice,
            forfeits_bps=forfeits,
        )
    ]


def own_contract(state: RedemptionState, contract_id: str, actor: Party) -> Contract | Refusal:
    """The contract, if it is open and the actor's."""
    contract = state.open_contract(contract_id)
    if contract is None:
        return refuse(Code.UNKNOWN_CONTRACT, contract_id=contract_id)
    if contract.terms.provider_id != actor.party_id:
        return not_yours(state.rules, Code.UNKNOWN_CONTRACT, contract_id=contract_id)
    return contract


def defaulted(
    contract: Contract, cause: Literal["usage_not_reported", "withdrawn", "not_delivered"]
) -> ProviderDefaulted:
    """The default of a contract."""
    return ProviderDefaulted(
        contract_id=contract.terms.contract_id,
        provider_id=contract.terms.provider_id,
        cause=cause,
        missing_hours=contract.missing_hours,
    )


def completed_or_defaulted(state: RedemptionState, contract: Contract) -> ContractCompleted | ProviderDefaulted:
    """The end of a contract of which every hour was reported, and every report accepted."""
    if contract.is_delivered(contract.accepted, state.rules.min_delivered_bps):
        return ContractCompleted(contract_id=contract.terms.contract_id)
    return defaulted(contract, "not_delivered")


def close_reporting(state: RedemptionState, cutoff: int, _at: At) -> Sequence[Event]:
    """Default the contracts whose hours were not reported in time."""
    overdue = state.overdue(cutoff, state.rules.max_items_per_sweep)
    return [defaulted(state.contracts[contract_id], "usage_not_reported") for contract_id in overdue]


def record_capture(state: RedemptionState, event: HoldCaptured, _at: At) -> Sequence[Event]:
    """Record what the ledger captured for a contract of this log."""
    if event.contract_id not in state.contracts:
        return []
    return [
        CaptureRecorded(
            contract_id=event.contract_id,
            report_id=event.report_id,
            subsidy=event.subsidy,
            co_payment=event.co_payment,
        )
    ]


# evolve -------------------------------------------------------------------------------------------------------------


def contract_opened(state: RedemptionState, event: ContractOpened, at: At) -> None:
    """Apply a new contract."""
    state.contracts[event.contract_id] = contract = Contract(event, at.index)
    state.default_later(contract)


def writer_resumed(state: RedemptionState, event: WriterResumed, at: At) -> None:
    """Apply an outage: the deadlines that it fell into wait as long as it lasted."""
    state.outages.add(event.away_since, at.time, event.earliest)
    state.postpone()


def contract_ended(
    state: RedemptionState,
    event: ContractCompleted | ContractCancelled | ContractWithdrawn | ProviderDefaulted,
    at: At,
) -> None:
    """Apply the end of a contract."""
    contract_over(state, event.contract_id, at)


def contract_over(state: RedemptionState, contract_id: str, at: At) -> None:
    """The contract has ended."""
    state.contracts.edit(contract_id).ended_at = at.time
    state.reporting.ended()
    state.notices.contract_ended()
    _close_if_over(state, contract_id)


def capture_recorded(state: RedemptionState, event: CaptureRecorded, at: At) -> None:
    """Apply a capture: its subsidy may be claimed, unless it is in kind."""
    contract = state.contracts.edit(event.contract_id)
    if event.subsidy or event.co_payment:
        state.captures[event.report_id] = Captured(event.contract_id, event.subsidy, event.co_payment)
    contract.uncaptured -= 1
    contract.subsidised += event.subsidy
    contract.captured += event.subsidy + event.co_payment
    if event.subsidy:
        state.keep_reversible(event.contract_id, event.subsidy)
        if not in_kind(state.terms(contract.terms.programme_id, contract.terms.version)):
            state.earn(event.contract_id, contract.terms.programme_id, contract.terms.provider_id, event.subsidy)
            state.last_days.more(contract.terms.programme_id, at.time)
    _close_if_over(state, event.contract_id)


def _close_if_over(state: RedemptionState, contract_id: str) -> None:
    """Replace a contract that ended and was captured in full by the record that corrections need."""
    contract = state.contracts[contract_id]
    if contract.ended_at is None or contract.uncaptured:
        return
    terms, amounts = contract.terms, (contract.invoiced, contract.subsidised, contract.captured)
    whose = (terms.beneficiary_id, terms.provider_id, terms.programme_id, terms.version)
    state.ended[contract_id] = EndedContract(*whose, *amounts, contract.ended_at)
    del state.contracts[contract_id]
    state.notices.forget(contract_id)
