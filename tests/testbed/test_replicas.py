"""Replicas have the services' states, and are quiet exactly when the services are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import SERVICES
from counterfoil.testbed.replicas import Replicas
from counterfoil.testbed.system import Answer, EmbeddedSystem
from counterfoil.vocabulary import CODEC
from tests.demo.story import play as play_story
from tests.market import Market, deliver, found, trade


class Watched(EmbeddedSystem):
    """Asks replicas alone whether the services are quiet, and when the next timer is due."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._replicas = Replicas(map(self.origin, SERVICES))
        self._under_way: list[Callable[[], Answer]] = []

    def submit(self, envelope: bytes) -> Callable[[], Answer]:
        """Send, and remember that an answer is pending."""
        answer = super().submit(envelope)
        self._under_way.append(answer)
        return answer

    def settle(self) -> None:
        """Let the services work until the replicas are quiet: then there must be nothing left to do."""
        while not self._quiet():
            for runner in self.embedded.runners.values():
                runner.step()
            self.embedded.receipts.step()
        assert sum(runner.step() for runner in self.embedded.runners.values()) == 0
        super().settle()
        assert self._replicas.next_due() == super().next_due()

    def next_due(self) -> int | None:
        """When the next timer is due, by the replicas."""
        return self._replicas.next_due()

    def _quiet(self) -> bool:
        for log, size in self._replicas.sizes.items():
            for data in self.embedded.stores[log].entries(size, size + 4_096):
                self._replicas.fold(CODEC.decode_entry(data))
        self._under_way = [answer for answer in self._under_way if not decided(answer)]
        return not self._under_way and not self._replicas.open and not self._replicas.overdue(self.clock.now())


def decided(answer: Callable[[], Answer]) -> bool:
    """Whether there is an answer yet."""
    try:
        answer()
    except TimeoutError:
        return False
    return True


def test_the_services_have_nothing_to_do_when_their_replicas_are_quiet(tmp_path: Path) -> None:
    report, _ = play_story(tmp_path / "home", 3, Watched)
    assert min(report["contracts"][end] for end in ("completed", "defaulted")) > 0


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A market in progress: contracts delivered and defaulted, open orders, vouchers that have not expired."""
    with Market(tmp_path_factory.mktemp("market") / "home") as played:
        found(played)
        deliver(played, trade(played))
        yield played


def interleaved(market: Market, turns: list[str]) -> Iterator[Entry]:
    """All entries: first one from each log in `turns`, then the rest, log by log."""
    left = {service: iter(market.entries(service)) for service in SERVICES}
    for service in turns:
        yield from islice(left[service], 1)
    for rest in left.values():
        yield from rest


@given(turns=st.lists(st.sampled_from(SERVICES), max_size=200))
def test_the_order_in_which_logs_come_does_not_matter(market: Market, turns: list[str]) -> None:
    replicas = Replicas(market.system.instance.verify_keys())
    for entry in interleaved(market, turns):
        replicas.fold(entry)
    runners = market.system.runners
    assert replicas.open == set()
    assert replicas.sizes == {service: runner.tree.size for service, runner in runners.items()}
    due = [runner.next_due() for runner in runners.values()]
    soonest = min(each for each in due if each is not None)
    assert replicas.next_due() == soonest
    assert replicas.overdue(market.clock.now()) == []
    assert replicas.overdue(soonest - 1) == []
    assert replicas.overdue(soonest) == [name for name, each in zip(runners, due, strict=True) if each == soonest]


@given(data=st.data())
def test_a_missing_entry_leaves_reactions_open(market: Market, data: st.DataObject) -> None:
    """Wherever the logs are cut, open are exactly the reactions with cause and effect on different sides of a cut."""
    logs = {service: market.entries(service) for service in SERVICES}
    cuts = {service: data.draw(st.integers(0, len(entries)), label=service) for service, entries in logs.items()}
    replicas = Replicas(market.system.instance.verify_keys())
    for service, entries in logs.items():
        for entry in entries[: cuts[service]]:
            replicas.fold(entry)
    causes = {
        (service, entry.id.split("/")[0], entry.index): tuple(map(int, entry.id.split("/")[1:]))
        for service, entries in logs.items()
        for entry in entries
        if entry.subject in SERVICES
    }
    open_ = {
        (LogId(consumer), LogId(source), *cause)
        for (consumer, source, index), cause in causes.items()
        if (index < cuts[consumer]) != (cause[0] < cuts[source])
    }
    assert replicas.open == open_


@pytest.mark.parametrize("taken", [[1], [0, 2], [0, 1, 1]], ids=["not the first", "a gap", "a repeat"])
def test_an_entry_that_is_not_the_next_is_refused(market: Market, taken: list[int]) -> None:
    entries = market.entries("ledger")
    replicas = Replicas(market.system.instance.verify_keys())
    for index in taken[:-1]:
        replicas.fold(entries[index])
    with pytest.raises(InvariantViolation):
        replicas.fold(entries[taken[-1]])
