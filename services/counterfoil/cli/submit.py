"""`counterfoil submit`: signs and sends a command that was prepared elsewhere, such as in the console."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli.command import Invalid
from counterfoil.cli.files import read_bytes
from counterfoil.cli.options import argument
from counterfoil.cli.signing import SigningSession, refused_form, signing
from counterfoil.contract.limits import MAX_PAYLOAD_BYTES
from counterfoil.contract.record import Command as Body

_BYTES_MAX = 4 * MAX_PAYLOAD_BYTES
"""Of a file, which may have white space that the signed bytes have not."""
_MEMBERS = ("type", "v", "body")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @signing(app, "submit", "counterfoil submit place_bid.json --as acme")
    def submit(
        session: SigningSession,
        file: Annotated[Path, argument("FILE", "A command as JSON: its `type`, `v` and `body`.")],
    ) -> None:
        """Sign and send a command that the console has prepared. With --dry-run, see first what it means."""
        session.send(read(file))


def read(file: Path) -> Body:
    """The command in a file. Raises `Invalid`."""
    from counterfoil.contract.canonical import Refused, parse_json
    from counterfoil.vocabulary import CODEC

    data = read_bytes(file, _BYTES_MAX)
    try:
        value = parse_json(data, _BYTES_MAX)
        if not isinstance(value, dict) or set(value) != set(_MEMBERS):
            raise Invalid(f"{file}: a JSON object with {', '.join(_MEMBERS)} is expected, as the console prepares it")
        return CODEC.load_body(*(value[name] for name in _MEMBERS))
    except Refused as problem:
        raise Invalid(f"{file}: {refused_form(problem.refusal.code.value, dict(problem.refusal.detail))}") from problem
