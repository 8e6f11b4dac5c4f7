"""Issuance's read models of parties: who they are, their keys, recoveries and relations, and who audits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from counterfoil.contract.events import (
    GroupAttested,
    KeyAdded,
    KeyRevoked,
    PartyClosed,
    PartyRecovered,
    PartyRegistered,
    PartyReinstated,
    PartySuspended,
    RecoveryKeySet,
)
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.scalars import encode_base64
from counterfoil.core.at import At
from counterfoil.issuance.events import AuditorAppointed, AuditorDismissed, RecoveryEnded, RecoveryProposed
from counterfoil.issuance.words import ALL
from counterfoil.ports import Change, Put, Set, View
from counterfoil.readership import ANYBODY, Readers
from counterfoil.service import Reducers

PARTIES: Final = View(
    name="parties",
    key=("party_id",),
    columns={
        "party_id": "text",
        "name": "text",
        "roles": "json",
        "group_id": "text",
        "public": "bool",
        "registered_at": "time",
        "closed_at": "time?",
        "closed_because": "text?",
        "suspended_at": "time?",
        "suspended_because": "text?",
    },
    filters=("group_id",),
    readers=Readers(
        public="public",
        parties=("party_id",),
        through={"counterparties": "party_id", "participants": "party_id"},
        roles={"treasurer": None},
    ),
    time="registered_at",
)
"""`public`: it has another role than that of a beneficiary. A treasurer reads all, to know whose money it books."""
PARTICIPANTS: Final = View(
    name="participants",
    key=("party_id", "programme_id"),
    columns={"party_id": "text", "programme_id": "text"},
    filters=("party_id", "programme_id"),
    readers=Readers(parties=("party_id",), programme="programme_id"),
)
"""Who was ever listed for a programme, or issued a voucher of it: its issuer knows them by name."""
GROUP_FACTS: Final = View(
    name="group_facts",
    key=("index", "item"),
    columns={
        "index": "int",
        "item": "int",
        "party_id": "text",
        "group_id": "text",
        "since": "time",
        "source": "text",
        "attested_by": "text",
        "attested_at": "time",
    },
    filters=("party_id", "group_id", "attested_by"),
    readers=Readers(parties=("party_id", "attested_by"), through={"parties": "party_id"}),
    time="attested_at",
)
"""Every attested group of a party; the one that begins last holds now, of several the one attested last. `index` and
`item` are the place of the command in issuance's log."""
KEYS: Final = View(
    name="keys",
    key=("party_id", "key_id"),
    columns={
        "party_id": "text",
        "key_id": "text",
        "public_key": "text",
        "use": "text",
        "added_at": "time",
        "revoked_at": "time?",
        "revoked_because": "text?",
    },
    filters=("party_id",),
    readers=Readers(through={"parties": "party_id"}),
    time="added_at",
    values={"use": ("signing", "recovery")},
)
"""`use`: signing or recovery."""
RECOVERIES: Final = View(
    name="recoveries",
    key=("recovery_id",),
    columns={
        "recovery_id": "text",
        "party_id": "text",
        "proposed_by": "text?",
        "reason": "text?",
        "key_id": "text",
        "public_key": "text",
        "recovery_key": "text?",
        "status": "text",
        "proposed_at": "time?",
        "in_force_at": "time",
        "ended_at": "time?",
        "ended_by": "text?",
        "ended_because": "text?",
    },
    filters=("party_id", "status"),
    readers=Readers(parties=("party_id", "proposed_by"), through={"parties": "party_id"}),
    time="in_force_at",
    values={"status": ("proposed", "in_force", "ended")},
)
"""`proposed_by`: the operator; none if it was by the party's recovery key. `status`: proposed, in_force or ended. While
it is proposed, `in_force_at` is when it comes into force if nobody objects, or later if issuance is away meanwhile."""

AUDITORS: Final = View(
    name="auditors",
    key=("programme_id", "auditor_id"),
    columns={
        "programme_id": "text",
        "auditor_id": "text",
        "appointed_at": "time",
        "ended_at": "time?",
        "ended_because": "text?",
    },
    filters=("programme_id", "auditor_id"),
    readers=ANYBODY,
)
"""Who reads what others may not. `programme_id`: empty for all programmes, and every entry."""

PARTY_VIEWS: Final[tuple[View, ...]] = (PARTIES, PARTICIPANTS, GROUP_FACTS, KEYS, RECOVERIES, AUDITORS)


# parties and keys ---------------------------------------------------------------------------------------------------


def _party_registered(event: PartyRegistered, at: At) -> Iterable[Change]:
    row = {"party_id": event.party_id, "name": event.name, "roles": list(event.roles), "group_id": event.group_id}
    public = any(role != "beneficiary" for role in event.roles)
    none = dict.fromkeys(("closed_at", "closed_because", "suspended_at", "suspended_because"))
    yield Put(PARTIES.name, {**row, "public": public, "registered_at": at.time, **none})


def participant(programme_id: str, party_id: str) -> Put:
    """The row of a party that takes part in a programme."""
    return Put(PARTICIPANTS.name, {"party_id": party_id, "programme_id": programme_id})


def _party_closed(event: PartyClosed, at: At) -> Iterable[Change]:
    yield Set(PARTIES.name, (event.party_id,), {"closed_at": at.time, "closed_because": event.reason})


def _group_attested(event: GroupAttested, at: At) -> Iterable[Change]:
    row = {"index": at.index, "item": at.item, "party_id": event.party_id, "group_id": event.group_id}
    row |= {"since": event.since, "source": event.source, "attested_by": event.attested_by, "attested_at": at.time}
    yield Put(GROUP_FACTS.name, row)
    yield Set(PARTIES.name, (event.party_id,), {"group_id": event.group_after})


def _party_suspended(event: PartySuspended, at: At) -> Iterable[Change]:
    yield Set(PARTIES.name, (event.party_id,), {"suspended_at": at.time, "suspended_because": event.reason})


def _party_reinstated(event: PartyReinstated, _at: At) -> Iterable[Change]:
    yield Set(PARTIES.name, (event.party_id,), {"suspended_at": None, "suspended_because": None})


def _key_added(event: KeyAdded, at: At) -> Iterable[Change]:
    yield _key(event.party_id, event.public_key, "signing", at)


def _key_revoked(event: KeyRevoked, at: At) -> Iterable[Change]:
    yield _revoked(event.party_id, event.key_id, event.reason, at)


def _recovery_key_set(event: RecoveryKeySet, at: At) -> Iterable[Change]:
    if event.replaces is not None:
        yield _revoked(event.party_id, event.replaces, "replaced", at)
    yield _key(event.party_id, event.public_key, "recovery", at)


def _key(party_id: str, public_key: bytes, use: str, at: At) -> Put:
    row = {"party_id": party_id, "key_id": key_id_of(public_key), "public_key": encode_base64(public_key), "use": use}
    return Put(KEYS.name, {**row, "added_at": at.time, "revoked_at": None, "revoked_because": None})


def _revoked(party_id: str, key_id: str, reason: str, at: At) -> Set:
    return Set(KEYS.name, (party_id, key_id), {"revoked_at": at.time, "revoked_because": reason})


# recoveries ---------------------------------------------------------------------------------------------------------


def _recovery_proposed(event: RecoveryProposed, at: At) -> Iterable[Change]:
    row = {"status": "proposed", "proposed_at": at.time, "in_force_at": event.in_force_at}
    yield Put(RECOVERIES.name, {**_recovery(event), **row})


def _recovery_ended(event: RecoveryEnded, at: At) -> Iterable[Change]:
    values = {"status": "ended", "ended_at": at.time, "ended_by": event.ended_by, "ended_because": event.reason}
    yield Set(RECOVERIES.name, (event.recovery_id,), values)


def _party_recovered(event: PartyRecovered, at: At) -> Iterable[Change]:
    row = {"status": "in_force", "in_force_at": at.time}
    if event.proposed_by is None:
        yield Put(RECOVERIES.name, {**_recovery(event), **row, "proposed_at": None})
    else:
        yield Set(RECOVERIES.name, (event.recovery_id,), row)
    for key_id in event.revoked:
        yield _revoked(event.party_id, key_id, f"recovery {event.recovery_id}", at)
    yield _key(event.party_id, event.public_key, "signing", at)
    if event.recovery_key is not None:
        yield _key(event.party_id, event.recovery_key, "recovery", at)
    yield Set(PARTIES.name, (event.party_id,), {"closed_at": None, "closed_because": None})


def _recovery(event: RecoveryProposed | PartyRecovered) -> dict[str, object]:
    return {
        "recovery_id": event.recovery_id,
        "party_id": event.party_id,
        "proposed_by": event.proposed_by,
        "reason": event.reason,
        "key_id": event.key_id,
        "public_key": encode_base64(event.public_key),
        "recovery_key": None if event.recovery_key is None else encode_base64(event.recovery_key),
        "ended_at": None,
        "ended_by": None,
        "ended_because": None,
    }


# auditors -----------------------------------------------------------------------------------------------------------


def _auditor_appointed(event: AuditorAppointed, at: At) -> Iterable[Change]:
    key = {"programme_id": event.programme_id or ALL, "auditor_id": event.auditor_id}
    yield Put(AUDITORS.name, {**key, "appointed_at": at.time, "ended_at": None, "ended_because": None})


def _auditor_dismissed(event: AuditorDismissed, at: At) -> Iterable[Change]:
    values = {"ended_at": at.time, "ended_because": event.reason}
    yield Set(AUDITORS.name, (event.programme_id or ALL, event.auditor_id), values)


PARTY_REDUCERS: Final[Reducers] = {
    PartyRegistered: _party_registered,
    GroupAttested: _group_attested,
    KeyAdded: _key_added,
    KeyRevoked: _key_revoked,
    PartyClosed: _party_closed,
    PartySuspended: _party_suspended,
    PartyReinstated: _party_reinstated,
    RecoveryKeySet: _recovery_key_set,
    RecoveryProposed: _recovery_proposed,
    RecoveryEnded: _recovery_ended,
    PartyRecovered: _party_recovered,
    AuditorAppointed: _auditor_appointed,
    AuditorDismissed: _auditor_dismissed,
}
