"""A published programme's document and its rules, as a gateway has them."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from counterfoil.cli.command import Invalid
from counterfoil.client.problems import as_answered

if TYPE_CHECKING:
    from counterfoil.client.http import Gateway
    from counterfoil.programme.rules import Rules


def row_of(gateway: Gateway, programme: str, version: int) -> dict[str, Any] | None:
    """The row of a version that was published by a document; None if there is none."""
    rows = gateway.rows("programme_documents", {"programme_id": programme})
    return next((dict(row) for row in rows if int(row["version"]) == version), None)


def bytes_of(gateway: Gateway, row: Mapping[str, Any]) -> bytes:
    """The bytes of a published document. Raises `Invalid` if they are not those that were published."""
    from counterfoil.contract.scalars import decode_base64

    pieces = gateway.rows("document_pieces", {"document_id": row["document_id"]})
    with as_answered():
        data = b"".join(decode_base64(each["octets"]) for each in sorted(pieces, key=lambda each: int(each["piece"])))
    if sha256(data).hexdigest() != row["rules_hash"]:
        raise Invalid("the gateway's copy of the document has another hash than the one that was published")
    return data


def rules_in(gateway: Gateway, row: Mapping[str, Any]) -> Rules:
    """The rules of a published document. Raises `Invalid`."""
    from counterfoil.programme.reading import read_bytes
    from counterfoil.programme.rules import rules_of

    return rules_of(read_bytes(bytes_of(gateway, row)))


def described_sections(rules: Rules) -> dict[str, list[str]]:
    """What a programme lays down: sentences by heading."""
    from counterfoil.programme.describing import described

    return {each.heading: list(each.sentences) for each in described(rules)}


def described_lines(rules: Rules) -> list[str]:
    """What a programme lays down, as lines of text."""
    sections = described_sections(rules).items()
    texts = [line for heading, sentences in sections for line in ("", heading, *(f"  {text}" for text in sentences))]
    return texts[1:]
