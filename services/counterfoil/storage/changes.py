"""Merges view changes into few statements with many rows each, with the same effect as one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Update, and_, bindparam, exists, select, update

from counterfoil.contract.ensure import InvariantViolation, ensure
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.ports import Add, Change, Put, Set
from counterfoil.readership import Copy
from counterfoil.storage.columns import added, canonical_text
from counterfoil.storage.tables import ViewTable

KEY: Final = "key_"  # prefix of parameter names in queries: a key column's value
SOURCE: Final = "source_"  # and that of the row that is copied from

Key = tuple[object, ...]
Values = tuple[object, ...]
"""The values of one row of a statement, in the order of `parameters`."""


class Shape(NamedTuple):
    """What the rows of one statement have in common: all are put, or the same columns are set and added to."""

    view: str
    put: bool
    sets: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()


Statement = tuple[Shape, Sequence[Values]]


def parameters(shape: Shape, view: ViewTable) -> tuple[str, ...]:
    """The columns whose values a row of the statement gives, in order."""
    return tuple(view.types) if shape.put else (*shape.sets, *shape.adds, *view.view.key)


class CopyShape(NamedTuple):
    """What the rows of one statement that copies have in common: the view, the source, and pairs of their columns."""

    view: str
    source: str
    columns: tuple[tuple[str, str], ...]

    def statement(self, views: Mapping[str, ViewTable]) -> Update:
        """It, with the parameters of `copies`."""
        view, source = views[self.view], views[self.source]
        read = source.table.alias("source")
        there = and_(*(read.c[part.name] == bindparam(SOURCE + part.name) for part in source.key))
        here = and_(*(part == bindparam(KEY + part.name) for part in view.key))
        values = {name: select(read.c[other]).where(there).scalar_subquery() for name, other in self.columns}
        return update(view.table).where(here, exists().where(there)).values(values)


def copies(changes: Iterable[Change], views: Mapping[str, ViewTable]) -> dict[CopyShape, list[dict[str, object]]]:
    """The copies among the changes, each once, with their parameters; in the order in which they are to be made.

    Raises `InvariantViolation` for one that does not fit its views.
    """
    found: dict[CopyShape, dict[tuple[Key, Key], dict[str, object]]] = {}
    for change in sorted(
        (each for each in changes if isinstance(each, Copy)), key=lambda each: each.source != each.view
    ):
        ensure(change.view in views and change.source in views, f"no view {change.view!r} or {change.source!r}")
        view, source = views[change.view], views[change.source]
        ensure(change.columns.keys() <= view.settable, f"{change.view}: not all of {change.columns} can be changed")
        ensure(set(change.columns.values()) <= source.types.keys(), f"{change.source}: not all of {change.columns}")
        names = key_parameters(view, change.key)
        names |= {
            SOURCE + name.removeprefix(KEY): part for name, part in key_parameters(source, change.source_key).items()
        }
        shape = CopyShape(change.view, change.source, tuple(change.columns.items()))
        found.setdefault(shape, {})[change.key, change.source_key] = names
    return {shape: list(rows.values()) for shape, rows in found.items()}


def merge(changes: Iterable[Change], views: Mapping[str, ViewTable]) -> list[Statement]:
    """Statements to execute in order, each with at most one change per row.

    Changes of different rows commute, and all changes of a row are one: the last `Put` with what changes it later, or
    without a `Put` the last value set and the sum of what is added to each column. Only where a sum is more than a
    column holds, the changes from there on are statements of their own. Values that a later change overwrites are not
    looked at. Copies are left out: they are made afterwards. Raises `InvariantViolation` for a change that does not fit
    its view.
    """
    statements: list[Statement] = []
    merged: dict[str, _Rows] = {}
    for change in changes:
        if isinstance(change, Copy):
            continue
        rows = merged.get(change.view)
        if rows is None:
            ensure(change.view in views, f"no view {change.view!r}")
            rows = merged[change.view] = _Rows(views[change.view])
        if not rows.take(change):
            statements += (each for view in merged.values() for each in view.statements())
            rows = _Rows(views[change.view])
            merged = {change.view: rows}
            rows.take(change)
    statements += (each for view in merged.values() for each in view.statements())
    return statements


class _Rows:
    """The changed rows of one view, by key: those that are put, and those of which columns are set and added to."""

    def __init__(self, view: ViewTable) -> None:
        self._view = view
        self._put: dict[Key, Mapping[str, object]] = {}
        self._set: dict[Key, dict[str, object]] = {}
        self._add: dict[Key, dict[str, int]] = {}  # no column that is in `_set` too

    def take(self, change: Put | Set | Add) -> bool:
        """Merge one more change; False, changing nothing, if the sum of two amounts is more than a column holds."""
        if isinstance(change, Put):
            key = self._view.key_of(change.row)
            self._put[key] = change.row
            if key in self._set:
                del self._set[key]
            if key in self._add:
                del self._add[key]
            return True
        if len(change.key) != len(self._view.key):
            raise InvariantViolation(f"{change.view}: a key has {len(self._view.key)} parts")
        if isinstance(change, Add):
            if not change.amounts.keys() <= self._view.countable:
                raise InvariantViolation(f"{change.view}: not all of {sorted(change.amounts)} can be added to")
            return self._take_amounts(change.key, change.amounts)
        if not change.values.keys() <= self._view.settable:
            raise InvariantViolation(f"{change.view}: not all of {sorted(change.values)} can be changed")
        self._take_values(change.key, change.values)
        return True

    def _take_values(self, key: Key, values: Mapping[str, object]) -> None:
        if key in self._put:
            self._put[key] = {**self._put[key], **values}
            return
        if key in self._set:
            self._set[key].update(values)
        else:
            self._set[key] = dict(values)
        if key in self._add:
            amounts = self._add[key]
            for name in amounts.keys() & values:
                del amounts[name]

    def _take_amounts(self, key: Key, more: Mapping[str, int]) -> bool:
        if key in self._put:
            row = self._put[key]
            self._put[key] = {**row, **{name: added(row.get(name), by) for name, by in more.items()}}
            return True
        values, amounts = self._set.get(key, {}), self._add.get(key, {})
        before = {**values, **amounts} if values else amounts
        sums = {name: added(before.get(name, 0), by) for name, by in more.items()}
        if any(abs(total) > MAX_AMOUNT for name, total in sums.items() if name in before):
            return False
        values.update((name, total) for name, total in sums.items() if name in values)
        amounts.update((name, total) for name, total in sums.items() if name not in values)
        self._add[key] = amounts
        return True

    def statements(self) -> Iterator[Statement]:
        """The statements that make the changes. Raises `InvariantViolation` for a value that does not fit."""
        name = self._view.view.name
        if self._put:
            put = Shape(name, put=True)
            yield put, _stored(self._view, put, [self._view.values_of(row) for row in self._put.values()])
        rows: dict[Shape, list[Values]] = {}
        for key in {**self._set, **self._add}:
            values, amounts = self._set.get(key, {}), self._add.get(key, {})
            shape = Shape(name, False, tuple(sorted(values)), tuple(sorted(amounts)))
            given = (*[values[each] for each in shape.sets], *[amounts[each] for each in shape.adds], *key)
            rows.setdefault(shape, []).append(given)
        for shape, changed in rows.items():
            if shape.sets or shape.adds:
                yield shape, _stored(self._view, shape, changed)


def _stored(view: ViewTable, shape: Shape, rows: list[Values]) -> Sequence[Values]:
    """The rows as the database takes them, checked column by column: JSON values as their canonical text."""
    names = parameters(shape, view)
    columns = list(zip(*rows, strict=True))
    for name, values in zip(names, columns, strict=True):
        check(view, name, values)
    documents = [at for at, name in enumerate(names) if not view.types[name].sorts]
    if not documents:
        return rows
    for at in documents:
        columns[at] = tuple(map(canonical_text, columns[at]))
    return list(zip(*columns, strict=True))


def key_parameters(view: ViewTable, key: Key) -> dict[str, object]:
    """The parameters that select one row. Raises `InvariantViolation` if `key` does not fit the view."""
    ensure(len(key) == len(view.key), f"{view.view.name}: a key has {len(view.key)} parts")
    for name, part in zip(view.view.key, key, strict=True):
        check(view, name, (part,))
    return {KEY + name: part for name, part in zip(view.view.key, key, strict=True)}


def check(view: ViewTable, name: str, values: Sequence[object]) -> None:
    """Raise `InvariantViolation` unless the column can hold each of the values."""
    problem = view.types[name].problem(values)
    if problem is not None:
        raise InvariantViolation(f"{view.view.name}.{name}: {problem}")
