"""The queries of a reader that may not read everything: one for each way in which it may read a row.

Each way is found by an index of its own, so that a page costs what the reader's own rows cost, however many others
there are; and filters only choose among these, so that neither an answer nor its time tells of rows of others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, select, true

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


class First(NamedTuple):
    """The first rows in the order of a view, or the last with `newest`: at most `limit` that meet the conditions."""

    conditions: Sequence[ColumnElement[bool]]
    limit: int
    newest: bool = False

    def of(self, wanted: Select[Any], order: Sequence[ColumnElement[Any]]) -> Select[Any]:
        """Those of a query, by these columns."""
        return wanted.order_by(*(part.desc() if self.newest else part for part in order)).limit(self.limit)


def along(way: Way, model: ViewTable, views: Mapping[str, ViewTable], first: First, *, lateral: bool) -> Select[Any]:
    """The first rows of a view that a reader may read in this way.

    `lateral`: the rows that name one of the reader's are looked up for each of these, and nothing else is possible:
    PostgreSQL may else read all rows, whoever may read them, and keep those that are named. SQLite has no LATERAL, and
    never does that where there is an index.
    """
    there = views[way.view]
    own, wanted = there.table.c[way.column] == way.value, select(*model.shown).where(*first.conditions)
    if way.named_by is None:
        return first.of(wanted.where(own), model.order)
    if not lateral:
        named = there.table.join(model.table, model.table.c[way.named_by] == there.key[0])
        return first.of(wanted.where(own).select_from(named).distinct(), model.order)
    names = select(there.key[0].label("named")).where(own).distinct().subquery("names")
    each = first.of(wanted.where(model.table.c[way.named_by] == names.c.named), model.order).lateral("each")
    found = select(*each.c).select_from(names.join(each, true()))
    return first.of(found, [each.c[part.name] for part in model.order])


def not_by_index(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The same condition in a form that no index serves."""
    return case((condition, 1), else_=0) == 1
