"""Programme documents into a log, and out of it again: `counterfoil programme publish`, `document`, `documents`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterfoil.cli.bulk import batched
from counterfoil.cli.command import FOUND, Invalid
from counterfoil.cli.document_files import read_data
from counterfoil.cli.files import replacing
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.options import argument, option
from counterfoil.cli.programme_files import described_lines, finding_rows, read_rules
from counterfoil.cli.render import Rows, lines, plain
from counterfoil.cli.signing import SigningSession, refused_form, signing
from counterfoil.client.problems import as_answered
from counterfoil.contract.canonical import Refused, loads
from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import MEANINGS, Code
from counterfoil.contract.scalars import decode_base64
from counterfoil.issuance.commands import PublishProgramme, PutDocument
from counterfoil.programme.documents import cut
from counterfoil.programme.findings import Finding
from counterfoil.programme.lint import blocks, lint
from counterfoil.programme.reading import Read, read_bytes
from counterfoil.programme.rules import Rules, rules_of
from counterfoil.vocabulary import CODEC

if TYPE_CHECKING:
    from counterfoil.client.http import Gateway


def add_to(app: typer.Typer) -> None:
    """Add the commands to `counterfoil programme`."""
    signing(app, "publish", "counterfoil programme publish programme.yaml --as springfield")(publish)
    remote(app, "document", "counterfoil programme document springfield-2026 --into springfield.json")(document)


def publish(
    session: SigningSession,
    file: Annotated[Path, argument("FILE", "A programme document: YAML, or JSON if its name ends in .json.")],
) -> None:
    """Issuer: publish a programme, or its next version; vouchers keep the version that issued them.

    The linter reads the document first: its errors block publication (exit code 1), its warnings are recorded. The
    document's bytes are put into the log piece by piece, then published; run it again if it was interrupted.
    With --dry-run it shows the bytes, their hash, the findings and what they mean.
    """
    data = read_data(file)
    if isinstance(data, dict) and "terms" in data and "schema" not in data:
        session.send(_terms_of(file, data))
        return
    read, rules = read_rules(file, data)
    found = lint(rules)
    if session.dry_run or blocks(found):
        _show(session, read, rules, found)
        raise typer.Exit(FOUND if blocks(found) else 0)
    for batch in batched(_pieces(read.data, rules.digest)):
        _put(session, batch)
    session.send(PublishProgramme(programme_id=read.document.id, document_sha256=rules.digest))


def _terms_of(file: Path, data: Any) -> Body:
    """The command of a file in the form before documents: a share, a cap, classes and regions."""
    try:
        return CODEC.load_body("publish_programme", 1, data)
    except Refused as problem:
        raise Invalid(f"{file}: {refused_form(problem.refusal.code.value, dict(problem.refusal.detail))}") from problem


def _pieces(data: bytes, digest: bytes) -> Iterator[Body]:
    pieces = cut(data)
    for number, octets in enumerate(pieces):
        yield PutDocument(sha256=digest, piece=number, pieces=len(pieces), octets=octets)


def _put(session: SigningSession, batch: list[Body]) -> None:
    """Put pieces; those that are there already are no matter. Raises `RefusedByService`."""
    from counterfoil.client.problems import RefusedByService

    settled = session.deliver_batch(batch, None)
    for outcome in settled.proven.entry.outcomes:
        refusal = outcome.refusal
        if refusal is not None and refusal.code is not Code.ALREADY_EXISTS:
            raise RefusedByService(refusal.code.value, MEANINGS[refusal.code].text, dict(refusal.detail))


def _show(session: SigningSession, read: Read, rules: Rules, found: tuple[Finding, ...]) -> None:
    """What would be published, and what the linter and the rules say of it."""
    rows = finding_rows(found)
    value = {
        "programme_id": read.document.id, "version": read.document.version, "rules_hash": rules.digest.hex(),
        "bytes": len(read.data), "pieces": len(cut(read.data)), "findings": rows, "publishable": not blocks(found),
        "document": read.data.decode(),
    }  # fmt: skip
    told = f"nothing was signed or sent: {len(read.data):,} bytes, rules {rules.digest.hex()}"
    shown = Rows("findings", rows, ("severity", "code", "finding", "places", "why"))
    session.out.show(value, lines(described_lines(rules)), shown, plain(told))


def document(
    session: GatewaySession,
    programme: Annotated[str, argument("PROGRAMME", "The programme's id.")],
    version: Annotated[int | None, option("--version", "Which version. Default: the current one.", metavar="N")] = None,
    into: Annotated[Path | None, option("--into", "A file for the exact bytes, which have the hash.")] = None,
) -> None:
    """Show a programme's document. With --into, write the exact bytes, which its hash and its signature are of."""
    gateway = session.gateway
    number = version if version is not None else int(gateway.get("programmes", programme)["version"])
    row = row_of(gateway, programme, number)
    if row is None:
        raise Invalid(f"version {number} of {programme} was published without a document")
    rules_in(gateway, row)
    data = bytes_of(gateway, row)
    if into is None:
        session.out.show(loads(data), plain(data.decode()))
        return
    with replacing(into, binary=True) as file:
        file.write(data)
    told = {"file": str(into), "bytes": len(data), "rules_hash": row["rules_hash"]}
    session.out.show(told, plain(f"{into}: {len(data):,} bytes, rules {row['rules_hash']}"))


def row_of(gateway: Gateway, programme: str, version: int) -> dict[str, Any] | None:
    """The row of a version that was published by a document; None if there is none."""
    rows = gateway.rows("programme_documents", {"programme_id": programme})
    return next((dict(row) for row in rows if int(row["version"]) == version), None)


def bytes_of(gateway: Gateway, row: Mapping[str, Any]) -> bytes:
    """The bytes of a published document."""
    pieces = gateway.rows("document_pieces", {"document_id": row["document_id"]})
    with as_answered():
        return b"".join(decode_base64(each["octets"]) for each in sorted(pieces, key=lambda each: int(each["piece"])))


def rules_in(gateway: Gateway, row: Mapping[str, Any]) -> Rules:
    """The rules of a published document, whose bytes are compared with their hash. Raises `Invalid`."""
    data = bytes_of(gateway, row)
    if sha256(data).hexdigest() != row["rules_hash"]:
        raise Invalid("the gateway's copy of the document has another hash than the one that was published")
    return rules_of(read_bytes(data))
