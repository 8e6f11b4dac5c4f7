"""Fetches published logs over HTTP into a directory, as C2SP tlog-tiles lays them out, for the audit to read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from counterfoil.client.http import Gateway
from counterfoil.client.problems import NotProven, NotThere, Unreachable
from counterfoil.instance import SHARD
from counterfoil.log.checkpoint import open_checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.tiles import tiles_for

WITHIN: Final = 30.0
"""Seconds in which a log must be published as far as it is known to be committed."""
_PAUSE: Final = 0.1
_ATTEMPTS: Final = 5


def mirror(
    gateway: Gateway,
    keys: Mapping[str, VerifyKey],
    sizes: Mapping[str, int],
    to: Path,
    progress: Callable[[str, int, int], None],
) -> None:
    """Copy each service's log to `to/SERVICE/SHARD`, which is new, under its pinned key and at least `sizes` long.

    `progress`: (what, files just fetched, files in all, about). Bytes are taken as they come: the audit judges them.
    Raises `NotProven` for a checkpoint that the key does not sign, `Unreachable` for one that does not come.
    """
    files = sum(1 for size in sizes.values() for _ in tiles_for(0, size))
    for service, key in keys.items():
        for attempt in range(_ATTEMPTS):
            note, size = _published(gateway, service, key, sizes[service])
            try:
                for path in (ref.path() for ref in tiles_for(0, size)):
                    _write(to / service / SHARD / path, gateway.log_file(service, path))
                    progress(f"fetch {service}", 1, files)
            except NotThere:  # the log has grown, and partial tiles of the size before are gone
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            _write(to / service / SHARD / "vkey", f"{key.vkey()}\n".encode())
            _write(to / service / SHARD / "checkpoint", note)
            break


def _published(gateway: Gateway, service: str, key: VerifyKey, at_least: int) -> tuple[bytes, int]:
    """The published checkpoint, once it covers so much: (note, size)."""
    ends = time.monotonic() + WITHIN
    while True:
        note = gateway.log_file(service, "checkpoint")
        try:
            size = open_checkpoint(note, [key]).size
        except LogError as problem:
            raise NotProven(f"the published checkpoint of {key.name} does not verify: {problem}") from problem
        if size >= at_least:
            return note, size
        if time.monotonic() > ends:
            raise Unreachable(f"{gateway.url} publishes {size} entries of {key.name}, and {at_least} are committed")
        time.sleep(_PAUSE)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
