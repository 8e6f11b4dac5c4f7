"""A queue in bounded memory: what it has no room for waits in a temporary file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile, gettempdir
from typing import IO, Final, Generic, TypeVar
from weakref import finalize

from counterfoil.audit.files import CannotAudit

T = TypeVar("T")
IN_MEMORY: Final = 4 << 20
"""Bytes that the items in memory may take, packed."""
_LENGTH: Final = 4  # bytes before each item in the file


class Spool(Generic[T]):
    """Items, first in, first out. `pack` makes bytes of one, less than 4 GiB; `unpack` makes an equal item of these.

    The file has no name: it goes with the queue or the process.
    """

    def __init__(self, pack: Callable[[T], bytes], unpack: Callable[[bytes], T], in_memory: int = IN_MEMORY) -> None:
        self._pack, self._unpack, self._in_memory = pack, unpack, in_memory
        self._items: deque[tuple[T, int]] = deque()  # each with how many bytes it takes
        self._bytes = 0  # of the items in memory
        self._file: IO[bytes] | None = None  # made when it is first needed
        self._filed = 0  # items in the file: all of them come after those in memory
        self._taken = 0  # bytes of the file that were taken back
        self.count = 0
        """How many items there are."""

    def append(self, item: T) -> None:
        """Add an item at the end. Raises `CannotAudit` if the disk has no room for it."""
        packed = self._pack(item)
        self.count += 1
        if not self._filed and self._bytes + len(packed) <= self._in_memory:
            self._keep(item, len(packed))
            return
        with no_room():
            if self._file is None:
                self._file = TemporaryFile()  # noqa: SIM115 it lives as long as the queue
                finalize(self, self._file.close)
            self._file.write(len(packed).to_bytes(_LENGTH) + packed)
        self._filed += 1

    def first(self) -> T:
        """The first item. Raises IndexError if there is none."""
        if not self._items and self._file is not None:
            self._take_back(self._file)
        return self._items[0][0]

    def popleft(self) -> T:
        """Take the first item. Raises IndexError if there is none."""
        self.first()
        item, size = self._items.popleft()
        self._bytes -= size
        self.count -= 1
        return item

    def _keep(self, item: T, size: int) -> None:
        self._items.append((item, size))
        self._bytes += size

    def _take_back(self, file: IO[bytes]) -> None:
        """Fill the memory from the file; an emptied file is used anew from its beginning."""
        end = file.tell()
        file.seek(self._taken)
        while self._filed and (not self._items or self._bytes < self._in_memory):
            packed = file.read(int.from_bytes(file.read(_LENGTH)))
            self._keep(self._unpack(packed), len(packed))
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
