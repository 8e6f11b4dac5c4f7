"""Why bytes are refused: reads a payload or a record again, step by step, and raises the first refusal in precedence.

Slow and exact, for input that the codec's decoders do not take. pydantic names the member at fault.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NoReturn

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from counterfoil.contract import limits
from counterfoil.contract.canonical import Refused, own_form, parse_json
from counterfoil.contract.record import shape_of
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import OutOfRange
from counterfoil.contract.submission import BATCH, Header
from counterfoil.contract.vocabulary import Vocabulary, find_body

_PRECEDENCE: Final = {code: number for number, code in enumerate(Code)}
_RANGE_ERRORS: Final = ("greater_than_equal", "less_than_equal", "string_too_long", "int_parsing_size")
"""pydantic's names."""


def refuse_payload(vocabulary: Vocabulary, payload: bytes) -> NoReturn:
    """Raises `Refused` with an intake code."""
    parsed = parse_json(payload, limits.MAX_BATCH_PAYLOAD_BYTES)
    single = not (isinstance(parsed, dict) and parsed.get("type") == BATCH)
    if single and len(payload) > limits.MAX_PAYLOAD_BYTES:
        raise Refused(Code.TOO_LARGE, limit=str(limits.MAX_PAYLOAD_BYTES))
    value = own_form(parsed, payload)
    body = value.pop("body", None)
    header = _validated(Header, value)
    if header.type == BATCH and header.v == 1:
        _check_batch(vocabulary, body)
    else:
        _check_body(vocabulary, header.type, header.v, body)
    raise Refused(Code.MALFORMED, reason="not a payload")  # the decoder refused what nothing is wrong with


def refuse_record(kind: type, value: object) -> NoReturn:
    """Raises `Refused` for the JSON value of a record."""
    _validated(kind, value)
    raise Refused(Code.MALFORMED, reason="not a record")  # as above


def _check_body(vocabulary: Vocabulary, kind: object, version: object, body: object) -> type:
    found = find_body(vocabulary, kind, version, body)
    _validated(found, body)
    return found


def _check_batch(vocabulary: Vocabulary, body: object) -> None:
    commands = _members(body, ("commands",), "body")["commands"]
    if not isinstance(commands, list):
        raise Refused(Code.MALFORMED, member="body.commands", reason="not a list")
    if not 1 <= len(commands) <= limits.MAX_BATCH_COMMANDS:
        reason = f"1 to {limits.MAX_BATCH_COMMANDS} commands"
        raise Refused(Code.OUT_OF_RANGE, member="body.commands", reason=reason)
    services = set()
    for item in commands:
        item = _members(item, ("type", "v", "body"), "body.commands")
        services.add(vocabulary.service_of[_check_body(vocabulary, item["type"], item["v"], item["body"])])
    if len(services) != 1:
        raise Refused(Code.WRONG_AUDIENCE, reason="the commands of a batch belong to one service")


def _members(value: object, names: tuple[str, ...], where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or any(name not in value for name in names):
        raise Refused(Code.MALFORMED, member=where, reason=f"an object with the members {', '.join(names)}")
    extra = [name for name in value if name not in names]
    if extra:
        raise Refused(Code.UNKNOWN_MEMBER, member=f"{where}.{extra[0]}"[:120])
    return value


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(shape_of(kind))


def _validated(kind: type, value: object) -> Any:
    """The record's shape with its members. Raises `Refused`."""
    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as problem:
        found = problem.errors(include_url=False, include_input=False)
        code, first = min(((_code_of(each), each) for each in found), key=lambda pair: _PRECEDENCE[pair[0]])
        where = ".".join(str(part) for part in first["loc"])[:120]
        raise Refused(code, member=where, reason=str(first["msg"])[:120]) from problem


def _code_of(error: ErrorDetails) -> Code:
    if error["type"] == "unexpected_keyword_argument":
        return Code.UNKNOWN_MEMBER
    if error["type"] in _RANGE_ERRORS or isinstance(error.get("ctx", {}).get("error"), OutOfRange):
        return Code.OUT_OF_RANGE
    return Code.MALFORMED
