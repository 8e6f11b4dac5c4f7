"""The commands and events of each service, as its modules declare them, and the codec of these words.

An entry that decides commands has its own service's events, and those that every log has; only one that consumes an
entry of another log may repeat that log's events. So who sends a command and verifies its receipt needs the words of
one service, and imports no others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Final, TypeVar

import counterfoil.contract.events
from counterfoil.contract.canonical import Refused
from counterfoil.contract.codec import Codec
from counterfoil.contract.log_id import log_of
from counterfoil.contract.record import Command, Event
from counterfoil.contract.refusals import Code
from counterfoil.contract.vocabulary import Vocabulary

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
        performance_commands,
        performance_events,
        reclaim_commands,
        reclaim_events,
        solution_commands,
        solution_events,
    )

    of_events = (
        events, amendment_events, performance_events, halt_events, auction_events, inventory_events, solution_events,
        collar_events,
        cover_events, reclaim_events,
    )  # fmt: skip
    of_commands = (
        commands, performance_commands, halt_commands, auction_commands, inventory_commands, solution_commands,
        collar_commands, reclaim_commands,
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


@cache
def codec_of(service: str) -> Codec:
    """The codec of one service's words. Raises `Refused` for a name that is no service."""
    if service not in _MODULES:
        raise Refused(Code.UNKNOWN_TYPE, type=service[:40])
    return Codec(vocabulary_of(service))


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
