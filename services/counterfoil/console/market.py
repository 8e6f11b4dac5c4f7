"""The market, for anybody: what can be had at which price, what was traded, and which programmes pay now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from counterfoil.console.look import Look
from counterfoil.console.tables import Column
from counterfoil.console.words import N_

_TRADES: Final = (
    Column("matched_at", N_("Time"), "time"),
    Column("class_id", N_("Class")),
    Column("region", N_("Region")),
    Column("nodes", N_("Nodes"), "number"),
    Column("hours", N_("Hours"), "number"),
    Column("price", N_("Price per GPU-hour"), "amount", unit="currency"),
    Column("trade_id", N_("Trade"), "id", service="matching"),
)


def read(look: Look) -> Mapping[str, Any]:
    """The page."""
    trades = look.table("trades", "market_trades", N_("Latest trades"), _TRADES)
    return {"tables": [trades], "trades": trades}
