"""The world of the stateful tests on a real instance: commands are signed, logs are published, and audited."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from counterfoil.bootstrap.embedded import Embedded
from counterfoil.catalogue import DECIDERS
from counterfoil.client.author import Author
from counterfoil.contract.entry import Entry, EntryCause, TimerCause
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Command
from counterfoil.contract.submission import Seen
from counterfoil.instance import OPERATOR, RECOVERY, Instance
from counterfoil.ledger.events import HoldRefused, HoldRefusedV1
from counterfoil.runtime.clock import VirtualClock
from counterfoil.runtime.receipts import Recorded
from counterfoil.vocabulary import CODEC, VOCABULARY
from tests.older import as_of
from tests.properties.world import START, World, first_in_force, public_key

HOST = "golden.example"
RECOVERS = 198
"""Which of the world's keys is the operator's recovery key."""
REFUSED = (HoldRefused, HoldRefusedV1)
KEYS = {key_id_of(public_key(number)): number for number in range(200)}
"""Which of the world's keys has an id."""


def seed(number: int) -> bytes:
    """The private key of the world's `number`-th key; it is public."""
    return number.to_bytes(32, "big")


class GoldenWorld(World):
    """A world that is an instance in `home`, whose logs begin with version `rules` of the rules."""

    adopts = False  # the story says when
    host = HOST

    def __init__(self, home: Path, rules: int) -> None:
        def entropy(name: str) -> bytes:
            if name in (OPERATOR, RECOVERY):
                return seed((OPERATOR, RECOVERY).index(name) * RECOVERS)
            return seed(1_000 + sorted(DECIDERS).index(name.removeprefix("log-")))

        self.home = home
        self._time = VirtualClock(START)
        instance = Instance.create(home, HOST, "Operator (fictional)", entropy, rules)
        self._open(instance)
        self.refusals: Counter[str] = Counter()
        self._commands = 0
        self.settle()

    def _open(self, instance: Instance) -> None:
        self.system = Embedded(instance, self._time, synchronous="OFF")
        self.engines = {log.name: runner.engine for log, runner in self.system.runners.items()}

    def away(self, duration: int) -> None:
        """Every service is stopped for so many microseconds."""
        self.system.close()
        self.clock += duration
        self._open(self.system.instance)
        self.settle()

    @property
    def clock(self) -> int:
        """The time, of services and parties alike."""
        return self._time.now()

    @clock.setter
    def clock(self, time: int) -> None:
        self._time.advance_to(time)

    def submit(self, actor: str, *bodies: Command, key_id: str | None = None, **header: Any) -> Entry | None:  # type: ignore[override]
        """Sign and send; returns the entry, None if the command was refused without one."""
        party = self.state("issuance").directory.parties.get(actor)
        if key_id is None or party is None or self.state("issuance").directory.public_key(actor, key_id) is None:
            key_id = key_id_of(public_key(199))
            if party is not None:
                key_id = (bodies[0].RECOVERY and party.recovery_key()) or first_in_force(party)
        self._commands += 1
        service = VOCABULARY.service_of[type(bodies[0])]
        author = Author(actor, seed(KEYS[key_id]))
        id_ = f"00000000-0000-7000-8000-{self._commands:012x}"
        bodies = tuple(as_of(self.state(service).rules, body, actor) for body in bodies)
        signed = bodies if len(bodies) > 1 else bodies[0]
        issued_at = header.pop("issued_at", self.clock)
        answer = self.system.submit(author.sign(signed, self.engines[service].origin, id_, issued_at, **header))
        self.settle()
        given = answer.result(timeout=0)
        if not isinstance(given, Recorded):
            return None
        for outcome in given.entry.outcomes:
            self.refusals["accepted" if outcome.refusal is None else outcome.refusal.code.value] += 1
        return given.entry

    def settle(self) -> None:
        """Step until nothing is left to do."""
        self.system.settle()

    def deliver(self, _consumer: str, _source: str, _most: int) -> int:
        """Every event has been consumed."""
        return 0

    def deliver_most(self) -> None:
        """As above."""
        self.settle()

    def fire(self, _service: str, _most: int = 1_000) -> int:
        """The services fire what is due."""
        self.settle()
        return 0

    def seen(self, service: str) -> Seen:
        """The last checkpoint of a log, as its authors name it."""
        runner = self.system.runners[LogId(service)]
        return Seen(size=runner.tree.size, root=runner.tree.root())

    def entries(self) -> dict[str, list[Entry]]:
        """Every log."""
        return {
            log.name: [CODEC.decode_entry(data) for data in store.entries(0, 1 << 40)]
            for log, store in self.system.stores.items()
        }


def kinds(logs: dict[str, list[Entry]]) -> dict[str, set[str]]:
    """What logs contain: commands, events, refusals, timers and reactions (consumer and event)."""
    found: dict[str, set[str]] = {name: set() for name in ("commands", "events", "refusals", "timers", "reactions")}
    for service, log in logs.items():
        for entry in log:
            found["events"] |= {event.TYPE for event in entry.events}
            found["refusals"] |= {each.refusal.code.value for each in entry.outcomes if each.refusal is not None}
            found["refusals"] |= {str(event.code) for event in entry.events if isinstance(event, REFUSED)}
            if isinstance(entry.cause, TimerCause):
                found["timers"].add(f"{service} {entry.cause.kind}")
            elif isinstance(entry.cause, EntryCause):
                found["reactions"].add(f"{service} {_caused(logs, entry.cause)}")
            elif entry.outcomes:
                submission = CODEC.decode_payload(entry.cause.payload, b"")  # type: ignore[union-attr]
                found["commands"] |= {f"{body.TYPE} v{body.V}" for body in submission.bodies}
    return found


def _caused(logs: dict[str, list[Entry]], cause: EntryCause) -> str:
    return logs[cause.origin.split("/")[1]][cause.index].events[cause.item].TYPE
