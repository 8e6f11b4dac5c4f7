"""The credit market: the book of each series, what was traded in it, and what the reader's own vouchers would fetch.

A *series* is what is alike for a buyer: vouchers of one version of a programme that end in one local month. Prices are
basis points of par.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from counterfoil.console import actions
from counterfoil.console.balances import with_entries
from counterfoil.console.formats import MICRO
from counterfoil.console.look import Look, Rows
from counterfoil.console.parties import Sums, Units, total
from counterfoil.console.programmes import rules_of
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_
from counterfoil.contract.times import parse_month
from counterfoil.ledger.credit_book import LOT, Series, month_of, paid
from counterfoil.ledger.handovers import has_book
from counterfoil.programme.rules import Rules

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_BOOKS: Final = 8
"""Of so many series at most is said what one's credit would fetch: each takes a read."""
_LINK: Final = "/console/credit?programme_id={programme_id}&version={version}&month={ends}"
_PROGRAMME: Final = Column("programme", N_("Programme"), link=_LINK)
_SERIES: Final = (
    Column("title", N_("Programme"), link=_LINK),
    Column("version", N_("Version"), "number"),
    Column("month", N_("Ends in the month")),
    Column("bid", N_("Highest bid, basis points of par"), "number"),
    Column("ask", N_("Lowest offer, basis points of par"), "number"),
    Column("last", N_("Last price, basis points of par"), "number"),
)
_LEVELS: Final = (
    Column("side", N_("Side"), "word"),
    Column("price_bps", N_("Price, basis points of par"), "number"),
    Column("orders", N_("Orders"), "number"),
    Column("left", N_("Credit"), "amount", unit="unit"),
)
_TRADES: Final = (
    Column("settled_at", N_("Time"), "time"),
    Column(
        "programme", N_("Programme"), link="/console/credit?programme_id={programme_id}&version={version}&month={ends}"
    ),
    Column("month", N_("Ends in the month")),
    Column("amount", N_("Credit"), "amount", unit="unit"),
    Column("price_bps", N_("Price, basis points of par"), "number", said=True),
    Column("price", N_("Paid for it"), "amount", unit="unit"),
    Column("trade_id", N_("Trade"), "id", service="ledger"),
)
_PRICES: Final = (
    Column("settled_at", N_("Time"), "time"),
    Column("price_bps", N_("Price, basis points of par"), "number"),
    Column("amount", N_("Credit"), "amount", unit="unit"),
)
_OWN: Final = (
    Column("order_id", N_("Order"), "id", service="ledger"),
    Column("placed_at", N_("Received"), "time"),
    Column("side", N_("Side"), "word"),
    Column(
        "programme", N_("Programme"), link="/console/credit?programme_id={programme_id}&version={version}&month={ends}"
    ),
    Column("month", N_("Ends in the month")),
    Column("price_bps", N_("Price, basis points of par"), "number", said=True),
    Column("amount", N_("Credit"), "amount", unit="unit"),
    Column("left", N_("Left on the book"), "amount", unit="unit"),
    Column("traded", N_("Traded"), "amount", unit="unit"),
    Column("status", N_("Status"), "word"),
    Column("why", N_("Why"), "code"),
)
_FETCH: Final = (
    Column("voucher_id", N_("Voucher"), "id", service="issuance"),
    _PROGRAMME,
    Column("month", N_("Ends in the month")),
    Column("available", N_("Available"), "amount", unit="unit", posting="posting"),
    Column("price_bps", N_("Highest bid, basis points of par"), "number"),
    Column("sold", N_("Of it wanted now"), "amount", unit="unit"),
    Column("fetches", N_("Fetches now"), "amount", unit="unit"),
)  # fmt: skip


def read(look: Look) -> Mapping[str, Any]:
    """The page: what the reader's own credit would fetch and its orders, all series, and one of them in detail."""
    units, programmes = Units(look), _Programmes(look)
    trades = _trades(look, units)
    depth = [look.rows("credit_depth", side=side) for side in ("bid", "offer")]
    mine = None if look.who.party_id is None else _mine(look, units, programmes, look.who.party_id)
    found: dict[Series, None] = dict.fromkeys(map(_of, (*depth[0], *depth[1], *trades.rows)))
    found |= dict.fromkeys(() if mine is None else mine["series"])
    chosen = _asked(look) or next(iter(found), None)
    order = [chosen, *(each for each in sorted(found) if each != chosen)] if chosen else []
    rows, older = look.part("series", [_overview(units, each, depth, trades.rows) for each in order])
    series = actions.of_role(
        look,
        "beneficiary",
        actions.CREDIT_SERIES,
        Table("series", N_("All series"), _SERIES, rows, older, _more(depth)),
    )
    detail = {} if chosen is None else _detail(look, units, programmes, chosen)
    own = () if mine is None else (mine["fetch"], mine["orders"])
    tables = [*own, series, trades, *(each for each in detail.values() if isinstance(each, Table))]
    return {"mine": mine, "series": series, "chosen": chosen, "trades": trades, **detail, "tables": tables}


def trades_of(look: Look) -> Table:
    """The newest trades of credit, of all series."""
    return _trades(look, Units(look))


class _Programmes:
    """The rules of the versions of programmes, each read once."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._known: dict[tuple[str, int], Rules | None] = {}

    def rules(self, programme_id: str, version: int) -> Rules | None:
        """Those of a version that has a book of credit, else None."""
        key = programme_id, version
        if key not in self._known:
            rules = rules_of(self._look, programme_id, version)
            self._known[key] = rules if rules is not None and has_book(rules) else None
        return self._known[key]


def _of(row: Mapping[str, Any]) -> Series:
    return Series(str(row["programme_id"]), int(row["version"]), row["month"] or "")


def _asked(look: Look) -> Series | None:
    """The series that the address names, whether or not anything is there."""
    programme_id, version, month = (look.query.get(name, "") for name in ("programme_id", "version", "month"))
    if _NAME.fullmatch(programme_id) is None or _NUMBER.fullmatch(version) is None:
        return None
    if month:
        try:
            parse_month(month)
        except ValueError:
            return None
    return Series(programme_id, int(version), month)


def _more(rows: Iterable[Rows]) -> int:
    return max((each.limited for each in rows), default=0)


def _shown(units: Units, rows: Sequence[Mapping[str, Any]]) -> Rows:
    """Rows with the currency and title of their programme, and the month as an address has it."""
    added = units.added(rows)
    found = Rows({**row, "ends": row["month"] or ""} for row in added)
    found.limited = added.limited
    return found


def _trades(look: Look, units: Units) -> Table:
    table = look.table("credit_trades", "credit_trades", N_("Latest trades of credit"), _TRADES)
    return replace(table, rows=_shown(units, table.rows))


def _overview(
    units: Units, series: Series, depth: Sequence[Rows], trades: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The row of a series."""
    bids, offers = ([row["price_bps"] for row in side if _of(row) == series] for side in depth)
    last = next((row["price_bps"] for row in trades if _of(row) == series), None)
    names = {"programme_id": series.programme_id, "version": series.version, "month": series.month or None}
    title = units.programme(series.programme_id)["title"]
    prices = {"bid": max(bids, default=None), "ask": min(offers, default=None), "last": last}
    return {**names, "ends": series.month, "title": title, **prices}


def _book(look: Look, series: Series, side: str) -> Rows:
    """The open orders of one side of a series, the best first; of more than `SUMMED`, the newest."""
    where: dict[str, Any] = {"month": series.month} if series.month else {}
    found = look.rows("credit_depth", programme_id=series.programme_id, side=side, **where)
    sign = -1 if side == "bid" else 1
    rows = Rows(sorted((row for row in found if _of(row) == series), key=lambda row: sign * row["price_bps"]))
    rows.limited = found.limited
    return rows


def _detail(look: Look, units: Units, programmes: _Programmes, series: Series) -> dict[str, Any]:
    """One series: its book by price, and the prices of its trades."""
    unit = units.programme(series.programme_id)["currency"]
    bids, offers = (_book(look, series, side) for side in ("bid", "offer"))
    levels = [level for side in (offers, bids) for level in _levels(side, unit)]
    where: dict[str, Any] = {"month": series.month} if series.month else {}
    found = look.rows("credit_trades", programme_id=series.programme_id, **where)
    prices = [{**row, "unit": unit} for row in reversed(found) if _of(row) == series]
    limited = _more((bids, offers))
    return {
        "unit": unit,
        "title": units.programme(series.programme_id)["title"],
        "rules": programmes.rules(series.programme_id, series.version),
        "best": {"bid": bids[0]["price_bps"] if bids else None, "ask": offers[0]["price_bps"] if offers else None},
        "wanted": _sum(bids, unit),
        "offered": _sum(offers, unit),
        "levels": Table("levels", N_("Book by price"), _LEVELS, levels, limited=limited),
        "offers": _points(offers),
        "bids": _points(bids),
        "prices": Table("prices", N_("Prices of trades"), _PRICES, prices, limited=found.limited),
        "points": [(row["settled_at"], row["price_bps"] * MICRO) for row in prices],
    }


def _sum(rows: Rows, unit: str | None) -> Sums:
    sums = Sums([(unit, sum(int(row["left"]) for row in rows))] if rows and unit else [])
    sums.limited = rows.limited
    return sums


def _levels(rows: Rows, unit: str | None) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        level = found.setdefault(
            row["price_bps"],
            {"side": row["side"], "price_bps": row["price_bps"], "orders": 0, "left": 0, "unit": unit},
        )
        level["orders"] += 1
        level["left"] += row["left"]
    return list(found.values())


def _points(rows: Rows) -> list[tuple[int, int]]:
    """(price, whole units of credit) for a drawing."""
    return [(row["price_bps"] * MICRO, row["left"] // MICRO) for row in rows]


def _mine(look: Look, units: Units, programmes: _Programmes, party_id: str) -> dict[str, Any]:
    """What the party's vouchers would fetch if all that is available were sold now, and its orders."""
    held = units.added(look.rows("holdings", holder_id=party_id))
    ends_first = sorted((row for row in held if row["available"]), key=lambda row: row["expires_at"])
    shown, older = look.part("fetch", ends_first)
    tradable = [each for row in shown for each in _tradable(look, programmes, row)]
    orders = look.table("credit_orders", "credit_orders", N_("My orders for credit"), _OWN, party_id=party_id)
    orders = replace(orders, rows=_shown(units, orders.rows))
    own = {row["order_id"] for row in look.rows("credit_orders", party_id=party_id, status="open")}
    books = {each: _book(look, each, "bid") for each in list(dict.fromkeys(map(_of, tradable)))[:_BOOKS]}
    rows = Rows({**row, **_fetched(row["available"], books.get(_of(row)), own)} for row in with_entries(look, tradable))
    rows.limited = max(held.limited, len(shown) if older else 0, _more(books.values()))
    fetch = Table("fetch", N_("What my credit would fetch now"), _FETCH, rows, older, rows.limited)
    return {
        "fetch": replace(fetch, actions=actions.CREDIT_OFFER),
        "fetches": total(rows, "fetches"),
        "orders": replace(orders, actions=actions.CREDIT_ORDER),
        "series": list(books),
    }


def _tradable(look: Look, programmes: _Programmes, row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A holding with its series, if it can be offered: of a programme with a book, and of a voucher that lives."""
    voucher = look.get("vouchers", row["voucher_id"])
    rules = None if voucher is None else programmes.rules(row["programme_id"], voucher["version"])
    if voucher is not None and rules is not None and voucher["status"] == "active":
        month = month_of(rules, row["expires_at"])
        yield {**row, "version": voucher["version"], "month": month or None, "ends": month}


def _fetched(available: int, bids: Rows | None, own: set[object]) -> dict[str, Any]:
    """How much of an amount the bids of others take now, at which price at best, and what they pay for it."""
    if bids is None:
        return {"price_bps": None, "sold": None, "fetches": None}
    others = [row for row in bids if row["order_id"] not in own]
    offered = left = available - available % LOT
    fetches = 0
    for row in others:
        taken = min(left, row["left"])
        left, fetches = left - taken, fetches + paid(taken, row["price_bps"])
    return {"price_bps": others[0]["price_bps"] if others else None, "sold": offered - left, "fetches": fetches}
