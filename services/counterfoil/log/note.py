"""C2SP signed-note: a text, a blank line, signature lines.

Read as bytes; every accepted note formats back to the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol, TypeVar

from counterfoil.log.errors import FormatError, SignatureError
from counterfoil.log.keys import SigningKey
from counterfoil.log.wire import b64decode, b64encode, check_name, decode_text, shown

NOTE_BYTES_MAX = 1_000_000
SIGNATURES_MAX = 100
"""The specification asks for at least 16."""

_KEY_ID_BYTES = 4
_DASH = b"\xe2\x80\x94 "


class NoteSignature(NamedTuple):
    """One signature line: key name, 4-byte key id, and a signature of that key's type."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> bytes:
        """`— <name> <base64(key id || signature)>` with its newline (C2SP signed-note)."""
        return _DASH + self.name.encode() + b" " + b64encode(self.key_id + self.signature) + b"\n"


class Note(NamedTuple):
    """A parsed note. The text is not to be believed before `verify_note`."""

    text: bytes
    signatures: tuple[NoteSignature, ...]


class Verifier(Protocol):
    """A trusted key of any signature type."""

    @property
    def name(self) -> str:
        """Key name."""

    @property
    def key_id(self) -> bytes:
        """4 bytes."""

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` (without the key id) holds for the note text `message`."""


VerifierT = TypeVar("VerifierT", bound=Verifier)


def parse_note(data: bytes) -> Note:
    """Split a note at its last blank line (C2SP signed-note); `FormatError` for anything not in the format."""
    if len(data) > NOTE_BYTES_MAX:
        raise FormatError(f"a note has at most {NOTE_BYTES_MAX} bytes, not {len(data)}")
    decode_text(data)
    blank = data.rfind(b"\n\n")
    if blank < 0 or not data.endswith(b"\n"):
        raise FormatError("a note is text, a blank line and signature lines, each with its newline")
    return Note(data[: blank + 1], parse_signatures(data[blank + 2 :]))


def parse_signatures(lines: bytes) -> tuple[NoteSignature, ...]:
    """1..100 signature lines, each with its newline (C2SP signed-note); `FormatError` otherwise."""
    count = lines.count(b"\n")
    if not 1 <= count <= SIGNATURES_MAX or not lines.endswith(b"\n"):
        raise FormatError(f"a note has 1..{SIGNATURES_MAX} signature lines, not {count}")
    return tuple(_parse_signature(line) for line in lines[:-1].split(b"\n"))


def sign_note(text: bytes, key: SigningKey) -> bytes:
    """A note with one Ed25519 signature over `text`, which ends in a newline (C2SP signed-note type 0x01).

    `FormatError` for a text that would not parse back.
    """
    decode_text(text)
    data = text + b"\n" + NoteSignature(key.name, key.verify_key.key_id, key.sign(text)).line()
    if not text.endswith(b"\n") or len(data) > NOTE_BYTES_MAX:
        raise FormatError(f"not a note text: {shown(text)}")
    return data


def verify_note(note: Note, keys: Iterable[VerifierT]) -> list[VerifierT]:
    """The trusted keys that signed, each once, in the order of the note (C2SP signed-note).

    Signatures of unknown keys are ignored. Raises `SignatureError` if a signature of a known (name, key id) does not
    verify, or if there is none; `FormatError` if two different trusted keys share name and key id.
    """
    known: dict[tuple[str, bytes], VerifierT] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise FormatError(f"two trusted keys are called {key.name!r} with id {key.key_id.hex()}")
    signed: dict[tuple[str, bytes], VerifierT] = {}
    for name, key_id, signature in note.signatures:
        trusted = known.get((name, key_id))
        if trusted is None:
            continue
        if not trusted.verify(note.text, signature):
            raise SignatureError(f"the signature of {name!r} with key id {key_id.hex()} does not verify")
        signed[name, key_id] = trusted
    if not signed:
        raise SignatureError(f"no signature by a trusted key; signed by {[s.name for s in note.signatures][:8]}")
    return list(signed.values())


def _parse_signature(line: bytes) -> NoteSignature:
    fields = line[len(_DASH) :].split(b" ")
    if not line.startswith(_DASH) or len(fields) != 2:
        raise FormatError(f"not a signature line: {shown(line)}")
    name = decode_text(fields[0])
    check_name(name)
    raw = b64decode(fields[1])
    if len(raw) <= _KEY_ID_BYTES:
        raise FormatError(f"a signature has more than {_KEY_ID_BYTES} bytes: {shown(line)}")
    return NoteSignature(name, raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:])
