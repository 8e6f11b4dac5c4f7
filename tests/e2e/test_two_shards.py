"""Two shards of matching in processes, on Kafka and PostgreSQL: both trade, in one process or in two."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from counterfoil.settings import GATEWAY, VIEWS, Settings
from counterfoil.testbed.cluster.cluster import Cluster
from counterfoil.testbed.fleet import Fleet
from tests.e2e.founding import BLOCK, END, FIRST, LAST, PROGRAMME, found_a_market
from tests.e2e.running import STARTS_WITHIN, eventually
from tests.e2e.secured import Operator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.xdist_group("servers"),
    pytest.mark.timeout(300),
]

SHARD = "cn.sh"


class Divided:
    """An instance with a second shard of matching, its secure cluster and its processes."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.cluster = Cluster(root)
        self.cluster.up(1, secure=True)
        self.shell = Operator(Settings().changed({**self.cluster.addresses, "home": folder / "home"}))
        self.shell.ok("init", "--host", "shards.example", "--shard", f"matching/{SHARD}")
        self.fleet = Fleet(self.shell.settings, folder / "processes")

    def start(self, *components: str) -> None:
        """Start one more process, for these components."""
        self.fleet.start(components)
        self.fleet.wait_ready(within=STARTS_WITHIN)


@pytest.fixture
def divided(cluster_directory: Path, tmp_path: Path) -> Iterator[Divided]:
    """The servers run; processes that the test starts are stopped after it."""
    made = Divided(cluster_directory / secrets.token_hex(4), tmp_path)
    try:
        with made.fleet:
            yield made
    finally:
        made.cluster.down(1)
        made.cluster.remove()


def trade_on(shell: Operator, shard: str, trades: int) -> None:
    """Post an offer and a bid on one shard; returns when there are this many trades in all."""
    offer = ("offer", "post", *BLOCK, "--nodes", "1", "--from", FIRST, "--until", END, "--price", "1.80")
    shell.soon(*offer, "--as", "norn", "--shard", shard)
    bid = ("bid", "place", "--programme", PROGRAMME, *BLOCK, "--nodes", "1", "--hours", "6", "--price", "2.00")
    shell.soon(*bid, "--earliest", FIRST, "--latest", LAST, "--as", "acme", "--shard", shard)
    eventually(lambda: len(shell.ok("offer", "trades")) == trades)


def named(trades: list[dict[str, Any]]) -> int:
    """How many of them name the second shard."""
    return sum(f"-{SHARD}-" in each["trade_id"] for each in trades)


def test_both_shards_trade_and_audit_clean(divided: Divided) -> None:
    shell = divided.shell
    for group in ("database", "topics"):
        assert shell.ok(group, "apply")["findings"] == []
        assert shell.ok(group, "check")["findings"] == []
    divided.start("issuance", "ledger", "redemption")
    divided.start("matching")  # all its shards
    divided.start(VIEWS, GATEWAY)
    shell.url = divided.fleet.url
    found_a_market(shell, divided.shell.home)
    trade_on(shell, "main", 1)
    trade_on(shell, SHARD, 2)
    assert divided.fleet.stop("matching") == {"matching": 0}
    divided.start("matching/main")
    divided.start(f"matching/{SHARD}")  # each in its own process, from the end of its log
    trade_on(shell, SHARD, 3)
    trade_on(shell, "main", 4)
    assert named(shell.ok("offer", "trades")) == 2
    eventually(lambda: len(shell.ok("usage", "contracts")) == 4)
    assert shell.ok("log", "checkpoint", f"matching/{SHARD}")["origin"] == f"shards.example/matching/{SHARD}"
    assert shell.ok("topics", "check")["findings"] == []
    assert set(divided.fleet.stop().values()) == {0}
    report = shell.ok("audit", shell.home, "--vkeys", shell.home / "vkeys")
    assert report["clean"]
    assert [log["trades"] for log in report["logs"] if "/matching/" in log["origin"]] == [2, 2]
