"""What the runner of the redemption log runs."""

from __future__ import annotations

from typing import Final

from counterfoil.core.redemption import DECIDER

SERVICE: Final = DECIDER.service

__all__ = ["DECIDER", "SERVICE"]
