"""Programmes that allocate compute: what was metered is used up, and there is nothing to claim, settle or pay back."""

from __future__ import annotations

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import refuse
from counterfoil.programme.terms import in_kind
from counterfoil.redemption.captured import Captured
from counterfoil.redemption.state import Contract, EndedContract, RedemptionState


def not_paid(state: RedemptionState, programme_id: str) -> Refusal | None:
    """Why nothing of a known programme is claimed, settled or paid back; None if it pays money."""
    newest = max(state.programmes[programme_id])
    if not state.rules.meters_in_kind or not in_kind(state.terms(programme_id, newest)):
        return None
    return refuse(Code.PROGRAMME_IN_KIND, programme_id=programme_id)


def contract_of(state: RedemptionState, captured: Captured) -> Contract | EndedContract:
    """The contract of a capture, ended or not."""
    contract = state.contracts.get(captured.contract_id)
    return state.ended[captured.contract_id] if contract is None else contract


def drawn_in_kind(state: RedemptionState, captured: Captured) -> bool:
    """Whether what was captured is of an allocation."""
    contract = contract_of(state, captured)
    version = contract.version if isinstance(contract, EndedContract) else contract.terms.version
    return in_kind(state.terms(contract.programme_id, version))
