"""The rows of the services' views in memory, each with the entries that made it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from counterfoil.catalogue import CATALOGUE
from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import LogId
from counterfoil.core.at import At
from counterfoil.ports import Change, Put, Set
from counterfoil.readership import Copy

Key = tuple[object, ...]
Row = dict[str, Any]

_LEFT_OUT: Final = frozenset(
    {
        "asset_entries", "balances", "closing_balances", "counterparties", "holders", "market_offers",
        "market_trades", "participants", "postings",
    }
)  # fmt: skip
"""Views that grow with every posting (`Flows` has their sums), or say only who may read others."""
_NONE: Final[Mapping[Key, Row]] = {}


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """An entry: its log, and its index there."""

    log: LogId
    index: int


class Tables:
    """The rows of all views but a few, as the entries folded so far leave them."""

    def __init__(self) -> None:
        self._views = {view.name: view for service in CATALOGUE.values() for view in service.views}
        self._rows: dict[str, dict[Key, Row]] = {}
        self._refs: dict[str, dict[Key, list[Ref]]] = {}
        self._indexes: dict[tuple[str, tuple[str, ...]], dict[Key, list[Row]]] = {}
        self._copies: dict[tuple[str, Key, str, Key], Copy] = {}

    def fold(self, log: LogId, entry: Entry) -> None:
        """Apply what an entry changes."""
        reducers, at = CATALOGUE[log.service].reducers, At(entry.time, entry.index, 0, log.shard)
        ref = Ref(log, entry.index)
        for event in entry.events:
            reduce = reducers.get(type(event))
            for change in reduce(event, at) if reduce is not None else ():
                if change.view not in _LEFT_OUT:
                    self._apply(change, ref)

    def finish(self) -> None:
        """Make the copies, once every log is folded: their columns never change, so that order does not matter."""
        for own in (True, False, True):  # within a view, from others, and on from there
            for copy in self._copies.values():
                if (copy.source == copy.view) is own:
                    self._copy(copy)

    def rows(self, view: str, **filters: object) -> Iterator[Row]:
        """The rows of a view with these values, as they first came."""
        if filters:
            yield from self._index(view, tuple(filters)).get(tuple(filters.values()), ())
        else:
            yield from self._rows.get(view, _NONE).values()

    def _index(self, view: str, names: tuple[str, ...]) -> dict[Key, list[Row]]:
        """The rows of a view by the values of columns; made when it is first asked for, until more is folded."""
        found = self._indexes.get((view, names))
        if found is None:
            found = self._indexes[view, names] = {}
            for row in self._rows.get(view, _NONE).values():
                found.setdefault(tuple(row[name] for name in names), []).append(row)
        return found

    def get(self, view: str, *key: object) -> Row | None:
        """A row."""
        return self._rows.get(view, _NONE).get(key)

    def refs(self, view: str, *key: object) -> tuple[Ref, ...]:
        """The entries that made and changed a row, in the order of their log."""
        return tuple(self._refs.get(view, {}).get(key, ()))

    def refs_of(self, view: str, rows: Iterable[Row]) -> tuple[Ref, ...]:
        """The entries that made and changed these rows, each once."""
        names = self._views[view].key
        return tuple(dict.fromkeys(ref for row in rows for ref in self.refs(view, *(row[name] for name in names))))

    def _apply(self, change: Change, ref: Ref) -> None:
        self._indexes.clear()
        if isinstance(change, Copy):
            self._copies[change.view, change.key, change.source, change.source_key] = change
            return
        rows = self._rows.setdefault(change.view, {})
        if isinstance(change, Put):
            key = tuple(change.row[name] for name in self._views[change.view].key)
            rows[key] = dict(change.row)
        elif change.key not in rows:
            return
        elif isinstance(change, Set):
            key = change.key
            rows[key].update(change.values)
        else:
            key, row = change.key, rows[change.key]
            for name, by in change.amounts.items():
                row[name] = (row[name] or 0) + by
        refs = self._refs.setdefault(change.view, {}).setdefault(key, [])
        if not refs or refs[-1] != ref:
            refs.append(ref)

    def _copy(self, copy: Copy) -> None:
        self._indexes.clear()
        here, there = self.get(copy.view, *copy.key), self.get(copy.source, *copy.source_key)
        if here is not None and there is not None:
            here.update({name: there[other] for name, other in copy.columns.items()})
