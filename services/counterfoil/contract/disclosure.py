"""Who may read what of an instance, as its operator sets it."""

from __future__ import annotations

from typing import Final, Literal

Disclosure = Literal["restricted", "public"]
"""``restricted``: everybody reads what concerns them, and only auditors and the operator read everything. ``public``:
everybody reads everything."""
DISCLOSURES: Final[tuple[Disclosure, ...]] = ("restricted", "public")
