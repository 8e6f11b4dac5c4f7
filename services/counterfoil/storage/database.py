"""A database file that is ours: made, identified, opened for one writer and many readers, and closed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from counterfoil.ports import Synchronous, Unavailable
from counterfoil.storage import dialect
from counterfoil.storage.dialect import Identity

DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600


class StorageError(Unavailable):
    """The database cannot be used or refused the work; whether a failed commit took effect must be read back."""


class Database:
    """Connections to one file. Safe to use from any thread.

    Raises `StorageError` (and changes nothing) if the file is not a database, belongs to another application or has
    another version than `wanted`. `create` makes the schema of a new file, in the transaction that marks it as ours.
    """

    def __init__(
        self, path: Path, wanted: Identity, create: Callable[[Connection], object], synchronous: Synchronous
    ) -> None:
        self.path = path
        self._closed = False
        _make_private(path)
        self.writer = dialect.writer_engine(path, synchronous)
        self.reader = dialect.reader_engine(path)
        try:
            with self.write() as connection:
                if dialect.identity(connection) == (0, 0) and dialect.is_empty(connection):
                    create(connection)
                    dialect.set_identity(connection, wanted)
                else:
                    self._check_identity(dialect.identity(connection), wanted)
            self._use_wal()
        except BaseException:
            self.close()
            raise

    def _use_wal(self) -> None:
        with self._translated():
            if not dialect.use_wal(self.writer):
                raise StorageError(f"{self.path}: this file system does not support write-ahead logging")

    def _check_identity(self, found: Identity, wanted: Identity) -> None:
        if found.application != wanted.application:
            raise StorageError(
                f"{self.path}: not this kind of database (application id {found.application:#x}, "
                f"expected {wanted.application:#x}); nothing was changed"
            )
        if found.version != wanted.version:
            age = "newer than this program" if found.version > wanted.version else "not one this program can read"
            raise StorageError(f"{self.path}: schema version {found.version} is {age} (it knows {wanted.version})")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction with the write lock: committed at the end of the block, rolled back if it raises."""
        with self._translated(), self.writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only transaction: one committed state throughout."""
        with self._translated(), self.reader.begin() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self._closed:
            raise StorageError(f"{self.path}: closed")
        try:
            yield
        except SQLAlchemyError as error:
            raise StorageError(f"{self.path}: {getattr(error, 'orig', None) or error}") from error

    def close(self) -> None:
        """Close the connections; idempotent. Afterwards everything raises `StorageError`."""
        self._closed = True
        self.reader.dispose()
        self.writer.dispose()  # last, with write access: folds the write-ahead log into the file


def _make_private(path: Path) -> None:
    """Make the missing directories and the file, for their owner alone. What exists keeps its mode."""
    try:
        missing = [parent for parent in path.parents if not parent.exists()]
        for directory in reversed(missing):
            directory.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    except OSError as error:
        raise StorageError(f"{path}: cannot be opened: {error.strerror}") from error
