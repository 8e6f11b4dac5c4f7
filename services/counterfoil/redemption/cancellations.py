"""Cancellations: both sides end a contract before its delivery begins, and nobody defaults.

The nodes do not go back to the offer, which may have left the book long ago: the provider offers them again.
"""

from __future__ import annotations

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.hidden import not_yours
from counterfoil.redemption.commands import AgreeCancellation, ProposeCancellation
from counterfoil.redemption.events import CancellationProposed, ContractCancelled
from counterfoil.redemption.state import Cancellation, Contract, RedemptionState


def propose_cancellation(state: RedemptionState, body: ProposeCancellation, actor: Party, at: At) -> Decision:
    """One side would cancel a contract; that stands for a while, and until delivery begins at most."""
    contract = _contract_of_side(state, body.contract_id, actor)
    if isinstance(contract, Refusal):
        return contract
    if _standing(contract, at) is not None:
        return refuse(Code.CANCELLATION_OPEN, contract_id=body.contract_id)
    begins = contract.terms.first_hour * HOUR
    if at.time >= begins:
        return refuse(Code.DELIVERY_BEGUN, hour=contract.terms.first_hour)
    return [
        CancellationProposed(
            contract_id=body.contract_id,
            by=actor.party_id,
            reason=body.reason,
            until=min(begins, at.time + state.rules.cancellation_stands),
        )
    ]


def agree_cancellation(state: RedemptionState, body: AgreeCancellation, actor: Party, at: At) -> Decision:
    """The other side agrees: the contract is over."""
    contract = _contract_of_side(state, body.contract_id, actor)
    if isinstance(contract, Refusal):
        return contract
    proposed = _standing(contract, at)
    if proposed is None or proposed.by == actor.party_id:
        return refuse(Code.UNKNOWN_PROPOSAL, contract_id=body.contract_id)
    beneficiary_id, provider_id = contract.sides
    return [ContractCancelled(contract_id=body.contract_id, beneficiary_id=beneficiary_id, provider_id=provider_id)]


def _contract_of_side(state: RedemptionState, contract_id: str, actor: Party) -> Contract | Refusal:
    """The contract, if it is open and the actor is a side of it."""
    contract = state.open_contract(contract_id)
    if contract is None:
        return refuse(Code.UNKNOWN_CONTRACT, contract_id=contract_id)
    if actor.party_id not in contract.sides:
        return not_yours(state.rules, Code.UNKNOWN_CONTRACT, contract_id=contract_id)
    return contract


def _standing(contract: Contract, at: At) -> Cancellation | None:
    """The cancellation that may be agreed to."""
    proposed = contract.cancellation
    return None if proposed is None or at.time >= proposed.until else proposed


# evolve -------------------------------------------------------------------------------------------------------------


def cancellation_proposed(state: RedemptionState, event: CancellationProposed, _at: At) -> None:
    """Apply a proposal."""
    state.contracts.edit(event.contract_id).cancellation = Cancellation(event.by, event.until)
