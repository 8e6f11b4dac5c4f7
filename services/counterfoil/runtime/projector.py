"""Keeps the views: folds the announced entries of every log into read models that can be dropped and rebuilt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from counterfoil.catalogue import CODEC
from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import log_of
from counterfoil.core.decider import At
from counterfoil.ports import Change, Inbox, ServiceTransport, ViewStore
from counterfoil.service import Reducers

_BATCH: Final = 2_048


class Projector:
    """Projects the logs into one view store. `tables`: by origin, the reducers of the log's service."""

    def __init__(self, transport: ServiceTransport, views: ViewStore, tables: Mapping[str, Reducers]) -> None:
        self._transport, self._views, self._tables = transport, views, tables
        self.inbox: Inbox
        self.recover()

    def recover(self) -> None:
        """Resume from the views' positions: after a failed `step` it is unknown whether its changes were made."""
        known = self._views.positions()
        self.positions = {origin: known.get(origin, 0) for origin in self._tables}
        self.inbox = self._transport.open_inbox("views", None, self.positions)

    def step(self, timeout: float = 0.0) -> int:
        """Project one batch in one transaction; returns the number of entries. After it raised, call `recover`."""
        deliveries = self.inbox.poll(_BATCH, timeout)
        if not deliveries:
            return 0
        changes: list[Change] = []
        moved: dict[str, int] = {}
        for delivery in deliveries:
            changes += project(self._tables[delivery.source], CODEC.decode_entry(delivery.data))
            moved[delivery.source] = delivery.position + 1
        self._views.apply(changes, moved)
        self.positions = {**self.positions, **moved}
        self.inbox.acknowledge(moved)
        return len(deliveries)


def project(table: Reducers, entry: Entry) -> Iterable[Change]:
    """The changes that one entry makes to the views of its service."""
    at = At(entry.time, entry.index, 0, log_of(entry.origin).shard)
    for event in entry.events:
        reducer = table.get(type(event))
        if reducer is not None:
            yield from reducer(event, at)
