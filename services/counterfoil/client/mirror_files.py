"""The directory of a mirror: ``SERVICE/SHARD/`` as the logs are published, beside evidence against logs that forked.

A file is complete or absent, and is there only after it was verified against a signed checkpoint. The checkpoints are
replaced last, all of them, once everything that they need is durable: an audit may run here at any time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from counterfoil.client.problems import CannotMirror
from counterfoil.contract.log_id import LogId
from counterfoil.log.tiles import UNFINISHED
from counterfoil.owned import check_owned
from counterfoil.process_lock import Held, process_lock
from counterfoil.syncing import sync_directory, written

_LOCK: Final = "mirror.lock"
_NEW: Final = f"{UNFINISHED[0]}mirror"


class MirroredLog:
    """The files of one log in a mirror."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._unsynced: set[Path] = set()

    def read(self, path: str) -> bytes | None:
        """A file's bytes, None without it. Raises OSError."""
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes) -> None:
        """Write a verified file, atomically; durable after `sync`. Raises OSError."""
        target, new = self.root / path, self.root / _NEW
        target.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(data)
        new.replace(target)
        self._unsynced.add(target)

    def drop_partials(self, path: str) -> None:
        """Remove the partial versions of a tile that is full now. Raises OSError."""
        folder = self.root / f"{path}.p"
        if folder.is_dir():
            shutil.rmtree(folder)

    def sync(self) -> None:
        """Make all that was written durable. Raises OSError."""
        for path in sorted(self._unsynced):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        folders = {folder for path in self._unsynced for folder in path.parents if folder.is_relative_to(self.root)}
        for folder in folders:
            sync_directory(folder)
        self._unsynced.clear()

    def publish(self, vkey: bytes, note: bytes) -> None:
        """Replace the checkpoint, once all that it needs is durable; the key comes before the first. Raises OSError."""
        for name, data in (("vkey", vkey), ("checkpoint", note)):
            if self.read(name) != data:
                with written(self.root / _NEW) as file:
                    file.write(data)
                (self.root / _NEW).replace(self.root / name)
                sync_directory(self.root)


class MirrorDirectory:
    """The directory of a mirror. `mirrored_in` opens it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def log(self, log: LogId) -> MirroredLog:
        """The files of a log; its folder is made if there is none."""
        root = self.root / log.service / log.shard
        root.mkdir(parents=True, exist_ok=True)
        return MirroredLog(root)


@contextmanager
def mirrored_in(directory: Path) -> Iterator[MirrorDirectory]:
    """The mirror in a directory, which is made if there is none, for one process at a time.

    Raises `CannotMirror` if it is in use, has other files, or cannot be written; `BadPrivateFile` if others can
    change it.
    """
    try:
        check_owned(directory)
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()) and not (directory / _LOCK).exists():
            raise CannotMirror(f"{directory} has files and is no mirror: name an empty directory, or a new one")
        with process_lock(directory / _LOCK):
            yield MirrorDirectory(directory)
    except Held as holder:
        raise CannotMirror(f"{directory} is in use by process {holder}: let it end first") from holder
    except OSError as problem:
        raise CannotMirror(f"cannot read or write {problem.filename or directory}: {problem.strerror}") from problem
