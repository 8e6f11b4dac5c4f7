"""Where a start begins: at the snapshot of the log's state, if its root is the one in the log, else at entry 0.

The snapshot is moved on beside the work, by what changed between two `state.rooted` entries: so its cost grows with the
changes, and only those are kept in memory. It is a cache: whatever is wrong with it costs time, and a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from counterfoil.contract.canonical import canonical
from counterfoil.contract.codec import type_markers
from counterfoil.contract.entry import Entry
from counterfoil.contract.events import StateRooted
from counterfoil.core.decider import Decider
from counterfoil.core.engine import Engine
from counterfoil.errors import Unusable
from counterfoil.log.errors import ProofError
from counterfoil.log.merkle import leaf_hash, verify_inclusion
from counterfoil.log.tree import Tree
from counterfoil.ports import LogStore, SnapshotStore, StoreConflict, Unavailable
from counterfoil.runtime.background import Background
from counterfoil.vocabulary import CODEC

SNAPSHOT_EVERY: Final = 16_384
"""Entries from one snapshot to the next, at least, unless more records have changed than `RECORDS_DUE`."""
RECORDS_DUE: Final = 32_768
"""Changed records with which a state root is made and written, however few entries they come from."""
RECORDS_KEPT: Final = 131_072
"""Changed records that may wait for a write before them; with more, nothing is written until the next start."""
_FOLDED_AT_ONCE: Final = 1_024  # entries
_WRITE_TIMEOUT: Final = 15.0  # seconds after which nobody waits for a write any more
_ABANDONED_AFTER: Final = 5.0  # seconds
_HANGS: Final = "a write does not end"
_MARKERS: Final = type_markers((StateRooted.TYPE,))

Changes = Mapping[str, bytes | None]
"""Canonical bytes by key, None for a record that is gone."""

log = logging.getLogger("counterfoil.snapshots")


class _Write(NamedTuple):
    """A write under way: from the state behind `since` entries to the one behind `size`."""

    since: int
    size: int
    changes: Changes


class Snapshots:
    """Starts the engine of one log, and keeps the log's snapshot. For the thread of its writer."""

    def __init__(self, decider: Decider[Any], origin: str, entries: LogStore, store: SnapshotStore) -> None:
        self._decider, self._origin, self._log, self._store = decider, origin, entries, store
        self.background = False
        """Whether writing is done on a background thread."""
        self.folded = 0
        """How many entries were folded, in all."""
        self._at = 0  # entries behind which the stored state is, as far as this writer knows
        self._to = 0  # entries behind which `_changes` lead
        self._due = SNAPSHOT_EVERY  # entries behind which the next write is to be
        self._changes: dict[str, bytes | None] | None = {}
        """What has changed since the state stored or being written; None if that is not known any more."""
        self._under_way: _Write | None = None
        self._writing = Background[None]("counterfoil-snapshot")

    # starting ---------------------------------------------------------------------------------------------------------

    def load(self, tree: Tree, root_at: Callable[[int], bytes | None]) -> tuple[Engine[Any], int]:
        """The engine behind the last entry of `tree`, and the index behind the last state root, 0 for none.

        The snapshot is moved on to that root. Raises `ProofError` if the entries before it lead to another state than
        it commits to.
        """
        if self._finish(_WRITE_TIMEOUT):
            engine, self._changes = self._resumed(tree, root_at), {}
        else:  # whatever is asked of the store may have to wait, too
            self._give_up(_HANGS)
            engine = Engine(self._decider, self._origin, root_at)
        self._at = self._to = rooted = engine.size
        self._due = rooted + SNAPSHOT_EVERY
        last = self._last_root(engine.size, tree.size)
        if last is not None:
            self._fold(engine, last.index)
            _check_root(engine, last)
            self._fold(engine, last.index + 1)  # read again: it was not compared with its leaf yet
            rooted = engine.size
            if engine.rooted is None and self._changes is not None:
                self._write_all(engine)
            else:
                self.take(engine.rooted, rooted)
                self.flush()
        self._fold(engine, tree.size)
        return engine, rooted

    def _resumed(self, tree: Tree, root_at: Callable[[int], bytes | None]) -> Engine[Any]:
        """The engine as the snapshot has it; a new one if there is none that can be believed.

        Only what is wrong with the snapshot itself removes it. Raises `Unavailable` if the log cannot be read either.
        """
        try:
            try:
                return self._read(tree, root_at)
            except (Unavailable, StoreConflict):  # an error of the connection, or of two writers, may have passed
                return self._read(tree, root_at)
        except StoreConflict as problem:  # another writer keeps it: it is not for this one to remove
            self._warn("the snapshot is passed over, and the whole log folded", problem)
        except Exception as problem:  # noqa: BLE001 what is damaged may fail in any way; the log has everything
            if isinstance(problem, Unavailable):
                self._log.head()  # raises if it is the database that fails: the snapshot is for the next attempt
            self._warn("the snapshot is passed over, and the whole log folded", problem)
            try:
                self._store.reset()
            except (Unavailable, Unusable) as still:
                self._warn("the snapshot cannot be removed", still)
        return Engine(self._decider, self._origin, root_at)

    def _read(self, tree: Tree, root_at: Callable[[int], bytes | None]) -> Engine[Any]:
        """The engine of the snapshot, a new one if none is stored. Raises, in any way, unless its root is in the log.

        Raises `StoreConflict` if another writer has moved it on meanwhile.
        """
        size = self._store.size()
        if not size:
            return Engine(self._decider, self._origin, root_at)
        if size > tree.size:
            head = self._log.head()
            if head is not None and head.size >= size:
                raise StoreConflict(
                    f"it is behind {size} entries: another writer has taken over since entry {tree.size}"
                )
            raise ProofError(f"it is behind {size} entries, and the log has {tree.size}")
        data = self._log.entries(size - 1, size)[0]
        proof = tree.inclusion_proof(size - 1, tree.size)
        verify_inclusion(size - 1, tree.size, leaf_hash(data), proof, tree.root())
        entry, records = CODEC.decode_entry(data), self._store.records(size)
        engine = Engine.restore(self._decider, self._origin, root_at, records, size, entry.time)
        _check_root(engine, entry)
        return engine

    def _last_root(self, start: int, stop: int) -> Entry | None:
        """The last entry with a state root, from the index `start` on."""
        while stop > start:
            first = max(start, stop - _FOLDED_AT_ONCE)
            for data in reversed(self._log.entries(first, stop)):
                if any(marker in data for marker in _MARKERS):
                    entry = CODEC.decode_entry(data)
                    if any(isinstance(event, StateRooted) for event in entry.events):
                        return entry
            stop = first
        return None

    def _fold(self, engine: Engine[Any], stop: int) -> None:
        """Fold the entries up to the index `stop`. Raises `ProofError` for one that does not hash to its leaf."""
        while engine.size < stop:
            start, end = engine.size, min(engine.size + _FOLDED_AT_ONCE, stop)
            entries = self._log.entries(start, end)
            if [leaf_hash(data) for data in entries] != self._log.leaves(start, end):
                raise ProofError(f"{self._origin}: entries {start} to {end - 1} do not hash to their leaves")
            for data in entries:
                engine.replay(CODEC.decode_own_entry(data))
            self.folded += len(entries)

    def _write_all(self, engine: Engine[Any]) -> None:
        """Store the whole state: so much has changed that nobody knows what."""
        records = ((key, canonical(value)) for key, value in self._decider.records(engine.state))
        try:
            self._store.reset()
            self._store.advance(0, engine.size, records)
            self._at, self._due = engine.size, engine.size + SNAPSHOT_EVERY
        except (StoreConflict, Unavailable, Unusable) as problem:
            self._give_up(problem)

    # beside the work --------------------------------------------------------------------------------------------------

    def take(self, changes: Changes | None, size: int) -> None:
        """Keep what the state root in the entry `size` - 1 commits to anew; None if that is not known."""
        if self._changes is None:
            return
        if changes is None:
            self._give_up("nobody knows which records have changed")
            return
        self._changes.update(changes)
        self._to = size
        if len(self._changes) >= RECORDS_DUE:
            self._due = min(self._due, size)

    def committed(self, size: int) -> None:
        """Write what was taken, if it is time: the log has `size` entries now."""
        self._settle()
        if self._under_way is None and self._due <= self._to <= size:
            self._begin(self.background)
        elif self._changes is not None and len(self._changes) > RECORDS_KEPT:
            self._give_up("too many records have changed since the last one that could be written")

    def flush(self) -> None:
        """Write what was taken, all of it committed, and wait for that; in the background, some seconds at most."""
        ended = self._finish(_WRITE_TIMEOUT)
        if ended and self._to > self._at:
            self._begin(self.background)
            ended = self._finish(_WRITE_TIMEOUT)
        if not ended:
            self._warn("the snapshot may not be written", _HANGS)

    def abandon(self) -> None:
        """Wait a few seconds for the write under way; ending later is harmless."""
        self._finish(_ABANDONED_AFTER)

    def _begin(self, background: bool) -> None:
        if self._changes is None:
            return
        write = self._under_way = _Write(self._at, self._to, self._changes)
        self._due, self._changes = self._to + SNAPSHOT_EVERY, {}
        self._writing.begin(lambda: self._write(write), on_thread=background)
        self._settle()

    def _write(self, write: _Write) -> None:
        self._store.advance(write.since, write.size, sorted(write.changes.items()))  # in order: fewer pages

    def _finish(self, within: float) -> bool:
        """Wait for the write under way; False if it does not end."""
        ended = self._writing.wait(within)
        self._settle()
        return ended

    def _settle(self) -> None:
        """Take note of the outcome of the write, if it has ended; what could not be written is kept."""
        write = self._under_way
        if write is None or self._writing.is_running():
            return
        self._under_way = None
        try:
            self._writing.take()
            self._at = write.size
        except StoreConflict as problem:
            self._give_up(problem)
        except Exception as problem:  # noqa: BLE001 a cache fails nothing else
            if self._changes is not None:
                self._changes = {**write.changes, **self._changes}
                self._warn("the snapshot could not be written, and is tried again later", problem)

    def _give_up(self, problem: object) -> None:
        self._changes = None
        self._warn("no snapshot is written any more until the next start", problem)

    def _warn(self, text: str, problem: object) -> None:
        log.warning("%s: %s: %s", self._origin, text, problem)


def _check_root(engine: Engine[Any], entry: Entry) -> None:
    """Raises `ProofError` unless the entry commits to the engine's state."""
    [rooted] = [event for event in entry.events if isinstance(event, StateRooted)]
    records, root = engine.root()
    if (records, root) != (rooted.records, rooted.root):
        raise ProofError(
            f"{engine.origin}: {records} records with root {root.hex()} are not the state that entry {entry.index} "
            f"commits to: {rooted.records} with root {rooted.root.hex()}"
        )
