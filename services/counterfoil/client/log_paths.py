"""The files of a published log, by path: how long they may be, and which of them are entries."""

from __future__ import annotations

from typing import NamedTuple

from counterfoil.client.problems import NotThere
from counterfoil.log.errors import LogError
from counterfoil.log.keys import KEY_TEXT_CHARS_MAX
from counterfoil.log.note import NOTE_BYTES_MAX
from counterfoil.log.tiles import ENTRIES, parse_path


class LogFile(NamedTuple):
    """A published file: the most bytes that it may have, and whether it has entries, which not everybody may read."""

    bytes_max: int
    entries: bool


def log_file(path: str) -> LogFile:
    """``checkpoint``, ``vkey`` or a tile's path. Raises `NotThere` for any other."""
    if path == "checkpoint":
        return LogFile(NOTE_BYTES_MAX, entries=False)
    if path == "vkey":
        return LogFile(KEY_TEXT_CHARS_MAX + 1, entries=False)
    try:
        ref = parse_path(path)
    except LogError as problem:
        raise NotThere("not_found", f"no published file is called {path[:80]}", {}) from problem
    return LogFile(ref.bytes_max, ref.level == ENTRIES)
