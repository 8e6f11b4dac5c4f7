"""Commands, events and entries have one byte form each, the RFC 8785 one; every other form is refused with its code."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.contract import limits
from counterfoil.contract.canonical import Refused, canonical, nesting, own_form, parse_json
from counterfoil.contract.codec import dump_event, encode_entry, encode_payload
from counterfoil.contract.entry import Entry
from counterfoil.contract.envelope import encode_envelope, pae, signed_bytes
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.refusal_meanings import MEANINGS, Stage
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import Header
from counterfoil.vocabulary import CODEC
from tests.contract.bad_input import (
    BAD_ENVELOPES,
    GOOD,
    GOOD_BATCH,
    TOO_LARGE,
    changed,
    many,
    nested,
    sealed,
)
from tests.strategies import batches, commands, entries, events

JCS = Path(__file__).parents[1] / "vectors" / "jcs"
SIGNATURE = bytes(range(64))
BEYOND_FORM = {
    Code.OVERLOADED,
    Code.UNKNOWN_RULES,
    Code.UNKNOWN_KEY,
    Code.BAD_SIGNATURE,
    Code.EXISTS_WITH_DIFFERENT_CONTENT,
}
"""Intake codes that bytes alone cannot reach: they depend on load, the release, keys and what was decided before."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.from_regex("[a-z0-9_]{1,9}", fullmatch=True), inner),
    max_leaves=12,
)


def code_of(data: bytes) -> Code:
    with pytest.raises(Refused) as refused:
        CODEC.decode_envelope(data)
    return refused.value.refusal.code


# one form -----------------------------------------------------------------------------------------------------------


@given(JSON)
@settings(max_examples=200)
def test_orjson_gives_the_rfc_8785_bytes(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(commands() | batches())
@settings(max_examples=150)
def test_a_payload_is_canonical_and_reads_back(command: tuple[Header, tuple[Body, ...]]) -> None:
    header, bodies = command
    payload = encode_payload(header, bodies)
    assert payload == rfc8785.dumps(json.loads(payload))
    read = CODEC.decode_payload(payload, SIGNATURE)
    assert (read.header, read.bodies, read.payload, read.signature) == (header, bodies, payload, SIGNATURE)
    assert read == CODEC.decode_envelope(encode_envelope(payload, SIGNATURE, header.key_id))


@given(events())
@settings(max_examples=150)
def test_an_event_is_canonical_and_reads_back(event: Event) -> None:
    data = canonical(dump_event(event))
    assert data == rfc8785.dumps(json.loads(data))
    assert CODEC.load_event(json.loads(data)) == event


@given(entries())
@settings(max_examples=150)
def test_an_entry_is_canonical_and_reads_back(entry: Entry) -> None:
    data = encode_entry(entry)
    assert data == rfc8785.dumps(json.loads(data))
    read = CODEC.decode_entry(data)
    assert read == entry
    assert encode_entry(read) == data


def test_what_is_signed_is_the_dsse_encoding() -> None:
    assert signed_bytes(GOOD) == pae(b"application/vnd.counterfoil.command.v1+json", GOOD)


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "weird"])
def test_published_rfc_8785_vectors(name: str) -> None:
    """Two of them lie outside the contract as they stand: see the tests below."""
    value = json.loads((JCS / "input" / f"{name}.json").read_bytes(), parse_float=lambda text: int(text.split(".")[0]))
    output = (JCS / "output" / f"{name}.json").read_bytes()
    assert rfc8785.dumps(value) == output == bytes.fromhex((JCS / "outhex" / f"{name}.txt").read_text())
    if name != "weird":
        assert canonical(value) == output


def test_member_names_outside_ascii_never_sort_wrongly() -> None:
    """`weird` has names that sort differently by UTF-16 units (RFC 8785) and by code points (orjson).

    Such names are no part of any message, so nothing that is accepted depends on the difference.
    """
    output = (JCS / "output" / "weird.json").read_bytes()
    assert canonical(json.loads(output)) != output
    with pytest.raises(Refused, match="not_canonical"):
        own_form(parse_json(output, 10_000), output)


@pytest.mark.parametrize("name", ["structures", "values"])
def test_vectors_with_floats_are_refused(name: str) -> None:
    """`values` is about floats, and `structures` writes 56.0: the contract has integers only."""
    with pytest.raises(Refused, match="malformed"):
        parse_json((JCS / "input" / f"{name}.json").read_bytes(), 10_000)


# bad input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "data"), [row[1:] for row in BAD_ENVELOPES], ids=[row[0] for row in BAD_ENVELOPES])
def test_bad_input_is_refused_with_its_code(code: Code, data: bytes) -> None:
    assert code_of(data) is code


@pytest.mark.parametrize(("largest", "larger"), [row[1:] for row in TOO_LARGE], ids=[row[0] for row in TOO_LARGE])
def test_sizes_at_the_limit_and_one_beyond(largest: bytes, larger: bytes) -> None:
    assert CODEC.decode_envelope(largest).bodies
    assert code_of(larger) is Code.TOO_LARGE


def test_every_intake_code_of_form_is_reached() -> None:
    reached = {code for _, code, _ in BAD_ENVELOPES} | {Code.TOO_LARGE}
    assert reached == {code for code in Code if MEANINGS[code].stage is Stage.INTAKE} - BEYOND_FORM


def test_the_good_payloads_of_the_table_are_good() -> None:
    assert len(CODEC.decode_envelope(sealed(GOOD)).bodies) == 1
    assert len(CODEC.decode_envelope(sealed(GOOD_BATCH)).bodies) == 2


def test_nesting_at_the_limit_is_read_and_one_more_is_not() -> None:
    assert nesting(nested(limits.MAX_NESTING)) == limits.MAX_NESTING
    assert code_of(sealed(nested(limits.MAX_NESTING))) is Code.UNKNOWN_MEMBER
    assert code_of(sealed(nested(limits.MAX_NESTING + 1))) is Code.NESTED_TOO_DEEP


@pytest.mark.parametrize(
    ("data", "depth"),
    [
        (b"", 0), (b"1", 0), (b"[]", 1), (b"[{}]", 2), (b"[[],[]]", 2), (b'"[["', 0), (b'["[", "{"]', 1),
        (b'"\\"[["', 0), (b'["\\\\"]', 1), (b'"\\\\",[[', 2), (b'"never closed [[', 0), (b'["a\\\n[["', 1),
        (b"]]]][[", 0),
    ],
)  # fmt: skip
def test_nesting_counts_brackets_outside_strings(data: bytes, depth: int) -> None:
    assert nesting(data) == depth


def test_counting_brackets_is_linear() -> None:
    """A string of quotes that never closes once took three seconds; it does work that grows with its length only."""
    quotes = b'"' + b'\\"' * 2_000_000
    assert nesting(quotes) == 0
    assert code_of(quotes[: limits.MAX_ENVELOPE_BYTES]) is Code.MALFORMED


def test_a_batch_has_at_most_so_many_commands() -> None:
    assert len(CODEC.decode_envelope(sealed(many(limits.MAX_BATCH_COMMANDS))).bodies) == limits.MAX_BATCH_COMMANDS
    assert code_of(sealed(many(limits.MAX_BATCH_COMMANDS + 1))) is Code.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body.nodes": 0, "body.hours": "x"}, Code.MALFORMED),
        ({"body.nodes": 0, "body.extra": 1}, Code.UNKNOWN_MEMBER),
        ({"body.nodes": "x", "body.extra": 1}, Code.MALFORMED),
        ({"type": "x", "body.nodes": 0}, Code.UNKNOWN_TYPE),
        ({"extra": 1, "body.nodes": "x"}, Code.UNKNOWN_MEMBER),  # the header comes before the body
    ],
)
def test_of_several_refusals_the_first_in_precedence_is_told(changes: dict[str, Any], code: Code) -> None:
    payload = GOOD
    for path, value in changes.items():
        payload = changed(payload, path, value)
    assert code_of(sealed(payload)) is code


def test_a_large_payload_is_too_large_before_it_is_not_canonical() -> None:
    assert code_of(sealed(GOOD + b" " * limits.MAX_PAYLOAD_BYTES)) is Code.TOO_LARGE


# fuzz ---------------------------------------------------------------------------------------------------------------


@given(st.data(), st.sampled_from([sealed(GOOD), sealed(GOOD_BATCH), GOOD, GOOD_BATCH]))
@settings(max_examples=300)
def test_flipped_bytes_are_read_or_refused(data: st.DataObject, good: bytes) -> None:
    raw = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    for decode in (CODEC.decode_envelope, lambda payload: CODEC.decode_payload(payload, SIGNATURE)):
        with suppress(Refused):
            read = decode(bytes(raw))
            assert encode_payload(read.header, read.bodies) == read.payload


@given(st.data(), entries())
@settings(max_examples=150)
def test_flipped_bytes_of_an_entry_are_read_or_refused(data: st.DataObject, entry: Entry) -> None:
    raw = bytearray(encode_entry(entry))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(Refused):
        encode_entry(CODEC.decode_entry(bytes(raw)))


@given(JSON)
def test_any_json_in_place_of_an_entrys_member_is_read_or_refused(value: Any) -> None:
    whole = json.loads(encode_entry(SOME_ENTRY))
    for at, name in [(part, name) for part in parts(whole) for name in list(part)]:
        kept, at[name] = at[name], value
        with suppress(Refused):
            encode_entry(CODEC.decode_entry(canonical(whole)))
        at[name] = kept


def parts(value: Any) -> list[dict[str, Any]]:
    """Every object inside a JSON value, itself included."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = [part for each in inner for part in parts(each)]
    return [value, *found] if isinstance(value, dict) else found


SOME_ENTRY = CODEC.decode_entry(
    canonical(
        {
            "specversion": "1.0",
            "type": "counterfoil.entry.v1",
            "source": "//counterfoil.example/ledger/main",
            "id": "party-1/x",
            "time": "2026-11-22T18:00:00.123456Z",
            "datacontenttype": "application/json",
            "subject": "batch",
            "sequence": "00000000000000000007",
            "data": {
                "index": 7,
                "cause": {"command": {"payload": "e30=", "sig": "AAAA", "key_id": "0123456789abcdef"}},
                "decision": {
                    "batch": [{"accepted": 1}, {"refused": "exceeds_available", "detail": {"available": "3"}}]
                },
                "events": [{"type": "voucher.frozen.v1", "voucher_id": "v-1"}],
            },
        }
    )
)
