"""The services, each listed once, and what is derived from their declarations: the vocabulary and its codec."""

from __future__ import annotations

from typing import Any, Final

from counterfoil.contract.codec import Codec
from counterfoil.contract.events import LogOpened, RulesAdopted, StateRooted, WriterResumed
from counterfoil.contract.record import Event
from counterfoil.contract.vocabulary import Subscriptions, Vocabulary
from counterfoil.core.decider import Decider
from counterfoil.issuance.service import SERVICE as ISSUANCE
from counterfoil.ledger.service import SERVICE as LEDGER
from counterfoil.matching.service import SERVICE as MATCHING
from counterfoil.ports import View
from counterfoil.redemption.service import SERVICE as REDEMPTION
from counterfoil.service import Service

CATALOGUE: Final[dict[str, Service]] = {each.name: each for each in (ISSUANCE, LEDGER, MATCHING, REDEMPTION)}
DECIDERS: Final[dict[str, Decider[Any]]] = {name: service.decider for name, service in CATALOGUE.items()}
VIEWS: Final[tuple[View, ...]] = tuple(view for service in CATALOGUE.values() for view in service.views)

EVERY_LOG: Final = (LogOpened, RulesAdopted, StateRooted, WriterResumed)
"""Events that the engine folds in every log."""


def subscriptions() -> Subscriptions:
    """Which events each service consumes, by source, as the deciders declare it."""
    return {
        name: {source: tuple(events) for source, events in decider.reactions.items()}
        for name, decider in DECIDERS.items()
    }


def _vocabulary() -> Vocabulary:
    service_of = {command: name for name, decider in DECIDERS.items() for command in decider.commands}
    # A log may hold only events that its state can fold, so the events are the keys of the `evolve` tables.
    events: dict[type[Event], None] = dict.fromkeys(EVERY_LOG)
    for decider in DECIDERS.values():
        events |= dict.fromkeys(decider.evolve)
    return Vocabulary(
        commands={(command.TYPE, command.V): command for command in service_of},
        service_of=service_of,
        events={event.TYPE: event for event in events},
        subscriptions=subscriptions(),
    )


VOCABULARY: Final = _vocabulary()
CODEC: Final = Codec(VOCABULARY)
