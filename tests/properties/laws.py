"""Laws over the history of a world that no state shows: read off each entry as it is made, each with a name.

A world shows its laws every entry of every log; a law that is broken stops it there. What a law has to know it keeps by
itself, from the events alone: nothing here asks the code that it judges. Each costs as much as an entry has events.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from counterfoil.contract.entry import CommandCause, Entry, EntryCause
from counterfoil.contract.events import (
    KeyAdded,
    KeyRevoked,
    PartyRecovered,
    ProgrammePublished,
    RecoveryKeySet,
)
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.record import Event
from counterfoil.issuance.aid_events import AidCounted
from counterfoil.issuance.commands import RecoverParty
from counterfoil.issuance.events import ApplicationDecided, VoucherGranted
from counterfoil.issuance.invoice_events import InvoiceClaimed, UseGranted
from counterfoil.ledger.events import CaptureJudged
from counterfoil.programme.rules import Rules

if TYPE_CHECKING:
    from tests.properties.world import World

JUDGED: Final = (ApplicationDecided, VoucherGranted, InvoiceClaimed, UseGranted, CaptureJudged)
"""Decisions that name the document which they were made by."""
KEYS: Final = (KeyAdded, KeyRevoked, PartyRecovered, RecoveryKeySet)


class Seen(NamedTuple):
    """An entry of a service's log, just made; `world` is as it is after it."""

    world: World
    service: str
    entry: Entry

    @property
    def time(self) -> int:
        """When it was decided."""
        return self.entry.time


Read = Callable[[Any, Seen], Iterable[str]]


class Law(ABC):
    """Something that always holds. `reads`: what it reads of which kind of event; each says what is broken."""

    service: str
    """Whose events it reads; what another service mirrors word for word is read once."""

    @abstractmethod
    def reads(self) -> Mapping[type[Event], Read]:
        """What it reads, by the type of an event."""


class Laws:
    """All laws of a world."""

    def __init__(self, laws: Iterable[Law]) -> None:
        self._reads: dict[tuple[str, type[Event]], list[Read]] = {}
        self._order = Order()
        self.read = 0
        for law in laws:
            for kind, read in law.reads().items():
                self._reads.setdefault((law.service, kind), []).append(read)

    def see(self, world: World, service: str, entry: Entry) -> None:
        """Judge an entry; raises where a law is broken, and names it."""
        seen = Seen(world, service, entry)
        broken = [*self._order.see(seen), *self._of_events(seen)]
        assert not broken, broken

    def _of_events(self, seen: Seen) -> Iterator[str]:
        for event in seen.entry.events:
            for read in self._reads.get((seen.service, type(event)), ()):
                self.read += 1
                for broken in read(event, seen):
                    yield f"{broken}: {event}"


class Order:
    """Entries follow one another; each cause is consumed once, in its order; who signs has a key that is in force."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}
        self._consumed: dict[tuple[str, str], tuple[int, int]] = {}
        self._keys: dict[tuple[str, str], set[tuple[str, bool]]] = {}
        """By service and party: the keys in force, and whether each is for its recovery alone."""

    def see(self, seen: Seen) -> Iterator[str]:
        """What an entry breaks."""
        service, entry = seen.service, seen.entry
        index, time = self._last.get(service, (-1, -1))
        if entry.index != index + 1 or entry.time <= time:
            yield f"indices have no gap, and times rise: {entry.index} after {index} in {service}"
        self._last[service] = (entry.index, entry.time)
        if isinstance(entry.cause, EntryCause):
            at = (entry.cause.index, entry.cause.item)
            if at <= self._consumed.get((service, entry.cause.origin), (-1, -1)):
                yield f"each event of another log is consumed once, in its order: {entry.cause}"
            self._consumed[service, entry.cause.origin] = at
        if isinstance(entry.cause, CommandCause):
            yield from self._commanded(seen, entry.cause)
        for event in entry.events:
            if isinstance(event, KEYS):
                self._key(service, event)

    def _commanded(self, seen: Seen, cause: CommandCause) -> Iterator[str]:
        accepted = [each.events for each in seen.entry.outcomes if each.refusal is None]
        if sum(accepted) != len(seen.entry.events):
            yield f"a refusal has no events: {seen.entry}"
        if not accepted:
            return
        header = json.loads(cause.payload)
        commands = header["body"]["commands"] if seen.entry.batch else [header]
        known = self._keys.get((seen.service, header["actor"]), set())
        for command, outcome in zip(commands, seen.entry.outcomes, strict=True):
            if outcome.refusal is None and (cause.key_id, command["type"] == RecoverParty.TYPE) not in known:
                yield f"the key that signs is in force at that index: {header} in {seen.service}"

    def _key(self, service: str, event: KeyAdded | KeyRevoked | RecoveryKeySet | PartyRecovered) -> None:
        keys = self._keys.setdefault((service, event.party_id), set())
        if isinstance(event, KeyAdded):
            keys.add((event.key_id, False))
        elif isinstance(event, KeyRevoked):
            keys.discard((event.key_id, False))
        elif isinstance(event, RecoveryKeySet):
            keys -= {each for each in keys if each[1]}
            keys.add((event.key_id, True))
        else:
            keys -= {(each, False) for each in event.revoked}
            keys.add((event.key_id, False))
            if event.recovery_key is not None:
                keys -= {each for each in keys if each[1]}
                keys.add((key_id_of(event.recovery_key), True))


class Decisions(Law):
    """What was decided names a document in force, and no counter passes its limit."""

    service = "issuance"

    def __init__(self) -> None:
        self._published: dict[bytes, str] = {}

    def reads(self) -> Mapping[type[Event], Read]:
        judged = dict.fromkeys(JUDGED[:-1], self.decided)
        return {ProgrammePublished: self.published, AidCounted: self.aided, **judged}

    def published(self, event: ProgrammePublished, _seen: Seen) -> Iterator[str]:
        """Keep what is in force."""
        self._published[event.rules_hash] = event.programme_id
        return iter(())

    def aided(self, event: AidCounted, _seen: Seen) -> Iterator[str]:
        """By a ceiling of law."""
        if event.counted_before + event.amount > event.ceiling:
            yield "no grant is above a ceiling of law"

    def decided(self, event: Any, seen: Seen) -> Iterator[str]:
        """By its document, and its caps."""
        if self._published.get(event.rules_hash) != event.programme_id:
            yield "a decision names rules that were in force"
        rules = seen.world.state("issuance").terms(event.programme_id)
        caps = rules.document.benefit.caps if isinstance(rules, Rules) else ()
        bound = [each for each in caps if each.waived_when is None and not each.set_at_approval]
        limits = {each.cap.id: each.limit for each in getattr(rules, "caps", ()) if each.cap in bound}
        for moved in getattr(event, "counters", ()):
            limit = limits.get(moved.cap)
            if limit is not None and moved.before < moved.after > limit:
                yield f"no counter exceeds its cap, {moved}"
