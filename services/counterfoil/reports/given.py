"""What a report takes from outside the logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Given:
    """`bank`: by reference, micro-units that a bank's statement says were paid. `seed`, `size`: of a sample.

    `thresholds`: those of patterns that differ from their defaults, by pattern and name: ``F8.peers``.
    """

    bank: Mapping[str, int] | None = None
    seed: str = ""
    size: int = 25
    thresholds: Mapping[str, int] = field(default_factory=dict)
