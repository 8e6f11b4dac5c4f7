"""Reclaims: a provider takes back the last hours of a contract, with the notice that both sides agreed to.

A contract carries a notice if its offer named one and its bid asked for one; its provider gives it up by no other way.
From the notice on the contract is *pending*: everything goes on as before, and nothing ends it sooner but its
beneficiary's agreement to a cancellation. As the first reclaimed hour begins, by the calendar and whatever was down,
the contract becomes one of the hours before, to be reported, disputed and completed, or defaulted on, as ever.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.matching.reclaim_events import TradeReclaimable
from counterfoil.programme.terms import report_by
from counterfoil.redemption.contracts import completed_or_defaulted, contract_over, own_contract
from counterfoil.redemption.notices import Carried
from counterfoil.redemption.reclaim_commands import ReclaimDelivery
from counterfoil.redemption.reclaim_events import ContractReclaimable, DeliveryReclaimed, ReclaimBegun
from counterfoil.redemption.state import RedemptionState


def carry_notice(_state: RedemptionState, event: TradeReclaimable, _at: At) -> Sequence[Event]:
    """The contract that was just opened carries a notice."""
    return [ContractReclaimable(contract_id=event.trade_id, reclaim_notice_hours=event.reclaim_notice_hours)]


def reclaim_delivery(state: RedemptionState, body: ReclaimDelivery, actor: Party, at: At) -> Decision:
    """The provider gives notice: nothing is delivered from an hour on."""
    contract = own_contract(state, body.contract_id, actor)
    if isinstance(contract, Refusal):
        return contract
    terms, carried = contract.terms, state.notices.table.get(body.contract_id)
    if not terms.first_hour <= body.hour < terms.first_hour + terms.hours:
        return refuse(Code.HOUR_NOT_IN_CONTRACT, hour=body.hour)
    if carried is None:
        return refuse(Code.NOT_RECLAIMABLE, contract_id=body.contract_id)
    if carried.hour is not None:
        return refuse(Code.RECLAIM_PENDING, hour=carried.hour)
    earliest = -(-at.time // HOUR) + carried.notice_hours
    if body.hour < earliest:
        return refuse(Code.RECLAIM_TOO_SOON, earliest=earliest)
    hours = terms.first_hour + terms.hours - body.hour
    beneficiary_id, provider_id = contract.sides
    return [
        ReclaimBegun(
            contract_id=body.contract_id,
            beneficiary_id=beneficiary_id,
            provider_id=provider_id,
            reason=body.reason,
            hour=body.hour,
            hours=hours,
            amount=terms.price * terms.nodes * terms.gpus_per_node * hours,
            forfeits_bps=state.rules.reclaim_forfeits_bps,
        )
    ]


def take_back(state: RedemptionState, cutoff: int, _at: At) -> Sequence[Event]:
    """Timer: the hours of which notice was given are over."""
    reached = state.notices.reclaiming.reached(cutoff, state.rules.max_items_per_sweep)
    return [event for contract_id in reached for event in _taken_back(state, contract_id)]


def _taken_back(state: RedemptionState, contract_id: str) -> Sequence[Event]:
    contract, hour = state.contracts[contract_id], state.notices.hour(contract_id) or 0
    terms = contract.terms
    hours = terms.first_hour + terms.hours - hour
    beneficiary_id, provider_id = contract.sides
    reclaimed = DeliveryReclaimed(
        contract_id=contract_id,
        beneficiary_id=beneficiary_id,
        provider_id=provider_id,
        hour=hour,
        hours=hours,
        amount=terms.price * terms.nodes * terms.gpus_per_node * hours,
        forfeits_bps=state.rules.reclaim_forfeits_bps,
        report_by=report_by(state.terms(terms.programme_id, terms.version), hour * HOUR),
        ends=hour == terms.first_hour,
    )
    if reclaimed.ends:
        return [reclaimed]
    left = contract.until(hour, reclaimed.report_by)
    if left.open_reports or left.missing_hours:
        return [reclaimed]
    return [reclaimed, completed_or_defaulted(state, left)]  # this entry comes late: all of it is settled


# evolve -------------------------------------------------------------------------------------------------------------


def contract_reclaimable(state: RedemptionState, event: ContractReclaimable, _at: At) -> None:
    """The contract carries a notice."""
    state.notices.table[event.contract_id] = Carried(event.reclaim_notice_hours)


def reclaim_begun(state: RedemptionState, event: ReclaimBegun, _at: At) -> None:
    """The contract is pending."""
    state.notices.begin(event.contract_id, event.hour, state.contracts[event.contract_id].index)


def delivery_reclaimed(state: RedemptionState, event: DeliveryReclaimed, at: At) -> None:
    """What is left of the contract is its hours before; where it has none, it is over."""
    if event.ends:
        contract_over(state, event.contract_id, at)
        return
    left = state.contracts[event.contract_id].until(event.hour, event.report_by)
    state.contracts[event.contract_id] = left
    state.notices.end(event.contract_id)
    state.reporting.ended()
    state.default_later(left)
