"""The embedded transport keeps the port's promises, bounds its memory, and serves old entries in order."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.contract.log_id import LogId
from counterfoil.ports import COMMANDS_SOURCE, Announcement, Delivery, Inbox, LogReader, Overloaded, Reply
from counterfoil.runtime.clock import VirtualClock
from counterfoil.transport.buffers import fair_shares
from counterfoil.transport.embedded import REPLIES_KEPT, EmbeddedTransport
from tests.conformance.transport import (
    FOREVER,
    LEDGER,
    MATCHING,
    PATIENCE,
    Both,
    Harness,
    Log,
    TransportSuite,
    collect,
)

WINDOW = 32


class EmbeddedHarness(Harness):
    inbox_capacity = 24
    window = WINDOW
    clock = VirtualClock(1)

    def start(self, logs: Mapping[str, tuple[LogReader, int]]) -> Both:
        transport = EmbeddedTransport(self.inbox_capacity, self.window, self.clock)
        for origin, (reader, size) in logs.items():
            transport.register_log(origin, reader, size)
        return transport


@pytest.fixture
def harness() -> Harness:
    return EmbeddedHarness()


class TestEmbedded(TransportSuite):
    """The suite, bound."""


class ReadLog(Log):
    """A log that keeps a list of what was read from it, and fails on demand."""

    def __init__(self, origin: str, size: int = 0) -> None:
        super().__init__(origin)
        self.reads: list[tuple[int, int]] = []
        self.broken = False
        self.commit(size)

    def read(self, start: int, stop: int) -> list[bytes]:
        self.reads.append((start, stop))
        if self.broken:
            raise OSError("disk")
        return super().read(start, stop)


def published(log: Log, count: int, window: int = WINDOW) -> EmbeddedTransport:
    """A transport to which all of `log` was published, the last `count` entries in this process."""
    transport = EmbeddedTransport(4, window)
    first = len(log.committed) - count
    transport.register_log(log.origin, log.read, first)
    transport.publish(log.announcement(first))
    return transport


@pytest.mark.parametrize(
    ("in_this_process", "position", "reads"),
    [
        (50, 100 - WINDOW, []),
        (50, 100 - WINDOW - 1, [(67, 77)]),
        (5, 95, []),
        (5, 94, [(94, 100)]),
        (0, 88, [(88, 98), (98, 100)]),
    ],
)
def test_only_what_left_the_window_is_read_from_the_log(
    in_this_process: int, position: int, reads: list[tuple[int, int]]
) -> None:
    log = ReadLog(LEDGER, 100)
    inbox = published(log, in_this_process).open_inbox("c", None, {LEDGER: position})
    got = [delivery for _ in range(20) for delivery in inbox.poll(10, 0)]
    assert [(d.position, d.data) for d in got] == list(enumerate(log.committed[position:], position))
    assert log.reads == reads


def test_memory_holds_the_window_and_what_is_not_acknowledged() -> None:
    log = ReadLog(LEDGER)
    transport = EmbeddedTransport(4, WINDOW)
    transport.register_log(LEDGER, log.read, 0)
    inbox = transport.open_inbox("c", LogId("ledger"), {LEDGER: 0})
    for i in range(300):
        first, _ = log.commit(1 + i % 50)
        transport.publish(log.announcement(first))
        transport.send_command(LogId("ledger"), b"c")
        if i % 4 == 3:
            collect(inbox, 4 + 1)
            inbox.acknowledge({COMMANDS_SOURCE: i + 1})
        assert len(transport._logs[LEDGER].items) <= WINDOW
        assert len(transport._commands[LogId("ledger")].items) <= 4
        assert transport._waiting == []
    assert transport._logs[LEDGER].start == len(log.committed) - WINDOW


def test_nothing_counts_as_delivered_when_reading_the_log_fails() -> None:
    log = ReadLog(LEDGER, 100)
    transport = published(log, 0)
    inbox = transport.open_inbox("c", LogId("ledger"), {LEDGER: 10})
    transport.send_command(LogId("ledger"), b"c")
    log.broken = True
    with pytest.raises(OSError, match="disk"):
        inbox.poll(100, 0)
    log.broken = False
    assert len(collect(inbox, 91)) == 91
    del log.committed[99:]
    inbox.rewind()
    with pytest.raises(InvariantViolation, match=LEDGER):
        inbox.poll(100, 0)


def test_registering_a_log_again_replaces_its_reader_and_may_not_lose_entries() -> None:
    old = ReadLog(LEDGER, 100)
    transport = published(old, 10)
    inbox = transport.open_inbox("c", None, {LEDGER: 95})
    with pytest.raises(ValueError, match="100 entries were published"):
        transport.register_log(LEDGER, old.read, 99)
    reopened = ReadLog(LEDGER, 103)  # three more were committed, but not published before the service was restarted
    transport.register_log(LEDGER, reopened.read, 103)
    assert [delivery.position for delivery in inbox.poll(10, 0)] == [*range(95, 103)]
    assert (old.reads, reopened.reads) == ([], [(95, 103)])
    transport.publish(reopened.announcement(100))
    assert inbox.poll(10, 0) == []
    first, _ = reopened.commit(2)
    transport.publish(reopened.announcement(first))
    assert [delivery.position for delivery in inbox.poll(10, 0)] == [103, 104]


def test_what_no_correct_caller_asks_for_is_refused() -> None:
    transport = published(Log(LEDGER), 0)
    for origin, position in ((LEDGER, 1), (LEDGER, -1), (MATCHING, 0)):
        with pytest.raises(ValueError, match=origin):
            transport.open_inbox("c", None, {origin: position})
    with pytest.raises(ValueError, match=MATCHING):
        transport.publish(Announcement(MATCHING, 0, [b"x"], 1, b""))
    inbox = transport.open_inbox("c", LogId("ledger"), {LEDGER: 0})
    transport.send_command(LogId("ledger"), b"c")
    inbox.poll(1, 0)
    positions: list[dict[str, int]] = [{COMMANDS_SOURCE: 1, LEDGER: 1}, {COMMANDS_SOURCE: 2}, {MATCHING: 0}]
    for wrong in positions:
        with pytest.raises(ValueError, match="cannot acknowledge"):
            inbox.acknowledge(wrong)
    inbox.rewind()
    assert len(inbox.poll(1, 0)) == 1  # none of it was acknowledged
    with pytest.raises(ValueError, match="0 messages"):
        inbox.poll(0, 0)


def test_what_one_inbox_of_a_service_acknowledges_is_gone_for_the_other() -> None:
    transport = EmbeddedTransport(4)
    zombie, successor = (transport.open_inbox(name, LogId("ledger"), {}) for name in ("zombie", "successor"))
    for command in (b"c0", b"c1", b"c2"):
        transport.send_command(LogId("ledger"), command)
    zombie.poll(2, 0)
    zombie.acknowledge({COMMANDS_SOURCE: 2})
    assert successor.poll(10, 0) == [Delivery(COMMANDS_SOURCE, 2, b"c2")]


@pytest.mark.parametrize(
    ("available", "order", "limit", "shares"),
    [
        ([], [], 5, []),
        ([0, 0], [], 5, [0, 0]),
        ([9, 9, 9], [0, 1, 2], 9, [3, 3, 3]),
        ([9, 9, 9], [0, 1, 2], 10, [4, 3, 3]),
        ([9, 9, 9], [2, 0, 1], 11, [4, 3, 4]),
        ([9, 9, 9], [1, 2, 0], 1, [0, 1, 0]),
        ([1, 0, 99], [0, 2], 10, [1, 0, 9]),
        ([1, 2, 3, 99], [0, 1, 2, 3], 12, [1, 2, 3, 6]),
        ([1, 2, 3], [0, 1, 2], 100, [1, 2, 3]),
    ],
)
def test_fair_shares(available: list[int], order: list[int], limit: int, shares: list[int]) -> None:
    assert fair_shares(available, order, limit) == shares


def test_every_source_has_its_turn_at_the_smallest_limit() -> None:
    harness = EmbeddedHarness()
    inbox = harness.inbox("matching", ledger=0, matching=0, redemption=0)
    harness.publish(LEDGER, 9)
    harness.publish(MATCHING, 9)
    harness.send(*["c"] * 9)
    assert [d.source for _ in range(6) for d in inbox.poll(1, 0)] == [LEDGER, MATCHING, COMMANDS_SOURCE] * 2


def test_the_oldest_replies_are_dropped_at_the_limit() -> None:
    transport = EmbeddedTransport()
    for extra in (0, 1):
        for index in range(REPLIES_KEPT + extra):
            transport.reply(Reply(LogId("ledger"), b"\0" * 32, None, index))
        assert [reply.index for reply in transport.take_replies()] == [*range(extra, REPLIES_KEPT + extra)]


def test_stepping_in_one_thread_is_deterministic() -> None:
    def run() -> list[list[Delivery]]:
        harness = EmbeddedHarness()
        inboxes: list[Inbox] = [harness.inbox("matching", redemption=0, ledger=0, matching=0), harness.inbox(ledger=0)]
        polls = []
        for step in range(200):
            harness.publish(sorted(harness.logs)[step * 7 % 3], step % 5)
            try:
                harness.send(f"c{step}")
            except Overloaded:
                inboxes[0].acknowledge({COMMANDS_SOURCE: step // 2})
            polls.append(inboxes[step % 2].poll(1 + step % 4, 0))
            if step % 17 == 0:
                inboxes[step % 2].rewind()
        return polls

    assert run() == run()


def test_what_a_consumer_does_not_act_on_leaves_it_waiting() -> None:
    """It comes with the next entry that has a wanted event; where nobody looked at the events, it ends the wait."""
    log = Log(LEDGER)
    transport = published(log, 0)
    inbox = transport.open_inbox("c", None, {LEDGER: 0}, wanted={LEDGER: {"wanted.v1", "other.v1"}})

    def announce(types: set[str] | None) -> None:
        first, _ = log.commit(1)
        transport.publish(replace(log.announcement(first), types=types))

    with ThreadPoolExecutor(1) as thread:
        for last in ({"unwanted.v1", "wanted.v1"}, None):
            polled = thread.submit(inbox.poll, 10, FOREVER)
            while inbox not in transport._waiting:
                time.sleep(0.001)
            announce({"unwanted.v1"})
            announce(set())
            with transport._lock:  # what is announced ends a wait before `publish` returns, or not at all
                assert not inbox._news
                assert inbox in transport._waiting
            announce(last)
            assert len(polled.result(PATIENCE)) == 3
    announce({"unwanted.v1"})
    assert len(inbox.poll(10, FOREVER)) == 1  # what has come already is taken at once
