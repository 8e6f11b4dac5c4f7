"""Programme documents in the state of a service: the pieces that were put, and the rules of those that were published.

Every service has the same records, each from issuance's events. The state holds bytes; what they mean is a value that a
process makes of them once, by their hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from counterfoil.contract.ensure import ensure
from counterfoil.contract.events import (
    DocumentDropped,
    DocumentPiecePut,
    ProgrammePublished,
    ProgrammePublishedV1,
    Published,
)
from counterfoil.contract.limits import MAX_PIECE_BYTES
from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.core.decider import ServiceState, mirror
from counterfoil.core.form import COUNT, FLAG, OCTETS, TEXT, TIME, Form, row
from counterfoil.core.programmes import PROGRAMME, Phases
from counterfoil.core.table import Nested, Records, Table
from counterfoil.programme.reading import read_bytes
from counterfoil.programme.rules import Rules, rules_of
from counterfoil.programme.terms import Terms


class Kept(NamedTuple):
    """A document: whose it is, the hash of all its bytes, and of how many pieces how many are there.

    `since`, `entry`: time and entry of its first piece. `published`: it stays for ever.
    """

    party_id: str
    sha256: bytes
    of: int
    received: int
    since: int
    entry: int
    published: bool = False


DOCUMENT: Final = Form(
    "document",
    ("document_id",),
    row(
        Kept, party_id=TEXT, sha256=OCTETS, of=COUNT, received=COUNT, since=TIME, entry=COUNT, published=FLAG,
    ),
    "a document that a party puts into the log, or has published",
)  # fmt: skip
PIECE: Final = Form(
    "piece",
    ("document_id", "piece"),
    OCTETS,
    "bytes of a document; the pieces in order are all of it",
    numbers=("piece",),
)
_MOST_KNOWN: Final = 1_024
_KNOWN: Final[dict[bytes, Rules]] = {}
"""Rules by the hash of their document: what it says follows from its bytes, so all states share one value."""


def cut(data: bytes) -> tuple[bytes, ...]:
    """The pieces in which the bytes of a document are put into a log."""
    return tuple(data[start : start + MAX_PIECE_BYTES] for start in range(0, len(data), MAX_PIECE_BYTES))


def rules_by_hash(digest: bytes, data: Callable[[], bytes]) -> Rules:
    """The rules of the document with this hash; its bytes are asked for if this process does not know it yet.

    Ensures that they have the hash.
    """
    rules = _KNOWN.get(digest)
    if rules is None:
        found = data()
        ensure(sha256(found).digest() == digest, f"the bytes of document {digest.hex()} are others")
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        rules = _KNOWN[digest] = rules_of(read_bytes(found))
    return rules


class Documents:
    """The documents of a state."""

    __slots__ = ("kept", "pieces", "unpublished")

    def __init__(self) -> None:
        self.kept: Table[str, Kept] = Table(DOCUMENT)
        self.pieces: Table[tuple[str, int], bytes] = Table(PIECE)
        self.unpublished: dict[str, dict[bytes, str]] = {}
        """By party and hash the documents that are not published."""

    def tables(self) -> tuple[Records, ...]:
        """What is state."""
        return self.kept, self.pieces

    def find(self, party_id: str, digest: bytes) -> str | None:
        """The party's document with this hash that is not published, if there is one."""
        return self.unpublished.get(party_id, {}).get(digest)

    def count(self, party_id: str) -> int:
        """How many documents of a party are not published."""
        return len(self.unpublished.get(party_id, ()))

    def missing(self, document_id: str) -> Iterator[int]:
        """The pieces that are not there."""
        return (each for each in range(self.kept[document_id].of) if (document_id, each) not in self.pieces)

    def data(self, document_id: str) -> bytes:
        """The bytes of a document of which no piece is missing."""
        return b"".join(self.pieces[document_id, each] for each in range(self.kept[document_id].of))

    def terms(self, published: Published) -> Terms:
        """What a version lays down."""
        if not isinstance(published, ProgrammePublished):
            return published.terms
        return rules_by_hash(published.rules_hash, lambda: self.data(published.document_id))

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        self.unpublished = {}
        for document_id, kept in self.kept.items():
            if not kept.published:
                self._index(document_id, kept)

    def _index(self, document_id: str, kept: Kept) -> None:
        self.unpublished.setdefault(kept.party_id, {})[kept.sha256] = document_id

    def _unindex(self, kept: Kept) -> None:
        mine = self.unpublished[kept.party_id]
        del mine[kept.sha256]
        if not mine:
            del self.unpublished[kept.party_id]

    # what events do ---------------------------------------------------------------------------------------------------

    def piece_put(self, event: DocumentPiecePut, at: At) -> None:
        """Keep a piece."""
        kept = self.kept.get(event.document_id)
        if kept is None:
            kept = Kept(event.party_id, event.sha256, event.pieces, 0, at.time, at.index)
            self._index(event.document_id, kept)
        new = (event.document_id, event.piece) not in self.pieces
        self.kept[event.document_id] = kept._replace(received=kept.received + new)
        self.pieces[event.document_id, event.piece] = event.octets

    def dropped(self, event: DocumentDropped) -> None:
        """Forget a document."""
        kept = self.kept.pop(event.document_id)
        self._unindex(kept)
        for each in range(kept.of):
            if (event.document_id, each) in self.pieces:
                del self.pieces[event.document_id, each]

    def published(self, event: ProgrammePublished) -> None:
        """Keep a document for ever."""
        kept = self.kept[event.document_id]
        self._unindex(kept)
        self.kept[event.document_id] = kept._replace(published=True)


class ProgrammeState(ServiceState):
    """The state of a service that knows programmes by their documents."""

    __slots__ = ("documents", "phases")

    def __init__(self) -> None:
        super().__init__()
        self.phases = self.keep(Phases())
        self.documents = Documents()
        for table in self.documents.tables():
            self.keep(table)

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        super().rebuild()
        self.documents.rebuild()


class ProgrammesState(ProgrammeState):
    """The state of a service that takes programmes over from issuance: every version of each, by number."""

    __slots__ = ("programmes",)

    def __init__(self) -> None:
        super().__init__()
        self.programmes: Nested[int, Published] = self.keep(Nested(PROGRAMME))

    def terms(self, programme_id: str, version: int) -> Terms:
        """What a version lays down."""
        return self.documents.terms(self.programmes[programme_id][version])

    def every_terms(self, programme_id: str) -> dict[int, Terms]:
        """What each version lays down, by number."""
        return {number: self.documents.terms(each) for number, each in self.programmes[programme_id].items()}

    def currency(self, programme_id: str) -> str:
        """What the programme's vouchers are counted in, the same in all its versions."""
        return self.terms(programme_id, next(iter(self.programmes[programme_id]))).currency

    def issuer(self, programme_id: str) -> str:
        """Whose programme it is, in all of its versions."""
        return next(iter(self.programmes[programme_id].values())).issuer_id

    def has_version(self, programme_id: str, version: int) -> bool:
        """Whether the version has arrived from issuance."""
        return version in self.programmes.get(programme_id, {})


def programme_published(state: ProgrammesState, event: Published, _at: At) -> None:
    """Apply a version; vouchers of the earlier ones keep theirs."""
    state.programmes.put((event.programme_id, event.version), event)
    if isinstance(event, ProgrammePublished):
        state.documents.published(event)


def document_piece_put(state: ProgrammeState, event: DocumentPiecePut, at: At) -> None:
    """Apply a piece."""
    state.documents.piece_put(event, at)


def document_dropped(state: ProgrammeState, event: DocumentDropped, _at: At) -> None:
    """Apply that a document was not published in time."""
    state.documents.dropped(event)


TAKEN_OVER: Final = dict.fromkeys((DocumentPiecePut, DocumentDropped, ProgrammePublished, ProgrammePublishedV1), mirror)
"""The reactions of a service that takes programmes over."""
APPLIED: Final[Mapping[type[Event], Callable[[Any, Any, At], None]]] = {
    DocumentPiecePut: document_piece_put,
    DocumentDropped: document_dropped,
    ProgrammePublished: programme_published,
    ProgrammePublishedV1: programme_published,
}
"""What these do to its state."""
