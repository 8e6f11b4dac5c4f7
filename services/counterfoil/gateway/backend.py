"""What the gateway needs of the services, in either form of deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from counterfoil.contract.log_id import LogId
from counterfoil.ports import LogStore, SnapshotReader, Transport, View, ViewStore
from counterfoil.runtime.receipts import Receipts
from counterfoil.runtime.standstill import Standstill
from counterfoil.runtime.telemetry import NOTHING, Telemetry
from counterfoil.sessions import SessionStore
from counterfoil.webhooks import WebhookStore


@dataclass(frozen=True, slots=True)
class Backend:
    """Handles to the running services.

    `positions` (per origin, the next entry to be projected into the views), `views`, `stores`, `snapshots`, `sessions`,
    `webhooks` and the files below `log_directories` may wait for a disk or a database: coroutines call them on a worker
    thread.
    """

    receipts: Receipts
    transport: Transport
    views: ViewStore
    definitions: tuple[View, ...]
    positions: Callable[[], Mapping[str, int]]
    origins: Mapping[LogId, str]
    stores: Mapping[LogId, LogStore]
    snapshots: Mapping[LogId, SnapshotReader]
    sessions: SessionStore
    webhooks: WebhookStore
    log_directories: Mapping[LogId, Path]
    failure: Callable[[], str]
    """Why a service stopped for good; empty while all run."""
    standstill: Callable[[LogId], Standstill | None]
    """Why a log decides nothing at the moment; None if it decides. Returns at once."""
    catching_up: Callable[[], str]
    """How far the views are while they catch up, else empty; at most a few seconds old. Returns at once."""
    waiting: Callable[[], Mapping[str, Standstill]]
    """The same by name, with what else stands still: views, receipts, the publication of a log. Returns at once."""
    now: Callable[[], int]
    """The market's time, microseconds: this machine's, or a clock file's. Returns at once."""
    telemetry: Telemetry = NOTHING
    alone: bool = False
    """Whether no other process can serve the instance meanwhile: then this one has what any held before it."""
