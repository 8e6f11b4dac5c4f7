"""What a command made, and whether that is settled: from the reducers of the views, so that it is declared once.

The entry of a command says that an order was received. Whether its funds could be held is decided by the ledger, in an
entry of its own; the row of the order tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from counterfoil.catalogue import CATALOGUE, VIEWS
from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import log_of
from counterfoil.core.at import At
from counterfoil.matching.views import BIDS, OFFERS
from counterfoil.ports import Put, Row, View

ORDERS: Final[Mapping[str, str]] = {BIDS.name: "bid_id", OFFERS.name: "offer_id"}
"""Views whose rows are settled by another service, and the column by which trades name their rows."""
_RECEIVED: Final = "received"
"""The status of an order whose funds are neither held nor refused."""
_REFUSED: Final = frozenset({"hold_refused", "bond_refused"})
"""Reasons to close an order whose cause the ledger's view of holds has."""
_TOTALS: Final = frozenset({"balances", "closing_balances", "payable", "postings", "receivables", "rules"})
"""Views of sums and of their parts, and of the rules: whoever gives a command follows none of their rows."""
_VIEWS: Final = {view.name: view for view in VIEWS}


class Made(NamedTuple):
    """A row that an entry makes."""

    view: View
    key: tuple[object, ...]


def made_by(entry: Entry) -> list[Made]:
    """The first row that each event of an entry makes, in order of the events; of most events none."""
    log = log_of(entry.origin)
    at, reducers = At(entry.time, entry.index, 0, log.shard), CATALOGUE[log.service].reducers
    found = []
    for event in entry.events:
        changes = reducers[type(event)](event, at) if type(event) in reducers else ()
        put = next((each for each in changes if isinstance(each, Put) and each.view not in _TOTALS), None)
        if put is not None:
            view = _VIEWS[put.view]
            found.append(Made(view, tuple(put.row[name] for name in view.key)))
    return found


def is_settled(view: str, row: Row) -> bool:
    """Whether the row says what became of the command."""
    return view not in ORDERS or row["status"] != _RECEIVED


def is_unfunded(view: str, row: Row) -> bool:
    """Whether an order was closed because its funds were refused; the row of `holds` with its id says why."""
    return view in ORDERS and row["status_reason"] in _REFUSED
