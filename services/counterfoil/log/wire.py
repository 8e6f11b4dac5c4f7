"""Strict readings of the few shapes that every text format here is made of.

Each has exactly one accepted spelling, so that parsing and formatting again gives the same bytes.
"""

from __future__ import annotations

import binascii
import re
from functools import lru_cache

from counterfoil.log.errors import FormatError

SIZE_MAX = 2**63 - 1
"""Largest tree size (C2SP implementations hold sizes in a signed 64-bit integer)."""

_DECIMAL = re.compile(rb"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")
_SHOWN_BYTES_MAX = 80


def shown(raw: bytes) -> str:
    """`raw` for an error message, cut to a length that fits a log line."""
    return repr(raw if len(raw) <= _SHOWN_BYTES_MAX else raw[:_SHOWN_BYTES_MAX] + b"...")


def b64encode(raw: bytes) -> bytes:
    """RFC 4648 section 4 with padding."""
    return binascii.b2a_base64(raw, newline=False)


def b64decode(text: bytes) -> bytes:
    """RFC 4648 section 4 with padding; `FormatError` for every other spelling (white space, unused bits, url-safe).

    Decoded, encoded again and compared: the decoder itself may be lenient.
    """
    try:
        raw = binascii.a2b_base64(text)
    except binascii.Error as error:
        raise FormatError(f"not base64: {shown(text)}") from error
    if b64encode(raw) != text:
        raise FormatError(f"not canonical base64: {shown(text)}")
    return raw


def decode_hash(text: bytes) -> bytes:
    """The 32 bytes of a base64 SHA-256; `FormatError` for another length."""
    raw = b64decode(text)
    if len(raw) != 32:
        raise FormatError(f"a hash has 32 bytes, not {len(raw)}: {shown(text)}")
    return raw


def parse_decimal(text: bytes) -> int:
    """ASCII decimal in 0..2**63-1 without leading zero or sign; `FormatError` otherwise."""
    if not _DECIMAL.fullmatch(text) or int(text) > SIZE_MAX:
        raise FormatError(f"not a decimal in 0..2**63-1: {shown(text)}")
    return int(text)


def decode_text(raw: bytes) -> str:
    """UTF-8 without control characters other than newline (C2SP signed-note); `FormatError` otherwise."""
    if _CONTROL.search(raw):
        raise FormatError(f"control character in {shown(raw)}")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"not UTF-8: {shown(raw)}") from error


@lru_cache(64)
def check_name(name: str) -> None:
    """`FormatError` unless `name` may name a key or a log: not empty, no Unicode space, no control, no plus sign."""
    if not name or any(c.isspace() or c == "+" or c < " " for c in name):
        raise FormatError(f"not a key name: {name[:_SHOWN_BYTES_MAX]!r}")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError(f"not a key name: {name[:_SHOWN_BYTES_MAX]!r}") from error
