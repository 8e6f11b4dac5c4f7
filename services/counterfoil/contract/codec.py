"""The one codec: signed payloads, events and entries as RFC 8785 bytes, and strictly back.

Encoding needs the value alone, which carries its name. Decoding needs all names that exist: a `Codec` is built for a
`Vocabulary`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, TypeVar, cast

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from counterfoil.contract import limits
from counterfoil.contract.canonical import Refused, canonical, loads, own_form, parse_json
from counterfoil.contract.entry import (
    ENTRY_TYPE,
    Cause,
    CommandCause,
    Entry,
    EntryCause,
    GenesisCause,
    Outcome,
    TimerCause,
)
from counterfoil.contract.envelope import open_envelope
from counterfoil.contract.record import Command, Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.scalars import OutOfRange, decode_base64, encode_base64
from counterfoil.contract.submission import BATCH, Header, Submission
from counterfoil.contract.times import format_time, parse_derived_time
from counterfoil.contract.vocabulary import Vocabulary

T = TypeVar("T")
_PRECEDENCE: Final = {code: number for number, code in enumerate(Code)}
_RANGE_ERRORS: Final = ("greater_than_equal", "less_than_equal", "string_too_long", "int_parsing_size")
_HEADER: Final = TypeAdapter(Header)
_CACHED: Final = 1_024
_ADAPTERS: dict[type, TypeAdapter[Any]] = {}
_DUMPERS: dict[type, Callable[[Event], dict[str, Any]]] = {}


class Codec:
    """Decodes the commands, events and entries of one vocabulary.

    The decoders cache their last results: the gateway, runners, receipts and views of one process meet the same
    bytes within moments.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._validators: dict[str, Callable[[object], Event]] = {}
        self.decode_envelope: Callable[[bytes], Submission] = lru_cache(maxsize=_CACHED)(self._decode_envelope)
        """An envelope's submission; its signature is not verified here. Raises `Refused` with an intake code."""
        self.decode_entry: Callable[[bytes], Entry] = lru_cache(maxsize=_CACHED)(self._decode_entry)
        """Strict inverse of `encode_entry`. Raises `Refused`. To be certain, encode the result again and compare."""

    def _decode_envelope(self, data: bytes) -> Submission:
        return self.decode_payload(*open_envelope(data))

    def decode_payload(self, payload: bytes, signature: bytes) -> Submission:
        """Parse the signed bytes; the signature is verified elsewhere. Raises `Refused` with an intake code."""
        parsed = parse_json(payload, limits.MAX_BATCH_PAYLOAD_BYTES)
        single = not (isinstance(parsed, dict) and parsed.get("type") == BATCH)
        if single and len(payload) > limits.MAX_PAYLOAD_BYTES:
            raise Refused(Code.TOO_LARGE, limit=str(limits.MAX_PAYLOAD_BYTES))
        value = own_form(parsed, payload)
        body = value.pop("body", None)
        header = _validate(_HEADER, value)
        batch = header.type == BATCH and header.v == 1
        bodies = self._batch(body) if batch else (self.load_body(header.type, header.v, body),)
        return Submission(
            header=header, payload=payload, signature=signature, content=sha256(payload).digest(), bodies=bodies
        )

    def load_body(self, kind: object, version: object, body: object) -> Command:
        """A command body from its JSON form. Raises `Refused`."""
        known = isinstance(kind, str) and type(version) is int
        found = self.vocabulary.commands.get((kind, version)) if known else None  # type: ignore[arg-type]
        if found is None:
            raise Refused(Code.UNKNOWN_TYPE, type=str(kind)[:40], v=str(version)[:20])
        if not isinstance(body, dict):
            raise Refused(Code.MALFORMED, member="body", reason="not an object")
        return cast(Command, _validate(_adapter(found), body))

    def _batch(self, body: object) -> tuple[Command, ...]:
        commands = _members(body, ("commands",), "body")["commands"]
        if not isinstance(commands, list):
            raise Refused(Code.MALFORMED, member="body.commands", reason="not a list")
        if not 1 <= len(commands) <= limits.MAX_BATCH_COMMANDS:
            reason = f"1 to {limits.MAX_BATCH_COMMANDS} commands"
            raise Refused(Code.OUT_OF_RANGE, member="body.commands", reason=reason)
        bodies = []
        for item in commands:
            item = _members(item, ("type", "v", "body"), "body.commands")
            bodies.append(self.load_body(item["type"], item["v"], item["body"]))
        if len({self.vocabulary.service_of[type(each)] for each in bodies}) != 1:
            raise Refused(Code.WRONG_AUDIENCE, reason="the commands of a batch belong to one service")
        return tuple(bodies)

    def load_event(self, value: dict[str, Any]) -> Event:
        """An event from its JSON form; raises `Refused`. Consumes the value: removes its ``type``."""
        name = value.pop("type", None)
        validate = self._validators.get(name) if isinstance(name, str) else None
        if validate is None:
            found = self.vocabulary.events.get(name) if isinstance(name, str) else None
            if found is None:
                raise Refused(Code.UNKNOWN_TYPE, type=str(name)[:40])
            validate = self._validators[found.TYPE] = _adapter(found).validator.validate_python
        try:
            return validate(value)
        except ValidationError:
            return cast(Event, _validate(_adapter(self.vocabulary.events[cast(str, name)]), value))

    def _decode_entry(self, data: bytes) -> Entry:
        if len(data) > limits.MAX_ENTRY_BYTES:
            raise Refused(Code.TOO_LARGE, limit=str(limits.MAX_ENTRY_BYTES))
        value = loads(data)  # bounds its own recursion; every member is checked below
        try:
            body = value["data"]
            cause = _load_cause(body["cause"])
            events = tuple([self.load_event(event) for event in body["events"]])
            outcomes = _load_outcomes(body["decision"], cause, len(events))
            return Entry(
                origin=_text(value["source"]).removeprefix("//"),
                index=_number(body["index"]),
                id=_text(value["id"]),
                time=parse_derived_time(value["time"]),
                subject=_text(value["subject"]),
                cause=cause,
                batch=isinstance(body["decision"], dict) and "batch" in body["decision"],
                outcomes=outcomes,
                events=events,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise Refused(Code.MALFORMED, reason=f"not an entry: {problem!r}"[:120]) from problem


def _adapter(kind: type) -> TypeAdapter[Any]:
    """The adapter of a record, built on first use: most processes need few of them."""
    adapter = _ADAPTERS.get(kind)
    if adapter is None:
        adapter = _ADAPTERS[kind] = TypeAdapter(kind)
    return adapter


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


def encode_payload(header: Header, bodies: Sequence[Command]) -> bytes:
    """The canonical payload that an author signs: the one body, or with type ``batch`` all of them."""
    value = _HEADER.dump_python(header, mode="json")
    if header.type == BATCH:
        value["body"] = {"commands": [{"type": b.TYPE, "v": b.V, "body": dump_body(b)} for b in bodies]}
    else:
        value["body"] = dump_body(bodies[0])
    return canonical(value)


def dump_body(body: Command) -> dict[str, Any]:
    """The JSON form of a command body."""
    return dump_record(body)


def dump_record(value: object) -> dict[str, Any]:
    """The JSON form of a record."""
    return cast(dict[str, Any], _adapter(type(value)).dump_python(value, mode="json"))


# events -------------------------------------------------------------------------------------------------------------


def dump_event(event: Event) -> dict[str, Any]:
    """The JSON form of an event, its versioned name in ``type``."""
    kind = type(event)
    dump = _DUMPERS.get(kind) or _DUMPERS.setdefault(kind, _adapter(kind).serializer.to_python)
    value = dump(event)
    value["type"] = event.TYPE
    return value


def type_markers(types: Sequence[type[Event]]) -> tuple[bytes, ...]:
    """Byte strings to search an entry for: without any of them it has no event of these types, and is not parsed."""
    return tuple(f'"type":"{each.TYPE}"'.encode() for each in types)


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
    operator = {"operator_id": cause.operator_id, "operator_name": cause.operator_name, "operator_key": key}
    return {"genesis": {**operator, "rules": cause.rules, "release": cause.release}}


def _dump_decision(entry: Entry) -> object:
    if entry.batch:
        return {"batch": [_dump_outcome(outcome) for outcome in entry.outcomes]}
    if entry.outcomes and entry.outcomes[0].refusal is not None:
        return _dump_outcome(entry.outcomes[0])
    return "accepted"


def _dump_outcome(outcome: Outcome) -> dict[str, Any]:
    if outcome.refusal is None:
        return {"accepted": outcome.events}
    return {"refused": outcome.refusal.code.value, "detail": dict(outcome.refusal.detail)}


def decode_cause(data: bytes) -> tuple[Cause, int]:
    """An entry's cause and time, all that deciding it again needs; nothing else is checked. Raises `Refused`."""
    value = loads(data)
    try:
        return _load_cause(value["data"]["cause"]), parse_derived_time(value["time"])
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
        return TimerCause(_text(body["kind"]), parse_derived_time(body["due"]))
    if kind == "genesis":
        key = decode_base64(body["operator_key"])
        begins = _number(body["rules"]), _text(body["release"])
        return GenesisCause(_text(body["operator_id"]), _text(body["operator_name"]), key, *begins)
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
    return Outcome(0, Refusal(Code(value["refused"]), detail))
