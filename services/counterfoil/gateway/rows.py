"""Rows of a view and their JSON form: values, filters, page cursors and JSON Schemas."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.times import format_hour, format_time, parse_derived_time, parse_hour
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.ports import Row, View

_TEXT: Final[dict[str, Callable[[int], str]]] = {"amount": str, "time": format_time, "hour": format_hour}
_BOOL: Final = {"true": True, "false": False}
AMOUNT_SCHEMA: Final = {"type": "string", "pattern": r"^(?:0|-?[1-9][0-9]{0,18})$"}
TIME_SCHEMA: Final = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
}
_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "text": {"type": "string"},
    "int": {"type": "integer", "minimum": -MAX_AMOUNT, "maximum": MAX_AMOUNT},
    "amount": AMOUNT_SCHEMA,
    "time": TIME_SCHEMA,
    "hour": {"type": "string", "pattern": "^[0-9]{8}T[0-9]{2}Z$"},
    "bool": {"type": "boolean"},
    "json": {},
}
"""Of values, by kind, as rows have them and as filters and keys take them."""
_NO_ZERO: Final = {"type": "string", "pattern": r"^[^\u0000]*$"}
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)


def render(view: View, row: Mapping[str, object]) -> dict[str, Any]:
    """A row as JSON: amounts as decimal strings, times and hours as text."""
    rendered: dict[str, Any] = {}
    for name, kind in view.columns.items():
        value = row[name]
        if isinstance(value, int) and not isinstance(value, bool):
            text = _TEXT.get(kind.removesuffix("?"))
            value = value if text is None else text(value)
        rendered[name] = value
    return rendered


def parse_filter(view: View, name: str, text: str) -> object:
    """The value of a filter from its text. Raises ValueError, also for a value that the column never has."""
    known = view.values.get(name)
    if known is not None and text not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}")
    return parse(view.columns[name], text)


def parse(kind: str, text: str) -> object:
    """A filter or key value from its text. Raises ValueError."""
    plain = kind.removesuffix("?")
    if plain == "bool":
        if text not in _BOOL:
            raise ValueError("true or false")
        return _BOOL[text]
    if plain == "time":
        return parse_derived_time(text)
    if plain == "hour":
        return parse_hour(text)
    if plain in ("int", "amount"):
        if _INTEGER.fullmatch(text) is None or abs(int(text)) > MAX_AMOUNT:
            raise ValueError("a decimal integer of at most 63 bits")
        return int(text)
    if "\0" in text:
        raise ValueError("no text in the views contains a zero character")
    return text


def encode_cursor(view: View, row: Row) -> str:
    """The cursor of the page after this row."""
    return urlsafe_b64encode(orjson.dumps(view.place_of(row))).decode().rstrip("=")


def decode_cursor(view: View, cursor: str) -> tuple[object, ...]:
    """The place that a cursor stands for. Raises `Problem`."""
    try:
        place = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        place = None
    kinds = [view.columns[name] for name in view.order]
    if isinstance(place, list) and len(place) == len(kinds) and all(map(_is_of, kinds, place)):
        return tuple(place)
    raise Problem(ProblemCode.BAD_CURSOR, cursor[:80])


def _is_of(kind: str, value: object) -> bool:
    if kind == "text":
        return isinstance(value, str) and "\0" not in value
    return type(value) is int and abs(value) <= MAX_AMOUNT


def values_schema(view: View, name: str) -> dict[str, Any]:
    """What JSON Schema says of the values that a column may have: nothing where they are not known."""
    return {"enum": list(view.values[name])} if name in view.values else {}


def row_schema(view: View) -> dict[str, Any]:
    """JSON Schema of a rendered row."""
    properties: dict[str, Any] = {}
    for name, kind in view.columns.items():
        schema = _SCHEMAS[kind.removesuffix("?")]
        nullable = kind.endswith("?") and schema
        properties[name] = {**schema, "type": [schema["type"], "null"]} if nullable else schema
        values = values_schema(view, name)
        if values and nullable:
            values = {"enum": [*values["enum"], None]}
        properties[name] = {**properties[name], **values}
    return {"type": "object", "properties": properties, "required": list(view.columns)}


def page_schema(row: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema of a page. `row`: of a row."""
    following = {"type": ["string", "null"], "description": "`after` of the next page; null after the last one"}
    properties = {"items": {"type": "array", "items": row}, "next": following}
    return {"type": "object", "properties": properties, "required": ["items", "next"]}


def parameter_schema(kind: str) -> dict[str, Any]:
    """JSON Schema of the text of a filter or key."""
    plain = kind.removesuffix("?")
    return _NO_ZERO if plain in ("text", "json") else _SCHEMAS[plain]
