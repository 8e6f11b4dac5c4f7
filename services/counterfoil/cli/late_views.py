"""The views by name, each imported with those of its service when it is asked for: a command pays for its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from counterfoil.ports import View

_VIEWS: Final = {
    "issuance": (
        "parties", "participants", "group_facts", "keys", "recoveries", "auditors", "rules", "currencies", "classes",
        "programmes", "programme_versions", "programme_documents", "document_pieces", "listings", "four_eyes",
        "vouchers", "applications", "application_steps", "facts",
    ),
    "ledger": (
        "balances", "vouchers_balance", "holds", "slashes", "credit_notes", "postings", "closing_balances",
        "asset_entries", "holdings", "holders", "transfers", "pledges",
    ),
    "matching": (
        "offers", "bids", "trades", "market_offers", "market_trades", "prevented_matches", "forced_cancellations",
    ),
    "redemption": (
        "contracts", "counterparties", "reports", "corrections", "claims", "reversals", "receivables", "settlements",
        "payments", "payable", "endorsements", "outages",
    ),
}  # fmt: skip
SERVICE_OF: Final[Mapping[str, str]] = {view: service for service, views in _VIEWS.items() for view in views}
"""The service of each view, as the catalogue has them (compared by a test)."""


class LateViews(Mapping[str, "View"]):
    """All views by name, in the order of the catalogue."""

    def __getitem__(self, name: str) -> View:
        # A view that is not in the table costs the import of other services' views, and is found all the same.
        for service in (SERVICE_OF[name],) if name in SERVICE_OF else _VIEWS:
            for view in import_module(f"counterfoil.{service}.views").VIEWS:
                if view.name == name:
                    found: View = view
                    return found
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(SERVICE_OF)

    def __len__(self) -> int:
        return len(SERVICE_OF)
