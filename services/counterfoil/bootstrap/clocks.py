"""What the logs of an instance say of their clocks, and a person's word that one is right; both forms of deployment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from counterfoil.contract.log_id import LogId
from counterfoil.instance import Instance
from counterfoil.ports import LogStore, Presence
from counterfoil.settings import Settings
from counterfoil.storage.log_store import open_log_store, open_log_store_on
from counterfoil.vocabulary import CODEC


@dataclass(frozen=True, slots=True)
class LogClock:
    """One log: the time of its last entry (None without entries), and what its writer last said of itself."""

    log: LogId
    last_entry: int | None
    presence: Presence | None

    @property
    def asked(self) -> int | None:
        """The clock's time for which its writer waits; None if it waits for none, or a person has accepted it."""
        presence = self.presence
        return None if presence is None or presence.accepted == presence.asked else presence.asked


def clocks(instance: Instance, settings: Settings) -> list[LogClock]:
    """Every log's clock. Raises `StorageError`, `BadSetting`."""
    return [_read(instance, settings, log) for log in instance.logs()]


def accept(instance: Instance, settings: Settings, shown: Sequence[LogClock]) -> list[LogClock]:
    """Accept the times that logs wait for, as they were `shown`; returns those whose writers waited for them.

    A writer whose clock was set again since is left out: it asks anew. Raises as `clocks` does.
    """
    accepted = []
    for each in shown:
        with _open(instance, settings, each.log) as store:
            if each.asked is not None and store.accept_clock(each.asked):
                accepted.append(each)
    return accepted


def _read(instance: Instance, settings: Settings, log: LogId) -> LogClock:
    with _open(instance, settings, log) as store:
        head, presence = store.head(), store.presence()
        last = None if head is None else CODEC.decode_entry(*store.entries(head.size - 1, head.size)).time
    return LogClock(log, last, presence)


@contextmanager
def _open(instance: Instance, settings: Settings, log: LogId) -> Iterator[LogStore]:
    """The log, beside its writer: in PostgreSQL if the settings name a database, else in the instance's file."""
    if settings.database is None:
        opened = open_log_store(instance.database(log))
    else:
        opened = open_log_store_on(settings.database_access(log.service), log)
    with closing(opened) as store:
        yield store
