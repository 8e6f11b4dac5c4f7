"""The guarantees of the port `Transport` as a suite; a binding derives from it and supplies the fixture `harness`."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from hashlib import sha256
from typing import Protocol, TypeVar

import pytest

from counterfoil.contract.log_id import LogId
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.log.checkpoint import Checkpoint as SignedHead
from counterfoil.log.checkpoint import sign_checkpoint
from counterfoil.log.keys import SigningKey
from counterfoil.log.merkle import leaf_hash
from counterfoil.log.tree import Tree
from counterfoil.ports import (
    COMMANDS_SOURCE,
    Announcement,
    Checkpoint,
    Clock,
    Delivery,
    Inbox,
    LogReader,
    Overloaded,
    Reply,
    ServiceTransport,
    Transport,
)
from counterfoil.runtime.clock import SystemClock
from counterfoil.runtime.timekeeper import SILENCE

T = TypeVar("T")

PATIENCE = 10.0  # seconds within which everything published must arrive
FOREVER = 60.0  # a timeout that no passing test waits for

LEDGER, MATCHING, REDEMPTION = (f"example.test/{service}/main" for service in ("ledger", "matching", "redemption"))
ORIGINS = (LEDGER, MATCHING, REDEMPTION)
SERVICE = "matching"
SECOND = LogId(SERVICE, "cn.sh")
"""Another shard of the service."""
SHARD = SECOND.origin("example.test")


class Log:
    """The committed entries of one log, as its store would have them, and its tree; entry i is `ORIGIN#i`."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.key = SigningKey(origin, sha256(origin.encode()).digest())
        self.committed: list[bytes] = []
        self._tree = Tree(lambda _level, _index: b"")

    def read(self, start: int, stop: int) -> list[bytes]:
        return self.committed[start:stop]

    def commit(self, count: int) -> tuple[int, list[bytes]]:
        """Append `count` entries; the index of the first, and the entries."""
        first = len(self.committed)
        entries = [f"{self.origin}#{index}".encode() for index in range(first, first + count)]
        self.committed += entries
        self._tree.append([leaf_hash(entry) for entry in entries])
        return first, entries

    def note(self, size: int | None = None) -> bytes:
        """The signed checkpoint over the first `size` entries, or all."""
        size = len(self.committed) if size is None else size
        return sign_checkpoint(SignedHead(self.origin, size, self._tree.root_at(size)), self.key)

    def announcement(self, first: int, end: int | None = None, size: int | None = None) -> Announcement:
        """Entries from `first` up to `end`, or to the last, under a checkpoint over `size` of them, or just these."""
        end = len(self.committed) if end is None else end
        size = end if size is None else size
        proof = self._tree.consistency_proof(end, size) if end else []
        frontier = self._tree.frontier(min(max(first, 0), len(self.committed)))
        return Announcement(
            self.origin, first, self.committed[max(first, 0) : end], size, self.note(size), frontier, proof
        )


class Both(ServiceTransport, Transport, Protocol):
    """A transport as services and gateways have it, in one."""


class Harness(ABC):
    """What the suite asks of a binding: a fresh transport with `ORIGINS`, `SHARD` and `SERVICE`, and its restart."""

    inbox_capacity: int
    """Unacknowledged commands that one service may have (at least 8)."""
    window: int
    """Lag beyond which a consumer is served in another way, if there is such a lag."""
    clock: Clock = SystemClock()
    """The one by which commands are accepted."""
    quiet = 0.0
    """Seconds of silence after which nothing more will come."""

    def __init__(self) -> None:
        self.logs = {origin: Log(origin) for origin in (*ORIGINS, SHARD)}
        self.transport = self.start({origin: (log.read, 0) for origin, log in self.logs.items()})

    @abstractmethod
    def start(self, logs: Mapping[str, tuple[LogReader, int]]) -> Both:
        """A transport as a new process would make it: per origin the reader of a log and its committed size."""

    inform: Callable[[], None] = staticmethod(lambda: None)
    """Waits until senders know what was acknowledged."""

    arrived: Callable[[Inbox, int], None] = staticmethod(lambda inbox, count: None)
    """Waits until the inbox could give so many messages at once."""

    def checkpoint(self, origin: str, size: int) -> Checkpoint | None:
        """The last checkpoint announced, waiting a while for one of this size."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = self.transport.checkpoints(origin)
            if (found is not None and found.size == size) or time.monotonic() >= deadline:
                return found
            time.sleep(0.01)

    def restart(self) -> None:
        """The process ends and starts again; the logs, being durable, are still there."""
        self.transport = self.start({origin: (log.read, len(log.committed)) for origin, log in self.logs.items()})

    def publish(self, origin: str, count: int) -> None:
        """Commit and announce `count` more entries."""
        log = self.logs[origin]
        first, _ = log.commit(count)
        self.transport.publish(log.announcement(first))

    def send(self, *commands: str) -> None:
        for command in commands:
            self.transport.send_command(LogId(SERVICE), command.encode())

    def inbox(self, service: str | None = None, **positions: int) -> Inbox:
        """An inbox of the consumer `tested`: `ledger=5` is the ledger's log from index 5."""
        logs = {f"example.test/{name}/main": position for name, position in positions.items()}
        return self.transport.open_inbox("tested", None if service is None else LogId(service), logs)

    def expect_silence(self, inbox: Inbox) -> None:
        assert inbox.poll(100, self.quiet) == []


def collect(inbox: Inbox, count: int, limit: int = 100) -> list[Delivery]:
    """Exactly the next `count` deliveries, by polls of at most `limit`."""
    deliveries: list[Delivery] = []
    deadline = time.monotonic() + PATIENCE
    while len(deliveries) < count and time.monotonic() < deadline:
        polled = inbox.poll(min(limit, count - len(deliveries)), 0.1)
        assert len(polled) <= limit
        deliveries += polled
    assert len(deliveries) == count
    return deliveries


def of(source: str, deliveries: Sequence[Delivery]) -> list[tuple[int, bytes]]:
    return [(delivery.position, delivery.data) for delivery in deliveries if delivery.source == source]


def entries(log: Log, start: int, stop: int) -> list[tuple[int, bytes]]:
    """What a consumer of `log` must see of it from `start` up to `stop`."""
    return list(enumerate(log.committed[start:stop], start))


def data(deliveries: Sequence[Delivery]) -> list[str]:
    return [delivery.data.decode() for delivery in deliveries]


def together(*actions: Callable[[], T]) -> list[T]:
    """Run the actions at the same time, each in a thread; their results. One that hangs fails the test and is left."""

    def run(action: Callable[[], T], future: Future[T]) -> None:
        try:
            future.set_result(action())
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            future.set_exception(error)

    futures: list[Future[T]] = [Future() for _ in actions]
    for action, future in zip(actions, futures, strict=True):
        threading.Thread(target=run, args=(action, future), daemon=True).start()
    return [future.result(PATIENCE) for future in futures]


class TransportSuite:
    """Order and redelivery."""

    def test_every_source_arrives_whole_and_in_order(self, harness: Harness) -> None:
        inbox = harness.inbox(SERVICE, matching=0, ledger=0)
        for count in (1, 3, 2):
            harness.publish(LEDGER, count)
            harness.send(f"c{count}")
            harness.publish(MATCHING, 2 * count)
        got = collect(inbox, 21, limit=5)
        assert of(LEDGER, got) == entries(harness.logs[LEDGER], 0, 6)
        assert of(MATCHING, got) == entries(harness.logs[MATCHING], 0, 12)
        commands = of(COMMANDS_SOURCE, got)
        assert [command for _, command in commands] == [b"c1", b"c3", b"c2"]
        first = commands[0][0]
        assert [position for position, _ in commands] == [first, first + 1, first + 2]
        harness.expect_silence(inbox)

    def test_an_inbox_has_only_what_it_was_opened_for(self, harness: Harness) -> None:
        harness.publish(LEDGER, 1)
        harness.publish(MATCHING, 1)
        harness.send("c")
        harness.transport.send_command(LogId("ledger"), b"other")
        assert data(collect(harness.inbox(None, ledger=0), 1)) == [f"{LEDGER}#0"]
        assert data(collect(harness.inbox("ledger"), 1)) == ["other"]
        harness.expect_silence(harness.inbox("issuance", redemption=0))

    def test_the_shards_of_a_service_are_apart(self, harness: Harness) -> None:
        harness.transport.send_command(SECOND, b"for the second")
        harness.send("for the first")
        for origin, count in ((SHARD, 3), (MATCHING, 2), (SHARD, 1)):
            harness.publish(origin, count)
        assert data(collect(harness.inbox(SERVICE), 1)) == ["for the first"]
        inbox = harness.transport.open_inbox("tested", SECOND, {MATCHING: 1, SHARD: 0})
        got = collect(inbox, 6)
        assert of(SHARD, got) == entries(harness.logs[SHARD], 0, 4)
        assert of(MATCHING, got) == entries(harness.logs[MATCHING], 1, 2)
        assert [command for _, command in of(COMMANDS_SOURCE, got)] == [b"for the second"]
        harness.expect_silence(inbox)
        assert (harness.transport.announced(SHARD), harness.transport.announced(MATCHING)) == (4, 2)
        for origin, size in ((SHARD, 4), (MATCHING, 2)):
            assert harness.checkpoint(origin, size) == Checkpoint(origin, size, harness.logs[origin].note())

    def test_a_shard_is_resumed_by_itself(self, harness: Harness) -> None:
        harness.publish(SHARD, 5)
        harness.publish(MATCHING, 5)
        inbox = harness.transport.open_inbox("tested", None, {MATCHING: 0, SHARD: 0})
        collect(inbox, 10)
        inbox.acknowledge({SHARD: 3})
        inbox.rewind()
        again = collect(inbox, 7)
        assert of(SHARD, again) == entries(harness.logs[SHARD], 3, 5)
        assert of(MATCHING, again) == entries(harness.logs[MATCHING], 0, 5)

    def test_within_a_poll_logs_come_by_origin_and_commands_last(self, harness: Harness) -> None:
        inbox = harness.inbox(SERVICE, redemption=0, ledger=0, matching=0)
        for _ in range(4):
            harness.send("c")
            for origin in reversed(ORIGINS):
                harness.publish(origin, 2)
        left = 4 + 3 * 8
        while left:
            polled = inbox.poll(7, PATIENCE)
            assert polled
            rank = [(*ORIGINS, COMMANDS_SOURCE).index(delivery.source) for delivery in polled]
            assert rank == sorted(rank)
            left -= len(polled)

    @pytest.mark.parametrize("spare", [0, 1])
    def test_a_poll_takes_no_more_than_its_limit(self, harness: Harness, spare: int) -> None:
        inbox = harness.inbox(None, ledger=0)
        harness.publish(LEDGER, 4 + spare)
        assert len(collect(inbox, 4, limit=4)) == 4
        assert len(inbox.poll(4, harness.quiet)) == spare

    def test_rewind_redelivers_what_is_not_acknowledged(self, harness: Harness) -> None:
        inbox = harness.inbox(SERVICE, ledger=0)
        harness.publish(LEDGER, 5)
        harness.send("c0", "c1", "c2")
        got = collect(inbox, 8)
        (first, _), *_ = of(COMMANDS_SOURCE, got)
        inbox.rewind()
        assert sorted(collect(inbox, 8), key=repr) == sorted(got, key=repr)
        inbox.acknowledge({LEDGER: 2, COMMANDS_SOURCE: first + 1})
        harness.expect_silence(inbox)
        inbox.rewind()
        again = collect(inbox, 5)
        assert of(LEDGER, again) == entries(harness.logs[LEDGER], 2, 5)
        assert of(COMMANDS_SOURCE, again) == [(first + 1, b"c1"), (first + 2, b"c2")]
        inbox.acknowledge({LEDGER: 5, COMMANDS_SOURCE: first + 3})
        inbox.rewind()
        harness.expect_silence(inbox)

    def test_acknowledging_never_steps_back(self, harness: Harness) -> None:
        inbox = harness.inbox(None, ledger=0)
        harness.publish(LEDGER, 4)
        collect(inbox, 4)
        inbox.acknowledge({LEDGER: 3})
        inbox.acknowledge({LEDGER: 1})
        inbox.rewind()
        assert of(LEDGER, collect(inbox, 1)) == entries(harness.logs[LEDGER], 3, 4)

    def test_what_turns_out_to_be_consumed_is_not_delivered(self, harness: Harness) -> None:
        """A commit of unknown outcome: the consumer rewinds, and finds in its store that it took effect."""
        inbox = harness.inbox(SERVICE, ledger=0)
        harness.publish(LEDGER, 4)
        harness.send("c0", "c1")
        (first, _), *_ = of(COMMANDS_SOURCE, collect(inbox, 6))
        inbox.rewind()
        inbox.acknowledge({LEDGER: 3, COMMANDS_SOURCE: first + 1})
        assert data(collect(inbox, 2)) == [f"{LEDGER}#3", "c1"]
        harness.expect_silence(inbox)

    def test_a_consumer_that_crashed_goes_on_where_it_had_stored(self, harness: Harness) -> None:
        before = harness.inbox(SERVICE, ledger=0)
        harness.publish(LEDGER, 6)
        harness.send("c0", "c1", "c2")
        (first, _), *_ = of(COMMANDS_SOURCE, collect(before, 9))
        before.acknowledge({LEDGER: 1, COMMANDS_SOURCE: first + 2})
        after = harness.inbox(SERVICE, ledger=4)  # it had stored more than it came to acknowledge
        got = collect(after, 3)
        assert of(LEDGER, got) == entries(harness.logs[LEDGER], 4, 6)
        assert [command for _, command in of(COMMANDS_SOURCE, got)] == [b"c2"]
        after.rewind()
        assert sorted(collect(after, 3), key=repr) == sorted(got, key=repr)

    def test_after_a_restart_consumers_go_on_from_their_positions(self, harness: Harness) -> None:
        harness.publish(LEDGER, 7)
        harness.restart()
        inbox = harness.inbox(None, ledger=3)
        assert of(LEDGER, collect(inbox, 4)) == entries(harness.logs[LEDGER], 3, 7)
        harness.publish(LEDGER, 2)
        assert of(LEDGER, collect(inbox, 2)) == entries(harness.logs[LEDGER], 7, 9)

    def test_two_consumers_have_their_own_pace(self, harness: Harness) -> None:
        harness.publish(LEDGER, 4)
        fast, slow = harness.inbox(None, ledger=4), harness.transport.open_inbox("slow", None, {LEDGER: 2})
        for stop in (8, 12):
            harness.publish(LEDGER, 4)
            assert of(LEDGER, collect(fast, 4)) == entries(harness.logs[LEDGER], stop - 4, stop)
            fast.acknowledge({LEDGER: stop})
        assert of(LEDGER, collect(slow, 5, limit=2)) == entries(harness.logs[LEDGER], 2, 7)
        slow.rewind()
        assert of(LEDGER, collect(slow, 10)) == entries(harness.logs[LEDGER], 2, 12)

    @pytest.mark.parametrize("beyond", [0, 1, 50])
    @pytest.mark.parametrize("limit", [1_000, 7])
    def test_a_slow_consumer_gets_all_however_far_behind(self, harness: Harness, beyond: int, limit: int) -> None:
        inbox = harness.inbox(None, ledger=0)
        size = harness.window + beyond
        for start in range(0, size, 9):
            harness.publish(LEDGER, min(9, size - start))
        half = collect(inbox, size // 2, limit)
        harness.publish(LEDGER, 5)
        assert of(LEDGER, half + collect(inbox, size + 5 - size // 2, limit)) == entries(
            harness.logs[LEDGER], 0, size + 5
        )
        harness.expect_silence(inbox)

    # publishing -----------------------------------------------------------------------------------------------------

    def test_repeated_entries_are_dropped(self, harness: Harness) -> None:
        inbox, log = harness.inbox(None, ledger=0), harness.logs[LEDGER]
        harness.publish(LEDGER, 4)
        publish = harness.transport.publish
        publish(log.announcement(0))
        publish(log.announcement(1, 3))
        assert harness.checkpoint(LEDGER, 4) == Checkpoint(LEDGER, 4, log.note(4))
        log.commit(2)
        publish(log.announcement(2))  # two old ones and two new ones
        assert of(LEDGER, collect(inbox, 6)) == entries(log, 0, 6)
        harness.expect_silence(inbox)
        assert harness.checkpoint(LEDGER, 6) == Checkpoint(LEDGER, 6, log.note(6))

    def test_a_gap_is_refused_and_the_missing_entries_may_follow(self, harness: Harness) -> None:
        inbox, log = harness.inbox(None, ledger=0), harness.logs[LEDGER]
        harness.publish(LEDGER, 2)
        log.commit(3)
        for first in (3, -1):
            with pytest.raises(ValueError, match=LEDGER):
                harness.transport.publish(log.announcement(first))
        assert harness.checkpoint(LEDGER, 2) == Checkpoint(LEDGER, 2, log.note(2))
        assert len(collect(inbox, 2)) == 2
        harness.expect_silence(inbox)
        harness.transport.publish(log.announcement(2))
        assert of(LEDGER, collect(inbox, 3)) == entries(log, 2, 5)

    def test_pieces_under_a_later_checkpoint_wait_for_it(self, harness: Harness) -> None:
        """How a service catches up: everything in pieces, each proven by the one checkpoint that there is."""
        inbox, log = harness.inbox(None, ledger=0), harness.logs[LEDGER]
        log.commit(7)
        for first, end in ((0, 3), (3, 4), (4, 6)):
            harness.transport.publish(log.announcement(first, end, 7))
        assert of(LEDGER, collect(inbox, 6)) == entries(log, 0, 6)
        assert harness.transport.checkpoints(LEDGER) is None
        harness.transport.publish(log.announcement(6))
        assert of(LEDGER, collect(inbox, 1)) == entries(log, 6, 7)
        assert harness.checkpoint(LEDGER, 7) == Checkpoint(LEDGER, 7, log.note())

    def test_a_command_says_when_it_was_accepted(self, harness: Harness) -> None:
        before = harness.clock.now()
        harness.send("a", "b")
        times = [each.accepted for each in collect(harness.inbox(SERVICE), 2)]
        assert all(each is not None and before - 1_000 <= each <= harness.clock.now() for each in times), times

    def test_one_that_answers_is_not_silent(self, harness: Harness) -> None:
        harness.inbox(SERVICE)
        assert harness.transport.silent() < SILENCE

    def test_what_was_announced_is_known_after_a_restart(self, harness: Harness) -> None:
        assert harness.transport.announced(LEDGER) == 0
        harness.publish(LEDGER, 5)
        harness.publish(LEDGER, 2)
        harness.restart()
        assert harness.transport.announced(LEDGER) == 7
        assert harness.transport.announced(MATCHING) == 0
        harness.publish(LEDGER, 1)
        assert of(LEDGER, collect(harness.inbox(None, ledger=6), 2)) == entries(harness.logs[LEDGER], 6, 8)

    def test_checkpoints_are_per_log(self, harness: Harness) -> None:
        assert harness.transport.checkpoints(LEDGER) is None
        harness.publish(LEDGER, 3)
        harness.publish(MATCHING, 1)
        for origin, size in ((LEDGER, 3), (MATCHING, 1)):
            assert harness.checkpoint(origin, size) == Checkpoint(origin, size, harness.logs[origin].note())
        assert harness.transport.checkpoints(REDEMPTION) is None

    def test_replies_are_taken_once_in_order(self, harness: Harness) -> None:
        replies = [
            Reply(LogId("ledger"), b"\1" * 32, Refusal(Code.OVER_LIMIT, (("field", "legs"),)), None),
            Reply(LogId("matching"), b"\2" * 32, None, 17),
            Reply(LogId("ledger"), b"\3" * 32, Refusal(Code.EMPTY_LIST), None),
            Reply(SECOND, b"\2" * 32, None, 17),
        ]
        for reply in replies:
            harness.transport.reply(reply)
        taken: list[Reply] = []
        deadline = time.monotonic() + PATIENCE
        while len(taken) < len(replies) and time.monotonic() < deadline:
            taken += harness.transport.take_replies()
        assert taken == replies
        assert harness.transport.take_replies() == []

    # limits ---------------------------------------------------------------------------------------------------------

    def test_commands_beyond_the_capacity_are_turned_away(self, harness: Harness) -> None:
        capacity = harness.inbox_capacity
        inbox = harness.inbox(SERVICE)
        harness.send(*(f"c{i}" for i in range(capacity)))
        with pytest.raises(Overloaded):
            harness.send("one too many")
        harness.transport.send_command(LogId("ledger"), b"another service still takes some")
        harness.transport.send_command(SECOND, b"and so does another shard")
        got = collect(inbox, capacity)
        assert data(got) == [f"c{i}" for i in range(capacity)]
        with pytest.raises(Overloaded):
            harness.send("delivered is not done")
        inbox.acknowledge({COMMANDS_SOURCE: got[1].position + 1})
        harness.inform()
        harness.send("d0", "d1")
        with pytest.raises(Overloaded):
            harness.send("one too many again")
        assert data(collect(inbox, 2)) == ["d0", "d1"]
        harness.expect_silence(inbox)

    # waiting --------------------------------------------------------------------------------------------------------

    def test_poll_without_a_timeout_does_not_wait(self, harness: Harness) -> None:
        assert harness.inbox(SERVICE, ledger=0).poll(10, 0) == []

    def test_poll_returns_when_its_time_is_over(self, harness: Harness) -> None:
        assert harness.inbox(SERVICE, ledger=0).poll(10, 0.02) == []

    def test_wake_ends_the_wait_now_or_the_next_one(self, harness: Harness) -> None:
        inbox = harness.inbox(SERVICE, ledger=0)
        inbox.wake()
        assert together(lambda: inbox.poll(10, FOREVER)) == [[]]

        def wake_soon() -> list[Delivery]:
            time.sleep(0.05)
            inbox.wake()
            return []

        assert together(lambda: inbox.poll(10, FOREVER), wake_soon) == [[], []]

        def publish_soon() -> list[Delivery]:
            time.sleep(0.05)
            harness.publish(LEDGER, 1)
            return []

        got, _ = together(lambda: inbox.poll(10, FOREVER), publish_soon)  # a wake counts once
        assert of(LEDGER, got) == entries(harness.logs[LEDGER], 0, 1)

    def test_a_waiting_poll_returns_with_what_another_thread_sends(self, harness: Harness) -> None:
        """Two threads that wait for each other at every step: one lost wake-up, and the test hangs."""
        rounds = 40
        here, there = harness.inbox(SERVICE, ledger=0), harness.inbox("ledger", matching=0)

        def serve() -> int:
            for i in range(rounds):
                if i % 2:
                    harness.publish(MATCHING, 1)
                else:
                    harness.transport.send_command(LogId("ledger"), b"ping")
                assert len(here.poll(1, FOREVER)) == 1
            return rounds

        def answer() -> int:
            for i in range(rounds):
                assert len(there.poll(1, FOREVER)) == 1
                if i % 3:
                    harness.publish(LEDGER, 1)
                else:
                    harness.send("pong")
            return rounds

        assert together(serve, answer) == [rounds, rounds]

    def test_publishers_and_senders_at_the_same_time(self, harness: Harness) -> None:
        sizes = [1, 3, 5, 7] * 12
        names = [f"{i:03}" for i in range(200)]
        inbox = harness.inbox(SERVICE, ledger=0, matching=0, redemption=0)

        def publisher(origin: str) -> list[Delivery]:
            for size in sizes:
                harness.publish(origin, size)
            return []

        def sender(who: str) -> list[Delivery]:
            for name in names:
                while True:
                    try:
                        harness.send(who + name)
                        break
                    except Overloaded:
                        time.sleep(0.001)
            return []

        def consumer() -> list[Delivery]:
            got: list[Delivery] = []
            while len(got) < len(ORIGINS) * sum(sizes) + 2 * len(names):
                polled = inbox.poll(13, FOREVER)
                assert polled
                got += polled
                inbox.acknowledge({delivery.source: delivery.position + 1 for delivery in polled})
            return got

        actions = [lambda o=origin: publisher(o) for origin in ORIGINS]
        got, *_ = together(consumer, *actions, lambda: sender("a"), lambda: sender("b"))
        for log in harness.logs.values():
            assert of(log.origin, got) == entries(log, 0, len(log.committed))
        commands = [command.decode() for _, command in of(COMMANDS_SOURCE, got)]
        for who in "ab":
            assert [command for command in commands if command.startswith(who)] == [who + name for name in names]
        harness.expect_silence(inbox)

    # fairness -------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(("flood", "trickle"), [(COMMANDS_SOURCE, LEDGER), (LEDGER, COMMANDS_SOURCE)])
    @pytest.mark.parametrize("limit", [1, 2, 5])
    def test_a_flood_does_not_starve_another_source(
        self, harness: Harness, flood: str, trickle: str, limit: int
    ) -> None:
        inbox = harness.inbox(SERVICE, ledger=0, matching=0)
        put: dict[str, Callable[[int], None]] = {
            COMMANDS_SOURCE: lambda count: harness.send(*["c"] * count),
            LEDGER: lambda count: harness.publish(LEDGER, count),
        }
        put[flood](harness.inbox_capacity)
        put[trickle](3)
        harness.arrived(inbox, harness.inbox_capacity + 3)
        got = collect(inbox, 6, limit)
        assert len(of(trickle, got)) >= 2
        assert len(of(flood, got)) >= 2

    def test_what_one_source_leaves_the_others_may_take(self, harness: Harness) -> None:
        inbox = harness.inbox(SERVICE, ledger=0, matching=0)
        harness.publish(LEDGER, 2)
        harness.send(*["c"] * harness.inbox_capacity)
        harness.arrived(inbox, harness.inbox_capacity + 2)
        got = collect(inbox, harness.inbox_capacity, limit=harness.inbox_capacity)
        assert len(of(LEDGER, got)) == 2
        assert len(of(COMMANDS_SOURCE, got)) == harness.inbox_capacity - 2
