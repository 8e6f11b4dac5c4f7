"""One harness for the views of every service: a story's events in the store that serves them, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from counterfoil.contract.canonical import canonical, loads
from counterfoil.contract.codec import dump_event
from counterfoil.ports import Change, Put, Set
from counterfoil.readership import Copy
from counterfoil.service import Service
from counterfoil.storage.view_store import SqlViewStore, open_view_store
from counterfoil.vocabulary import CODEC
from tests.given import Scenario

S = TypeVar("S", bound=Scenario)


class Viewed:
    """The views of a service as they follow a scenario. Whatever is read is as of its last event."""

    def __init__(self, service: Service, store: SqlViewStore) -> None:
        self._views = {view.name: view for view in service.views}
        self._reducers, self._store = service.reducers, store
        self._scenario: Scenario | None = None
        self._shown = 0

    def of(self, scenario: S) -> S:
        """Follow a scenario from its beginning; another one's rows stay beside it."""
        self._scenario, self._shown = scenario, 0
        return scenario

    def row(self, view: str, *key: object) -> dict[str, Any]:
        """A row that must be there."""
        self._show()
        found = self._store.get(view, key)
        assert found is not None, (view, key)
        return dict(found)

    def part(self, view: str, key: str | tuple[str, ...], *names: str) -> tuple[object, ...]:
        """Some columns of a row."""
        row = self.row(view, *((key,) if isinstance(key, str) else key))
        return tuple(row[name] for name in names)

    def rows(self, view: str, **filters: object) -> list[dict[str, Any]]:
        """All rows that pass the filters."""
        self._show()
        return [dict(row) for row in self._store.page(view, filters, None, 10_000)]

    def table(self, view: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """All rows by key."""
        key = self._views[view].key
        return {tuple(row[name] for name in key): row for row in self.rows(view)}

    def _is_own(self, change: Change) -> bool:
        """Whether it is about the views of this service alone."""
        return change.view in self._views and (not isinstance(change, Copy) or change.source in self._views)

    def _show(self) -> None:
        assert self._scenario is not None
        decided = self._scenario.decided[self._shown :]
        self._shown += len(decided)
        for event, at in decided:
            project = self._reducers.get(type(event))
            stored = CODEC.load_event(loads(canonical(dump_event(event))))  # a projector reads what the log says
            changes = [] if project is None else [each for each in project(stored, at) if self._is_own(each)]
            for change in changes:
                view = self._views[change.view]
                if isinstance(change, Put):
                    assert change.row.keys() == view.columns.keys(), change
                elif isinstance(change, Copy):
                    assert change.columns.keys() <= view.columns.keys() - set(view.key), change
                else:
                    changed = change.values if isinstance(change, Set) else change.amounts
                    assert changed.keys() <= view.columns.keys() - set(view.key), change
            self._store.apply(changes, {})


@contextmanager
def viewed_in(folder: Path, service: Service) -> Iterator[Viewed]:
    """Empty views of a service in a database, which refuses values that do not fit their columns."""
    store = open_view_store(folder / "views.db", service.views)
    try:
        yield Viewed(service, store)
    finally:
        store.close()
