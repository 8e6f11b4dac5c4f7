"""Who may sign: parties, their roles, groups of related parties and public keys, as of an entry's own index.

Issuance decides these; every other service mirrors them from its log, so a signature is judged by the
entries of the deciding log before it. Revocation acts from its entry on and is never retroactive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from counterfoil.contract.events import KeyAdded, KeyRevoked, PartyRegistered
from counterfoil.core.form import FLAG, OCTETS, TEXT, TEXTS, Form, by_name, row
from counterfoil.core.table import Table


class Key(NamedTuple):
    """A public key, and whether it may still sign."""

    public_key: bytes
    in_force: bool


@dataclass(slots=True)
class Party:
    """A party and its keys, by key id."""

    party_id: str
    name: str
    roles: tuple[str, ...]
    group_id: str
    keys: dict[str, Key] = field(default_factory=dict)

    def keys_in_force(self) -> int:
        """How many of its keys may sign."""
        return sum(1 for _, in_force in self.keys.values() if in_force)


PARTY: Final = Form(
    "party",
    ("party_id",),
    row(Party, name=TEXT, roles=TEXTS, group_id=TEXT, keys=by_name(row(Key, public_key=OCTETS, in_force=FLAG))),
    "a party; its keys by key id, revoked ones included",
    attributes=("party_id",),
)


class Directory:
    """The parties of one log, folded from its own events."""

    __slots__ = ("parties",)

    def __init__(self) -> None:
        self.parties: Table[str, Party] = Table(PARTY)

    def public_key(self, party_id: str, key_id: str) -> bytes | None:
        """The registered public key (revoked or not), None if the party or the key is unknown."""
        party = self.parties.get(party_id)
        found = None if party is None else party.keys.get(key_id)
        return None if found is None else found[0]

    def registered(self, event: PartyRegistered) -> None:
        """Apply a registration."""
        self.parties[event.party_id] = Party(event.party_id, event.name, event.roles, event.group_id)

    def key_added(self, event: KeyAdded) -> None:
        """Apply a new key."""
        self.parties.edit(event.party_id).keys[event.key_id] = Key(event.public_key, True)

    def key_revoked(self, event: KeyRevoked) -> None:
        """Apply a revocation."""
        keys = self.parties.edit(event.party_id).keys
        keys[event.key_id] = keys[event.key_id]._replace(in_force=False)
