"""The last checkpoint of every log that a client met: it notices a log that goes back, and one that forks.

Whoever runs the logs could show everybody another history, or restore an old one. Both show in two checkpoints, signed
by the same key, of which the later does not go on from the earlier: they are kept as evidence.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from counterfoil.client.http import Gateway
from counterfoil.client.problems import NotProven, NotThere
from counterfoil.contract.log_id import log_of
from counterfoil.log.checkpoint import Checkpoint
from counterfoil.log.errors import LogError, ProofError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.note import NOTE_BYTES_MAX
from counterfoil.log.tiles import tile_path
from counterfoil.log.verify import TileTree, open_checkpoint
from counterfoil.owned import check_owned

_ATTEMPTS: Final = 20
_PAUSE: Final = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Met:
    """A checkpoint and the signed note that it was read from."""

    note: bytes
    head: Checkpoint


class Checkpoints:
    """The checkpoints kept in `directory`, which is made at first use: a file for each log's key."""

    def __init__(self, directory: Path, sleep: Callable[[float], None] = time.sleep) -> None:
        """Raises `BadPrivateFile` if others can change the directory."""
        check_owned(directory)
        self.directory, self._sleep = directory, sleep

    def last(self, key: VerifyKey) -> Met | None:
        """The last one of this log under this key; None if there is none. Raises `NotProven` for a damaged file."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                return met(file.read(NOTE_BYTES_MAX + 1), key)
        except FileNotFoundError:
            return None
        except NotProven as problem:
            raise NotProven(f"{path} is damaged: remove it, if nobody else may have changed it: {problem}") from problem

    def keep(self, found: Met, key: VerifyKey) -> None:
        """Keep one that is later than the last. Raises `NotProven` if it is another of the same size."""
        last = self.last(key)
        if last is not None and last.head.size == found.head.size and last.head.root != found.head.root:
            raise self.evidence(last, found, "they have the same size and another root")
        if last is None or last.head.size < found.head.size:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = self._path(key).with_suffix(f".{os.getpid()}")
            new.write_bytes(found.note)
            new.replace(self._path(key))

    def follow(self, gateway: Gateway, key: VerifyKey) -> Met | None:
        """The last checkpoint, after what the log publishes now was proven to go on from it; None if none was met.

        What is published may be behind what was met: then there is nothing to prove, and the log itself judges a
        command that is signed with this checkpoint. Raises `NotProven`, after two checkpoints were saved as evidence;
        `Unreachable`, `RefusedByService`.
        """
        last = self.last(key)
        for nth in range(_ATTEMPTS):
            if last is None:
                break
            published = met(gateway.log_file(log_of(key.name), "checkpoint"), key)
            if published.head.size < last.head.size:
                break
            try:
                _tree(gateway, published.head).check_prefix(last.head)
                break
            except NotThere:  # a partial tile goes when the full one and a newer checkpoint are published
                if nth == _ATTEMPTS - 1:
                    raise
                self._sleep(_PAUSE)
            except ProofError as problem:
                raise self.evidence(last, published, str(problem)) from problem
        return last

    def went_back(self, found: Met, key: VerifyKey) -> NotProven:
        """What to raise if the log of `found` has, or lets follow, what cannot come before the last checkpoint."""
        return self.evidence(self.last(key) or found, found, "the log went back")

    def evidence(self, last: Met, found: Met, why: str) -> NotProven:
        """What to raise of two checkpoints that contradict each other, which it saves in a file."""
        origin = last.head.origin
        path = self.directory / f"evidence-{_stem(origin)}-{last.head.size}-{found.head.size}"
        path.write_bytes(last.note + b"\n" + found.note)
        return NotProven(
            f"{origin} does not go on from the checkpoint of {last.head.size} entries that you met: {why}. "
            f"Both checkpoints are in {path}: show them to others who use this log"
        )

    def _path(self, key: VerifyKey) -> Path:
        return self.directory / f"{_stem(key.name)}-{key.key_id.hex()}.checkpoint"


def met(note: bytes, key: VerifyKey) -> Met:
    """A signed checkpoint. Raises `NotProven`."""
    try:
        return Met(note, open_checkpoint(note, [key]))
    except LogError as problem:
        raise NotProven(f"the checkpoint of {key.name} does not verify: {problem}") from problem


def _stem(origin: str) -> str:
    return origin.replace("/", "_").replace(":", "_")


def _tree(gateway: Gateway, head: Checkpoint) -> TileTree:
    log = log_of(head.origin)
    return TileTree(head, lambda level, index, width: gateway.log_file(log, tile_path(level, index, width)))
