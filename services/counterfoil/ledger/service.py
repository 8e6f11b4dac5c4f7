"""What the runner runs for this service."""

from __future__ import annotations

from typing import Final

from counterfoil.core.ledger import DECIDER

SERVICE: Final = DECIDER.service

__all__ = ["DECIDER", "SERVICE"]
