"""The declaration of this service: what the catalogue lists and the shell runs."""

from __future__ import annotations

from typing import Final

from counterfoil.redemption.decider import DECIDER
from counterfoil.redemption.views import REDUCERS, VIEWS
from counterfoil.service import Service

SERVICE: Final = Service(DECIDER, VIEWS, REDUCERS)
