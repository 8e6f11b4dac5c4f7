"""Who may sign: parties, their roles, groups of related parties and public keys, as of an entry's own index.

Issuance decides these; every other service mirrors them from its log, so a signature is judged by the
entries of the deciding log before it. Revocation acts from its entry on and is never retroactive.
"""

from __future__ import annotations

from collections.abc import Iterator

from counterfoil.contract.events import KeyAdded, KeyRevoked, PartyRegistered
from counterfoil.contract.scalars import encode_base64


class Party:
    """A party and its keys: key id -> (public key, still in force)."""

    __slots__ = ("group_id", "keys", "name", "party_id", "roles")

    def __init__(self, party_id: str, name: str, roles: tuple[str, ...], group_id: str) -> None:
        self.party_id, self.name, self.roles, self.group_id = party_id, name, roles, group_id
        self.keys: dict[str, tuple[bytes, bool]] = {}

    def keys_in_force(self) -> int:
        """How many of its keys may sign."""
        return sum(1 for _, in_force in self.keys.values() if in_force)


class Directory:
    """The parties of one log, folded from its own events."""

    __slots__ = ("parties",)

    def __init__(self) -> None:
        self.parties: dict[str, Party] = {}

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
        self.parties[event.party_id].keys[event.key_id] = (event.public_key, True)

    def key_revoked(self, event: KeyRevoked) -> None:
        """Apply a revocation."""
        keys = self.parties[event.party_id].keys
        keys[event.key_id] = (keys[event.key_id][0], False)

    def records(self) -> Iterator[tuple[str, object]]:
        """Canonical records, one per party."""
        for party in self.parties.values():
            keys = [[key, encode_base64(raw), in_force] for key, (raw, in_force) in sorted(party.keys.items())]
            yield f"party/{party.party_id}", [party.name, list(party.roles), party.group_id, keys]
