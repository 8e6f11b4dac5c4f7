"""The golden logs: for each folder, the rules that its logs begin with, and those adopted half-way, if any."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
CASES: Final[dict[str, tuple[int, int | None]]] = {
    "rules-1": (1, None),
    "rules-1-to-2": (1, 2),
    "rules-2": (2, None),
    "rules-2-to-3": (2, 3),
    "rules-3": (3, None),
    "rules-3-to-4": (3, 4),
    "rules-4": (4, None),
    "rules-4-to-5": (4, 5),
    "rules-5": (5, None),
    "rules-5-to-6": (5, 6),
    "rules-6": (6, None),
    "rules-6-to-7": (6, 7),
    "rules-7": (7, None),
    "rules-7-to-8": (7, 8),
    "rules-8": (8, None),
    "rules-8-to-9": (8, 9),
    "rules-9": (9, None),
    "rules-9-to-10": (9, 10),
    "rules-10": (10, None),
}


def size_of(checkpoint: bytes) -> int:
    """The size that a checkpoint states; the signature is the audit's business."""
    return int(checkpoint.splitlines()[1])
