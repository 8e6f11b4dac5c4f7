"""The services' states, folded from the entries of their logs as anybody can who follows them.

They answer what no gateway says: whether the services are quiet, and when a timer has something to do next. Both follow
from public entries and the deciders alone, so nothing here depends on where or how the services run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterfoil.catalogue import DECIDERS
from counterfoil.contract.entry import Entry, EntryCause, service_of
from counterfoil.contract.events import SUBSCRIPTIONS
from counterfoil.core.engine import Engine

Reaction = tuple[str, str, int, int]
"""Consumer, source, and in the source's log the index of the entry and the number of its event."""


class Replicas:
    """One engine per service, fed entry by entry; the logs may come interleaved in any way."""

    def __init__(self, origins: Mapping[str, str]) -> None:
        """`origins` by service."""
        self._engines: dict[str, Engine[Any]] = {
            service: Engine(DECIDERS[service], origin, lambda _size: None) for service, origin in origins.items()
        }
        self._consumers = {
            source: [(consumer, types[source]) for consumer, types in SUBSCRIPTIONS.items() if source in types]
            for source in origins
        }
        self.open: set[Reaction] = set()
        """Reactions that are still to come; or came before what they react to, as logs come interleaved."""

    def take(self, entry: Entry) -> None:
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
        """Entries folded, per service."""
        return {service: engine.size for service, engine in self._engines.items()}

    @property
    def time(self) -> int:
        """The latest time of an entry."""
        return max(engine.time for engine in self._engines.values())

    def overdue(self, now: int) -> list[str]:
        """Services with a timer that has something to do at `now`, by the rule of `runtime.runner`."""
        dues = [(service, engine.due(), max(now, engine.time)) for service, engine in self._engines.items()]
        return [service for service, due, time in dues if due is not None and due[0] <= time]

    def next_due(self) -> int | None:
        """When a timer has something to do next."""
        dues = [engine.due() for engine in self._engines.values()]
        return min((due[0] for due in dues if due is not None), default=None)
