"""`counterfoil keys`: key files on this machine, and the keys that parties have registered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from counterfoil.cli.command import Invalid, Out, local
from counterfoil.cli.keyring import Keyring
from counterfoil.cli.late import group
from counterfoil.cli.options import PartyId, Reason, argument, option
from counterfoil.cli.passphrases import Encrypt, PassphraseFile, new_passphrase, passphrase_of, wanted_passphrase
from counterfoil.cli.proofs import Proof, RecoveryProof, format_proof, proven
from counterfoil.cli.render import Record, Rows, plain
from counterfoil.cli.signing import KeysOption, SigningSession, signed, signing
from counterfoil.client.author import Author
from counterfoil.contract.record import Command as Body
from counterfoil.contract.scalars import decode_base64, encode_base64
from counterfoil.issuance.commands import AddKey, RevokeKey, SetRecoveryKey

app = group("keys")
_COLUMNS = ("name", "encrypted", "key_id", "public_key", "file")

Name = Annotated[str, argument("NAME", "The key file's name: a party's id, or any name for further keys.")]


def _ring(out: Out, keys: Path | None, passphrase_file: Path | None = None) -> Keyring:
    directory = keys if keys is not None else out.settings.key_directory
    return Keyring(directory, passphrase_of(out, passphrase_file))


def _row(ring: Keyring, name: str, author: Author | None) -> dict[str, Any]:
    """What may be seen of a key file; `author` is None if it was not opened."""
    return {
        "name": name,
        "encrypted": ring.encrypted(name),
        "key_id": None if author is None else author.key_id,
        "public_key": None if author is None else encode_base64(author.public_key),
        "file": str(ring.path(name)),
    }


@local(app, "new", "counterfoil keys new springfield --encrypt")
def new(
    out: Out, name: Name, keys: KeysOption = None, encrypt: Encrypt = False, passphrase_file: PassphraseFile = None
) -> None:
    """Make a key file that only you can read (PKCS#8 in PEM), and print its public half."""
    ring = _ring(out, keys)
    row = _row(ring, name, ring.create(name, wanted_passphrase(out, passphrase_file, encrypt)))
    out.show(row, Record(row))


@local(app, "show", "counterfoil keys show springfield")
def show(out: Out, name: Name, keys: KeysOption = None, passphrase_file: PassphraseFile = None) -> None:
    """Show the public half of a key file; the private half is never shown.

    The files of the logs' keys are in the directory log-keys of the instance: `--keys DIR`.
    """
    ring = _ring(out, keys, passphrase_file)
    row = _row(ring, name, ring.author(name))
    out.show(row, Record(row))


@local(app, "list", "counterfoil keys list", tabular=True)
def list_(out: Out, keys: KeysOption = None) -> None:
    """List the key files on this machine. Of an encrypted one, `keys show` tells the public half."""
    ring = _ring(out, keys)
    rows = [_row(ring, name, None if ring.encrypted(name) else ring.author(name)) for name in ring.names()]
    out.show(rows, Rows("key files", rows, _COLUMNS), columns=_COLUMNS)


@local(app, "passphrase", "counterfoil keys passphrase ledger --keys var/counterfoil/log-keys")
def passphrase(
    out: Out,
    name: Name,
    keys: KeysOption = None,
    passphrase_file: PassphraseFile = None,
    new_file: Annotated[
        Path | None, option("--new-passphrase-file", "A file (0600) with the new one. Default: typed.", metavar="FILE")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Leave the key without a passphrase.")] = False,
) -> None:
    """Encrypt a key file with a new passphrase, or with none. The key stays the same.

    Copies of the file keep the old one. If that leaked, replace the key.
    """
    ring = _ring(out, keys, passphrase_file)
    if remove and new_file is not None:
        raise Invalid("--remove and --new-passphrase-file exclude each other")
    if remove and not ring.encrypted(name):
        raise Invalid(f"{ring.path(name)} is not encrypted; nothing was changed")
    author = ring.encrypt(name, lambda: None if remove else new_passphrase(new_file))
    row = _row(ring, name, author)
    out.show(row, Record(row))


@local(app, "prove", "counterfoil keys prove springfield --party springfield --host vouchers.example.org")
def prove(
    out: Out,
    name: Name,
    party: Annotated[str, option("--party", "The party whose key it is to be.", metavar="PARTY")],
    host: Annotated[str, option("--host", "The instance: the first part of its logs' origins.", metavar="NAME")],
    recovery: Annotated[bool, typer.Option("--recovery", help="As a recovery key, which signs nothing else.")] = False,
    successor: Annotated[
        bytes | None,
        option(
            "--successor",
            "Consent, as the recovery key, to this public key in its place.",
            parse=decode_base64,
            metavar="BASE64",
        ),
    ] = None,
    keys: KeysOption = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Prove that you have a key, for whoever registers it: the operator, or a machine that has another of your keys.

    What is printed is no secret: it serves for this host, party and key alone.
    """
    author = _ring(out, keys, passphrase_file).author(party, name)
    if successor is not None:
        text = encode_base64(author.consent(host, successor, "recovery"))
    else:
        text = format_proof(author.prove(host, "recovery" if recovery else "signing"))
    out.show({"proof": text}, plain(text))


@signing(app, "add", "counterfoil keys add springfield-2 --as springfield")
def add(session: SigningSession, name: Name, proof: Proof = None) -> None:
    """Register one more key of the party that signs: that of a key file, unless its proof is given."""
    session.send(AddKey(key=proven(session, session.author.party_id, name, proof)))


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


@signing(app, "set-recovery", "counterfoil keys set-recovery springfield-offline --as springfield")
def set_recovery(
    session: SigningSession,
    name: Name,
    proof: RecoveryProof = None,
    before: Annotated[
        str | None, option("--before", "The key file of the recovery key that this one replaces.", metavar="NAME")
    ] = None,
    consent: Annotated[
        bytes | None,
        option("--consent", "That one's consent, if its file is not here.", parse=decode_base64, metavar="BASE64"),
    ] = None,
) -> None:
    """Name the key that recovers the party that signs from the loss or theft of all its other keys. Keep it offline.

    A party that has a recovery key needs that one's consent: `--before`, or `keys prove --successor` where its file is.
    """
    party = session.author.party_id
    key = proven(session, party, name, proof, "recovery")
    if before is not None and consent is None:
        consent = session.keyring.author(party, before).consent(session.host(), key.public_key, "recovery")
    session.send(SetRecoveryKey(key=key, consent=consent))
