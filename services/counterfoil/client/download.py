"""Downloads published logs over HTTP into a directory, laid out as C2SP tlog-tiles, for the audit to read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from counterfoil.client.http import Gateway
from counterfoil.client.problems import NotProven, NotThere, Unreachable
from counterfoil.contract.log_id import LogId
from counterfoil.log.checkpoint import open_checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.tiles import tiles_for

PUBLISHED_WITHIN: Final = 30.0
"""Seconds within which a log must publish entries that are known to be committed."""
_POLL_SECONDS: Final = 0.1
_ATTEMPTS: Final = 5


def download_logs(
    gateway: Gateway,
    keys: Mapping[LogId, VerifyKey],
    sizes: Mapping[LogId, int],
    to: Path,
    progress: Callable[[str, int, int], None],
) -> None:
    """Copy each log of at least `sizes` entries to the new directory `to/SERVICE/SHARD`.

    `keys`: the pinned key of each log. `progress`: (what, files just fetched, files in all, approximately).
    Only the checkpoint is verified here; the audit checks the rest. Raises `NotProven` for a checkpoint that the key
    did not sign, `Unreachable` if no checkpoint of that size is published in time.
    """
    files = sum(1 for size in sizes.values() for _ in tiles_for(0, size))
    for log, key in keys.items():
        for attempt in range(_ATTEMPTS):
            note, size = _published(gateway, log, key, sizes[log])
            try:
                for path in (ref.path() for ref in tiles_for(0, size)):
                    _write(to / str(log) / path, gateway.log_file(log, path))
                    progress(f"fetch {log.name}", 1, files)
            except NotThere:  # the log has grown, and the partial tiles of its earlier size are gone
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            _write(to / str(log) / "vkey", f"{key.vkey()}\n".encode())
            _write(to / str(log) / "checkpoint", note)
            break


def _published(gateway: Gateway, log: LogId, key: VerifyKey, at_least: int) -> tuple[bytes, int]:
    """The published checkpoint, once it covers `at_least` entries: (note, size)."""
    deadline = time.monotonic() + PUBLISHED_WITHIN
    while True:
        note = gateway.log_file(log, "checkpoint")
        try:
            size = open_checkpoint(note, [key]).size
        except LogError as problem:
            raise NotProven(f"the published checkpoint of {key.name} does not verify: {problem}") from problem
        if size >= at_least:
            return note, size
        if time.monotonic() > deadline:
            raise Unreachable(f"{gateway.url} publishes only {size} entries of {key.name}; {at_least} are committed")
        time.sleep(_POLL_SECONDS)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
