"""A reply is read as it was written, and no other bytes are read as one."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.canonical import canonical
from counterfoil.contract.log_id import LogId
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.services import SERVICES
from counterfoil.ports import Reply
from counterfoil.transport.reply_records import MAX_REPLY_BYTES, BadReply, decode_reply, encode_reply

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
REFUSED = st.builds(Refusal, st.sampled_from(Code), st.lists(st.tuples(TEXT, TEXT), max_size=4).map(tuple))
REPLIES = st.builds(
    lambda log, content, outcome, signature: Reply(log, content, outcome[0], outcome[1], signature),
    st.builds(LogId, st.sampled_from(SERVICES), st.sampled_from(("main", "cn.sh"))),
    st.binary(min_size=32, max_size=32),
    st.one_of(st.tuples(REFUSED, st.none()), st.tuples(st.none(), st.integers(0, 2**53 - 1))),
    st.one_of(st.just(b""), st.binary(min_size=64, max_size=64)),
)
REFUSAL: dict[str, Any] = {
    "content": "ab" * 32,
    "index": None,
    "refused": {"code": "unknown_key", "detail": [["actor", "example.test"]]},
    "log": "ledger/main",
    "signature": "cd" * 64,
}
RECORDED = REFUSAL | {"index": 7, "refused": None}


@given(REPLIES)
def test_round_trip(reply: Reply) -> None:
    assert decode_reply(encode_reply(reply)) == reply


@given(REPLIES, st.data())
def test_whatever_is_read_was_written_so(reply: Reply, data: st.DataObject) -> None:
    value = bytearray(encode_reply(reply))
    at = data.draw(st.integers(0, len(value) - 1))
    value[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        found = decode_reply(bytes(value))
    except BadReply:
        return
    assert encode_reply(found) == value


MALFORMED = {
    "no members": {},
    "refused and recorded": REFUSAL | {"index": 7},
    "neither": RECORDED | {"index": None},
    "an index below 0": RECORDED | {"index": -1},
    "an index that is no number": RECORDED | {"index": "7"},
    "an index that is a truth": RECORDED | {"index": True},
    "an index with a fraction": RECORDED | {"index": 7.0},
    "a short hash": REFUSAL | {"content": "ab" * 31},
    "a long hash": REFUSAL | {"content": "ab" * 33},
    "a hash that is no text": REFUSAL | {"content": 7},
    "capitals": REFUSAL | {"content": "AB" * 32},
    "spaces": REFUSAL | {"content": "ab " * 31 + "ab"},
    "no hexadecimal": REFUSAL | {"content": "xy" * 32},
    "half a signature": REFUSAL | {"signature": "cd" * 32},
    "a long signature": REFUSAL | {"signature": "cd" * 65},
    "an unknown service": REFUSAL | {"log": "gateway/main"},
    "no shard": REFUSAL | {"log": "ledger"},
    "what names no log": REFUSAL | {"log": "ledger/.."},
    "a log that is no text": REFUSAL | {"log": ["ledger/main"]},
    "an unknown code": REFUSAL | {"refused": {"code": "no_such_code", "detail": []}},
    "a code that is no text": REFUSAL | {"refused": {"code": ["unknown_key"], "detail": []}},
    "a refusal that is no object": REFUSAL | {"refused": "unknown_key"},
    "a refusal without detail": REFUSAL | {"refused": {"code": "unknown_key"}},
    "a refusal with more": REFUSAL | {"refused": {"code": "unknown_key", "detail": [], "more": 1}},
    "a detail that is no list": REFUSAL | {"refused": {"code": "unknown_key", "detail": 7}},
    "a detail of one": REFUSAL | {"refused": {"code": "unknown_key", "detail": [["actor"]]}},
    "a detail of three": REFUSAL | {"refused": {"code": "unknown_key", "detail": [["actor", "a", "b"]]}},
    "a detail that is text": REFUSAL | {"refused": {"code": "unknown_key", "detail": ["ab"]}},
    "a detail of numbers": REFUSAL | {"refused": {"code": "unknown_key", "detail": [[1, 2]]}},
    "another member": REFUSAL | {"more": 1},
    "a list": [REFUSAL],
    "a number": 7,
    "nothing": None,
}
BYTES = {
    "a tombstone": None,
    "empty": b"",
    "no JSON": b"\xff\xfe",
    "half of one": canonical(REFUSAL)[:-1],
    "with a space": canonical(REFUSAL) + b" ",
    "in another order": orjson.dumps(dict(reversed(REFUSAL.items()))),
    "nested deep": b"[" * MAX_REPLY_BYTES,
}


@pytest.mark.parametrize("form", [*MALFORMED, *(name for name in REFUSAL)])
def test_malformed(form: str) -> None:
    value = MALFORMED[form] if form in MALFORMED else {name: REFUSAL[name] for name in REFUSAL if name != form}
    with pytest.raises(BadReply):
        decode_reply(canonical(value))


@pytest.mark.parametrize("form", BYTES)
def test_what_is_no_json_of_ours(form: str) -> None:
    with pytest.raises(BadReply):
        decode_reply(BYTES[form])


@pytest.mark.parametrize("sound", [REFUSAL, RECORDED, REFUSAL | {"signature": ""}])
def test_the_forms_above_differ_from_sound_ones(sound: dict[str, Any]) -> None:
    assert encode_reply(decode_reply(canonical(sound))) == canonical(sound)


@pytest.mark.parametrize("beyond", [0, 1])
def test_the_largest(beyond: int) -> None:
    room = MAX_REPLY_BYTES - len(canonical(REFUSAL | {"refused": {"code": "malformed", "detail": [["reason", ""]]}}))
    detail = [["reason", "x" * (room + beyond)]]
    value = canonical(REFUSAL | {"refused": {"code": "malformed", "detail": detail}})
    assert len(value) == MAX_REPLY_BYTES + beyond
    if beyond:
        with pytest.raises(BadReply):
            decode_reply(value)
    else:
        assert encode_reply(decode_reply(value)) == value
