"""The demo's desk: signs and sends commands for everybody, keeps the answers, and moves virtual time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import sha256
from random import Random
from typing import Any

from counterfoil.client.author import Author
from counterfoil.contract.codec import Refused
from counterfoil.contract.commands import COMMANDS, TYPE_OF, Body
from counterfoil.contract.events import Event
from counterfoil.contract.limits import HOUR
from counterfoil.contract.rejections import Rejected
from counterfoil.ports import Row
from counterfoil.testbed.system import VIEW, Answer, System

_SETTLE_EVERY = 400  # commands in flight at most: bounds memory, and exercises batches of a realistic size


class Unexpected(Exception):
    """A command that must be accepted was refused: the demo itself is wrong."""


class Desk:
    """Everybody's pen and post box."""

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
        """A party's signing key, drawn from the seed: for demos only."""
        if party_id not in self._authors:
            self._authors[party_id] = Author(party_id, demo_entropy(self._seed, party_id))
        return self._authors[party_id]

    def envelope(self, party_id: str, body: Body, **signing: Any) -> bytes:
        """A signed command, not sent yet."""
        aud = self._system.origin(COMMANDS[TYPE_OF[type(body)]][1])
        now = self.clock.now()
        return self.author(party_id).sign(body, aud, self._command_id(now), signing.pop("issued_at", now), **signing)

    def send(self, party_id: str, body: Body, *, must: bool = True) -> bytes:
        """Sign and send; `must`: a refusal is a fault of the demo. Returns the envelope."""
        envelope = self.envelope(party_id, body)
        self.post(envelope, TYPE_OF[type(body)][0], must=must)
        return envelope

    def post(self, envelope: bytes, kind: str, *, must: bool = False) -> None:
        """Send an envelope as it is, good or bad."""
        self.sent[kind] += 1
        try:
            self._pending.append((kind, self._system.submit(envelope), must))
        except Refused as problem:
            self._refuse(problem.rejected, must)
        if len(self._pending) >= _SETTLE_EVERY:
            self.settle()

    def settle(self) -> None:
        """Let the system work until it is quiet; every command has its answer then."""
        self._system.settle()
        pending, self._pending = self._pending, []
        for _, answer_of, must in pending:
            answer = answer_of()
            if isinstance(answer, Rejected):
                self._refuse(answer, must)
                continue
            self.receipts += 1
            rejected = answer.outcomes[0].rejected
            if rejected is not None:
                self._refuse(rejected, must)

    def ask(self, party_id: str, body: Body) -> Sequence[Event]:
        """Send one command that must be accepted, wait, and return its events."""
        self.settle()
        envelope = self.envelope(party_id, body)
        self.sent[TYPE_OF[type(body)][0]] += 1
        answer = self._answer(envelope)
        if isinstance(answer, Rejected) or answer.outcomes[0].rejected is not None:
            raise Unexpected(f"{body}: {answer}")
        self.receipts += 1
        return answer.events

    def repeat(self, envelope: bytes) -> None:
        """Send a command again, twice, and check that both get the recorded entry."""
        self.settle()
        first, second = self._answer(envelope), self._answer(envelope)
        self.sent["repeated"] += 2
        if isinstance(first, Rejected) or isinstance(second, Rejected):
            raise Unexpected(f"a repeat was refused: {first}, {second}")
        if first != second:
            raise Unexpected("a repeat made another entry")
        self.receipts += 2
        self.repeats_same += 2

    def advance_to(self, time: int) -> None:
        """Settle, then move on; what falls due on the way happens by the end of its hour."""
        self.settle()
        while (soonest := self._system.next_due()) is not None and soonest <= time:
            self.clock.advance_to(min(time, -(-soonest // HOUR) * HOUR))
            self._system.settle()
        self.clock.advance_to(time)
        self._system.settle()

    def rows(self, view: str, **filters: str) -> list[Row]:
        """All rows of a view by key, numbers in it as numbers: what a service made first comes first."""
        key = VIEW[view].key
        return sorted(self._system.rows(view, **filters), key=lambda row: [_numbered(str(row[name])) for name in key])

    def row(self, view: str, *key: str) -> Row:
        """The row with this key; raises KeyError."""
        return self._system.row(view, *key)

    def _answer(self, envelope: bytes) -> Answer:
        answer_of = self._system.submit(envelope)
        self._system.settle()
        return answer_of()

    def _refuse(self, rejected: Rejected, must: bool) -> None:
        if must:
            raise Unexpected(f"{rejected}")
        self.refused[rejected.code.value] += 1

    def _command_id(self, now: int) -> str:
        """A UUIDv7 whose random part comes from the seed."""
        bits = (now // 1000 & (1 << 48) - 1) << 80 | 7 << 76 | self._random.getrandbits(12) << 64
        text = f"{bits | 2 << 62 | self._random.getrandbits(62):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _numbered(text: str) -> list[str | int]:
    """``bid-9-0`` comes before ``bid-10-0``: text and numbers in turn."""
    return [int(part) if nth % 2 else part for nth, part in enumerate(re.split("([0-9]+)", text))]


def demo_entropy(seed: int, name: str) -> bytes:
    """32 octets from the seed: keys of a demo, known to everybody."""
    return sha256(f"counterfoil-demo/{seed}/{name}".encode()).digest()
