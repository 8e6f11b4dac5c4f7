"""The ids that a log has used. They are as many as its entries, so they are kept in a file instead of in memory."""

from __future__ import annotations

import mmap
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from counterfoil.audit.spool import no_room

_WIDTH: Final = 16  # bytes kept of an id's SHA-256
_FREE: Final = bytes(_WIDTH)
_BLOCK: Final = 4_096  # places
_FIRST: Final = _BLOCK
_GROWTH: Final = 2


class UsedIds:
    """A hash table in a temporary file, of which the system keeps in memory what it has room for.

    It grows as it fills: a checkpoint may claim more entries than there are. Raises `CannotAudit` without room for it.
    """

    def __init__(self) -> None:
        self._count = 0
        self._table = _new_table(_FIRST)

    @classmethod
    def read(cls, path: Path) -> UsedIds:
        """Those that `write` left there. Raises OSError, and ValueError for a file that is no such table."""
        ids, data = cls(), path.read_bytes()
        keys = [data[start : start + _WIDTH] for start in range(0, len(data), _WIDTH)]
        if keys and len(keys[-1]) != _WIDTH:
            raise ValueError(f"{path} has {len(data)} bytes")
        for key in keys:
            ids._add(key)
        return ids

    def write(self, file: BinaryIO) -> None:
        """Write them, unsorted. Raises OSError."""
        keys = (self._table[start : start + _WIDTH] for start in range(0, len(self._table), _WIDTH))
        file.writelines(key for key in keys if key != _FREE)

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def __contains__(self, id_: str) -> bool:
        key = _key(id_)
        at = _place(self._table, key)
        return self._table[at : at + _WIDTH] == key

    def add(self, id_: str) -> bool:
        """Add it; False if it is there already."""
        return self._add(_key(id_))

    def _add(self, key: bytes) -> bool:
        at = _place(self._table, key)
        if self._table[at : at + _WIDTH] == key:
            return False
        self._table[at : at + _WIDTH] = key
        self._count += 1
        if self._count * _WIDTH * 3 > len(self._table) * 2:
            self._grow()
        return True

    def _grow(self) -> None:
        old, new = self._table, _new_table(len(self._table) // _WIDTH * _GROWTH)
        for start in range(0, len(old), _WIDTH):
            key = old[start : start + _WIDTH]
            if key != _FREE:
                at = _place(new, key)
                new[at : at + _WIDTH] = key
        self._table = new
        old.close()


def _new_table(places: int) -> mmap.mmap:
    with no_room(), TemporaryFile() as file:
        for _ in range(places // _BLOCK):  # no hole is left: one that finds no room later would end the process
            file.write(bytes(_BLOCK * _WIDTH))
        file.flush()
        return mmap.mmap(file.fileno(), places * _WIDTH)


def _place(table: mmap.mmap, key: bytes) -> int:
    """Where the key is, or the free place where it belongs."""
    size = len(table)
    at = int.from_bytes(key[:8]) * _WIDTH % size
    while table[at : at + _WIDTH] not in (key, _FREE):
        at = (at + _WIDTH) % size
    return at


def _key(id_: str) -> bytes:
    return sha256(id_.encode()).digest()[:_WIDTH]
