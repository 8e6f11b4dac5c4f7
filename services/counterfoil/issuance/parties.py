"""Who takes part: parties, and the public keys by which they sign."""

from __future__ import annotations

from counterfoil.contract.events import KeyAdded, KeyRevoked, PartyRegistered
from counterfoil.contract.refusals import Code
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import At, Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.keys import key_id_of
from counterfoil.issuance.commands import (
    AddKey,
    RegisterParty,
    RevokeKey,
)
from counterfoil.issuance.state import IssuanceState
from counterfoil.log.errors import FormatError
from counterfoil.log.keys import check_public_key


def register_party(state: IssuanceState, body: RegisterParty, _actor: Party, _at: At) -> Decision:
    """Admit a party with its first key."""
    if body.party_id in state.directory.parties:
        return refuse(Code.ALREADY_EXISTS, party_id=body.party_id)
    if not _acceptable(state, body.public_key):
        return refuse(Code.KEY_NOT_ACCEPTABLE)
    unfit = unfit_lists(Listed("roles", body.roles, len(body.roles)))  # without repetition there are few
    if unfit is not None:
        return unfit
    key_id = key_id_of(body.public_key)
    return [
        PartyRegistered(party_id=body.party_id, name=body.name, roles=body.roles, group_id=body.group_id),
        KeyAdded(party_id=body.party_id, key_id=key_id, public_key=body.public_key),
    ]


def add_key(state: IssuanceState, body: AddKey, actor: Party, _at: At) -> Decision:
    """One more key of a party, by itself or by the operator."""
    party = state.directory.parties.get(body.party_id)
    if party is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    if not _may_change_keys(actor, party):
        return refuse(Code.NOT_YOURS, party_id=body.party_id)
    if not _acceptable(state, body.public_key):
        return refuse(Code.KEY_NOT_ACCEPTABLE)
    if len(party.keys) >= state.rules.max_keys_ever:
        return refuse(Code.OVER_LIMIT, field="public_key", limit=state.rules.max_keys_ever)
    if party.keys_in_force() >= state.rules.max_keys_per_party:
        return refuse(Code.OVER_LIMIT, field="public_key", limit=state.rules.max_keys_per_party)
    return [KeyAdded(party_id=body.party_id, key_id=key_id_of(body.public_key), public_key=body.public_key)]


def revoke_key(state: IssuanceState, body: RevokeKey, actor: Party, _at: At) -> Decision:
    """End a key of a party; one key stays in force."""
    party = state.directory.parties.get(body.party_id)
    if party is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    if not party.keys.get(body.key_id, (b"", False))[1]:
        return refuse(Code.UNKNOWN_KEY_ID, key_id=body.key_id)
    if not _may_change_keys(actor, party):
        return refuse(Code.NOT_YOURS, party_id=body.party_id)
    if party.keys_in_force() == 1:
        return refuse(Code.LAST_KEY, key_id=body.key_id)
    return [KeyRevoked(party_id=body.party_id, key_id=body.key_id, reason=body.reason)]


def _may_change_keys(actor: Party, party: Party) -> bool:
    return actor.party_id == party.party_id or "operator" in actor.roles


def _acceptable(state: IssuanceState, public_key: bytes) -> bool:
    """Acceptable, and never used before by any party: a revoked key stays revoked, and a key id names one key."""
    if key_id_of(public_key) in state.key_ids:
        return False
    try:
        check_public_key(public_key)
    except FormatError:
        return False
    return True


# evolve -------------------------------------------------------------------------------------------------------------


def key_added(state: IssuanceState, event: KeyAdded, _at: At) -> None:
    """Apply a new key; its id can never be used again."""
    state.directory.key_added(event)
    state.key_ids.add(event.key_id)
