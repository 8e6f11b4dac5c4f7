"""The commands and events of all services, as their modules declare them, and the codec of these words.

It needs none of the deciders, so that a client knows all words without them.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final, TypeVar

import counterfoil.contract.events
import counterfoil.issuance.commands
import counterfoil.issuance.events
import counterfoil.issuance.invoice_commands
import counterfoil.issuance.invoice_events
import counterfoil.ledger.commands
import counterfoil.ledger.events
import counterfoil.ledger.expiry_events
import counterfoil.ledger.invoice_events
import counterfoil.ledger.receivable_events
import counterfoil.ledger.transfer_events
import counterfoil.matching.commands
import counterfoil.matching.events
import counterfoil.redemption.commands
import counterfoil.redemption.events
from counterfoil.contract.codec import Codec
from counterfoil.contract.record import Command, Event
from counterfoil.contract.vocabulary import Vocabulary

T = TypeVar("T")

_COMMANDS: Final = {
    "issuance": (counterfoil.issuance.commands, counterfoil.issuance.invoice_commands),
    "ledger": (counterfoil.ledger.commands,),
    "matching": (counterfoil.matching.commands,),
    "redemption": (counterfoil.redemption.commands,),
}
_EVENTS: Final = (
    counterfoil.contract.events,
    counterfoil.issuance.events,
    counterfoil.issuance.invoice_events,
    counterfoil.ledger.events,
    counterfoil.ledger.invoice_events,
    counterfoil.ledger.expiry_events,
    counterfoil.ledger.receivable_events,
    counterfoil.ledger.transfer_events,
    counterfoil.matching.events,
    counterfoil.redemption.events,
)


def _declared(module: ModuleType, base: type[T]) -> list[type[T]]:
    """The records of a kind that a module declares, in their order; none that it imports."""
    return [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, base) and each.__module__ == module.__name__
    ]


def _commands(modules: tuple[ModuleType, ...]) -> list[type[Command]]:
    return [each for module in modules for each in _declared(module, Command)]


def _vocabulary() -> Vocabulary:
    service_of = {each: service for service, modules in _COMMANDS.items() for each in _commands(modules)}
    return Vocabulary(
        commands={(each.TYPE, each.V): each for each in service_of},
        service_of=service_of,
        events={each.TYPE: each for module in _EVENTS for each in _declared(module, Event)},
    )


VOCABULARY: Final = _vocabulary()
CODEC: Final = Codec(VOCABULARY)
