"""Of several instances one holds the lease; it is free when the holder ends, is frozen, or loses the server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO

import pytest

from counterfoil.ports import StoreConflict
from counterfoil.settings import DatabaseAccess
from counterfoil.storage import LeaseLost, StorageError, open_log_store_on
from counterfoil.storage.lease import Lease
from tests.conformance.log_store import append, check_log, entries
from tests.storage.proxy import Proxy
from tests.storage.server import as_user, connect

ROOT = Path(__file__).parents[2]
IDLE = 4


@pytest.fixture
def access(database: DatabaseAccess) -> DatabaseAccess:
    return as_user(database, "ledger")


@contextmanager
def leases(access: DatabaseAccess, count: int, schema: str = "ledger") -> Iterator[list[Lease]]:
    """Instances that want the same lease."""
    made = [Lease(access, schema) for _ in range(count)]
    with ExitStack() as stack:
        for each in made:
            stack.callback(each.release)
        yield made


@contextmanager
def holder(access: DatabaseAccess, wait_seconds: int = 10) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Another process that wants the lease; it has said `waits`."""
    words = [access.host, access.port, access.name, IDLE, wait_seconds]
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.holder", *map(str, words)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "waits\n"
            yield child, child.stdout
        finally:
            child.kill()


def seconds(work: object, /) -> float:
    """How long it takes, when it is called."""
    assert callable(work)
    began = time.monotonic()
    work()
    return time.monotonic() - began


def test_one_holds_it_and_the_others_wait(access: DatabaseAccess) -> None:
    with leases(access, 3) as (first, second, third):
        assert first.acquire(0)
        assert first.acquire(0)
        first.check()
        began = time.monotonic()
        assert not second.acquire(0.3)
        assert 0.3 <= time.monotonic() - began < 2
        assert not second.acquire(0)
        threading.Timer(0.2, first.release).start()
        assert second.acquire(10)
        second.check()
        assert not third.acquire(0)
        with pytest.raises(LeaseLost, match="not held"):
            first.check()
        first.release()
        assert not first.acquire(0)
        second.release()
        assert first.acquire(0)


def test_who_never_had_it_does_not_hold_it(access: DatabaseAccess) -> None:
    with leases(access, 2) as (first, second):
        with pytest.raises(LeaseLost):
            first.check()
        assert second.acquire(0)
        assert not first.acquire(0)
        with pytest.raises(LeaseLost):
            first.check()


def test_each_schema_has_its_own(access: DatabaseAccess) -> None:
    with leases(access, 1) as (ledger,), leases(access, 1, "matching") as (matching,):
        assert ledger.acquire(0)
        assert matching.acquire(0)


def test_the_lease_of_a_killed_holder_is_free_at_once(access: DatabaseAccess) -> None:
    with leases(access, 1) as (ours,), holder(access) as (child, says):
        assert says.readline() == "holds\n"
        assert not ours.acquire(0.1)
        child.send_signal(signal.SIGKILL)
        assert seconds(lambda: ours.acquire(10)) < IDLE
        ours.check()


def test_a_frozen_holder_loses_it_and_finds_out_when_it_wakes(access: DatabaseAccess) -> None:
    with leases(access, 1) as (ours,), holder(access) as (child, says):
        assert says.readline() == "holds\n"
        time.sleep(1.5 * IDLE)
        assert not ours.acquire(0)  # for it gives word
        child.send_signal(signal.SIGSTOP)
        try:
            assert ours.acquire(5 * IDLE)
        finally:
            child.send_signal(signal.SIGCONT)
        assert says.readline() == "lost\n"
        ours.check()


def test_one_that_waited_and_was_killed_never_gets_it(access: DatabaseAccess) -> None:
    with leases(access, 2) as (first, second):
        assert first.acquire(0)
        with holder(access, 60) as (child, _):
            time.sleep(0.5)  # it is in the queue, before `second`
            child.send_signal(signal.SIGKILL)
            child.wait()
        threading.Timer(0.2, first.release).start()
        assert second.acquire(10)


def test_a_zombie_cannot_append(access: DatabaseAccess) -> None:
    with (
        leases(access, 2) as (first, second),
        closing(open_log_store_on(access, "ledger")) as zombie,
        closing(open_log_store_on(access, "ledger")) as heir,
    ):
        assert first.acquire(0)
        append(zombie, 0, entries(0, 3))
        first.release()
        assert second.acquire(0)
        append(heir, 3, entries(3, 2))
        with pytest.raises(StoreConflict):
            append(zombie, 3, entries(3, 4))
        check_log(heir, entries(0, 5))


def test_a_lost_session_is_a_lost_lease(database: DatabaseAccess, access: DatabaseAccess) -> None:
    with leases(access, 1) as (ours,), connect(database) as session:
        assert ours.acquire(0)
        session.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'counterfoil-ledger-lease' AND datname = current_database()"
        )
        with pytest.raises(LeaseLost, match="terminating connection"):
            ours.check()
        with pytest.raises(LeaseLost, match="not held"):
            ours.check()
        assert ours.acquire(1)
        ours.check()


def test_no_server_is_no_lease(access: DatabaseAccess) -> None:
    with closing(Proxy(access)) as proxy, leases(proxy.access, 1) as (ours,):
        proxy.cut(3, "answer")
        with pytest.raises(StorageError):
            ours.acquire(0)
        assert ours.acquire(0)
        proxy.cut(1, "request")
        with pytest.raises(LeaseLost):
            ours.check()
    with leases(proxy.access, 1) as (ours,), pytest.raises(StorageError):
        ours.acquire(0)
