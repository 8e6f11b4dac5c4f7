"""The services, each listed once, and what is derived from their declarations."""

from __future__ import annotations

from typing import Any, Final

from counterfoil.contract.events import LogOpened, RulesAdopted, StateRooted, WriterResumed
from counterfoil.contract.vocabulary import Subscriptions
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

SUBSCRIPTIONS: Final[Subscriptions] = {
    name: {source: tuple(events) for source, events in decider.reactions.items()} for name, decider in DECIDERS.items()
}
"""Which events each service consumes, by source, as the deciders declare it."""
