"""A service fails at each of its writes, before and after they took effect: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import shutil
from concurrent.futures import Future
from pathlib import Path

import pytest

from counterfoil.audit.auditor import audit
from counterfoil.catalogue import VIEWS
from counterfoil.contract.events import LogOpened
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import SERVICES
from counterfoil.contract.times import SECOND
from counterfoil.issuance.commands import RegisterClassV1
from counterfoil.ledger.events import BondSlashed, ContractFunded
from counterfoil.log.errors import ProofError, RollbackError
from counterfoil.matching.events import TradeMatched
from counterfoil.ports import Row, StoreConflict
from counterfoil.redemption.commands import WithdrawDelivery
from counterfoil.redemption.events import ProviderDefaulted
from counterfoil.runtime.receipts import Answer, Recorded
from tests.faults.faulty import Broken, Fault, Faulty, FaultyEmbedded, When, make_late, weakened
from tests.market import BID, OFFER, USD, Market, deposit, found, image

WRITES: list[tuple[str, When, int]] = [
    (call, when, nth)
    for call, nths in (("append", (1, 2)), ("publish", (1, 2)), ("put", (1, 2)), ("replace_checkpoint", (1,)),
                       ("remember", (1,)), ("drop_partials", (1,)))
    for when in ("before", "after")
    for nth in nths
]  # fmt: skip
"""Every write of a runner: to the store, the transport, the published log. The nth call of its kind fails."""
FILES = ("put", "replace_checkpoint", "remember", "drop_partials")
"""Those to the published log: they fail no step, and are tried again."""


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market before its first trade, its ledger a little short of a full tile. Read only."""
    home = tmp_path_factory.mktemp("founded") / "home"
    with Market(home) as market:
        found(market, crowd=112)
        market.system.seal()
        assert 240 < market.system.runners[LogId("ledger")].tree.size < 256
    return home


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    """A copy of the founded market."""
    return image(founded, tmp_path / "home")


class Traffic:
    """Commands to three services, the weak one included, and their answers."""

    def __init__(self, market: Market) -> None:
        """Advance by a second, so that there is something to publish, and send the commands."""
        market.clock.advance_to(market.clock.now() + SECOND)
        self.market = market
        register = RegisterClassV1(
            class_id="h100", version=1, description="H100", mem_mb=81_920, gpus_per_node=8, bf16_mtflops_nominal=None,
            bf16_mtflops_attested=None, interconnect=None, sources=(),
        )  # fmt: skip
        self.envelopes = [
            *(market.envelope("treasury", deposit("lab-1", USD, f"IN-{nth}")) for nth in range(10)),
            market.envelope("gpu-1", OFFER),
            market.envelope("lab-1", BID),
            market.envelope("operator", register),
        ]
        self.answers: list[Future[Answer]] = [market.system.submit(each) for each in self.envelopes]

    def run(self, *, recover: bool) -> int:
        """Step every service until all are idle; one that fails recovers in place, or stays failed."""
        system, broken, failures = self.market.system, set[LogId](), 0
        done = True
        while done:
            done = False
            for name, runner in system.runners.items():
                if name in broken:
                    continue
                try:
                    done |= runner.step() > 0
                except Broken:
                    failures += 1
                    if recover:
                        runner.recover()
                        done = True
                    else:
                        broken.add(name)
            done |= system.receipts.step() + system.projector.step() > 0
        return failures

    def acknowledged(self) -> dict[bytes, Recorded]:
        """The receipts that were given, by envelope."""
        found = {}
        for envelope, answer in zip(self.envelopes, self.answers, strict=True):
            if answer.done():
                recorded = answer.result()
                assert isinstance(recorded, Recorded), recorded
                found[envelope] = recorded
        return found


def check_repeats(market: Market, traffic: Traffic) -> None:
    """Every command, sent again, has one entry; what was acknowledged has the one that the receipt named."""
    acknowledged = traffic.acknowledged()
    for envelope in traffic.envelopes:
        first, second = market.post(envelope), market.post(envelope)
        assert isinstance(first, Recorded)
        assert isinstance(second, Recorded)
        assert first.entry == second.entry
        assert [each.refusal for each in first.entry.outcomes] == [None]
        if envelope in acknowledged:
            assert first.data == acknowledged[envelope].data
    for service in SERVICES:
        ids = [entry.id for entry in market.entries(service)]
        assert len(ids) == len(set(ids))
    assert len(market.events("matching", TradeMatched)) == len(market.events("ledger", ContractFunded)) == 1


@pytest.mark.parametrize(
    ("weak", "call", "when", "nth"),
    [("ledger", *write) for write in WRITES] + [("matching", *write) for write in WRITES if write[0] == "append"],
)
def test_a_crash_at_a_write_loses_nothing(
    home: Path, tmp_path: Path, weak: str, call: str, when: When, nth: int
) -> None:
    with Market(home, weakened(weak)) as market:
        fault = market.system.fault  # type: ignore[attr-defined]
        fault.arm(call, when, nth)
        traffic = Traffic(market)
        assert traffic.run(recover=False) == (call not in FILES)
        assert fault.struck == [call]
        assert traffic.answers[-1].done(), "other services go on"
        crashed = image(home, tmp_path / "crashed")
    with Market(crashed) as market:
        check_repeats(market, traffic)
        report = market.sealed()
    assert report.findings == []


@pytest.mark.parametrize(("call", "when", "nth"), WRITES)
def test_a_service_recovers_in_place(home: Path, call: str, when: When, nth: int) -> None:
    with Market(home, FaultyEmbedded) as market:
        fault = market.system.fault  # type: ignore[attr-defined]
        fault.arm(call, when, nth)
        traffic, folded = Traffic(market), [runner.folded for runner in market.system.runners.values()]
        assert traffic.run(recover=True) == (call not in FILES)
        assert [runner.folded for runner in market.system.runners.values()] == folded
        assert fault.struck == [call]
        assert len(traffic.acknowledged()) == len(traffic.envelopes), "every sender is answered without a repeat"
        check_repeats(market, traffic)
        report = market.sealed()
    assert report.findings == []


@pytest.mark.parametrize(("call", "when"), [("append", "before"), ("append", "after"), ("replace_checkpoint", "after")])
def test_workers_recover_without_help(home: Path, call: str, when: When) -> None:
    with Market(home, FaultyEmbedded) as market:
        fault = market.system.fault  # type: ignore[attr-defined]
        fault.arm(call, when)
        traffic = Traffic(market)
        market.system.start()
        for answer in traffic.answers:
            assert isinstance(answer.result(timeout=20), Recorded)
        report = market.sealed()
        assert fault.struck == [call]
        assert not market.system.failure
    assert report.findings == []


@pytest.mark.parametrize("call", FILES[:3])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_new_log_works_whatever_fails_of_its_files(tmp_path: Path, call: str, when: When) -> None:
    with Market(tmp_path / "home", weakened("issuance", (call, when))) as market:
        runner = market.system.runners[LogId("issuance")]
        market.system.settle()
        assert market.system.fault.struck == [call]  # type: ignore[attr-defined]
        assert str(runner.publication_trouble).startswith(f"unavailable: {call}: ")
        assert market.sealed().findings == []
        assert runner.publication_trouble is None


@pytest.mark.parametrize("weak", ["issuance", "redemption"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_log_is_opened_once_whatever_fails(tmp_path: Path, weak: str, when: When) -> None:
    with pytest.raises(Broken):
        Market(tmp_path / "home", weakened(weak, ("append", when)))
    with Market(tmp_path / "home") as market:
        opened = {service: len(market.events(service, LogOpened)) for service in SERVICES}
        assert opened == dict.fromkeys(SERVICES, 1)
        assert market.sealed().findings == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failed_projection_counts_once(home: Path, when: When) -> None:
    """Also if the answer to a commit is lost after it took effect: no change is made twice."""
    with Market(home) as market:
        projector, fault = market.system.projector, Fault()
        projector._views = Faulty(market.system.views, fault)
        fault.arm("apply", when)
        with pytest.raises(Broken):
            market.do("treasury", deposit("lab-1", 5 * USD, "IN-5"))
        projector.recover()
        market.system.settle()
        found = rows(market)
    for file in (home / "db").glob("views.sqlite*"):
        file.unlink()
    with Market(home) as market:
        market.system.settle()
        assert rows(market) == found
    assert fault.struck == ["apply"]


def rows(market: Market) -> dict[str, list[Row]]:
    """The first rows of every view."""
    return {view.name: market.system.views.page(view.name, {}, None, 500) for view in VIEWS}


# two writers ----------------------------------------------------------------------------------------------------------


def published(home: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted((home / "logs").rglob("*")) if path.is_file()}


def test_of_two_writers_the_loser_never_writes(home: Path) -> None:
    with Market(home) as winner, Market(home) as loser:
        winner.do("treasury", deposit("lab-1", 7 * USD, "IN-7"))
        store, runner, before = (
            winner.system.stores[LogId("ledger")],
            loser.system.runners[LogId("ledger")],
            published(home),
        )
        head = store.head()
        assert head is not None
        late = loser.system.submit(loser.envelope("treasury", deposit("lab-2", 8 * USD, "IN-8")))
        with pytest.raises(StoreConflict):
            runner.step()
        assert store.head() == head
        assert published(home) == before
        runner.recover()  # on purpose: a worker would stop here
        with pytest.raises(StoreConflict):  # two projectors cannot write the same views either
            loser.system.settle()
        loser.system.projector.recover()
        loser.system.settle()
        answer = late.result(timeout=0)
        assert isinstance(answer, Recorded)
        assert answer.entry.index == head.size
        with pytest.raises(StoreConflict):  # now the other one fails
            winner.do("treasury", deposit("lab-1", 9 * USD, "IN-9"))
    assert audit(home).findings == []


# going back -----------------------------------------------------------------------------------------------------------


def restore(home: Path, older: Path, service: str) -> None:
    """Put an older copy of a service's database in place."""
    for file in (home / "db").glob(f"{service}.sqlite*"):
        file.unlink()
    for file in (older / "db").glob(f"{service}.sqlite*"):
        shutil.copy(file, home / "db" / file.name)


def grow(home: Path, amount: int) -> None:
    """Something new in every log, published."""
    with Market(home) as market:
        market.do("treasury", deposit("lab-1", amount * USD, f"IN-{amount}"))
        market.do("gpu-1", OFFER)
        market.do("lab-1", BID)
        market.ask("operator", RegisterClassV1(
            class_id=f"h{amount}", version=1, description="H", mem_mb=1, gpus_per_node=8, bf16_mtflops_nominal=None,
            bf16_mtflops_attested=None, interconnect=None, sources=(),
        ))  # fmt: skip
        assert market.sealed().findings == []


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize("service", SERVICES)
def test_an_older_database_is_refused(home: Path, founded: Path, service: str, forgotten: bool) -> None:
    """Detected by the signer's memory, and without it by the published log."""
    grow(home, 5)
    restore(home, founded, service)
    if forgotten:
        shutil.rmtree(home / "db" / f"{service}-signer")
    before = published(home)
    with pytest.raises((RollbackError, ProofError) if forgotten else RollbackError):
        Market(home)
    assert published(home) == before


@pytest.mark.parametrize("service", SERVICES)
def test_an_older_log_is_refused_by_those_who_consumed_more_of_it(home: Path, founded: Path, service: str) -> None:
    """Database, published log and signer's memory are all restored from the same old backup."""
    grow(home, 5)
    restore(home, founded, service)
    for folder in (f"logs/{service}", f"db/{service}-signer"):
        shutil.rmtree(home / folder)
        shutil.copytree(founded / folder, home / folder)
    with pytest.raises(RollbackError, match="consumed entries that its source does not have"):
        Market(home)


@pytest.mark.parametrize("forgotten", [False, True])
def test_another_history_of_the_same_log_is_refused(home: Path, founded: Path, tmp_path: Path, forgotten: bool) -> None:
    """A database restored and run elsewhere: longer than the log published here, and with another history."""
    grow(home, 5)
    other = image(founded, tmp_path / "other")
    grow(other, 6)
    grow(other, 7)
    restore(home, other, "ledger")
    if forgotten:
        shutil.rmtree(home / "db" / "ledger-signer")
    with pytest.raises(ProofError):
        Market(home)


def test_a_signer_without_memory_continues(home: Path) -> None:
    for service in SERVICES:
        shutil.rmtree(home / "db" / f"{service}-signer")
    grow(home, 5)


def test_a_lost_published_log_is_published_again(home: Path) -> None:
    before = published(home)
    shutil.rmtree(home / "logs")
    with Market(home) as market:
        assert market.sealed().findings == []
    after = published(home)
    assert {path: after[path] for path in after if ".p/" not in path} == {
        path: before[path] for path in before if ".p/" not in path
    }


def test_left_over_temporary_files_go(home: Path) -> None:
    (home / "logs/ledger/main/.new-abc").write_bytes(b"half")
    with Market(home) as market:
        assert market.sealed().findings == []


# waiting for another source -------------------------------------------------------------------------------------------


def test_an_event_waits_for_what_it_refers_to(home: Path) -> None:
    """The provider's default reaches the ledger before the trade: it waits, and blocks no other source."""
    with Market(home) as market:
        system = market.system
        ledger, matching = system.runners[LogId("ledger")], system.runners[LogId("matching")]
        late = make_late(system, "ledger", ["matching"])
        market.do("gpu-1", OFFER)
        system.submit(market.envelope("lab-1", BID))
        matching.step()  # BidReceived
        ledger.step()  # HoldPlaced
        late[system.instance.origin(LogId("matching"))] = True
        system.settle()  # TradeMatched, ContractOpened
        assert len(market.events("matching", TradeMatched)) == 1
        assert market.events("ledger", ContractFunded) == []
        (trade,) = market.events("matching", TradeMatched)
        market.do("gpu-1", WithdrawDelivery(contract_id=trade.trade_id, reason="Sold out"))
        assert len(market.events("redemption", ProviderDefaulted)) == 1
        size = ledger.tree.size
        for _ in range(3):
            assert ledger.step() == 0
        market.do("treasury", deposit("lab-1", 5 * USD, "IN-5"))  # commands and other sources do not wait
        assert ledger.tree.size == size + 1
        assert market.events("ledger", BondSlashed) == []
        late[system.instance.origin(LogId("matching"))] = False
        system.settle()
        order = [
            type(event)
            for entry in market.entries("ledger")
            for event in entry.events
            if isinstance(event, ContractFunded | BondSlashed)
        ]
        assert order == [ContractFunded, BondSlashed]
        report = market.sealed()
    assert report.findings == []
    assert not any(count for log in report.logs for count in log.waiting.values())
