"""A published log as files, which a web server can serve unchanged (C2SP tlog-tiles).

Every file is written under a temporary name, synced, and then renamed: it is complete or absent.
Temporary files left by a crash are removed when the directory is opened again.

What replaces another file (the checkpoint, the signer's memory) must never go back, also where a writer wakes that was
frozen in the middle and has been replaced. There is no lock for that, since a frozen process would keep it: `_alone`.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from counterfoil.errors import Unusable
from counterfoil.log.checkpoint import parse_checkpoint
from counterfoil.log.errors import FormatError
from counterfoil.log.note import parse_note
from counterfoil.log.tiles import UNFINISHED
from counterfoil.ports import StoreConflict, Unavailable
from counterfoil.published_log import PublishedDiffers
from counterfoil.runtime.os_errors import classifying
from counterfoil.syncing import sync_directory

_MEMORY = "signer"
_CHECKPOINT = "checkpoint"
_VKEY = "vkey"
_NEW, _TURN = UNFINISHED
_PARTIALS = ".p"


class PublishedDirectory:
    """`PublishedReader` of the files below `root`, which may not be there yet."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def place(self) -> str:
        """The path of `root`."""
        return str(self.root)

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

    Opening and reading raise `Unavailable` or `Unusable` for a fault of the disk. Writing raises `Unavailable` for any
    fault, with what to do about it: the log goes on deciding, and is published once the fault is gone.
    """

    def __init__(self, root: Path, private: Path, vkey: str) -> None:
        super().__init__(root)
        self._private = private
        self._unsynced: set[Path] = set()
        with classifying(root):
            root.mkdir(parents=True, exist_ok=True)
            private.mkdir(parents=True, exist_ok=True, mode=0o700)
            for place in (root, private):
                for leftover in place.glob(f"{_NEW}*"):
                    leftover.unlink(missing_ok=True)
                for turn in place.glob(f"{_TURN}*"):
                    _remove(turn)
            self._write_once(root / _VKEY, f"{vkey}\n".encode())

    def put(self, path: str, data: bytes) -> None:
        """Write a tile or bundle; durable once a checkpoint covers it. Raises `PublishedDiffers`, `Unavailable`."""
        target = self.root / path
        with self._writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            self._write_once(target, data)

    def put_again(self, path: str, data: bytes) -> None:
        """Write a tile or bundle in place of what is there, if anything is. Raises `Unavailable`."""
        target = self.root / path
        with self._writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, self.root, data, 0o644, sync=True)
            self._sync_later(target)

    def drop_partials(self, path: str) -> None:
        """Remove the partial versions of a tile that is full now."""
        shutil.rmtree(self.root / f"{path}{_PARTIALS}", ignore_errors=True)

    def replace_checkpoint(self, note: bytes) -> None:
        """Publish a newer checkpoint, atomically. Raises `StoreConflict`, and keeps it, if a later one is there."""
        with self._writing(self.root / _CHECKPOINT):
            for directory in sorted(self._unsynced):
                _sync(directory)
            self._unsynced.clear()
            with _alone(self.root) as turn:
                published = self.checkpoint()
                if published is not None and _size(published) > _size(note):
                    raise StoreConflict(f"{self.root}: a checkpoint over {_size(published)} entries is published")
                _replace(self.root / _CHECKPOINT, turn, note, 0o644, sync=True)

    def signer_memory(self) -> bytes | None:
        """The signer's memory as last stored; None also for an empty file, which a power loss may leave."""
        return _read(self._private / _MEMORY) or None

    def remember(self, memory: bytes) -> None:
        """Store the signer's memory, unless that of a later writer is stored already."""
        with self._writing(self._private / _MEMORY), _alone(self._private) as turn:
            if not _is_later(self.signer_memory(), memory):
                _replace(self._private / _MEMORY, turn, memory, 0o600, sync=False)

    def _write_once(self, target: Path, data: bytes) -> None:
        found = _read(target)
        if found is None:
            _replace(target, self.root, data, 0o644, sync=True)
        elif found != data:
            raise PublishedDiffers(f"{target} does not match the log: this directory belongs to another log")
        self._sync_later(target)  # also an existing file: its writer may have failed before the name was on the disk

    def _sync_later(self, target: Path) -> None:
        self._unsynced.update(each for each in target.parents if each.is_relative_to(self.root))

    @contextmanager
    def _writing(self, target: Path) -> Iterator[None]:
        """Raises `Unavailable` for every fault of the disk, and before anything is written if `root` was removed."""
        if not (self.root / _VKEY).exists():
            raise Unavailable(f"{self.root}: removed while in use: restart the service, which publishes it again")
        try:
            with classifying(target):
                yield
        except Unusable as problem:
            raise Unavailable(str(problem), problem.fault) from problem


def _sync(directory: Path) -> None:
    """Make the names in a directory durable, unless another writer dropped it because its tile is full."""
    try:
        sync_directory(directory)
    except FileNotFoundError:
        if directory.suffix != _PARTIALS or not directory.with_suffix("").exists():
            raise


@contextmanager
def _alone(directory: Path) -> Iterator[Path]:
    """A turn to read a file of the directory and replace it: the new file is renamed out of the folder that this gives.

    Of several turns at once, in any processes, at most one gets a file into its place before all the others have ended
    or failed. Each makes its folder first, and then removes the folders of the others: of two turns, one at least finds
    the other's. A turn whose folder is gone cannot rename: it raises FileNotFoundError, whenever it wakes.
    """
    turn = directory / Path(tempfile.mkdtemp(dir=directory, prefix=_TURN)).name  # from Python 3.12 on it is absolute
    try:
        for other in directory.glob(f"{_TURN}*"):
            if other != turn:
                _remove(other)
        yield turn
    finally:
        shutil.rmtree(turn, ignore_errors=True)


def _remove(folder: Path) -> None:
    """Remove a folder to which another process may add a file meanwhile. When this returns, it is gone."""
    while True:
        try:
            for file in folder.iterdir():
                file.unlink(missing_ok=True)
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as problem:
            if problem.errno != errno.ENOTEMPTY:
                raise
        else:
            return


def _size(note: bytes) -> int:
    """How many entries a checkpoint covers, 0 if it is damaged."""
    try:
        return parse_checkpoint(parse_note(note).text).size
    except FormatError:
        return 0


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
