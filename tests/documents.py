"""Programme documents in tests: a small one, changed by paths, as commands and as events of issuance."""

from __future__ import annotations

from typing import Any, Final

from counterfoil.contract.events import DocumentPiecePut, ProgrammePublished
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.issuance.commands import PublishProgramme, PutDocument
from counterfoil.issuance.freeze_commands import RevokeVoucher, SuspendVoucher
from counterfoil.programme.documents import cut
from counterfoil.programme.reading import read_document
from counterfoil.programme.rules import Rules, rules_of
from tests.programme.given import changed

DOCUMENT: Final[dict[str, Any]] = {
    "schema": "counterfoil.programme/1",
    "id": "p1",
    "version": 1,
    "title": {"en": "Compute vouchers of the city"},
    "issuer": {"name": "The city"},
    "legal_basis": [{"title": "Notice 34 of the city"}],
    "valid": {"start": "2000-01-01", "end": "2099-12-31"},
    "unit": {"kind": "MONEY", "currency": "CNY"},
    "budget": {
        "envelopes": [{"id": "main", "period": {"kind": "PROGRAMME"}}],
        "exhaustion": {"mode": "FIRST_COME"},
    },
    "benefit": {
        "basis": "METERED_LINE",
        "tiers": [{"id": "all", "rate": "1/2"}],
        "rounding": {"mode": "TRUNCATE", "quantum": "0.01"},
    },
    "scope": {"classes": ["a100"], "regions": ["east"]},
    "providers": {"mode": "REGISTER", "registry": "Providers of the city"},
    "redemption": {"model": "DEDUCT_AT_PROVIDER", "claimant": "PROVIDER"},
    "transfer": {"mode": "NONE"},
    "expiry": {"rule": {"kind": "RELATIVE", "after_days": 365}},
    "control": {"freeze": {"grounds": ["INQUIRY"], "max_days": 30}, "revoke_grounds": ["FRAUD"]},
}
"""Half of any price, in one class and region."""


def suspending(voucher_id: str, days: int = 30) -> SuspendVoucher:
    """A suspension that the small document allows."""
    return SuspendVoucher(voucher_id=voucher_id, ground="INQUIRY", days=days, reason="audit")


def revoking(voucher_id: str) -> RevokeVoucher:
    """A revocation that it allows."""
    return RevokeVoucher(voucher_id=voucher_id, ground="FRAUD", reason="fraud")


def document(**changes: Any) -> dict[str, Any]:
    """The small document with other values at paths, ``__`` for dots: ``valid__end="2026-12-31"``; `...` removes."""
    value = DOCUMENT
    for path, new in changes.items():
        value = changed(value, path.replace("__", "."), new)
    return value


def rules_from(value: Any) -> Rules:
    """What a document lays down."""
    return rules_of(read_document(value))


def puts(data: bytes, digest: bytes) -> list[PutDocument]:
    """The commands that put bytes into the log."""
    pieces = cut(data)
    return [
        PutDocument(sha256=digest, piece=number, pieces=len(pieces), octets=octets)
        for number, octets in enumerate(pieces)
    ]


def publishing(value: Any) -> list[Body]:
    """The commands by which an issuer publishes a document."""
    read = read_document(value)
    digest = rules_of(read).digest
    return [*puts(read.data, digest), PublishProgramme(programme_id=read.document.id, document_sha256=digest)]


def published(value: Any, issuer_id: str = "city", document_id: str = "doc-1-0") -> list[Event]:
    """The events by which issuance published a document; each service takes them over as they are."""
    read = read_document(value)
    rules = rules_of(read)
    return [
        *(
            DocumentPiecePut(
                document_id=document_id, party_id=issuer_id, sha256=rules.digest, piece=each.piece, pieces=each.pieces,
                octets=each.octets,
            )
            for each in puts(read.data, rules.digest)
        ),
        ProgrammePublished(
            programme_id=read.document.id, version=read.document.version, issuer_id=issuer_id, document_id=document_id,
            rules_hash=rules.digest, title=rules.title, unit=rules.unit, warnings=(),
        ),
    ]  # fmt: skip
