"""Words that modules of issuance share."""

from __future__ import annotations

from typing import Final, Literal

VoucherStatus = Literal["active", "suspended", "revoked", "returned", "expired"]
ApplicationStatus = Literal["submitted", "returned", "waitlisted", "approved", "rejected", "withdrawn"]
InvoiceStatus = Literal["claimed", "refused"]
ALL: Final = ""
"""In the place of a programme: all of them. No id is empty."""
TOGETHER: Final = frozenset({"RANKED", "PRO_RATA", "LOTTERY"})
"""The modes in which the applications of a window are decided together, when it is over."""
