"""The one codec: signed payloads, events and entries, canonical or rejected.

All bytes are RFC 8785 JSON. Member names are ASCII, numbers are integers below 2^53 and there are no floats, and for
such data orjson with sorted keys gives exactly the RFC 8785 bytes (a property test holds it against ``rfc8785``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, TypeVar, cast

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from counterfoil.contract import limits
from counterfoil.contract.commands import BATCH, COMMANDS, TYPE_OF, Body, Header, Submission
from counterfoil.contract.entry import (
    ENTRY_TYPE,
    PAYLOAD_TYPE,
    Cause,
    CommandCause,
    Entry,
    EntryCause,
    GenesisCause,
    Outcome,
    TimerCause,
)
from counterfoil.contract.events import EVENTS, NAME_OF, Event
from counterfoil.contract.rejections import Code, Rejected
from counterfoil.contract.scalars import OutOfRange, decode_base64, encode_base64
from counterfoil.contract.times import format_time, parse_time

T = TypeVar("T")

# Possessive, and an unclosed string runs to the end: linear in the length, whatever the bytes.
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NOT_INTEGER = re.compile(rb"[0-9][.eE]")
_MAY_NOT_INTEGER = re.compile(rb'(?:":|[,\[])\s*+-?[0-9]++[.eE]')  # the same, but strings may look like it
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_PRECEDENCE: Final = {code: number for number, code in enumerate(Code)}
_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_RANGE_ERRORS: Final = ("greater_than_equal", "less_than_equal", "string_too_long", "int_parsing_size")
_HEADER: Final = TypeAdapter(Header)
_BODIES: Final = {name: TypeAdapter(body) for name, (body, _) in COMMANDS.items()}
_EVENTS: Final = {name: TypeAdapter(event) for name, event in EVENTS.items()}
_DUMP_EVENT: Final = {event: (NAME_OF[event], _EVENTS[NAME_OF[event]].serializer.to_python) for event in NAME_OF}
_LOAD_EVENT: Final = {name: adapter.validator.validate_python for name, adapter in _EVENTS.items()}


class Refused(Exception):
    """Bytes from outside that the contract does not accept; carries the stable code and where it was found."""

    def __init__(self, code: Code, **detail: str) -> None:
        super().__init__(code.value, detail)
        self.rejected = Rejected(code, tuple(sorted(detail.items())))


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
        return _loads(data)  # nothing to look for outside strings: most commands are like this
    outside_strings = _STRINGS.sub(b"", data)
    if _depth(outside_strings) > limits.MAX_NESTING:
        raise Refused(Code.NESTED_TOO_DEEP, limit=str(limits.MAX_NESTING))
    if _NOT_INTEGER.search(outside_strings):
        raise Refused(Code.MALFORMED, reason="numbers are integers, without fraction or exponent")
    return _loads(data)


def _loads(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as problem:
        raise Refused(Code.MALFORMED, reason="not JSON") from problem


def parse_canonical(data: bytes, max_bytes: int) -> dict[str, Any]:
    """A JSON object whose bytes are its own RFC 8785 form; raises `Refused`."""
    return _own_form(parse_json(data, max_bytes), data)


def _own_form(value: Any, data: bytes) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(Code.MALFORMED, reason="not a JSON object")
    try:
        same = canonical(value) == data
    except TypeError as problem:  # an integer of 2^53 or more
        raise Refused(Code.OUT_OF_RANGE, reason="integers must be below 2^53") from problem
    if not same:
        raise Refused(Code.NOT_CANONICAL)
    return value


def _validate(adapter: TypeAdapter[T], value: object) -> T:
    try:
        return adapter.validate_python(value)
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


def _members(value: object, names: tuple[str, ...], where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or any(name not in value for name in names):
        raise Refused(Code.MALFORMED, member=where, reason=f"an object with the members {', '.join(names)}")
    extra = [name for name in value if name not in names]
    if extra:
        raise Refused(Code.UNKNOWN_MEMBER, member=f"{where}.{extra[0]}"[:120])
    return value


# signed payloads ----------------------------------------------------------------------------------------------------


def decode_payload(payload: bytes, signature: bytes) -> Submission:
    """Parse the bytes that were (or will be found to be) signed. Raises `Refused` with an intake code."""
    parsed = parse_json(payload, limits.MAX_BATCH_PAYLOAD_BYTES)
    single = not (isinstance(parsed, dict) and parsed.get("type") == BATCH)
    if single and len(payload) > limits.MAX_PAYLOAD_BYTES:
        raise Refused(Code.TOO_LARGE, limit=str(limits.MAX_PAYLOAD_BYTES))
    value = _own_form(parsed, payload)
    body = value.pop("body", None)
    header = _validate(_HEADER, value)
    batch = header.type == BATCH and header.v == 1
    bodies = _batch(body) if batch else (_body(header.type, header.v, body),)
    return Submission(
        header=header, payload=payload, signature=signature, content=sha256(payload).digest(), bodies=bodies
    )


def _body(kind: object, version: object, body: object) -> Body:
    adapter = _BODIES.get((kind, version)) if isinstance(kind, str) and type(version) is int else None
    if adapter is None:
        raise Refused(Code.UNKNOWN_TYPE, type=str(kind)[:40], v=str(version)[:20])
    if not isinstance(body, dict):
        raise Refused(Code.MALFORMED, member="body", reason="not an object")
    return _validate(adapter, body)


def _batch(body: object) -> tuple[Body, ...]:
    commands = _members(body, ("commands",), "body")["commands"]
    if not isinstance(commands, list):
        raise Refused(Code.MALFORMED, member="body.commands", reason="not a list")
    if not 1 <= len(commands) <= limits.MAX_BATCH_COMMANDS:
        raise Refused(Code.OUT_OF_RANGE, member="body.commands", reason=f"1 to {limits.MAX_BATCH_COMMANDS} commands")
    bodies = []
    for item in commands:
        item = _members(item, ("type", "v", "body"), "body.commands")
        bodies.append(_body(item["type"], item["v"], item["body"]))
    services = {COMMANDS[TYPE_OF[type(each)]][1] for each in bodies}
    if len(services) != 1:
        raise Refused(Code.WRONG_AUDIENCE, reason="the commands of a batch belong to one service")
    return tuple(bodies)


def encode_payload(header: Header, bodies: tuple[Body, ...]) -> bytes:
    """The canonical payload that an author signs: the one body, or with type ``batch`` all of them."""
    value = _HEADER.dump_python(header, mode="json")
    if header.type == BATCH:
        commands = [{"type": TYPE_OF[type(b)][0], "v": TYPE_OF[type(b)][1], "body": dump_body(b)} for b in bodies]
        value["body"] = {"commands": commands}
    else:
        value["body"] = dump_body(bodies[0])
    return canonical(value)


def dump_body(body: Body) -> dict[str, Any]:
    """The JSON form of a command body."""
    return cast(dict[str, Any], _BODIES[TYPE_OF[type(body)]].dump_python(body, mode="json"))


def load_body(kind: str, version: int, value: object) -> Body:
    """A command body from its JSON form; raises `Refused`."""
    return _body(kind, version, value)


# events -------------------------------------------------------------------------------------------------------------


def dump_event(event: Event) -> dict[str, Any]:
    """The JSON form of an event, its versioned name in ``type``."""
    name, to_python = _DUMP_EVENT[type(event)]
    value: dict[str, Any] = to_python(event)
    value["type"] = name
    return value


def load_event(value: dict[str, Any]) -> Event:
    """An event from its JSON form; raises `Refused`. Takes the value over (it loses its ``type``)."""
    name = value.pop("type", None)
    validate = _LOAD_EVENT.get(name) if isinstance(name, str) else None
    if validate is None:
        raise Refused(Code.UNKNOWN_TYPE, type=str(name)[:40])
    try:
        return cast(Event, validate(value))
    except ValidationError:
        return cast(Event, _validate(cast(Any, _EVENTS[cast(str, name)]), value))


# entries ------------------------------------------------------------------------------------------------------------


def encode_entry(entry: Entry, events: Sequence[bytes] | None = None) -> bytes:
    """The leaf's bytes. `events`: the canonical bytes of its events, from a caller that has them already."""
    return canonical(
        {
            "specversion": "1.0",
            "type": ENTRY_TYPE,
            "source": f"//{entry.origin}",
            "id": entry.id,
            "time": format_time(entry.time),
            "datacontenttype": "application/json",
            "subject": entry.subject,
            "sequence": f"{entry.index:020d}",
            "data": {
                "index": entry.index,
                "cause": _dump_cause(entry.cause),
                "decision": _dump_decision(entry),
                "events": [dump_event(event) for event in entry.events] if events is None else _embed(events),
            },
        }
    )


def _embed(encoded: Sequence[bytes]) -> list[orjson.Fragment]:
    return [orjson.Fragment(each) for each in encoded]


def _dump_cause(cause: Cause) -> dict[str, Any]:
    if isinstance(cause, CommandCause):
        payload, signature = encode_base64(cause.payload), encode_base64(cause.signature)
        return {"command": {"payload": payload, "sig": signature, "key_id": cause.key_id}}
    if isinstance(cause, EntryCause):
        leaf = encode_base64(cause.leaf)
        return {"entry": {"origin": cause.origin, "index": cause.index, "leaf": leaf, "item": cause.item}}
    if isinstance(cause, TimerCause):
        return {"timer": {"kind": cause.kind, "due": format_time(cause.due)}}
    key = encode_base64(cause.operator_key)
    return {"genesis": {"operator_id": cause.operator_id, "operator_name": cause.operator_name, "operator_key": key}}


def _dump_decision(entry: Entry) -> object:
    if entry.batch:
        return {"batch": [_dump_outcome(outcome) for outcome in entry.outcomes]}
    if entry.outcomes and entry.outcomes[0].rejected is not None:
        return _dump_outcome(entry.outcomes[0])
    return "accepted"


def _dump_outcome(outcome: Outcome) -> dict[str, Any]:
    if outcome.rejected is None:
        return {"accepted": outcome.events}
    return {"rejected": outcome.rejected.code.value, "detail": dict(outcome.rejected.detail)}


def type_markers(types: tuple[type[Event], ...]) -> tuple[bytes, ...]:
    """Bytes of which an entry holds one if any of its events is of these types; without one it need not be parsed."""
    return tuple(f'"type":"{NAME_OF[each]}"'.encode() for each in types)


@lru_cache(maxsize=1_024)  # the runners, receipts and views of one process meet the same entries within moments
def decode_entry(data: bytes) -> Entry:
    """Strict inverse of `encode_entry`. Raises `Refused`; a reader that needs certainty encodes again and compares."""
    if len(data) > limits.MAX_ENTRY_BYTES:
        raise Refused(Code.TOO_LARGE, limit=str(limits.MAX_ENTRY_BYTES))
    value = _loads(data)  # bounds its own recursion; every member is checked below
    try:
        body = value["data"]
        cause = _load_cause(body["cause"])
        events = tuple(load_event(event) for event in body["events"])
        outcomes = _load_outcomes(body["decision"], cause, len(events))
        return Entry(
            origin=_text(value["source"]).removeprefix("//"),
            index=_number(body["index"]),
            id=_text(value["id"]),
            time=parse_time(value["time"]),
            subject=_text(value["subject"]),
            cause=cause,
            batch=isinstance(body["decision"], dict) and "batch" in body["decision"],
            outcomes=outcomes,
            events=events,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise Refused(Code.MALFORMED, reason=f"not an entry: {problem!r}"[:120]) from problem


def decode_cause(data: bytes) -> tuple[Cause, int]:
    """What caused an entry, and its time: all that deciding it again needs. Raises `Refused`; looks at nothing else."""
    value = _loads(data)
    try:
        return _load_cause(value["data"]["cause"]), parse_time(value["time"])
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise Refused(Code.MALFORMED, reason=f"not an entry: {problem!r}"[:120]) from problem


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= limits.MAX_COUNT:
        raise TypeError("not a count")
    return value


def _load_cause(value: dict[str, Any]) -> Cause:
    ((kind, body),) = value.items()
    if kind == "command":
        return CommandCause(decode_base64(body["payload"]), decode_base64(body["sig"]), _text(body["key_id"]))
    if kind == "entry":
        return EntryCause(
            _text(body["origin"]), _number(body["index"]), decode_base64(body["leaf"]), _number(body["item"])
        )
    if kind == "timer":
        return TimerCause(_text(body["kind"]), parse_time(body["due"]))
    if kind == "genesis":
        key = decode_base64(body["operator_key"])
        return GenesisCause(_text(body["operator_id"]), _text(body["operator_name"]), key)
    raise ValueError(f"unknown cause {kind}")


def _load_outcomes(decision: Any, cause: Cause, events: int) -> tuple[Outcome, ...]:
    if not isinstance(cause, CommandCause):
        return ()
    if decision == "accepted":
        return (Outcome(events, None),)
    return tuple(_load_outcome(each) for each in decision.get("batch", [decision]))


def _load_outcome(value: dict[str, Any]) -> Outcome:
    if "accepted" in value:
        return Outcome(_number(value["accepted"]), None)
    detail = tuple(sorted((name, _text(text)) for name, text in value["detail"].items()))
    return Outcome(0, Rejected(Code(value["rejected"]), detail))


__all__ = [
    "PAYLOAD_TYPE",
    "Refused",
    "canonical",
    "decode_cause",
    "decode_entry",
    "decode_payload",
    "dump_body",
    "dump_event",
    "encode_entry",
    "encode_payload",
    "load_body",
    "load_event",
    "nesting",
    "parse_canonical",
    "parse_json",
]
