"""The one codec: signed payloads, events and entries as RFC 8785 bytes, and strictly back.

Encoding needs the value alone, which carries its name. Decoding needs all names that exist: a `Codec` is built for a
`Vocabulary`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, Final, cast

import msgspec
import orjson

from counterfoil.contract import limits
from counterfoil.contract.canonical import Refused, canonical, loads
from counterfoil.contract.entry import (
    ENTRY_TYPE,
    Cause,
    CommandCause,
    Entry,
    EntryCause,
    GenesisCause,
    Outcome,
    ResumedCause,
    TimerCause,
)
from counterfoil.contract.entry_form import entry_reader, read_cause
from counterfoil.contract.envelope import open_envelope
from counterfoil.contract.forms import check, dump
from counterfoil.contract.recent import Recent
from counterfoil.contract.record import Command, Event, annotations_of
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.scalars import decode_base64, encode_base64
from counterfoil.contract.submission import BATCH, Header, Submission
from counterfoil.contract.times import format_time, parse_derived_time
from counterfoil.contract.vocabulary import Vocabulary, find_body
from counterfoil.contract.wire import LENIENT, UNREADABLE, reader, wire_type

_KEPT: Final = 1_048_576  # bytes of entries, and of envelopes; what is read from them takes thrice as much


class Codec:
    """Decodes the commands, events and entries of one vocabulary.

    Bytes are read leniently by msgspec, then the value is written again: if these are not the bytes, or anything
    else is wrong with them, `counterfoil.contract.faults` says why; with pydantic, which is imported for that alone.

    The decoders keep their last results: the gateway, runners, receipts and views of one process meet the same
    bytes within moments.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._bodies = _Readers(vocabulary)
        self._submissions = Recent[Submission](_KEPT)
        self._entries = Recent[Entry](_KEPT)

    @cached_property
    def _read_entry(self) -> Callable[[bytes], Entry]:
        return entry_reader(tuple(self.vocabulary.events.values()))

    def decode_envelope(self, data: bytes) -> Submission:
        """An envelope's submission; its signature is not verified here. Raises `Refused` with an intake code."""
        found = self._submissions.get(data)
        if found is None:
            found = self.decode_payload(*open_envelope(data))
            self._submissions.keep(data, found)
        return found

    def decode_payload(self, payload: bytes, signature: bytes) -> Submission:
        """Parse the signed bytes; the signature is verified elsewhere. Raises `Refused` with an intake code."""
        try:
            header, bodies = self._read_payload(payload)
        except UNREADABLE:
            from counterfoil.contract.faults import refuse_payload

            refuse_payload(self.vocabulary, payload)
        content = sha256(payload).digest()
        return Submission(header=header, payload=payload, signature=signature, content=content, bodies=bodies)

    def _read_payload(self, payload: bytes) -> tuple[Header, tuple[Command, ...]]:
        if len(payload) > limits.MAX_BATCH_PAYLOAD_BYTES:
            raise ValueError("too large")
        members = msgspec.structs.asdict(_read_payload_form(payload))
        body = members.pop("body")
        header = Header(**members)
        check(header)
        if header.type == BATCH and header.v == 1:
            bodies = self._read_bodies(body)
        elif len(payload) <= limits.MAX_PAYLOAD_BYTES:
            bodies = (self._read_body(header.type, header.v, body),)
        else:
            raise ValueError("too large")
        if encode_payload(header, bodies) != payload:
            raise ValueError("not its own canonical form")
        return header, bodies

    def _read_bodies(self, batch: bytes) -> tuple[Command, ...]:
        bodies = tuple([self._read_body(each.type, each.v, each.body) for each in _read_batch(batch).commands])
        if len({self.vocabulary.service_of[type(each)] for each in bodies}) != 1:
            raise ValueError("of several services")
        return bodies

    def _read_body(self, kind: str, version: int, data: bytes) -> Command:
        body = self._bodies[kind, version](data)
        check(body)
        return cast(Command, body)

    def load_body(self, kind: object, version: object, body: object) -> Command:
        """A command body from its JSON form. Raises `Refused`."""
        return cast(Command, _load(find_body(self.vocabulary, kind, version, body), body))

    def load_event(self, value: dict[str, Any]) -> Event:
        """An event from its JSON form; raises `Refused`. Consumes the value: removes its ``type``."""
        name = value.pop("type", None)
        found = self.vocabulary.events.get(name) if isinstance(name, str) else None
        if found is None:
            raise Refused(Code.UNKNOWN_TYPE, type=str(name)[:40])
        return cast(Event, _load(found, value))

    def decode_entry(self, data: bytes) -> Entry:
        """Strict inverse of `encode_entry`. Raises `Refused`. To be certain, encode the result again and compare."""
        found = self._entries.get(data)
        if found is None:
            found = self._decode_entry(data)
            self._entries.keep(data, found)
        return found

    def remembered_entry(self, data: bytes) -> Entry | None:
        """What `decode_entry` returns at once; None if it would have to decode."""
        return self._entries.get(data)

    def keep_entry(self, data: bytes, entry: Entry) -> None:
        """Spare `decode_entry` an entry that was made in this process, and whose bytes these are."""
        self._entries.keep(data, entry)

    def _decode_entry(self, data: bytes) -> Entry:
        if len(data) <= limits.MAX_ENTRY_BYTES:
            try:
                entry = self._read_entry(data)
                for event in entry.events:
                    check(event)
                if encode_entry(entry) == data:
                    return entry
            except UNREADABLE:
                pass
        return self._decode_other_form(data)

    def decode_own_entry(self, data: bytes) -> Entry:
        """An entry that this log's own writer encoded, as its root proves: faster, since nothing is checked again.

        Raises `Refused` for what cannot be read at all.
        """
        try:
            return self._read_entry(data)
        except UNREADABLE as problem:
            raise Refused(Code.MALFORMED, reason=f"not an entry: {problem!r}"[:120]) from problem

    def decode_proven_entry(self, data: bytes) -> Entry:
        """The same for an entry that came with its log's signature, and may have been made in this process."""
        found = self._entries.get(data)
        return self.decode_own_entry(data) if found is None else found

    def _decode_other_form(self, data: bytes) -> Entry:
        """An entry that is not in its canonical form, but says the same. Raises `Refused`."""
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


class _Readers(dict[tuple[str, int], Callable[[bytes], Any]]):
    """What reads the body of a command of this name and version, made for the first one of it. Raises KeyError."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def __missing__(self, name: tuple[str, int]) -> Callable[[bytes], Any]:
        self[name] = made = reader(self._vocabulary.commands[name])
        return made


def _load(kind: type, value: object) -> Any:
    """A record from its JSON form. Raises `Refused`."""
    try:
        read = msgspec.convert(value, kind, **LENIENT)
        check(read)
        if canonical(dump(read)) != canonical(value):
            raise ValueError("not its own canonical form")
    except UNREADABLE:
        from counterfoil.contract.faults import refuse_record

        refuse_record(kind, value)
    return read


# signed payloads ----------------------------------------------------------------------------------------------------


class _Command(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    v: int
    body: msgspec.Raw


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    commands: Annotated[list[_Command], msgspec.Meta(min_length=1, max_length=limits.MAX_BATCH_COMMANDS)]


_read_batch: Final = reader(_Batch)
_read_payload_form: Final = reader(
    msgspec.defstruct(
        "_Payload",
        [*((name, wire_type(hint)) for name, hint in annotations_of(Header).items()), ("body", msgspec.Raw)],
        forbid_unknown_fields=True,
    )
)


def encode_payload(header: Header, bodies: Sequence[Command]) -> bytes:
    """The canonical payload that an author signs: the one body, or with type ``batch`` all of them."""
    value = dump(header)
    if header.type == BATCH:
        value["body"] = {"commands": [{"type": b.TYPE, "v": b.V, "body": dump(b)} for b in bodies]}
    else:
        value["body"] = dump(bodies[0])
    return canonical(value)


def load_record(kind: type, value: dict[str, Any]) -> Any:
    """A record of a known kind from the JSON form that `forms.dump` or `dump_event` gave; nothing else is checked."""
    return msgspec.convert(value, kind, **LENIENT)


# events -------------------------------------------------------------------------------------------------------------


def dump_event(event: Event) -> dict[str, Any]:
    """The JSON form of an event, its versioned name in ``type``."""
    value = dump(event)
    value["type"] = event.TYPE
    return value


def type_markers(names: Iterable[str]) -> tuple[bytes, ...]:
    """Byte strings to search an entry for: without any of them it has no event of these names, and is not parsed."""
    return tuple(f'"type":"{name}"'.encode() for name in names)


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
    # Of a class that msgspec made, `isinstance` takes ten times as long.
    if type(cause) is CommandCause:
        payload, signature = encode_base64(cause.payload), encode_base64(cause.signature)
        return {"command": {"payload": payload, "sig": signature, "key_id": cause.key_id}}
    if type(cause) is EntryCause:
        leaf = encode_base64(cause.leaf)
        return {"entry": {"origin": cause.origin, "index": cause.index, "leaf": leaf, "item": cause.item}}
    if type(cause) is TimerCause:
        return {"timer": {"kind": cause.kind, "due": format_time(cause.due)}}
    if type(cause) is ResumedCause:
        return {"resumed": {"away_since": format_time(cause.away_since)}}
    key, recovery = encode_base64(cause.operator_key), cause.operator_recovery_key
    operator = {
        "operator_id": cause.operator_id,
        "operator_name": cause.operator_name,
        "operator_key": key,
        "operator_recovery_key": None if recovery is None else encode_base64(recovery),
    }
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
    """An entry's cause and time, all that deciding it again needs; read leniently. Raises `Refused`.

    Whoever decides again compares the bytes.
    """
    try:
        return read_cause(data)
    except UNREADABLE as problem:
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
    if kind == "resumed":
        return ResumedCause(parse_derived_time(body["away_since"]))
    if kind == "genesis":
        key, recovery = decode_base64(body["operator_key"]), body["operator_recovery_key"]
        begins = _number(body["rules"]), _text(body["release"])
        kept = None if recovery is None else decode_base64(recovery)
        return GenesisCause(_text(body["operator_id"]), _text(body["operator_name"]), key, *begins, kept)
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
