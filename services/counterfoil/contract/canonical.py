"""JSON in the contract: RFC 8785 bytes, bounded parsing, refusals of anything else.

Member names are ASCII, numbers are integers below 2^53 and there are no floats. For such data orjson with sorted keys
gives exactly the RFC 8785 bytes; a property test compares it with ``rfc8785``.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from counterfoil.contract import limits
from counterfoil.contract.refusals import Code, Refusal

# Possessive, and an unclosed string runs to the end: linear in the length for any bytes.
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NOT_INTEGER = re.compile(rb"[0-9][.eE]")
_MAY_NOT_INTEGER = re.compile(rb'(?:":|[,\[])\s*+-?[0-9]++[.eE]')  # the same, but strings may look like it
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_CANONICAL: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


class Refused(Exception):
    """Bytes from outside that the contract does not accept; carries the stable code and where it was found."""

    def __init__(self, code: Code, **detail: str) -> None:
        super().__init__(code.value, detail)
        self.refusal = Refusal(code, tuple(sorted(detail.items())))


def canonical(value: object) -> bytes:
    """The RFC 8785 bytes of a JSON value without floats and with ASCII member names."""
    return orjson.dumps(value, option=_CANONICAL)


def nesting(data: bytes) -> int:
    """How deep the brackets of JSON text nest, outside strings; found without parsing."""
    return _depth(_STRINGS.sub(b"", data))


def _depth(outside_strings: bytes) -> int:
    deepest = depth = 0
    for bracket in outside_strings.translate(None, _NOT_BRACKETS):
        if bracket in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def parse_json(data: bytes, max_bytes: int) -> Any:
    """Bounded parse of JSON whose numbers are integers. Raises `Refused` (too_large, nested_too_deep, malformed)."""
    if len(data) > max_bytes:
        raise Refused(Code.TOO_LARGE, limit=str(max_bytes))
    if data.count(b"{") + data.count(b"[") <= limits.MAX_NESTING and not _MAY_NOT_INTEGER.search(data):
        return loads(data)  # no number can be wrong: most commands take this path
    outside_strings = _STRINGS.sub(b"", data)
    if _depth(outside_strings) > limits.MAX_NESTING:
        raise Refused(Code.NESTED_TOO_DEEP, limit=str(limits.MAX_NESTING))
    if _NOT_INTEGER.search(outside_strings):
        raise Refused(Code.MALFORMED, reason="numbers are integers, without fraction or exponent")
    return loads(data)


def loads(data: bytes) -> Any:
    """Parse JSON without bounds of its own. Raises `Refused` (malformed)."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as problem:
        raise Refused(Code.MALFORMED, reason="not JSON") from problem


def own_form(value: Any, data: bytes) -> dict[str, Any]:
    """The object `value`, if `data` is its RFC 8785 form. Raises `Refused` (malformed, out_of_range, not_canonical)."""
    if not isinstance(value, dict):
        raise Refused(Code.MALFORMED, reason="not a JSON object")
    try:
        same = canonical(value) == data
    except TypeError as problem:  # an integer of 2^53 or more
        raise Refused(Code.OUT_OF_RANGE, reason="integers must be below 2^53") from problem
    if not same:
        raise Refused(Code.NOT_CANONICAL)
    return value
