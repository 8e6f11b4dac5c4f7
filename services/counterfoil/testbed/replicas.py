"""Replicas of the services' states, folded from the public entries of their logs.

They show what a gateway does not: whether the services are idle, and when the next timer is due. Both follow from the
entries and the deciders alone, so nothing here depends on where or how the services run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from counterfoil.catalogue import DECIDERS, SUBSCRIPTIONS
from counterfoil.contract.entry import Entry, EntryCause
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.core.engine import Engine

Reaction = tuple[LogId, LogId, int, int]
"""(consumer, source, index of the entry in the source's log, number of the event in that entry)"""


class Replicas:
    """One engine per log, fed entry by entry; the logs may be interleaved in any way."""

    def __init__(self, origins: Iterable[str]) -> None:
        """`origins`: the name of every log."""
        self._engines: dict[LogId, Engine[Any]] = {
            log_of(origin): Engine(DECIDERS[log_of(origin).service], origin, lambda _size: None) for origin in origins
        }
        self._consumers = {
            source: [
                (consumer, types[source.service])
                for consumer in self._engines
                if source.service in (types := SUBSCRIPTIONS[consumer.service])
            ]
            for source in self._engines
        }
        self.open: set[Reaction] = set()
        """Reactions not seen yet; or seen before the event they react to, which interleaved logs allow."""

    def fold(self, entry: Entry) -> None:
        """Fold one entry. Raises `InvariantViolation` if it is not the next one of its log."""
        log = log_of(entry.origin)
        self._engines[log].replay(entry)
        for item, event in enumerate(entry.events):
            for consumer, types in self._consumers[log]:
                if type(event) in types:
                    self.open ^= {(consumer, log, entry.index, item)}
        if isinstance(entry.cause, EntryCause):
            self.open ^= {(log, log_of(entry.cause.origin), entry.cause.index, entry.cause.item)}

    @property
    def sizes(self) -> dict[LogId, int]:
        """Entries folded so far, by log."""
        return {log: engine.size for log, engine in self._engines.items()}

    @property
    def time(self) -> int:
        """The latest time of an entry, microseconds."""
        return max(engine.time for engine in self._engines.values())

    def overdue(self, now: int) -> list[LogId]:
        """Logs with a timer that is due at `now`, by the rule of `runtime.runner`."""
        dues = [(log, engine.due(), max(now, engine.time)) for log, engine in self._engines.items()]
        return [log for log, due, time in dues if due is not None and due[0] <= time]

    def next_due(self) -> int | None:
        """When the next timer is due; None if there is none."""
        dues = [engine.due() for engine in self._engines.values()]
        return min((due[0] for due in dues if due is not None), default=None)
