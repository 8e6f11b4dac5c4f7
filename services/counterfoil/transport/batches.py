"""Entries on a topic, and how a reader verifies them: batch by batch, by the log's signature alone.

A topic guarantees neither order nor origin: records may come twice, late, or from any user who may write there. Every
record names its batch; the last of a batch carries the hashes of the entries before the batch and a signed checkpoint.
A batch is the log's if its entries hash, with these, to what the log signed; nothing else leaves this module. Batches
are delivered in the order of their indexes, each index once, and never past a gap. Formats:
`counterfoil.contract.topics`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice, product
from typing import Final

from counterfoil.contract import topics
from counterfoil.contract.limits import MAX_ENTRY_BYTES
from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.merkle import HASH_BYTES, leaf_hash, root_after, verify_consistency
from counterfoil.ports import Announcement, Delivery

Headers = Sequence[tuple[str, bytes]]
Received = Sequence[tuple[str, bytes | None]]
"""Headers as they were read: Kafka allows one without a value."""

MAX_BATCH_ENTRIES: Final = 65_536
"""The most entries of one batch."""
MAX_PENDING: Final = 256
"""The most batches that wait for their own records, or for batches before them."""
MAX_PENDING_BYTES: Final = 128 * 2**20
_MAX_CLAIMS: Final = 4  # different values that are kept for one index
_MAX_VERSIONS: Final = 64  # combinations of such values that are tried
_MAX_NOTE_BYTES: Final = 4_096
_MAX_DIGITS: Final = 19  # of a number below 2**63; `int` refuses thousands of them with an error of its own
_MAX_PROOF_BYTES: Final = 64 * HASH_BYTES

Tail = Mapping[str, bytes]
"""What proves a batch: the headers of its last record."""


class BadRecord(Exception):
    """A record that is not an entry of this log; its text is a stable code."""


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


def place_of(headers: Mapping[str, bytes | None]) -> tuple[int, int, int]:
    """Index, first and size that a record claims. Raises `BadRecord`."""
    index, (first, size) = _number(headers.get(topics.INDEX) or b""), _span(headers.get(topics.BATCH) or b"")
    if not first <= index < size <= first + MAX_BATCH_ENTRIES:
        raise BadRecord("impossible_place")
    return index, first, size


@lru_cache(maxsize=16)  # all records of a batch say the same
def _span(text: bytes) -> tuple[int, int]:
    first, _, size = text.partition(b"-")
    return _number(first), _number(size)


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > _MAX_DIGITS:
        raise BadRecord("no_place")
    return int(text)


@dataclass(slots=True)
class _Pending:
    """A batch, as far as its records have come."""

    first: int
    size: int
    offset: int
    """Of its first record on the topic."""
    claims: dict[int, list[tuple[bytes, str]]] = field(default_factory=dict)
    """By index: the entry and its trace as records gave them; one each, unless records are forged."""
    tails: list[Tail] = field(default_factory=list)
    octets: int = 0
    entries: Sequence[tuple[bytes, str]] = ()
    """The proven entries, with their traces."""
    proven: bool = False
    note: bytes = b""
    """The signed checkpoint, if it covers exactly the entries up to `size`."""

    @property
    def whole(self) -> bool:
        return bool(self.tails) and len(self.claims) == self.size - self.first

    def claim(self, index: int, value: bytes, trace: str) -> int:
        """Keep what a record gives for an index; returns how many octets that added."""
        said = self.claims.setdefault(index, [])
        if len(said) >= _MAX_CLAIMS or any(value == known for known, _ in said):
            return 0
        said.append((value, trace))
        self.octets += len(value)
        return len(value)

    def versions(self) -> Iterator[tuple[Tail, Sequence[tuple[bytes, str]]]]:
        """What the batch may be: a tail, and an entry for every index; at most `_MAX_VERSIONS` combinations."""
        claims = [self.claims[index] for index in range(self.first, self.size)]
        return islice(product(self.tails, product(*claims)), _MAX_VERSIONS)


class BatchReader:
    """Reads one log from its topic, from the entry `next_index` on."""

    def __init__(self, origin: str, key: VerifyKey, next_index: int, cursor: str = "") -> None:
        """`cursor`: the name of the offset in `Delivery.resume`."""
        self._origin, self._key, self._cursor = origin, key, cursor
        self.next_index = next_index
        self.waits_for_gap = False
        """Whether batches after the next one have come before it."""
        self._pending: dict[tuple[int, int], _Pending] = {}
        self._octets = 0
        self.proven_size = 0
        """The size of the log up to the last proven batch."""

    def feed(self, offset: int, value: bytes | None, headers: Received) -> list[Delivery]:
        """Take one record; returns what may be consumed now. Raises `BadRecord` unless it may be an entry of the log.

        A record that is known already, or whose batch was delivered already, is dropped.
        """
        found = dict(headers)
        index, first, size = place_of(found)
        if value is None or not 0 < len(value) <= MAX_ENTRY_BYTES:
            raise BadRecord("no_entry")
        if size <= self.next_index:
            return []
        tail = _tail(found) if index == size - 1 else None
        batch = self._batch(offset, first, size)
        if batch.proven:
            return []
        self._octets += batch.claim(index, value, (found.get(topics.TRACE) or b"").decode("ascii", "replace")[:64])
        if tail is not None and tail not in batch.tails and len(batch.tails) < _MAX_CLAIMS:
            batch.tails.append(tail)
        if self._octets > MAX_PENDING_BYTES:
            self._drop(next(iter(self._pending.values())))  # the oldest; its records have to come again
        if not batch.whole or (first, size) not in self._pending:
            return []
        self._prove(batch)
        return self._release()

    def _batch(self, offset: int, first: int, size: int) -> _Pending:
        batch = self._pending.get((first, size))
        if batch is None:
            while len(self._pending) >= MAX_PENDING:
                self._drop(next(iter(self._pending.values())))
            batch = self._pending[first, size] = _Pending(first, size, offset)
        return batch

    def _drop(self, batch: _Pending) -> None:
        del self._pending[batch.first, batch.size]
        self._octets -= batch.octets

    def _prove(self, batch: _Pending) -> None:
        """Find the combination that the log signed. Raises `BadRecord` if none is; a genuine record may still come."""
        for tail, entries in batch.versions():
            try:
                batch.note = self._proven(batch, tail, [leaf_hash(value) for value, _ in entries])
            except LogError:
                continue
            batch.proven, batch.entries = True, entries
            self.proven_size = max(self.proven_size, batch.size)
            return
        raise BadRecord("unproven_batch")

    def _proven(self, batch: _Pending, tail: Tail, leaves: Sequence[bytes]) -> bytes:
        """The note if it covers exactly these entries, else empty. Raises `LogError` unless the log signed them."""
        head = open_checkpoint(tail[topics.CHECKPOINT], [self._key])
        root = root_after(batch.first, _hashes(tail.get(topics.FRONTIER, b"")), leaves)
        verify_consistency(batch.size, head.size, root, head.root, _hashes(tail.get(topics.PROOF, b"")))
        return tail[topics.CHECKPOINT] if head == Checkpoint(self._origin, batch.size, root) else b""

    def _release(self) -> list[Delivery]:
        """Deliver proven batches that continue the log without a gap."""
        released: list[Delivery] = []
        proven = deque(sorted((each for each in self._pending.values() if each.proven), key=lambda b: b.first))
        while proven and proven[0].first <= self.next_index:
            batch = proven.popleft()
            resume = ((self._cursor, min(each.offset for each in self._pending.values())),)
            self._drop(batch)
            for index in range(self.next_index, batch.size):
                data, trace = batch.entries[index - batch.first]
                note = batch.note if index == batch.size - 1 else b""
                released.append(Delivery(self._origin, index, data, resume, note, trace))
            self.next_index = max(self.next_index, batch.size)
        self.waits_for_gap = bool(proven)
        for stale in [each for each in self._pending.values() if each.size <= self.next_index]:
            self._drop(stale)
        return released


def _tail(found: Mapping[str, bytes | None]) -> Tail:
    names = (topics.CHECKPOINT, topics.FRONTIER, topics.PROOF)
    tail = {name: value for name in names if (value := found.get(name))}
    if topics.CHECKPOINT not in tail or len(tail[topics.CHECKPOINT]) > _MAX_NOTE_BYTES:
        raise BadRecord("no_checkpoint")
    if any(len(tail.get(name, b"")) > _MAX_PROOF_BYTES for name in (topics.FRONTIER, topics.PROOF)):
        raise BadRecord("long_proof")
    return tail


def _hashes(row: bytes) -> list[bytes]:
    return [row[at : at + HASH_BYTES] for at in range(0, len(row), HASH_BYTES)]
