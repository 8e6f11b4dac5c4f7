"""Where a balance can be proven: the entry with the last posting of its account, which says the balance after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from counterfoil.console.look import Look
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_
from counterfoil.contract.times import format_month
from counterfoil.ledger import chart
from counterfoil.ledger.chart import OWNER

PROVEN: Final = 50
"""So many balances of a page name their entry: each takes two reads."""


_CASH: Final = (
    Column("asset", N_("Currency"), "id"),
    Column("available", N_("Available"), "amount", unit="asset", posting="posting"),
    Column("held", N_("Held for orders and bonds"), "amount", unit="asset", balance="held"),
    Column("posted_at", N_("Last change"), "time"),
)


def cash_of(look: Look, party_id: str) -> Table:
    """A party's own cash, by currency; each balance can be proven by the entry of its last posting."""
    account = chart.cash(party_id)
    found = look.table("cash", "balances", N_("Own cash"), _CASH, account=account)
    rows = [
        {**row, "available": row["posted"] - row["held"], "posting": _last(look, account, str(row["asset"]))}
        for row in found.rows
    ]
    return replace(found, rows=rows)


def with_entries(look: Look, holdings: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `holdings`, each with its `posting`: index, account and asset, or None."""
    return [
        {**row, "posting": _last(look, OWNER + row["holder_id"], row["voucher_id"]) if nth < PROVEN else None}
        for nth, row in enumerate(holdings)
    ]


def _last(look: Look, account: str, asset: str) -> dict[str, Any] | None:
    balance = look.get("balances", account, asset)
    if balance is None:
        return None
    month = format_month(balance["posted_at"])
    posting = look.get("postings", month, account, asset, balance["n"])
    return None if posting is None else {"index": posting["index"], "account": account, "asset": asset}
