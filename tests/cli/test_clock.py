"""`counterfoil clock`: what the logs wait for, and a person's word, beside the running writers."""

from __future__ import annotations

import json
from pathlib import Path

from counterfoil.contract.log_id import LogId
from counterfoil.contract.times import DAY, HOUR, format_time
from tests.cli.command_line import invoke
from tests.market import Market, found


def waiting(market: Market) -> list[str]:
    market.system.step()
    return [log.name for log, runner in market.system.runners.items() if runner.timekeeper.standstill is not None]


def test_a_person_sees_why_logs_wait_and_accepts_the_time(tmp_path: Path) -> None:
    with Market(tmp_path) as market:
        found(market)
        code, out, _ = invoke("clock", "status", "--home", str(tmp_path), "--json")
        ledger = json.loads(out)["logs"][1]
        last = market.entries("ledger")[-1].time
        assert (code, ledger["log"], ledger["last_entry"], ledger["asked"]) == (0, "ledger", format_time(last), None)
        market.clock.set_to(market.clock.now() + 9 * HOUR)
        assert len(waiting(market)) == 4
        code, out, _ = invoke("clock", "status", "--home", str(tmp_path))
        assert code == 1
        assert "the clock was set forward by 32400 s" in out
        code, out, _ = invoke("clock", "accept", "ledger", "--home", str(tmp_path), "--json")
        (accepted,) = json.loads(out)["accepted"]
        assert (code, accepted["log"], accepted["asked"]) == (0, "ledger", format_time(market.clock.now()))
        assert waiting(market) == ["issuance", "matching", "redemption"]
        assert invoke("clock", "accept", "--home", str(tmp_path))[0] == 0
        assert waiting(market) == []
        assert invoke("clock", "status", "--home", str(tmp_path))[0] == 0
        code, _, err = invoke("clock", "accept", "--home", str(tmp_path))
        assert (code, "no log waits" in err) == (0, True)


def test_what_is_accepted_while_nothing_runs_holds_at_the_next_start(tmp_path: Path) -> None:
    with Market(tmp_path) as market:
        found(market)
    with Market(tmp_path) as market:
        market.clock.advance_to(market.clock.now() + 8 * DAY)
        assert len(waiting(market)) == 4
        now = market.clock.now()
    assert invoke("clock", "accept", "--home", str(tmp_path))[0] == 0
    with Market(tmp_path) as market:
        market.clock.advance_to(now)
        assert waiting(market) == []
        assert market.system.stores[LogId("ledger")].presence() is not None
        assert market.sealed().findings == []


def test_only_logs_of_the_instance_can_be_named(tmp_path: Path) -> None:
    with Market(tmp_path):
        code, _, err = invoke("clock", "accept", "nowhere", "--home", str(tmp_path))
    assert (code, "choose from issuance, ledger" in err) == (2, True)
