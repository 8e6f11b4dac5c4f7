"""How a party whose keys were lost or stolen gets new ones: by its recovery key at once, by an operator with a delay.

No limit on keys bars a recovery. The root operator, which the first entry names, is recovered by its recovery key only:
otherwise another operator could take it over.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.events import PartyRecovered, WriterResumed
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.possession import ProvenKey
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.commands import ObjectToRecovery, ProposeRecovery, RecoverParty
from counterfoil.issuance.events import RecoveryEnded, RecoveryProposed
from counterfoil.issuance.keys import unproven
from counterfoil.issuance.state import IssuanceState, Recovery

TIMER = "recovery"


def recover_party(state: IssuanceState, body: RecoverParty, actor: Party, at: At) -> Decision:
    """The party's recovery key puts a new key in the place of all others; an operator's proposal ends by it."""
    refusal = unproven(state, actor.party_id, at, key=body.key, recovery_key=body.recovery_key)
    if refusal is not None:
        return refusal
    under_way = state.recovering.get(actor.party_id)
    ended: list[Event] = [] if under_way is None else [_ended(state, under_way, actor.party_id, "recovery key used")]
    recovery_key = _public(body.recovery_key)
    recovered = PartyRecovered(
        recovery_id=at.new_id("rec"),
        party_id=actor.party_id,
        proposed_by=None,
        reason=None,
        key_id=key_id_of(body.key.public_key),
        public_key=body.key.public_key,
        recovery_key=recovery_key,
        revoked=_revoked(actor, recovery_key),
    )
    return [*ended, recovered]


def propose_recovery(state: IssuanceState, body: ProposeRecovery, actor: Party, at: At) -> Decision:
    """An operator puts a new key in the place of all others of a party, unless one of these objects in time."""
    party = state.directory.parties.get(body.party_id)
    if party is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    if party.party_id == state.root_operator():
        return refuse(Code.ROOT_OPERATOR, party_id=body.party_id)
    refusal = unproven(state, party.party_id, at, key=body.key, recovery_key=body.recovery_key)
    if refusal is not None:
        return refusal
    under_way = state.recovering.get(party.party_id)
    if under_way is not None:
        return refuse(Code.RECOVERY_UNDER_WAY, recovery_id=under_way)
    return [
        RecoveryProposed(
            recovery_id=at.new_id("rec"),
            party_id=party.party_id,
            proposed_by=actor.party_id,
            reason=body.reason,
            key_id=key_id_of(body.key.public_key),
            public_key=body.key.public_key,
            recovery_key=_public(body.recovery_key),
            in_force_at=at.time + state.rules.recovery_delay,
        )
    ]


def object_to_recovery(state: IssuanceState, body: ObjectToRecovery, actor: Party, _at: At) -> Decision:
    """The party, by any of its keys, who proposed it, or the root operator ends a recovery that is under way."""
    recovery = state.recoveries.get(body.recovery_id)
    if recovery is None:
        return refuse(Code.UNKNOWN_RECOVERY, recovery_id=body.recovery_id)
    if actor.party_id not in (recovery.party_id, recovery.proposed_by, state.root_operator()):
        return refuse(Code.NOT_YOURS, recovery_id=body.recovery_id)
    return [_ended(state, body.recovery_id, actor.party_id, body.reason)]


def come_into_force(state: IssuanceState, cutoff: int, _at: At) -> Sequence[Event]:
    """The recoveries to which nobody objected in time."""
    events = []
    for recovery_id in state.recoveries_due.reached(cutoff, state.rules.max_items_per_sweep):
        recovery = state.recoveries[recovery_id]
        events.append(
            PartyRecovered(
                recovery_id=recovery_id,
                party_id=recovery.party_id,
                proposed_by=recovery.proposed_by,
                reason=recovery.reason,
                key_id=key_id_of(recovery.public_key),
                public_key=recovery.public_key,
                recovery_key=recovery.recovery_key,
                revoked=_revoked(state.directory.parties[recovery.party_id], recovery.recovery_key),
            )
        )
    return events


def next_due(state: IssuanceState) -> tuple[int, str] | None:
    """When the next recovery comes into force."""
    due = state.recoveries_due.next()
    return None if due is None else (due, TIMER)


def _public(key: ProvenKey | None) -> bytes | None:
    return None if key is None else key.public_key


def _revoked(party: Party, recovery_key: bytes | None) -> tuple[str, ...]:
    """The keys that a recovery ends: all in force, and the recovery key if it is replaced."""
    before = party.recovery_key()
    replaced = [before] if before is not None and recovery_key is not None else []
    return (*sorted(key_id for key_id, key in party.keys.items() if key.in_force), *replaced)


def _ended(state: IssuanceState, recovery_id: str, ended_by: str, reason: str) -> RecoveryEnded:
    party_id = state.recoveries[recovery_id].party_id
    return RecoveryEnded(recovery_id=recovery_id, party_id=party_id, ended_by=ended_by, reason=reason)


# evolve -------------------------------------------------------------------------------------------------------------


def recovery_proposed(state: IssuanceState, event: RecoveryProposed, at: At) -> None:
    """Apply a proposal; nobody else can register its keys meanwhile."""
    keys = event.public_key, event.recovery_key
    proposed = Recovery(event.party_id, event.proposed_by, event.reason, *keys, at.time, event.in_force_at)
    state.propose(event.recovery_id, proposed)


def recovery_ended(state: IssuanceState, event: RecoveryEnded, _at: At) -> None:
    """Apply an objection: the keys that were proposed are nobody's again."""
    for key_id in state.end_recovery(event.recovery_id).key_ids():
        state.key_ids.discard(key_id)


def party_recovered(state: IssuanceState, event: PartyRecovered, _at: At) -> None:
    """Apply a recovery; the ids of its keys can never be used again."""
    state.directory.recovered(event)
    if event.recovery_id in state.recoveries:
        state.end_recovery(event.recovery_id)
    state.key_ids.add(event.key_id)
    if event.recovery_key is not None:
        state.key_ids.add(key_id_of(event.recovery_key))


def writer_resumed(state: IssuanceState, event: WriterResumed, at: At) -> None:
    """Apply an outage: who could not object meanwhile has as much time as before."""
    state.postpone_recoveries(event.away_since, at.time, event.earliest)
