"""An operator with every key who withholds a timer or an event is detected as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from counterfoil.audit import sources
from counterfoil.audit.auditor import audit
from counterfoil.audit.files import LogFiles
from counterfoil.audit.kept import KeptSource
from counterfoil.audit.reading import Reading
from counterfoil.audit.report import Finding
from counterfoil.audit.sources import CONSUME_WITHIN
from counterfoil.audit.structure import open_log
from counterfoil.catalogue import SUBSCRIPTIONS
from counterfoil.client.author import Author
from counterfoil.contract.log_id import LogId
from counterfoil.contract.times import DAY, HOUR
from counterfoil.core.rules import RULES
from counterfoil.instance import Instance
from counterfoil.issuance.commands import AddKey, AdoptRules
from counterfoil.runtime.clock import VirtualClock
from counterfoil.runtime.runner import Runner
from counterfoil.runtime.timekeeper import Timekeeper
from tests.market import HOST, OFFER, Market, T, deposit, found, seed_of, trade


def idle(*_args: Any, **_kwargs: Any) -> bool:
    """Never run a timer."""
    return False


def findings(market: Market) -> set[tuple[str, str]]:
    """(log, code) of what the audit finds."""
    report = market.sealed()
    return {(each.log, each.code) for each in report.findings}


def test_a_market_in_which_nothing_is_withheld_is_clean(tmp_path: Path) -> None:
    with Market(tmp_path) as market:
        found(market)
        trade(market)
        market.advance_to(T + 20 * DAY)
        assert findings(market) == set()


def test_a_timer_that_is_passed_over_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders whose last hour has passed stay on the book, and matching continues."""
    with Market(tmp_path) as market:
        found(market)
        trade(market)
        monkeypatch.setattr(Runner, "_fire", idle)
        market.advance_to(T + 20 * DAY)
        market.ask("gpu-1", OFFER)
        assert ("matching/main", "timer_withheld") in findings(market)


def test_another_logs_event_that_is_left_aside_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A revocation never reaches the ledger, which makes further entries."""
    with Market(tmp_path) as market:
        found(market)
        ledger = market.system.runners[LogId("ledger")]
        take: Callable[..., bool] = ledger._consume

        def all_but_issuance(delivery: Any, clock: int) -> bool:
            return "/issuance/" not in delivery.source and take(delivery, clock)

        monkeypatch.setattr(ledger, "_consume", all_but_issuance)
        market.clock.advance_to(T + HOUR)
        market.system.step()
        revoke(market)
        market.clock.advance_to(market.clock.now() + CONSUME_WITHIN + HOUR)
        later = market.system.submit(market.envelope("treasury", deposit("lab-1", 10_000)))
        for _ in range(20):
            market.system.step()
        assert later.done()
        for runner in market.system.runners.values():
            runner.seal()
        places = {(each.log, each.code) for each in audit_of(market)}
        assert ("ledger/main", "event_withheld") in places


@pytest.mark.parametrize(("hours", "is_found"), [(1, False), (2, False), (4, True)])
def test_another_logs_event_that_is_consumed_late_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int, is_found: bool
) -> None:
    """New rules reach matching hours after the others, and it goes on by the old ones. An outage is no such thing."""
    with Market(create_with_old_rules(tmp_path)) as market:
        found(market)
        matching = market.system.runners[LogId("matching")]
        take: Callable[..., bool] = matching._consume
        aside = lambda each, clock: "/issuance/" not in each.source and take(each, clock)  # noqa: E731
        monkeypatch.setattr(matching, "_consume", aside)
        market.system.submit(market.envelope("operator", AdoptRules(rules=2, replaces=1, release="0.1.0")))
        for hour in range(hours + 1):
            market.clock.advance_to(T + hour * HOUR)
            market.system.submit(market.envelope("gpu-1", OFFER))
            for _ in range(20):
                market.system.step()
        monkeypatch.setattr(matching, "_consume", take)
        market.system.settle()
        assert market.system.runners[LogId("matching")].engine.state.rules is RULES[2]
        assert findings(market) == ({("matching/main", "event_withheld")} if is_found else set())


def test_a_log_that_was_away_may_catch_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Market(tmp_path) as market:
        found(market)
        matching = market.system.runners[LogId("matching")]
        step = matching.step
        monkeypatch.setattr(matching, "step", lambda _timeout=0.0: 0)
        for hour in range(1, 6):
            market.advance_to(T + hour * HOUR)
            market.do("lab-1", AddKey(key=Author("lab-1", bytes([hour]) * 32).prove(HOST)))
        monkeypatch.setattr(matching, "step", step)
        market.do("gpu-1", OFFER)
        market.advance_to(T + 12 * HOUR)
        assert findings(market) == set()


def test_a_clock_that_runs_behind_its_cause_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger's clock stays in the past, where a voucher is still valid; an honest one would wait."""
    monkeypatch.setattr(Timekeeper, "has_come", lambda *_: True)
    with Market(tmp_path) as market:
        found(market)
        market.system.runners[LogId("ledger")]._clock = VirtualClock(market.clock.now())
        market.advance_to(market.clock.now() + DAY)
        revoke(market)
        assert ("ledger/main", "effect_before_cause") in findings(market)


def revoke(market: Market) -> None:
    """An event of issuance that the ledger must consume."""
    envelope = market.envelope("lab-1", AddKey(key=Author("lab-1", seed_of("second")).prove(HOST)))
    market.system.submit(envelope)
    for _ in range(20):
        market.system.step()


def create_with_old_rules(home: Path) -> Path:
    """An instance whose logs begin with version 1."""
    Instance.create(home, HOST, "Operator", seed_of, rules=1)
    return home


def audit_of(market: Market) -> list[Finding]:
    """Audit the published logs."""
    return audit(market.home / "logs").findings


@pytest.mark.parametrize(("hours", "is_found"), [(23, False), (25, True)])
def test_an_event_left_aside_by_a_silent_log_and_consumed_days_later_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int, is_found: bool
) -> None:
    """It makes no entry meanwhile, and its writer does not say that it was away."""
    with Market(tmp_path) as market:
        found(market)
        matching = market.system.runners[LogId("matching")]
        with monkeypatch.context() as patched:
            patched.setattr(matching, "step", lambda _timeout=0.0: 0)
            revoke(market)
            market.advance_to(market.clock.now() + hours * HOUR)
        market.do("gpu-1", OFFER)
        assert findings(market) == ({("matching/main", "event_withheld")} if is_found else set())


def test_a_log_whose_writer_was_away_says_so_and_is_clean(tmp_path: Path) -> None:
    with Market(tmp_path) as market:
        found(market)
        market.system.submit(market.envelope("lab-1", AddKey(key=Author("lab-1", seed_of("second")).prove(HOST))))
        market.system.runners[LogId("issuance")].step()  # and nobody has consumed it
    with Market(tmp_path) as market:
        market.clock.advance_to(market.clock.now() + 5 * DAY)
        market.do("treasury", deposit("lab-1", reference="IN-1"))
        report = market.sealed()
        assert report.findings == []
        assert all(log.outages for log in report.logs)


@pytest.mark.parametrize("what", ["an event", "a timer", "nothing"])
def test_a_log_that_stands_still_while_the_others_go_on_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """What it should have done is judged against the time of all logs: its own stands still."""
    with Market(tmp_path) as market:
        found(market)
        if what == "a timer":
            trade(market)  # an order stays on the book, and must leave it before its last hour
        with monkeypatch.context() as patched:
            patched.setattr(market.system.runners[LogId("matching")], "step", lambda _timeout=0.0: 0)
            if what == "an event":
                revoke(market)
            market.advance_to(market.clock.now() + (20 * DAY if what == "a timer" else 3 * HOUR))
            market.do("treasury", deposit("lab-1", reference="IN-1"))
            for log, runner in market.system.runners.items():
                (runner.publish if log.service == "matching" else runner.seal)()
        codes = {(each.log, each.code) for each in audit_of(market)}
        assert codes == (set() if what == "nothing" else {("matching/main", "log_stands_still")})
        market.system.runners[LogId("matching")].seal()  # an entry that does nothing changes the name of it only
        codes = {(each.log, each.code) for each in audit_of(market)}
        assert codes == {"nothing": set(), "an event": {("matching/main", "event_withheld")},
                         "a timer": {("matching/main", "timer_withheld")}}[what]  # fmt: skip


@pytest.mark.parametrize(
    ("outages", "away"),
    [([], 0), ([(0, 5)], 0), ([(5, 15)], 5), ([(12, 14)], 2), ([(12, 14), (13, 18), (25, 40)], 11), ([(0, 99)], 20)],
)
def test_time_away_counts_once(outages: list[tuple[int, int]], away: int) -> None:
    assert sources._within(outages, 10, 30) == away


def consumed_by_the_ledger(logs: Path) -> tuple[sources.Source, sources.SourceEvent]:
    """Issuance's events, and the first of them, which the ledger has not consumed."""
    log, _ = open_log(LogFiles(logs / "issuance" / "main"), None)
    assert log is not None
    source = sources.Source(Reading(log.bundles()), SUBSCRIPTIONS["ledger"]["issuance"], KeptSource())
    first = source.next()
    assert first is not None
    return source, first


def test_what_a_log_that_was_away_had_not_told_is_no_blame(small_logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It committed an event, was away for 40 hours, and told the others then."""
    source, first = consumed_by_the_ledger(small_logs)
    monkeypatch.setattr(source._log, "outages", lambda _until: [(first.time, first.time + 40 * HOUR)])
    seen = [source.withheld(first.time + hour * HOUR, lambda _event: True) for hour in range(1, 43)]
    assert seen == [None] * 41 + [first]


def test_an_event_that_needs_another_waits_without_blame(small_logs: Path) -> None:
    """Until what it refers to has arrived; from then on its own hour begins."""
    source, first = consumed_by_the_ledger(small_logs)
    seen = [source.withheld(first.time + hour * HOUR, lambda _event: False) for hour in range(1, 30)]
    late = [source.withheld(first.time + hour * HOUR, lambda _event: True) for hour in range(30, 34)]
    assert seen + late == [None] * 32 + [first]
