"""Groups view changes into few statements with many rows each, with the same effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from counterfoil.contract.ensure import InvariantViolation, ensure
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.ports import Add, Change, Put, Set
from counterfoil.storage.tables import ViewTable

KEY: Final = "key_"  # prefixes of parameter names: a key column's value, a column's new value
VALUE: Final = "value_"


class Shape(NamedTuple):
    """What the changes of one statement have in common; only their values differ."""

    kind: type[Change]
    view: str
    columns: tuple[str, ...]


Parameters = dict[str, Any]
Place = tuple[str, tuple[object, ...]]
"""View and key of a row."""


def group(changes: Iterable[Change], views: Mapping[str, ViewTable]) -> list[tuple[Shape, list[Parameters]]]:
    """Statements to execute in order, each with at most one change per row.

    Changes of different rows commute, so each joins the last group of its shape unless a later group changes its row.
    If its row is in that group already, the two are merged; if their sum is more than a column holds, it begins a new
    group. Raises `InvariantViolation` for a change that does not fit its view.
    """
    groups: list[tuple[Shape, list[Parameters]]] = []
    last_of_shape: dict[Shape, int] = {}
    last_of_row: dict[Place, tuple[int, Parameters]] = {}
    for change in _effective(changes, views):
        shape, key, parameters = _described(change, views[change.view])
        if shape.kind is not Put and not shape.columns:
            continue  # no columns to set or add to
        row = (change.view, key)
        touched, before = last_of_row.get(row, (-1, {}))
        at = last_of_shape.get(shape, -1)
        if touched == at >= 0 and _merged(shape, before, parameters):
            continue
        if touched >= at:
            at = last_of_shape[shape] = len(groups)
            groups.append((shape, []))
        groups[at][1].append(parameters)
        last_of_row[row] = at, parameters
    return groups


def _merged(shape: Shape, before: Parameters, after: Parameters) -> bool:
    """Merge the later change of a row into the earlier one of the same shape; False if one change cannot hold both."""
    if shape.kind is Add:
        names = [VALUE + name for name in shape.columns]
        sums = {name: before[name] + after[name] for name in names}
        if any(abs(each) > MAX_AMOUNT for each in sums.values()):
            return False
        after = sums
    before.update(after)
    return True


def _effective(changes: Iterable[Change], views: Mapping[str, ViewTable]) -> Iterator[Change]:
    """Drops changes that a later `Put` of the same row overwrites: a busy account is put once per transaction."""
    ordered: list[tuple[Change, Place]] = []
    last_put: dict[Place, int] = {}
    for change in changes:
        ensure(change.view in views, f"no view {change.view!r}")
        if isinstance(change, Put):
            row = change.view, tuple(change.row.get(name) for name in views[change.view].view.key)
            last_put[row] = len(ordered)
        else:
            row = change.view, change.key
        ordered.append((change, row))
    for at, (change, row) in enumerate(ordered):
        if last_put.get(row, at) <= at:
            yield change


def _described(change: Change, view: ViewTable) -> tuple[Shape, tuple[object, ...], Parameters]:
    """The shape of a change, the key of its row, and its parameters."""
    if isinstance(change, Put):
        unknown = sorted(change.row.keys() - view.types.keys())
        ensure(not unknown, f"{change.view}: no columns {unknown}")
        row = {name: change.row.get(name) for name in view.types}
        for name, value in row.items():
            check(view, name, value)
        return Shape(Put, change.view, ()), tuple(row[name] for name in view.view.key), row
    values: Mapping[str, object] = change.values if isinstance(change, Set) else change.amounts
    parameters = key_parameters(view, change.key)
    names = tuple(sorted(values))
    for name in names:
        ensure(name in view.types and name not in view.view.key, f"{change.view}: {name!r} cannot be changed")
        ensure(isinstance(change, Set) or view.types[name].counts, f"{change.view}: {name!r} cannot be added to")
        check(view, name, values[name])
        parameters[VALUE + name] = values[name]
    return Shape(type(change), change.view, names), change.key, parameters


def key_parameters(view: ViewTable, key: tuple[object, ...]) -> Parameters:
    """The parameters that select one row. Raises `InvariantViolation` if `key` does not fit the view."""
    ensure(len(key) == len(view.key), f"{view.view.name}: a key has {len(view.key)} parts")
    for name, part in zip(view.view.key, key, strict=True):
        check(view, name, part)
    return {KEY + name: part for name, part in zip(view.view.key, key, strict=True)}


def check(view: ViewTable, name: str, value: object) -> None:
    """Raise `InvariantViolation` unless the column can hold the value."""
    problem = view.types[name].problem(value)
    if problem is not None:
        raise InvariantViolation(f"{view.view.name}.{name}: {problem}")
