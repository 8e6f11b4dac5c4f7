"""The scalar types of the contract: their Python form, JSON form, range and JSON Schema, each stated once.

A scalar is ``Annotated[python_type, marker]``. The markers speak pydantic's protocol
(``__get_pydantic_core_schema__`` returns plain dictionaries), so this module imports nothing but the standard library.
`counterfoil.contract.wire` makes msgspec's types of them.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from typing import Annotated, Any, Literal

from counterfoil.contract import limits
from counterfoil.contract.log_id import SERVICE_PATTERN, SHARD_PATTERN
from counterfoil.contract.references import parse_reference
from counterfoil.contract.times import (
    SECOND,
    format_day,
    format_hour,
    format_time,
    parse_day,
    parse_derived_time,
    parse_hour,
    parse_time,
)


class OutOfRange(ValueError):
    """A well-formed number or text that lies outside the range the contract allows."""


class Coded:
    """A value whose JSON form is a string: `parse` makes the Python value, `render` the string again."""

    def __init__(self, parse: Callable[[str], Any], render: Callable[[Any], str], schema: dict[str, Any]) -> None:
        self._parse, self.render, self._schema = parse, render, schema

    def load(self, value: object) -> Any:
        """The Python value of a JSON value; ValueError if it has none."""
        if not isinstance(value, str):
            raise ValueError("must be a JSON string")  # noqa: TRY004 pydantic turns only ValueError into a finding
        return self._parse(value)

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> dict[str, Any]:
        return {
            "type": "function-plain",
            "function": {"type": "no-info", "function": self.load},
        }

    def __get_pydantic_json_schema__(self, _core: object, _handler: object) -> dict[str, Any]:
        return dict(self._schema)


class Decimal(Coded):
    """An integer of [low, high] whose JSON form is a string of decimal digits."""

    def __init__(self, low: int, high: int, parse: Callable[[str], int], schema: dict[str, Any]) -> None:
        super().__init__(parse, str, schema)
        self.low, self.high = low, high


class Tagged:
    """A union of records that differ in the value of `member`: `choices` gives the record for each value."""

    def __init__(self, member: str, choices: dict[str, type]) -> None:
        self.member, self.choices = member, choices

    def __get_pydantic_core_schema__(self, _source: object, handler: Any) -> dict[str, Any]:
        choices = {value: handler.generate_schema(choice) for value, choice in self.choices.items()}
        return {"type": "tagged-union", "discriminator": self.member, "choices": choices}


class Native:
    """A value that pydantic checks by itself: the marker is its core schema."""

    def __init__(self, **schema: Any) -> None:
        self.schema = {"strict": True, **schema}

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> dict[str, Any]:
        return dict(self.schema)


class FreeText(Native):
    """Text for people. The rules in force say more of it than its form does: `counterfoil.contract.text`."""

    def __init__(self, longest: int) -> None:
        super().__init__(type="str", pattern=r"^(?:[^\x00-\x1f\x7f]+)$", max_length=longest)


def _count(low: int, high: int) -> Native:
    return Native(type="int", ge=low, le=high)


def _text(pattern: str, longest: int) -> Native:
    return Native(type="str", pattern=f"^(?:{pattern})$", max_length=longest)


_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)


def _amount(low: int, high: int) -> Decimal:
    def parse(text: str) -> int:
        if _DECIMAL.fullmatch(text) is None or text == "-0":
            if re.fullmatch(r"-?[1-9][0-9]{19,}", text):
                raise OutOfRange(f"must be from {low} to {high}")
            raise ValueError("an amount is a decimal integer in a string")
        value = int(text)
        if not low <= value <= high:
            raise OutOfRange(f"must be from {low} to {high}")
        return value

    digits = "[1-9][0-9]{0,18}"
    pattern = f"^{digits}$" if low > 0 else f"^(?:0|{digits})$" if low == 0 else f"^(?:0|-?{digits})$"
    schema = {"type": "string", "pattern": pattern, "x-minimum": str(low), "x-maximum": str(high)}
    return Decimal(low, high, parse, schema)


def _octets(length: int) -> Coded:
    def parse(text: str) -> bytes:
        raw = decode_base64(text)
        if len(raw) != length:
            raise ValueError(f"must be {length} octets in base64")
        return raw

    whole, rest = divmod(length, 3)
    last = ("", "[A-Za-z0-9+/]{2}==", "[A-Za-z0-9+/]{3}=")[rest]
    pattern = f"^[A-Za-z0-9+/]{{{4 * whole}}}{last}$"
    return Coded(parse, encode_base64, {"type": "string", "contentEncoding": "base64", "pattern": pattern})


def _bounded_octets(longest: int) -> Coded:
    def parse(text: str) -> bytes:
        raw = decode_base64(text)
        if not 1 <= len(raw) <= longest:
            raise OutOfRange(f"must be 1 to {longest} octets in base64")
        return raw

    schema = {"type": "string", "contentEncoding": "base64", "minLength": 4, "maxLength": -(-longest // 3) * 4}
    return Coded(parse, encode_base64, schema)


def encode_base64(raw: bytes) -> str:
    """RFC 4648 section 4 with padding."""
    return b2a_base64(raw, newline=False).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Strict inverse of `encode_base64`; ValueError for any other spelling of the same octets."""
    raw = a2b_base64(text, strict_mode=True)
    if encode_base64(raw) != text:  # strict mode lets spare bits of the last digit pass
        raise ValueError("not canonical base64")
    return raw


Amount = Annotated[int, _amount(0, limits.MAX_AMOUNT)]
PositiveAmount = Annotated[int, _amount(1, limits.MAX_AMOUNT)]
SignedAmount = Annotated[int, _amount(-limits.MAX_AMOUNT, limits.MAX_AMOUNT)]
Price = Annotated[int, _amount(1, limits.MAX_PRICE)]

_TIME = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z$"
TIME_SCHEMA = {"type": "string", "format": "date-time", "pattern": _TIME}
Time = Annotated[int, Coded(parse_time, format_time, TIME_SCHEMA)]
DerivedTime = Annotated[int, Coded(parse_derived_time, format_time, TIME_SCHEMA)]
"""A time in an event that is an entry's time or is computed from other times: years 1970 to 2209."""
Hour = Annotated[int, Coded(parse_hour, format_hour, {"type": "string", "pattern": "^[0-9]{8}T[0-9]{2}Z$"})]
Day = Annotated[int, Coded(parse_day, format_day, {"type": "string", "format": "date"})]
"""A date, as days since 1970-01-01."""

Count = Annotated[int, _count(0, limits.MAX_COUNT)]
Figure = Annotated[int, _count(1, limits.MAX_COUNT)]
"""A figure that is known: what is not known is null, never zero."""
Version = Annotated[int, _count(1, 1_000_000)]
Months = Annotated[int, _count(1, 1_200)]
Nodes = Annotated[int, _count(1, limits.MAX_NODES)]
NodesOrNone = Annotated[int, _count(0, limits.MAX_NODES)]
GpusPerNode = Annotated[int, _count(1, limits.MAX_GPUS_PER_NODE)]
BidHours = Annotated[int, _count(1, limits.MAX_BID_HOURS)]
NoticeHours = Annotated[int, _count(1, limits.MAX_NOTICE_HOURS)]
RateTerm = Annotated[int, _count(0, limits.MAX_RATE_TERM)]
RateDenominator = Annotated[int, _count(1, limits.MAX_RATE_TERM)]
Bps = Annotated[int, _count(0, limits.BPS)]
OfPar = Annotated[int, _count(1, 2 * limits.BPS)]
"""A price of credit, in basis points of its face."""
Seconds = Annotated[int, _count(0, limits.MAX_WINDOW // SECOND)]
GpuMinutes = Annotated[int, _count(0, limits.MAX_NODES * limits.MAX_GPUS_PER_NODE * 60)]

_ID = r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?"
Id = Annotated[str, _text(_ID, 63)]
AccountId = Annotated[str, _text(r"[a-z0-9_]{1,32}(?:/[a-z0-9._-]{1,63})?", 96)]
AssetId = Annotated[str, _text(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,95}", 96)]
KeyId = Annotated[str, _text(r"[0-9a-f]{16}", 16)]
Currency = Annotated[str, _text(r"[A-Z]{3}", 3)]
Unit = Annotated[str, _text(r"[A-Z][A-Z_]{2,15}", 16)]
"""What vouchers are counted in: a currency, or a unit of compute such as `GPU_HOUR`."""
MarketUnit = Annotated[str, _text(r"[A-Z]{3}|GPU_HOUR", 8)]
"""What an order pays in: a currency, or GPU-hours in kind."""
CommandId = Annotated[str, _text(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", 36)]
_HOST = r"[a-z0-9][a-z0-9.-]{0,62}(?::[0-9]{1,5})?"
Host = Annotated[str, _text(_HOST, 69)]
Origin = Annotated[str, _text(f"{_HOST}/{SERVICE_PATTERN}/{SHARD_PATTERN}", 140)]
Month = Annotated[str, _text(r"(?:19[7-9][0-9]|2[01][0-9]{2})-(?:0[1-9]|1[0-2])", 7)]
"""A calendar month, `2026-11`."""
Name = Annotated[str, FreeText(limits.MAX_NAME)]
Reason = Annotated[str, FreeText(limits.MAX_REASON)]
Word = Annotated[str, _text(r"[a-z][a-z0-9_]{0,63}", 64)]
Code = Annotated[str, _text(r"[A-Z][A-Z0-9_]{0,63}", 64)]
"""A code of a list, such as an SKU or an instrument."""
FactText = Annotated[str, FreeText(64)]
"""One value of a fact as text: a code, a whole number, a date, `true` or `false`."""
Sentence = Annotated[str, FreeText(limits.MAX_SENTENCE)]
Points = Annotated[int, _amount(0, limits.MAX_POINTS)]
"""A score, in millionths of a point."""
ApplicationDecision = Literal["approved", "rejected", "waitlisted"]
CountingEvent = Literal["APPLIED", "GRANTED", "PAID"]
CountsFor = Literal["GROUP", "BENEFICIARY"]
MinorUnits = Annotated[int, _count(0, limits.MICRO_DIGITS)]
TypeName = Annotated[str, _text(r"[a-z][a-z_]{0,39}", 40)]
Role = Literal["operator", "issuer", "provider", "beneficiary", "treasurer", "auditor"]
Release = Annotated[str, _text(r"[0-9A-Za-z][0-9A-Za-z.+-]*", 40)]
Flag = Annotated[bool, Native(type="bool")]
PublicKey = Annotated[bytes, _octets(32)]
Signature = Annotated[bytes, _octets(64)]
Digest = Annotated[bytes, _octets(32)]
Nonce = Annotated[bytes, _octets(16)]
Piece = Annotated[bytes, _bounded_octets(limits.MAX_PIECE_BYTES)]
"""Consecutive bytes of a document; all pieces but the last have the greatest length."""
PieceNumber = Annotated[int, _count(0, limits.MAX_PIECES - 1)]
Pieces = Annotated[int, _count(1, limits.MAX_PIECES)]


def _reference(text: str) -> str:
    try:
        return parse_reference(text)
    except ValueError as problem:
        raise OutOfRange(str(problem)) from problem


_REFERENCE_SCHEMA = {"type": "string", "minLength": 1, "maxLength": limits.MAX_REFERENCE}
Reference = Annotated[str, Coded(_reference, str, _REFERENCE_SCHEMA)]
"""A business reference, as it stands on paper."""
