"""Verifies receipts: that an entry is in a log, and that it decides the command that was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from counterfoil import __version__
from counterfoil.client.problems import NotProven, NotUnderstood
from counterfoil.contract.canonical import Refused
from counterfoil.contract.codec import encode_entry
from counterfoil.contract.entry import CommandCause, Entry
from counterfoil.contract.envelope import open_envelope
from counterfoil.contract.record import Command
from counterfoil.contract.scalars import decode_base64
from counterfoil.log.checkpoint import Checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.verify import verify_receipt
from counterfoil.words import codec_at


class Proven(NamedTuple):
    """An entry and the signed checkpoint that covers it."""

    entry: Entry
    checkpoint: Checkpoint

    def commands(self) -> tuple[Command, ...]:
        """The commands that the entry decides; none if nobody sent one."""
        cause = self.entry.cause
        if not isinstance(cause, CommandCause):
            return ()
        return codec_at(self.entry.origin).decode_payload(cause.payload, cause.signature).bodies


def read_entry(origin: str, data: bytes) -> Entry:
    """An entry of a log, by the words of its service, or if it has others, of all. Raises `Refused`."""
    try:
        return codec_at(origin).decode_entry(data)
    except Refused:
        from counterfoil.vocabulary import CODEC  # the words of all services take as long as the rest of a start

        return CODEC.decode_entry(data)


def parse_vkeys(text: str) -> dict[str, VerifyKey]:
    """Pinned log keys by origin, of a text with one vkey per line. Raises `NotProven`.

    Blank lines and lines that start with ``#`` are ignored.
    """
    keys = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            try:
                key = VerifyKey.parse(line.strip())
            except LogError as problem:
                raise NotProven(f"line {number} of the pinned keys: {problem}") from problem
            keys[key.name] = key
    return keys


def verify_entry(data: bytes, proof: bytes, key: VerifyKey) -> Proven:
    """Entry bytes and their tlog-proof under a pinned key of the log. Raises `NotProven`, `NotUnderstood`."""
    try:
        receipt, checkpoint = verify_receipt(proof, data, [key])
    except LogError as problem:
        raise NotProven(f"the receipt does not verify: {problem}") from problem
    try:
        entry = read_entry(checkpoint.origin, data)
    except Refused as problem:
        raise NotUnderstood(
            f"entry {receipt.index} of {checkpoint.origin} is in the log, but this client, release {__version__}, does"
            f" not know its words ({problem}): use the release that the gateway runs"
        ) from problem
    if encode_entry(entry) != data or (entry.origin, entry.index) != (checkpoint.origin, receipt.index):
        raise NotProven(f"the entry is not entry {receipt.index} of {checkpoint.origin} in canonical form")
    return Proven(entry, checkpoint)


def verify_answer(receipt: Mapping[str, Any], key: VerifyKey, envelope: bytes | None = None) -> Proven:
    """A gateway's receipt under a pinned key; with `envelope`, also that the entry decides that command.

    The other members of the receipt's JSON are not verified: read the `Proven` entry. Raises as `verify_entry`.
    """
    try:
        data, proof = decode_base64(str(receipt["entry"])), str(receipt["proof"]).encode()
    except (KeyError, TypeError, ValueError) as problem:
        raise NotProven(f"not a receipt: {problem!r}") from problem
    proven = verify_entry(data, proof, key)
    cause = proven.entry.cause
    if envelope is not None:
        payload, _ = open_envelope(envelope)
        if not isinstance(cause, CommandCause) or cause.payload != payload:
            raise NotProven(
                f"entry {proven.entry.index} of {proven.entry.origin} decides a different command than the one sent"
            )
    return proven
