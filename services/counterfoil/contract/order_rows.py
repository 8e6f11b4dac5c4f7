"""Rows of orders, as the views show them: whether they say what became of the order, and where the causes are.

The entry of a command says that an order was received. Whether its funds could be held is decided by the ledger, in an
entry of its own; the row of the order tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

BIDS: Final = "bids"
OFFERS: Final = "offers"
HOLDS: Final = "holds"
TRADES: Final = "trades"
ORDERS: Final[Mapping[str, str]] = {BIDS: "bid_id", OFFERS: "offer_id"}
"""Views whose rows are settled by another service, and the column by which trades name their rows."""
_RECEIVED: Final = "received"
"""The status of an order whose funds are neither held nor refused."""
_UNFUNDED: Final = frozenset({"hold_refused", "bond_refused"})
"""Reasons to close an order whose cause is in the row of `HOLDS` with its id."""


def is_settled(view: str, row: Mapping[str, Any]) -> bool:
    """Whether a row of a view says what became of the command that made it."""
    return view not in ORDERS or row["status"] != _RECEIVED


def is_unfunded(view: str, row: Mapping[str, Any]) -> bool:
    """Whether an order was closed because its funds were refused; the row of `HOLDS` with its id says why."""
    return view in ORDERS and row["status_reason"] in _UNFUNDED
