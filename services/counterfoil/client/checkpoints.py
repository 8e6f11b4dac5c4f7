"""The last checkpoint of every log that a client met: it notices a log that goes back, and one that forks.

Whoever runs the logs could show everybody another history, or restore an old one. Both show in two checkpoints, signed
by the same key, of which the later does not go on from the earlier: they are kept as evidence.
"""

from __future__ import annotations

import os
from pathlib import Path

from counterfoil.client.exchanges import Exchanges
from counterfoil.client.problems import NotProven, NotReady
from counterfoil.client.published import Met, Read, met, on_newest, tree_of
from counterfoil.client.steps import Steps, work
from counterfoil.log.keys import VerifyKey
from counterfoil.log.note import NOTE_BYTES_MAX
from counterfoil.owned import check_owned


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
        """Keep one that is later than the last. Raises `NotProven` if it is another of the same size."""
        last = self.last(key)
        if last is not None and last.head.size == found.head.size and last.head.root != found.head.root:
            raise self.evidence(last, found, "they have the same size and another root")
        if last is None or last.head.size < found.head.size:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = self._path(key).with_suffix(f".{os.getpid()}")
            new.write_bytes(found.note)
            new.replace(self._path(key))

    def follow(self, exchanges: Exchanges, key: VerifyKey) -> Steps[Met | None]:
        """The last checkpoint, after what the log publishes now was proven to go on from it; None if none was met.

        What is published may be behind what was met: then there is nothing to prove, and the log itself judges a
        command that is signed with this checkpoint. Raises `NotProven`, after two checkpoints were saved as evidence;
        `Unreachable`, `RefusedByService`.
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

        def ask(published: Met, read: Read) -> tuple[Met, bytes | None]:
            if last is None or published.head.size < last.head.size:
                return published, None
            return published, tree_of(published.head, read).root_at(last.head.size)

        found, root = yield from on_newest(exchanges, key, ask)
        if last is not None and root is not None and root != last.head.root:
            text = f"at that size it had root {last.head.root.hex()}, and by its tiles it has {root.hex()} now"
            raise (yield from work(lambda: self.evidence(last, found, text)))
        return found

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


def _stem(origin: str) -> str:
    return origin.replace("/", "_").replace(":", "_")
