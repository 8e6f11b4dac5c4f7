"""Evidence against a log that signed two checkpoints which contradict each other: one form, wherever it is noticed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from counterfoil.client.published import Met
from counterfoil.contract.scalars import encode_base64
from counterfoil.log.keys import VerifyKey
from counterfoil.syncing import sync_directory, written

_FOLDER: Final = "evidence"
_SIGNED: Final = "Both notes are signed by `vkey`. "
_SAME: Final = "They are over as many entries and have other roots, so two histories are shown."
_BACK: Final = "`found` came later and is over fewer entries, so the log went back."


class Proof(NamedTuple):
    """Of the longer of two checkpoints: the `root` that its log has at the size of the shorter (RFC 9162 2.1.4)."""

    root: bytes
    hashes: Sequence[bytes]


def keep_evidence(directory: Path, key: VerifyKey, kept: Met, found: Met, proof: Proof | None = None) -> Path:
    """Keep two checkpoints in a file of their own below `directory`; returns its path. The same again is the same file.

    Without `proof` the log went back, or both are of the same size. Raises OSError.
    """
    origin, sizes = key.name, (kept.head.size, found.head.size)
    document = {
        "meaning": _SIGNED + _meaning(min(sizes), proof, same=sizes[0] == sizes[1]),
        "origin": origin,
        "vkey": key.vkey(),
        "kept_size": sizes[0],
        "kept": kept.note.decode(),
        "found_size": sizes[1],
        "found": found.note.decode(),
        "root": None if proof is None else encode_base64(proof.root),
        "proof": [] if proof is None else [encode_base64(each) for each in proof.hashes],
    }
    folder = directory / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file_name(origin)}-{sizes[0]}-{sizes[1]}.json"
    with written(path) as file:
        file.write(json.dumps(document, indent=2).encode() + b"\n")
    sync_directory(folder)
    return path


def _meaning(shorter: int, proof: Proof | None, *, same: bool) -> str:
    if same:
        return _SAME
    if proof is None:
        return _BACK
    return (
        f"By `proof` (RFC 9162 2.1.4) the longer log has the root `root` at size {shorter}; the shorter has another "
        "one. So entries were changed, or two histories are shown."
    )


def file_name(origin: str) -> str:
    """An origin as a part of a file's name."""
    return origin.replace("/", "_").replace(":", "_")
