"""The embedded transport against a model that keeps everything: nothing is lost, mixed up or starved."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from counterfoil.contract.log_id import LogId
from counterfoil.ports import COMMANDS_SOURCE, Announcement, Checkpoint, Delivery, Inbox, LogReader, Overloaded, Reply
from counterfoil.transport.embedded import EmbeddedTransport

LOGS = ("x/a/main", "x/b/main")
SERVICE, PROJECTOR = "a", "projector"
NAMES = st.sampled_from((SERVICE, PROJECTOR))
CAPACITY = 5
WINDOW = 3


class Consumer:
    """The model of a consumer: the positions it stored, how far it acknowledged, and what comes next."""

    def __init__(self, inbox: Inbox, positions: dict[str, int]) -> None:
        self.inbox = inbox
        self.acknowledged = dict(positions)
        self.next = dict(positions)
        self.passed_over: Counter[str] = Counter()  # polls since a source that had something last gave something


class TransportMachine(RuleBasedStateMachine):
    """One service `a` with commands and both logs, and a projector with both logs, on logs that are never lost."""

    def __init__(self) -> None:
        super().__init__()
        self.committed: dict[str, list[bytes]] = {origin: [] for origin in LOGS}
        self.models: dict[str, Consumer] = {}
        self.boot(dict.fromkeys((SERVICE, PROJECTOR), dict.fromkeys(LOGS, 0)))

    def boot(self, stored: dict[str, dict[str, int]]) -> None:
        """A new process over the committed logs, with consumers at the positions they stored."""
        self.transport = EmbeddedTransport(CAPACITY, WINDOW)
        for origin, entries in self.committed.items():
            self.transport.register_log(origin, self.reader(origin), len(entries))
        self.published = {origin: len(entries) for origin, entries in self.committed.items()}
        self.commands: list[bytes] = []  # all of this process, acknowledged or not
        self.commands_done = 0
        self.known: dict[str, Checkpoint] = {}
        self.replies: list[Reply] = []
        for name, positions in stored.items():
            self.open(name, positions)

    def reader(self, origin: str) -> LogReader:
        return lambda start, stop: self.committed[origin][start:stop]

    def open(self, name: str, positions: dict[str, int]) -> None:
        commands = LogId(SERVICE) if name == SERVICE else None
        inbox = self.transport.open_inbox(name, commands, positions)
        self.models[name] = Consumer(inbox, positions | ({COMMANDS_SOURCE: self.commands_done} if commands else {}))

    def ends(self, name: str) -> dict[str, int]:
        return self.published | ({COMMANDS_SOURCE: len(self.commands)} if name == SERVICE else {})

    def content(self, source: str) -> list[bytes]:
        return self.commands if source == COMMANDS_SOURCE else self.committed[source]

    # the world ------------------------------------------------------------------------------------------------------

    @rule(count=st.integers(1, CAPACITY + 1))
    def send(self, count: int) -> None:
        for _ in range(count):
            command = f"c{len(self.commands)}".encode()
            try:
                self.transport.send_command(LogId(SERVICE), command)
            except Overloaded:
                assert len(self.commands) - self.commands_done == CAPACITY
            else:
                assert len(self.commands) - self.commands_done < CAPACITY
                self.commands.append(command)

    @rule(
        origin=st.sampled_from(LOGS),
        count=st.integers(0, 2 * WINDOW),
        overlap=st.integers(-1, 3),
        spare=st.sampled_from((0, 0, 1, 4)),
    )
    def publish(self, origin: str, count: int, overlap: int, spare: int) -> None:
        """Commit `count` entries; announce all but `spare`, beginning `overlap` (-1: a gap) before the next."""
        log = self.committed[origin]
        log += [f"{origin}#{index}".encode() for index in range(len(log), len(log) + count)]
        start = max(0, self.published[origin] - overlap)
        chunk = log[start : max(start, len(log) - spare)]
        size, note = start + len(chunk), f"{origin} {start + len(chunk)}".encode()
        try:
            self.transport.publish(Announcement(origin, start, chunk, size, note))
        except ValueError:
            assert start > self.published[origin]
            return
        assert start <= self.published[origin]
        self.published[origin] = max(size, self.published[origin])
        if origin not in self.known or size > self.known[origin].size:
            self.known[origin] = Checkpoint(origin, size, note)

    @rule(index=st.integers(0, 99))
    def reply(self, index: int) -> None:
        self.replies.append(Reply(LogId(SERVICE), bytes(32), None, index))
        self.transport.reply(self.replies[-1])

    @rule()
    def take_replies(self) -> None:
        assert self.transport.take_replies() == self.replies
        self.replies = []

    @rule(origin=st.sampled_from(LOGS))
    def service_restarts(self, origin: str) -> None:
        size = len(self.committed[origin])
        self.transport.register_log(origin, self.reader(origin), size)
        self.published[origin] = size

    @rule()
    def process_restarts(self) -> None:
        self.boot({name: {o: model.acknowledged[o] for o in LOGS} for name, model in self.models.items()})

    # the consumers --------------------------------------------------------------------------------------------------

    @rule(name=NAMES, limit=st.integers(1, 2 * CAPACITY))
    def poll(self, name: str, limit: int) -> None:
        model, ends = self.models[name], self.ends(name)
        available = {source: ends[source] - model.next[source] for source in ends}
        got = model.inbox.poll(limit, 0)
        assert len(got) == min(limit, sum(available.values()))
        order = [*LOGS, COMMANDS_SOURCE]
        assert got == sorted(got, key=lambda delivery: (order.index(delivery.source), delivery.position))
        shares = Counter(delivery.source for delivery in got)
        for source, count in available.items():
            first = model.next[source]
            assert [delivery for delivery in got if delivery.source == source] == [
                Delivery(source, position, self.content(source)[position])
                for position in range(first, first + shares[source])
            ]
            model.next[source] += shares[source]
            if shares[source] < count:  # it was cut short: no source got two more than another
                assert all(shares[other] <= shares[source] + 1 for other in shares)
            starved = count > 0 and not shares[source]
            model.passed_over[source] = model.passed_over[source] + 1 if starved else 0
            assert model.passed_over[source] < len(available)

    @rule(name=NAMES, share=st.integers(0, 3))
    def acknowledge(self, name: str, share: int) -> None:
        model = self.models[name]
        positions = {source: position * share // 3 for source, position in model.next.items()}
        model.inbox.acknowledge(positions)
        for source, position in positions.items():
            model.acknowledged[source] = max(position, model.acknowledged[source])
        self.commands_done = model.acknowledged.get(COMMANDS_SOURCE, self.commands_done)

    @rule(name=NAMES)
    def acknowledge_everything_unseen(self, name: str) -> None:
        """As after a commit of unknown outcome that did take effect."""
        model = self.models[name]
        model.inbox.acknowledge(self.ends(name))
        model.acknowledged = self.ends(name)
        model.next = self.ends(name)
        self.commands_done = model.acknowledged.get(COMMANDS_SOURCE, self.commands_done)

    @rule(name=NAMES)
    def rewind(self, name: str) -> None:
        self.models[name].inbox.rewind()
        self.models[name].next = dict(self.models[name].acknowledged)

    @rule(name=NAMES, share=st.integers(0, 3))
    def consumer_crashes(self, name: str, share: int) -> None:
        """A new inbox at the stored positions, which may be ahead of the acknowledged ones."""
        model = self.models[name]
        stored = {origin: max(model.acknowledged[origin], model.next[origin] * share // 3) for origin in LOGS}
        self.open(name, stored)

    @invariant()
    def checkpoints(self) -> None:
        assert {origin: self.transport.checkpoints(origin) for origin in LOGS} == {
            origin: self.known.get(origin) for origin in LOGS
        }


TestTransport = TransportMachine.TestCase
