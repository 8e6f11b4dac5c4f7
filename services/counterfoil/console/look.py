"""What a page reads: one consistent read of the views, as its reader may read them, and bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from counterfoil.console.tables import Column, Table
from counterfoil.contract.log_id import LogId
from counterfoil.gateway.answers import positions_of
from counterfoil.gateway.context import Context
from counterfoil.gateway.deadlines import with_deadlines
from counterfoil.gateway.levels import Market
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
        limit: int = SUMMED,
        *,
        newest: bool = True,
        since: int | None = None,
        after: tuple[object, ...] | None = None,
        **filters: Any,
    ) -> list[dict[str, Any]]:
        """Rows of a view with these values, the newest first, with the deadlines that outages moved."""
        found = self.views.page(view, filters, after, limit, self.scope, newest=newest, since=since)
        return list(with_deadlines(self.views, view, found))

    def get(self, view: str, *key: object) -> dict[str, Any] | None:
        """The row with this key, if the reader may read it."""
        return self.views.get(view, key, self.scope)

    def table(
        self, name: str, view: str, caption: str, columns: tuple[Column, ...], *, limit: int = ROWS, **filters: Any
    ) -> Table:
        """A page of a view as a table, from the cursor that the parameter of the table's name has."""
        definition = self._definitions[view]
        cursor = self.query.get(name)
        after = None if cursor is None else decode_cursor(definition, cursor)
        rows = self.rows(view, limit + 1, after=after, **filters)
        older = encode_cursor(definition, rows[limit - 1]) if len(rows) > limit else None
        return Table(name, caption, columns, rows[:limit], older, limited=older is not None)

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

    def name_of(self, party_id: object) -> Any:
        """A party's name, where the reader may read it; else its id."""
        row = self.get("parties", party_id)
        return party_id if row is None else row["name"]
