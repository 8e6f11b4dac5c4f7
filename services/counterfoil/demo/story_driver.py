"""Drives a system through the story: signs and sends the commands of all parties, and moves virtual time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from counterfoil.client.author import Author
from counterfoil.contract.canonical import Refused
from counterfoil.contract.limits import MAX_BATCH_COMMANDS
from counterfoil.contract.log_id import host_of
from counterfoil.contract.possession import ProvenKey
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Refusal
from counterfoil.contract.times import HOUR
from counterfoil.ports import Row
from counterfoil.testbed.seeded_keys import seeded_key
from counterfoil.testbed.system import VIEW_BY_NAME, Answer, System
from counterfoil.vocabulary import VOCABULARY

_SETTLE_EVERY = 400  # commands in flight at most: bounds memory, and makes batches of a realistic size


class Unexpected(Exception):
    """A command that must be accepted was refused: a fault of the demo itself."""


class StoryDriver:
    """Signs and sends commands for every party, with keys derived from the seed, and counts their outcomes."""

    def __init__(self, system: System, seed: int) -> None:
        self._system, self.clock, self._seed = system, system.clock, seed
        self._random = Random(f"{seed}/command-ids")
        self._authors: dict[str, Author] = {}
        self._pending: list[tuple[str, Callable[[], Answer], bool]] = []
        self.sent: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.receipts = 0
        self.repeats_same = 0

    def author(self, party_id: str) -> Author:
        """The party's signer; its key is derived from the seed."""
        if party_id not in self._authors:
            self._authors[party_id] = Author(party_id, seeded_key(self._seed, party_id))
        return self._authors[party_id]

    def prove(self, party_id: str) -> ProvenKey:
        """The party's key, as it is registered."""
        return self.author(party_id).prove(host_of(self._system.origin("issuance")))

    def envelope(self, party_id: str, body: Body | Sequence[Body], **signing: Any) -> bytes:
        """A signed command or batch, not sent yet. `signing`: arguments of `Author.sign` other than the defaults."""
        first = body[0] if isinstance(body, Sequence) else body
        aud = self._system.origin(VOCABULARY.service_of[type(first)])
        now = self.clock.now()
        return self.author(party_id).sign(body, aud, self._command_id(now), signing.pop("issued_at", now), **signing)

    def send(self, party_id: str, body: Body, *, must: bool = True) -> bytes:
        """Sign and send a command; returns the envelope. With `must`, a refusal raises `Unexpected`, here or later."""
        envelope = self.envelope(party_id, body)
        self.post(envelope, body.TYPE, must=must)
        return envelope

    def send_all(self, party_id: str, bodies: Sequence[Body], at_once: int = MAX_BATCH_COMMANDS) -> None:
        """Sign and send commands to one service in batches of `at_once`; a refusal raises `Unexpected`, here or later.

        What so many commands and their events take must fit into an entry.
        """
        for start in range(0, len(bodies), at_once):
            batch = bodies[start : start + at_once]
            self.sent.update(body.TYPE for body in batch)
            self._post(self.envelope(party_id, batch), "batch", must=True)

    def post(self, envelope: bytes, kind: str, *, must: bool = False) -> None:
        """Send an envelope as it is, valid or not, counted as `kind`; `must` as in `send`."""
        self.sent[kind] += 1
        self._post(envelope, kind, must=must)

    def _post(self, envelope: bytes, kind: str, *, must: bool) -> None:
        try:
            self._pending.append((kind, self._system.submit(envelope), must))
        except Refused as problem:
            self._refuse(problem.refusal, must)
        if len(self._pending) >= _SETTLE_EVERY:
            self.settle()

    def settle(self) -> None:
        """Let the system work until it is idle, then count the answer of every command."""
        self._system.settle()
        pending, self._pending = self._pending, []
        for _, answer_of, must in pending:
            answer = answer_of()
            if isinstance(answer, Refusal):
                self._refuse(answer, must)
                continue
            self.receipts += 1
            for outcome in answer.outcomes:
                if outcome.refusal is not None:
                    self._refuse(outcome.refusal, must)

    def ask(self, party_id: str, body: Body) -> Sequence[Event]:
        """Send one command that must be accepted, wait, and return its events."""
        self.settle()
        envelope = self.envelope(party_id, body)
        self.sent[body.TYPE] += 1
        answer = self._answer(envelope)
        if isinstance(answer, Refusal) or answer.outcomes[0].refusal is not None:
            raise Unexpected(f"{body}: {answer}")
        self.receipts += 1
        return answer.events

    def repeat(self, envelope: bytes) -> None:
        """Send a command again, twice, and check that both get the entry that is recorded."""
        self.settle()
        first, second = self._answer(envelope), self._answer(envelope)
        self.sent["repeated"] += 2
        if isinstance(first, Refusal) or isinstance(second, Refusal):
            raise Unexpected(f"a repeat was refused: {first}, {second}")
        if first != second:
            raise Unexpected("a repeat got another entry")
        self.receipts += 2
        self.repeats_same += 2

    def advance_to(self, time: int) -> None:
        """Settle, then move virtual time on; timers due on the way run by the end of their hour."""
        self.settle()
        while (soonest := self._system.next_due()) is not None and soonest <= time:
            self.clock.advance_to(min(time, -(-soonest // HOUR) * HOUR))
            self._system.settle()
        self.clock.advance_to(time)
        self._system.settle()

    def rows(self, view: str, **filters: str) -> list[Row]:
        """All rows of a view, sorted by key with numbers in it as numbers: the order in which a service made them."""
        key = VIEW_BY_NAME[view].key
        return sorted(self._system.rows(view, **filters), key=lambda row: [_numbered(str(row[name])) for name in key])

    def row(self, view: str, *key: str) -> Row:
        """The row with this key; raises KeyError."""
        return self._system.row(view, *key)

    def _answer(self, envelope: bytes) -> Answer:
        answer_of = self._system.submit(envelope)
        self._system.settle()
        return answer_of()

    def _refuse(self, refusal: Refusal, must: bool) -> None:
        if must:
            raise Unexpected(f"{refusal}")
        self.refused[refusal.code.value] += 1

    def _command_id(self, now: int) -> str:
        """A UUIDv7 whose random part comes from the seed."""
        bits = (now // 1000 & (1 << 48) - 1) << 80 | 7 << 76 | self._random.getrandbits(12) << 64
        text = f"{bits | 2 << 62 | self._random.getrandbits(62):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _numbered(text: str) -> list[str | int]:
    """Text and numbers in turn, so that ``bid-9-0`` sorts before ``bid-10-0``."""
    return [int(part) if nth % 2 else part for nth, part in enumerate(re.split("([0-9]+)", text))]
