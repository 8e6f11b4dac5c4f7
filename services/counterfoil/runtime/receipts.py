"""Answers senders that wait for a command: with a receipt from the log, or with a refusal that made no entry.

It follows the logs like any reader: it folds the announced entries into its own trees and makes every proof itself. A
sender is identified by payload and signature: a repeat of the same command gets the same receipt, whether it comes
while the first is in flight or years later, and no sender gets the refusal of another's forgery.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock
from typing import Any, Final

from counterfoil.contract.canonical import Refused
from counterfoil.contract.ensure import ensure
from counterfoil.contract.entry import CommandCause, Entry
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.submission import Submission
from counterfoil.errors import Unusable
from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import SignatureError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.merkle import leaf_hash
from counterfoil.log.proofs import Receipt, format_receipt
from counterfoil.log.tree import Tree
from counterfoil.ports import Delivery, Head, Inbox, LogStore, Reply, Transport, Unavailable
from counterfoil.published_log import PublishedReader
from counterfoil.runtime.committed_tree import load_tree, published_head, tile_reader
from counterfoil.vocabulary import CODEC

_BATCH: Final = 2_048
_RELEASE_EVERY: Final = 4_096


@dataclass(frozen=True, slots=True)
class Recorded:
    """A command's entry and the proof that it is in the log."""

    data: bytes
    entry: Entry
    receipt: Receipt

    def proof(self) -> bytes:
        """The receipt in C2SP tlog-proof form."""
        return format_receipt(self.receipt)


Answer = Recorded | Refusal
Sender = tuple[LogId, bytes, bytes]
"""Log, SHA-256 of the payload, signature."""
Deliver = Callable[[list[tuple[Any, Answer]]], None]
"""Takes (waiter, answer) pairs; called on the thread that steps."""


@dataclass(frozen=True, slots=True)
class Source:
    """A log to follow: its committed and published bytes, its key, and the head to start from."""

    store: LogStore
    published: PublishedReader
    key: VerifyKey
    head: Head | None


@dataclass(slots=True)
class Followed:
    """The state of following one log: its source, and the tree folded so far."""

    store: LogStore
    published: PublishedReader
    key: VerifyKey
    tree: Tree
    head: Checkpoint | None = None
    note: bytes = b""
    released: int = 0
    found: list[tuple[Sender, bytes, Entry]] = field(default_factory=list)
    """Entries with a waiting sender, until a checkpoint covers them."""


class Receipts:
    """Submits commands and matches entries with those who wait for them.

    Any thread may call its methods. Who brings entries or replies steps it right afterwards: in the embedded form the
    writers' threads, in a gateway the one that follows the logs.
    """

    def __init__(self, transport: Transport, logs: Mapping[str, Source], deliver: Deliver) -> None:
        """`logs` by origin; the transport must have announced them up to their heads."""
        self._transport, self._deliver = transport, deliver
        self._senders = Lock()  # guards _waiting, so that a sender never waits while a batch is folded
        self._waiting: dict[Sender, list[Any]] = {}
        self._stepping = Lock()  # guards what a step uses alone: inbox, _replies, _answers
        self._reading = Lock()  # guards _logs
        self._logs = {origin: self._load(log) for origin, log in logs.items()}
        self._origins = {log_of(origin): origin for origin in logs}
        self._replies: deque[Reply] = deque()
        self._answers: list[tuple[Any, Answer]] = []
        positions = {origin: log.tree.size for origin, log in self._logs.items()}
        self.inbox: Inbox = transport.open_inbox("receipts", None, positions)

    @staticmethod
    def _load(source: Source) -> Followed:
        head, key, store, published = source.head, source.key, source.store, source.published
        if head is None:
            return Followed(store, published, key, Tree(tile_reader(store, published)))
        known = published_head(published, key)
        size = known.size if known is not None else 0
        tree = load_tree(head, store, published, size)
        return Followed(store, published, key, tree, open_checkpoint(head.note, [key]), head.note, released=size)

    def open(self, envelope: bytes) -> Submission:
        """Check form and audience. Raises `Refused` for an envelope that is for no log here."""
        submission = CODEC.decode_envelope(envelope)
        aud = submission.header.aud
        if aud not in self._logs:
            raise Refused(Code.WRONG_AUDIENCE, aud=aud)
        return submission

    def submit(self, envelope: bytes, waiter: Any, trace: str = "") -> tuple[Submission, Future[Any]]:
        """Send a command; `waiter` will be delivered with its answer.

        The future is the transport's: done when the command is as durable as the transport makes it. Raises
        `Refused` as `open` does, `Overloaded` if the inbox is full.
        """
        submission = self.open(envelope)
        log = log_of(submission.header.aud)
        with self._senders:
            self._waiting.setdefault(_sender(submission), []).append(waiter)
        try:
            return submission, self._transport.send_command(log, envelope, trace)
        except BaseException:
            self.forget(submission, waiter)
            raise

    def waiting(self) -> int:
        """How many commands have a waiting sender."""
        return len(self._waiting)

    def forget(self, submission: Submission, waiter: Any) -> None:
        """Remove a waiter that timed out; its command may still be decided."""
        sender = _sender(submission)
        with self._senders:
            waiters = self._waiting.get(sender, [])
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters:
                self._waiting.pop(sender, None)

    def step(self) -> int:
        """Follow the logs as far as they are announced, and answer waiting senders; it waits for nothing.

        Returns how many entries and replies were new. If it raises, the next call reads again what was not folded.
        """
        with self._stepping:
            try:
                done = some = self._step()
                while some >= _BATCH:
                    done += (some := self._step())
            except BaseException:
                self.inbox.rewind()
                raise
            answers, self._answers = self._answers, []
        if answers:
            self._deliver(answers)
        return done

    def _step(self) -> int:
        deliveries = self.inbox.poll(_BATCH, 0)
        replies = self._transport.take_replies()
        self._replies += replies
        with self._reading:
            self._follow(deliveries)
            while self._replies:
                self._replied(self._replies[0])
                self._replies.popleft()
            for origin, log in self._logs.items():
                if log.found or log.tree.size - log.released >= _RELEASE_EVERY:
                    self._prove(origin)
        return len(deliveries) + len(replies)

    def recorded(self, origin: str, index: int) -> Recorded | None:
        """The receipt of an entry, under the last checkpoint followed; None for an entry beyond it."""
        log = self._logs[origin]
        with self._reading:
            self._advance(origin)
            if log.head is None or not 0 <= index < log.head.size:
                return None
            (data,) = log.store.entries(index, index + 1)
            return self._receipt(log, data, CODEC.decode_entry(data))

    def ends(self) -> dict[str, int]:
        """Per origin, how many entries were announced: an inbox may be opened at any index up to that."""
        return {origin: self.end(origin) for origin in self._logs}

    def end(self, origin: str) -> int:
        """The same of one log."""
        announced = self._transport.checkpoints(origin)
        return max(self._logs[origin].tree.size, announced.size if announced is not None else 0)

    # on the stepping thread -----------------------------------------------------------------------------------------

    def _follow(self, deliveries: Sequence[Delivery]) -> None:
        leaves: dict[str, list[bytes]] = {}
        for delivery in deliveries:
            log = self._logs[delivery.source]
            if delivery.position < log.tree.size:
                continue  # delivered again after a failure further on
            leaves.setdefault(delivery.source, []).append(leaf_hash(delivery.data))
            if self._waiting:
                self._match(log, delivery)
        for origin, hashes in leaves.items():
            self._logs[origin].tree.append(hashes)
        if leaves:
            self.inbox.acknowledge({origin: self._logs[origin].tree.size for origin in leaves})

    def _match(self, log: Followed, delivery: Delivery) -> None:
        if delivery.data.find(b'"cause":{"command":', 0, 64) < 0:
            return
        entry = CODEC.decode_proven_entry(delivery.data)
        sender = _sender_of(log_of(delivery.source), entry)
        if sender in self._waiting:
            log.found.append((sender, delivery.data, entry))

    def _replied(self, reply: Reply) -> None:
        sender = (reply.log, reply.content, reply.signature)
        if reply.refused is not None:
            self._answer(sender, reply.refused)
        elif reply.index is not None and sender in self._waiting:
            log = self._logs[self._origins[reply.log]]
            for data in log.store.entries(reply.index, reply.index + 1):
                entry = CODEC.decode_entry(data)
                if _sender_of(reply.log, entry) == sender:  # a reply is only a hint, the log decides
                    log.found.append((sender, data, entry))

    def _prove(self, origin: str) -> None:
        log = self._logs[origin]
        self._advance(origin)
        size = log.head.size if log.head is not None else 0
        for sender, data, entry in log.found:
            if entry.index < size and sender in self._waiting:
                self._answer(sender, self._receipt(log, data, entry))
        log.found = [item for item in log.found if item[2].index >= size]

    def _answer(self, sender: Sender, answer: Answer) -> None:
        with self._senders:
            waiters = self._waiting.pop(sender, [])
        self._answers += [(waiter, answer) for waiter in waiters]

    def _advance(self, origin: str) -> None:
        """Adopt the announced checkpoint once the tree has its size; it must have the tree's root."""
        log, announced = self._logs[origin], self._transport.checkpoints(origin)
        known = log.head.size if log.head is not None else 0
        if announced is not None and known < announced.size <= log.tree.size:
            head = Checkpoint(origin, announced.size, log.tree.root_at(announced.size))
            # Its signature was checked where it came into this process; what it says must be what the entries hash to.
            ensure(
                announced.note.startswith(head.text() + b"\n"),
                f"{origin}: the checkpoint does not match the announced entries",
            )
            log.head, log.note = head, announced.note
        if log.tree.size - log.released >= _RELEASE_EVERY:
            self._release(log)

    @staticmethod
    def _release(log: Followed) -> None:
        """Forget what can be read from the published tiles; while that cannot be told, everything stays in memory."""
        try:
            head = published_head(log.published, log.key)
        except (Unavailable, Unusable, SignatureError):
            return  # no answer waits for published files; the publisher says what is wrong with them
        size = head.size if head is not None else 0
        log.tree.release(min(size, log.tree.size))
        log.released = log.tree.size

    @staticmethod
    def _receipt(log: Followed, data: bytes, entry: Entry) -> Recorded:
        size = log.head.size if log.head is not None else 0
        proof = tuple(log.tree.inclusion_proof(entry.index, size))
        return Recorded(data, entry, Receipt(entry.index, proof, log.note))


def _sender(submission: Submission) -> Sender:
    return log_of(submission.header.aud), submission.content, submission.signature


def _sender_of(log: LogId, entry: Entry) -> Sender | None:
    """The sender whose command made the entry; None for an entry with another cause."""
    cause = entry.cause
    return (log, sha256(cause.payload).digest(), cause.signature) if isinstance(cause, CommandCause) else None
