"""Programme documents on their way into the log, piece by piece; those that nobody publishes are dropped."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from counterfoil.contract.events import DocumentDropped, DocumentPiecePut
from counterfoil.contract.limits import MAX_PIECE_BYTES
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.commands import PutDocument
from counterfoil.issuance.state import IssuanceState

TIMER: Final = "document_expiry"
"""The timer that drops documents which were not published in time."""


def put_document(state: IssuanceState, body: PutDocument, actor: Party, at: At) -> Decision:
    """One piece of a document. The last one to arrive must make the bytes whose hash was announced."""
    document_id = state.documents.find(actor.party_id, body.sha256)
    if document_id is None:
        if state.documents.count(actor.party_id) >= state.rules.max_documents:
            return refuse(Code.OVER_LIMIT, field="sha256", limit=state.rules.max_documents)
        document_id = at.new_id("doc")
    elif state.documents.pieces.get((document_id, body.piece)) == body.octets:
        return refuse(Code.ALREADY_EXISTS, piece=body.piece)
    return _unfit(state, document_id, body) or [
        DocumentPiecePut(
            document_id=document_id,
            party_id=actor.party_id,
            sha256=body.sha256,
            piece=body.piece,
            pieces=body.pieces,
            octets=body.octets,
        )
    ]


def _unfit(state: IssuanceState, document_id: str, body: PutDocument) -> Refusal | None:
    kept, pieces = state.documents.kept.get(document_id), state.documents.pieces
    if body.piece >= body.pieces or (kept is not None and kept.of != body.pieces):
        return refuse(Code.DOCUMENT_MALFORMED, field="pieces")
    if body.piece < body.pieces - 1 and len(body.octets) != MAX_PIECE_BYTES:
        return refuse(Code.DOCUMENT_MALFORMED, field="octets", bytes=MAX_PIECE_BYTES)
    others = [pieces.get((document_id, each)) for each in range(body.pieces) if each != body.piece]
    there = [each for each in others if each is not None]
    if len(there) == len(others):
        there.insert(body.piece, body.octets)
        if sha256(b"".join(there)).digest() != body.sha256:
            return refuse(Code.DOCUMENT_MALFORMED, field="sha256")
    return None


def drop(state: IssuanceState, cutoff: int, _at: At) -> Sequence[Event]:
    """Timer: drop the documents whose time is over."""
    overdue = state.documents_due.reached(cutoff, state.rules.max_items_per_sweep)
    return [DocumentDropped(document_id=each, party_id=state.documents.kept[each].party_id) for each in overdue]


def next_due(state: IssuanceState) -> tuple[int, str] | None:
    """When the next document is dropped."""
    due = state.documents_due.next()
    return None if due is None else (due, TIMER)


# evolve -------------------------------------------------------------------------------------------------------------


def piece_put(state: IssuanceState, event: DocumentPiecePut, at: At) -> None:
    """Apply a piece; with its first one a document waits for the rest."""
    state.documents.piece_put(event, at)
    state.drop_later(event.document_id)


def dropped(state: IssuanceState, event: DocumentDropped, _at: At) -> None:
    """Apply that a document was not published in time."""
    state.documents.dropped(event)
    state.documents_due.ended()
