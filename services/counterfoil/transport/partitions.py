"""Which partition of its service's topics each log has: `main` the first, the others as the instance lists them.

The order in `instance.json` never changes: a log whose partition moved would be looked for in the wrong place.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.log_id import MAIN, LogId
from counterfoil.contract.services import MAIN_LOGS


class Partitions:
    """The partitions that the logs of an instance have."""

    def __init__(self, logs: Sequence[LogId] = MAIN_LOGS) -> None:
        """`logs` in the order of the instance."""
        self._shards: dict[str, list[str]] = {}
        for log in logs:
            self._shards.setdefault(log.service, [MAIN])
            if log.shard != MAIN:
                self._shards[log.service].append(log.shard)

    def of(self, log: LogId) -> int:
        """A log's partition. Raises ValueError for a shard that the instance does not have."""
        if log.shard == MAIN:
            return 0
        if log.shard not in self._shards.get(log.service, ()):
            raise ValueError(f"{log}: the instance has no such shard")
        return self._shards[log.service].index(log.shard)

    def count(self, service: str) -> int:
        """How many partitions the topics of a service's logs have."""
        return len(self._shards.get(service, (MAIN,)))
