"""Requests drawn from the OpenAPI document: what it allows, what it forbids, and what no document foresees."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

STREAMS: Final = ("/v1/events", "/v1/market/events")
_STRANGE: Final = (
    "", " ", "0", "-1", "1e9", "01", "null", "true", "\0", "é", "²", "🦜", "../..", "a/b", "%", "%zz", "%00", "{}",
    "9" * 30, "x" * 500, "'; --", "a,b", "ledger:0", "ledger:1,issuance:2", "20260302T99Z", "\r\nX: y",
)  # fmt: skip
_SELDOM: Final = st.integers(0, 3).map(lambda number: number == 0)
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
_HEADERS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"Prefer", b"wait=0"),
    (b"Prefer", b"respond-async"),
    (b"Prefer", b"wait=;;=,,\xff"),
    (b"If-None-Match", b"*"),
    (b"Accept-Encoding", b"gzip;q=0, br"),
    (b"Content-Type", b"text/html; charset=\xff"),
    (b"Content-Length", b"999999999"),
    (b"Content-Length", b"x"),
    (b"Authorization", b"Bearer x"),
    (b"Authorization", b"Basic \xff"),
    (b"Last-Event-ID", b"ledger:0"),
    (b"X-Filler", b"x" * 20_000),
    (b"Traceparent", b"00-0-0-zz"),
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A request: its target as it is sent, percent-encoded."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def operations(document: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Method, path and description of each operation."""
    return [(method, path, each) for path, methods in document["paths"].items() for method, each in methods.items()]


@st.composite
def requests(
    draw: st.DrawFn,
    asked_for: tuple[str, str, Mapping[str, Any]],
    known: Mapping[str, Sequence[str]],
    envelopes: Sequence[bytes],
) -> Drawn:
    """Requests of one operation. `known`: values that exist, by the name of their parameter."""
    method, path, operation = asked_for
    odd = draw(st.sets(st.sampled_from(("method", "path", "query", "headers", "body", "length")), max_size=2))
    parameters = operation.get("parameters", [])

    def value(parameter: Mapping[str, Any], strange: bool) -> str:
        name = parameter["name"]
        good = _valid(parameter["schema"])
        if name in known:
            good = st.sampled_from(known[name]) | good
        return draw(st.sampled_from(_STRANGE) | st.text(max_size=8) if strange else good)

    target = path
    for parameter in parameters:
        if parameter["in"] == "path":
            text = value(parameter, strange="path" in odd and draw(st.booleans()))
            safe = draw(st.sampled_from(("", "/", "/:%"))) if "path" in odd else "/:"
            target = target.replace(f"{{{parameter['name']}}}", quote(text, safe))
    asked = [each for each in parameters if each["in"] == "query" and (each.get("required") or draw(_SELDOM))]
    query = [(each["name"], value(each, strange="query" in odd and draw(st.booleans()))) for each in asked]
    if "query" in odd:
        query += draw(
            st.lists(st.sampled_from([*query, ("more", "1"), ("limit", "0"), ("wait_for", "x:y")]), max_size=3)
        )
        query = query[draw(st.integers(0, 1)) :]
    if path in STREAMS:
        query.append(("since", "0"))  # a stream that was opened would not end
    if "length" in odd and draw(st.integers(0, 9)) == 0:
        query.append(("more", "x" * 9_000))
    headers = draw(st.lists(st.sampled_from(_HEADERS), max_size=3)) if "headers" in odd else []
    body = b""
    if "requestBody" in operation:
        body = draw(st.sampled_from(envelopes))
        if "body" in odd:
            cut = draw(st.integers(0, len(body)))
            body = draw(
                st.sampled_from((body[:cut], body[:cut] + b"\xff" + body[cut + 1 :], body * 3, b"{}", b"[" * 99))
            )
    if "method" in odd:
        method = draw(st.sampled_from(_METHODS))
    raw = target + (f"?{urlencode(query)}" if query else "")
    return Drawn(method.upper(), raw.encode(), tuple(headers), body)


def _valid(schema: Mapping[str, Any]) -> SearchStrategy[str]:
    """Text of values that fit the schema of a parameter."""
    if "anyOf" in schema:
        return st.one_of([_valid(each) for each in schema["anyOf"] if each.get("type") != "null"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("type") == "array":
        return _valid(schema["items"])
    if schema.get("type") == "integer":
        return st.integers(schema.get("minimum", -9), schema.get("maximum", 9)).map(str)
    if schema.get("type") == "boolean":
        return st.sampled_from(("true", "false"))
    if "pattern" in schema and "u0000" not in schema["pattern"]:
        return st.from_regex(re.compile(schema["pattern"], re.ASCII), fullmatch=True)
    return st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
