"""The queries of a reader that may not read everything: one for each way in which it may read a row.

Each way is found by an index of its own, so that a page costs what the reader's own rows cost, however many others
there are; and filters only choose among these, so that neither an answer nor its time tells of rows of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, select

from counterfoil.readership import Readers, Scope, ways
from counterfoil.storage.tables import ViewTable


class Way(NamedTuple):
    """Rows that a reader may read: those of `view` with a value in a column, or those that name one of them.

    `named_by`: the column of the rows that are read which has the first part of the key in `view`; None if they are
    rows of `view` themselves.
    """

    view: str
    column: str
    value: object
    named_by: str | None = None


def ways_of(view: str, readers: Mapping[str, Readers], scope: Scope) -> list[Way] | None:
    """Every way in which a reader may read rows of a view; None if it may read all."""
    own = ways(readers[view], scope)
    if own is None:
        return None
    found = [Way(view, column, value) for column, value in own]
    for other, column in readers[view].through.items():
        more = ways_of(other, readers, scope)
        if more is None:
            return None
        found += (way._replace(named_by=column) for way in more)
    return list(dict.fromkeys(found))


def along(way: Way, model: ViewTable, views: Mapping[str, ViewTable]) -> Select[Any]:
    """The rows of a view that a reader may read in this way."""
    there = views[way.view]
    wanted = select(*model.shown).where(there.table.c[way.column] == way.value)
    if way.named_by is None:
        return wanted
    named = there.table.join(model.table, model.table.c[way.named_by] == there.key[0])
    return wanted.select_from(named).distinct()


def not_by_index(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The same condition in a form that no index serves."""
    return case((condition, 1), else_=0) == 1
