"""Entries on a topic, and how a reader comes to believe them: batch by batch, by the log's signature alone.

A topic gives neither order nor truth: records may come twice, late, or from whoever may write there. Every record names
the batch it belongs to; the last of a batch carries the hashes of what lies before it and a signed checkpoint. A batch
whose entries hash, with these, to what the log signed is the log's; nothing else leaves this module. Batches are handed
on in the order of their indexes, each index once, and never past a gap. Formats: `counterfoil.contract.topics`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from counterfoil.contract import topics
from counterfoil.contract.limits import MAX_ENTRY_BYTES
from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.merkle import HASH_BYTES, leaf_hash, root_after, verify_consistency
from counterfoil.ports import Announcement, Delivery

Headers = Sequence[tuple[str, bytes]]

MAX_BATCH_ENTRIES: Final = 65_536
"""Entries of one batch."""
MAX_PENDING: Final = 256
"""Batches that wait for records of theirs, or for batches before them."""
MAX_PENDING_BYTES: Final = 128 * 2**20
_MAX_NOTE_BYTES: Final = 4_096
_MAX_PROOF_BYTES: Final = 64 * HASH_BYTES


class BadRecord(Exception):
    """A record that is no entry of this log; its text is a stable code."""


def encode(announcement: Announcement) -> list[tuple[bytes, Headers]]:
    """The records of a batch: (value, headers), in order."""
    batch = (topics.BATCH, b"%d-%d" % (announcement.first, announcement.end))
    kind = (topics.CONTENT_TYPE, topics.ENTRY_TYPE.encode())
    traces = announcement.traces or [""] * len(announcement.entries)
    records: list[tuple[bytes, Headers]] = []
    for index, (data, trace) in enumerate(zip(announcement.entries, traces, strict=True), announcement.first):
        headers = [kind, (topics.INDEX, b"%d" % index), batch]
        if trace:
            headers.append((topics.TRACE, trace.encode()))
        if index == announcement.end - 1:
            headers.append((topics.CHECKPOINT, announcement.note))
            headers.append((topics.FRONTIER, b"".join(announcement.frontier)))
            if announcement.proof:
                headers.append((topics.PROOF, b"".join(announcement.proof)))
        records.append((data, headers))
    return records


def place_of(headers: Headers) -> tuple[int, int, int]:
    """Index, first and size that a record claims. Raises `BadRecord`."""
    found = dict(headers)
    index, (first, dash, size) = found.get(topics.INDEX, b""), found.get(topics.BATCH, b"").partition(b"-")
    if not (dash and index.isdigit() and first.isdigit() and size.isdigit() and len(index) + len(size) < 40):
        raise BadRecord("no_place")
    place = int(index), int(first), int(size)
    if not place[1] <= place[0] < place[2] <= place[1] + MAX_BATCH_ENTRIES:
        raise BadRecord("impossible_place")
    return place


@dataclass(slots=True)
class _Pending:
    """A batch as far as it has come."""

    first: int
    size: int
    offset: int
    """Of its first record on the topic."""
    entries: dict[int, tuple[bytes, str]] = field(default_factory=dict)
    tail: Mapping[str, bytes] = field(default_factory=dict)
    octets: int = 0
    proven: bool = False
    note: bytes = b""
    """The checkpoint over exactly this much, if the one that came is."""

    @property
    def whole(self) -> bool:
        return len(self.entries) == self.size - self.first and topics.CHECKPOINT in self.tail


class BatchReader:
    """Reads one log from its topic, from the entry `next_index` on."""

    def __init__(self, origin: str, key: VerifyKey, next_index: int, cursor: str = "") -> None:
        """`cursor`: the name under which `Delivery.resume` gives offsets."""
        self._origin, self._key, self._cursor = origin, key, cursor
        self.next_index = next_index
        self.waits_for_gap = False
        """Whether later batches have come than the one that is next."""
        self._pending: dict[tuple[int, int], _Pending] = {}
        self._octets = 0
        self.proven_size = 0
        """Where the last proven batch ends."""

    def feed(self, offset: int, value: bytes | None, headers: Headers) -> list[Delivery]:
        """Take one record; returns what may be consumed now. Raises `BadRecord` for what is no entry of the log.

        A record that is known already, or of a batch already handed on, is dropped.
        """
        index, first, size = place_of(headers)
        if value is None or not 0 < len(value) <= MAX_ENTRY_BYTES:
            raise BadRecord("no_entry")
        if size <= self.next_index:
            return []
        batch = self._batch(offset, first, size)
        found = dict(headers)
        if index not in batch.entries:
            batch.entries[index] = (value, found.get(topics.TRACE, b"").decode("ascii", "replace")[:64])
            batch.octets += len(value)
            self._octets += len(value)
        if index == size - 1 and not batch.tail:
            batch.tail = _tail(found)
        if batch.proven or not batch.whole:
            return []
        try:
            self._prove(batch)
        except LogError as problem:
            self._drop(batch)
            raise BadRecord("unproven_batch") from problem
        return self._release()

    def _batch(self, offset: int, first: int, size: int) -> _Pending:
        batch = self._pending.get((first, size))
        if batch is None:
            while len(self._pending) >= MAX_PENDING or self._octets > MAX_PENDING_BYTES:
                self._drop(next(iter(self._pending.values())))  # the oldest; what is in it has to come again
            batch = self._pending[first, size] = _Pending(first, size, offset)
        return batch

    def _drop(self, batch: _Pending) -> None:
        del self._pending[batch.first, batch.size]
        self._octets -= batch.octets

    def _prove(self, batch: _Pending) -> None:
        """Raises `LogError` unless the log signed a history with exactly these entries at these indexes."""
        head = open_checkpoint(batch.tail[topics.CHECKPOINT], [self._key])
        leaves = [leaf_hash(batch.entries[index][0]) for index in range(batch.first, batch.size)]
        root = root_after(batch.first, _hashes(batch.tail.get(topics.FRONTIER, b"")), leaves)
        proof = _hashes(batch.tail.get(topics.PROOF, b""))
        verify_consistency(batch.size, head.size, root, head.root, proof)
        batch.proven = True
        batch.note = batch.tail[topics.CHECKPOINT] if head == Checkpoint(self._origin, batch.size, root) else b""
        self.proven_size = max(self.proven_size, batch.size)

    def _release(self) -> list[Delivery]:
        """Proven batches that continue what was handed on."""
        released: list[Delivery] = []
        proven = deque(sorted((each for each in self._pending.values() if each.proven), key=lambda b: b.first))
        while proven and proven[0].first <= self.next_index:
            batch = proven.popleft()
            resume = (self._cursor, min(each.offset for each in self._pending.values()))
            self._drop(batch)
            for index in range(self.next_index, batch.size):
                data, trace = batch.entries[index]
                note = batch.note if index == batch.size - 1 else b""
                released.append(Delivery(self._origin, index, data, resume, note, trace))
            self.next_index = max(self.next_index, batch.size)
        self.waits_for_gap = bool(proven)
        for stale in [each for each in self._pending.values() if each.size <= self.next_index]:
            self._drop(stale)
        return released


def _tail(found: Mapping[str, bytes]) -> Mapping[str, bytes]:
    tail = {name: found[name] for name in (topics.CHECKPOINT, topics.FRONTIER, topics.PROOF) if name in found}
    if topics.CHECKPOINT not in tail or len(tail[topics.CHECKPOINT]) > _MAX_NOTE_BYTES:
        raise BadRecord("no_checkpoint")
    if any(len(tail.get(name, b"")) > _MAX_PROOF_BYTES for name in (topics.FRONTIER, topics.PROOF)):
        raise BadRecord("long_proof")
    return tail


def _hashes(row: bytes) -> list[bytes]:
    return [row[at : at + HASH_BYTES] for at in range(0, len(row), HASH_BYTES)]
