"""`counterfoil keys`: key files on this machine, and the keys that parties have registered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from counterfoil.cli.command import Out, local
from counterfoil.cli.keyring import Keyring
from counterfoil.cli.listing import Listing, add_list
from counterfoil.cli.options import PartyId, Reason, argument, option
from counterfoil.cli.render import Rows, record
from counterfoil.cli.signing import KeysOption, SigningSession, signed, signing
from counterfoil.client.author import Author
from counterfoil.contract.record import Command as Body
from counterfoil.contract.scalars import decode_base64, encode_base64
from counterfoil.issuance.commands import AddKey, RevokeKey

app = typer.Typer(name="keys", help="Keys: make, show, register and revoke them.", no_args_is_help=True)

Name = Annotated[str, argument("NAME", "The key file's name: a party's id, or any name for further keys.")]
PublicKey = Annotated[
    bytes | None,
    option(
        "--public-key", "The public key, if its file is not here: 32 octets.", parse=decode_base64, metavar="BASE64"
    ),
]


def _ring(out: Out, keys: Path | None) -> Keyring:
    return Keyring(keys if keys is not None else out.settings.key_directory)


def _public(author: Author, path: Path) -> dict[str, Any]:
    return {
        "name": author.party_id,
        "key_id": author.key_id,
        "public_key": encode_base64(author.public_key),
        "file": str(path),
    }


@local(app, "new", "counterfoil keys new springfield")
def new(out: Out, name: Name, keys: KeysOption = None) -> None:
    """Make a key file that only you can read, and print its public half."""
    ring = _ring(out, keys)
    row = _public(ring.create(name), ring.path(name))
    out.show(row, record(row))


@local(app, "show", "counterfoil keys show springfield")
def show(out: Out, name: Name, keys: KeysOption = None) -> None:
    """Show the public half of a key file; the private half is never shown."""
    ring = _ring(out, keys)
    row = _public(ring.author(name), ring.path(name))
    out.show(row, record(row))


@local(app, "list", "counterfoil keys list")
def list_(out: Out, keys: KeysOption = None) -> None:
    """List the key files on this machine."""
    ring = _ring(out, keys)
    rows = [_public(ring.author(name), ring.path(name)) for name in ring.names()]
    out.show(rows, Rows("key files", rows, ("name", "key_id", "public_key", "file")))


@signing(app, "add", "counterfoil keys add springfield --new springfield-2 --as springfield")
def add(
    session: SigningSession,
    party: PartyId,
    new: Annotated[str | None, option("--new", "The key file whose public half is registered.", metavar="NAME")] = None,
    public_key: PublicKey = None,
) -> None:
    """Register one more key of a party: that of a key file, unless the public key is given."""
    key = public_key if public_key is not None else session.keyring.author(new if new is not None else party).public_key
    session.send(AddKey(party_id=party, public_key=key))


@signed(
    app, "revoke", "counterfoil keys revoke springfield 3f2a6c0d9b1e4a57 --reason lost --as springfield --key spare"
)
def revoke(
    party: PartyId,
    key_id: Annotated[str, argument("KEY_ID", "The key's id: `counterfoil keys registered` shows it.")],
    reason: Reason,
) -> Body:
    """Revoke a party's key: from now on it signs nothing."""
    return RevokeKey(party_id=party, key_id=key_id, reason=reason)


_REGISTERED = "party_id key_id public_key added_at revoked_at revoked_because"
add_list(app, Listing("keys", "registered keys", _REGISTERED), "registered")
