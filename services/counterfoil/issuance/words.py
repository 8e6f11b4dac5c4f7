"""Words that issuance's state shares with its views."""

from __future__ import annotations

from typing import Final, Literal

VoucherStatus = Literal["active", "suspended", "revoked", "returned", "expired"]
ApplicationStatus = Literal["submitted", "returned", "waitlisted", "approved", "rejected", "withdrawn"]
ALL: Final = ""
"""In the place of a programme: all of them. No id is empty."""
