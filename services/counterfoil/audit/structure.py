"""Checks that the published files are the log that its checkpoint signs: every file, every byte.

Numbered as in the report: (1) the key parses and is the one expected; (2) the checkpoint is signed by it; (3) the right
edge hashes to its root; (4) each bundle holds exactly its entries, each hashing to its leaf; (5) every other file below
the log is a tile or bundle of this tree, byte for byte, however old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from counterfoil.audit.files import LogFiles
from counterfoil.audit.report import Finding
from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.merkle import leaf_hash, root_of
from counterfoil.log.tiles import ENTRIES, TILE_WIDTH, TileRef, decode_bundle, decode_tile, encode_bundle, parse_path
from counterfoil.log.verify import TileTree

FINDINGS_MAX: Final = 1_000
"""A bound on findings per log: a checkpoint can claim more bundles than there is time to look for."""

_UNREADABLE = (LogError, OSError, ValueError)


def explain(problem: Exception, files: LogFiles) -> str:
    """What a finding says of a file that cannot be read or is not right: which one, by its path within the log."""
    if not isinstance(problem, OSError) or problem.filename is None:
        return f"{problem}"
    path = Path(problem.filename)
    name = path.relative_to(files.root) if path.is_relative_to(files.root) else path
    return f"{name} is missing" if isinstance(problem, FileNotFoundError) else f"{name}: {problem.strerror}"


@dataclass(frozen=True, slots=True)
class Verified:
    """A log whose files are intact up to `intact` entries (all of them, unless there are findings)."""

    files: LogFiles
    checkpoint: Checkpoint
    tree: TileTree
    intact: int


def verify_files(
    files: LogFiles, trusted: Mapping[str, VerifyKey] | None, progress: Callable[[int], None]
) -> tuple[Verified | None, list[Finding]]:
    """Check one log's files. `progress` gets the number of entries just checked."""
    try:
        key = _key(files, trusted)
    except _UNREADABLE as problem:
        return None, [Finding(files.name, "vkey", "key_not_valid", explain(problem, files))]
    try:
        checkpoint = open_checkpoint(files.read("checkpoint"), [key])
    except _UNREADABLE as problem:
        return None, [Finding(files.name, "checkpoint", "checkpoint_not_valid", explain(problem, files))]
    try:
        tree = TileTree(checkpoint, files.read_tile)
    except _UNREADABLE as problem:
        whole = Finding(files.name, "checkpoint", "edge_not_valid", explain(problem, files))
        return None, list(_edge(files, checkpoint)) or [whole]
    findings = list(islice(_bundles(files, tree, progress), FINDINGS_MAX))
    intact = parse_path(findings[0].place).index * TILE_WIDTH if findings else checkpoint.size
    findings += islice(_other_files(files, tree), FINDINGS_MAX)
    if len(findings) >= FINDINGS_MAX:
        findings.append(Finding(files.name, "", "too_many_findings", "there may be more findings in its files"))
    return Verified(files, checkpoint, tree, intact), findings


def _key(files: LogFiles, trusted: Mapping[str, VerifyKey] | None) -> VerifyKey:
    text = files.read("vkey").decode("ascii")
    if not text.endswith("\n"):
        raise ValueError("the file `vkey` is one line")
    key = VerifyKey.parse(text[:-1])
    if trusted is not None and trusted.get(key.name) != key:
        raise ValueError(f"the log publishes the key {key.vkey()}, which is not trusted")
    return key


def _edge(files: LogFiles, checkpoint: Checkpoint) -> Iterator[Finding]:
    """After the right edge gave another root: finds the tiles that do not match what is published below them."""
    count, level = checkpoint.size, 0
    while count:
        ref = TileRef(level, count // TILE_WIDTH, count % TILE_WIDTH)
        if ref.width:
            try:
                if decode_tile(files.read(ref.path()), ref.width) != _below(files, ref):
                    raise ValueError("its hashes do not match the tiles or entries below it")
            except _UNREADABLE as problem:
                yield Finding(files.name, ref.path(), "edge_not_valid", explain(problem, files))
        count, level = count // TILE_WIDTH, level + 1


def _below(files: LogFiles, ref: TileRef) -> list[bytes]:
    if ref.level == 0:
        return [leaf_hash(entry) for entry in decode_bundle(files.read_bundle(ref.index, ref.width), ref.width)]
    first = ref.index * TILE_WIDTH
    tiles = (files.read_tile(ref.level - 1, index, TILE_WIDTH) for index in range(first, first + ref.width))
    return [root_of(decode_tile(tile, TILE_WIDTH)) for tile in tiles]


def _bundles(files: LogFiles, tree: TileTree, progress: Callable[[int], None]) -> Iterator[Finding]:
    size = tree.checkpoint.size
    for index in range((size + TILE_WIDTH - 1) // TILE_WIDTH):
        ref = TileRef(ENTRIES, index, min(TILE_WIDTH, size - index * TILE_WIDTH))
        try:
            tree.entries(index, files.read_bundle(index, ref.width))
        except _UNREADABLE as problem:
            yield Finding(files.name, ref.path(), "bundle_not_valid", explain(problem, files))
        progress(ref.width)


def _other_files(files: LogFiles, tree: TileTree) -> Iterator[Finding]:
    for path in files.paths():
        if path in ("checkpoint", "vkey"):
            continue
        try:
            ref = parse_path(path)
            if files.read(path) != _expected(files, tree, ref):
                raise ValueError("its bytes are not those of the log")
        except _UNREADABLE as problem:
            yield Finding(files.name, path, "file_not_of_this_log", explain(problem, files))


def _expected(files: LogFiles, tree: TileTree, ref: TileRef) -> bytes:
    """The bytes that a tile or bundle must hold, from the verified tree and, for bundles, the widest bundle file."""
    size = tree.checkpoint.size
    first = ref.index * TILE_WIDTH
    if ref.level == ENTRIES:
        width = min(TILE_WIDTH, size - first)
        if ref.width > width:
            raise ValueError(f"it reaches beyond the checkpoint of size {size}")
        return encode_bundle(decode_bundle(files.read_bundle(ref.index, width), width)[: ref.width])
    if first + ref.width > size >> (8 * ref.level):
        raise ValueError(f"it reaches beyond the checkpoint of size {size}")
    span = 1 << (8 * ref.level)
    starts = range(first * span, (first + ref.width) * span, span)
    return b"".join(tree.subtree(start, start + span) for start in starts)
