"""Events that every log may hold: of the log itself, and of the parties who may sign in it."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import (
    Count,
    DerivedTime,
    Digest,
    Id,
    KeyId,
    Name,
    Origin,
    PublicKey,
    Reason,
    Release,
    Role,
    Version,
)


@event("log.opened.v1")
class LogOpened(Event):
    """The first event of every log: version `rules` decides from the next entry on; `release` is one that knows it."""

    origin: Origin
    rules: Version
    release: Release


@event("state.rooted.v1")
class StateRooted(Event):
    """Commits to the service's whole state after `entries` entries: RFC 6962 root over its canonical records."""

    entries: Count
    records: Count
    root: Digest


@event("writer.resumed.v1")
class WriterResumed(Event):
    """The log decides again: it decided nothing from `away_since` until this entry, and deadlines waited meanwhile.

    None that this fell into ends before `earliest`.
    """

    away_since: DerivedTime
    earliest: DerivedTime


@event("rules.adopted.v1")
class RulesAdopted(Event):
    """From the next entry on, version `rules` decides instead of `replaces`; `release` is one that knows it."""

    rules: Version
    replaces: Version
    release: Release


@event("party.registered.v1")
class PartyRegistered(Event):
    """A party takes part, with its roles and its group of related parties."""

    party_id: Id
    name: Name
    roles: tuple[Role, ...]
    group_id: Id


@event("key.added.v1")
class KeyAdded(Event):
    """From here on `public_key` may sign for the party."""

    party_id: Id
    key_id: KeyId
    public_key: PublicKey


@event("key.revoked.v1")
class KeyRevoked(Event):
    """From here on the key may not sign."""

    party_id: Id
    key_id: KeyId
    reason: Reason
