"""What the log tests share: published vectors, recursive RFC 6962 proofs, and a published log in memory."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from counterfoil.log.checkpoint import Checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.keys import SigningKey
from counterfoil.log.merkle import leaf_hash
from counterfoil.log.note import Note
from counterfoil.log.tiles import encode_bundle, tiles_for

VECTORS = Path(__file__).parents[1] / "vectors"
ORIGIN = "counterfoil.example/ledger/main"
KEY = SigningKey(ORIGIN, bytes(range(32)))
OTHER_KEY = SigningKey("witness.example/w1", b"w" * 32)


def vector(name: str) -> Any:
    """The parsed JSON of one published vector file."""
    return json.loads((VECTORS / name).read_text())


def b64(text: str) -> bytes:
    return base64.b64decode(text)


def some_entries(count: int) -> list[bytes]:
    """Distinct entries of varying length."""
    return [b"entry %d" % index + b"." * (index % 7) for index in range(count)]


def some_leaves(count: int) -> list[bytes]:
    return [leaf_hash(entry) for entry in some_entries(count)]


def mth(leaves: Sequence[bytes]) -> bytes:
    """MTH of a list of leaf hashes exactly as RFC 6962 2.1 defines it, without the code under test."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    k = split_point(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def split_point(size: int) -> int:
    """The largest power of two smaller than `size` (the k of RFC 6962 2.1)."""
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def path_of(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]) exactly as RFC 6962 2.1.1 defines it."""
    if len(leaves) == 1:
        return []
    k = split_point(len(leaves))
    if index < k:
        return [*path_of(index, leaves[:k]), mth(leaves[k:])]
    return [*path_of(index - k, leaves[k:]), mth(leaves[:k])]


def subproof_of(old: int, leaves: Sequence[bytes], known: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b) exactly as RFC 6962 2.1.2 defines it; PROOF(m, D[n]) with b true."""
    if old == len(leaves):
        return [] if known else [mth(leaves)]
    k = split_point(len(leaves))
    if old <= k:
        return [*subproof_of(old, leaves[:k], known), mth(leaves[k:])]
    return [*subproof_of(old - k, leaves[k:], False), mth(leaves[:k])]


def tile_of(leaves: Sequence[bytes], level: int, index: int, width: int) -> bytes:
    """A tile by the formula of C2SP tlog-tiles."""
    span = 256**level
    first = index * 256
    return b"".join(mth(leaves[at * span : (at + 1) * span]) for at in range(first, first + width))


class PublishedLog:
    """Tiles and bundles by path, as a reader finds them; a path never published raises KeyError."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.entries = entries
        self.leaves = [leaf_hash(entry) for entry in entries]
        self.files: dict[str, bytes] = {}
        for ref in tiles_for(0, len(entries)):
            first = ref.index * 256
            self.files[ref.path()] = (
                encode_bundle(entries[first : first + ref.width])
                if ref.level < 0
                else tile_of(self.leaves, ref.level, ref.index, ref.width)
            )

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(ORIGIN, len(self.entries), mth(self.leaves))


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    """`data` with one byte changed: every position, in its lowest, case and highest bit."""
    for at in range(len(data)):
        for mask in (0x01, 0x20, 0x80):
            yield at, data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


def refused(call: Any, *args: Any) -> bool:
    """Whether `call` refuses with one of the package's own errors; any other error fails the test."""
    try:
        call(*args)
    except LogError:
        return True
    return False


def format_note(note: Note) -> bytes:
    """The bytes of a note (C2SP signed-note), whatever its text and signatures are."""
    return note.text + b"\n" + b"".join(signature.line() for signature in note.signatures)
