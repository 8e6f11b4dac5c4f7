"""Envelopes that must be refused at intake, each with its code: the table behind the tests and the refusal vectors."""

from __future__ import annotations

import copy
import json
from typing import Any

from counterfoil.contract import limits
from counterfoil.contract.canonical import canonical
from counterfoil.contract.codec import encode_payload
from counterfoil.contract.entry import PAYLOAD_TYPE
from counterfoil.contract.envelope import signed_bytes
from counterfoil.contract.forms import dump
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import encode_base64
from counterfoil.contract.submission import BATCH
from counterfoil.issuance.commands import PublishProgrammeV1
from counterfoil.matching.commands import CancelBid, PlaceBid
from tests.contract.samples import KEY, KEY_ID, header, sample

Json = dict[str, Any]
GOOD = encode_payload(header("place_bid", 1, "matching", 1), (sample(PlaceBid),))
GOOD_BATCH = encode_payload(header(BATCH, 1, "matching", 2), (sample(PlaceBid), sample(CancelBid)))


def envelope(payload: bytes) -> Json:
    """A DSSE envelope over `payload`, signed by the test key."""
    signature = {"keyid": KEY_ID, "sig": encode_base64(KEY.sign(signed_bytes(payload)))}
    return {"payload": encode_base64(payload), "payloadType": PAYLOAD_TYPE, "signatures": [signature]}


def sealed(payload: bytes) -> bytes:
    """The bytes of the envelope over `payload`."""
    return canonical(envelope(payload))


def changed(payload: bytes, path: str, value: Any) -> bytes:
    """`payload` with the member at `path` (dots between names and list positions) set; `...` removes it."""
    whole = json.loads(payload)
    at: Any = whole
    names = [int(name) if name.isdecimal() else name for name in path.split(".")]
    for name in names[:-1]:
        at = at[name]
    if value is ...:
        del at[names[-1]]
    else:
        at[names[-1]] = value
    return canonical(whole)


def respelt(old: str, new: str, payload: bytes = GOOD) -> bytes:
    """`payload` with one piece of its text written differently."""
    text = payload.decode()
    assert text.count(old) == 1, old
    return text.replace(old, new).encode("utf-8", "surrogatepass")


def enveloped(**members: Any) -> bytes:
    """A good payload in an envelope with other members; `...` removes one."""
    return canonical({name: value for name, value in {**envelope(GOOD), **members}.items() if value is not ...})


def compact(value: Json) -> bytes:
    """JSON without white space, members in the order given, ASCII only."""
    return json.dumps(value, separators=(",", ":")).encode()


def nested(depth: int) -> bytes:
    """A payload with an unknown member that nests `depth` deep, the payload's own object included."""
    value: Any = 1
    for _ in range(depth - 1):
        value = [value]
    return changed(GOOD, "deep", value)


def filled(payload: bytes, path: str, size: int) -> bytes:
    """`payload` with as many voucher ids in the list at `path` as make it exactly `size` bytes."""
    room = size - len(changed(payload, path, []))
    count = room // 60 + 1
    short, longer = divmod(room + 1 - 3 * count, count)  # two quotes and a comma each, without the last comma
    made = changed(payload, path, ["v" * (short + (number < longer)) for number in range(count)])
    assert len(made) == size, (len(made), size)
    return made


def many(count: int) -> bytes:
    """A batch of `count` commands."""
    return encode_payload(header(BATCH, 1, "matching", 3), (sample(CancelBid),) * count)


def _signature(**members: Any) -> list[Json]:
    (whole,) = envelope(GOOD)["signatures"]
    return [{name: value for name, value in {**copy.deepcopy(whole), **members}.items() if value is not ...}]


_GOOD_BASE64 = encode_base64(GOOD)
_GOOD_SIG = envelope(GOOD)["signatures"][0]["sig"]
_PROGRAMME = encode_payload(header("publish_programme", 1, "issuance", 4), (sample(PublishProgrammeV1),))
_MALFORMED_ENVELOPES: list[tuple[str, bytes]] = [
    ("empty", b""),
    ("not JSON", b"place a bid"),
    ("a list", b"[]"),
    ("a string", b'"payload"'),
    ("null", b"null"),
    ("byte order mark", b"\xef\xbb\xbf" + sealed(GOOD)),
    ("trailing bytes after the envelope", sealed(GOOD) + b"x"),
    ("two envelopes", sealed(GOOD) * 2),
    ("not UTF-8", sealed(GOOD).replace(b"payloadType", b"payloadTyp\xff")),
    ("NaN in the envelope", b'{"payload":NaN}'),
    ("no payload", enveloped(payload=...)),
    ("no payload type", enveloped(payloadType=...)),
    ("no signatures", enveloped(signatures=...)),
    ("empty signatures", enveloped(signatures=[])),
    ("two signatures", enveloped(signatures=_signature() * 2)),
    ("signatures is an object", enveloped(signatures={"sig": _GOOD_SIG})),
    ("signature is a string", enveloped(signatures=[_GOOD_SIG])),
    ("signature without sig", enveloped(signatures=_signature(sig=...))),
    ("extra member in the envelope", enveloped(extra=1)),
    ("extra member in the signature", enveloped(signatures=_signature(extra=1))),
    ("payload is a number", enveloped(payload=1)),
    ("payload is null", enveloped(payload=None)),
    ("payload not base64", enveloped(payload="!" + _GOOD_BASE64)),
    ("payload with white space in base64", enveloped(payload=_GOOD_BASE64[:4] + "\n" + _GOOD_BASE64[4:])),
    ("payload without padding", enveloped(payload=encode_base64(b"{}").rstrip("="))),
    ("payload with unused bits set", enveloped(payload="e31=")),
    ("payload in the URL alphabet", enveloped(payload="-_-_")),
    ("payload not ASCII", enveloped(payload="é" + _GOOD_BASE64)),
    ("signature of 63 octets", enveloped(signatures=_signature(sig=encode_base64(bytes(63))))),
    ("signature of 65 octets", enveloped(signatures=_signature(sig=encode_base64(bytes(65))))),
    ("signature with unused bits set", enveloped(signatures=_signature(sig=_GOOD_SIG[:85] + "/=="))),
]
_MALFORMED_PAYLOADS: list[tuple[str, bytes]] = [
    ("empty payload", b""),
    ("payload is a list", b"[]"),
    ("payload with a byte order mark", b"\xef\xbb\xbf" + GOOD),
    ("payload with trailing bytes", GOOD + b"}"),
    ("payload cut short", GOOD[:-1]),
    ("NaN", respelt('"v":1', '"v":NaN')),
    ("Infinity", respelt('"v":1', '"v":Infinity')),
    ("lone surrogate, escaped", respelt('"party-1"', '"\\ud800"')),
    ("lone surrogate, as UTF-8", respelt('"party-1"', '"\ud800"')),
    ("overlong UTF-8", GOOD.replace(b"party-1", b"party-\xc0\xb1")),
    ("control character in a string", respelt('"party-1"', '"party\n1"')),
    ("single quotes", GOOD.replace(b'"', b"'")),
    ("1.0", respelt('"v":1', '"v":1.0')),
    ("1e0", respelt('"v":1', '"v":1e0')),
    ("1.5", respelt('"hours":12', '"hours":1.5')),
    ("leading zero", respelt('"hours":12', '"hours":012')),
    ("plus sign", respelt('"hours":12', '"hours":+12')),
    *((f"no {name}", changed(GOOD, name, ...)) for name in json.loads(GOOD)),
    *((f"no body.{name}", changed(GOOD, f"body.{name}", ...)) for name in json.loads(GOOD)["body"]),
    ("body is a list", changed(GOOD, "body", [])),
    ("body is null", changed(GOOD, "body", None)),
    ("type is a number", changed(GOOD, "type", 1)),
    ("version is a string", changed(GOOD, "v", "1")),
    ("version is true", changed(GOOD, "v", True)),
    ("number in place of a string", changed(GOOD, "body.programme_id", 1)),
    ("string in place of a number", changed(GOOD, "body.nodes", "2")),
    ("true in place of a number", changed(GOOD, "body.nodes", True)),
    ("number in place of true", changed(GOOD, "body.partial", 1)),
    ("price as a number", changed(GOOD, "body.limit_price", 2490000)),
    ("price with a point", changed(GOOD, "body.limit_price", "2.49")),
    ("price with a leading zero", changed(GOOD, "body.limit_price", "02490000")),
    ("price with a sign", changed(GOOD, "body.limit_price", "+2490000")),
    ("price minus zero", changed(GOOD, "body.limit_price", "-0")),
    ("price in other digits", changed(GOOD, "body.limit_price", "２４９")),
    ("price with a newline", changed(GOOD, "body.limit_price", "2490000\n")),
    ("id in capitals", changed(GOOD, "body.programme_id", "P-1")),
    ("id with a newline", changed(GOOD, "body.programme_id", "p-1\n")),
    ("empty id", changed(GOOD, "body.programme_id", "")),
    ("null in a list", changed(GOOD, "body.classes", [None])),
    ("object in place of a list", changed(GOOD, "body.classes", {})),
    ("null in place of a list", changed(GOOD, "body.classes", None)),
    ("time without microseconds", changed(GOOD, "issued_at", "2026-11-22T18:00:00Z")),
    ("time in another zone", changed(GOOD, "issued_at", "2026-11-22T18:00:00.000000+00:00")),
    ("no such day", changed(GOOD, "issued_at", "2026-02-29T18:00:00.000000Z")),
    ("no such hour", changed(GOOD, "body.earliest", "20261122T24Z")),
    ("command id of another version", changed(GOOD, "command_id", "019ab000-0000-4000-8000-000000000001")),
    ("audience without a shard", changed(GOOD, "aud", "counterfoil.example/matching")),
    ("seen without root", changed(GOOD, "seen.root", ...)),
    ("seen with a root of 31 octets", changed(GOOD, "seen.root", encode_base64(bytes(31)))),
    ("seen with a root in base64 with unused bits", changed(GOOD, "seen.root", "A" * 42 + "B=")),
    ("time in force of no kind", changed(GOOD, "body.tif", "DAY")),
    ("expiry of no kind", changed(_PROGRAMME, "body.terms.expiry.kind", "never")),
    ("expiry without a kind", changed(_PROGRAMME, "body.terms.expiry.kind", ...)),
    ("batch without commands", changed(GOOD_BATCH, "body", {})),
    ("batch of an object", changed(GOOD_BATCH, "body.commands", {})),
    ("batch of strings", changed(GOOD_BATCH, "body.commands", ["place_bid"])),
    ("batch command without v", changed(GOOD_BATCH, "body.commands.0.v", ...)),
    ("batch command with a list as body", changed(GOOD_BATCH, "body.commands.0.body", [])),
]
_OTHER_ENVELOPES: list[tuple[str, Code, bytes]] = [
    (
        "payload type of another version",
        Code.WRONG_PAYLOAD_TYPE,
        enveloped(payloadType=PAYLOAD_TYPE.replace("v1", "v2")),
    ),
    ("payload type in capitals", Code.WRONG_PAYLOAD_TYPE, enveloped(payloadType=PAYLOAD_TYPE.upper())),
    ("payload type is null", Code.WRONG_PAYLOAD_TYPE, enveloped(payloadType=None)),
    ("envelope nested too deep", Code.NESTED_TOO_DEEP, b"[" * (limits.MAX_NESTING + 1)),
]
_OTHER_PAYLOADS: list[tuple[str, Code, bytes]] = [
    ("payload nested too deep", Code.NESTED_TOO_DEEP, nested(limits.MAX_NESTING + 1)),
    ("duplicate member, same value", Code.NOT_CANONICAL, respelt('"v":1', '"v":1,"v":1')),
    ("duplicate member, other value", Code.NOT_CANONICAL, respelt('"v":1', '"v":2,"v":1')),
    ("duplicate member in the body", Code.NOT_CANONICAL, respelt('"nodes":2', '"nodes":1,"nodes":2')),
    ("white space", Code.NOT_CANONICAL, respelt('"v":1', '"v": 1')),
    ("final newline", Code.NOT_CANONICAL, GOOD + b"\n"),
    ("members in another order", Code.NOT_CANONICAL, compact(dict(reversed(json.loads(GOOD).items())))),
    ("needless escape", Code.NOT_CANONICAL, respelt('"party-1"', '"party\\u002d1"')),
    ("escaped slash", Code.NOT_CANONICAL, respelt("counterfoil.example/matching", "counterfoil.example\\/matching")),
    ("text outside ASCII escaped", Code.NOT_CANONICAL, compact(json.loads(_PROGRAMME))),
    ("-0", Code.NOT_CANONICAL, respelt('"hours":12', '"hours":-0')),
    ("2^64", Code.NOT_CANONICAL, respelt('"hours":12', f'"hours":{2**64}')),  # its RFC 8785 form is that of a double
    ("unknown type", Code.UNKNOWN_TYPE, changed(GOOD, "type", "place_bet")),
    ("unknown version", Code.UNKNOWN_TYPE, changed(GOOD, "v", 2)),
    ("batch of another version", Code.UNKNOWN_TYPE, changed(GOOD_BATCH, "v", 2)),
    ("unknown type in a batch", Code.UNKNOWN_TYPE, changed(GOOD_BATCH, "body.commands.1.type", "x")),
    ("unknown version in a batch", Code.UNKNOWN_TYPE, changed(GOOD_BATCH, "body.commands.1.v", 0)),
    ("batch in a batch", Code.UNKNOWN_TYPE, changed(GOOD_BATCH, "body.commands.1.type", BATCH)),
    ("unknown member of the header", Code.UNKNOWN_MEMBER, changed(GOOD, "extra", 1)),
    ("unknown member of seen", Code.UNKNOWN_MEMBER, changed(GOOD, "seen.extra", 1)),
    ("unknown member of the body", Code.UNKNOWN_MEMBER, changed(GOOD, "body.extra", 1)),
    ("unknown member of a record in the body", Code.UNKNOWN_MEMBER, changed(_PROGRAMME, "body.terms.share.extra", 1)),
    ("unknown member of one kind of expiry", Code.UNKNOWN_MEMBER, changed(_PROGRAMME, "body.terms.expiry.extra", 1)),
    ("unknown member of a batch", Code.UNKNOWN_MEMBER, changed(GOOD_BATCH, "body.extra", 1)),
    ("unknown member of a command in a batch", Code.UNKNOWN_MEMBER, changed(GOOD_BATCH, "body.commands.0.extra", 1)),
    ("unknown member of a body in a batch", Code.UNKNOWN_MEMBER, changed(GOOD_BATCH, "body.commands.0.body.extra", 1)),
    ("2^53", Code.OUT_OF_RANGE, respelt('"hours":12', f'"hours":{2**53}')),
    ("-2^53", Code.OUT_OF_RANGE, respelt('"hours":12', f'"hours":-{2**53}')),
    ("2^63", Code.OUT_OF_RANGE, respelt('"hours":12', f'"hours":{2**63}')),
    ("empty batch", Code.OUT_OF_RANGE, changed(GOOD_BATCH, "body.commands", [])),
    ("too many commands in a batch", Code.OUT_OF_RANGE, many(limits.MAX_BATCH_COMMANDS + 1)),
    ("batch for two services", Code.WRONG_AUDIENCE, changed(
        GOOD_BATCH, "body.commands.0",
        {"type": "publish_programme", "v": 1, "body": dump(sample(PublishProgrammeV1))},
    )),
]  # fmt: skip
_PADDED = sealed(GOOD)[:-1]
TOO_LARGE: list[tuple[str, bytes, bytes]] = [
    (
        "envelope",
        _PADDED + b" " * (limits.MAX_ENVELOPE_BYTES - len(_PADDED) - 1) + b"}",
        _PADDED + b" " * (limits.MAX_ENVELOPE_BYTES - len(_PADDED)) + b"}",
    ),
    (
        "payload of one command",
        sealed(filled(GOOD, "body.voucher_ids", limits.MAX_PAYLOAD_BYTES)),
        sealed(filled(GOOD, "body.voucher_ids", limits.MAX_PAYLOAD_BYTES + 1)),
    ),
    (
        "payload of a batch",
        sealed(filled(GOOD_BATCH, "body.commands.0.body.voucher_ids", limits.MAX_BATCH_PAYLOAD_BYTES)),
        sealed(filled(GOOD_BATCH, "body.commands.0.body.voucher_ids", limits.MAX_BATCH_PAYLOAD_BYTES + 1)),
    ),
]
"""What; the largest that is accepted; one byte more."""

BAD_ENVELOPES: list[tuple[str, Code, bytes]] = [
    *((name, Code.MALFORMED, data) for name, data in _MALFORMED_ENVELOPES),
    *((name, Code.MALFORMED, sealed(payload)) for name, payload in _MALFORMED_PAYLOADS),
    *_OTHER_ENVELOPES,
    *((name, code, sealed(payload)) for name, code, payload in _OTHER_PAYLOADS),
]
"""Name, code, bytes of an envelope that is refused by its form alone."""
