"""One process of a service, and no other role, holds the lease; it is released when the holder ends, is frozen, or
loses the server.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, Any

import psycopg
import pytest

from counterfoil.access import DatabaseAccess
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import SERVICES
from counterfoil.ports import StoreConflict
from counterfoil.settings import GATEWAY, VIEWS
from counterfoil.storage import LeaseLost, StorageError, open_log_store_on
from counterfoil.storage.dialect.postgresql import connection_parameters, writer_name
from counterfoil.storage.lease import RELATION, Lease
from tests.conformance.log_store import append, check_log, entries
from tests.storage.proxy import Proxy
from tests.storage.server import as_user, connect, refused

ROOT = Path(__file__).parents[2]
IDLE = 4
MODES = [
    "ACCESS SHARE",
    "ROW SHARE",
    "ROW EXCLUSIVE",
    "SHARE UPDATE EXCLUSIVE",
    "SHARE",
    "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
]
SESSION = "SELECT {} FROM pg_stat_activity WHERE application_name = 'counterfoil-ledger-lease' AND datname = %s"


@pytest.fixture
def access(database: DatabaseAccess) -> DatabaseAccess:
    return as_user(database, "ledger")


@contextmanager
def leases(access: DatabaseAccess, count: int, schema: str = "ledger") -> Iterator[list[Lease]]:
    """Sessions that compete for the same lease."""
    made = [Lease(access, schema) for _ in range(count)]
    with ExitStack() as stack:
        for each in made:
            stack.callback(each.release)
        yield made


@contextmanager
def holder(access: DatabaseAccess, wait_seconds: int = 10) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Another process that competes for the lease; it has printed `waits`."""
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
    """The duration of a call."""
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
        assert first.acquire(10)  # the server may take a moment to see that a session has ended


def test_a_lease_that_was_never_won_is_not_held(access: DatabaseAccess) -> None:
    with leases(access, 2) as (first, second):
        with pytest.raises(LeaseLost):
            first.check()
        assert second.acquire(0)
        assert not first.acquire(0)
        with pytest.raises(LeaseLost):
            first.check()


def test_each_schema_has_its_own(database: DatabaseAccess) -> None:
    with ExitStack() as stack:
        for user in (*SERVICES, VIEWS):
            (each,) = stack.enter_context(leases(as_user(database, user), 1, user))
            assert each.acquire(0)


@pytest.mark.parametrize(
    ("schema", "user"),
    [("ledger", "matching"), ("ledger", VIEWS), ("ledger", GATEWAY), (VIEWS, "ledger"), (VIEWS, GATEWAY)],
)
def test_no_other_role_can_lock_it_in_any_mode(database: DatabaseAccess, schema: str, user: str) -> None:
    other = as_user(database, user)
    for mode in MODES:
        assert refused(other, f"BEGIN; LOCK TABLE {schema}.{RELATION} IN {mode} MODE NOWAIT") == "42501"
    with leases(other, 1, schema) as (stranger,):
        advice = f"missing, or {other.user} has no right to it: run `counterfoil database apply`"
        with pytest.raises(StorageError, match=f"permission denied .*; {advice}"):
            stranger.acquire(0)


def locks(session: psycopg.Connection[Any], *, granted: bool) -> list[str]:
    """The modes in which the ledger's lease is locked, or waited for."""
    looked_at = f"SELECT mode FROM pg_locks WHERE relation = 'ledger.{RELATION}'::regclass AND granted = %s ORDER BY 1"
    return [mode for (mode,) in session.execute(looked_at.encode(), [granted])]


def test_a_statement_that_is_only_prepared_does_not_stand_in_its_way(
    database: DatabaseAccess, access: DatabaseAccess
) -> None:
    """It locks what it names without any right to it, for as long as its transaction lasts."""
    with connect(as_user(database, GATEWAY)) as stranger, leases(access, 2) as (first, second):
        stranger.execute(f"BEGIN; PREPARE one AS SELECT FROM ledger.{RELATION} FOR UPDATE".encode())
        assert locks(stranger, granted=True) == ["RowShareLock"]
        assert first.acquire(0)
        assert locks(stranger, granted=True) == ["RowShareLock", "ShareUpdateExclusiveLock"]
        assert not second.acquire(0)


def test_a_waiter_without_the_right_does_not_get_it(database: DatabaseAccess, access: DatabaseAccess) -> None:
    """Some statements wait for the lock before the server looks whether they may be."""
    comment = f"COMMENT ON VIEW ledger.{RELATION} IS ''"
    with leases(access, 2) as (first, second), connect(database) as session, ThreadPoolExecutor(1) as pool:
        assert first.acquire(0)
        refusal = pool.submit(refused, as_user(database, GATEWAY), comment)
        while locks(session, granted=False) != ["ShareUpdateExclusiveLock"]:
            assert not refusal.done()
            time.sleep(0.01)
        threading.Timer(0.2, first.release).start()
        assert second.acquire(10)
        assert refusal.result(10) == "42501"


def test_it_does_not_delay_vacuum(database: DatabaseAccess, access: DatabaseAccess) -> None:
    looked_at = SESSION.format("state, backend_xid, backend_xmin")
    with leases(access, 1) as (ours,), connect(database) as session:
        assert ours.acquire(0)
        for _ in range(10):  # the driver may prepare what comes again and again
            ours.check()
        found = session.execute(looked_at.encode(), [database.name]).fetchall()
    assert found == [("idle in transaction", None, None)]


def test_it_lasts_whatever_the_server_says(database: DatabaseAccess, access: DatabaseAccess) -> None:
    names = ["transaction_timeout", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
    with connect(database) as session:
        known = session.execute("SELECT name FROM pg_settings WHERE name = ANY(%s)", [names]).fetchall()
        for (name,) in known:  # the first came with version 17
            session.execute(f"ALTER DATABASE {database.name} SET {name} = '500ms'".encode())
        assert len(known) >= 3
    with leases(access, 2) as (first, second):
        assert first.acquire(0)
        assert 1 <= seconds(lambda: second.acquire(1)) < 5
        first.check()
        time.sleep(1)
        first.check()
        first.release()
        assert second.acquire(10)


def test_a_schema_that_is_not_set_up_has_none(database: DatabaseAccess, access: DatabaseAccess) -> None:
    for statement, message in (
        (f"DROP VIEW ledger.{RELATION}", "does not exist; missing, or"),
        ("DROP SCHEMA ledger CASCADE", "schema .* does not exist; missing, or"),
    ):
        with connect(database) as session:
            session.execute(statement.encode())
        with leases(access, 1) as (ours,), pytest.raises(StorageError, match=message):
            ours.acquire(0)


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
        closing(open_log_store_on(access, LogId("ledger"))) as zombie,
        closing(open_log_store_on(access, LogId("ledger"))) as heir,
    ):
        assert first.acquire(0)
        append(zombie, 0, entries(0, 3))
        first.release()
        assert second.acquire(10)
        append(heir, 3, entries(3, 2))
        with pytest.raises(StoreConflict):
            append(zombie, 3, entries(3, 4))
        check_log(heir, entries(0, 5))


def writer(access: DatabaseAccess) -> psycopg.Connection[Any]:
    """A session of a writer of the ledger's log, as its store opens one."""
    parameters = connection_parameters(access, writer_name("ledger"), {"search_path": "ledger"})
    return psycopg.connect(**parameters, autocommit=True)


@pytest.mark.parametrize("pipelined", [False, True])
def test_the_winner_ends_what_a_frozen_writer_holds(access: DatabaseAccess, pipelined: bool) -> None:
    """It was frozen between two statements of a transaction, and so would keep the head's row locked."""
    with leases(access, 1) as (ours,), ExitStack() as opened:
        store = opened.enter_context(closing(open_log_store_on(access, LogId("ledger"))))
        append(store, 0, entries(0, 3))
        idle, frozen = (opened.enter_context(writer(access)) for _ in range(2))
        idle.execute("SELECT 1")
        if pipelined:
            frozen.pipeline().__enter__()  # and never left
        frozen.execute("BEGIN")
        locked = frozen.execute("UPDATE head SET size = size RETURNING size")
        if pipelined:
            frozen.pgconn.send_flush_request()  # not a Sync
        assert locked.fetchone() == (3,)
        assert ours.acquire(0)
        append(store, 3, entries(3, 2))
        with pytest.raises(psycopg.OperationalError):
            frozen.execute("SELECT 1").fetchone()
        assert idle.execute("SELECT 1").fetchone() == (1,)
        check_log(store, entries(0, 5))


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


def test_without_a_server_there_is_no_lease(access: DatabaseAccess) -> None:
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
