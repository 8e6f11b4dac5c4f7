"""msgspec reads leniently; what it reads counts only as far as pydantic, slow and strict, reads the same.

Members of generated messages are replaced by what looks like them: numbers as strings, other spellings, other types.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict
from pydantic import TypeAdapter, ValidationError

from counterfoil.contract.canonical import Refused, canonical
from counterfoil.contract.codec import encode_entry, encode_payload
from counterfoil.contract.entry import Entry, TimerCause
from counterfoil.contract.forms import dump
from counterfoil.contract.limits import MAX_ENTRY_BYTES
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event, shape_of
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import Header, Submission
from counterfoil.vocabulary import CODEC
from tests.strategies import batches, bodies, commands, entries, events

NOT_LIKE_ANY = ("not a payload", "not a record")
"""Reasons of a refusal for which nothing was found wrong: never to be seen."""


def likes(value: Any) -> st.SearchStrategy[Any]:
    """JSON values that a lenient reader may take for `value`."""
    text = value if isinstance(value, str) else json.dumps(value)
    spelt = [text, f"{text}\n", f" {text}", f"{text} ", f"0{text}", f"+{text}", f"-{text}", f"{text}.0", f"{text}e0"]
    numbers = [int(text)] if text.lstrip("-").isdecimal() and text.isascii() else []
    others = ["", "-0", "1e3", "null", "true", None, True, False, 0, 1, -1, 1.0, 2**53 - 1, 2**53, 2**63, "9" * 20]
    return st.sampled_from([*spelt, *numbers, *others, text.upper(), text * 70, [value], {"kind": value}, [], {}])


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each member inside a JSON value: the object or list, and the name or position in it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield value, name
        yield from places(each)


def change(data: st.DataObject, value: Any) -> None:
    """Replace, remove or add one member somewhere in `value`."""
    where = list(places(value))
    assume(where)
    at, name = data.draw(st.sampled_from(where))
    way = data.draw(st.integers(0, 9))
    if way == 0:
        del at[name]
    elif way == 1 and isinstance(at, dict):
        at["added"] = at[name]
    else:
        at[name] = data.draw(likes(at[name]))


def read_strictly(kind: type, value: Any) -> Any:
    """The members that pydantic reads; None if it refuses them."""
    try:
        return TypeAdapter(shape_of(kind)).validate_python(value)
    except ValidationError:
        return None


def same(read: Any, strict: Any) -> bool:
    """Whether a record has the members of the dataclass that pydantic made."""
    if isinstance(read, tuple):
        return len(read) == len(strict) and all(map(same, read, strict))
    if hasattr(type(read), "SHAPE"):
        return all(same(value, getattr(strict, name)) for name, value in asdict(read).items())
    return type(read) is type(strict) and bool(read == strict)


def read_or_told(decode: Callable[[Any], Any], value: Any) -> Any:
    """What is read, or the code of the refusal and its reason, if it has one."""
    try:
        return decode(value)
    except Refused as problem:
        return problem.refusal.code, dict(problem.refusal.detail).get("reason")


@given(st.data(), bodies() | events())
@settings(max_examples=150)
def test_a_record_is_read_as_pydantic_reads_it(data: st.DataObject, value: Body | Event) -> None:
    kind, form = type(value), dump(value)
    if data.draw(st.booleans()):
        change(data, form)
    strict = read_strictly(kind, form)
    if isinstance(value, Event):
        read = read_or_told(CODEC.load_event, {"type": value.TYPE, **form})
    else:
        read = read_or_told(lambda body: CODEC.load_body(value.TYPE, value.V, body), form)
    if strict is None:
        assert isinstance(read[0], Code)
        assert read[1] not in NOT_LIKE_ANY
    else:
        assert same(read, strict)


@given(st.data(), commands() | batches())
@settings(max_examples=150)
def test_a_payload_is_read_only_as_it_would_be_written(
    data: st.DataObject, command: tuple[Header, tuple[Body, ...]]
) -> None:
    form = json.loads(encode_payload(*command))
    change(data, form)
    try:
        payload = canonical(form)
    except TypeError:  # an integer that is none of RFC 8785
        payload = json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    read = read_or_told(lambda signed: CODEC.decode_payload(signed, bytes(64)), payload)
    if isinstance(read, Submission):
        assert encode_payload(read.header, read.bodies) == payload
        for value in (read.header, *read.bodies):
            assert same(value, read_strictly(type(value), dump(value)))
    else:
        assert read[1] not in NOT_LIKE_ANY


@given(st.data(), entries())
@settings(max_examples=150)
def test_an_entry_is_read_as_member_by_member(data: st.DataObject, entry: Entry) -> None:
    form = json.loads(encode_entry(entry))
    change(data, form)
    changed = json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert read_or_told(CODEC.decode_entry, changed) == read_or_told(CODEC._decode_other_form, changed)


def test_an_entry_that_is_too_large_is_refused_for_that_by_either_reader() -> None:
    """A text in it that is too long makes it so before anything of it is read."""
    entry = encode_entry(Entry("h/issuance/main", 1, "timer/1", 1, "k", TimerCause("k", 1), False, (), ()))
    for size, code in ((MAX_ENTRY_BYTES, None), (MAX_ENTRY_BYTES + 1, Code.TOO_LARGE)):
        data = entry.replace(b'"kind":"k"', b'"kind":"%s"' % (b"k" * (1 + size - len(entry))))
        assert len(data) == size
        read = read_or_told(CODEC.decode_entry, data)
        assert read == read_or_told(CODEC._decode_other_form, data)
        assert (read[0] if isinstance(read, tuple) else None) is code
