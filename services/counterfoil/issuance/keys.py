"""The keys by which a party signs: which are acceptable, what proves them, and how a party adds and revokes them.

Nobody adds a key to another party. What a party does with its keys cannot bar its recovery (`recoveries`).
"""

from __future__ import annotations

from counterfoil.contract.events import KeyAdded, KeyRevoked, RecoveryKeySet
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.possession import ProvenKey, Use, statement
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.commands import AddKey, AddKeyV1, RevokeKey, SetRecoveryKey
from counterfoil.issuance.state import IssuanceState, NewKeys
from counterfoil.log.errors import FormatError
from counterfoil.log.keys import check_public_key, verify


def add_key(state: IssuanceState, body: AddKey, actor: Party, at: At) -> Decision:
    """One more key of the party that asks."""
    refusal = unproven(state, actor.party_id, at, key=body.key) or _no_room(state, actor, at)
    return refusal or [key_added_by(actor.party_id, body.key.public_key)]


def add_key_v1(state: IssuanceState, body: AddKeyV1, actor: Party, at: At) -> Decision:
    """One more key of a party, by itself or by the operator."""
    party = state.directory.parties.get(body.party_id)
    if party is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    if actor.party_id != party.party_id and "operator" not in actor.roles:
        return refuse(Code.NOT_YOURS, party_id=body.party_id)
    if not acceptable(state, body.public_key):
        return refuse(Code.KEY_NOT_ACCEPTABLE)
    return _no_room(state, party, at) or [key_added_by(body.party_id, body.public_key)]


def revoke_key(state: IssuanceState, body: RevokeKey, actor: Party, _at: At) -> Decision:
    """End a key of a party; one key stays in force."""
    party = state.directory.parties.get(body.party_id)
    if party is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    if not party.keys.get(body.key_id, (b"", False))[1]:
        return refuse(Code.UNKNOWN_KEY_ID, key_id=body.key_id)
    others = state.rules.operator_revokes_keys and "operator" in actor.roles
    if actor.party_id != party.party_id and not others:
        return refuse(Code.NOT_YOURS, party_id=body.party_id)
    if party.keys_in_force() == 1:
        return refuse(Code.LAST_KEY, key_id=body.key_id)
    return [KeyRevoked(party_id=body.party_id, key_id=body.key_id, reason=body.reason)]


def set_recovery_key(state: IssuanceState, body: SetRecoveryKey, actor: Party, at: At) -> Decision:
    """The recovery key of the party that asks: its first, or another one if the one before consents.

    Otherwise a thief of any other key could take the recovery key's place.
    """
    refusal = unproven(state, actor.party_id, at, recovery_key=body.key)
    if refusal is not None:
        return refusal
    before = actor.recovery_key()
    if before is not None:
        said = statement(at.host, actor.party_id, body.key.public_key, "recovery")
        if body.consent is None or not verify(actor.recovery_keys[before].public_key, said, body.consent):
            return refuse(Code.KEY_NOT_PROVEN, field="consent", key_id=before)
    return [recovery_key_set_by(actor.party_id, body.key.public_key, before)]


def key_added_by(party_id: str, public_key: bytes) -> KeyAdded:
    """The event of a new key."""
    return KeyAdded(party_id=party_id, key_id=key_id_of(public_key), public_key=public_key)


def recovery_key_set_by(party_id: str, public_key: bytes, replaces: str | None) -> RecoveryKeySet:
    """The event of a new recovery key."""
    return RecoveryKeySet(party_id=party_id, key_id=key_id_of(public_key), public_key=public_key, replaces=replaces)


# checks -------------------------------------------------------------------------------------------------------------


def unproven(
    state: IssuanceState, party_id: str, at: At, *, key: ProvenKey | None = None, recovery_key: ProvenKey | None = None
) -> Refusal | None:
    """The first refusal that applies to new keys of a party, named as the command's members are, or None."""
    uses: tuple[tuple[str, ProvenKey | None, Use], ...] = (
        ("key", key, "signing"),
        ("recovery_key", recovery_key, "recovery"),
    )
    given = [(field, each, use) for field, each, use in uses if each is not None]
    for field, each, _ in given:
        if not acceptable(state, each.public_key):
            return refuse(Code.KEY_NOT_ACCEPTABLE, field=field)
    if len({each.public_key for _, each, _ in given}) < len(given):
        return refuse(Code.KEY_NOT_ACCEPTABLE, field="recovery_key")
    for field, each, use in given:
        if not verify(each.public_key, statement(at.host, party_id, each.public_key, use), each.proof):
            return refuse(Code.KEY_NOT_PROVEN, field=field)
    return None


def acceptable(state: IssuanceState, public_key: bytes) -> bool:
    """Acceptable, and never used before by any party: a revoked key stays revoked, and a key id names one key."""
    if key_id_of(public_key) in state.key_ids:
        return False
    try:
        check_public_key(public_key)
    except FormatError:
        return False
    return True


def _no_room(state: IssuanceState, party: Party, at: At) -> Refusal | None:
    """Refuse one more key of a party that has too many, or added too many lately."""
    rules = state.rules
    if rules.max_keys_ever is not None and len(party.keys) >= rules.max_keys_ever:
        return refuse(Code.OVER_LIMIT, field="public_key", limit=rules.max_keys_ever)
    if party.keys_in_force() >= rules.max_keys_per_party:
        return refuse(Code.OVER_LIMIT, field="public_key", limit=rules.max_keys_per_party)
    lately = state.new_keys.get(party.party_id)
    if rules.max_new_keys is None or lately is None or at.time >= lately.since + rules.new_keys_period:
        return None
    if lately.added >= rules.max_new_keys:
        again = lately.since + rules.new_keys_period
        return refuse(Code.OVER_LIMIT, field="key", limit=rules.max_new_keys, again=again)
    return None


# evolve -------------------------------------------------------------------------------------------------------------


def key_added(state: IssuanceState, event: KeyAdded, at: At) -> None:
    """Apply a new key; its id can never be used again, and it counts towards those of its period."""
    state.directory.key_added(event)
    state.key_ids.add(event.key_id)
    lately = state.new_keys.get(event.party_id)
    if lately is None or at.time >= lately.since + state.rules.new_keys_period:
        lately = NewKeys(at.time, 0)
    state.new_keys[event.party_id] = lately._replace(added=lately.added + 1)


def recovery_key_set(state: IssuanceState, event: RecoveryKeySet, _at: At) -> None:
    """Apply a new recovery key; its id can never be used again."""
    state.directory.recovery_key_set(event)
    state.key_ids.add(event.key_id)
