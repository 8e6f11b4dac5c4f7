"""The path of a batch of causes through one log: numbered steps, each with what is durable after it.

One runner per log. `step` does one batch; it is the same whether a thread or a test in a loop calls it. If anything
fails before step 5 has returned, nothing has happened: `recover` commits what was decided, or loads what is committed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from threading import Event
from typing import Any, Final

from counterfoil.catalogue import SUBSCRIPTIONS
from counterfoil.contract.codec import type_markers
from counterfoil.contract.entry import Entry, EntryCause, GenesisCause
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.record import Event as Fact
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import Submission
from counterfoil.contract.times import SECOND
from counterfoil.core.decider import Decider, refuse
from counterfoil.core.engine import STATE_ROOT_TIMER, Engine
from counterfoil.core.rules import absent_of
from counterfoil.log.errors import ProofError, RollbackError
from counterfoil.log.merkle import leaf_hash
from counterfoil.log.signer import Signer
from counterfoil.log.tree import Tree
from counterfoil.ports import (
    COMMANDS_SOURCE,
    Announcement,
    Clock,
    Delivery,
    Head,
    Inbox,
    LogStore,
    Reply,
    ServiceTransport,
    SnapshotStore,
    StoreConflict,
)
from counterfoil.published_log import PublishedLog
from counterfoil.runtime.clock_guard import ClockGuard
from counterfoil.runtime.intake import Intake, Opened
from counterfoil.runtime.pending import Pending
from counterfoil.runtime.publisher import Publisher
from counterfoil.runtime.signatures import Signatures
from counterfoil.runtime.snapshots import RECORDS_DUE, Snapshots
from counterfoil.runtime.standstill import Standstill
from counterfoil.runtime.telemetry import NOTHING, Telemetry
from counterfoil.runtime.timekeeper import Timekeeper
from counterfoil.vocabulary import CODEC

BATCH_CAUSES: Final = 512
"""At most, in one transaction."""
STATE_ROOT_EVERY: Final = 4_096
"""Entries between two state roots, unless `RECORDS_DUE` records change before."""
CURSORS_EVERY: Final = 8_192
"""Messages that may be consumed without making an entry before the cursors are committed."""
_ANNOUNCED_AT_ONCE: Final = 512  # entries, when catching up
_TIMERS_PER_COMMIT: Final = 64
_ENTRIES_PER_COMMIT: Final = 1_024  # where timers that follow from reactions go on with the next commit
_HELD_PAUSE: Final = 0.01  # seconds
_WAITED: Final = 10 * SECOND  # in an inbox at most, for a command to be decided before a timer that is due since


@dataclass(frozen=True, slots=True)
class Log:
    """What one runner needs for its log: decider, origin, stores, published log and signer."""

    decider: Decider[Any]
    origin: str
    sources: Mapping[str, Sequence[str]]
    """Origins of the logs it consumes, by service: every shard of each."""
    store: LogStore
    snapshots: SnapshotStore
    published: PublishedLog
    signer: Signer

    @property
    def id(self) -> LogId:
        """Its service and shard."""
        return log_of(self.origin)


class Runner:
    """The single writer of one log."""

    engine: Engine[Any]
    inbox: Inbox

    def __init__(
        self,
        log: Log,
        transport: ServiceTransport,
        clock: Clock,
        genesis: GenesisCause,
        signatures: Signatures,
        telemetry: Telemetry = NOTHING,
        guard: ClockGuard | None = None,
    ) -> None:
        """`guard`: one with other limits than by default."""
        self.log, self._transport, self._clock, self._genesis = log, transport, clock, genesis
        self._telemetry, self._id = telemetry, log.id
        self.timekeeper = Timekeeper(log.id, log.store, clock, telemetry, guard)
        self._intake = Intake(log.decider, log.origin, signatures)
        wanted = SUBSCRIPTIONS[log.decider.service]
        self._subscribed = {origin: types for source, types in wanted.items() for origin in log.sources[source]}
        self._wanted = {origin: {each.TYPE for each in types} for origin, types in self._subscribed.items()}
        self._names = {origin: type_markers(names) for origin, names in self._wanted.items()}
        self._publisher = Publisher(log.origin, log.store, log.published, log.signer)
        self._snapshots = Snapshots(log.decider, log.origin, log.store, log.snapshots)
        self._pending = Pending(log.id, log.store, log.signer, self._snapshots, telemetry)
        self._loaded = False  # whether `engine` has the state at the committed head, and then what is pending
        self._replies: list[Reply] = []  # to commands of the batch that make no entry
        self._rooted = 0
        self._goes_on = False  # whether due timers were left to the next step, and everything else with them
        self._idle = Event()

    @property
    def tree(self) -> Tree:
        """Of what is committed."""
        return self._pending.tree

    @property
    def folded(self) -> int:
        """How many entries `load` has read and folded, in all."""
        return self._snapshots.folded

    # starting -------------------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Resume after a step that raised, and at a start: `load` unless the state is still the log's, then `join`."""
        # What was decided behind the committed head stays decided, and `join` commits the same bytes.
        if not (self._loaded and self._pending.is_current()):
            self.load()
        self.join()

    def load(self) -> None:
        """Load the committed log, and check that database, published checkpoint and signer agree.

        Raises `RollbackError` or `ProofError` if more was signed or published than is committed, `ProofError` if the
        entries lead to another state than the last state root commits to.
        """
        self._loaded = False
        self._publisher.reset()
        log, head = self.log, self.log.store.head()
        size = head.size if head is not None else 0
        if log.signer.head.size > size or self._publisher.published_size() > size:
            raise RollbackError(f"{log.origin}: more entries were signed or published than the database holds ({size})")
        tree = self._publisher.load_tree(head)
        if log.signer.head.size and tree.root_at(log.signer.head.size) != log.signer.head.root:
            raise ProofError(f"{log.origin}: the signer remembers another history than the database holds")
        self._publisher.check(tree)
        self._pending.start(head, tree)
        self._replies = []
        self.engine, self._rooted = self._snapshots.load(tree, self._pending.root_at)
        self._loaded = True

    def join(self) -> None:
        """Commit what was decided before an error; open the inbox; write a new log's genesis; announce what is missing.

        Publishing is left to the steps.

        Raises `RollbackError` if this log consumed more of a source than the source has, or announced more than it has
        itself, and `StoreConflict` if another writer has taken over since `load`.
        """
        pending = self._pending
        if pending:
            pending.commit()  # announced below, with whatever else was not
        elif pending.cursors:
            self._replies = []  # the messages that they answer come again
        pending.forget_cursors()
        log, cursors = self.log, self.log.store.cursors()
        self._check_head()
        positions = {origin: cursors.get(origin, 0) for origin in self._subscribed}
        try:
            self.inbox = self._transport.open_inbox(self._id.name, self._id, positions, cursors, self._wanted)
        except ValueError as problem:
            raise RollbackError(f"{log.origin} consumed entries that its source does not have: {problem}") from problem
        if pending.head is None:
            self._take(*self.engine.genesis(self._genesis, self._clock.now()))
            self._commit({})
        else:  # a crash, or an error, may have come between commit and announcement
            self._announce(pending.head)
        self.timekeeper.start(self.engine.time, self._subscribed)
        self._send_replies()

    def _check_head(self) -> None:
        """Raises `StoreConflict` unless the committed head is still the one that the state belongs to."""
        if not self._pending.is_current():
            raise StoreConflict(f"{self.log.origin}: another writer took over while the log was being loaded")

    def _announce(self, head: Head) -> None:
        """Announce the entries that are committed and not announced, in bounded pieces; then the head."""
        origin, store = self.log.origin, self.log.store
        start = self._transport.announced(origin)
        if start > head.size:
            self._check_head()
            raise RollbackError(f"{origin}: {start} entries were announced, the database holds {head.size}")
        while True:
            entries = store.entries(start, min(start + _ANNOUNCED_AT_ONCE, head.size))
            end = start + len(entries)
            proof = self.tree.consistency_proof(end, head.size) if end else []
            frontier = self.tree.frontier(start)
            self._transport.publish(Announcement(origin, start, entries, head.size, head.note, frontier, proof))
            start = end
            if start == head.size:
                return

    # one batch ------------------------------------------------------------------------------------------------------

    def step(self, timeout: float = 0.0) -> int:
        """Take one batch through steps 3 to 8; returns the number of entries made."""
        # 3. Collect: nothing is durable here yet.
        time = self.timekeeper
        if time.standstill is not None and not time.may_decide(self._clock.now(), self.engine.time):
            self._publisher.maybe_publish(self.tree, self._clock.now())
            self._idle.wait(timeout)  # and leave in the inbox what is there
            return 0
        deliveries = self.inbox.poll(BATCH_CAUSES, timeout)
        # 4. Decide, in order: due timers, other logs' events, commands. No cause comes before a timer that was due
        # when it was accepted.
        # Signatures are verified outside the interpreter lock, with keys that include those of this batch's events.
        clock = self._clock.now()
        if not (time.reached(self._transport.silent()) and time.may_decide(clock, self.engine.time)):
            self.inbox.rewind()
            self._publisher.maybe_publish(self.tree, clock)
            self._idle.wait(min(timeout, _HELD_PAUSE))
            return 0
        self._resume(clock)
        if not deliveries and self._is_idle(clock):
            self._publish()
            return 0
        waiting = [each for each in deliveries if each.source == COMMANDS_SOURCE]
        times = self._times(waiting, clock)
        start = times[0] if times else clock
        while self._fire(start, _TIMERS_PER_COMMIT):
            self._commit({})
        cursors, held = self._react(deliveries, start)
        commands = [] if self._goes_on else waiting
        resume: dict[str, int] = {}
        for command in commands:
            cursors[COMMANDS_SOURCE] = command.position + 1
            resume.update(command.resume)
        opened, refused = self._intake.open([each.data for each in commands], self.engine.state.directory)
        replies = self._set_aside(commands, refused)
        replies += self._submit(commands, times, opened)
        self._root(start)
        self._replies = replies
        # 5. Commit: entries, leaf hashes, cursors and the new head in one transaction. Durable from here.
        # A command refused at intake must not take effect later, when keys or the release have changed. So its
        # cursor is committed before its sender is answered, even if there is no entry to commit.
        made = self._commit(resume, len(deliveries), must=any(each.refused for each in replies))
        self.inbox.acknowledge(cursors)
        self._count(deliveries)
        if held or self._goes_on:
            self.inbox.rewind()
            if not made:
                self._idle.wait(min(timeout, _HELD_PAUSE))  # the source that it waits for has no new entry yet
        try:
            # 6. Publish tiles and checkpoint from what is committed; at least once, in order.
            # Receipts do not wait for these files: they use the announcement of the same checkpoint.
            self._publish()
        finally:
            # 7. Reply to commands that make no entry; the answers to the others follow from the entries announced.
            self._send_replies()
        # 8. React: the other services and the views consume the announced entries.
        return made

    def _is_idle(self, clock: int) -> bool:
        """Whether a step that takes nothing has nothing to do either."""
        due = self.engine.due()
        is_due = due is not None and due[0] <= max(clock, self.engine.time)
        return not (is_due or self._pending or self._root_is_due())

    def _publish(self) -> None:
        if self._publisher.maybe_publish(self.tree, self._clock.now()):
            self._telemetry.published(self._id, self._publisher.published_size(), self._clock.now())

    def _set_aside(self, commands: Sequence[Delivery], refused: Sequence[tuple[int, Reply]]) -> list[Reply]:
        """Dead-letter commands that no decider may see before they count as consumed; returns their replies."""
        for place, reply in refused:
            if reply.refused is not None:
                self._telemetry.refused(reply.log, reply.refused.code.value, "intake")
                self._transport.set_aside(commands[place], reply.refused.code.value)
        return [reply for _, reply in refused]

    def _send_replies(self) -> None:
        while self._replies:
            self._transport.reply(self._replies[0])
            del self._replies[0]

    def _count(self, deliveries: Sequence[Delivery]) -> None:
        for source, count in Counter(delivery.source for delivery in deliveries).items():
            self._telemetry.consumed(self._id, source, count)

    def seal(self) -> None:
        """Record the state root and publish everything: the last call of an orderly run."""
        clock = self._clock.now()
        if self.engine.size > self._rooted and self.timekeeper.may_decide(clock, self.engine.time):
            self._resume(clock)
            self._take_root(clock)
            self._commit({})
        self._snapshots.flush()
        self._publisher.publish(self.tree)

    def publish(self) -> None:
        """Publish everything that is committed."""
        self._publisher.publish(self.tree)

    @property
    def published_size(self) -> int:
        """How many entries the published checkpoint covers."""
        return self._publisher.published_size()

    @property
    def publication_trouble(self) -> Standstill | None:
        """Why the log could not be published last, with the path; None if it could. Any thread may read it."""
        return self._publisher.trouble

    def publish_in_background(self) -> None:
        """From now on, steps publish, and write snapshots, on background threads."""
        self._publisher.background = self._snapshots.background = True

    def abandon(self) -> None:
        """Wait for the background writes; `step` must not be called afterwards."""
        self._publisher.abandon()
        self._snapshots.abandon()

    def next_due(self) -> int | None:
        """When the next timer is due; None if there is none, or none may fire."""
        time = self.timekeeper
        due = self.engine.due() if time.standstill is None and not time.cut_off else None
        return None if due is None else due[0]

    # 4. deciding ----------------------------------------------------------------------------------------------------

    def _resume(self, clock: int) -> None:
        """Record an outage, if this log was away, before anything else."""
        outage = self.timekeeper.outage(clock, self.engine.time, self.engine.state.rules.shortest_outage)
        if outage is not None:
            self._take(*self.engine.resume(outage, clock))

    def _times(self, commands: Sequence[Delivery], clock: int) -> list[int]:
        """The time by which to decide each of `commands`: now, or if a timer is due, when it was accepted.

        What the transport accepted before a deadline counts, though it waited. The timer waits with it, but not for
        what was accepted later: nobody can hold it back by sending more.
        """
        due = self.engine.due()
        first = commands[0].accepted if commands else None
        if due is None or first is None or not (due[0] <= clock and clock - _WAITED <= first < clock):
            return [clock] * len(commands)
        return list(accumulate((min(each.accepted or clock, clock) for each in commands), max))

    def _react(self, deliveries: Sequence[Delivery], clock: int) -> tuple[dict[str, int], bool]:
        """Consume other logs; returns the new cursors, and whether a source must wait.

        The cursors to be committed move with each event, so that they fit what is decided wherever a step may fail.

        Where what follows is more than one commit should hold, such as a pass of the matching rule over much of the
        book, nothing else is taken: the next step goes on with it before anything else.
        """
        self._goes_on = False
        cursors: dict[str, int] = {}
        held: dict[str, None] = {}
        for delivery in deliveries:
            source = delivery.source
            if self._goes_on:
                break
            if source == COMMANDS_SOURCE or source in held:
                continue
            if not self._consume(delivery, clock):
                held[source] = None
                continue
            cursors[source] = delivery.position + 1
            self._pending.move_behind(delivery)
        return cursors, bool(held)

    def _consume(self, delivery: Delivery, clock: int) -> bool:
        wanted = self._subscribed[delivery.source]
        # Most entries of another log have no event that this one consumes: of those, none is parsed.
        entry = CODEC.remembered_entry(delivery.data)
        if entry is None:
            if not any(name in delivery.data for name in self._names[delivery.source]):
                return True
            entry = CODEC.decode_entry(delivery.data)
        events = [(item, event) for item, event in enumerate(entry.events) if type(event) in wanted]
        if not events:
            return True
        if not all(self._ready(event) for _, event in events):
            return False
        now, skew = max(clock, self.engine.time + 1), self.engine.state.rules.clock_skew
        if not self.timekeeper.has_come(delivery.source, entry.time, now, skew):
            return False
        leaf = leaf_hash(delivery.data)
        for nth, (item, event) in enumerate(events, 1):
            cause = EntryCause(delivery.source, delivery.position, leaf, item)
            self._take(*self.engine.react(cause, event, clock), trace=delivery.trace)
            # The cursor moves with the last of them, and the commit may end behind that one only.
            left = max(0, _ENTRIES_PER_COMMIT - len(self._pending)) if nth == len(events) else None
            self._goes_on = self._fire(clock, left)
        return True

    def _ready(self, event: Fact) -> bool:
        check = self.log.decider.ready.get(type(event))
        return check is None or check(self.engine.state, event)

    def _submit(self, commands: Sequence[Delivery], times: Sequence[int], opened: Sequence[Opened]) -> list[Reply]:
        """Decide new commands, each at its time; returns replies to those that make no entry.

        Signatures are verified beside this: the last while the first are decided.
        """
        ids = [f"{each.submission.header.actor}/{each.submission.header.command_id}" for each in opened]
        replies: list[Reply] = []
        with self._intake.verifying(opened) as signed:
            recorded = self.log.store.find(ids) if ids else {}
            for id_, each, good in zip(ids, opened, signed, strict=True):
                if not good:
                    replies += self._set_aside(commands, [self._intake.forged(each)])
                elif id_ in recorded:
                    replies.append(self._recorded(each.submission, *recorded[id_]))
                else:
                    made = self._decide(each.submission, commands[each.place].trace, times[each.place])
                    if isinstance(made, Reply):
                        replies.append(made)
                    else:
                        recorded[id_] = (made.index, each.submission.content)
        return replies

    def _decide(self, submission: Submission, trace: str, clock: int) -> Entry | Reply:
        rules = self.engine.state.rules
        absent = absent_of(rules, submission.bodies)
        if absent is not None:  # by the rules in force here, which the command before it may have changed
            refused = refuse(Code.UNKNOWN_TYPE, type=absent.TYPE, v=absent.V, rules=rules.number)
            return Reply(self._id, submission.content, refused, None, submission.signature)
        self._fire(clock)
        entry, data = self.engine.submit(submission, clock)
        self._take(entry, data, submission.content, trace)
        self._count_refusals(entry)
        self._fire(clock)
        return entry

    def _count_refusals(self, entry: Entry) -> None:
        for outcome in entry.outcomes:
            if outcome.refusal is not None:
                self._telemetry.refused(self._id, outcome.refusal.code.value, "decided")

    def _recorded(self, submission: Submission, index: int, content: bytes | None) -> Reply:
        if content == submission.content:
            return Reply(self._id, submission.content, None, index, submission.signature)
        refused = refuse(Code.EXISTS_WITH_DIFFERENT_CONTENT, index=index)
        return Reply(self._id, submission.content, refused, None, submission.signature)

    def _fire(self, clock: int, at_most: int | None = None) -> bool:
        """Run due timers, continuations of matching passes included; True if `at_most` left any."""
        fired = 0
        while (due := self.engine.due()) is not None and due[0] <= max(clock, self.engine.time):
            if fired == at_most:
                return True
            self._take(*self.engine.fire(due[1], clock))
            fired += 1
        return False

    def _root(self, clock: int) -> None:
        if self._root_is_due():
            self._take_root(clock)

    def _root_is_due(self) -> bool:
        return self.engine.size - self._rooted >= STATE_ROOT_EVERY

    def _take_root(self, clock: int) -> None:
        self._take(*self.engine.fire(STATE_ROOT_TIMER, clock))
        self._rooted = self.engine.size
        self._snapshots.take(self.engine.rooted, self._rooted)

    def _take(self, entry: Entry, data: bytes, content: bytes | None = None, trace: str = "") -> None:
        self._pending.take(entry, data, content, trace)
        if self.engine.changed() >= RECORDS_DUE:  # more at once than a snapshot is moved on by
            self._take_root(entry.time)

    # 5. committing --------------------------------------------------------------------------------------------------

    def _commit(self, cursors: Mapping[str, int], consumed: int = 0, *, must: bool = False) -> int:
        """Commit and announce what is pending; returns how many entries that were.

        Messages without an entry need no own commit, unless they `must`: skipping them again is harmless. A bound
        limits that.
        """
        pending = self._pending
        pending.move(cursors, consumed)
        made = len(pending)
        if made:
            self._transport.publish(pending.commit())
        elif must or pending.skipped >= CURSORS_EVERY:
            pending.commit_cursors()
        return made
