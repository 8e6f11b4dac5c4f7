"""What the drill of a large log begins with, small; ``python -m tests.faults large`` is the rest."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

from counterfoil.audit.auditor import audit
from counterfoil.bench.load import HOST, SEED
from counterfoil.contract.log_id import LogId
from counterfoil.instance import Instance
from counterfoil.storage.log_store import read_log_store_on
from counterfoil.testbed.seeded_keys import seeded_key
from tests.faults.large_market import fill_market
from tests.servers.fixture import PostgresServer
from tests.storage.server import as_user, copied


def test_a_long_log_made_on_postgresql_is_a_real_one(postgres: PostgresServer, tmp_path: Path) -> None:
    instance = Instance.create(tmp_path / "home", HOST, "Operator", lambda name: seeded_key(SEED, name))
    ledger = LogId("ledger")
    with copied(postgres) as made:
        roots = fill_market(instance, partial(as_user, made), 200, 20)
        with closing(read_log_store_on(as_user(made, "ledger"), ledger)) as store:
            head = store.head()
    report = audit(instance.root)
    assert report.findings == []
    (found,) = [log for log in report.logs if log.origin == instance.origin(ledger)]
    assert head is not None
    assert (found.size, found.root) == (head.size, head.root.hex())
    assert len(roots) == found.state_roots == 1
