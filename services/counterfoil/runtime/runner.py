"""The path of a batch of causes through one service: the numbered steps of DESIGN section 3, with what is durable.

One runner per log. `step` does one batch; whoever drives it (a thread, or a simulator in a loop) sees the same steps.
If anything fails before step 5 returned, nothing happened: `recover` loads what is committed, by the way every start
takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any, Final

from counterfoil.contract import limits
from counterfoil.contract.codec import decode_entry, type_markers
from counterfoil.contract.commands import Submission
from counterfoil.contract.entry import Entry, EntryCause, GenesisCause
from counterfoil.contract.events import SUBSCRIPTIONS
from counterfoil.contract.events import Event as Fact
from counterfoil.contract.rejections import Code
from counterfoil.core.decider import Decider, refuse
from counterfoil.core.engine import STATE_ROOT_TIMER, Engine
from counterfoil.log.errors import ProofError, RollbackError
from counterfoil.log.merkle import leaf_hash
from counterfoil.log.signer import Signer
from counterfoil.log.tree import Tree
from counterfoil.ports import (
    COMMANDS_SOURCE,
    Clock,
    Delivery,
    Head,
    Inbox,
    LogStore,
    NewEntry,
    PublishedLog,
    Reply,
    Transport,
)
from counterfoil.runtime.intake import Intake
from counterfoil.runtime.publisher import Publisher

_REPLAY_CHUNK: Final = 1_024
_TIMERS_PER_COMMIT: Final = 64
_HELD_PAUSE: Final = 0.01  # seconds


@dataclass(frozen=True, slots=True)
class Log:
    """What one runner works on: its decider, its origin, where its entries go, and who signs for it."""

    decider: Decider[Any]
    origin: str
    sources: Mapping[str, str]
    """Origin of each log it consumes, by service."""
    store: LogStore
    published: PublishedLog
    signer: Signer


class Runner:
    """The single writer of one log."""

    engine: Engine[Any]
    tree: Tree
    inbox: Inbox

    def __init__(
        self, log: Log, transport: Transport, clock: Clock, genesis: GenesisCause, pool: ThreadPoolExecutor | None
    ) -> None:
        self.log, self._transport, self._clock, self._genesis = log, transport, clock, genesis
        service = log.decider.service
        self._intake = Intake(service, log.origin, list(log.decider.commands), pool)
        self._subscribed = {log.sources[source]: types for source, types in SUBSCRIPTIONS[service].items()}
        self._names = {origin: type_markers(types) for origin, types in self._subscribed.items()}
        self._publisher = Publisher(log.origin, log.store, log.published, log.signer)
        self._batch: list[tuple[Entry, bytes, bytes | None]] = []
        self._cursors: dict[str, int] = {}
        self._rooted = 0
        self._idle = Event()

    # starting -------------------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Go on from what is committed: `load`, then `join`. After a step that raised, this is how to go on."""
        self.load()
        self.join()

    def load(self) -> None:
        """Load the committed log, and check that database, tiles and signer agree.

        Raises `RollbackError` or `ProofError` if more was signed or published than is committed.
        """
        log, head = self.log, self.log.store.head()
        size = head.size if head is not None else 0
        tail_start = self._publisher.published_size() & -256
        if log.signer.head.size > size or tail_start > size:
            raise RollbackError(f"{log.origin}: more was signed or published than the database holds ({size} entries)")
        self.tree = Tree.load(size, self._publisher.read_tile, log.store.leaves(tail_start, size), tail_start)
        if head is not None and self.tree.root() != head.root:
            raise ProofError(f"{log.origin}: the entries do not hash to the committed root")
        if log.signer.head.size and self.tree.root_at(log.signer.head.size) != log.signer.head.root:
            raise ProofError(f"{log.origin}: the signer remembers another history than the database holds")
        self._publisher.check(self.tree)
        self.engine = Engine(log.decider, log.origin, self._root_at)
        self._rooted = 0
        for start in range(0, size, _REPLAY_CHUNK):
            for data in log.store.entries(start, min(start + _REPLAY_CHUNK, size)):
                entry = decode_entry(data)
                self.engine.replay(entry)
                if entry.subject == STATE_ROOT_TIMER:
                    self._rooted = self.engine.size
        self._batch, self._cursors = [], {}

    def join(self) -> None:
        """Begin to consume, open a log that is new, announce and publish what was not yet.

        Raises `RollbackError` if more of another log was consumed than that log has.
        """
        log, head, cursors = self.log, self.log.store.head(), self.log.store.cursors()
        positions = {origin: cursors.get(origin, 0) for origin in self._subscribed}
        try:
            self.inbox = self._transport.open_inbox(log.decider.service, log.decider.service, positions)
        except ValueError as problem:
            raise RollbackError(f"{log.origin} consumed what its source does not have: {problem}") from problem
        if head is None:
            self._take(*self.engine.genesis(self._genesis, self._clock.now()))
            self._commit({})
        else:  # a commit may have taken effect without being announced; what was announced before is dropped
            start = self._publisher.published_size() & -256
            self._transport.publish(log.origin, start, log.store.entries(start, head.size), head.note)
        self._publisher.publish(self.tree)

    # one batch ------------------------------------------------------------------------------------------------------

    def step(self, timeout: float = 0.0) -> int:
        """Take one batch through steps 3 to 8; returns the number of entries made."""
        # 3. Collect: nothing is durable here yet. Signatures are verified outside the interpreter lock.
        deliveries = self.inbox.poll(limits.BATCH_CAUSES, timeout)
        envelopes = [each.data for each in deliveries if each.source == COMMANDS_SOURCE]
        submissions, replies = self._intake.open(envelopes, self.engine.state.directory)
        # 4. Decide, in order: what is due by time, what other logs said, commands. Nothing overtakes a due timer.
        clock = self._clock.now()
        while self._fire(clock, _TIMERS_PER_COMMIT):
            self._commit({})
        cursors, held = self._react(deliveries, clock)
        replies += self._submit(submissions, clock)
        self._root(clock)
        # 5. Commit: entries, leaf hashes, cursors and the new head in one transaction. Durable from here.
        moved = {source: at for source, at in cursors.items() if source != COMMANDS_SOURCE}
        made = self._commit(moved)
        self.inbox.acknowledge(cursors)
        if held:
            self.inbox.rewind()
            if not made:
                self._idle.wait(min(timeout, _HELD_PAUSE))  # the source that is waited for has not come yet
        try:
            # 6. Publish: the tiles and the checkpoint, from what is committed; at least once, in order.
            self._publisher.maybe_publish(self.tree, self._clock.now())
        finally:
            # 7. Answer those whose command makes no entry; the others find theirs in the log just announced.
            for reply in replies:
                self._transport.reply(reply)
        # 8. React: the other services and the views consume the announced entries as causes of their own.
        return made

    def seal(self) -> None:
        """Commit to the state as it is now and publish everything: the end of an orderly run."""
        if self.engine.size > self._rooted:
            self._take(*self.engine.fire(STATE_ROOT_TIMER, self._clock.now()))
            self._rooted = self.engine.size
            self._commit({})
        self._publisher.publish(self.tree)

    def next_due(self) -> int | None:
        """When the next timer has something to do."""
        due = self.engine.due()
        return None if due is None else due[0]

    # 4. deciding ----------------------------------------------------------------------------------------------------

    def _react(self, deliveries: Sequence[Delivery], clock: int) -> tuple[dict[str, int], bool]:
        """Consume other logs; returns the new cursors and whether some source has to wait for another."""
        cursors: dict[str, int] = {}
        held: dict[str, None] = {}
        for delivery in deliveries:
            source = delivery.source
            if source in held:
                continue
            if source != COMMANDS_SOURCE and not self._consume(delivery, clock):
                held[source] = None
                continue
            cursors[source] = delivery.position + 1
        return cursors, bool(held)

    def _consume(self, delivery: Delivery, clock: int) -> bool:
        wanted = self._subscribed[delivery.source]
        if not any(name in delivery.data for name in self._names[delivery.source]):
            return True  # most entries of another log are none of ours: not worth parsing
        entry = decode_entry(delivery.data)
        events = [(item, event) for item, event in enumerate(entry.events) if type(event) in wanted]
        if not all(self._ready(event) for _, event in events):
            return False
        leaf = leaf_hash(delivery.data) if events else b""
        for item, event in events:
            self._take(*self.engine.react(EntryCause(delivery.source, delivery.position, leaf, item), event, clock))
            self._fire(clock)
        return True

    def _ready(self, event: Fact) -> bool:
        check = self.log.decider.ready.get(type(event))
        return check is None or check(self.engine.state, event)

    def _submit(self, submissions: Sequence[Submission], clock: int) -> list[Reply]:
        """Decide commands not seen before; those seen get their recorded outcome, whatever it was."""
        ids = [f"{each.header.actor}/{each.header.command_id}" for each in submissions]
        recorded = self.log.store.find(ids) if ids else {}
        replies = []
        for id_, submission in zip(ids, submissions, strict=True):
            if id_ in recorded:
                index, content = recorded[id_]
                replies.append(self._recorded(submission, index, content))
                continue
            entry, data = self.engine.submit(submission, clock)
            self._take(entry, data, submission.content)
            self._fire(clock)
            recorded[id_] = (entry.index, submission.content)
        return replies

    def _recorded(self, submission: Submission, index: int, content: bytes | None) -> Reply:
        service = self.log.decider.service
        if content == submission.content:
            return Reply(service, submission.content, None, index, submission.signature)
        refused = refuse(Code.EXISTS_WITH_DIFFERENT_CONTENT, index=index)
        return Reply(service, submission.content, refused, None, submission.signature)

    def _fire(self, clock: int, at_most: int | None = None) -> bool:
        """Let timers do what is due, a matching pass that goes on included; whether the bound left some undone."""
        fired = 0
        while (due := self.engine.due()) is not None and due[0] <= max(clock, self.engine.time):
            if fired == at_most:
                return True
            self._take(*self.engine.fire(due[1], clock))
            fired += 1
        return False

    def _root(self, clock: int) -> None:
        if self.engine.size - self._rooted >= limits.STATE_ROOT_EVERY:
            self._take(*self.engine.fire(STATE_ROOT_TIMER, clock))
            self._rooted = self.engine.size

    def _take(self, entry: Entry, data: bytes, content: bytes | None = None) -> None:
        self._batch.append((entry, data, content))

    # 5. committing --------------------------------------------------------------------------------------------------

    def _commit(self, cursors: Mapping[str, int]) -> int:
        # What made no entry needs no commit: skipping it again after a restart is harmless.
        self._cursors.update(cursors)
        batch = self._batch
        if not batch:
            return 0
        entries = [NewEntry(entry.id, data, leaf_hash(data), content) for entry, data, content in batch]
        before = self.tree.size
        staged = self.tree.stage([entry.leaf for entry in entries])
        signer = self.log.signer
        proof = self.tree.consistency_proof(signer.head.size, staged.size) if signer.head.size else []
        note = signer.sign_checkpoint(staged.size, staged.root, proof)
        self.log.store.append(before, entries, self._cursors, Head(staged.size, staged.root, note))
        self.tree.accept(staged)
        signer.committed(staged.size, staged.root)
        self._batch, self._cursors = [], {}
        self._transport.publish(self.log.origin, before, [entry.data for entry in entries], note)
        return len(entries)

    def _root_at(self, size: int) -> bytes | None:
        """The log's root at a size up to the entry being decided (the batch before it is not in the tree yet)."""
        if size <= self.tree.size:
            return self.tree.root_at(size)
        pending = [leaf_hash(data) for _, data, _ in self._batch[: size - self.tree.size]]
        if self.tree.size + len(pending) < size:
            return None
        return self.tree.stage(pending).root


__all__ = ["Log", "Runner"]
