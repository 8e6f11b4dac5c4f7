"""All four services as engines over logs in memory: what a runner does between its inbox and its store, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from counterfoil.accelerators import bundled_class
from counterfoil.catalogue import SUBSCRIPTIONS
from counterfoil.contract.accelerators import FloorPrice
from counterfoil.contract.canonical import canonical
from counterfoil.contract.codec import encode_entry, encode_payload
from counterfoil.contract.entry import Entry, EntryCause, GenesisCause, ResumedCause
from counterfoil.contract.limits import MAX_ENTRY_BYTES
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.submission import BATCH, Header
from counterfoil.contract.terms import FixedExpiry, Rate, RelativeExpiry
from counterfoil.contract.times import HOUR
from counterfoil.core.decider import Decider
from counterfoil.core.directory import Party
from counterfoil.core.engine import Engine
from counterfoil.core.rules import LATEST
from counterfoil.issuance import service as issuance
from counterfoil.issuance.class_commands import RegisterClass
from counterfoil.issuance.commands import (
    AppropriateBudget,
    ListProvider,
    PublishProgrammeV1,
    RegisterClassV1,
    RegisterParty,
)
from counterfoil.ledger import service as ledger
from counterfoil.ledger.commands import Deposit
from counterfoil.log.keys import SigningKey
from counterfoil.log.merkle import leaf_hash
from counterfoil.matching.service import SERVICE as MATCHING
from counterfoil.redemption import service as redemption
from counterfoil.vocabulary import CODEC, VOCABULARY
from tests.possession import HOST, proven
from tests.programmes import publish
from tests.properties.law_book import LawBook
from tests.rules import changed_rules
from tests.state_data import check_load
from tests.state_root import state_root

DECIDERS: dict[str, Decider[Any]] = {
    each.service: each for each in (issuance.DECIDER, ledger.DECIDER, MATCHING.decider, redemption.DECIDER)
}

PAIRS = tuple((consumer, source) for consumer, sources in SUBSCRIPTIONS.items() for source in sources)
SERVICE_OF = VOCABULARY.service_of
START_HOUR = 277_778
START = START_HOUR * HOUR
YUAN = 1_000_000
ROLES: dict[str, Any] = {
    "city": ("issuer",),
    "town": ("issuer", "treasurer"),
    "gpu-1": ("provider",),
    "gpu-2": ("provider", "beneficiary"),
    "lab-1": ("beneficiary",),
    "lab-2": ("beneficiary",),
    "bank": ("treasurer",),
    "watch": ("auditor",),
}
GROUPS = {"gpu-2": "related", "lab-2": "related"}
"""As registered; where duties are kept apart, a provider and a beneficiary of one programme cannot begin as related."""
GPUS = {"a100": 8, "h100": 8, "l40s": 1}


@contextmanager
def small_entries() -> Iterator[None]:
    """One match to a pass and two items to a sweep, so that small worlds need several."""
    with ExitStack() as stack:
        stack.enter_context(changed_rules(max_matches_per_entry=1, max_items_per_sweep=2))
        yield


def origin(service: str) -> str:
    """The origin of a service's log."""
    return f"{HOST}/{service}/main"


def public_key(number: int) -> bytes:
    """The `number`-th valid public key."""
    return SigningKey("key", number.to_bytes(32, "big")).verify_key.public


class World:
    """The engines, their logs, how far each consumer has read each source, and a clock for all.

    `adopts`: whether the operator may adopt new rules at any moment. `begins`: the rules that the logs begin with.
    """

    adopts = True
    host = HOST
    begins = 1

    def __init__(self) -> None:
        self.clock = START
        self.engines = {name: Engine(decider, origin(name), lambda _size: None) for name, decider in DECIDERS.items()}
        self.logs: dict[str, list[bytes]] = {name: [] for name in DECIDERS}
        self.cursors = dict.fromkeys(PAIRS, 0)
        self.twins: dict[str, Engine[Any]] = {}
        """Engines that were restored from records; from then on each must decide what the first one does."""
        self.slow: tuple[str, str] | None = None
        self.events: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.held_back = 0
        self.law_book = LawBook()
        self._commands = 0
        genesis = GenesisCause("operator", "Operator", public_key(0), self.begins, "0.1.0")
        for name, engine in self.engines.items():
            self._keep(name, *engine.genesis(genesis, self.clock))

    def state(self, service: str) -> Any:
        """A service's state."""
        return self.engines[service].state

    # what a runner does ---------------------------------------------------------------------------------------------

    def submit(self, actor: str, *bodies: Body, key_id: str | None = None) -> None:
        """Decide one command, or several as a batch; parties that the service does not know yet are turned away."""
        service = SERVICE_OF[type(bodies[0])]
        engine = self.engines[service]
        party = engine.state.directory.parties.get(actor)
        if party is None:
            return
        if key_id is None or key_id not in party.keys:
            key_id = (bodies[0].RECOVERY and party.recovery_key()) or first_in_force(party)
        self._commands += 1
        kind, version = (BATCH, 1) if len(bodies) > 1 else (bodies[0].TYPE, bodies[0].V)
        header = Header(
            type=kind, v=version, aud=engine.origin, actor=actor, key_id=key_id,
            command_id=f"00000000-0000-7000-8000-{self._commands:012x}",
            issued_at=self.clock, expires_at=self.clock + HOUR, seen=None,
        )  # fmt: skip
        submission = CODEC.decode_payload(encode_payload(header, bodies), bytes(64))
        assert submission.bodies == bodies
        before = engine.root()
        entry, data = self._made(service, lambda each: each.submit(submission, self.clock))
        assert len(entry.outcomes) == len(bodies)
        assert sum(outcome.events for outcome in entry.outcomes) == len(entry.events)
        for outcome in entry.outcomes:
            self.refusals["accepted" if outcome.refusal is None else outcome.refusal.code.value] += 1
        if not entry.events:  # the whole state costs as much as some twenty commands: every eighth time
            now = self.root(service) if self._commands % 8 == 0 else engine.root()
            assert now == before, "a refusal changes nothing"
        self._keep(service, entry, data)

    def deliver(self, consumer: str, source: str, most: int) -> int:
        """Let a service consume another's next entries; a source that is not ready waits. Returns how many it took."""
        engine, wanted = self.engines[consumer], SUBSCRIPTIONS[consumer][source]
        for taken in range(most):
            position = self.cursors[consumer, source]
            if position == len(self.logs[source]):
                return taken
            data = self.logs[source][position]
            events = [
                (item, event) for item, event in enumerate(CODEC.decode_entry(data).events) if type(event) in wanted
            ]
            ready = DECIDERS[consumer].ready
            if not all(ready[type(event)](engine.state, event) for _, event in events if type(event) in ready):
                self.held_back += 1
                return taken
            for item, event in events:
                cause = EntryCause(origin(source), position, leaf_hash(data), item)
                made = self._made(consumer, partial(_react, cause, event, self.clock))
                self._keep(consumer, *made)
            self.cursors[consumer, source] = position + 1
        return most

    def fire(self, service: str, most: int = 1_000) -> int:
        """Let a service do what is due by now; returns how many entries that made."""
        engine = self.engines[service]
        for fired in range(most):
            due = engine.due()
            if due is None or due[0] > max(self.clock, engine.time):
                return fired
            entry, data = self._made(service, partial(_fire, due[1], self.clock))
            assert entry.events, f"{due} had nothing to do"
            self._keep(service, entry, data)
        return most

    def restart(self) -> None:
        """Restore each engine from its records, in another order than they were made in."""
        for name, engine in self.engines.items():
            records = {key: canonical(value) for key, value in engine.decider.records(engine.state)}
            given = sorted(records.items(), reverse=True)
            self.twins[name] = twin = Engine.restore(
                engine.decider, engine.origin, lambda _size: None, given, engine.size, engine.time
            )
            assert twin.root() == engine.root()
            assert not twin.rooted, "nothing changed since"
            check_load(engine.decider, engine.state)

    def outage(self, service: str) -> None:
        """A service is away for as long as makes an outage, if the rules in force know any, and comes back."""
        engine = self.engines[service]
        if engine.state.rules.shortest_outage is not None:
            self.clock = max(self.clock, engine.time) + engine.state.rules.shortest_outage
            cause = ResumedCause(engine.time)
            self._keep(service, *self._made(service, lambda each: each.resume(cause, self.clock)))

    def _made(self, service: str, decide: Callable[[Engine[Any]], tuple[Entry, bytes]]) -> tuple[Entry, bytes]:
        made = decide(self.engines[service])
        if service in self.twins:
            assert decide(self.twins[service]) == made
        return made

    def settle(self) -> None:
        """Deliver and fire until nothing is left to do."""
        self.slow = None
        self.deliver_most()
        assert not self.left(), f"waiting for ever: {self.left()}"

    def deliver_most(self) -> None:
        """The same, but for the consumer that is slow with a source."""
        pairs = [pair for pair in PAIRS if pair != self.slow]
        while sum(self.deliver(*pair, 1_000) for pair in pairs) + sum(self.fire(name) for name in DECIDERS):
            pass

    def left(self) -> list[tuple[str, str]]:
        """Who has not read which source to its end."""
        return [pair for pair in PAIRS if self.cursors[pair] < len(self.logs[pair[1]])]

    def root(self, service: str) -> tuple[int, bytes]:
        """The root of a service's state, by what changed and by all there is."""
        root = self.engines[service].root()
        assert root == state_root(DECIDERS[service].records(self.state(service))), "something has no mark"
        return root

    def replayed_root(self, service: str) -> tuple[int, bytes]:
        """The same, of a state folded from the log's bytes alone."""
        engine = Engine(DECIDERS[service], origin(service), lambda _size: None)
        for data in self.logs[service]:
            engine.replay(CODEC.decode_entry(data))
        return state_root(DECIDERS[service].records(engine.state))

    def _keep(self, service: str, entry: Entry, data: bytes) -> None:
        """Append to the log what the codec must carry without loss, in the order of index and time."""
        log = self.logs[service]
        assert len(data) <= MAX_ENTRY_BYTES
        assert entry.index == len(log)
        again = CODEC.decode_entry(data)
        assert again == entry
        assert encode_entry(again) == data
        if log:
            assert CODEC.decode_entry(log[-1]).time < entry.time
        log.append(data)
        self.events.update(type(event).__name__ for event in entry.events)
        self.law_book.laws.see(self, service, entry)


def first_in_force(party: Party) -> str:
    """The key that a party signs with, unless said otherwise."""
    return next(key for key, (_, in_force) in party.keys.items() if in_force)


def _react(cause: EntryCause, event: Event, clock: int, engine: Engine[Any]) -> tuple[Entry, bytes]:
    return engine.react(cause, event, clock)


def _fire(kind: str, clock: int, engine: Engine[Any]) -> tuple[Entry, bytes]:
    return engine.fire(kind, clock)


# a market to start from ---------------------------------------------------------------------------------------------


def programme(programme_id: str, version: int = 1, **changes: Any) -> PublishProgrammeV1:
    """A version of programme p1 (half is paid, value comes back) or p2 (two thirds, what expires is lost)."""
    first = programme_id == "p1"
    terms: dict[str, Any] = {
        "programme_id": programme_id,
        "version": version,
        "title": "Compute vouchers",
        "legal_basis": "Notice 34",
        "currency": "CNY",
        "share": Rate(num=1, den=2) if first else Rate(num=2, den=3),
        "beneficiary_cap": 30_000 * YUAN,
        "min_face": YUAN,
        "classes": ("a100", "h100") if first else ("a100", "l40s"),
        "regions": ("east", "west"),
        "valid_from": START,
        "valid_until": START + 5_000 * HOUR,
        "expiry": RelativeExpiry(kind="relative", after_seconds=30 * 3_600)
        if first
        else FixedExpiry(kind="fixed", at=START + 800 * HOUR),
        "recycle": "appropriation" if first else "lapsed",
        "hold_tolls_expiry": first,
        "report_within_seconds": 7_200,
        "dispute_window_seconds": 3_600,
    }
    return publish(**(terms | changes))


def accelerator(class_id: str, version: int = 1) -> RegisterClassV1:
    """A class; only the size of its nodes matters."""
    return RegisterClassV1(
        class_id=class_id, version=version, description=class_id, mem_mb=81_920, gpus_per_node=GPUS[class_id],
        bf16_mtflops_nominal=312_000, bf16_mtflops_attested=None, interconnect=None, sources=(),
    )  # fmt: skip


def described(class_id: str, version: int, floor: int) -> RegisterClass:
    """A version of a class that says what is known of it, with a floor price in micro-units of CNY."""
    known = bundled_class("ascend-910b", class_id, version, (FloorPrice(currency="CNY", price=floor),))
    return replace(known, gpus_per_node=GPUS[class_id])


class Newest(World):
    """A world of the newest rules."""

    adopts, begins = False, LATEST


def opened(kind: type[World] = World) -> World:
    """A world with parties, classes, two programmes with budgets, listed providers and cash, all of it settled."""
    world = kind()
    found(world)
    return world


def found(world: World) -> None:
    """Make a market in a world that has nothing yet."""
    world.clock += 1
    groups = {} if world.state("issuance").rules.separates_duties else GROUPS
    parties: Sequence[Body] = [
        RegisterParty(
            party_id=name,
            name=name,
            roles=roles,
            group_id=groups.get(name, name),
            key=proven(n, name, world.host),
            recovery_key=proven(50 + n, name, world.host, "recovery"),
            looks_like=None,
        )
        for n, (name, roles) in enumerate(ROLES.items(), 1)
    ]
    world.submit("operator", *parties)
    world.submit("operator", *(accelerator(class_id) for class_id in GPUS))
    for programme_id, issuer in (("p1", "city"), ("p2", "town")):
        world.submit(
            issuer,
            programme(programme_id),
            AppropriateBudget(programme_id=programme_id, amount=20_000 * YUAN, document=f"budget of {programme_id}"),
            *(ListProvider(programme_id=programme_id, provider_id=name) for name in ("gpu-1", "gpu-2")),
        )
    world.settle()
    for name in ("gpu-1", "gpu-2", "lab-1", "lab-2"):
        world.submit(
            "bank", Deposit(party_id=name, currency="CNY", amount=4_000 * YUAN, payment_reference=f"wire of {name}")
        )
    world.settle()
    assert set(world.refusals) == {"accepted"}
