"""Wrong clocks and outages harm nobody for good, and every log audits clean afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil.client.author import Author
from counterfoil.contract.entry import ResumedCause
from counterfoil.contract.log_id import LogId
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.gateway.deadlines import with_deadlines
from counterfoil.issuance.commands import AddKey
from counterfoil.issuance.events import VoucherIssued
from counterfoil.ledger.events import BondSlashed, VoucherExpired
from counterfoil.matching.events import TradeMatched
from counterfoil.redemption.commands import Reading, ReportUsage
from counterfoil.redemption.events import ContractCompleted, ProviderDefaulted, UsageReported
from counterfoil.runtime.clock import VirtualClock
from counterfoil.runtime.receipts import Recorded
from counterfoil.runtime.timekeeper import SILENCE
from tests.market import HOST, Market, found, seed_of, trade

MINUTE = 60 * SECOND
REDEMPTION = LogId("redemption")


def full_report(contract: TradeMatched) -> ReportUsage:
    hours = range(contract.first_hour, contract.first_hour + contract.hours)
    return ReportUsage(
        contract_id=contract.trade_id, readings=tuple(Reading(hour=hour, gpu_minutes=480) for hour in hours)
    )


def delivered(market: Market) -> tuple[TradeMatched, int]:
    """A contract whose hours are over, and when they must be reported; the clock is 15 minutes before that."""
    found(market)
    contract = trade(market).good
    report_by = (contract.first_hour + contract.hours + 4) * HOUR
    market.advance_to(report_by - 15 * MINUTE)
    return contract, report_by


def outages(market: Market, service: str) -> list[tuple[int, int]]:
    causes = ((entry.cause, entry.time) for entry in market.entries(service))
    return [(cause.away_since, time) for cause, time in causes if isinstance(cause, ResumedCause)]


# clocks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [9 * HOUR, 40 * DAY])
def test_a_clock_far_ahead_for_a_second_changes_nothing(tmp_path: Path, ahead: int) -> None:
    """Seen: eight hours of `command_expired`; a contract defaulted, its bond slashed, vouchers swept, for good."""
    with Market(tmp_path) as market:
        contract, _ = delivered(market)
        sent = market.system.submit(market.envelope(contract.provider_id, full_report(contract)))
        now = market.clock.now()
        market.clock.set_to(now + ahead)
        market.system.settle()
        reasons = [runner.timekeeper.standstill for runner in market.system.runners.values()]
        assert ["" if reason is None else reason.code for reason in reasons] == ["clock_apart"] * 4
        assert not sent.done()
        market.clock.set_to(now + SECOND)
        market.system.step()
        market.system.settle()
        assert sent.done()
        assert len(market.events("redemption", UsageReported)) == 1
        for service, kind in (
            ("redemption", ProviderDefaulted),
            ("ledger", BondSlashed),
            ("ledger", VoucherExpired),
        ):
            assert market.events(service, kind) == []
        assert market.sealed().findings == []


def test_a_log_whose_clock_is_behind_waits_for_its_causes(tmp_path: Path) -> None:
    """Seen: two permanent `effect_before_cause`, of a ledger a minute behind issuance."""
    with Market(tmp_path) as market:
        found(market)
        ledger = market.system.runners[LogId("ledger")]
        slow = ledger._clock = VirtualClock(market.clock.now())
        market.advance_to(market.clock.now() + MINUTE)
        size = ledger.tree.size
        market.do("lab-1", AddKey(key=Author("lab-1", seed_of("second")).prove(HOST)))
        assert ledger.tree.size == size
        (wait,) = ledger.timekeeper.ahead.values()
        assert wait == pytest.approx(30 * SECOND, abs=SECOND)
        slow.advance_to(slow.now() + 31 * SECOND)
        market.system.settle()
        assert (ledger.tree.size, dict(ledger.timekeeper.ahead)) == (size + 1, {})
        assert market.sealed().findings == []


# outages --------------------------------------------------------------------------------------------------------------


def test_a_report_sent_in_time_counts_although_its_service_was_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accepted 15 minutes before its deadline, decided 15 minutes after it. Seen: a default, and a bond slashed."""
    with Market(tmp_path) as market:
        contract, report_by = delivered(market)
        redemption = market.system.runners[REDEMPTION]
        step = redemption.step
        monkeypatch.setattr(redemption, "step", lambda _timeout=0.0: 0)
        sent = market.system.submit(market.envelope(contract.provider_id, full_report(contract)))
        market.advance_to(report_by + 15 * MINUTE)
        assert not sent.done()
        monkeypatch.setattr(redemption, "step", step)
        redemption.recover()
        market.system.settle()
        assert len(outages(market, "redemption")) == 1
        assert len(market.events("redemption", UsageReported)) == 1
        market.advance_to(market.clock.now() + DAY)
        ended = [event.contract_id for event in market.events("redemption", ContractCompleted)]
        defaulted = [event.contract_id for event in market.events("redemption", ProviderDefaulted)]
        assert (contract.trade_id in ended, contract.trade_id in defaulted) == (True, False)
        report = market.sealed()
        assert report.findings == []
        assert [len(log.outages) for log in report.logs] == [0, 0, 0, 1]


@pytest.mark.parametrize(("waited", "counts"), [(10 * SECOND, True), (10 * SECOND + 1, False)])
def test_a_report_that_waited_in_the_inbox_counts_from_when_it_was_accepted(
    tmp_path: Path, waited: int, counts: bool
) -> None:
    """Accepted a second before its deadline. What is accepted afterwards gains nothing, and holds no timer back."""
    with Market(tmp_path) as market:
        contract, report_by = delivered(market)
        (other,) = (each for each in market.events("matching", TradeMatched) if each != contract)
        market.advance_to(report_by - SECOND)
        accepted = market.clock.now()
        sent = market.system.submit(market.envelope(contract.provider_id, full_report(contract)))
        market.clock.advance_to(accepted + waited)
        late = market.system.submit(market.envelope(other.provider_id, full_report(other)))
        market.system.settle()
        answers = [each.result(timeout=0) for each in (sent, late)]
        entries = [each.entry for each in answers if isinstance(each, Recorded)]
        assert [entry.outcomes[0].refusal is None for entry in entries] == [counts, False]
        defaulted = [each.contract_id for each in market.events("redemption", ProviderDefaulted)]
        assert set(defaulted) == {other.trade_id} | (set() if counts else {contract.trade_id})
        assert (entries[0].time < report_by) is counts
        assert market.sealed().findings == []


@pytest.mark.parametrize(("silent", "defaults"), [(SILENCE, 2), (SILENCE + 0.1, 0)])
def test_a_service_that_nobody_can_reach_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: float, defaults: int
) -> None:
    """Its process runs all the time, across a deadline. Seen: a sign of life every 5 seconds, and then a default."""
    with Market(tmp_path) as market:
        contract, report_by = delivered(market)
        away_since = market.clock.now()
        monkeypatch.setattr(market.system.transport, "silent", lambda: silent)
        while market.clock.now() < report_by + 15 * MINUTE:
            market.advance_to(market.clock.now() + MINUTE)
        assert len(market.events("redemption", ProviderDefaulted)) == defaults
        monkeypatch.setattr(market.system.transport, "silent", lambda: 0.0)
        market.system.settle()
        assert outages(market, "redemption") == ([] if defaults else [(away_since, market.clock.now())])
        if not defaults:
            market.do(contract.provider_id, full_report(contract))
        assert market.sealed().findings == []


def test_who_was_kept_from_acting_gets_the_time_back(tmp_path: Path) -> None:
    """The whole process is down from 15 minutes before a deadline until 5 hours after it."""
    with Market(tmp_path) as market:
        contract, report_by = delivered(market)
        away_since = market.clock.now()
    with Market(tmp_path) as market:
        back = report_by + 5 * HOUR
        market.clock.advance_to(back)
        market.system.settle()
        assert outages(market, "redemption") == [(away_since, back)]
        assert market.events("redemption", ProviderDefaulted) == []
        backend = market.system.backend()
        row = backend.views.get("contracts", (contract.trade_id,))
        assert row is not None
        assert with_deadlines(backend.views, "contracts", [row])[0]["report_by"] == back + 15 * MINUTE
        market.clock.advance_to(back + 14 * MINUTE)
        market.do(contract.provider_id, full_report(contract))
        market.advance_to(back + 16 * MINUTE)  # the other contract was not reported, and the bond goes
        assert len(market.events("redemption", ProviderDefaulted)) == 1
        report = market.sealed()
        assert report.findings == []
        assert [[each.seconds for each in log.outages] for log in report.logs] == [[18_900]] * 4


def test_what_ends_on_a_date_ends_then_outage_or_not(tmp_path: Path) -> None:
    with Market(tmp_path) as market:
        found(market)
        (voucher, _) = market.events("issuance", VoucherIssued)
        market.advance_to(voucher.expires_at - HOUR)
    with Market(tmp_path) as market:
        market.clock.advance_to(voucher.expires_at + HOUR)
        market.system.settle()
        assert len(outages(market, "ledger")) == 1
        assert len(market.events("ledger", VoucherExpired)) == 2
        assert market.sealed().findings == []
