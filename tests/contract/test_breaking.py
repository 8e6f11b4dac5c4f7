"""The OpenAPI document breaks no client of the one that was frozen last, and a change that would is named."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.contract.breaking import breaking
from tests.contract.make_openapi import FROZEN

Json = dict[str, Any]
CURRENT = Path(__file__).parents[2] / "schemas" / "openapi.json"
LIST, ITEM, COMMANDS = "/v1/bids", "/v1/bids/{bid_id}", "/v1/commands"


@cache
def _current() -> str:
    return CURRENT.read_text()


def current() -> Json:
    document: Json = json.loads(_current())
    return document


def test_nothing_breaks_a_client_of_the_frozen_document() -> None:
    """What to do about a line here: `tests/contract/openapi/README.md`."""
    assert breaking(json.loads(gzip.decompress(FROZEN.read_bytes())), current()) == []


def bid(document: Json) -> Json:
    row: Json = document["components"]["schemas"]["Bids"]
    return row


def parameter(document: Json, path: str, name: str) -> Json:
    return next(each for each in document["paths"][path]["get"]["parameters"] if each["name"] == name)


def codes(document: Json) -> list[str]:
    """Those of the problem of a list with the status 400."""
    status = document["paths"][LIST]["get"]["responses"]["400"]["$ref"].rpartition("/")[2]
    schema = document["components"]["responses"][status]["content"]["application/problem+json"]["schema"]
    found: list[str] = schema["allOf"][1]["properties"]["code"]["enum"]
    return found


NEW = {"name": "x", "in": "query", "schema": {"type": "string"}}
BREAKING: list[tuple[Callable[[Json], object], str]] = [
    (lambda d: d["paths"].pop(ITEM), f"{ITEM}: the path is gone"),
    (lambda d: d["paths"][LIST].pop("get"), f"GET {LIST}: the operation is gone"),
    (lambda d: d["paths"][LIST]["get"]["responses"].pop("504"), "the status 504 is gone"),
    (lambda d: d["paths"][LIST]["get"]["parameters"].remove(parameter(d, LIST, "status")), "status (query) is gone"),
    (lambda d: d["paths"][LIST]["get"]["parameters"].append({**NEW, "required": True}), "is new, and required"),
    (lambda d: parameter(d, LIST, "limit").update(required=True), "became required"),
    (lambda d: parameter(d, LIST, "limit")["schema"].update(maximum=100), "its maximum was 500 and is 100"),
    (lambda d: parameter(d, LIST, "status")["schema"].update(enum=["open"]), "every value that it could have"),
    (lambda d: parameter(d, LIST, "status")["schema"].update(pattern="^o"), "its pattern was"),
    (lambda d: parameter(d, LIST, "status")["schema"].update(type="integer"), "may no longer be string"),
    (lambda d: bid(d)["properties"].pop("nodes"), "the member nodes is gone"),
    (lambda d: bid(d)["required"].remove("nodes"), "the member nodes is no longer promised"),
    (lambda d: bid(d)["properties"]["nodes"].update(type=["integer", "null"]), "and may be integer, null"),
    (lambda d: bid(d)["properties"]["limit_price"].update(type="integer"), "was string and may be integer"),
    (lambda d: codes(d).remove("bad_filter"), "every value that it had"),
    (
        lambda d: d["paths"][LIST]["get"]["responses"]["200"]["headers"].pop("Counterfoil-Position"),
        "the header Counterfoil-Position is gone",
    ),
    (
        lambda d: d["paths"][COMMANDS]["post"]["responses"]["200"]["content"].pop("application/json"),
        "application/json is gone",
    ),
    (
        lambda d: d["paths"][COMMANDS]["post"]["requestBody"]["content"].update(
            {"application/vnd.dsse.envelope.v1+json": {"schema": {"type": "object", "required": ["x"]}}}
        ),
        "request body: the member x became required",
    ),
]


@pytest.mark.parametrize(("change", "line"), BREAKING, ids=[line for _, line in BREAKING])
def test_what_breaks_a_client_is_named(change: Callable[[Json], object], line: str) -> None:
    changed = current()
    change(changed)
    found = breaking(current(), changed)
    assert found
    assert all(line in each for each in found), found


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["paths"].update({"/v1/more": copy.deepcopy(d["paths"][LIST])}),
        lambda d: d["paths"][LIST]["get"]["parameters"].append(NEW),
        lambda d: d["paths"][LIST]["get"]["responses"].update({"418": {"description": "more"}}),
        lambda d: parameter(d, LIST, "limit")["schema"].update(maximum=1_000),
        lambda d: bid(d)["properties"].update(more={"type": "string"}),
        lambda d: bid(d)["required"].append("more"),
        lambda d: codes(d).append("one_more"),
        lambda d: bid(d).update(description="Put better."),
    ],
)
def test_what_only_adds_breaks_nothing(change: Callable[[Json], object]) -> None:
    changed = current()
    change(changed)
    assert changed != current()
    assert breaking(current(), changed) == []
