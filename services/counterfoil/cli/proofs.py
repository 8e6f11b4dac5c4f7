"""Keys with the proof of who has them, on the command line: made from a key file, or as text from another machine."""

from __future__ import annotations

from typing import Annotated, Any

from counterfoil.cli.command import Invalid
from counterfoil.cli.options import option
from counterfoil.cli.signing import SigningSession
from counterfoil.contract.possession import ProvenKey, Use
from counterfoil.contract.scalars import decode_base64, encode_base64


def format_proof(key: ProvenKey) -> str:
    """``KEY:PROOF``, both in base64."""
    return f"{encode_base64(key.public_key)}:{encode_base64(key.proof)}"


def parse_proof(text: str) -> ProvenKey:
    """The inverse. Raises ValueError."""
    public_key, colon, proof = text.partition(":")
    if not colon:
        raise ValueError("KEY:PROOF is expected, as `counterfoil keys prove` prints it")
    return ProvenKey(public_key=decode_base64(public_key), proof=decode_base64(proof))


def _proof(flag: str, what: str) -> Any:
    text = f"{what}, as `counterfoil keys prove` printed it, if its file is not here."
    return option(flag, text, parse=parse_proof, metavar="KEY:PROOF")


Proof = Annotated[ProvenKey | None, _proof("--proof", "The key")]
RecoveryName = Annotated[
    str | None, option("--recovery", "The key file of the recovery key, kept offline otherwise.", metavar="NAME")
]
RecoveryProof = Annotated[ProvenKey | None, _proof("--recovery-proof", "The recovery key")]


def proven(session: SigningSession, party: str, name: str, proof: ProvenKey | None, use: Use = "signing") -> ProvenKey:
    """The key of a party: as it was proven elsewhere, or that of the key file `name`."""
    return proof if proof is not None else session.keyring.author(party, name).prove(session.host(), use)


def recovery_key(session: SigningSession, party: str, name: str | None, proof: ProvenKey | None) -> ProvenKey | None:
    """The recovery key of a party, if one is named. Raises `Invalid` if it is named twice."""
    if name is not None and proof is not None:
        raise Invalid("--recovery and --recovery-proof name the same key: give one of the two")
    return proof if name is None else proven(session, party, name, proof, "recovery")
