"""Batch auctions and halts: what has its own rules beside the continuous market."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from counterfoil.console import actions
from counterfoil.console.look import Look
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_
from counterfoil.contract.times import HOUR
from counterfoil.gateway.problems import Problem, ProblemCode

_AUCTIONS: Final = (
    Column("auction_id", N_("Auction"), "id", link="/console/auctions/{auction_id}", service="matching"),
    Column("classes", N_("Classes"), "list"),
    Column("region", N_("Region")),
    Column("first_hour", N_("From"), "hour"),
    Column("hours", N_("Hours"), "number"),
    Column("locks_at", N_("Orders until"), "time"),
    Column("reserve_price", N_("Reserve price per GPU-hour"), "amount", unit="currency"),
    Column("status", N_("Status"), "word"),
)
_PRICES: Final = (
    Column("hour", N_("Hour"), "hour"),
    Column("price", N_("Price per GPU-hour"), "amount", unit="currency"),
    Column("reserve_price", N_("Reserve price per GPU-hour"), "amount", unit="currency"),
    Column("nodes", N_("Nodes"), "number"),
)
_ORDERS: Final = (
    Column("order_id", N_("Order"), "id", service="matching"),
    Column("auction_id", N_("Auction"), "id", link="/console/auctions/{auction_id}"),
    Column("side", N_("Side"), "word"),
    Column("price", N_("Price per GPU-hour"), "amount"),
    Column("entered_at", N_("Received"), "time"),
    Column("admitted_at", N_("Admitted"), "time"),
)
_HALTS: Final = (
    Column("halt_id", N_("Halt"), "id", service="matching"),
    Column("class_id", N_("Class")),
    Column("region", N_("Region")),
    Column("provider_id", N_("Provider"), "id"),
    Column("halted_at", N_("Since"), "time"),
    Column("reason", N_("Reason")),
    Column("status", N_("Status"), "word"),
)


def read_all(look: Look) -> Mapping[str, Any]:
    """All auctions."""
    table = auctions_of(look)
    return {"tables": [table], "auctions": table}


def read(look: Look, auction_id: str) -> Mapping[str, Any]:
    """One auction: what it asks, its prices by hour, and the orders that the reader may see. Raises `Problem`."""
    row = look.get("auctions", auction_id)
    if row is None:
        raise Problem(ProblemCode.NOT_FOUND, auction_id[:80])
    unit = {"currency": row["currency"]}
    hours = look.rows("auction_prices", newest=False, auction_id=auction_id)
    by_hour = sorted(({**each, **unit} for each in hours), key=lambda each: int(each["hour"]))
    prices = Table("prices", N_("Prices by hour"), _PRICES, by_hour, limited=hours.limited)
    points = [(int(each["hour"]) * HOUR, int(each["price"])) for each in by_hour]
    points += [(points[-1][0] + HOUR, points[-1][1])] if points else []
    orders = orders_of(look, auction_id=auction_id)
    return {"auction": row, "prices": prices, "points": points, "orders": orders, "tables": [prices, orders]}


def auctions_of(look: Look, **where: Any) -> Table:
    """Auctions, the newest first."""
    table = look.table("auctions", "auctions", N_("Auctions of scarce hours"), _AUCTIONS, **where)
    return actions.of_role(look, "operator", actions.AUCTION, table)


def orders_of(look: Look, **where: Any) -> Table:
    """Orders in auctions, as far as the reader may see them."""
    return look.table("auction_orders", "auction_orders", N_("Orders in auctions"), _ORDERS, **where)


def halts_of(look: Look, **where: Any) -> Table:
    """What the operator halted."""
    return look.table("halts", "halts", N_("Halts of trading"), _HALTS, **where)
