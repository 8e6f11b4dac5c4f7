"""`counterfoil programme document`: a published document, as it was signed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli.command import Invalid
from counterfoil.cli.files import replacing
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.options import argument, option
from counterfoil.cli.published_rules import bytes_of, row_of
from counterfoil.cli.render import plain
from counterfoil.contract.canonical import loads


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @remote(app, "document", "counterfoil programme document springfield-2026 --into springfield.json")
    def document(
        session: GatewaySession,
        programme: Annotated[str, argument("PROGRAMME", "The programme's id.")],
        version: Annotated[
            int | None, option("--version", "Which version. Default: the current one.", metavar="N")
        ] = None,
        into: Annotated[Path | None, option("--into", "A file for the exact bytes, which have the hash.")] = None,
    ) -> None:
        """Show a programme's document. With --into, write the exact bytes, which its hash and its signature are of."""
        gateway = session.gateway
        number = version if version is not None else int(gateway.get("programmes", programme)["version"])
        row = row_of(gateway, programme, number)
        if row is None:
            raise Invalid(f"version {number} of {programme} was published without a document")
        data = bytes_of(gateway, row)
        if into is None:
            session.out.show(loads(data), plain(data.decode()))
            return
        with replacing(into, binary=True) as file:
            file.write(data)
        told = {"file": str(into), "bytes": len(data), "rules_hash": row["rules_hash"]}
        session.out.show(told, plain(f"{into}: {len(data):,} bytes, rules {row['rules_hash']}"))
