"""What bounds a programme document and what is judged by it, each tested at n and n + 1."""

from __future__ import annotations

from typing import Final

MAX_DOCUMENT_BYTES: Final = 131_072
"""Of the text that a person writes, YAML or JSON, and of its canonical form."""
MAX_DOCUMENT_NESTING: Final = 16
MAX_TEXT: Final = 2_000
"""Characters of a free text."""
MAX_ITEMS: Final = 64
"""Of each list: tiers, caps, envelopes, conditions and so on."""
MAX_CODES: Final = 512
"""Of lists of codes: SKUs, classes, regions, industries."""
MAX_TERMS: Final = 128
"""Comparisons in one condition."""
MAX_DAYS: Final = 36_600
MAX_MONTHS: Final = 1_200
MAX_COUNT: Final = 1_000_000_000
MAX_LINES: Final = 1_000
"""Lines judged at once."""
MAX_FACTS: Final = 512
"""Facts about one subject."""
