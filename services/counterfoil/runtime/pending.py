"""What one log has committed, and what is decided behind that: step 5 of the path of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter

from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import LogId
from counterfoil.log.merkle import leaf_hash
from counterfoil.log.signer import Signer
from counterfoil.log.tree import Staged, Tree
from counterfoil.ports import Announcement, Delivery, Head, LogStore, NewEntry
from counterfoil.runtime.snapshots import Snapshots
from counterfoil.runtime.telemetry import Telemetry
from counterfoil.vocabulary import CODEC


class Pending:
    """Entries and cursors that are to be committed, on top of the committed `head` and its `tree`.

    After an attempt that raised, they stay as they are: the same bytes are committed again, if they have to be.
    """

    tree: Tree
    head: Head | None
    """The committed head, which `tree` has; None of a new log."""

    def __init__(self, id_: LogId, store: LogStore, signer: Signer, snapshots: Snapshots, telemetry: Telemetry) -> None:
        self._id, self._store, self._signer, self._telemetry = id_, store, signer, telemetry
        self._snapshots = snapshots
        self._tried: tuple[Staged, Head] | None = None  # the next head, while it is not known whether it is committed
        self._entries: list[tuple[Entry, bytes, bytes | None]] = []
        self._traces: list[str] = []
        self._cursors: dict[str, int] = {}
        self._skipped = 0

    def start(self, head: Head | None, tree: Tree) -> None:
        """Begin at what is committed, with nothing decided behind it."""
        self.head, self.tree, self._tried = head, tree, None
        self._clear()

    def __len__(self) -> int:
        """How many entries are decided and not committed."""
        return len(self._entries)

    @property
    def cursors(self) -> Mapping[str, int]:
        """Those of what was consumed since cursors were last committed."""
        return self._cursors

    @property
    def skipped(self) -> int:
        """Messages consumed since then."""
        return self._skipped

    def is_current(self) -> bool:
        """Whether the head in the store is the one that all this belongs to."""
        head = self._store.head()
        if self._tried is not None and head == self._tried[1]:  # committed all the same: only the answer was lost
            self._accept(*self._tried)
        return head == self.head

    def take(self, entry: Entry, data: bytes, content: bytes | None, trace: str) -> None:
        """Add a decided entry. `content`: what a command is known by, if one was its cause."""
        self._entries.append((entry, data, content))
        self._traces.append(self._telemetry.entry(self._id, entry, trace))

    def move(self, cursors: Mapping[str, int], consumed: int = 0) -> None:
        """Add cursors, which are committed with the entries; `consumed` more messages were."""
        self._cursors.update(cursors)
        self._skipped += consumed

    def move_behind(self, delivery: Delivery) -> None:
        """Add the cursors behind one message."""
        self._cursors[delivery.source] = delivery.position + 1
        if delivery.resume:
            self._cursors.update(delivery.resume)

    def forget_cursors(self) -> None:
        """Consume again what is not committed: an inbox was opened at the committed cursors."""
        self._cursors, self._skipped = {}, 0

    def root_at(self, size: int) -> bytes | None:
        """The log's root at a size up to the entry being decided: those before it may not be committed yet."""
        if size <= self.tree.size:
            return self.tree.root_at(size)
        leaves = [leaf_hash(data) for _, data, _ in self._entries[: size - self.tree.size]]
        if self.tree.size + len(leaves) < size:
            return None
        return self.tree.stage(leaves).root

    # committing -----------------------------------------------------------------------------------------------------

    def commit(self) -> Announcement:
        """Commit entries, leaf hashes, cursors and the signed head in one transaction; returns what to announce."""
        before, entries, traces = self.tree.size, self._entries, self._traces
        frontier = self.tree.frontier(before)
        rows = [NewEntry(entry.id, data, leaf_hash(data), content) for entry, data, content in entries]
        staged = self.tree.stage([row.leaf for row in rows])
        signer = self._signer
        proof = self.tree.consistency_proof(signer.head.size, staged.size) if signer.head.size else []
        head = Head(staged.size, staged.root, signer.sign_checkpoint(staged.size, staged.root, proof))
        self._tried = staged, head
        began = perf_counter()
        self._store.append(before, rows, self._cursors, head)
        self._telemetry.committed(self._id, len(rows), perf_counter() - began, staged.size)
        self._accept(staged, head)
        types = {event.TYPE for entry, _, _ in entries for event in entry.events}
        data = [row.data for row in rows]
        return Announcement(signer.head.origin, before, data, head.size, head.note, frontier, (), traces, types)

    def commit_cursors(self) -> None:
        """Commit the cursors alone; a log without a genesis entry has none to move."""
        if self.head is not None:
            self._store.append(self.tree.size, [], self._cursors, self.head)
            self.forget_cursors()

    def _accept(self, staged: Staged, head: Head) -> None:
        """The entries are committed."""
        self.tree.accept(staged)
        self._signer.committed(staged.size, staged.root)
        self._snapshots.committed(staged.size)
        for entry, data, _ in self._entries:
            CODEC.keep_entry(data, entry)  # receipts, views and consumers in this process need not decode it
        self.head, self._tried = head, None
        self._clear()

    def _clear(self) -> None:
        self._entries, self._traces = [], []
        self.forget_cursors()
