"""A queue in bounded memory: what it has no room for waits in a temporary file."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile, gettempdir
from typing import IO, Final
from weakref import finalize

from counterfoil.audit.files import CannotAudit

IN_MEMORY: Final = 4 << 20
"""Bytes of its items that a queue keeps in memory."""
_LENGTH: Final = 4  # bytes before each item in the file


class Spool:
    """Byte strings of less than 4 GiB each, first in, first out.

    The file has no name: it goes with the queue or the process.
    """

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._in_memory = in_memory
        self._items: deque[bytes] = deque()
        self._bytes = 0  # of the items in memory
        self._file: IO[bytes] | None = None  # made when it is first needed
        self._filed = 0  # items in the file: all of them come after those in memory
        self._taken = 0  # bytes of the file that were taken back
        self.count = 0
        """How many items there are."""

    def append(self, item: bytes) -> None:
        """Add an item at the end. Raises `CannotAudit` if the disk has no room for it."""
        self.count += 1
        if not self._filed and self._bytes + len(item) <= self._in_memory:
            self._items.append(item)
            self._bytes += len(item)
            return
        try:
            if self._file is None:
                self._file = TemporaryFile()  # noqa: SIM115 it lives as long as the queue
                finalize(self, self._file.close)
            self._file.write(len(item).to_bytes(_LENGTH) + item)
        except OSError as problem:
            text = (
                f"cannot write a temporary file in {gettempdir()}: {problem.strerror}; set TMPDIR to another directory"
            )
            raise CannotAudit(text) from problem
        self._filed += 1

    def popleft(self) -> bytes:
        """Take the first item. Raises IndexError if there is none."""
        if not self._items and self._file is not None:
            self._take_back(self._file)
        item = self._items.popleft()
        self._bytes -= len(item)
        self.count -= 1
        return item

    def _take_back(self, file: IO[bytes]) -> None:
        """Fill the memory from the file; an emptied file is used anew from its beginning."""
        end = file.tell()
        file.seek(self._taken)
        while self._filed and (not self._items or self._bytes < self._in_memory):
            item = file.read(int.from_bytes(file.read(_LENGTH)))
            self._items.append(item)
            self._bytes += len(item)
            self._filed -= 1
        self._taken = file.tell()
        if self._filed:
            file.seek(end)
        else:
            self._taken = 0
            file.seek(0)
            file.truncate()


@contextmanager
def no_room() -> Iterator[None]:
    """Raises `CannotAudit` where a temporary file cannot be written."""
    try:
        yield
    except OSError as problem:
        text = f"cannot write a temporary file in {gettempdir()}: {problem.strerror}; set TMPDIR to another directory"
        raise CannotAudit(text) from problem
