"""What every `counterfoil.ports.ViewStore` guarantees. Bind it with a fixture `make(*views)` that opens one store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.ports import Add, Change, Progress, Put, Row, Set, StoreConflict, UnknownFilter, View, ViewStore
from counterfoil.readership import Copy
from tests.conformance.log_store import in_threads

Make = Callable[..., ViewStore]
LAST = 2**63 - 1

KINDS = View(
    "kinds",
    ("name",),
    {
        "name": "text", "number": "int", "amount": "amount", "at": "time", "hour": "hour", "flag": "bool",
        "any": "json", "name_or_none": "text?", "number_or_none": "int?", "flag_or_none": "bool?",
        "any_or_none": "json?",
    },
)  # fmt: skip
BALANCES = View(
    "balances",
    ("party", "asset"),
    {"asset": "text", "party": "text", "available": "amount", "held": "amount", "group": "text?", "open": "bool"},
    ("group", "open", "party"),
)
TIMED = View("timed", ("name",), {"name": "text", "at": "time", "group": "text?"}, ("group",), time="at")
ORDERS = View("orders", ("hour", "order"), {"order": "int", "hour": "hour", "detail": "json?"}, ("order",))

ROW: Row = {
    "name": "é", "number": -LAST, "amount": LAST, "at": 0, "hour": 1, "flag": True, "any": {"b": [1, None], "a": "é\n"},
    "name_or_none": None, "number_or_none": None, "flag_or_none": None, "any_or_none": None,
}  # fmt: skip


def balance(party: str, asset: str, available: int = 0, group: str | None = None, *, is_open: bool = True) -> Row:
    """A row of BALANCES."""
    return {
        "asset": asset, "party": party, "available": available, "held": 0, "group": group, "open": is_open,
    }  # fmt: skip


def walk(store: ViewStore, view: View, filters: Mapping[str, object], limit: int, **how: Any) -> list[Row]:
    """All rows, page by page."""
    rows: list[Row] = []
    after = None
    while page := store.page(view.name, filters, after, limit, **how):
        assert len(page) <= limit
        rows += page
        last = view.place_of(page[-1])
        assert last != after  # or it would never end
        after = last
    return rows


class Model:
    """The obvious view store: dictionaries, changed one by one."""

    def __init__(self, *views: View) -> None:
        self.views = {view.name: view for view in views}
        self.rows: dict[str, dict[tuple[Any, ...], Row]] = {view.name: {} for view in views}

    def apply(self, change: Change) -> None:
        """Make one change."""
        rows, view = self.rows[change.view], self.views[change.view]
        if isinstance(change, Put):
            key = tuple(change.row[name] for name in view.key)
            rows[key] = {name: change.row.get(name) for name in view.columns}
        elif change.key in rows:
            row = rows[change.key]
            if isinstance(change, Set):
                row.update(change.values)
            elif isinstance(change, Copy):
                source = self.rows[change.source].get(change.source_key)
                row.update({name: source[other] for name, other in change.columns.items()} if source else {})
            else:
                row.update({name: Model.integer(row[name]) + by for name, by in change.amounts.items()})

    @staticmethod
    def integer(value: object) -> int:
        """The value, known to be an integer."""
        assert isinstance(value, int)
        return value

    def page(self, view: str, filters: Mapping[str, object]) -> list[Row]:
        """Every row that fits, in key order."""
        rows = self.rows[view]
        return [rows[key] for key in sorted(rows) if all(rows[key][name] == value for name, value in filters.items())]


PARTIES = st.sampled_from(["", "a", "b", "ä", "ab", "\U0001f600", "\uffff"])
NUMBERS = st.integers(-1_000, 1_000)
GROUPS = st.none() | st.sampled_from(["x", "y"])
BALANCE_KEYS = st.tuples(PARTIES, st.sampled_from(["CNY", "credit"]))
ORDER_KEYS = st.tuples(st.integers(0, 2), st.integers(-2, 2))
DETAILS = st.none() | st.lists(NUMBERS, max_size=2) | st.text(st.characters(codec="utf-8"), max_size=3)
CHANGES = st.one_of(
    st.builds(
        lambda key, n, group, is_open: Put("balances", balance(key[0], key[1], n, group, is_open=is_open)),
        BALANCE_KEYS, NUMBERS, GROUPS, st.booleans(),
    ),
    st.builds(lambda key, n: Add("balances", key, {"available": n, "held": -n}), BALANCE_KEYS, NUMBERS),
    st.builds(lambda key, n: Add("balances", key, {"held": n}), BALANCE_KEYS, NUMBERS),
    st.builds(lambda key, g, o: Set("balances", key, {"group": g, "open": o}), BALANCE_KEYS, GROUPS, st.booleans()),
    st.builds(lambda key, n: Set("balances", key, {"held": n}), BALANCE_KEYS, NUMBERS),
    st.builds(
        lambda key, detail: Put("orders", {"hour": key[0], "order": key[1], "detail": detail}), ORDER_KEYS, DETAILS
    ),
    st.builds(lambda key, detail: Set("orders", key, {"detail": detail}), ORDER_KEYS, DETAILS),
    st.builds(lambda key: Set("orders", key, {}), ORDER_KEYS),
)  # fmt: skip


class ViewStoreSuite:
    """The guarantees. `make(*views)` opens the store: again after a close, or beside one that is still open."""

    def test_a_new_store_is_empty(self, make: Make) -> None:
        store = make(KINDS)
        assert store.positions() == {}
        assert store.get("kinds", ("é",)) is None
        assert store.page("kinds", {}, None, 10) == []

    def test_every_kind_comes_back_as_it_went_in(self, make: Make) -> None:
        store = make(KINDS)
        full = ROW | {"name": "", "name_or_none": "", "number_or_none": 0, "flag_or_none": False, "any_or_none": 0}
        store.apply([Put("kinds", ROW), Put("kinds", full)], {"a": 1})
        store.close()
        for row in (ROW, full):
            got = make(KINDS).get("kinds", (row["name"],))
            assert got == row
            assert list(got) == list(KINDS.columns)
            assert [type(value) for value in got.values()] == [type(row[name]) for name in got]

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("name", 1),
            ("name", None),
            ("name", "a\0b"),
            ("number", "1"),
            ("number", True),
            ("number", LAST + 1),
            ("number", -LAST - 1),
            ("amount", 1.0),
            ("at", None),
            ("hour", b"1"),
            ("flag", 1),
            ("flag", None),
            ("any", None),
            ("name_or_none", 0),
            ("name_or_none", "\0"),
            ("number_or_none", "x"),
            ("flag_or_none", 0),
        ],
    )
    def test_a_value_that_is_not_of_its_kind_is_refused(self, make: Make, column: str, value: object) -> None:
        store = make(KINDS)
        store.apply([Put("kinds", ROW)], {"a": 1})
        refused: list[Change] = [Put("kinds", ROW | {column: value})]
        if column != "name":
            refused.append(Set("kinds", ("é",), {column: value}))
        for change in refused:
            with pytest.raises(InvariantViolation):
                store.apply([Set("kinds", ("é",), {"number": 5}), change], {"a": 2})
        assert (store.positions(), store.page("kinds", {}, None, 9)) == ({"a": 1}, [ROW])

    @pytest.mark.parametrize(
        "change",
        [
            Put("nothing", {}),
            Put("kinds", ROW | {"unknown": 1}),
            Put("kinds", {"name": "é"}),
            Set("kinds", ("é",), {"unknown": 1}),
            Set("kinds", ("é",), {"name": "e"}),
            Set("kinds", (), {"number": 1}),
            Set("kinds", ("é", "é"), {"number": 1}),
            Set("kinds", (1,), {"number": 1}),
            Add("kinds", ("é",), {"number_or_none": 1}),
            Add("kinds", ("é",), {"flag": 1}),
            Add("kinds", ("é",), {"name": 1}),
        ],
    )
    def test_a_change_that_does_not_fit_its_view_is_refused(self, make: Make, change: Change) -> None:
        store = make(KINDS)
        store.apply([Put("kinds", ROW)], {"a": 1})
        with pytest.raises(InvariantViolation):
            store.apply([Set("kinds", ("é",), {"number": 5}), change], {"a": 2})
        assert (store.positions(), store.page("kinds", {}, None, 9)) == ({"a": 1}, [ROW])

    def test_an_apply_that_fails_changes_nothing(self, make: Make) -> None:
        store = make(BALANCES)
        store.apply([Put("balances", balance("a", "x", LAST)), Put("balances", balance("b", "x", 1))], {"a": 1})
        before = store.page("balances", {}, None, 9)
        with pytest.raises(Exception):  # noqa: B017 more than 63 bits is found by the database
            store.apply(
                [Add("balances", ("b", "x"), {"available": 1}), Add("balances", ("a", "x"), {"available": 1})],
                {"a": 2, "b": 1},
            )
        assert store.page("balances", {}, None, 9) == before
        assert store.positions() == {"a": 1}

    def test_changes_are_made_in_order(self, make: Make) -> None:
        store, key = make(BALANCES), ("a", "x")
        store.apply(
            [
                Add("balances", key, {"available": 1_000}),  # no such row yet
                Put("balances", balance("a", "x", 10)),
                Add("balances", key, {"available": 5}),
                Put("balances", balance("b", "x", 1)),
                Set("balances", key, {"available": 100}),
                Add("balances", key, {"available": 7, "held": -2}),
                Add("balances", ("b", "x"), {"available": 1}),
                Set("balances", ("c", "x"), {"available": 1}),
            ],
            {},
        )
        assert store.page("balances", {}, None, 9) == [balance("a", "x", 107) | {"held": -2}, balance("b", "x", 2)]

    def test_changes_of_one_row_that_are_more_than_a_column_holds(self, make: Make) -> None:
        store, key = make(BALANCES), ("a", "x")
        down = Add("balances", key, {"available": -LAST})
        store.apply([Put("balances", balance("a", "x", LAST)), down, down, Add("balances", key, {"available": 5})], {})
        assert store.get("balances", key) == balance("a", "x", 5 - LAST)

    def test_of_two_writers_the_second_must_read_the_positions_again(self, make: Make) -> None:
        ours, theirs, more = make(BALANCES), make(BALANCES), [Add("balances", ("a", "x"), {"available": 1})]
        ours.apply([Put("balances", balance("a", "x"))], {"log": 1})
        with pytest.raises(StoreConflict):
            theirs.apply(more, {"log": 1})
        assert theirs.positions() == {"log": 1}
        theirs.apply(more, {"log": 2})
        with pytest.raises(StoreConflict):
            ours.apply(more, {"log": 2})
        with pytest.raises(StoreConflict):
            ours.apply(more, {"other": 1})
        assert ours.page("balances", {}, None, 9) == [balance("a", "x", 1)]
        assert ours.positions() == {"log": 2}
        theirs.reset()
        with pytest.raises(StoreConflict):
            ours.apply(more, {"log": 3})
        assert (ours.positions(), ours.page("balances", {}, None, 9)) == ({}, [])

    def test_a_writer_of_other_views_ends_the_work_of_the_one_before(self, make: Make) -> None:
        ours = make(BALANCES)
        ours.apply([Put("balances", balance("a", "x"))], {"log": 1})
        theirs = make(BALANCES, ORDERS)
        with pytest.raises(StoreConflict):
            ours.apply([Put("balances", balance("b", "x"))], {"log": 2})
        assert (theirs.positions(), theirs.page("balances", {}, None, 9)) == ({}, [])

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors])  # bindings
    @given(applies=st.lists(st.lists(CHANGES, max_size=25), max_size=3), limit=st.integers(1, 6))
    def test_it_does_what_plain_dictionaries_do(self, make: Make, applies: list[list[Change]], limit: int) -> None:
        store, model = make(BALANCES, ORDERS), Model(BALANCES, ORDERS)
        store.reset()
        for position, changes in enumerate(applies):
            store.apply(iter(changes), {"log": position})
            for change in changes:
                model.apply(change)
        for view in (BALANCES, ORDERS):
            assert walk(store, view, {}, limit) == model.page(view.name, {})
        for filters in ({"group": "x"}, {"group": None}, {"open": True}, {"party": "a", "group": "y"}):
            assert walk(store, BALANCES, filters, limit) == model.page("balances", filters)
        assert walk(store, ORDERS, {"order": -1}, limit) == model.page("orders", {"order": -1})
        assert store.get("orders", (1, 1)) == model.rows["orders"].get((1, 1))
        assert store.positions() == ({"log": len(applies) - 1} if applies else {})
        store.close()

    def test_a_page_goes_on_where_the_last_one_ended(self, make: Make) -> None:
        store = make(BALANCES)
        store.apply([Put("balances", balance(party, "x")) for party in ("a", "c", "e", "Z", "é")], {})
        assert [row["party"] for row in store.page("balances", {}, None, 2)] == ["Z", "a"]  # by code point
        store.apply([Put("balances", balance(party, "x")) for party in ("A", "b")], {})
        assert [row["party"] for row in store.page("balances", {}, ("a", "x"), 2)] == ["b", "c"]
        assert [row["party"] for row in store.page("balances", {}, ("a", "w"), 1)] == ["a"]
        assert store.page("balances", {}, ("é", "x"), 2) == []

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors])  # bindings
    @given(rows=st.dictionaries(PARTIES, st.tuples(st.integers(0, 3), GROUPS)), limit=st.integers(1, 4))
    def test_rows_of_a_view_with_a_time_come_by_it(
        self, make: Make, rows: dict[str, tuple[int, str | None]], limit: int
    ) -> None:
        store = make(TIMED)
        store.reset()
        made: list[Row] = [{"name": name, "at": at, "group": group} for name, (at, group) in rows.items()]
        store.apply([Put("timed", row) for row in made], {})
        asked: list[Mapping[str, object]] = [{}, {"group": "x"}, {"group": None}]
        for newest, since, filters in product((False, True), (0, 2, 4), asked):
            found = [row for row in made if Model.integer(row["at"]) >= since and filters.items() <= row.items()]
            found.sort(key=lambda row: (Model.integer(row["at"]), str(row["name"])), reverse=newest)
            assert walk(store, TIMED, filters, limit, newest=newest, since=since or None) == found
        store.close()

    @pytest.mark.parametrize("name", ["available", "asset", "nothing", "", "group; --"])
    def test_an_unknown_filter_is_an_error(self, make: Make, name: str) -> None:
        store = make(BALANCES)
        with pytest.raises(UnknownFilter):
            store.page("balances", {"group": "x", name: "1"}, None, 5)

    def test_questions_that_make_no_sense_are_refused(self, make: Make) -> None:
        store = make(BALANCES)
        for ask in (
            lambda: store.page("nothing", {}, None, 5),
            lambda: store.page("balances", {}, None, 0),
            lambda: store.page("balances", {}, ("a",), 5),
            lambda: store.page("balances", {}, None, 5, since=1),
            lambda: store.page("balances", {"open": "true"}, None, 5),
            lambda: store.get("nothing", ("a",)),
            lambda: store.get("balances", ("a",)),
            lambda: store.get("balances", ("a", 1)),
        ):
            with pytest.raises(InvariantViolation):
                ask()

    def test_positions_stay_until_reset(self, make: Make) -> None:
        store = make(BALANCES, ORDERS)
        store.apply([Put("balances", balance("a", "x")), Put("orders", {"hour": 1, "order": 2})], {"a": 5, "b": 0})
        store.apply([], {"b": 3})
        store.close()
        store = make(BALANCES, ORDERS)
        assert store.positions() == {"a": 5, "b": 3}
        assert store.get("orders", (1, 2)) == {"order": 2, "hour": 1, "detail": None}
        store.reset()
        assert (store.positions(), walk(store, BALANCES, {}, 5), walk(store, ORDERS, {}, 5)) == ({}, [], [])

    def test_a_projector_that_begins_says_how_far_it_has_to_go(self, make: Make) -> None:
        store = make(BALANCES)
        store.apply([], {"a": 5})
        assert store.progress() == {"a": Progress(5, 0)}
        store.begin({"a": 7, "b": 3})
        store.apply([Put("balances", balance("a", "x"))], {"b": 2})
        store.apply([], {"a": 9, "c": 1})
        store.close()
        store = make(BALANCES)
        known = {"a": Progress(9, 7), "b": Progress(2, 3), "c": Progress(1, 0)}
        assert (store.progress(), store.positions()) == (known, {"a": 9, "b": 2, "c": 1})
        store.begin({"b": 2})
        assert store.progress() == known | {"b": Progress(2, 2)}
        store.reset()
        assert store.progress() == {}

    def test_of_two_projectors_that_begin_the_one_before_must_read_the_positions_again(self, make: Make) -> None:
        ours, theirs = make(BALANCES), make(BALANCES)
        theirs.begin({"log": 3})
        with pytest.raises(StoreConflict):
            ours.begin({"log": 4})
        with pytest.raises(StoreConflict):
            ours.apply([], {"log": 1})
        assert (theirs.progress(), ours.positions()) == ({"log": Progress(0, 3)}, {"log": 0})
        ours.apply([], {"log": 1})
        assert theirs.progress() == {"log": Progress(1, 3)}

    def test_a_snapshot_sees_one_state(self, make: Make) -> None:
        store = make(BALANCES)
        store.apply([Put("balances", balance("a", "x", 1))], {"log": 1})
        with store.consistent_read() as views:
            before = views.progress()
            store.apply([Put("balances", balance("a", "x", 2)), Put("balances", balance("b", "x"))], {"log": 2})
            assert views.page("balances", {}, None, 9) == [views.get("balances", ("a", "x"))] == [balance("a", "x", 1)]
            assert views.progress() == before == {"log": Progress(1, 0)}
        with store.consistent_read() as views:
            assert views.get("balances", ("a", "x")) == balance("a", "x", 2)
            assert views.progress() == store.progress() == {"log": Progress(2, 0)}

    def test_readers_see_whole_applies_in_any_thread(self, make: Make) -> None:
        store, rounds, done = make(BALANCES), 80, threading.Event()
        store.apply([Put("balances", balance(party, "x")) for party in "abc"], {"log": 0})

        def write() -> None:
            try:
                for n in range(1, rounds + 1):
                    moves: list[Change] = [Add("balances", (party, "x"), {"available": 1}) for party in "ab"]
                    store.apply([*moves, Set("balances", ("c", "x"), {"available": n})], {"log": n})
            finally:
                done.set()

        def read() -> None:
            while not done.is_set():
                before = store.positions()["log"]
                a, b, c = (row["available"] for row in store.page("balances", {}, None, 9))
                assert a == b == c
                assert isinstance(a, int)
                assert before <= a <= store.positions()["log"]

        in_threads([write, read, read])
        assert store.positions() == {"log": rounds}

    def test_close_is_idempotent_and_final(self, make: Make) -> None:
        store = make(KINDS)
        store.close()
        store.close()
        with pytest.raises(Exception):  # noqa: B017 which one is the adapter's choice
            store.positions()
