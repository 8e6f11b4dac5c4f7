"""A market on a real PostgreSQL whose ledger is as long as wanted, made quickly: its log is real, and known to nobody.

It is made in this process, by the runners that services have, which store, sign and publish as always. Only their
transport is in memory, and the disk is not waited for. So Kafka has no entry of it, as if every announcement had been
lost: the services announce what is committed when they start.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from time import thread_time_ns
from typing import Any

from counterfoil.access import DatabaseAccess
from counterfoil.bench.large_log import fill
from counterfoil.catalogue import DECIDERS, SUBSCRIPTIONS
from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import LogId
from counterfoil.core.engine import STATE_ROOT_TIMER, Engine
from counterfoil.instance import Instance
from counterfoil.log.signer import Signer
from counterfoil.runtime.clock import SystemClock, VirtualClock
from counterfoil.runtime.runner import Log, Runner
from counterfoil.runtime.signatures import Signatures
from counterfoil.storage.dialect.postgresql import Postgresql
from counterfoil.storage.log_directory import LogDirectory
from counterfoil.storage.log_store import SqlLogStore
from counterfoil.storage.schemas import schema_of
from counterfoil.storage.snapshot_store import open_snapshot_store_on
from counterfoil.transport.embedded import EmbeddedTransport


def fill_market(
    instance: Instance,
    database: Callable[[str], DatabaseAccess],
    entries: int,
    accounts: int,
    progress: Callable[[int], None] = lambda _size: None,
) -> list[int]:
    """Fill the new `instance` as `fill` says, beginning now. `database`: the access of a user, where schemas are ready.

    Returns what each state root of the ledger cost, in nanoseconds.
    """
    clock = VirtualClock(SystemClock().now())
    transport = EmbeddedTransport(clock=clock)
    with ExitStack() as opened:
        signatures = opened.enter_context(closing(Signatures()))
        signatures.beside = True
        runners = {
            log: Runner(
                _open(log, instance, database(log.service), transport, opened),
                transport,
                clock,
                instance.genesis(),
                signatures,
            )
            for log in instance.logs()
        }
        for runner in runners.values():
            runner.recover()
        roots = _watch_roots(runners[LogId("ledger")].engine)
        fill(instance, transport, runners, clock, entries, accounts, progress)
    return roots


def _open(
    log: LogId, instance: Instance, access: DatabaseAccess, transport: EmbeddedTransport, opened: ExitStack
) -> Log:
    origin, key = instance.origin(log), instance.log_key(log)
    postgresql = Postgresql(access, schema_of(log), synchronous_commit=False)
    store = opened.enter_context(closing(SqlLogStore(postgresql)))
    snapshots = opened.enter_context(closing(open_snapshot_store_on(access, log)))
    directory = LogDirectory(instance.log_directory(log), instance.signer_directory(log), key.verify_key.vkey())
    transport.register_log(origin, store.entries, 0)
    sources = {source: instance.origins_of(source) for source in SUBSCRIPTIONS[log.service]}
    return Log(DECIDERS[log.service], origin, sources, store, snapshots, directory, Signer(key))


def _watch_roots(engine: Engine[Any]) -> list[int]:
    """A list to which each state root that the engine makes adds its nanoseconds of this thread."""
    taken: list[int] = []
    fire = engine.fire

    def timed(kind: str, clock: int) -> tuple[Entry, bytes]:
        began = thread_time_ns()
        made = fire(kind, clock)
        if kind == STATE_ROOT_TIMER:
            taken.append(thread_time_ns() - began)
        return made

    engine.fire = timed  # type: ignore[method-assign]
    return taken
