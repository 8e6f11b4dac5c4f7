"""The commands and events of each service, as its modules declare them, and the codec of these words.

An entry that decides commands has its own service's events, and those that every log has; only one that consumes an
entry of another log may repeat that log's events. So who sends a command and verifies its receipt needs the words of
one service, and imports no others; of those only what is met, as far as it is where such words usually are.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property, lru_cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Final, TypeVar

import counterfoil.contract.events
from counterfoil.contract.canonical import Refused
from counterfoil.contract.codec import Codec
from counterfoil.contract.entry import ENTRY_TYPE, Entry
from counterfoil.contract.entry_form import entry_reader
from counterfoil.contract.log_id import log_of
from counterfoil.contract.record import Command, Event
from counterfoil.contract.refusals import Code
from counterfoil.contract.vocabulary import Vocabulary

K = TypeVar("K")
T = TypeVar("T")
Modules = tuple[ModuleType, ...]


def _issuance() -> tuple[Modules, Modules]:
    from counterfoil.issuance import (
        aid_commands,
        aid_events,
        class_commands,
        class_events,
        commands,
        control_commands,
        control_events,
        events,
        freeze_commands,
        freeze_events,
        invoice_commands,
        invoice_events,
        run_off_commands,
        run_off_events,
        taking_events,
    )

    of_commands = (
        commands, invoice_commands, run_off_commands, aid_commands, freeze_commands, class_commands, control_commands,
    )  # fmt: skip
    of_events = (
        events, invoice_events, run_off_events, aid_events, freeze_events, taking_events, class_events, control_events,
    )  # fmt: skip
    return of_commands, of_events


def _ledger() -> tuple[Modules, Modules]:
    from counterfoil.ledger import (
        amendment_events,
        closing_events,
        commands,
        credit_commands,
        credit_events,
        events,
        expiry_events,
        extension_commands,
        extension_events,
        invoice_events,
        notice_events,
        receivable_events,
        reclaim_events,
        tranche_commands,
        tranche_events,
        transfer_events,
    )

    of_events = (events, invoice_events, expiry_events, receivable_events, transfer_events, closing_events)
    return (commands, tranche_commands, extension_commands, credit_commands), (
        *of_events,
        tranche_events,
        extension_events,
        amendment_events,
        notice_events,
        credit_events,
        reclaim_events,
    )


def _matching() -> tuple[Modules, Modules]:
    from counterfoil.matching import (
        amendment_events,
        auction_commands,
        auction_events,
        collar_commands,
        collar_events,
        commands,
        cover_events,
        events,
        halt_commands,
        halt_events,
        inventory_commands,
        inventory_events,
        order_limit_commands,
        order_limit_events,
        performance_commands,
        performance_events,
        position_commands,
        position_events,
        reclaim_commands,
        reclaim_events,
        solution_commands,
        solution_events,
    )

    of_events = (
        events, amendment_events, performance_events, halt_events, auction_events, inventory_events, solution_events,
        collar_events,
        cover_events, reclaim_events, position_events, order_limit_events,
    )  # fmt: skip
    of_commands = (
        commands, performance_commands, halt_commands, auction_commands, inventory_commands, solution_commands,
        collar_commands, reclaim_commands, position_commands, order_limit_commands,
    )  # fmt: skip
    return of_commands, of_events


def _redemption() -> tuple[Modules, Modules]:
    from counterfoil.redemption import (
        adjustment_commands,
        adjustment_events,
        closing_events,
        commands,
        credit_events,
        events,
        notice_events,
        payer_commands,
        payer_events,
        reclaim_commands,
        reclaim_events,
    )

    of_commands = (commands, payer_commands, adjustment_commands, reclaim_commands)
    of_events = (events, credit_events, payer_events, closing_events, adjustment_events, notice_events, reclaim_events)
    return of_commands, of_events


_MODULES: Final[Mapping[str, Callable[[], tuple[Modules, Modules]]]] = {
    "issuance": _issuance,
    "ledger": _ledger,
    "matching": _matching,
    "redemption": _redemption,
}
"""By service, the modules that declare its commands, and those that declare its events."""


@cache
def vocabulary_of(service: str) -> Vocabulary:
    """The words of one service. Raises KeyError for a name that is no service."""
    of_commands, of_events = _MODULES[service]()
    commands = [each for module in of_commands for each in _declared(module, Command)]
    events = [each for module in (counterfoil.contract.events, *of_events) for each in _declared(module, Event)]
    return Vocabulary(
        commands={(each.TYPE, each.V): each for each in commands},
        service_of=dict.fromkeys(commands, service),
        events={each.TYPE: each for each in events},
    )


def _declared(module: ModuleType, base: type[T]) -> list[type[T]]:
    """The records of a kind that a module declares, in their order; none that it imports."""
    return [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, base) and each.__module__ == module.__name__
    ]


class _Words(Mapping[K, type[T]]):
    """Words of one service by name. To find one takes the modules that are here already and the service's first ones;
    all others are imported where it is in none of these, and where all words are asked for.
    """

    def __init__(self, whole: Callable[[], Mapping[K, type[T]]], near: Callable[[], dict[K, type[T]]]) -> None:
        self._whole, self._near = cache(whole), near
        self._found: dict[K, type[T]] = {}

    def __getitem__(self, name: K) -> type[T]:
        if name not in self._found:
            self._found |= self._near()
        found = self._found.get(name)
        return self._whole()[name] if found is None else found

    def __iter__(self) -> Iterator[K]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())


class _Deciding(Mapping[type[Command], str]):
    """By command the service, for those of one service."""

    def __init__(self, service: str, commands: Mapping[tuple[str, int], type[Command]]) -> None:
        self._service, self._commands = service, commands

    def __getitem__(self, kind: type[Command]) -> str:
        if self._commands[kind.TYPE, kind.V] is not kind:
            raise KeyError(kind)
        return self._service

    def __iter__(self) -> Iterator[type[Command]]:
        return iter(self._commands.values())

    def __len__(self) -> int:
        return len(self._commands)


class _ServiceCodec(Codec):
    """The codec of one service's words, for who meets few of them: each entry is read by the events that it names."""

    @cached_property
    def _read_entry(self) -> Callable[[bytes], Entry]:
        events = self.vocabulary.events

        @lru_cache(_KEPT)
        def reading(names: tuple[str, ...]) -> Callable[[bytes], Entry]:
            return entry_reader([events[name] for name in names])

        def read(data: bytes) -> Entry:
            named = {each.decode() for each in _NAMED.findall(data)} - {ENTRY_TYPE}
            return reading(tuple(sorted(name for name in named if name in events)) or _SOME)(data)

        return read


_NAMED: Final = re.compile(rb'"type":"([a-z0-9_.]{1,80}[.]v[0-9]{1,4})"')
_SOME: Final = ("state.rooted.v1",)
"""For an entry without events, since a reader has to know one."""
_KEPT: Final = 64


def _near(service: str, kind: str) -> Modules:
    """The modules of a service's commands or events that are imported, its first one, and those of the same topics."""
    package = f"counterfoil.{service}."
    topics = [name.removesuffix("commands") for name in sys.modules if name.startswith(package)]
    for name in dict.fromkeys((package, *topics)):
        if name.endswith((".", "_")) and find_spec(f"{name}{kind}") is not None:
            import_module(f"{name}{kind}")
    here = [name for name in sys.modules if name.startswith(package) and name.endswith(kind)]
    return tuple(sys.modules[name] for name in here)


@cache
def codec_of(service: str) -> Codec:
    """The codec of one service's words. Raises `Refused` for a name that is no service."""
    if service not in _MODULES:
        raise Refused(Code.UNKNOWN_TYPE, type=service[:40])
    commands = _Words(
        lambda: vocabulary_of(service).commands,
        lambda: {
            (each.TYPE, each.V): each for module in _near(service, "commands") for each in _declared(module, Command)
        },
    )
    events = _Words(
        lambda: vocabulary_of(service).events,
        lambda: {
            each.TYPE: each
            for module in (counterfoil.contract.events, *_near(service, "events"))
            for each in _declared(module, Event)
        },
    )
    return _ServiceCodec(Vocabulary(commands, _Deciding(service, commands), events))


def codec_at(origin: str) -> Codec:
    """The codec of a log's words. Raises `Refused` for what is no origin of a service's log."""
    try:
        service = log_of(origin).service
    except ValueError as problem:
        raise Refused(Code.MALFORMED, reason=f"no origin: {origin[:80]}") from problem
    return codec_of(service)


def service_of(command: Command) -> str:
    """The service that decides a command: the one in whose package it is declared."""
    return type(command).__module__.split(".")[1]
