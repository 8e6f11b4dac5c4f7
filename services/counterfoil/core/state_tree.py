"""The state root: one hash that commits to a service's whole state, updated for what changed since the last one.

A record is a key (text) and a value (bytes, canonical JSON). Its *position* is SHA-256 of the key; its *row* is the
position, then SHA-256 of the value. The tree is a binary trie over positions, most significant bit first: a subtree of
at most `BUCKET_RECORDS` records is a *bucket*, its rows in order of position; a larger one has two children, by the
next bit. So its shape, and with it the root, follows from the records alone, whatever happened before.

The hash of a bucket is `leaf_hash` of its rows, that of any other subtree `node_hash` of its children's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

from counterfoil.log.merkle import HASH_BYTES, leaf_hash, parents
from counterfoil.log.state import BUCKET_RECORDS, DEPTH_MAX, ROW_BYTES, StateProof, digest, path_of

_ROOT: Final = 1


class StateTree:
    """The tree over one state; not for use from two threads at once.

    A subtree is named by a 1 and the bits of the path to it: the root is 1, the children of n are 2n and 2n + 1.
    """

    def __init__(self) -> None:
        """Start with the empty state."""
        self._buckets = {_ROOT: b""}
        self._hashes = {_ROOT: b""}
        """Of every subtree; out of date for those above a bucket in `_changed`."""
        self._changed: dict[int, None] = {_ROOT: None}
        self._count = 0
        self._depth = 0  # of the bucket found last: the next one is hardly ever far from that

    def __len__(self) -> int:
        """The number of records."""
        return self._count

    def update(self, changes: Mapping[str, bytes | None]) -> None:
        """Put records, by key, or remove those with None; removing what is not there does nothing.

        The cost grows with the changes, times the logarithm of the records: some 10 µs a change, `root` included.
        To build a tree, give it some thousand records at a time.
        """
        shrunk = []
        for number, rows in self._by_bucket(changes).items():
            before = self._buckets[number]
            after = _merged(before, rows)
            self._count += (len(after) - len(before)) // ROW_BYTES
            if len(after) < len(before):
                shrunk.append(number)
            self._place(number, after)
        for number in shrunk:
            self._join(number)

    def root(self) -> bytes:
        """The hash of the whole tree, 32 bytes."""
        if not self._changed:
            return self._hashes[_ROOT]
        levels: list[dict[int, None]] = [{} for _ in range(DEPTH_MAX + 1)]
        for number in self._changed:
            self._hashes[number] = leaf_hash(self._buckets[number])
            levels[number.bit_length() - 1][number >> 1] = None  # a subtree is hashed after everything below it
        for depth in range(DEPTH_MAX, 0, -1):
            above = list(levels[depth])
            children = [self._hashes[child] for number in above for child in (2 * number, 2 * number + 1)]
            self._hashes.update(zip(above, parents(children), strict=True))
            levels[depth - 1].update(dict.fromkeys([number >> 1 for number in above]))
        self._changed = {}
        return self._hashes[_ROOT]

    def prove(self, key: str) -> StateProof:
        """What the state holds for `key`, if anything, provable against `root()`."""
        self.root()
        number = self._bucket_of(path_of(digest(key.encode())))
        rows, siblings = self._buckets[number], []
        while number != _ROOT:
            siblings.append(self._hashes[number ^ 1])
            number >>= 1
        return StateProof(rows, tuple(siblings))

    # inside -----------------------------------------------------------------------------------------------------------

    def _by_bucket(self, changes: Mapping[str, bytes | None]) -> dict[int, dict[bytes, bytes]]:
        """For every bucket that changes: position -> new row, or nothing where the record goes."""
        found: dict[int, dict[bytes, bytes]] = {}
        for key, value in changes.items():
            position = digest(key.encode())
            rows = found.setdefault(self._bucket_of(path_of(position)), {})
            rows[position] = b"" if value is None else position + digest(value)
        return found

    def _bucket_of(self, path: int) -> int:
        """The bucket on a path from the root."""
        number = path >> (DEPTH_MAX - self._depth)
        while number not in self._buckets:
            self._depth += 1 if number in self._hashes else -1
            number = path >> (DEPTH_MAX - self._depth)
        return number

    def _place(self, number: int, rows: bytes) -> None:
        """Make `rows` the records of the subtree, which is a bucket now."""
        self._hashes[number] = b""
        if len(rows) <= BUCKET_RECORDS * ROW_BYTES:
            self._buckets[number] = rows
            self._changed[number] = None
            return
        self._buckets.pop(number, None)
        self._changed.pop(number, None)
        right = 2 * number + 1
        middle = right << (DEPTH_MAX - number.bit_length())
        first = _place_of(rows, (middle & (1 << DEPTH_MAX) - 1).to_bytes(HASH_BYTES)) * ROW_BYTES
        self._place(right - 1, rows[:first])
        self._place(right, rows[first:])

    def _join(self, number: int) -> None:
        """Make one bucket of two, upwards, as long as it can hold their records."""
        while number != _ROOT and number in self._buckets and number ^ 1 in self._buckets:
            left, right = number & ~1, number | 1
            rows = self._buckets[left] + self._buckets[right]
            if len(rows) > BUCKET_RECORDS * ROW_BYTES:
                return
            for child in (left, right):
                del self._buckets[child], self._hashes[child]
                self._changed.pop(child, None)
            number >>= 1
            self._place(number, rows)


def _merged(rows: bytes, changes: Mapping[bytes, bytes]) -> bytes:
    """`rows` with those changes, in order of position."""
    if len(changes) > BUCKET_RECORDS:
        table = {rows[at : at + HASH_BYTES]: rows[at : at + ROW_BYTES] for at in range(0, len(rows), ROW_BYTES)}
        return b"".join([row for _, row in sorted({**table, **changes}.items())])
    for position, row in changes.items():
        start = _place_of(rows, position) * ROW_BYTES
        end = start + ROW_BYTES if rows.startswith(position, start) else start
        rows = rows[:start] + row + rows[end:]
    return rows


def _place_of(rows: bytes, position: bytes) -> int:
    """How many rows have a smaller position."""
    count = len(rows) // ROW_BYTES
    return bisect_left(range(count), position, key=lambda at: rows[at * ROW_BYTES : at * ROW_BYTES + HASH_BYTES])
