"""After an error that passes, nothing is folded again: the state is kept, and what was decided is committed as is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.access import DatabaseAccess
from counterfoil.contract.log_id import LogId
from counterfoil.contract.refusals import Code
from counterfoil.ports import LogStore, StoreConflict, Unavailable
from counterfoil.redemption.events import UsageAccepted
from counterfoil.storage import open_log_store, open_log_store_on
from counterfoil.storage.dialect.postgresql import Postgresql
from counterfoil.storage.errors import StorageError
from tests.faults.faulty import Broken, Fault, Faulty, When
from tests.redemption.world import trade
from tests.runtime.harness import DECIDER, SOURCES, STRANGER, RunnerHarness, deposit, log_with
from tests.servers.fixture import PostgresServer
from tests.state_root import state_root
from tests.storage.proxy import Proxy
from tests.storage.server import as_user, copied

CALLS = ("append", "find", "head", "cursors", "poll", "open_inbox", "announced", "publish", "reply", "acknowledge")
"""What a step and a recovery call: of the store, the transport, the inbox."""


class FaultyHarness(RunnerHarness):
    """A runner whose store, transport and inbox fail once, when `fault` is armed."""

    def __init__(self, store: LogStore | None = None) -> None:
        """With a trade, usage that waits for it, and commands of a stranger on the way."""
        used = UsageAccepted(report_id="r1", contract_id="c1", gpu_minutes=1, amount=1, by="window")
        matching = log_with(SOURCES["matching"], [trade("c1")], [trade("ticks")])
        super().__init__(kept=store, matching=matching, redemption=log_with(SOURCES["redemption"], [used], []))
        self.fault = Fault()
        self.store, self.transport = Faulty(self.store, self.fault), Faulty(self.transport, self.fault)
        self.start()

    def work(self) -> int:
        """Step until idle, recovering after each error; returns how many there were."""
        errors, idle = 0, 0
        while idle < 2:
            try:
                idle = 0 if self.runner.step() else idle + 1
            except (Unavailable, Broken):
                errors, idle = errors + 1, 0
                self._recover()
            if not isinstance(self.runner.inbox, Faulty):
                self.runner.inbox = Faulty(self.runner.inbox, self.fault)
        return errors

    def _recover(self) -> None:
        for _ in range(3):
            try:
                self.runner.recover()
            except (Unavailable, Broken):
                continue
            return
        pytest.fail("it does not recover")

    def traffic(self, arm: Any = lambda _round: None) -> None:
        """The same commands and events every time; `arm` is called before the work of each round."""
        for number in range(4):
            for service in ("redemption", "matching"):
                if number in (1, 2):
                    self.arrive(service, 1)
            for envelope in (
                deposit(10 * number),
                deposit(10 * number + 1, 3),
                deposit(10 * number + 2, author=STRANGER),
                deposit(0),
            ):
                self.transport.send_command(LogId("ledger"), envelope)
            arm(number)
            self.work()
            self.fault.arm("", "before")

    def rooted(self) -> bytes:
        """The root of the state in memory."""
        return bytes(state_root(DECIDER.records(self.runner.engine.state))[1])

    def data(self) -> list[bytes]:
        """The log's bytes."""
        return list(self.store.entries(0, self.runner.tree.size))


@settings(max_examples=150)
@given(faults=st.lists(st.tuples(st.sampled_from(CALLS), st.sampled_from(("before", "after")), st.integers(1, 3)),
                       min_size=4, max_size=4))  # fmt: skip
def test_whatever_fails_nothing_is_folded_and_the_log_is_the_same(faults: list[tuple[str, When, int]]) -> None:
    """To the byte, as if nothing had failed; every sender at the gate is answered; the state is that of the log."""
    quiet, harness = FaultyHarness(), FaultyHarness()
    quiet.traffic()
    folded = harness.runner.folded
    harness.traffic(lambda number: harness.fault.arm(*faults[number]))
    assert harness.runner.folded == folded
    assert harness.data() == quiet.data()
    answered, wanted = ({each.content for each in which.transport.take_replies()} for which in (harness, quiet))
    assert answered >= wanted
    kept = harness.rooted()
    harness.start()
    assert harness.rooted() == kept
    assert harness.runner.folded == len(quiet.data())


def test_where_another_writer_went_on_the_log_is_loaded_again() -> None:
    """And what was decided in vain is forgotten."""
    harness = FaultyHarness()
    harness.traffic()
    ours = harness.runner
    other = harness.start()
    harness.send(deposit(100))
    harness.transport.send_command(LogId("ledger"), deposit(101))
    with pytest.raises(StoreConflict):
        ours.step()
    harness.runner, folded = ours, ours.folded
    ours.recover()
    assert ours.folded - folded == other.tree.size
    harness.work()
    assert len(harness.entries) == other.tree.size + 1
    kept = harness.rooted()
    harness.start()
    assert harness.rooted() == kept


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_command_refused_at_intake_is_answered_though_its_commit_failed(when: When) -> None:
    """Alone, and beside an entry: where the messages count as consumed they do not come again."""
    harness = FaultyHarness()
    harness.traffic()
    harness.transport.take_replies()
    for number, beside in enumerate((False, True)):
        harness.fault.arm("append", when)
        for envelope in (deposit(200 + number, author=STRANGER), *([deposit(210)] if beside else [])):
            harness.transport.send_command(LogId("ledger"), envelope)
        assert harness.work() == 1
        codes = {each.refused.code for each in harness.transport.take_replies() if each.refused is not None}
        assert codes == {Code.UNKNOWN_KEY}


# the adapters -------------------------------------------------------------------------------------------------------


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[DatabaseAccess]:
    """A new database for one test."""
    with copied(postgres) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LogStore]:
    """A store on each database."""
    if request.param == "sqlite":
        opened = open_log_store(tmp_path / "log.sqlite")
    else:
        access: DatabaseAccess = as_user(request.getfixturevalue("database"), "ledger")
        opened = open_log_store_on(access, LogId("ledger"))
    with closing(opened):
        yield opened


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["append", "find"])
def test_each_adapter_takes_what_was_decided_before_an_error(kept: LogStore, call: str, when: When) -> None:
    harness = FaultyHarness(kept)
    harness.traffic()
    harness.fault.arm(call, when)
    folded, size = harness.runner.folded, harness.runner.tree.size
    harness.transport.send_command(LogId("ledger"), deposit(300))
    assert harness.work() == 1
    assert (harness.runner.folded, harness.runner.tree.size) == (folded, size + 1)
    assert [entry.index for entry in harness.entries] == list(range(size + 1))


@pytest.mark.parametrize("when", ["request", "answer"])
def test_a_connection_lost_in_a_commit_folds_nothing(
    database: DatabaseAccess, when: Literal["request", "answer"]
) -> None:
    """Whether the server got the statement or not: it is asked, not guessed."""
    with ExitStack() as opened:
        proxy = opened.enter_context(closing(Proxy(as_user(database, "ledger"))))
        store = opened.enter_context(closing(open_log_store_on(proxy.access, LogId("ledger"))))
        harness = FaultyHarness(store)
        harness.traffic()
        folded, size = harness.runner.folded, harness.runner.tree.size
        harness.transport.send_command(LogId("ledger"), deposit(300))
        append = Postgresql.append

        def cut(self: Postgresql, *args: Any) -> None:
            proxy.cut(1, when)
            append(self, *args)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Postgresql, "append", cut)
            with pytest.raises(StorageError):
                harness.runner.step()
        assert proxy.cuts == 1
        harness.runner.recover()
        harness.work()
        assert (harness.runner.folded, harness.runner.tree.size) == (folded, size + 1)
