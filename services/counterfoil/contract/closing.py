"""What bars the closing of a programme, as the services that are asked say it."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import record
from counterfoil.contract.scalars import Amount, Count

OpenKind = Literal[
    "applications", "vouchers", "bids", "contracts", "unclaimed", "claims", "payable", "settlements", "receivables",
    "clawbacks",
]  # fmt: skip


@record
class StillOpen:
    """What bars the closing of a programme: how many, or of vouchers, and of claims and receivables in the ledger, how
    much. `claims` there are all that was captured and is not paid; of applications it is only known that there are."""

    kind: OpenKind
    number: Count
    amount: Amount
