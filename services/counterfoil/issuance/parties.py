"""Who takes part: how a party comes in, with its consent, and how it leaves."""

from __future__ import annotations

from counterfoil.contract.events import PartyClosed, PartyRegistered
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.lookalikes import look_of
from counterfoil.issuance.commands import CloseParty, RegisterParty, RegisterPartyV1
from counterfoil.issuance.groups import group_is_full
from counterfoil.issuance.keys import acceptable, key_added_by, recovery_key_set_by, unproven
from counterfoil.issuance.state import IssuanceState


def register_party(state: IssuanceState, body: RegisterParty, _actor: Party, at: At) -> Decision:
    """Admit a party with its first key and, if it has one, its recovery key."""
    refusal = (
        _taken(state, body)
        or _confusable(state, body)
        or unproven(state, body.party_id, at, key=body.key, recovery_key=body.recovery_key)
        or _unfit_roles(body)
        or group_is_full(state, body.group_id)
    )
    if refusal is not None:
        return refusal
    events: list[Event] = [_registered(body), key_added_by(body.party_id, body.key.public_key)]
    if body.recovery_key is not None:
        events.append(recovery_key_set_by(body.party_id, body.recovery_key.public_key, None))
    return events


def register_party_v1(state: IssuanceState, body: RegisterPartyV1, _actor: Party, _at: At) -> Decision:
    """Admit a party with its first key, whoever has it."""
    refusal = _taken(state, body)
    if refusal is None and not acceptable(state, body.public_key):
        refusal = refuse(Code.KEY_NOT_ACCEPTABLE)
    refusal = refusal or _unfit_roles(body)
    return refusal or [_registered(body), key_added_by(body.party_id, body.public_key)]


def close_party(state: IssuanceState, body: CloseParty, actor: Party, _at: At) -> Decision:
    """The party that asks leaves; only a recovery brings it back, so that a thief's word is not the last."""
    if actor.party_id == state.root_operator():
        return refuse(Code.ROOT_OPERATOR, party_id=actor.party_id)
    return [PartyClosed(party_id=actor.party_id, reason=body.reason)]


def _taken(state: IssuanceState, body: RegisterParty | RegisterPartyV1) -> Refusal | None:
    taken = body.party_id in state.directory.parties
    return refuse(Code.ALREADY_EXISTS, party_id=body.party_id) if taken else None


def _confusable(state: IssuanceState, body: RegisterParty) -> Refusal | None:
    other = state.looks.get(look_of(body.name)) if state.rules.judges_text else None
    if other is None or other == body.looks_like:
        return None
    return refuse(Code.NAME_CONFUSABLE, party_id=other)


def _unfit_roles(body: RegisterParty | RegisterPartyV1) -> Refusal | None:
    return unfit_lists(Listed("roles", body.roles, len(body.roles)))  # without repetition there are few


def _registered(body: RegisterParty | RegisterPartyV1) -> PartyRegistered:
    return PartyRegistered(party_id=body.party_id, name=body.name, roles=body.roles, group_id=body.group_id)


# evolve -------------------------------------------------------------------------------------------------------------


def party_registered(state: IssuanceState, event: PartyRegistered, at: At) -> None:
    """Apply a registration; that of the first entry is the root operator's."""
    state.directory.registered(event)
    state.index_name(event.party_id, event.name)
    if at.index == 0:
        state.root[()] = event.party_id
