"""Whether the views are catching up, said the same way by gateway, probes and log files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from counterfoil.contract.log_id import log_of
from counterfoil.ports import Progress


def catching_up(progress: Mapping[str, Progress], origins: Iterable[str]) -> str:
    """How far the views are in each of the logs `origins` of which they have not reached the target, and of all.

    Like ``ledger: 1,200 of 38,805 entries; matching: not begun``. Empty if they are not catching up.
    """
    behind = []
    for origin in origins:
        known, name = progress.get(origin), log_of(origin).name
        if known is None:
            behind.append(f"{name}: not begun")
        elif known.position < known.target:
            behind.append(f"{name}: {known.position:,} of {known.target:,} entries")
    return "; ".join(behind)
