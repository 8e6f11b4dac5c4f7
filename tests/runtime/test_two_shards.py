"""Two shards of matching, `main` and another, before one ledger and one redemption: one market, five logs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.audit.auditor import audit
from counterfoil.bootstrap.embedded import Embedded
from counterfoil.contract.canonical import Refused
from counterfoil.contract.entry import EntryCause
from counterfoil.contract.log_id import MAIN, LogId, log_of
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.errors import NotDivisible
from counterfoil.instance import Instance
from counterfoil.ledger.events import BondHeld, ContractFunded, HoldPlaced
from counterfoil.matching.events import TradeMatched
from counterfoil.redemption.commands import (
    AcceptUsage,
    Reading,
    ReportUsage,
    SubmitClaim,
)
from counterfoil.redemption.events import ContractOpened, SettlementClosed
from tests.market import BID, HOST, OFFER, USD, Market, create, found, image
from tests.paper_work import approve, pay, settle

OTHER = "cn.sh"
SHARDS = (MAIN, OTHER)
MATCHING = LogId("matching", OTHER)


@contextmanager
def at(market: Market, shard: str) -> Iterator[None]:
    """Address commands to this shard of matching."""
    market.shards = {"matching": shard}
    yield
    market.shards = {}


def trade_on(market: Market, shard: str) -> None:
    """Two offers and two bids on one shard, which make two trades."""
    with at(market, shard):
        market.do("gpu-1", OFFER)
        market.do("gpu-2", replace(OFFER, price=USD))
        market.do("lab-1", BID)
        market.do("lab-2", replace(BID, nodes=2))


def delivered(market: Market, trade: TradeMatched) -> None:
    """Report and accept every hour of a contract, whose end the clock has passed."""
    hours = range(trade.first_hour, trade.first_hour + trade.hours)
    minutes = trade.nodes * trade.gpus_per_node * 60
    for hour in hours:
        body = ReportUsage(contract_id=trade.trade_id, readings=(Reading(hour=hour, gpu_minutes=minutes),))
        report = market.do(trade.provider_id, body)[0].report_id  # type: ignore[attr-defined]
        market.do(trade.beneficiary_id, AcceptUsage(report_id=report))


def claimed(market: Market, number: int, trades: list[TradeMatched]) -> None:
    """One provider claims for its contracts on all shards, and is paid."""
    contracts = tuple(trade.trade_id for trade in trades)
    claim = SubmitClaim(programme_id="p1", invoice_number=f"I-{number}", contract_ids=contracts)
    claim_id = market.do(trades[0].provider_id, claim)[0].claim_id  # type: ignore[attr-defined]
    market.do("city", approve(claim_id))
    (closed,) = market.do("city", settle("p1", claim_id))
    assert isinstance(closed, SettlementClosed)
    market.do("treasury", pay(closed, f"PAY-{number}"))


def trades_of(market: Market) -> list[TradeMatched]:
    return [trade for shard in SHARDS for trade in market.events("matching", TradeMatched, shard)]


def play(market: Market) -> None:
    """Trade on both shards in turn, deliver, claim and pay."""
    found(market)
    for shard in SHARDS:
        trade_on(market, shard)
    trades = trades_of(market)
    market.advance_to(max(trade.first_hour + trade.hours for trade in trades) * HOUR + SECOND)
    for trade in trades:
        delivered(market, trade)
    for number, provider in enumerate(("gpu-1", "gpu-2")):
        mine = [trade for trade in trades if trade.provider_id == provider]
        if mine:
            claimed(market, number, mine)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole story, sealed."""
    root = tmp_path_factory.mktemp("shards") / "home"
    create(root, [MATCHING])
    with Market(root) as market:
        play(market)
        market.system.seal()
    return root


@pytest.fixture
def market(home: Path, tmp_path: Path) -> Iterator[Market]:
    """A copy of it, opened again."""
    with Market(image(home, tmp_path / "home")) as opened:
        yield opened


def test_all_logs_together_audit_clean(home: Path) -> None:
    report = audit(home / "logs", Instance(home).verify_keys(), twin=True)
    assert report.findings == []
    assert [log.origin.removeprefix(f"{HOST}/") for log in report.logs] == [
        "issuance/main", "ledger/main", "matching/main", f"matching/{OTHER}", "redemption/main",
    ]  # fmt: skip
    assert all(sum(log.waiting.values()) == 0 for log in report.logs)
    assert [log.trades for log in report.logs if "/matching/" in log.origin] == [2, 2]


def test_both_shards_trade_and_every_id_is_unique(market: Market) -> None:
    trades = trades_of(market)
    assert len(trades) == 4
    assert len({trade.trade_id for trade in trades}) == 4
    assert {OTHER in trade.trade_id for trade in trades[:2]} == {False}
    assert all(f"-{OTHER}-" in each for trade in trades[2:] for each in (trade.trade_id, trade.bid_id, trade.offer_id))
    held = [event.hold_id for kind in (HoldPlaced, BondHeld) for event in market.events("ledger", kind)]
    assert len(held) == len(set(held)) == 8
    funded = {event.contract_id for event in market.events("ledger", ContractFunded)}
    opened = {event.contract_id for event in market.events("redemption", ContractOpened)}
    assert funded == opened == {trade.trade_id for trade in trades}


def test_each_shard_takes_every_hold_as_one_entry_and_acts_on_its_own(market: Market) -> None:
    ledger = market.system.instance.origin(LogId("ledger"))
    for shard in SHARDS:
        causes = [
            (entry.cause.index, entry.cause.item, entry.events)
            for entry in market.entries("matching", shard)
            if isinstance(entry.cause, EntryCause) and entry.cause.origin == ledger
        ]
        assert len({(index, item) for index, item, _ in causes}) == len(causes) == 8
        assert sum(1 for *_, events in causes if events) == 4  # its own; entries for the others have no events
        ids = {event.subject for event in market.entries("matching", shard)}
        assert "ledger" in ids


def test_a_consumer_tells_the_shards_apart(market: Market) -> None:
    """The same index in two shards makes two entries with different ids."""
    named = [entry.id for entry in market.entries("ledger") if isinstance(entry.cause, EntryCause)]
    assert len(named) == len(set(named))
    sources = {log_of(entry.cause.origin) for entry in market.entries("ledger") if isinstance(entry.cause, EntryCause)}
    assert sources == {LogId("issuance"), LogId("matching"), MATCHING, LogId("redemption")}
    cursors = market.system.stores[LogId("ledger")].cursors()
    assert {market.system.instance.origin(log) for log in sources} <= cursors.keys()


def test_the_views_show_both(market: Market) -> None:
    views = market.system.views
    trades = {row["trade_id"] for row in views.page("trades", {}, None, 100)}
    assert trades == {trade.trade_id for trade in trades_of(market)}
    for shard in SHARDS:
        assert views.positions()[market.system.instance.origin(LogId("matching", shard))] == len(
            market.entries("matching", shard)
        )
    assert {row["status"] for row in views.page("contracts", {}, None, 100)} == {"completed"}


def test_a_receipt_comes_from_the_log_that_the_command_names(market: Market) -> None:
    market.advance_to(market.clock.now() + SECOND)
    later = replace(OFFER, window_start=OFFER.window_start + 48, window_end=OFFER.window_end + 48)
    for shard in SHARDS:
        with at(market, shard):
            entry = market.ask("gpu-1", later)
        assert log_of(entry.origin) == LogId("matching", shard)


def test_a_log_that_is_not_there_takes_no_command(market: Market) -> None:
    with at(market, "nowhere"), pytest.raises(Refused) as refused:
        market.ask("gpu-1", OFFER)
    assert refused.value.refusal.code is Code.WRONG_AUDIENCE


def test_a_restart_resumes_every_log(home: Path, tmp_path: Path) -> None:
    root = image(home, tmp_path / "home")
    with Market(root) as market:
        sizes = {log: runner.tree.size for log, runner in market.system.runners.items()}
        assert list(sizes) == list(Instance(root).logs())
        assert min(sizes.values()) > 1
        market.advance_to(market.clock.now() + SECOND)
        with at(market, OTHER):
            market.do("gpu-1", replace(OFFER, window_end=OFFER.window_end + 48))
        assert market.sealed().findings == []


def codes(root: Path, **trust: object) -> set[tuple[str, str]]:
    return {(each.log, each.code) for each in audit(root / "logs", **trust).findings}  # type: ignore[arg-type]


@pytest.mark.parametrize("shard", SHARDS)
def test_tampering_with_one_shard_is_found_there(home: Path, tmp_path: Path, shard: str) -> None:
    root = image(home, tmp_path / "home")
    entries = root / "logs" / "matching" / shard / "tile" / "entries"
    bundle = max(entries.rglob("*.p/*"), key=lambda path: int(path.name))
    bundle.write_bytes(bundle.read_bytes().replace(b"lab-1", b"lab-2"))
    assert (f"matching/{shard}", "bundle_not_valid") in codes(root)


def test_a_shard_that_is_withheld_is_missed_by_whom_it_caused(home: Path, tmp_path: Path) -> None:
    root = image(home, tmp_path / "home")
    shutil.rmtree(root / "logs" / "matching" / OTHER)
    assert ("ledger/main", "cause_not_available") in codes(root)
    assert ("matching/cn.sh", "log_missing") in codes(root, trusted=Instance(home).verify_keys())


def test_the_main_shard_is_expected_of_every_service(home: Path, tmp_path: Path) -> None:
    root = image(home, tmp_path / "home")
    shutil.rmtree(root / "logs" / "matching" / MAIN)
    assert ("matching", "log_missing") in codes(root)


def test_a_shard_in_the_place_of_another_is_not_taken_for_it(home: Path, tmp_path: Path) -> None:
    root = image(home, tmp_path / "home")
    shutil.rmtree(root / "logs" / "matching" / MAIN)
    shutil.copytree(root / "logs" / "matching" / OTHER, root / "logs" / "matching" / MAIN)
    assert "origin_not_expected" in {code for _, code in codes(root)}


@pytest.mark.parametrize("service", ["issuance", "ledger", "redemption"])
def test_what_cannot_be_divided_yet_is_not(tmp_path: Path, service: str) -> None:
    with pytest.raises(NotDivisible, match="only matching"):
        create(tmp_path / "home", [LogId(service, OTHER)])
    assert not (tmp_path / "home").exists()


def test_an_instance_lists_its_logs(home: Path) -> None:
    instance = Instance(home)
    assert instance.logs_of("matching") == (LogId("matching"), MATCHING)
    assert instance.identity.vkeys["matching"].keys() == {MAIN, OTHER}
    assert instance.log_key(MATCHING).name == instance.origin(MATCHING) == f"{HOST}/matching/{OTHER}"
    places = [instance.database(MATCHING), instance.log_directory(MATCHING), instance.signer_directory(MATCHING)]
    assert [place.relative_to(home).as_posix() for place in places] == [
        f"db/matching.{OTHER}.sqlite", f"logs/matching/{OTHER}", f"db/matching.{OTHER}-signer",
    ]  # fmt: skip
    assert all(place.exists() for place in places)


def test_threads_serve_every_log(home: Path, tmp_path: Path) -> None:
    with Market(image(home, tmp_path / "home")) as market:
        system: Embedded = market.system
        market.advance_to(market.clock.now() + SECOND)
        with at(market, OTHER):
            envelope = market.envelope("gpu-1", replace(OFFER, window_end=OFFER.window_end + 48))
        system.start()
        answer = system.submit(envelope).result(timeout=20)
        system.close()
        assert log_of(answer.entry.origin) == MATCHING  # type: ignore[union-attr]
        assert not system.failure
