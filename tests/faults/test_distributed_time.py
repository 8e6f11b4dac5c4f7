"""Wrong clocks and an outage of the distributed form, on real servers: nobody is harmed, and the audit is clean."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from counterfoil.audit.auditor import audit
from counterfoil.bootstrap.clocks import accept, clocks
from counterfoil.contract.services import SERVICES
from counterfoil.instance import Instance
from tests.e2e.running import Shell, eventually
from tests.faults.drill_market import RECOVERS_WITHIN, DrillMarket, drill_market
from tests.faults.ticking import TickingClock
from tests.servers.fixture import NewCluster

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.xdist_group("faults"), pytest.mark.timeout(400)]

MINUTES, HOURS = 60, 3_600
_until = partial(eventually, within=RECOVERS_WITHIN)


def waiting(market: DrillMarket) -> dict[str, Any]:
    """Which logs decide nothing, as the gateway says."""
    found: dict[str, Any] = httpx.get(f"{market.fleet.url}/healthz", trust_env=False).json()["waiting"]
    return found


def checks(market: DrillMarket, service: str) -> str:
    """What the readiness probe of a service says of its clock."""
    return str(market.fleet.processes[service].probe("readyz").json()["checks"][f"{service}-clock"])


def set_wrong(market: DrillMarket, clock: TickingClock) -> None:
    """Nine hours ahead for some seconds, under load."""
    with market.load():
        clock.set_by(9 * HOURS)
        found = _until(lambda: len(logs := waiting(market)) == len(SERVICES) and logs, "the gateway names every log")
        assert {each["code"] for each in found.values()} == {"clock_apart"}
        assert "the clock was set forward by 32400 s" in checks(market, "ledger")
        clock.set_by(-9 * HOURS)
        _until(lambda: not waiting(market), "the logs decide again")


def ahead(market: DrillMarket, folder: Path) -> None:
    """Issuance moves to a machine whose clock is 40 seconds ahead, and back: its events wait, and then itself does."""
    shell = Shell(market.home, str(market.fleet.url))
    market.fleet.stop("issuance")
    with TickingClock(folder / "ahead", 40) as clock:
        market.fleet.start(("issuance",), clock=clock.path)
        _until(market.fleet.processes["issuance"].is_active, "issuance is active")
        shell.ok("keys", "new", "late")
        shell.ok("party", "register", "late", "--name", "late", "--role", "beneficiary", "--as", "operator")
        _until(lambda: "its clock is behind that of" in checks(market, "ledger"), "the ledger says that it waits")
        assert 'source="faults.example/issuance/main"' in market.fleet.processes["ledger"].probe("metrics").text
        _until(lambda: checks(market, "ledger") == "ok", "the ledger has taken it")
        market.fleet.stop("issuance")
    market.fleet.start(("issuance",))
    instance, settings = Instance(market.home), market.fleet.settings
    _until(lambda: "issuance" in waiting(market), "issuance waits for a person")
    assert [each.log.name for each in accept(instance, settings, clocks(instance, settings))] == ["issuance"]
    _until(lambda: not waiting(market), "issuance goes on")


def away(market: DrillMarket, clock: TickingClock) -> None:
    """Redemption is down for ten minutes, while the others go on."""
    market.fleet.stop("redemption")
    clock.move_on(10 * MINUTES)
    with market.load():
        market.fleet.start(("redemption",))
        market.fleet.wait_ready()


def test_clocks_and_an_outage(new_cluster: NewCluster, tmp_path: Path) -> None:
    with ExitStack() as opened:
        clock = opened.enter_context(TickingClock(tmp_path / "clock"))
        cluster = opened.enter_context(new_cluster())
        market = opened.enter_context(drill_market(cluster, tmp_path, clock.path))
        drills: list[Callable[[], None]] = [
            lambda: set_wrong(market, clock),
            lambda: ahead(market, tmp_path),
            lambda: away(market, clock),
        ]
        for drill in drills:
            drill()
        assert market.verdict().receipts > 0
        outages = {log.origin.split("/")[1]: log.outages for log in audit(market.home / "logs").logs}
    assert [each.seconds // MINUTES for each in outages["redemption"]] == [10]
    assert outages["ledger"] == outages["matching"] == []
