"""What an entry of matching's log has for anybody: trades, prices of auctions, halts; without whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from counterfoil.contract.record import Event
from counterfoil.contract.times import format_hour, format_time
from counterfoil.gateway.rows import render
from counterfoil.matching.auction_events import AuctionCleared, TradeCleared
from counterfoil.matching.events import TradeMatched
from counterfoil.matching.halt_events import TradingHalted, TradingResumed
from counterfoil.matching.views import MARKET_TRADES
from counterfoil.vocabulary import CODEC

_HALTED: Final = ("halt_id", "class_id", "region", "provider_id", "reason")


def shown_to_all(data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """The kind and the values of what each event of an entry has for anybody; times and amounts are text."""
    entry = CODEC.decode_proven_entry(data)
    for event in entry.events:
        yield from _shown(event, entry.time)


def _shown(event: Event, time: int) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(event, TradeMatched | TradeCleared):
        row = {name: getattr(event, name) for name in MARKET_TRADES.columns if name != "matched_at"}
        yield "trade", render(MARKET_TRADES, {**row, "matched_at": time})
    elif isinstance(event, AuctionCleared):
        for hour in event.hours:
            yield "auction_price", {
                "auction_id": event.auction_id, "hour": format_hour(hour.hour), "price": str(hour.price),
                "nodes": hour.nodes, "reserve_price": str(hour.reserve_price), "cleared_at": format_time(time),
            }  # fmt: skip
    elif isinstance(event, TradingHalted):
        yield "halt", {name: getattr(event, name) for name in _HALTED} | {"halted_at": format_time(time)}
    elif isinstance(event, TradingResumed):
        yield "resumption", {"halt_id": event.halt_id, "resumed_at": format_time(time)}
