"""Replicas of the services' states, folded from the public entries of their logs.

They show what no gateway tells: whether the services are quiet, and when the next timer is due. Both follow from the
entries and the deciders alone, so nothing here depends on where or how the services run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterfoil.catalogue import DECIDERS, VOCABULARY
from counterfoil.contract.entry import Entry, EntryCause, service_of
from counterfoil.core.engine import Engine

Reaction = tuple[str, str, int, int]
"""(consumer, source, index of the entry in the source's log, number of the event in that entry)"""


class Replicas:
    """One engine per service, fed entry by entry; the logs may be interleaved in any way."""

    def __init__(self, origins: Mapping[str, str]) -> None:
        """`origins`: the name of each service's log, by service."""
        self._engines: dict[str, Engine[Any]] = {
            service: Engine(DECIDERS[service], origin, lambda _size: None) for service, origin in origins.items()
        }
        self._consumers = {
            source: [
                (consumer, types[source]) for consumer, types in VOCABULARY.subscriptions.items() if source in types
            ]
            for source in origins
        }
        self.open: set[Reaction] = set()
        """Reactions not seen yet; or seen before the event they react to, which interleaved logs allow."""

    def fold(self, entry: Entry) -> None:
        """Fold one entry. Raises `InvariantViolation` if it is not the next one of its log."""
        service = service_of(entry.origin)
        self._engines[service].replay(entry)
        for item, event in enumerate(entry.events):
            for consumer, types in self._consumers[service]:
                if type(event) in types:
                    self.open ^= {(consumer, service, entry.index, item)}
        if isinstance(entry.cause, EntryCause):
            self.open ^= {(service, service_of(entry.cause.origin), entry.cause.index, entry.cause.item)}

    @property
    def sizes(self) -> dict[str, int]:
        """Entries folded so far, by service."""
        return {service: engine.size for service, engine in self._engines.items()}

    @property
    def time(self) -> int:
        """The latest time of an entry, microseconds."""
        return max(engine.time for engine in self._engines.values())

    def overdue(self, now: int) -> list[str]:
        """Services with a timer that is due at `now`, by the rule of `runtime.runner`."""
        dues = [(service, engine.due(), max(now, engine.time)) for service, engine in self._engines.items()]
        return [service for service, due, time in dues if due is not None and due[0] <= time]

    def next_due(self) -> int | None:
        """When the next timer is due; None if there is none."""
        dues = [engine.due() for engine in self._engines.values()]
        return min((due[0] for due in dues if due is not None), default=None)
