"""Wrong clocks and an outage of the distributed form, on real servers: nobody is harmed, and the audit is clean."""

from __future__ import annotations

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
from counterfoil.settings import GATEWAY, VIEWS
from tests.e2e.running import Shell, eventually
from tests.faults.drill_market import RECOVERS_WITHIN, DrillMarket, drill_market
from tests.faults.ticking import TickingClock
from tests.servers.fixture import NewCluster

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.xdist_group("faults"), pytest.mark.timeout(400)]

MINUTES, HOURS = 60, 3_600
REST = ("ledger", "matching", "redemption", VIEWS, GATEWAY)
_until = partial(eventually, within=RECOVERS_WITHIN)


def waiting(market: DrillMarket) -> dict[str, Any]:
    """Which logs decide nothing, as the gateway says."""
    found: dict[str, Any] = httpx.get(f"{market.fleet.url}/healthz", trust_env=False).json()["waiting"]
    return found


def probe(market: DrillMarket, page: str) -> httpx.Response:
    """What the process of the ledger says."""
    return market.fleet.processes[",".join(REST)].probe(page)


def clock_check(market: DrillMarket) -> str:
    """What the ledger says of its clock."""
    return str(probe(market, "readyz").json()["checks"]["ledger-clock"])


def all_wait(market: DrillMarket) -> None:
    """Wait until every log does, for a person or the right time."""
    found = _until(lambda: len(logs := waiting(market)) == len(SERVICES) and logs, "the gateway names every log")
    assert {each["code"] for each in found.values()} == {"clock_apart"}


def set_wrong(market: DrillMarket, clock: TickingClock) -> None:
    """Nine hours ahead for a moment, under load; then ten seconds ahead, which a person accepts."""
    with market.load():
        clock.set_by(9 * HOURS)
        all_wait(market)
        assert "the clock was set forward by 32400 s" in clock_check(market)
        clock.set_by(-9 * HOURS)
        _until(lambda: not waiting(market), "the logs decide again")
    clock.set_by(10)
    all_wait(market)
    instance, settings = Instance(market.home), market.fleet.settings
    assert len(accept(instance, settings, clocks(instance, settings))) == len(SERVICES)
    _until(lambda: not waiting(market), "the logs go on")


def away_and_ahead(market: DrillMarket, clock: TickingClock, own: TickingClock) -> None:
    """Issuance is down for ten minutes, and returns with a clock of its own, 40 seconds ahead: its events wait."""
    market.fleet.stop("issuance")
    for each in (clock, own):
        each.move_on(10 * MINUTES)
    market.fleet.start(("issuance",), clock=own.path)
    market.fleet.wait_ready()
    shell = Shell(market.home, str(market.fleet.url))
    shell.ok("keys", "new", "late")
    shell.ok("party", "register", "late", "--name", "late", "--role", "beneficiary", "--as", "operator")
    _until(lambda: "its clock is behind that of" in clock_check(market), "the ledger says that it waits")
    assert 'source="faults.example/issuance/main"' in probe(market, "metrics").text
    clock.move_on(40)
    _until(lambda: clock_check(market) == "ok", "the ledger has taken it")


@pytest.mark.drill
def test_clocks_and_an_outage(new_cluster: NewCluster, tmp_path: Path) -> None:
    with ExitStack() as opened:
        clock = opened.enter_context(TickingClock(tmp_path / "clock"))
        cluster = opened.enter_context(new_cluster())
        market = opened.enter_context(drill_market(cluster, tmp_path, clock.path, [("issuance",), REST]))
        set_wrong(market, clock)
        own = opened.enter_context(TickingClock(tmp_path / "own", ahead=10 + 40))
        away_and_ahead(market, clock, own)
        assert market.verdict().receipts > 0
        outages = {log.origin.split("/")[1]: log.outages for log in audit(market.home / "logs").logs}
    assert [each.seconds // MINUTES for each in outages["issuance"]] == [10]
    assert outages["ledger"] == outages["redemption"] == []
