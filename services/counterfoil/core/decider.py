"""The shape of a service: ``decide(state, command) -> events | refusal`` and ``evolve(state, event)``, as tables.

`decide` functions read the state and never change it; only `evolve` functions change it, and only by what the event
says. So a state is the fold of its own log's events, on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from counterfoil.contract.events import (
    CurrencyRegistered,
    GroupAttested,
    KeyAdded,
    KeyRevoked,
    PartyClosed,
    PartyRecovered,
    PartyRegistered,
    PartyReinstated,
    PartySuspended,
    RecoveryKeySet,
    RulesAdopted,
)
from counterfoil.contract.record import Command, Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.currencies import minor_unit
from counterfoil.core.directory import Directory, Party
from counterfoil.core.form import COUNT, Form
from counterfoil.core.references import References
from counterfoil.core.rule_fields import Rules
from counterfoil.core.rules import LATEST, RULES, rules_of
from counterfoil.core.table import Record, Records, Table, dump, load

T = TypeVar("T", bound=Records)
IN_FORCE: Final = Form("rules", (), COUNT, "the version of the rules in force")
CURRENCY: Final = Form("currency", ("currency",), COUNT, "decimals of the minor unit of a currency that was registered")


class ServiceState:
    """What every service's state has: the rules in force, which the engine sets, and the parties with their keys."""

    __slots__ = ("_in_force", "_rules", "currencies", "directory", "next_rules", "references", "tables")

    def __init__(self) -> None:
        self.tables: list[Records] = []
        """All that is state: the rest follows from these, by `rebuild`."""
        self._in_force: Table[tuple[()], int] = self.keep(Table(IN_FORCE))
        self.rules = RULES[LATEST]  # until the log's first entry says which
        self.next_rules: int | None = None
        """The version that an event of the entry being made has named: in force from the next entry on."""
        self.directory = Directory()
        self.keep(self.directory.parties)
        self.keep(self.directory.histories)
        self.currencies: Table[str, int] = self.keep(Table(CURRENCY))
        self.references = References()
        self.keep(self.references.table)

    def keep(self, table: T) -> T:
        """Make a table part of the state."""
        self.tables.append(table)
        return table

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self._rules

    @rules.setter
    def rules(self, rules: Rules) -> None:
        self._rules = rules
        self._in_force[()] = rules.number

    def adopt(self, rules: Rules) -> None:
        """Other rules come into force, behind the entry that names them."""
        self.rules = rules
        self.rebuild()

    def minor_unit(self, currency: str) -> int | None:
        """The least that can be paid in a currency, in micro-units; None if the currency is not known."""
        known = self.rules.currencies
        if known is None:
            return 1
        digits = known.get(currency, self.currencies.get(currency))
        return None if digits is None else minor_unit(digits)

    def rebuild(self) -> None:
        """Derive what is not in the tables: after they were loaded, and when other rules come into force."""
        self._rules = rules_of(self._in_force[()])
        self.directory.rebuild()


S = TypeVar("S", bound=ServiceState)
Decision = Sequence[Event] | Refusal


@dataclass(frozen=True, slots=True)
class Decider(Generic[S]):
    """One service's business as data. All tables are keyed by the exact class of body or event.

    `commands`: body -> (state, body, actor, at) -> events or refusal.
    `reactions`: source service -> its event -> (state, event, at) -> events, perhaps none; no reaction is refused.
    These are the service's subscriptions: it consumes each such event, in order, exactly once.
    `ready`: another service's event -> (state, event) -> whether what it refers to has arrived here. Order holds within
    a source only; a source whose next event is not ready waits until the others caught up. Absent means always ready.
    `timers`: kind -> (state, cut-off, at) -> events for what was due at the cut-off, at most a sweep's worth.
    `due`: the earliest (time, kind) at which a timer has something to do, or None.
    `evolve`: own event -> (state, event, at), in place.
    `intake`: body -> a refusal for what this release cannot decide at all. It makes no entry: what one release does not
    know must not change what another one decides.
    """

    service: str
    initial: Callable[[], S]
    commands: Mapping[type[Command], Callable[[S, Any, Party, At], Decision]]
    reactions: Mapping[str, Mapping[type[Event], Callable[[S, Any, At], Sequence[Event]]]]
    ready: Mapping[type[Event], Callable[[S, Any], bool]]
    timers: Mapping[str, Callable[[S, int, At], Sequence[Event]]]
    due: Callable[[S], tuple[int, str] | None]
    evolve: Mapping[type[Event], Callable[[S, Any, At], None]]
    intake: Mapping[type[Command], Callable[[Any], Refusal | None]] = field(default_factory=dict)

    def records(self, state: S) -> Iterator[Record]:
        """All of a state as (key, JSON value) pairs, in any order; keys are unique."""
        return dump(state.tables)

    def load(self, records: Iterable[Record]) -> S:
        """The state that has these records: it decides whatever the one they come from would have decided."""
        state = self.initial()
        load(state.tables, records)
        state.rebuild()
        return state


def refuse(code: Code, **detail: object) -> Refusal:
    """A refusal with its offending fields or figures, rendered as text, in member order."""
    return Refusal(code, tuple(sorted((name, str(value)) for name, value in detail.items())))


def mirror(_state: object, event: Event, _at: At) -> Sequence[Event]:
    """The reaction that repeats another log's event unchanged, so that this log can be read on its own."""
    return (event,)


def _in_directory(apply: Callable[[Directory, Any], None]) -> Callable[[ServiceState, Any, At], None]:
    return lambda state, event, _at: apply(state.directory, event)


def _currency_registered(state: ServiceState, event: CurrencyRegistered, _at: At) -> None:
    state.currencies[event.currency] = event.minor_units


COMMON: Final[Mapping[type[Event], Callable[[Any, Any, At], None]]] = {
    PartyRegistered: _in_directory(Directory.registered),
    GroupAttested: _in_directory(Directory.group_attested),
    KeyAdded: _in_directory(Directory.key_added),
    KeyRevoked: _in_directory(Directory.key_revoked),
    RecoveryKeySet: _in_directory(Directory.recovery_key_set),
    PartyRecovered: _in_directory(Directory.recovered),
    PartyClosed: _in_directory(Directory.closed),
    PartySuspended: _in_directory(Directory.suspended),
    PartyReinstated: _in_directory(Directory.reinstated),
    CurrencyRegistered: _currency_registered,
}
"""How every state applies the events about parties and keys."""

MIRRORED: Final[Mapping[type[Event], Callable[[Any, Any, At], Sequence[Event]]]] = dict.fromkeys(
    (*COMMON, RulesAdopted), mirror
)
"""Reactions of every service but issuance to what issuance decides for all of them."""
