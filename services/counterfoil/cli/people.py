"""Rows of views for people: amounts in units of their currency, which stands beside them, and times with their zone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from counterfoil.cli.values import decimals_of, in_units, show_amount
from counterfoil.client.problems import RefusedByService, as_answered
from counterfoil.errors import CounterfoilError

if TYPE_CHECKING:
    from counterfoil.cli.late_views import View
    from counterfoil.client.http import Gateway

Row = Mapping[str, Any]
_BY: Final = {
    "programme_id": "programmes",
    "contract_id": "contracts",
    "bid_id": "bids",
    "offer_id": "offers",
    "claim_id": "claims",
    "auction_id": "auctions",
}
"""The columns that lead to a currency, and the views where it is."""
_HELD_FOR: Final = {"bid": "bids", "offer": "offers", "contract": "contracts"}
_ASSETS: Final = (("budget:", "programmes"), ("claims:", "programmes"), ("", "vouchers"))
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_MANY: Final = 20
"""From so many rows of one view on, all of it is read at once."""


class Currencies:
    """Which currency the amounts of a row are in."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known: dict[tuple[str, str], str | None] = {}

    def of(self, rows: Sequence[Row]) -> list[str | None]:
        """The currency of each row; None where it is not told."""
        ways = [_way(row) for row in rows]
        missing = {way for way in ways if isinstance(way, tuple)}
        for view in {view for view, _ in missing}:
            if sum(each == view for each, _ in missing) >= _MANY:
                self._read(view)
        return [self._follow(way) if isinstance(way, tuple) else way for way in ways]

    def _read(self, view: str) -> None:
        for row in self._gateway.rows(view):
            self._known[view, row[f"{view.removesuffix('s')}_id"]] = self._follow_row(row)

    def _follow(self, way: tuple[str, str]) -> str | None:
        if way not in self._known:
            self._known[way] = None
            with suppress(RefusedByService):  # not for this reader, or not there
                self._known[way] = self._follow_row(self._gateway.get(*way))
        return self._known[way]

    def _follow_row(self, row: Row) -> str | None:
        way = _way(row)
        return self._follow(way) if isinstance(way, tuple) else way


def _way(row: Row) -> tuple[str, str] | str | None:
    """The row's currency, or the view and key of the row that leads to it."""
    if row.get("currency"):
        return str(row["currency"])
    asset = row.get("asset")
    if asset is not None:
        if _CURRENCY.fullmatch(asset):
            return str(asset)
        return next((view, asset.removeprefix(prefix)) for prefix, view in _ASSETS if asset.startswith(prefix))
    if row.get("purpose") in _HELD_FOR:
        return _HELD_FOR[row["purpose"]], str(row["hold_id"])
    return next(((view, str(row[name])) for name, view in _BY.items() if row.get(name)), None)


def currencies_of(gateway: Gateway | None, rows: Sequence[Row]) -> list[str | None]:
    """The currency of each row; None where neither the row nor the gateway, if there is one, tells it."""
    if gateway is not None:
        with suppress(CounterfoilError), as_answered():  # what is shown must not depend on it
            return Currencies(gateway).of(rows)
    return [row.get("currency") for row in rows]


def for_people(gateway: Gateway, view: View, rows: Sequence[Row], *, local: bool = False) -> list[dict[str, Any]]:
    """The rows as texts: of each column all amounts have as many decimals. `local`: times are this machine's."""
    amounts = [name for name, kind in view.columns.items() if kind.startswith("amount")]
    times = [name for name, kind in view.columns.items() if kind.startswith("time")]
    with as_answered():
        digits = {name: max([2, *(decimals_of(int(row[name])) for row in rows if row.get(name))]) for name in amounts}
        currencies = Currencies(gateway).of(rows) if amounts else [None] * len(rows)
        shown = []
        for row, currency in zip(rows, currencies, strict=True):
            made = in_units(row, (), lambda micro, code=currency: show_amount(micro, code))  # type: ignore[misc]
            made |= {name: show_amount(int(row[name]), currency, digits[name]) for name in amounts if row.get(name)}
            shown.append(made | {name: show_time(row[name], local=local) for name in times if row.get(name)})
    return shown


def show_time(text: str, *, local: bool = False) -> str:
    """A time to the second with its zone: ``2026-01-05 08:00:00Z``, or as this machine has it, with its offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if local:
        moment = moment.astimezone()
    return moment.isoformat(" ", "seconds").replace("+00:00", "Z")
