"""Words that modules of issuance share."""

from __future__ import annotations

from typing import Final, Literal

VoucherStatus = Literal["active", "suspended", "revoked", "returned", "expired"]
ApplicationStatus = Literal["submitted", "returned", "waitlisted", "approved", "rejected", "withdrawn"]
ALL: Final = ""
"""In the place of a programme: all of them. No id is empty."""
BY_APPLICATION: Final = frozenset(
    {"APPLY_THEN_CLAIM", "APPLY_THEN_DEDUCT", "DEDUCT_AT_PROVIDER", "DISCOUNT_AT_PROVIDER", "IN_KIND"}
)
"""The redemption models in which an approved application gives the voucher, before anything is used."""
TOGETHER: Final = frozenset({"RANKED", "PRO_RATA", "LOTTERY"})
"""The modes in which the applications of a window are decided together, when it is over."""
