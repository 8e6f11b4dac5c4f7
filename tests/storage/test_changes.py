"""Merged changes have the effect of the changes one by one, in few statements with one change per row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.canonical import loads
from counterfoil.contract.ensure import InvariantViolation
from counterfoil.ports import Add, Change, Put, Set
from counterfoil.storage.changes import Statement, merge, parameters
from counterfoil.storage.tables import view_schema
from tests.conformance.view_store import BALANCES, LAST, ORDERS, Model, balance

VIEWS: Final = view_schema([BALANCES, ORDERS]).views
ANY: Final = st.integers(-3, 3) | st.sampled_from([LAST, LAST - 1, -LAST, 1 - LAST])
KEYS: Final = st.sampled_from([("p", "x"), ("q", "x")])
AMOUNTS: Final = st.dictionaries(st.sampled_from(["available", "held"]), ANY)
CHANGES_OF_TWO_ROWS: Final = st.one_of(
    st.builds(lambda key, n: Put("balances", balance(key[0], key[1], n)), KEYS, ANY),
    st.builds(Set, st.just("balances"), KEYS, AMOUNTS),
    st.builds(Add, st.just("balances"), KEYS, AMOUNTS),
    st.builds(lambda detail: Set("orders", (1, 1), {"detail": detail}), st.none() | st.lists(st.none())),
)
BEFORE: Final[list[Change]] = [Put("balances", balance("p", "x", 5)), Put("orders", {"hour": 1, "order": 1})]


def execute(statements: Sequence[Statement], model: Model) -> None:
    """Do what a database does with the statements; each must change a row at most once."""
    for shape, rows in statements:
        names = parameters(shape, VIEWS[shape.view])
        records = [dict(zip(names, row, strict=True)) for row in rows]
        key = VIEWS[shape.view].view.key
        assert len({tuple(each[name] for name in key) for each in records}) == len(records) > 0
        for record in records:
            _change(model, shape.view, record, shape.put, shape.sets, shape.adds)


def _change(
    model: Model, view: str, record: dict[str, Any], put: bool, sets: tuple[str, ...], adds: tuple[str, ...]
) -> None:
    if isinstance(record.get("detail"), str):
        record["detail"] = loads(record["detail"].encode())
    key = tuple(record[name] for name in VIEWS[view].view.key)
    if put:
        model.apply(Put(view, record))
    else:
        model.apply(Set(view, key, {name: record[name] for name in sets}))
        model.apply(Add(view, key, {name: record[name] for name in adds}))


def fits(model: Model) -> bool:
    """Whether every number is one that a column can hold."""
    values = [value for rows in model.rows.values() for row in rows.values() for value in row.values()]
    return all(abs(value) <= LAST for value in values if isinstance(value, int))


@given(changes=st.lists(CHANGES_OF_TWO_ROWS, max_size=20))
def test_they_do_what_the_changes_do_one_by_one(changes: list[Change]) -> None:
    one_by_one, merged = Model(BALANCES, ORDERS), Model(BALANCES, ORDERS)
    for change in BEFORE:
        merged.apply(change)
        one_by_one.apply(change)
    always_fit = True
    for change in changes:
        one_by_one.apply(change)
        always_fit = always_fit and fits(one_by_one)
    try:
        statements = merge(changes, VIEWS)
    except InvariantViolation:
        assert not always_fit
        return
    execute(statements, merged)
    assert merged.rows == one_by_one.rows


def test_changes_of_many_rows_are_few_statements() -> None:
    changes: list[Change] = [
        change
        for n in range(50)
        for change in (
            Put("balances", balance(f"new-{n}", "x")),
            Put("orders", {"hour": n, "order": n}),
            Add("balances", (f"new-{n}", "x"), {"available": n}),
            Set("orders", (n, n), {"detail": [n]}),
            Add("balances", (f"old-{n}", "x"), {"available": n}),
            Add("balances", (f"old-{n}", "x"), {"available": 1, "held": 1}),
            Set("balances", (f"old-{n}", "x"), {"held": 7}),
        )
    ]
    shapes = [(shape, len(rows), rows[2]) for shape, rows in merge(changes, VIEWS)]
    assert shapes == [
        (("balances", True, (), ()), 50, ("x", "new-2", 2, 0, None, True)),
        (("balances", False, ("held",), ("available",)), 50, (7, 3, "old-2", "x")),
        (("orders", True, (), ()), 50, (2, 2, "[2]")),
    ]


@pytest.mark.parametrize("last", [LAST, LAST + 1])
def test_a_sum_is_one_change_up_to_what_a_column_holds(last: int) -> None:
    key = ("p", "x")
    changes = [Add("balances", key, {"available": last - LAST}), Add("balances", key, {"available": LAST})]
    amounts = [row[0] for _, rows in merge(changes, VIEWS) for row in rows]
    assert amounts == ([LAST] if last == LAST else [1, LAST])
