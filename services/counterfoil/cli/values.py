"""Converts values between text for people and the contract: amounts in units of a currency, ISO times and hours."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from counterfoil.contract.times import parse_hour
from counterfoil.redemption.commands import Reading

MICRO: Final = 1_000_000
_AMOUNT = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,6}))?", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_READING = re.compile(r"([0-9]{8}T[0-9]{2}Z|[0-9T:+-]+Z?)=([0-9]{1,9})", re.ASCII)


def parse_amount(text: str) -> int:
    """Micro-units from ``12``, ``12.5`` or ``12.500000``. Raises ValueError."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError("an amount in units of the currency, at most 13 digits and six decimals, such as 12.50")
    return int(found[1]) * MICRO + int((found[2] or "").ljust(6, "0"))


def format_amount(micro: int) -> str:
    """Units of the currency with at least two decimals and no digit lost: ``12.50``, ``0.123456``."""
    units, rest = divmod(abs(micro), MICRO)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micro < 0 else ''}{units}.{decimals}"


def parse_moment(text: str) -> int:
    """Microseconds from an ISO 8601 date (midnight UTC) or time with offset. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a date such as 2026-01-05 or a time such as 2026-01-05T08:00:00Z") from None
    if moment.tzinfo is None:
        if moment.time() != datetime.min.time() or len(text) > len("2026-01-05"):
            raise ValueError("a time says its offset from UTC, such as 2026-01-05T08:00:00Z")
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def parse_delivery_hour(text: str) -> int:
    """Hours since the epoch from ``20260105T08Z`` or an ISO time on the hour. Raises ValueError."""
    try:
        return parse_hour(text)
    except ValueError:
        hours, rest = divmod(parse_moment(text), 3_600 * MICRO)
    if rest:
        raise ValueError("a delivery hour starts on the hour, such as 20260105T08Z or 2026-01-05T08:00Z")
    return hours


def parse_reading(text: str) -> Reading:
    """A meter reading from ``20260105T08Z=480``. Raises ValueError."""
    found = _READING.fullmatch(text)
    if found is None:
        raise ValueError("a reading is HOUR=GPU_MINUTES, such as 20260105T08Z=480")
    return Reading(hour=parse_delivery_hour(found[1]), gpu_minutes=int(found[2]))


def parse_sha256(text: str) -> bytes:
    """A digest from 64 hexadecimal digits. Raises ValueError."""
    if re.fullmatch(r"[0-9a-fA-F]{64}", text, re.ASCII) is None:
        raise ValueError("64 hexadecimal digits, as sha256sum prints them")
    return bytes.fromhex(text)


NESTED_AMOUNTS: Final = ("amount", "claimed", "brought", "carried", "resubmitted", "beneficiary_cap", "min_face")
"""Members of nested values that are amounts: of a programme's terms, a claim's lines, a settlement's payees."""


def in_units(row: Mapping[str, Any], amounts: Collection[str]) -> dict[str, Any]:
    """A row for people: the members in `amounts` and nested amounts in units of the currency, the others unchanged."""
    return {
        name: format_amount(int(value)) if name in amounts and value is not None else _nested_in_units(value)
        for name, value in row.items()
    }


def _nested_in_units(value: Any) -> Any:
    if isinstance(value, dict):
        return in_units(value, NESTED_AMOUNTS)
    return [_nested_in_units(each) for each in value] if isinstance(value, list) else value
