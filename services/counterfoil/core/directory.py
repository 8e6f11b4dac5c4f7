"""Who may sign: parties, their roles, groups of related parties and public keys, as of an entry's own index.

Issuance decides these; every other service mirrors them from its log, so a signature is judged by the
entries of the deciding log before it. Revocation acts from its entry on and is never retroactive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from counterfoil.contract.ensure import ensure
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
from counterfoil.core.form import FLAG, OCTETS, TEXT, TEXTS, Form, by_name, row
from counterfoil.core.groups import HISTORY, Fact, History
from counterfoil.core.table import Table


class Key(NamedTuple):
    """A public key, and whether it may still sign."""

    public_key: bytes
    in_force: bool


@dataclass(slots=True)
class Party:
    """A party, the group of related parties that it belongs to now, and its keys, by key id.

    A recovery key signs `recover_party` alone; at most one is in force.
    """

    party_id: str
    name: str
    roles: tuple[str, ...]
    group_id: str
    keys: dict[str, Key] = field(default_factory=dict)
    recovery_keys: dict[str, Key] = field(default_factory=dict)
    closed: bool = False
    suspended: bool = False

    def keys_in_force(self) -> int:
        """How many of its keys may sign."""
        return sum(1 for _, in_force in self.keys.values() if in_force)

    def recovery_key(self) -> str | None:
        """The id of the recovery key in force, if there is one."""
        return next((key_id for key_id, (_, in_force) in self.recovery_keys.items() if in_force), None)


_KEYS: Final = by_name(row(Key, public_key=OCTETS, in_force=FLAG))
PARTY: Final = Form(
    "party",
    ("party_id",),
    row(Party, name=TEXT, roles=TEXTS, group_id=TEXT, keys=_KEYS, recovery_keys=_KEYS, closed=FLAG, suspended=FLAG),
    "a party; its keys and recovery keys by key id, revoked ones included",
    attributes=("party_id",),
)


class Directory:
    """The parties of one log, and who is related to whom, folded from its own events."""

    __slots__ = ("_members", "histories", "parties")

    def __init__(self) -> None:
        self.parties: Table[str, Party] = Table(PARTY)
        self.histories: Table[str, History] = Table(HISTORY)  # of the parties whose group was ever attested
        self._members: dict[str, dict[str, None]] = {}  # group -> the parties that belong to it now

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        self._members = {}
        for party in self.parties.values():
            self._members.setdefault(party.group_id, {})[party.party_id] = None

    def related(self, one: str, other: str) -> bool:
        """Whether they are one party, or belong to one group now."""
        return one == other or self.group_now(one) == self.group_now(other)

    def group_now(self, party_id: str) -> str:
        """The group that a party belongs to now; a party that is not known here is one of its own."""
        party = self.parties.get(party_id)
        return party_id if party is None else party.group_id

    def members(self, group_id: str) -> Iterable[str]:
        """The parties that belong to a group now."""
        return self._members.get(group_id, {}).keys()

    def size(self, group_id: str) -> int:
        """How many parties belong to a group now."""
        return len(self._members.get(group_id, {}))

    def related_to(self, party_id: str) -> Iterable[str]:
        """A party and those related to it now."""
        party = self.parties.get(party_id)
        return (party_id,) if party is None else self._members[party.group_id].keys()

    def history(self, party: Party) -> History:
        """The groups that a party belonged to."""
        return self.histories.get(party.party_id) or History(party.group_id)

    def group_of(self, party_id: str, time: int) -> str:
        """The group that a known party belonged to at a time (microseconds), as far as is known now."""
        return self.history(self.parties[party_id]).at(time)

    def public_key(self, party_id: str, key_id: str) -> bytes | None:
        """The registered public key (revoked or not), None if the party or the key is unknown."""
        party = self.parties.get(party_id)
        found = None if party is None else party.keys.get(key_id) or party.recovery_keys.get(key_id)
        return None if found is None else found[0]

    def registered(self, event: PartyRegistered) -> None:
        """Apply a registration."""
        self.parties[event.party_id] = Party(event.party_id, event.name, event.roles, event.group_id)
        self._members.setdefault(event.group_id, {})[event.party_id] = None

    def group_attested(self, event: GroupAttested) -> None:
        """Apply a fact about a party's group."""
        party = self.parties.edit(event.party_id)
        fact = Fact(event.group_id, event.since, event.attested_by)
        history = self.histories[event.party_id] = self.history(party).attested(fact)
        ensure(history.now() == event.group_after, f"the group of {event.party_id} differs")
        del self._members[party.group_id][event.party_id]
        if not self._members[party.group_id]:
            del self._members[party.group_id]
        self._members.setdefault(event.group_after, {})[event.party_id] = None
        party.group_id = event.group_after

    def key_added(self, event: KeyAdded) -> None:
        """Apply a new key."""
        self.parties.edit(event.party_id).keys[event.key_id] = Key(event.public_key, True)

    def key_revoked(self, event: KeyRevoked) -> None:
        """Apply a revocation."""
        _revoke(self.parties.edit(event.party_id).keys, event.key_id)

    def recovery_key_set(self, event: RecoveryKeySet) -> None:
        """Apply a recovery key, and the end of the one before."""
        _set_recovery_key(self.parties.edit(event.party_id), event.public_key)

    def recovered(self, event: PartyRecovered) -> None:
        """Apply a recovery."""
        party = self.parties.edit(event.party_id)
        for key_id in party.keys:
            _revoke(party.keys, key_id)
        party.keys[event.key_id] = Key(event.public_key, True)
        if event.recovery_key is not None:
            _set_recovery_key(party, event.recovery_key)
        party.closed = False

    def closed(self, event: PartyClosed) -> None:
        """Apply the end of a party's part in the market."""
        self.parties.edit(event.party_id).closed = True

    def suspended(self, event: PartySuspended) -> None:
        """Apply a suspension."""
        self.parties.edit(event.party_id).suspended = True

    def reinstated(self, event: PartyReinstated) -> None:
        """Apply the end of a suspension."""
        self.parties.edit(event.party_id).suspended = False


def _revoke(keys: dict[str, Key], key_id: str) -> None:
    keys[key_id] = keys[key_id]._replace(in_force=False)


def _set_recovery_key(party: Party, public_key: bytes) -> None:
    for key_id in party.recovery_keys:
        _revoke(party.recovery_keys, key_id)
    party.recovery_keys[key_id_of(public_key)] = Key(public_key, True)
