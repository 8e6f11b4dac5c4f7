"""The services, each named once: what decides them, how their logs are projected, and the views that come of it."""

from __future__ import annotations

from typing import Any, Final

from counterfoil.core.decider import Decider
from counterfoil.issuance import service as issuance
from counterfoil.issuance import views as issuance_views
from counterfoil.ledger import service as ledger
from counterfoil.ledger import views as ledger_views
from counterfoil.matching import service as matching
from counterfoil.matching import views as matching_views
from counterfoil.ports import View
from counterfoil.redemption import service as redemption
from counterfoil.redemption import views as redemption_views
from counterfoil.runtime.projector import Project

DECIDERS: Final[dict[str, Decider[Any]]] = {
    "issuance": issuance.DECIDER,
    "ledger": ledger.DECIDER,
    "matching": matching.DECIDER,
    "redemption": redemption.DECIDER,
}
PROJECT: Final[dict[str, Project]] = {
    "issuance": issuance_views.PROJECT,
    "ledger": ledger_views.PROJECT,
    "matching": matching_views.PROJECT,
    "redemption": redemption_views.PROJECT,
}
VIEWS: Final[tuple[View, ...]] = (
    *issuance_views.VIEWS,
    *ledger_views.VIEWS,
    *matching_views.VIEWS,
    *redemption_views.VIEWS,
)
