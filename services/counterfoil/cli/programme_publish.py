"""Programme documents into a log: `counterfoil programme publish`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli.bulk import batched
from counterfoil.cli.command import FOUND
from counterfoil.cli.document_files import read_data
from counterfoil.cli.options import argument
from counterfoil.cli.programme_files import finding_rows, read_rules
from counterfoil.cli.published_rules import described_lines
from counterfoil.cli.render import Rows, lines, plain
from counterfoil.cli.signing import SigningSession, signing
from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusal_meanings import MEANINGS
from counterfoil.contract.refusals import Code
from counterfoil.issuance.commands import PublishProgramme, PutDocument
from counterfoil.programme.documents import cut
from counterfoil.programme.findings import Finding
from counterfoil.programme.lint import blocks, lint
from counterfoil.programme.reading import Read
from counterfoil.programme.rules import Rules


def add_to(app: typer.Typer) -> None:
    """Add the commands to `counterfoil programme`."""
    signing(app, "publish", "counterfoil programme publish programme.yaml --as springfield")(publish)


def publish(
    session: SigningSession,
    file: Annotated[Path, argument("FILE", "A programme document: YAML, or JSON if its name ends in .json.")],
) -> None:
    """Issuer: publish a programme, or its next version; vouchers keep the version that issued them.

    The linter reads the document first: its errors block publication (exit code 1), its warnings are recorded. The
    document's bytes are put into the log piece by piece, then published; run it again if it was interrupted.
    With --dry-run it shows the bytes, their hash, the findings and what they mean.
    """
    read, rules = read_rules(file, read_data(file))
    found = lint(rules)
    if session.dry_run or blocks(found):
        _show(session, read, rules, found)
        raise typer.Exit(FOUND if blocks(found) else 0)
    for batch in batched(_pieces(read.data, rules.digest)):
        _put(session, batch)
    session.send(PublishProgramme(programme_id=read.document.id, document_sha256=rules.digest))


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
