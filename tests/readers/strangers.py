"""Rows of strangers, many in every view, made by the database itself."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

from counterfoil.catalogue import VIEWS
from counterfoil.ports import View
from counterfoil.storage.view_store import SqlViewStore

PARTIES: Final = 100
"""Strangers that have the rows among them."""


def add_strangers(store: SqlViewStore, count: int) -> None:
    """So many more rows in every table, like the first one there, of parties that nobody reads."""
    with store.database.write() as connection:
        for view in VIEWS:
            if view.part_of is None:
                connection.execute(text(_statement(view)), {"count": count})


def _statement(view: View) -> str:
    names = ", ".join(f'"{name}"' for name in view.columns)  # one may be a word of SQL
    values = ", ".join(_value(view, name) for name in view.columns)
    source = f"(SELECT * FROM {view.name} LIMIT 1) AS one, generate_series(1, :count) AS series (nth)"
    return f"INSERT INTO {view.name} ({names}) SELECT {values} FROM {source} ON CONFLICT DO NOTHING"


def _value(view: View, name: str) -> str:
    column = f'one."{name}"'
    kind, owner = view.columns[name].removesuffix("?"), name in view.readers.columns
    if kind == "bool":
        return "false" if owner else column
    if name in view.key or name == view.time:
        return f"'stranger-' || nth || '-{name}'" if kind == "text" else f"{column} + nth"
    if owner or (kind == "text" and name.endswith("_id")):
        return f"'stranger-' || nth % {PARTIES}"
    return column
