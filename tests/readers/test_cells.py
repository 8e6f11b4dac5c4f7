"""Each cell of `docs/who-may-read-what.md`, on both databases."""

from __future__ import annotations

from functools import cache

import pytest

from counterfoil.catalogue import VIEWS
from counterfoil.gateway.readers import Reader
from counterfoil.gateway.scopes import scope_of
from counterfoil.ports import View, ViewStore
from counterfoil.readership import Scope
from tests.readers.own import Row, Rows
from tests.readers.stores import READERS, Prepared
from tests.readers.table import CELLS, KINDS, read_by

every_reader = pytest.mark.parametrize("party_id", READERS, ids=str)
every_view = pytest.mark.parametrize("view", VIEWS, ids=[view.name for view in VIEWS])


@cache
def scope_in(store: ViewStore, party_id: str | None) -> Scope:
    """What a reader is, read once."""
    scope = scope_of(store, Reader(party_id, everything=False))
    assert scope is not None
    return scope


def readable(view: str, party_id: str | None, rows: Rows) -> list[Row]:
    """The rows that the table says a reader reads."""
    kind, programmes = READERS[party_id]
    return read_by(view, kind, party_id, programmes, rows)


def test_every_view_is_in_the_table() -> None:
    for view in VIEWS:
        assert (view.name, "anybody") in CELLS, f"say in docs/who-may-read-what.md who may read {view.name}"
    assert len(CELLS) == len(VIEWS) * len(KINDS), "a view that there is not"


def test_every_cell_has_something_to_tell(sqlite: Prepared) -> None:
    """Some reader reads a row where the table says so, and misses one where it says that not all are read."""
    for (view, kind), answer in CELLS.items():
        rows = sqlite.rows.rows[view]
        assert rows, f"the market has no rows of {view}"
        read = [readable(view, name, sqlite.rows) for name, (each, _) in READERS.items() if each == kind]
        assert answer == "none" or any(read), f"{kind} reads nothing of {view}"
        assert answer == "all" or len(rows) == 1 or min(map(len, read)) < len(rows), f"{kind} misses nothing of {view}"


@every_reader
def test_a_reader_is_what_it_is_to_the_market(prepared: Prepared, party_id: str | None) -> None:
    scope = scope_in(prepared.store, party_id)
    kind, programmes = READERS[party_id]
    assert set(scope.programmes) == programmes
    assert scope.party_id == (None if kind == "anybody" else party_id)


@every_reader
@every_view
def test_each_reads_what_the_table_says(prepared: Prepared, view: View, party_id: str | None) -> None:
    """What is not read is not found by its key either."""
    expected = readable(view.name, party_id, prepared.rows)
    scope = scope_in(prepared.store, party_id)
    assert prepared.store.page(view.name, {}, None, 5_000, scope) == expected
    rows = prepared.rows.rows[view.name]
    missed = [row for row in rows if row not in expected]
    for row in (*expected[:1], *missed[:1]):
        found = prepared.store.get(view.name, tuple(row[part] for part in view.key), scope)
        assert found == (row if row in expected else None)


@every_view
def test_who_may_read_everything_does(prepared: Prepared, view: View) -> None:
    scope = scope_of(prepared.store, Reader(None, everything=True))
    assert prepared.store.page(view.name, {}, None, 5_000, scope) == prepared.rows.rows[view.name]
