"""On PostgreSQL, a page costs what the reader's own rows cost, however many rows strangers have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from counterfoil.catalogue import VIEWS
from counterfoil.settings import VIEWS as SCHEMA
from counterfoil.storage import open_view_store_on
from counterfoil.storage.readable import ways_of
from counterfoil.storage.view_store import SqlViewStore
from tests.readers.stores import Prepared, prepare
from tests.readers.strangers import add_strangers
from tests.readers.test_cells import scope_in
from tests.servers.fixture import PostgresServer
from tests.storage.server import as_user, copied

STRANGERS = int(os.environ.get("STRANGERS", "2000"))
"""STRANGERS=200000 takes some minutes."""


@pytest.fixture(scope="module")
def crowded(postgres: PostgresServer) -> Iterator[Prepared]:
    """The market's views, with many rows of strangers in each."""
    with copied(postgres) as made, closing(open_view_store_on(as_user(made, SCHEMA), VIEWS)) as store:
        found = prepare(store)
        add_strangers(store, STRANGERS)
        with store.database.write() as connection:
            connection.execute(text("ANALYZE"))
        yield found


@contextmanager
def explained(store: SqlViewStore) -> Iterator[list[dict[str, Any]]]:
    """The plans of the queries in the block, each as it was carried out."""
    plans: list[dict[str, Any]] = []

    def explain(connection: Connection, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            cursor: Any = connection.connection.cursor()
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement}", values)
            plans.append({**cursor.fetchone()[0][0]["Plan"], "statement": statement, "values": values})

    reader = store.database.dialect.reader
    event.listen(reader, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(reader, "before_cursor_execute", explain)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes."""
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def rows_read(plan: dict[str, Any]) -> int:
    """The rows that a query looked at in tables and indexes."""
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0))
        * node["Actual Loops"]
        for node in nodes(plan)
        if "Scan" in node["Node Type"]
    )


@pytest.mark.parametrize("party_id", ["lab-1", "gpu-1", "city", "none-treasurer"])
def test_no_page_reads_rows_of_strangers(crowded: Prepared, party_id: str) -> None:
    scope, declared = scope_in(crowded.store, party_id), {view.name: view.readers for view in VIEWS}
    seen, dear = 0, []
    for view in VIEWS:
        if ways_of(view.name, declared, scope) is None:
            continue
        row = crowded.rows.rows[view.name][0]
        key, place = tuple(row[name] for name in view.key), view.place_of(row)
        with explained(crowded.store) as plans:
            crowded.store.get(view.name, key, scope)
            crowded.store.page(view.name, {}, place, 5, scope)
            crowded.store.page(view.name, {name: row[name] for name in view.filters[:1]}, None, 5, scope, newest=True)
        own = len(crowded.rows.rows[view.name]) + len(crowded.rows.rows["parties"])
        for plan in plans:
            blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            if rows_read(plan) > 3 * own or blocks > 8 * own + 20:
                dear.append(
                    f"{view.name}: {rows_read(plan):.0f} rows, {blocks} blocks of {own} rows: {plan['statement']}"
                )
            seen += 1
    assert seen > 100
    assert dear == []
