"""Events that every log may hold: of the log itself, of the parties who may sign in it, of programmes' documents."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import (
    Count,
    Currency,
    DerivedTime,
    Digest,
    Id,
    KeyId,
    MinorUnits,
    Name,
    Origin,
    Piece,
    PieceNumber,
    Pieces,
    PublicKey,
    Reason,
    Release,
    Role,
    Unit,
    Version,
    Word,
)
from counterfoil.contract.terms import ProgrammeTerms


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


@event("currency.registered.v1")
class CurrencyRegistered(Event):
    """A currency that is not in ISO 4217 may be used; its minor unit has so many decimals."""

    currency: Currency
    minor_units: MinorUnits


@event("party.registered.v1")
class PartyRegistered(Event):
    """A party takes part, with its roles and its group of related parties."""

    party_id: Id
    name: Name
    roles: tuple[Role, ...]
    group_id: Id


@event("group.attested.v1")
class GroupAttested(Event):
    """A party belongs to a group of related parties since `since`, says `attested_by`, and names its source.

    `group_after`: the group that it belongs to from here on; another one if a later fact is known.
    """

    party_id: Id
    group_id: Id
    since: DerivedTime
    source: Reason
    attested_by: Id
    group_after: Id


@event("key.added.v1")
class KeyAdded(Event):
    """From here on `public_key` may sign for the party."""

    party_id: Id
    key_id: KeyId
    public_key: PublicKey


@event("recovery_key.set.v1")
class RecoveryKeySet(Event):
    """From here on `public_key` may sign the party's `recover_party`, in the place of the recovery key `replaces`."""

    party_id: Id
    key_id: KeyId
    public_key: PublicKey
    replaces: KeyId | None


@event("party.recovered.v1")
class PartyRecovered(Event):
    """All keys of the party, `revoked`, are revoked, and `public_key` is in force; if it was closed, it is open again.

    `proposed_by`: the operator whose proposal nobody objected to, with its reason; None: by the party's recovery key.
    A `recovery_key` takes the place of the one before.
    """

    recovery_id: Id
    party_id: Id
    proposed_by: Id | None
    reason: Reason | None
    key_id: KeyId
    public_key: PublicKey
    recovery_key: PublicKey | None
    revoked: tuple[KeyId, ...]


@event("party.closed.v1")
class PartyClosed(Event):
    """From here on the party gives no commands but those that end what it has under way."""

    party_id: Id
    reason: Reason


@event("party.suspended.v1")
class PartySuspended(Event):
    """Until it is reinstated the party gives no commands but those that end what it has under way."""

    party_id: Id
    reason: Reason


@event("party.reinstated.v1")
class PartyReinstated(Event):
    """The suspension is lifted; what it ended stays ended."""

    party_id: Id
    reason: Reason


@event("key.revoked.v1")
class KeyRevoked(Event):
    """From here on the key may not sign."""

    party_id: Id
    key_id: KeyId
    reason: Reason


# programmes and their documents ---------------------------------------------------------------------------------------


@event("programme.published.v1")
class ProgrammePublishedV1(Event):
    """A version of a programme; `terms_hash` is SHA-256 of the canonical bytes of the terms."""

    programme_id: Id
    version: Version
    issuer_id: Id
    terms_hash: Digest
    terms: ProgrammeTerms


@event("document.piece_put.v1")
class DocumentPiecePut(Event):
    """Piece `piece` of the `pieces` of a document that a party puts into the log; `sha256` is of all its bytes.

    Another piece of the same number takes the place of the one before.
    """

    document_id: Id
    party_id: Id
    sha256: Digest
    piece: PieceNumber
    pieces: Pieces
    octets: Piece


@event("document.dropped.v1")
class DocumentDropped(Event):
    """The document was not published in time: its pieces are gone."""

    document_id: Id
    party_id: Id


@event("programme.published.v2")
class ProgrammePublished(Event):
    """A version of a programme, as the document `document_id` lays down; `rules_hash` is SHA-256 of its bytes.

    `title` and `unit` are for lists; all else is asked of the document. `warnings`: the codes of what the linter found
    and did not refuse, sorted.
    """

    programme_id: Id
    version: Version
    issuer_id: Id
    document_id: Id
    rules_hash: Digest
    title: Name
    unit: Unit
    warnings: tuple[Word, ...]


Published = ProgrammePublished | ProgrammePublishedV1
"""What published a version: a document, or terms."""
