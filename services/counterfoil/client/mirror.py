"""A verified copy of published logs, kept up to date: each run fetches what is new, and believes only what is proven.

Per run: (1) the keys: pinned, or those that the first run was shown; (2) the checkpoints of all logs, one after the
other, consumers first: the run is about these, however the logs grow; (3) each must extend the one kept before;
(4) every tile and bundle that is new, verified against the checkpoint's root before it is written; (5) the checkpoints
are replaced, sources first. An interrupted run is continued by the next, which verifies what it finds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from counterfoil.client.forks import Proof, keep_evidence
from counterfoil.client.log_server import CONNECTIONS, LogServer
from counterfoil.client.mirror_files import MirrorDirectory, MirroredLog, mirrored_in
from counterfoil.client.problems import CannotMirror, Forked, Misserved, Unreachable
from counterfoil.client.published import Met
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.services import CONSUMERS_FIRST
from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.keys import KEY_TEXT_CHARS_MAX, VerifyKey
from counterfoil.log.merkle import HASH_BYTES, root_of
from counterfoil.log.note import NOTE_BYTES_MAX
from counterfoil.log.tiles import (
    ENTRIES,
    TILE_HEIGHT,
    TILE_WIDTH,
    TileRef,
    decode_bundle,
    decode_tile,
    encode_bundle,
)
from counterfoil.log.verify import TileTree

_AHEAD: Final = 2 * CONNECTIONS  # files fetched and not verified yet
_WRONG: Final = (
    "Use another server of this log, or tell its operator; nothing wrong was kept, and the next run continues."
)

Progress = Callable[[str, int, int], None]
"""(what, files just done, files in all)"""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What a run did for one log. `before`: how many of its entries were there already; `files`: how many were new."""

    origin: str
    size: int
    root: str
    before: int
    files: int


def mirror(
    server: LogServer,
    directory: Path,
    logs: Sequence[LogId],
    pinned: Mapping[LogId, VerifyKey],
    progress: Progress = lambda _what, _more, _total: None,
) -> list[Mirrored]:
    """Bring the mirror in `directory` to the checkpoints that `server` publishes now of each of the logs.

    `pinned`: the only keys to accept; a log without one must keep the key that it was first seen with. Raises
    `Unreachable`, `CannotMirror`, `Misserved`, `Forked`; after any of these the mirror is as it was, or has more files.
    """
    with mirrored_in(directory) as mirrored:
        keys = {log: _key(server, mirrored.log(log), log, pinned.get(log)) for log in logs}
        first = sorted(logs, key=lambda log: CONSUMERS_FIRST.index(log.service))
        runs = [_Run(server, mirrored, log, keys[log]) for log in first]
        for run in runs:
            run.open()
        total = sum(run.count() for run in runs)
        for run in runs:
            run.extend()
        found = [run.fetch(lambda what, more: progress(what, more, total)) for run in runs]
        for run in runs:
            run.files.sync()
        for run in reversed(runs):
            run.publish()
    return found


def _key(server: LogServer, files: MirroredLog, log: LogId, pinned: VerifyKey | None) -> VerifyKey:
    """The key of a log: the pinned one, or for a log without one what the server shows; never another than before."""
    kept = files.read("vkey")
    if pinned is None:
        shown = server.get(log, "vkey", KEY_TEXT_CHARS_MAX + 1)
        if shown is None:
            raise Unreachable(f"{server.url} publishes no log {log.name} (yet)")
        pinned = _parse(shown, log)
    if kept is not None and kept != f"{pinned.vkey()}\n".encode():
        advice = "If the log was founded anew, mirror it into a new directory; otherwise it is not the log you know."
        raise Misserved(log.name, "vkey", f"its key is {pinned.vkey()}, and was {kept.decode().strip()}", advice)
    return pinned


def _parse(text: bytes, log: LogId) -> VerifyKey:
    try:
        key = VerifyKey.parse(text.decode("ascii").removesuffix("\n"))
        if log_of(key.name) != log:
            raise ValueError(f"it is the key of {key.name}")  # noqa: TRY301 as what is no key at all
    except (LogError, ValueError) as problem:
        raise Misserved(log.name, "vkey", f"it is not the key of this log: {problem}", _WRONG) from problem
    return key


class _Run:
    """One run for one log: `open`, `extend`, `fetch`, `publish`."""

    def __init__(self, server: LogServer, mirrored: MirrorDirectory, log: LogId, key: VerifyKey) -> None:
        self._server, self._mirrored, self._log, self._key = server, mirrored, log, key
        self.files = mirrored.log(log)
        self.note = b""
        self._kept_note = self.files.read("checkpoint")
        self._kept = self._read_kept()
        self._edge: dict[TileRef, bytes] = {}

    def _read_kept(self) -> Checkpoint | None:
        if self._kept_note is None:
            return None
        try:
            return open_checkpoint(self._kept_note, [self._key])
        except LogError as problem:
            text = f"{self.files.root / 'checkpoint'} is damaged: {problem}; remove {self.files.root} to fetch it anew"
            raise CannotMirror(text) from problem

    def open(self) -> None:
        """Fetch the checkpoint that this run is about."""
        note = self._server.get(self._log, "checkpoint", NOTE_BYTES_MAX)
        if note is None:
            raise Unreachable(f"{self._server.url} publishes no checkpoint of {self._log.name} (yet)")
        try:
            self.note, self._head = note, open_checkpoint(note, [self._key])
        except LogError as problem:
            raise self._misserved("checkpoint", f"it is not signed by the log's key: {problem}") from problem

    def count(self) -> int:
        """How many files the checkpoint needs that the one before did not need."""
        return sum(row.files_new() for row in _rows(self._size_before(), self._head.size))

    def _size_before(self) -> int:
        return 0 if self._kept is None else min(self._kept.size, self._head.size)

    def _misserved(self, path: str, text: str, advice: str = _WRONG) -> Misserved:
        return Misserved(self._log.name, path, text, advice)

    def publish(self) -> None:
        """Make this the checkpoint of the mirror, once all it needs is durable; drop what is there in full now."""
        self.files.publish(f"{self._key.vkey()}\n".encode(), self.note)
        for row in _rows(self._size_before(), self._head.size):
            for level, index, width in row.files():
                if width == TILE_WIDTH:
                    self.files.drop_partials(TileRef(level, index).path())

    # the checkpoint extends the one kept ------------------------------------------------------------------------------

    def extend(self) -> None:
        """Check that the checkpoint's edge is its own, and that it extends what was kept."""
        kept, head = self._kept, self._head
        if kept is not None and head.size < kept.size:
            self._is_behind(kept)
        self._tree = self._opened(self._read_tile)
        if kept is None or (kept.size, kept.root) == (head.size, head.root):
            return
        try:
            root = self._tree.root_at(kept.size)
        except LogError:  # what was kept is not of this tree
            self._tree = self._opened(self._fetch_tile)
            try:
                root = self._tree.root_at(kept.size)
            except LogError as problem:
                raise self._misserved("tile", f"{problem}") from problem
        if root != kept.root:
            raise self._forked(kept, root, self._tree.consistency_proof(kept.size, head.size))

    def _opened(self, read_tile: Callable[[int, int, int], bytes]) -> TileTree:
        try:
            return TileTree(self._head, read_tile)
        except LogError as problem:
            paths = ", ".join(ref.path() for ref in self._edge) or "checkpoint"
            raise self._misserved(paths, f"{problem}") from problem

    def _is_behind(self, kept: Checkpoint) -> None:
        """Raises `Forked` or `Misserved` for a checkpoint over fewer entries than the one kept."""
        size = self._head.size
        try:
            tree = TileTree(kept, self._kept_tile)
            root = tree.root_at(size)
            if root != self._head.root:
                raise self._forked(kept, root, tree.consistency_proof(size, kept.size))
        except LogError as problem:
            text = f"{self.files.root} is damaged: {problem}; remove it to fetch the log anew"
            raise CannotMirror(text) from problem
        text = f"it covers {size} entries, and one over {kept.size} was kept: the server went back"
        advice = (
            "A cache may be slow: run again in a minute. If it stays so, the log was rolled back: tell its operator."
        )
        raise self._misserved("checkpoint", text, advice)

    def _forked(self, kept: Checkpoint, root: bytes, proof: Sequence[bytes]) -> Forked:
        """Keep the evidence. `root`, `proof`: of the longer tree, at the size of the shorter."""
        head = self._head
        text = f"it signed two checkpoints that are not of one history: over {kept.size} and over {head.size} entries"
        before, found = Met(self._kept_note or b"", kept), Met(self.note, head)
        evidence = keep_evidence(self._mirrored.root, self._key, before, found, Proof(root, proof))
        return Forked(self._log.name, text, evidence)

    # tiles ------------------------------------------------------------------------------------------------------------

    def _read_tile(self, level: int, index: int, width: int) -> bytes:
        """A tile as it is kept, or else as it is served; of the edge, as it is served."""
        kept = self.files.read(TileRef(level, index).path()) if width == TILE_WIDTH else None
        return self._fetch_tile(level, index, width) if kept is None else kept

    def _fetch_tile(self, level: int, index: int, width: int) -> bytes:
        ref = TileRef(level, index, width)
        data = self._get(ref)
        if width < TILE_WIDTH:
            self._edge[ref] = data
        return data

    def _kept_tile(self, level: int, index: int, width: int) -> bytes:
        """A tile of the tree that is kept."""
        ref = TileRef(level, index, width)
        data = self.files.read(ref.path())
        if data is None and (full := self.files.read(TileRef(level, index).path())) is not None:
            data = full[: width * HASH_BYTES]
        if data is None:
            raise LogError(f"{ref.path()} is missing")
        return data

    def _get(self, ref: TileRef) -> bytes:
        """A file as it is served, not verified: of a partial one that is gone, the part of the full one."""
        data = self._server.get(self._log, ref.path(), ref.bytes_max)
        if data is None and ref.width < TILE_WIDTH:
            full = TileRef(ref.level, ref.index)
            if (data := self._server.get(self._log, full.path(), full.bytes_max)) is not None:
                data = self._part(full, data, ref.width)
        if data is None:
            text = f"it is missing, and the checkpoint over {self._head.size} entries needs it"
            raise self._misserved(ref.path(), text)
        return data

    def _part(self, full: TileRef, data: bytes, width: int) -> bytes:
        try:
            if full.level == ENTRIES:
                return encode_bundle(decode_bundle(data, TILE_WIDTH)[:width])
            return b"".join(decode_tile(data, TILE_WIDTH)[:width])
        except LogError as problem:
            raise self._misserved(full.path(), f"{problem}") from problem

    def fetch(self, progress: Callable[[str, int], None]) -> Mirrored:
        """Fetch, verify and write what is new: upper tiles first, since they prove those below, then bundles."""
        files, what = 0, f"mirror {self._log.name}"
        for ref, data in self._edge.items():
            self.files.write(ref.path(), data)
        for ref, found in self._found():
            if found is not None and not (found.is_kept and self._is_right(ref, found.data)):
                data = self._get(ref) if found.is_kept else found.data
                self._check(ref, data)
                self.files.write(ref.path(), data)
            files += 1
            progress(what, 1)
        return Mirrored(self._head.origin, self._head.size, self._head.root.hex(), self._size_before(), files)

    def _found(self) -> Iterator[tuple[TileRef, _Found | None]]:
        """Every new file, fetched a little ahead; None for those of the edge, which are verified and written."""
        pool = ThreadPoolExecutor(CONNECTIONS, "counterfoil-mirror")
        waiting: deque[tuple[TileRef, Future[_Found] | None]] = deque()
        refs = (TileRef(*each) for row in _rows(self._size_before(), self._head.size) for each in row.files())
        try:
            for ref in refs:
                waiting.append((ref, None if ref in self._edge else pool.submit(self._find, ref)))
                if len(waiting) > _AHEAD:
                    yield _awaited(*waiting.popleft())
            while waiting:
                yield _awaited(*waiting.popleft())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _find(self, ref: TileRef) -> _Found:
        """On a thread of the pool: a file that an interrupted run left, or else as it is served."""
        kept = self.files.read(ref.path())
        return _Found(self._get(ref), False) if kept is None else _Found(kept, True)

    def _is_right(self, ref: TileRef, data: bytes) -> bool:
        try:
            self._check(ref, data)
        except Misserved:
            return False
        return True

    def _check(self, ref: TileRef, data: bytes) -> None:
        """Raises `Misserved` unless these are the bytes of a full tile, or of a bundle, of the checkpoint's tree."""
        try:
            if ref.level == ENTRIES:
                self._tree.entries(ref.index, data)
                return
            leaves = TILE_WIDTH << (TILE_HEIGHT * ref.level)
            found = root_of(decode_tile(data, TILE_WIDTH))
            expected = self._tree.subtree(ref.index * leaves, (ref.index + 1) * leaves)
            if found != expected:
                raise LogError(f"it hashes to {found.hex()}, the tree has {expected.hex()}")  # noqa: TRY301
        except LogError as problem:
            raise self._misserved(ref.path(), f"{problem}") from problem


class _Found(NamedTuple):
    """The bytes of a file that is not verified yet. `is_kept`: they were found in the mirror."""

    data: bytes
    is_kept: bool


class _Row(NamedTuple):
    """The tiles of a level, or the bundles: there were `old` hashes or entries, and there are `new`, which is more."""

    level: int
    old: int
    new: int

    def files_new(self) -> int:
        """How many files are new."""
        return -(-self.new // TILE_WIDTH) - self.old // TILE_WIDTH

    def files(self) -> Iterator[tuple[int, int, int]]:
        """Level, index and width of each."""
        first = self.old // TILE_WIDTH
        for index in range(first, first + self.files_new()):
            yield self.level, index, min(TILE_WIDTH, self.new - index * TILE_WIDTH)


def _rows(old: int, new: int) -> list[_Row]:
    """What a tree of size `new` has and one of size `old` had not: the upper levels first, the bundles last."""
    bundles = _Row(ENTRIES, old, new)
    rows: list[_Row] = []
    while new > old:
        rows.insert(0, _Row(len(rows), old, new))
        old, new = old >> TILE_HEIGHT, new >> TILE_HEIGHT
    return [*rows, bundles] if rows else []


def _awaited(ref: TileRef, found: Future[_Found] | None) -> tuple[TileRef, _Found | None]:
    return ref, None if found is None else found.result()
