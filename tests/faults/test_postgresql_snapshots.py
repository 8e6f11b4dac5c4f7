"""The faults of a snapshot that are other faults on PostgreSQL: its tables lie beside the log's, and outlast a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.access import DatabaseAccess
from counterfoil.bootstrap.embedded import Embedded
from counterfoil.contract.log_id import LogId
from counterfoil.runtime.runner import Log
from counterfoil.storage import open_snapshot_store_on
from counterfoil.storage.snapshot_store import SqlSnapshotStore
from tests.faults.starts import EVERY, LEDGER, Start, sizes, start
from tests.market import USD, Market, deposit
from tests.servers.fixture import PostgresServer
from tests.storage.proxy import Proxy
from tests.storage.server import as_user, connect, copied

pytestmark = pytest.mark.usefixtures("often")


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[DatabaseAccess]:
    with copied(postgres) as made:
        yield made


def on(access: DatabaseAccess) -> type[Embedded]:
    """A system whose ledger keeps its snapshot there."""

    class System(Embedded):
        def _open(self, log: LogId) -> Log:
            opened = super()._open(log)
            if log != LEDGER:
                return opened
            store = open_snapshot_store_on(as_user(access, "ledger"), log)
            self._snapshots[log].close()
            self._snapshots[log] = store
            return replace(opened, snapshots=store)

        def close(self, *, seal: bool = True) -> None:
            super().close(seal=seal)
            self._snapshots[LEDGER].close()

    return System


def deposited(market: Market) -> None:
    for nth in range(2 * EVERY):
        market.do("treasury", deposit("lab-1", USD, f"more-{nth}"))


def run(access: DatabaseAccess, statement: str) -> None:
    with connect(access) as session:
        session.execute("SET search_path TO ledger")
        session.execute(statement.encode())


DAMAGES = {
    "value changed": "UPDATE _state SET value = replace(value, '1', '3') WHERE key LIKE 'position/%'",
    "not JSON": "UPDATE _state SET value = '{' WHERE key = (SELECT min(key) FROM _state)",
    "row lost": "DELETE FROM _state WHERE key = (SELECT max(key) FROM _state)",
    "row of another entry": "UPDATE _snapshot SET size = size - 1",
    "ahead of the log": "UPDATE _snapshot SET size = 1000000",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bad_snapshot_is_passed_over_and_made_again(home: Path, database: DatabaseAccess, damage: str) -> None:
    system = on(database)
    start(home, deposited, system)
    run(database, DAMAGES[damage])
    lengths: dict[str, int] = {}
    begun = start(home, lambda market: lengths.update(sizes(market)), system)
    assert len(begun.warnings) == 1, begun.warnings
    assert begun.folded["ledger"] == lengths["ledger"]
    again = start(home, system=system)
    assert again.warnings == []
    assert again.folded["ledger"] <= 2 * EVERY
    assert again.roots == begun.roots == start(home).roots
    with Market(home, system) as market:
        assert market.sealed().findings == []


def test_without_its_tables_the_log_is_served_all_the_same(home: Path, whole: Start, database: DatabaseAccess) -> None:
    """Only the administrator creates them."""
    start(home, system=on(database))
    run(database, "DROP TABLE _state")
    begun = start(home, system=on(database))
    assert begun.folded["ledger"] == whole.folded["ledger"]
    assert begun.roots == whole.roots
    assert "the snapshot cannot be removed" in "".join(begun.warnings)


def test_a_connection_lost_while_it_is_read_loses_nothing(
    home: Path, database: DatabaseAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Proxy(database)) as proxy:
        system = on(proxy.access)
        start(home, system=system)
        records = SqlSnapshotStore.records

        def cut(store: SqlSnapshotStore, size: int) -> Iterator[tuple[str, bytes]]:
            if not proxy.cuts:
                proxy.cut(2, "answer")
            return records(store, size)

        monkeypatch.setattr(SqlSnapshotStore, "records", cut)
        begun = start(home, system=system)
    assert proxy.cuts == 1
    assert begun.warnings == []
    assert begun.folded["ledger"] <= 2 * EVERY


def test_a_writer_that_was_replaced_cannot_take_the_snapshot_back(home: Path, database: DatabaseAccess) -> None:
    """Its late write is refused, and it removes nothing when it loads what it has read of the log before."""
    system = on(database)
    with Market(home, system) as late, Market(home, system) as market:
        runner = late.system.runners[LEDGER]
        held, before = runner._snapshots, runner.tree.size
        deposited(market)
        size = held._store.size()
        assert size > before
        held._resumed(runner.tree, runner.tree.root_at)
        held.take({"position/none": b"{}"}, before + 1)
        held.flush()
        assert held._store.size() == size
    again = start(home, system=system)
    assert again.warnings == []
    assert again.folded["ledger"] <= 2 * EVERY
