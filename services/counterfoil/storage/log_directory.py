"""A published log as files, which a web server can serve unchanged (C2SP tlog-tiles).

Every file is written under a temporary name, synced, and then renamed: it is complete or absent.
Temporary files left by a crash are removed when the directory is opened again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from counterfoil.log.checkpoint import parse_checkpoint
from counterfoil.log.errors import FormatError
from counterfoil.log.note import parse_note
from counterfoil.ports import PublishedDiffers, StoreConflict
from counterfoil.runtime.os_errors import classifying

_MEMORY = "signer"
_CHECKPOINT = "checkpoint"
_VKEY = "vkey"
_NEW = ".new-"
_LOCKED_WITHIN = 5.0  # seconds
_LOCK_PAUSE = 0.02


class PublishedDirectory:
    """`PublishedReader` of the files below `root`, which may not be there yet."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, path: str) -> bytes:
        """A file's bytes. Raises `Unusable` for a missing one, `Unavailable`."""
        target = self.root / path
        with classifying(target):
            return target.read_bytes()

    def checkpoint(self) -> bytes | None:
        """The published checkpoint note, None before the first. Raises `Unusable`, `Unavailable`."""
        return _read(self.root / _CHECKPOINT)


class LogDirectory(PublishedDirectory):
    """`PublishedLog` below `root`; the signer's memory is in `private`, which is not served.

    Every method raises `Unavailable` or `Unusable` for a fault of the disk, and `StoreConflict` if a file or directory
    vanishes while it is being written: another writer that opens the directory removes temporary files.
    """

    def __init__(self, root: Path, private: Path, vkey: str) -> None:
        super().__init__(root)
        self._private = private
        self._unsynced: set[Path] = set()
        with classifying(root):
            root.mkdir(parents=True, exist_ok=True)
            private.mkdir(parents=True, exist_ok=True, mode=0o700)
            for leftover in (*root.glob(f"{_NEW}*"), *private.glob(f"{_NEW}*")):
                leftover.unlink(missing_ok=True)
        with _writing(root / _VKEY):
            self._write_once(root / _VKEY, f"{vkey}\n".encode())

    def put(self, path: str, data: bytes) -> None:
        """Write a tile or bundle; durable once a checkpoint covers it. Raises `PublishedDiffers`."""
        target = self.root / path
        with _writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            self._write_once(target, data)

    def drop_partials(self, path: str) -> None:
        """Remove the partial versions of a tile that is full now."""
        shutil.rmtree(self.root / f"{path}.p", ignore_errors=True)

    def replace_checkpoint(self, note: bytes) -> None:
        """Publish a newer checkpoint, atomically. Raises `StoreConflict`, and keeps it, if a later one is there."""
        with _writing(self.root / _CHECKPOINT):
            for directory in sorted(self._unsynced):
                _sync_directory(directory)
            self._unsynced.clear()
            with _alone(self._private):  # a writer that was frozen and replaced must not publish an older checkpoint
                published = self.checkpoint()
                if published is not None and _size(published) > _size(note):
                    raise StoreConflict(f"{self.root}: a checkpoint over {_size(published)} entries is published")
                _replace(self.root / _CHECKPOINT, self.root, note, 0o644, sync=True)

    def signer_memory(self) -> bytes | None:
        """The signer's memory as last stored; None also for an empty file, which a power loss may leave."""
        return _read(self._private / _MEMORY) or None

    def remember(self, memory: bytes) -> None:
        """Store the signer's memory, unless that of a later writer is stored already."""
        with _writing(self._private / _MEMORY), _alone(self._private):
            if not _is_later(self.signer_memory(), memory):
                _replace(self._private / _MEMORY, self._private, memory, 0o600, sync=False)

    def _write_once(self, target: Path, data: bytes) -> None:
        found = _read(target)
        if found is None:
            _replace(target, self.root, data, 0o644, sync=True)
        elif found != data:
            raise PublishedDiffers(f"{target} does not match the log: this directory belongs to another log")
        # Also for an existing file: its writer may have failed before the name was on the disk.
        self._unsynced.update(each for each in target.parents if each.is_relative_to(self.root))


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Raises `StoreConflict` if a file that existed is missing now, else as `classifying`."""
    with classifying(target):
        try:
            yield
        except FileNotFoundError as problem:
            gone = problem.filename or target
            raise StoreConflict(f"{gone} was removed by another writer while {target} was written") from problem


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Hold the directory's lock until the block or the process ends.

    Raises BlockingIOError if another process, which may be frozen, holds it for too long.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + _LOCKED_WITHIN
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOCK_PAUSE)
        yield
    finally:
        os.close(handle)


def _size(note: bytes) -> int:
    return parse_checkpoint(parse_note(note).text).size


def _is_later(kept: bytes | None, memory: bytes) -> bool:
    """Whether the stored memory is of a longer log; False if it is damaged."""
    try:
        return kept is not None and parse_checkpoint(kept).size > parse_checkpoint(memory).size
    except FormatError:
        return False


def _read(path: Path) -> bytes | None:
    with classifying(path), suppress(FileNotFoundError):
        return path.read_bytes()
    return None


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(target: Path, workplace: Path, data: bytes, mode: int, *, sync: bool) -> None:
    handle, name = tempfile.mkstemp(dir=workplace, prefix=_NEW)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
