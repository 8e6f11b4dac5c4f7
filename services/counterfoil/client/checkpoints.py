"""The last checkpoint of every log that a client met: it notices a log that goes back, and one that forks.

Whoever runs the logs could show everybody another history, or restore an old one. Both show in two checkpoints, signed
by the same key, of which the later does not go on from the earlier: they are kept as evidence.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from counterfoil.client.exchanges import Exchanges
from counterfoil.client.forks import Proof, file_name, keep_evidence
from counterfoil.client.problems import Forked, NotProven, NotReady
from counterfoil.client.published import Met, Read, met, on_newest, tree_of
from counterfoil.client.steps import Steps, work
from counterfoil.contract.log_id import log_of
from counterfoil.log.keys import VerifyKey
from counterfoil.log.note import NOTE_BYTES_MAX
from counterfoil.owned import check_owned

_SHOW: Final = "show them to others who use this log"


class Checkpoints:
    """The checkpoints kept in `directory`, which is made at first use: a file for each log's key."""

    def __init__(self, directory: Path) -> None:
        """Raises `BadPrivateFile` if others can change the directory."""
        check_owned(directory)
        self.directory = directory

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
        """Keep one that is later than the last. Raises `Forked` if it is another of the same size."""
        last = self.last(key)
        if last is not None and last.head.size == found.head.size and last.head.root != found.head.root:
            raise self._forked(last, found, key, None)
        if last is None or last.head.size < found.head.size:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = self._path(key).with_suffix(f".{os.getpid()}")
            new.write_bytes(found.note)
            new.replace(self._path(key))

    def follow(self, exchanges: Exchanges, key: VerifyKey) -> Steps[Met | None]:
        """The last checkpoint, after what the log publishes now was proven to go on from it; None if none was met.

        What is published may be behind what was met: then there is nothing to prove, and the log itself judges a
        command that is signed with this checkpoint. Raises `Forked`, after two checkpoints were saved as evidence;
        `NotProven`, `Unreachable`, `RefusedByService`.
        """
        last = yield from work(lambda: self.last(key))
        if last is not None:
            yield from self._newest(exchanges, key, last)
        return last

    def newest(self, exchanges: Exchanges, key: VerifyKey) -> Steps[Met]:
        """The checkpoint that the log publishes now, proven to go on from the last one, and kept. Raises as `follow`.

        Raises `NotReady` if what is published is behind the last one: it was decided a moment ago, or the log fails.
        """
        last = yield from work(lambda: self.last(key))
        found = yield from self._newest(exchanges, key, last)
        if last is not None and found.head.size < last.head.size:
            raise NotReady("behind", f"{key.name} publishes {found.head.size} entries, and had {last.head.size} before")
        yield from work(lambda: self.keep(found, key))
        return found

    def _newest(self, exchanges: Exchanges, key: VerifyKey, last: Met | None) -> Steps[Met]:
        """What the log publishes now, which goes on from `last` or is behind it."""

        def ask(published: Met, read: Read) -> tuple[Met, Proof | None]:
            if last is None or published.head.size < last.head.size or published.head == last.head:
                return published, None
            tree = tree_of(published.head, read)
            root = tree.root_at(last.head.size)
            if root == last.head.root:
                return published, None
            return published, Proof(root, tree.consistency_proof(last.head.size, published.head.size))

        found, other = yield from on_newest(exchanges, key, ask)
        if last is not None and other is not None:
            raise (yield from work(lambda: self._forked(last, found, key, other)))
        return found

    def went_back(self, found: Met, key: VerifyKey) -> NotProven:
        """What to raise if the log of `found` has, or lets follow, what cannot come before the last checkpoint.

        Both are saved as evidence.
        """
        last = self.last(key) or found
        path = keep_evidence(self.directory, key, last, found)
        return NotProven(f"{_contradicts(last)}: the log went back. Both checkpoints are in {path}: {_SHOW}")

    def _forked(self, last: Met, found: Met, key: VerifyKey, proof: Proof | None) -> Forked:
        path = keep_evidence(self.directory, key, last, found, proof)
        why = "it has the same size and another root" if proof is None else "at that size it had another root"
        return Forked(log_of(key.name).name, f"{_contradicts(last)}: {why}. Both are in {path}: {_SHOW}", path)

    def _path(self, key: VerifyKey) -> Path:
        return self.directory / f"{file_name(key.name)}-{key.key_id.hex()}.checkpoint"


def _contradicts(last: Met) -> str:
    return f"{last.head.origin} does not go on from the checkpoint of {last.head.size} entries that you met"
