"""Rows of orders, as the views show them: whether they say what became of the order, and where the causes are.

The entry of a command says that an order was received, or is to have another price. Whether its funds could be held is
decided by the ledger, in an entry of its own; the row tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

BIDS: Final = "bids"
OFFERS: Final = "offers"
AMENDMENTS: Final = "amendments"
HOLDS: Final = "holds"
TRADES: Final = "trades"
FOLLOWED: Final[Mapping[str, str]] = {BIDS: "bid_id", OFFERS: "offer_id", AMENDMENTS: "amendment_id"}
"""Views whose rows are settled by another service, and their keys."""
_UNDECIDED: Final = frozenset({"received", "requested"})
"""The status of an order, or of its amendment, whose funds are neither held nor refused."""
_UNFUNDED: Final = frozenset({"hold_refused", "bond_refused"})
"""Reasons to close an order, or not to amend it, whose cause is in the row of `HOLDS` with the id of that."""


def is_settled(view: str, row: Mapping[str, Any]) -> bool:
    """Whether a row of a view says what became of the command that made it."""
    return view not in FOLLOWED or row["status"] not in _UNDECIDED


def is_unfunded(view: str, row: Mapping[str, Any]) -> bool:
    """Whether the funds of an order, or of its amendment, were refused; the row of `HOLDS` with its id says why."""
    return view in FOLLOWED and row["status_reason"] in _UNFUNDED


def failed_for(view: str, row: Mapping[str, Any]) -> str | None:
    """Why an amendment failed whose funds were not refused; None for anything else."""
    failed = view == AMENDMENTS and row["status"] == "failed" and not is_unfunded(view, row)
    return str(row["status_reason"]) if failed else None


def trades_of(view: str, row: Mapping[str, Any]) -> tuple[str, str]:
    """The column and value by which the trades of a row's order are found."""
    if view == AMENDMENTS:
        return FOLLOWED[f"{row['side']}s"], str(row["order_id"])
    return FOLLOWED[view], str(row[FOLLOWED[view]])
