"""Copies of SQLite databases that are in use: all as they were at one instant, between two commits of each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from counterfoil.private_files import create_private
from counterfoil.storage.database import translated

_LOCKED_WITHIN: Final = 30.0  # seconds for the transactions under way to end
_PAGES: Final = 1_024  # at a time: 4 MB


@contextmanager
def at_one_instant(paths: Sequence[Path]) -> Iterator[list[sqlite3.Connection]]:
    """Connections, in the order of `paths`, each of which reads its database as it was when no other was written.

    Writers wait for the moment that this takes, and none waits for what is then done with the connections. Raises
    `StorageError`.
    """
    with ExitStack() as opened:
        readers = [opened.enter_context(_opened(path, "ro")) for path in paths]
        with ExitStack() as held:
            for path in paths:
                with translated(str(path)):
                    held.enter_context(_opened(path, "rw")).execute("BEGIN IMMEDIATE")
            for path, reader in zip(paths, readers, strict=True):
                with translated(str(path)):
                    reader.execute("BEGIN")
                    reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # a snapshot begins with a read
        yield readers


def copy_database(source: sqlite3.Connection, target: Path) -> None:
    """Write what a connection reads to a new file, its owner's alone, without files beside it.

    Raises `StorageError`, FileExistsError.
    """
    create_private(target, b"")
    with translated(str(target)), closing(sqlite3.connect(target, isolation_level=None)) as copy:
        source.backup(copy, pages=_PAGES)
        copy.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    with translated(str(path)):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=_LOCKED_WITHIN
        )
    with closing(connection):
        yield connection
