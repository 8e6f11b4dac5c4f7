"""C2SP tlog-checkpoint: the tree head of a log as the text of a signed note, without extension lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from counterfoil.contract.ensure import ensure
from counterfoil.log.errors import FormatError, SignatureError
from counterfoil.log.keys import SigningKey
from counterfoil.log.merkle import EMPTY_ROOT
from counterfoil.log.note import Verifier, parse_note, sign_note, verify_note
from counterfoil.log.wire import b64encode, check_name, decode_hash, decode_text, parse_decimal, shown


class Checkpoint(NamedTuple):
    """A tree head: origin (also the log's key name), size 0..2**63-1, 32-byte root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        r"""`<origin>\n<size>\n<base64 root>\n` (C2SP tlog-checkpoint)."""
        return b"%b\n%d\n%b\n" % (self.origin.encode(), self.size, b64encode(self.root))


def empty_checkpoint(origin: str) -> Checkpoint:
    """The head of a log before its first entry."""
    return Checkpoint(origin, 0, EMPTY_ROOT)


def parse_checkpoint(text: bytes) -> Checkpoint:
    """The head in a checkpoint's text (C2SP tlog-checkpoint, extension lines refused); `FormatError` otherwise."""
    lines = text.split(b"\n")
    if len(lines) != 4 or lines[3]:
        raise FormatError(f"a checkpoint has three lines: {shown(text)}")
    origin = decode_text(lines[0])
    check_name(origin)
    checkpoint = Checkpoint(origin, parse_decimal(lines[1]), decode_hash(lines[2]))
    if not checkpoint.size and checkpoint.root != EMPTY_ROOT:
        raise FormatError(f"a log of size 0 has root {EMPTY_ROOT.hex()}, not {checkpoint.root.hex()}")
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """The signed note of `checkpoint` (C2SP tlog-checkpoint). For a log's own key use `signer.Signer`."""
    ensure(key.name == checkpoint.origin, f"key {key.name!r} does not sign for {checkpoint.origin!r}")
    text = checkpoint.text()
    ensure(parse_checkpoint(text) == checkpoint, "what is signed reads back as the checkpoint")
    return sign_note(text, key)


def open_checkpoint(note: bytes, keys: Iterable[Verifier]) -> Checkpoint:
    """The checkpoint in `note`, believed because a trusted key that bears the origin's name signed it.

    `keys` may hold several keys of the log (rotation) and those of witnesses. C2SP tlog-checkpoint and signed-note:
    `FormatError` for bytes not in the format, `SignatureError` if the log's signature is missing or any known key's
    signature does not verify.
    """
    parsed = parse_note(note)
    signed_by = verify_note(parsed, keys)
    checkpoint = parse_checkpoint(parsed.text)
    if all(key.name != checkpoint.origin for key in signed_by):
        raise SignatureError(f"checkpoint of {checkpoint.origin!r} is signed by {[key.name for key in signed_by]} only")
    return checkpoint
