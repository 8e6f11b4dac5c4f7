"""An open database of one log or of the views: one writer, many readers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from counterfoil.storage.dialect import Dialect
from counterfoil.storage.errors import StorageError, failure
from counterfoil.storage.tables import Kind


class Database:
    """Connections to one database. Safe to use from any thread.

    Raises `StorageError` (and changes nothing) if it cannot be reached, is of another kind, or has another version, and
    `DatabaseDamaged`.
    """

    def __init__(self, dialect: Dialect, kind: Kind) -> None:
        self.dialect = dialect
        self._closed = False
        try:
            with self.translated():
                dialect.prepare(kind)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction on the writer: committed at the end of the block, rolled back if it raises."""
        with self.translated(), self.dialect.writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that cannot write. Each statement sees one committed state."""
        with self.translated(), self.dialect.reader.begin() as connection:
            yield connection

    @contextmanager
    def consistent_read(self, within: float | None = None) -> Iterator[Connection]:
        """The same, for statements that all see one committed state. Raises `TookTooLong` after `within` seconds."""
        with self.translated(), self.dialect.consistent.begin() as connection:
            if within is None:
                yield connection
                return
            with self.dialect.ending(connection, within):
                yield connection

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turns errors of the database into `StorageError`, or `DatabaseDamaged` where a retry cannot succeed."""
        if self._closed:
            raise StorageError(f"{self.dialect.place}: closed")
        with translated(self.dialect.place):
            yield

    def close(self) -> None:
        """Close the connections; idempotent. Afterwards everything raises `StorageError`."""
        self._closed = True
        self.dialect.close()


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turns errors into `StorageError`, `TookTooLong` or `DatabaseDamaged`.

    With the place and their first line, which is without values.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise failure(place, getattr(error, "orig", None) or error) from error
