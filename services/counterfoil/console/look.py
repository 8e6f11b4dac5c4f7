"""What a page reads: one consistent read of the views, as its reader may read them, and bounded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from counterfoil.console.tables import Column, Table
from counterfoil.contract.log_id import LogId
from counterfoil.gateway.answers import positions_of
from counterfoil.gateway.context import Context
from counterfoil.gateway.deadlines import with_deadlines
from counterfoil.gateway.levels import Market, OnOffer
from counterfoil.gateway.readers import Reader
from counterfoil.gateway.rows import decode_cursor, encode_cursor
from counterfoil.gateway.scopes import scope_of
from counterfoil.ports import ViewReader
from counterfoil.readership import Scope
from counterfoil.vocabulary import CODEC

ROWS: Final = 50
"""Rows of a table on one page."""
SUMMED: Final = 500
"""Rows that a figure or chart is made of, the newest; no page reads more of a view for one."""


_PLACE: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
T = TypeVar("T")


class Rows(list[dict[str, Any]]):
    """Rows of a view. `limited`: how many these are, if there are more, so that a sum is of these alone; else 0."""

    limited = 0


class Look:
    """A read for one page. `query`: the parameters of its address. `roles`: of who reads."""

    def __init__(self, context: Context, views: ViewReader, who: Reader, query: Mapping[str, str]) -> None:
        self.context, self.views, self.who, self.query = context, views, who, query
        self.scope: Scope | None = scope_of(views, who)
        party = None if who.party_id is None else views.get("parties", (who.party_id,))
        self.roles: tuple[str, ...] = () if party is None else tuple(cast("list[str]", party["roles"]))
        self._definitions = {view.name: view for view in context.backend.definitions}

    @property
    def everything(self) -> bool:
        """Whether the reader may read everything."""
        return self.scope is None

    def rows(
        self,
        view: str,
        limit: int | None = None,
        *,
        newest: bool = True,
        since: int | None = None,
        after: tuple[object, ...] | None = None,
        **filters: Any,
    ) -> Rows:
        """Rows of a view with these values, the newest first, with the deadlines that outages moved.

        `limit`: so many; without it `SUMMED`.
        """
        limit = SUMMED if limit is None else limit
        found = self.views.page(view, filters, after, limit + 1, self.scope, newest=newest, since=since)
        rows = Rows(with_deadlines(self.views, view, found[:limit]))
        rows.limited = limit if len(found) > limit else 0
        return rows

    def get(self, view: str, *key: object) -> dict[str, Any] | None:
        """The row with this key, if the reader may read it; None too for a key that no row can have."""
        if any(isinstance(part, str) and "\0" in part for part in key):
            return None  # databases refuse such text
        return self.views.get(view, key, self.scope)

    def table(
        self,
        name: str,
        view: str,
        caption: str,
        columns: tuple[Column, ...],
        *,
        limit: int = ROWS,
        newest: bool = True,
        **filters: Any,
    ) -> Table:
        """A page of a view as a table, from the cursor that the parameter of the table's name has."""
        definition = self._definitions[view]
        cursor = self.query.get(name)
        after = None if cursor is None else decode_cursor(definition, cursor)
        rows = self.rows(view, limit, newest=newest, after=after, **filters)
        older = encode_cursor(definition, rows[-1]) if rows.limited else None
        return Table(name, caption, columns, rows, older)

    def place_of(self, view: str, row: Mapping[str, object]) -> tuple[object, ...]:
        """Where a row stands in the order of its view."""
        return self._definitions[view].place_of(row)

    def part(self, name: str, rows: Sequence[T]) -> tuple[Sequence[T], str | None]:
        """A page of rows that are all here, and what the parameter of the table's name is for the one behind."""
        text = self.query.get(name, "0")
        start = int(text) if _PLACE.fullmatch(text) else 0
        end = start + ROWS
        return rows[start:end], str(end) if end < len(rows) else None

    def now(self) -> int:
        """The time of the newest entry that the page reflects, microseconds; 0 of empty logs."""
        found = [0]
        for log in self.context.backend.origins:
            size = self.size_of(log)
            last = self.context.backend.stores[log].entries(size - 1, size) if size else []
            found += [CODEC.decode_entry(data).time for data in last]
        return max(found)

    def size_of(self, log: LogId) -> int:
        """How many entries of a log the page reflects."""
        return positions_of(self.context.backend, self.views)[self.context.backend.origins[log]]

    def depth(self, market: Market) -> Mapping[str, list[dict[str, Any]]]:
        """The price levels of a market, as this reader may see them."""
        positions = positions_of(self.context.backend, self.views)
        return self.context.depth.depth_of(market, positions, everything=self.everything)[0]

    def on_offer(self) -> Mapping[Market, OnOffer]:
        """What all open offers of each market have left."""
        return self.context.depth.on_offer(positions_of(self.context.backend, self.views))

    def name_of(self, party_id: object) -> Any:
        """A party's name, where the reader may read it; else its id."""
        row = self.get("parties", party_id)
        return party_id if row is None else row["name"]
