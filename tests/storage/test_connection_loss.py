"""A connection lost at any point of an append or an apply: it does not count as done, and the store works again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import get_args

import pytest

from counterfoil.access import DatabaseAccess
from counterfoil.contract.log_id import LogId
from counterfoil.ports import Add, Change, Head, LogStore, Put, Row, StoreConflict
from counterfoil.settings import ADMIN, VIEWS
from counterfoil.storage import StorageError, admin, open_log_store_on, open_view_store_on
from counterfoil.storage.grants import role
from tests.conformance.log_store import append, check_log, contents, entries
from tests.conformance.view_store import BALANCES, balance
from tests.storage.proxy import Proxy, When
from tests.storage.server import PASSWORDS, as_user, connect

ENOUGH = 20
"""More requests than anything here makes."""


@pytest.fixture
def proxy(database: DatabaseAccess) -> Iterator[Proxy]:
    with closing(Proxy(database)) as made:
        yield made


def terminate(database: DatabaseAccess, application: str) -> None:
    """End the sessions of that name, as an administrator or a server that shuts down does."""
    with connect(database) as session:
        ended = session.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            [application],
        ).fetchall()
    assert ended
    assert all(done for (done,) in ended)


def waits_for_lock(database: DatabaseAccess, application: str) -> None:
    """Wait until a session of that name waits for a lock."""
    waiting = (
        "SELECT FROM pg_stat_activity "
        "WHERE application_name = %s AND wait_event_type = 'Lock' AND datname = current_database()"
    )
    with connect(database) as session:
        while session.execute(waiting, [application]).fetchone() is None:
            time.sleep(0.01)


# appends --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 4, 40])  # the first append is another statement; later ones are prepared
def test_an_append_is_one_request(proxy: Proxy, size: int) -> None:
    with closing(open_log_store_on(as_user(proxy.access, "ledger"), LogId("ledger"))) as store:
        for start in range(0, size, 4):
            append(store, start, entries(start, 4))
        store.database.dialect.writer.connect().close()  # connected
        before = proxy.requests
        append(store, size, entries(size, 4), {"commands": 4, "other": 1})
        assert proxy.requests == before + 1  # no BEGIN, no COMMIT, no ping


@pytest.mark.parametrize("when", get_args(When))
@pytest.mark.parametrize("size", [0, 4])
def test_an_append_whose_connection_is_cut(proxy: Proxy, when: When, size: int) -> None:
    with closing(open_log_store_on(as_user(proxy.access, "ledger"), LogId("ledger"))) as store:
        if size:
            append(store, 0, entries(0, size))
        store.database.dialect.writer.connect().close()
        before = contents(store)
        proxy.cut(1, when)
        with pytest.raises(StorageError):
            append(store, size, entries(size, 3), {"commands": 7, "other": 1})
        assert proxy.cuts == 1
        if when == "request":
            assert contents(store) == before
            append(store, size, entries(size, 3), {"commands": 7, "other": 1})
        else:
            with pytest.raises(StoreConflict):  # what happens to one that does not reload
                append(store, size, entries(size, 3), {"commands": 7, "other": 1})
        check_log(store, entries(0, size + 3))
        assert store.cursors() == {"commands": 7, "other": 1}
        append(store, size + 3, entries(size + 3, 1))


def test_an_idle_writer_whose_session_is_ended(database: DatabaseAccess) -> None:
    with closing(open_log_store_on(as_user(database, "ledger"), LogId("ledger"))) as store:
        append(store, 0, entries(0, 4))
        terminate(database, "counterfoil-ledger")
        with pytest.raises(StorageError):
            append(store, 4, entries(4, 2))
        check_log(store, entries(0, 4))
        append(store, 4, entries(4, 2))
        check_log(store, entries(0, 6))


def test_an_append_under_way_whose_session_is_ended(database: DatabaseAccess) -> None:
    failures: list[Exception] = []
    with closing(open_log_store_on(as_user(database, "ledger"), LogId("ledger"))) as store, connect(database) as other:
        append(store, 0, entries(0, 4))
        other.execute("BEGIN")
        other.execute("SELECT FROM ledger.head FOR UPDATE")

        def write() -> None:
            try:
                append(store, 4, entries(4, 2))
            except StorageError as error:
                failures.append(error)

        writer = threading.Thread(target=write)
        writer.start()
        waits_for_lock(database, "counterfoil-ledger")
        terminate(database, "counterfoil-ledger")
        writer.join(10)
        other.execute("ROLLBACK")
        assert len(failures) == 1
        check_log(store, entries(0, 4))
        append(store, 4, entries(4, 2))
        check_log(store, entries(0, 6))


def test_a_writer_does_not_stay_with_a_server_that_takes_no_writes(database: DatabaseAccess) -> None:
    with closing(open_log_store_on(as_user(database, "ledger"), LogId("ledger"))) as store:
        with store.database.write() as connection:
            connection.exec_driver_sql(
                "SET SESSION default_transaction_read_only = on"
            )  # as if it had become a replica
        with pytest.raises(StorageError, match="read-only"):
            append(store, 0, entries(0, 2))
        append(store, 0, entries(0, 2))  # on a new connection
        check_log(store, entries(0, 2))


def test_readers_do_not_see_that_the_server_was_away(database: DatabaseAccess) -> None:
    with closing(open_log_store_on(as_user(database, "ledger"), LogId("ledger"))) as store:
        append(store, 0, entries(0, 4))
        terminate(database, "counterfoil-ledger-reader")
        check_log(store, entries(0, 4))


def test_a_server_that_is_not_there(database: DatabaseAccess) -> None:
    with closing(Proxy(database)) as gone:
        pass
    with pytest.raises(StorageError, match="refused"):
        open_log_store_on(as_user(gone.access, "ledger"), LogId("ledger"))


# applies --------------------------------------------------------------------------------------------------------------

BEFORE: list[Row] = [balance("a", "x", 1), balance("b", "x", 1)]
AFTER: list[Row] = [balance("a", "x", 3), balance("b", "x", 5), balance("c", "x", 7)]
CHANGES: list[Change] = [
    Add("balances", ("a", "x"), {"available": 2}),
    Add("balances", ("b", "x"), {"available": 4}),
    Put("balances", balance("c", "x", 7)),
]


@pytest.mark.parametrize("when", get_args(When))
def test_an_apply_whose_connection_is_cut_at_any_point(proxy: Proxy, when: When) -> None:
    outcomes: list[int] = []
    with closing(open_view_store_on(as_user(proxy.access, VIEWS), [BALANCES])) as store:
        for nth in range(1, ENOUGH):
            store.reset()
            store.apply([Put("balances", row) for row in BEFORE], {"log": 1})
            proxy.cut(nth, when)
            with suppress(StorageError):
                store.apply(CHANGES, {"log": 2})
            proxy.cancel_cut()
            if len(outcomes) == proxy.cuts:
                break
            positions, rows = store.positions(), store.page("balances", {}, None, 9)
            assert (positions, rows) in (({"log": 1}, BEFORE), ({"log": 2}, AFTER))
            outcomes.append(positions["log"])
            if positions["log"] == 1:
                store.apply(CHANGES, {"log": 2})
            assert store.page("balances", {}, None, 9) == AFTER
    assert len(outcomes) == 5  # BEGIN, the lock, the positions, all changes, COMMIT
    assert outcomes == sorted(outcomes)
    assert outcomes.count(2) == (when == "answer")  # only when the answer to COMMIT is lost


# the server -----------------------------------------------------------------------------------------------------------


class Writer(threading.Thread):
    """Appends until stopped; after a failed append it reloads and resumes, as a runner does."""

    def __init__(self, store: LogStore) -> None:
        super().__init__(daemon=True)
        self._store = store
        self.stop = threading.Event()
        self.acknowledged = 0
        self.failures = 0

    def run(self) -> None:
        size = 0
        while not self.stop.is_set():
            try:
                count = size % 20 + 1
                append(self._store, size, entries(size, count))
                size += count
                self.acknowledged = size
            except StorageError:
                self.failures += 1
                size = self._reload()

    def _reload(self) -> int:
        while not self.stop.is_set():
            try:
                head: Head | None = self._store.head()
                return head.size if head else 0
            except StorageError:
                time.sleep(0.02)
        return 0

    def reach(self, size: int) -> None:
        """Wait until this many entries were acknowledged."""
        deadline = time.monotonic() + 60
        while self.acknowledged < size:
            assert self.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_server_restart_under_load_loses_and_doubles_nothing(cluster_directory: Path) -> None:
    from counterfoil.testbed.cluster.cluster import Cluster

    cluster = Cluster(cluster_directory / "restarted")
    cluster.make()
    cluster.start_postgres()
    with ExitStack() as opened:
        opened.callback(cluster.down, 1)
        database = DatabaseAccess(cluster.host, cluster.port, "counterfoil", role(ADMIN))
        admin.apply(database, PASSWORDS)
        access = as_user(database, "ledger")
        store = opened.enter_context(closing(open_log_store_on(access, LogId("ledger"))))
        writer = Writer(store)
        writer.start()
        opened.callback(writer.join, 10)
        opened.callback(writer.stop.set)
        for mode in ("fast", "immediate", "immediate"):
            writer.reach(writer.acknowledged + 1_000)
            cluster.stop_postgres(mode)
            time.sleep(0.2)
            cluster.start_postgres()
        writer.reach(writer.acknowledged + 1_000)
        writer.stop.set()
        writer.join(10)
        assert writer.failures >= 3
        head = store.head()
        assert head is not None
        assert head.size >= writer.acknowledged
        check_log(store, entries(0, head.size))
        assert store.cursors() == {"commands": head.size}
        with connect(database) as session:
            (counts,) = session.execute('SELECT count(*), count(DISTINCT id), max("index") + 1 FROM ledger.entries')
        assert counts == (head.size,) * 3
