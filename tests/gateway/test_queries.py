"""Queries answer from the views: exactly the requested rows, each once, amounts as text, own writes included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from counterfoil.catalogue import VIEWS
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.gateway import answers, parameters
from counterfoil.gateway.bounds import MAX_PAGE
from counterfoil.gateway.rows import encode_cursor, page_schema, parse, row_schema
from counterfoil.issuance.commands import IssueVoucher
from counterfoil.ports import Row, View
from counterfoil.storage.dialect import sqlite
from tests.gateway.harness import Stepped, problem_of
from tests.gateway.world import BID, OFFER, UNIT, Market, deposit

BY_NAME = {view.name: view for view in VIEWS}
ALL = pytest.mark.parametrize("view", VIEWS, ids=[view.name for view in VIEWS])


def url(view: View) -> str:
    return f"/v1/{view.name.replace('_', '-')}"


def text_of(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture(scope="module")
def http(shared: Stepped) -> Stepped:
    """The market with two offers, a trade and a bid that rests."""
    market = shared.market
    market.ask("treasury", deposit("gpu-1", 1_000))
    market.ask("gpu-1", OFFER, replace(OFFER, price=5 * UNIT, nodes=2))
    market.ask("lab-1", BID, replace(BID, limit_price=UNIT, nodes=3))
    return shared


def whole(http: Stepped, view: View, **filters: str) -> list[dict[str, Any]]:
    response = http.get(url(view), limit=str(MAX_PAGE), **filters)
    assert response.status_code == 200, response.text
    page = response.json()
    jsonschema.validate(page, page_schema(row_schema(view)))
    items: list[dict[str, Any]] = page["items"]
    return items


@ALL
def test_a_list_has_every_row_and_each_filter_picks_those_that_have_the_value(http: Stepped, view: View) -> None:
    rows = whole(http, view)
    stored = http.market.rows(view.name)
    assert len(rows) == len(stored)
    key_columns = [[row[name] for name in view.key] for row in rows]
    assert [[str(part) for part in key] for key in key_columns] == [[str(row[n]) for n in view.key] for row in stored]
    for name in view.filters:
        for value in {text_of(row[name]) for row in rows if row[name] is not None}:
            assert whole(http, view, **{name: value}) == [row for row in rows if text_of(row[name]) == value]


@ALL
def test_a_list_may_begin_with_the_newest_row_and_end_at_a_time(http: Stepped, view: View) -> None:
    rows = whole(http, view)
    assert whole(http, view, order="newest") == rows[::-1]
    if view.time is None:
        assert problem_of(http.get(url(view), since="2026-01-01T00:00:00.000000Z"))["code"] == "unknown_filter"
        return
    times = [row[view.time] for row in rows]
    assert times == sorted(times)
    for since in {*times[:3], *times[-1:], "2100-01-01T00:00:00.000000Z"}:
        assert whole(http, view, since=since) == [row for row in rows if row[view.time] >= since]
    assert problem_of(http.get(url(view), since="yesterday"))["code"] == "bad_filter"


@ALL
def test_columns_have_only_the_values_that_are_declared(http: Stepped, view: View) -> None:
    for name, known in view.values.items():
        assert {row[name] for row in whole(http, view)} <= {*known, None}
        if name in view.filters:
            problem = problem_of(http.get(url(view), **{name: "opne"}))
            assert (problem["code"], problem["detail"]) == ("bad_filter", f"{name} is one of {', '.join(known)}")


@ALL
def test_an_item_is_its_row_of_the_list(http: Stepped, view: View) -> None:
    for row in whole(http, view)[:5]:
        path = "/".join(text_of(row[name]).replace("/", "%2F") for name in view.key)
        response = http.get(f"{url(view)}/{path}")
        assert (response.status_code, response.json()) == (200, row)
        jsonschema.validate(row, row_schema(view))
    absent = {"int": "1", "time": "2001-01-01T00:00:00.000000Z", "hour": "20010101T00Z"}
    nothing = "/".join(absent.get(view.columns[name], "no-such") for name in view.key)
    assert problem_of(http.get(f"{url(view)}/{nothing}"))["code"] == "not_found"


def test_the_story_fills_the_views_it_should(http: Stepped) -> None:
    filled = {view.name for view in VIEWS if whole(http, view)}
    assert filled >= {
        "parties", "keys", "classes", "programmes", "programme_versions", "listings", "vouchers", "balances",
        "vouchers_balance", "holds", "offers", "bids", "trades", "contracts",
    }  # fmt: skip


def test_amounts_are_text_and_times_are_written_out(http: Stepped) -> None:
    row = http.get("/v1/balances/cash/lab-1/USD").json()
    assert row["posted_at"].endswith("Z")
    assert row["posted"] == str(1_000 * UNIT)
    assert isinstance(row["n"], int)
    offer = whole(http, BY_NAME["offers"])[0]
    assert (offer["price"], offer["window_start"]) == (str(2 * UNIT), "20260303T00Z")
    assert isinstance(offer["nodes"], int)


# what must not be answered as if it were something else -------------------------------------------------------------


@ALL
def test_an_unknown_filter_is_an_error_and_never_an_empty_answer(http: Stepped, view: View) -> None:
    unknown = [name for name in view.columns if name not in (*view.filters, "since")]
    for name in [*unknown, "no_such", "Status", "", "wait-for"]:
        problem = problem_of(http.get(url(view), **{name: "x"}))
        assert (problem["status"], problem["code"]) == (400, "unknown_filter")
        assert all(known in problem["detail"] for known in view.filters)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/bids?status=open&status=closed", "repeated_parameter"),
        ("/v1/bids?limit=1&limit=2", "repeated_parameter"),
        ("/v1/bids?limit=0", "bad_request"),
        (f"/v1/bids?limit={MAX_PAGE + 1}", "bad_request"),
        ("/v1/bids?limit=x", "bad_request"),
        ("/v1/bids?limit=", "bad_request"),
        ("/v1/bids?status=%00", "bad_filter"),
        ("/v1/bids?order=price", "bad_request"),
        ("/v1/balances?since=2026-01-01T00:00:00.000000Z", "unknown_filter"),
        ("/v1/bids?after=x", "bad_cursor"),
        ("/v1/bids?after=", "bad_cursor"),
        ("/v1/bids?after=WzFd", "bad_cursor"),  # [1]
        ("/v1/bids?after=WyJhIiwiYiJd", "bad_cursor"),  # ["a","b"]
        ("/v1/bids?after=eyJhIjoxfQ", "bad_cursor"),  # {"a":1}
        ("/v1/bids?after=ImEi", "bad_cursor"),  # "a"
        ("/v1/classes?after=WzAsImEiLDkyMjMzNzIwMzY4NTQ3NzU4MDhd", "bad_cursor"),  # [0, "a", 2^63]
        ("/v1/classes?after=WzAsImEiLHRydWVd", "bad_cursor"),  # [0, "a", true]
        ("/v1/classes/a100/one", "bad_key"),
        ("/v1/classes/a100/+1", "bad_key"),
        ("/v1/classes/a100/1_0", "bad_key"),
        ("/v1/classes/a100/%EF%BC%91", "bad_key"),  # a full-width 1
        (f"/v1/classes/a100/{2**63}", "bad_key"),
        ("/v1/classes/a100/1?limit=5", "unknown_parameter"),
        ("/v1/depth?class_id=a100", "bad_request"),
        ("/v1/depth?class_id=a100&region=east&programme_id=p1", "unknown_parameter"),
        ("/v1/depth?class_id=a100&region=east&region=west", "repeated_parameter"),
        ("/v1/depth?class_id=a100&region=east&currency=GPU_HOURS", "bad_request"),
        ("/v1/depth?class_id=a100&region=mars", "currency_needed"),
        ("/v1/bids?wait_for=matching", "bad_wait_for"),
        ("/v1/bids?wait_for=matching:-1", "bad_wait_for"),
        ("/v1/bids?wait_for=matching:%C2%B2", "bad_wait_for"),  # a superscript 2 is a digit, but no number
        ("/v1/bids?wait_for=nowhere:1", "bad_wait_for"),
        ("/v1/bids?wait_for=matching:1000000000000000", "bad_wait_for"),
        ("/v1/bids?wait_for=matching:9&wait_for=ledger", "bad_wait_for"),
        ("/v1/bids?" + "&".join(["wait_for=matching:0"] * 17), "bad_request"),
    ],
)
def test_bad_parameters(http: Stepped, path: str, code: str) -> None:
    problem = problem_of(http.get(path) if "?" not in path else http.request("GET", path))
    assert (problem["status"], problem["code"]) == (400, code)
    assert problem["type"] == f"urn:counterfoil:problem:{code}"


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("bool", {"true": True, "false": False}, ["True", "1", ""]),
        (
            "int",
            {"0": 0, "-7": -7, str(2**63 - 1): 2**63 - 1},
            ["", "-0", "07", "1.0", " 1", str(2**63), str(-(2**63))],
        ),
        ("amount", {"12": 12}, ["12 ", "1e3"]),
        ("time?", {"2026-03-02T00:00:00.000000Z": 1_772_409_600_000_000}, ["2026-03-02", "1772409600000000"]),
        ("hour", {"20260302T00Z": 492_336}, ["20260302T24Z", "492336"]),
        ("text", {"": "", "x": "x"}, ["\0"]),
    ],
)
def test_values_are_read_strictly(kind: str, good: dict[str, object], bad: list[str]) -> None:
    assert {text: parse(kind, text) for text in good} == good
    for text in bad:
        with pytest.raises(ValueError):
            parse(kind, text)


# pages --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 3, MAX_PAGE])
def test_pages_walk_every_row_once_while_rows_are_added(http: Stepped, limit: int) -> None:
    market, view = http.market, BY_NAME["vouchers"]
    issue = IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=UNIT)
    market.ask("city", *[issue] * 5)
    before = {row["voucher_id"] for row in whole(http, view)}
    walked: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = http.get("/v1/vouchers", limit=str(limit), **after).json()
        assert len(page["items"]) <= limit
        walked += [row["voucher_id"] for row in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
        if len(walked) < 12:
            market.ask("city", issue)
    assert walked == sorted(set(walked))
    assert before <= set(walked)


def test_a_cursor_may_stand_for_a_row_that_is_not_there(http: Stepped) -> None:
    view = BY_NAME["classes"]
    rows: Sequence[Row] = [{"class_id": "a", "version": 7, "registered_at": time} for time in (0, MAX_AMOUNT)]
    before, behind = rows
    assert [row["class_id"] for row in http.get("/v1/classes", after=encode_cursor(view, before)).json()["items"]] == [
        "a100"
    ]
    assert http.get("/v1/classes", after=encode_cursor(view, behind)).json()["items"] == []


def test_the_largest_page(http: Stepped) -> None:
    assert http.get("/v1/bids", limit=str(MAX_PAGE)).status_code == 200
    page = http.get("/v1/parties", limit=str(len(whole(http, BY_NAME["parties"])))).json()
    assert page["next"] is not None  # full: there may be more
    assert http.get("/v1/parties", after=page["next"]).json() == {"items": [], "next": None}


# reading one's own writes -------------------------------------------------------------------------------------------


def stepping_without_views(market: Market) -> None:
    for runner in market.system.runners.values():
        runner.step()
    market.system.receipts.step()


def test_waiting_for_an_index_reads_ones_own_write(http: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    market = http.market
    everything = http.step
    monkeypatch.setattr(http, "step", lambda: stepping_without_views(market))
    before = int(http.get("/v1/balances/cash/lab-2/USD").json().get("posted", 0))
    receipt = http.post(market.sign("treasury", deposit("lab-2", 1))).json()
    stale = http.get("/v1/balances/cash/lab-2/USD").json()
    assert int(stale.get("posted", 0)) == before
    monkeypatch.setattr(http, "step", everything)
    mark = f"ledger:{receipt['index']}"
    for path in ("/v1/balances/cash/lab-2/USD", "/v1/balances?account=cash/lab-2"):
        join = "&" if "?" in path else "?"
        found = http.request("GET", f"{path}{join}wait_for={mark}&wait_for=issuance:0").json()
        row = found["items"][0] if "items" in found else found
        assert int(row["posted"]) == before + UNIT


def test_waiting_for_what_does_not_come_times_out(http: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    end = http.market.sizes()["ledger"]
    assert http.get("/v1/bids", wait_for=f"ledger:{end - 1}").status_code == 200
    monkeypatch.setattr(parameters, "WAIT_AT_MOST", 0.05)
    for path in ("/v1/bids", "/v1/bids/none", "/v1/depth?class_id=a100&region=east"):
        join = "&" if "?" in path else "?"
        problem = problem_of(http.request("GET", f"{path}{join}wait_for=ledger:{end}"))
        assert (problem["status"], problem["code"]) == (504, "wait_timed_out")


def test_a_scan_has_a_time(http: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "SCAN_WITHIN", 0.0)
    monkeypatch.setattr(sqlite, "_STEPS", 1)
    for _ in range(5):
        problem = problem_of(http.get("/v1/parties"))
        assert (problem["status"], problem["code"]) == (503, "scan_too_long")
    monkeypatch.setattr(answers, "SCAN_WITHIN", 10.0)
    assert http.get("/v1/parties").status_code == 200  # on the same connection


# depth --------------------------------------------------------------------------------------------------------------


def test_depth_adds_up_what_is_open(http: Stepped) -> None:
    answer = http.get("/v1/depth", class_id="a100", region="east").json()
    assert answer == {
        "class_id": "a100",
        "region": "east",
        "currency": "USD",
        "offers": [
            {
                "price": str(2 * UNIT),
                "orders": 1,
                "nodes": 4,
                "node_hours": 4 * 48 - 2,
            },  # one node was sold for 2 hours
            {"price": str(5 * UNIT), "orders": 1, "nodes": 2, "node_hours": 2 * 48},
        ],
        "bids": [{"price": str(UNIT), "orders": 1, "nodes": 3, "node_hours": 6}],
    }
    for other in ({"class_id": "h100", "region": "east"}, {"class_id": "a100", "region": "west"}):
        assert problem_of(http.get("/v1/depth", **other))["code"] == "currency_needed"
        answer = http.get("/v1/depth", **other, currency="USD").json()
        assert (answer["offers"], answer["bids"]) == ([], [])
    for other_unit in ("EUR", "GPU_HOUR"):
        assert http.get("/v1/depth", class_id="a100", region="east", currency=other_unit).json()["offers"] == []
