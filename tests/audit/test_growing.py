"""Logs that grow while they are audited, or are published one by one: no false finding, and what is wrong is found."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Lock

import httpx
import pytest

from clients.python.tests.answering import Answering
from counterfoil.audit.auditor import audit
from counterfoil.audit.files import LogFiles, find_logs
from counterfoil.audit.kept import kept_in
from counterfoil.audit.report import LogSummary
from counterfoil.audit.sources import PUBLISHED_WITHIN
from counterfoil.cli.audit import tables
from counterfoil.client.log_server import LogServer
from counterfoil.client.mirror import mirror
from counterfoil.client.problems import Forked
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.contract.times import SECOND
from counterfoil.log.tiles import ENTRIES, TileRef, decode_bundle, encode_bundle
from counterfoil.runtime.publisher import Publisher
from tests.audit.forge import Forgery
from tests.market import OFFER, Market, deposit, found

LEDGER = LogId("ledger")
EVERY, AT_ONCE = 10, 4
"""After so many files read, so many commands are taken."""


class Busy:
    """A market that takes a command, and publishes, again and again while an audit or a mirror reads files."""

    def __init__(self, market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        self.market, self.taken, self.asleep, self._reads = market, 0, False, 0
        self._lock = Lock()
        read = LogFiles.read

        def busily(log: LogFiles, path: str) -> bytes:
            self.was_read()
            return read(log, path)

        monkeypatch.setattr(LogFiles, "read", busily)
        monkeypatch.setattr("counterfoil.audit.shares.cores", lambda: 1)  # a process beside would have another market

    def was_read(self) -> None:
        """A file is about to be read, by one of several threads."""
        with self._lock:
            self._reads += 1
            if not self.asleep and self._reads % EVERY == 0:
                self.go_on()

    def serve(self, request: httpx.Request) -> httpx.Response:
        """The published logs, over HTTP."""
        self.was_read()
        try:
            data = (self.market.home / "logs" / request.url.path.removeprefix("/log/")).read_bytes()
        except FileNotFoundError:
            return httpx.Response(404)
        return httpx.Response(200, stream=httpx.ByteStream(data))

    def go_on(self) -> None:
        """Some more commands, published with all that they caused."""
        for _ in range(AT_ONCE):
            self.taken += 1
            self.market.ask("gpu-1", replace(OFFER, price=OFFER.price + 10_000 * (self.taken % 90)))
        self.market.advance_to(self.market.clock.now() + SECOND)


@pytest.fixture
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Market]:
    monkeypatch.setattr("os.fsync", lambda _handle: None)
    with Market(tmp_path / "home") as made:
        found(made)
        made.do("treasury", deposit("gpu-1", 10**13))
        made.system.seal()
        yield made


def by_service(logs: list[LogSummary]) -> dict[str, LogSummary]:
    return {log.origin.split("/")[1]: log for log in logs}


def test_a_log_that_grows_meanwhile_is_audited_as_of_its_checkpoint(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Busy(market, monkeypatch)
    for _ in range(15):
        busy.go_on()
    before = {log.origin.split("/")[1]: log.size for log in audit(market.home).logs}
    after = {log.service: runner.tree.size for log, runner in market.system.runners.items()}
    audits = [audit(market.home) for _ in range(3)]
    assert [each.findings for each in audits] == [[]] * 3
    sizes = [by_service(each.logs)["ledger"].size for each in audits]
    assert sizes == sorted(set(sizes))
    assert before["ledger"] < after["ledger"] <= sizes[0]
    passed = {size // 256 for size in (before["ledger"], *sizes, market.system.runners[LEDGER].tree.size)}
    assert len(passed) > 1, "a tile was completed meanwhile"
    busy.asleep = True
    market.system.seal()
    final = audit(market.home)
    assert final.findings == []
    assert not any(log.tail for log in final.logs)


def test_a_mirror_of_a_log_that_grows_audits_clean_and_finds_a_forged_one(
    market: Market, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    busy = Busy(market, monkeypatch)
    for _ in range(50):
        busy.go_on()
    keys = {log: market.system.instance.verify_key(log) for log in MAIN_LOGS}
    trusted = {key.name: key for key in keys.values()}
    with LogServer("http://g", transport=Answering(busy.serve)) as server:
        sizes = []
        for _ in range(5):
            mirror(server, tmp_path / "mirror", MAIN_LOGS, keys)
            with kept_in(tmp_path / "kept") as kept:
                report = audit(tmp_path / "mirror", trusted, kept=kept)
            assert report.findings == []
            sizes.append(by_service(report.logs)["ledger"].size)
        assert sizes == sorted(set(sizes))
        assert sizes[0] // 256 < sizes[-1] // 256, "a tile was completed meanwhile"
        busy.asleep = True
        market.system.seal()
        forged = Forgery(market.home / "logs", "ledger")
        forged.event(forged.find("cash.deposited.v1"))["amount"] = "1"
        forged.seal()
        with pytest.raises(Forked, match="ledger: it signed two checkpoints"):
            mirror(server, tmp_path / "mirror", MAIN_LOGS, keys)
        assert audit(tmp_path / "mirror", trusted).findings == []
        mirror(server, tmp_path / "new", MAIN_LOGS, keys)
    assert ("ledger/main", "decision_differs") in {(each.log, each.code) for each in audit(tmp_path / "new").findings}


@pytest.mark.parametrize("level", [0, ENTRIES])
def test_a_fault_in_a_growing_log_is_found(market: Market, monkeypatch: pytest.MonkeyPatch, level: int) -> None:
    busy = Busy(market, monkeypatch)
    for _ in range(15):
        busy.go_on()
    root = market.home / "logs" / "ledger" / "main"
    size = find_logs(market.home)[1].checkpoint.split(b"\n")[1]
    file = root / TileRef(level, int(size) // 256, int(size) % 256).path()
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert "ledger/main" in {each.log for each in audit(market.home).findings}


def test_what_lies_beyond_the_checkpoint_begins_with_its_tree(large: Path) -> None:
    """The partial tiles that an older checkpoint needs are gone; the full ones that are there belong to it, or not."""
    root = large / "ledger" / "main"
    for level in (0, ENTRIES):
        folder = (root / TileRef(level, 1).path()).with_suffix(".p")
        widest = max(folder.iterdir(), key=lambda path: int(path.name))
        width, data = int(widest.name), widest.read_bytes()
        more = bytes(32 * (256 - width)) if level == 0 else encode_bundle([b"later"] * (256 - width))
        shutil.rmtree(folder)
        (root / TileRef(level, 1).path()).write_bytes(data + more)
    assert audit(large).findings == []
    bundle = root / TileRef(ENTRIES, 1).path()
    entries = decode_bundle(bundle.read_bytes(), 256)
    bundle.write_bytes(encode_bundle([*entries[:3], b"{}", *entries[4:]]))
    assert "bundle_not_valid" in {each.code for each in audit(large).findings}


def withhold(market: Market, monkeypatch: pytest.MonkeyPatch, log: LogId) -> None:
    """This log publishes nothing more, and the others do."""
    publisher = market.system.runners[log]._publisher
    publish = Publisher.maybe_publish

    def all_but_this(self: Publisher, *given: object) -> bool:
        return self is not publisher and publish(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Publisher, "maybe_publish", all_but_this)


def test_what_a_source_publishes_later_is_waited_for_a_bounded_time(
    market: Market, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Matching consumed what the ledger decided; the ledger's checkpoint is older, as in a copy made in between."""
    with monkeypatch.context() as patched:
        withhold(market, patched, LEDGER)
        market.do("gpu-1", OFFER)
        market.advance_to(market.clock.now() + SECOND)
        with kept_in(tmp_path / "kept") as kept:
            report = audit(market.home, kept=kept)
        assert report.findings == []
        logs = by_service(report.logs)
        tail = logs["matching"].tail
        assert tail is not None
        assert tail.needs == logs["ledger"].size
        assert tail.index + tail.entries == logs["matching"].size
        assert logs["matching"].entries_replayed == tail.index
        assert "are for the next audit" in f"{tables(report.to_json())[-1]}"
        market.advance_to(market.clock.now() + PUBLISHED_WITHIN + SECOND)
        market.do("gpu-1", OFFER)
        market.advance_to(market.clock.now() + SECOND)
        assert {(each.log, each.code) for each in audit(market.home).findings} == {("matching/main", "cause_not_there")}
    market.system.seal()
    with kept_in(tmp_path / "kept") as kept:
        final = audit(market.home, kept=kept)
    assert final.findings == []
    assert by_service(final.logs)["matching"].audited_before == tail.index
    assert not any(log.tail for log in final.logs)
