"""Checks that the published files are the log that its checkpoint signs: every file, every byte, each read once.

Numbered as in the report: (1) the key parses and is the one expected; (2) the checkpoint is signed by it; (3) the right
edge hashes to its root; (4) each bundle holds exactly its entries, each hashing to its leaf; (5) every other file below
the log is a tile or bundle of this tree, byte for byte, however old. A file that the log got after the checkpoint is no
part of what is checked, but for the hashes and entries of this tree that it begins with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from counterfoil.audit.files import LogFiles
from counterfoil.audit.report import Finding
from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.merkle import leaf_hash, root_of
from counterfoil.log.tiles import (
    ENTRIES,
    TILE_HEIGHT,
    TILE_WIDTH,
    TileRef,
    decode_tile,
    encode_bundle,
    parse_path,
)
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


def open_log(files: LogFiles, trusted: Mapping[str, VerifyKey] | None) -> tuple[OpenLog | None, list[Finding]]:
    """Steps 1 to 3: a log whose checkpoint is right, or None and why it is not."""
    try:
        key = _key(files, trusted)
    except _UNREADABLE as problem:
        return None, [Finding(files.name, "vkey", "key_not_valid", explain(problem, files))]
    try:
        checkpoint = open_checkpoint(files.checkpoint, [key])
    except _UNREADABLE as problem:
        return None, [Finding(files.name, "checkpoint", "checkpoint_not_valid", explain(problem, files))]
    try:
        return OpenLog(files, checkpoint, key), []
    except _UNREADABLE as problem:
        whole = Finding(files.name, "checkpoint", "edge_not_valid", explain(problem, files))
        return None, list(_edge(files, checkpoint)) or [whole]


class OpenLog:
    """A log whose right edge hashes to its checkpoint; `bundles` checks everything else, in one pass."""

    def __init__(self, files: LogFiles, checkpoint: Checkpoint, key: VerifyKey) -> None:
        """Raises `LogError`, `OSError` if the right edge is not that of the checkpoint, which is signed by `key`."""
        self.files, self.checkpoint, self.key = files, checkpoint, key
        self.tree = TileTree(checkpoint, files.read_tile)
        self._of_bundles: list[Finding] = []
        self._of_others: dict[str, Finding] = {}

    def findings(self) -> list[Finding]:
        """What is wrong with its files, once `bundles` has ended."""
        others = [self._of_others[path] for path in sorted(self._of_others, key=PurePosixPath)]
        found = self._of_bundles + others[:FINDINGS_MAX]
        if len(found) >= FINDINGS_MAX:
            found.append(Finding(self.files.name, "", "too_many_findings", "there may be more findings in its files"))
        return found

    def bundles(self, first: int = 0) -> Iterator[list[bytes]]:
        """Steps 4 and 5: the entries of each bundle, from number `first` on, before the first that is not right.

        All other files are checked before it ends, but for those below the first bundle.
        """
        others = self._unexpected()
        for index in range(first, self._bundle_count()):
            for ref in _completed_by(index, self.checkpoint.size):
                self._check_full(ref)
            widest = self._bundle(index)
            if not isinstance(widest, Exception) and not self._of_bundles:
                yield widest
            for ref in others.pop(index, ()):
                self._check(ref, widest)
            if len(self._of_bundles) >= FINDINGS_MAX:
                return

    def entries(self, first: int = 0) -> Iterator[list[bytes]]:
        """Step 4 alone, up to the first bundle that is not right: for who knows that `bundles` is done elsewhere."""
        for index in range(first, self._bundle_count()):
            widest = self._bundle(index)
            if isinstance(widest, Exception) or self._of_bundles:
                return
            yield widest

    def _bundle_count(self) -> int:
        return (self.checkpoint.size + TILE_WIDTH - 1) // TILE_WIDTH

    def _bundle(self, index: int) -> list[bytes] | Exception:
        """The entries of a bundle, or why they cannot be read."""
        ref = TileRef(ENTRIES, index, min(TILE_WIDTH, self.checkpoint.size - index * TILE_WIDTH))
        path, widest = ref.path(), self._last if index == self._bundle_count() - 1 else self._read_bundle(ref)
        try:
            if isinstance(widest, Exception):
                raise widest
            self.tree.check_entries(index, widest)
        except _UNREADABLE as problem:
            self._of_bundles.append(Finding(self.files.name, path, "bundle_not_valid", explain(problem, self.files)))
        if isinstance(widest, Exception) and not isinstance(widest, FileNotFoundError):
            self._not_ours(path, widest)
        return widest

    def last_entry(self) -> bytes | None:
        """The last entry; None if there is none, or it cannot be read, which `bundles` then says."""
        entries = self._last
        if isinstance(entries, Exception) or not entries:
            return None
        try:
            self.tree.check_entries(self._bundle_count() - 1, entries)
        except _UNREADABLE:
            return None
        return entries[-1]

    @cached_property
    def _last(self) -> list[bytes] | Exception:
        """The entries of the last bundle, which is asked for twice, or why they cannot be read."""
        index = self._bundle_count() - 1
        if index < 0:
            return []
        return self._read_bundle(TileRef(ENTRIES, index, self.checkpoint.size - index * TILE_WIDTH))

    def _read_bundle(self, ref: TileRef) -> list[bytes] | Exception:
        """The entries of a bundle, or why they cannot be read."""
        try:
            return self.files.read_bundle(ref.index, ref.width)
        except _UNREADABLE as problem:
            return problem

    def _unexpected(self) -> dict[int, list[TileRef]]:
        """Every file that the checkpoint does not need, by the bundle after which it is checked.

        By then what it must hold is in memory. Files that no log has are reported at once.
        """
        found = defaultdict[int, list[TileRef]](list)
        for path in self.files.paths():
            if path in ("checkpoint", "vkey"):
                continue
            try:
                ref = parse_path(path)
                if ref.width != self._width(ref) > 0:
                    found[min(_last_bundle(ref), self._bundle_count() - 1)].append(ref)
            except _UNREADABLE as problem:
                self._not_ours(path, problem)
        return found

    def _width(self, ref: TileRef) -> int:
        """How wide the file is at this place that the checkpoint needs; not above 0 if it needs none."""
        count = self.checkpoint.size >> (TILE_HEIGHT * max(ref.level, 0))
        return min(TILE_WIDTH, count - ref.index * TILE_WIDTH)

    def _check_full(self, ref: TileRef) -> None:
        """Check a full tile, which the tree believes only if it hashes to the tile above it."""
        span = 1 << (TILE_HEIGHT * ref.level)
        try:
            self.tree.subtree(ref.index * TILE_WIDTH * span, (ref.index * TILE_WIDTH + 1) * span)
        except _UNREADABLE as problem:
            if self.files.has(ref.path()):
                self._not_ours(ref.path(), problem)

    def _check(self, ref: TileRef, widest: list[bytes] | Exception) -> None:
        """Compare a file that the checkpoint does not need with the tree; `widest`: the bundle read last."""
        width = self._width(ref)
        try:
            data, expected = self.files.read(ref.path()), self._expected(ref, min(ref.width, width), widest)
            if data != expected and (ref.width < width or not data.startswith(expected)):
                raise ValueError("its bytes are not those of the log")
        except _UNREADABLE as problem:
            if not self.files.was_replaced(ref):
                self._not_ours(ref.path(), problem)

    def _expected(self, ref: TileRef, width: int, widest: list[bytes] | Exception) -> bytes:
        """What a tile or bundle must hold up to `width`, from the verified tree or, for bundles, the widest bundle."""
        if ref.level == ENTRIES:
            if isinstance(widest, Exception):
                raise widest
            return encode_bundle(widest[:width])
        first, span = ref.index * TILE_WIDTH, 1 << (TILE_HEIGHT * ref.level)
        starts = range(first * span, (first + width) * span, span)
        return b"".join(self.tree.subtree(start, start + span) for start in starts)

    def _not_ours(self, path: str, problem: Exception) -> None:
        if len(self._of_others) < FINDINGS_MAX:
            text = explain(problem, self.files)
            self._of_others[path] = Finding(self.files.name, path, "file_not_of_this_log", text)


def _last_bundle(ref: TileRef) -> int:
    """The last bundle below a full tile, or the bundle at this place."""
    return ((ref.index + 1) << (TILE_HEIGHT * max(ref.level, 0))) - 1


def _completed_by(bundle: int, size: int) -> Iterator[TileRef]:
    """The full tiles whose last bundle this is, in a tree of this size."""
    level, index = 0, bundle
    while (index + 1) << (TILE_HEIGHT * (level + 1)) <= size:
        yield TileRef(level, index)
        if (index + 1) % TILE_WIDTH:
            return
        level, index = level + 1, index >> TILE_HEIGHT


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
                if decode_tile(files.read_tile(level, ref.index, ref.width), ref.width) != _below(files, ref):
                    raise ValueError("its hashes do not match the tiles or entries below it")
            except _UNREADABLE as problem:
                yield Finding(files.name, ref.path(), "edge_not_valid", explain(problem, files))
        count, level = count // TILE_WIDTH, level + 1


def _below(files: LogFiles, ref: TileRef) -> list[bytes]:
    if ref.level == 0:
        return [leaf_hash(entry) for entry in files.read_bundle(ref.index, ref.width)]
    first = ref.index * TILE_WIDTH
    tiles = (files.read_tile(ref.level - 1, index, TILE_WIDTH) for index in range(first, first + ref.width))
    return [root_of(decode_tile(tile, TILE_WIDTH)) for tile in tiles]
