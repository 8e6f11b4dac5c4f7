"""Keeps the views: folds the announced entries of every log into read models that can be dropped and rebuilt."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import log_of
from counterfoil.core.at import At
from counterfoil.ports import Change, Inbox, Progress, ServiceTransport, ViewStore
from counterfoil.runtime.catching_up import catching_up
from counterfoil.service import Reducers
from counterfoil.vocabulary import CODEC

_BATCH: Final = 2_048

log = logging.getLogger("counterfoil.views")


class Projector:
    """Projects the logs into one view store. `tables`: by origin, the reducers of the log's service."""

    def __init__(self, transport: ServiceTransport, views: ViewStore, tables: Mapping[str, Reducers]) -> None:
        self._transport, self._views, self._tables = transport, views, tables
        self.inbox: Inbox
        self.progress: dict[str, Progress]
        self.catching_up: str
        """How far the views are, as `runtime.catching_up` says it; empty unless they are catching up."""
        self._tenth = 0
        self.recover()

    def recover(self) -> None:
        """Resume from the views' positions: after a failed `step` it is unknown whether its changes were made.

        From then on the views are catching up, until they have what the logs have now.
        """
        known = self._views.positions()
        positions = {origin: known.get(origin, 0) for origin in self._tables}
        self.inbox = self._transport.open_inbox("views", None, positions)
        targets = {origin: self._transport.announced(origin) for origin in self._tables}
        self._views.begin(targets)
        self.progress = {origin: Progress(at, targets[origin]) for origin, at in positions.items()}
        self.catching_up = ""
        self._report()

    @property
    def positions(self) -> dict[str, int]:
        """Per origin, the index of the next entry to project."""
        return {origin: known.position for origin, known in self.progress.items()}

    def _report(self) -> None:
        """Log that the views begin to catch up, at each tenth of it how far they are, and that they have caught up."""
        before, self.catching_up = self.catching_up, catching_up(self.progress, self._tables)
        done = sum(min(known.position, known.target) for known in self.progress.values())
        tenth = done * 10 // max(1, sum(known.target for known in self.progress.values()))
        if self.catching_up and (not before or tenth > self._tenth):
            log.info("the views are catching up, queries are refused: %s", self.catching_up)
        elif before and not self.catching_up:
            log.info("the views have caught up")
        self._tenth = tenth

    def step(self, timeout: float = 0.0) -> int:
        """Project one batch in one transaction; returns the number of entries. After it raised, call `recover`."""
        deliveries = self.inbox.poll(_BATCH, timeout)
        if not deliveries:
            return 0
        changes: list[Change] = []
        moved: dict[str, int] = {}
        # Entries are proven by their log: none is checked again. Those of this process the codec may remember.
        decode = CODEC.decode_own_entry if self.catching_up else CODEC.decode_proven_entry
        for delivery in deliveries:
            project(self._tables[delivery.source], decode(delivery.data), changes)
            moved[delivery.source] = delivery.position + 1
        self._views.apply(changes, moved)
        self.inbox.acknowledge(moved)
        self.progress |= {origin: replace(self.progress[origin], position=at) for origin, at in moved.items()}
        if self.catching_up:
            self._report()
        return len(deliveries)


def project(table: Reducers, entry: Entry, changes: list[Change]) -> None:
    """Add the changes that one entry makes to the views of its service."""
    at = At(entry.time, entry.index, 0, log_of(entry.origin).shard)
    for event in entry.events:
        reducer = table.get(type(event))
        if reducer is not None:
            changes += reducer(event, at)
