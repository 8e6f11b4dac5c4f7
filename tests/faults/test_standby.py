"""A standby takes over by its own clock as it is then: only what happens to the clock of a writer asks a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from counterfoil.bootstrap import writer as module
from counterfoil.bootstrap.writer import Writer
from counterfoil.contract.log_id import LogId
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.instance import Instance
from counterfoil.ops.telemetry import Instruments
from counterfoil.runtime.clock import VirtualClock
from counterfoil.runtime.clock_guard import SIGN_EVERY, TOLERANCE
from counterfoil.runtime.signatures import Signatures
from counterfoil.settings import Settings
from counterfoil.storage.log_store import SqlLogStore, open_log_store
from counterfoil.storage.snapshot_store import open_snapshot_store
from counterfoil.transport.embedded import EmbeddedTransport
from tests.market import HOST, T, create

ISSUANCE = LogId("issuance")


class OneTransport(EmbeddedTransport):
    """Stands in for Kafka, for both writers."""

    def reach(self) -> None:
        """It is always there."""

    def close_inboxes(self) -> None:
        """They need no end."""

    def close(self) -> None:
        """Nothing to release."""


class OneLease:
    """One lease for all writers of a test: `holder` has it."""

    holder: OneLease | None = None

    def __init__(self, *_where: object) -> None:
        pass

    def win(self, _timeout: float) -> bool:
        """It goes to the first who asks, unless another has it."""
        OneLease.holder = OneLease.holder or self
        return OneLease.holder is self

    def check(self) -> None:
        """It is never lost."""

    def release(self) -> None:
        """The next who asks has it."""
        if OneLease.holder is self:
            OneLease.holder = None

    close = release


class Pair:
    """Two writers of the same log; `first` writes, and `second` stands by, its clock an hour behind when it began."""

    def __init__(self, home: Path, opened: ExitStack) -> None:
        self.instance: Instance = create(home)
        self.clocks = [VirtualClock(T), VirtualClock(T - HOUR)]
        servers = {"kafka": "127.0.0.1:1", "database": "postgresql://127.0.0.1:1/none"}  # nothing connects to them
        settings = Settings().changed({"home": home, **servers})
        made = [Writer(ISSUANCE, self.instance, clock, settings, Signatures(), Instruments()) for clock in self.clocks]
        self.first, self.second = (opened.enter_context(closing(each)) for each in made)
        self.tick()
        self.tick()
        assert (self.first.active, self.second.active) == (True, False)

    def tick(self) -> None:
        """A second passes, and both do a step."""
        for clock in self.clocks:
            clock.advance_to(clock.now() + SECOND)
        for each in (self.first, self.second):
            each.step()

    def take_over(self, ahead: int = 0) -> None:
        """The clock of the second is set, by so much ahead of that of the first, which fails; the second goes on."""
        self.clocks[1].set_to(self.clocks[0].now() + ahead)
        self.tick()
        self.first.recover()
        self.second.step()
        self.second.step()
        assert self.second.active


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    transport, stores = OneTransport(), list[SqlLogStore]()

    def open_store(_access: Any, log: LogId) -> SqlLogStore:
        stores.append(open_log_store(tmp_path / "log.db", "OFF"))
        head = stores[-1].head()
        transport.register_log(f"{HOST}/{log.name}/main", stores[-1].entries, head.size if head else 0)
        return stores[-1]

    transport.register_log(f"{HOST}/ledger/main", lambda _start, _stop: [], 0)
    monkeypatch.setattr(OneLease, "holder", None)
    monkeypatch.setattr(module, "LeaseKeeper", OneLease)
    monkeypatch.setattr(module, "KafkaTransport", lambda *_given: transport)
    monkeypatch.setattr(module, "open_log_store_on", open_store)
    monkeypatch.setattr(module, "open_snapshot_store_on", lambda *_given: open_snapshot_store(tmp_path / "snapshot.db"))
    with ExitStack() as opened:
        yield Pair(tmp_path / "home", opened)


def test_a_standby_whose_clock_was_set_takes_over(pair: Pair) -> None:
    """Seen: the first synchronization of its clock, long before, made the takeover wait for a person."""
    pair.take_over()
    assert pair.second.standstill is None


def test_a_clock_that_is_behind_at_the_takeover_waits(pair: Pair) -> None:
    pair.take_over(ahead=-TOLERANCE - SIGN_EVERY)
    assert "last sign of life" in str(pair.second.standstill)


def test_a_clock_that_is_set_after_the_takeover_waits_and_the_next_writer_too(pair: Pair) -> None:
    pair.take_over()
    pair.clocks[1].set_to(pair.clocks[1].now() + HOUR)
    pair.tick()
    assert "while this ran" in str(pair.second.standstill)
    pair.second.recover()
    pair.clocks[0].set_to(pair.clocks[1].now())
    pair.tick()
    pair.tick()
    assert "nobody has said yet" in str(pair.first.standstill)
