"""Converts values between text for people and the contract: amounts in units of a currency, ISO times and hours."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from counterfoil.contract.limits import MAX_COUNT
from counterfoil.contract.times import parse_hour

if TYPE_CHECKING:
    from counterfoil.contract.accelerators import Collective
    from counterfoil.redemption.commands import Reading

MICRO: Final = 1_000_000
_AMOUNT = re.compile(r"([0-9]{1,13}|[0-9]{1,3}(?:,[0-9]{3}){1,4}(?=\.))(?:\.([0-9]{1,6}))?", re.ASCII)
_COMMAS = re.compile(r"[0-9]{1,3}(?:,[0-9]+)+", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_READING = re.compile(r"([0-9]{8}T[0-9]{2}Z|[0-9T:+-]+Z?)=([0-9]{1,9})", re.ASCII)
_UNITS: Final = {"GPU_HOUR": "GPU-h"}
"""How units of compute are written beside an amount; a currency by its code."""


def parse_amount(text: str) -> int:
    """Micro-units from ``12``, ``12.5``, ``1000`` or ``1,000.50``. Raises ValueError, also for ``1,000``."""
    found = _AMOUNT.fullmatch(text)
    if _COMMAS.fullmatch(text):
        raise ValueError("a comma may be meant for thousands or for decimals: write 1000, 1,000.00 or 1.5")
    if found is None:
        raise ValueError("an amount in units of the currency, at most 13 digits and six decimals, such as 12.50")
    return int(found[1].replace(",", "")) * MICRO + int((found[2] or "").ljust(6, "0"))


def collective(text: str) -> Collective:
    """A bandwidth over so many cards, from ``8=72000``. Raises ValueError."""
    from counterfoil.contract.accelerators import Collective  # a command that reads needs no records

    cards, _, mbps = text.partition("=")
    if cards not in ("2", "4", "8") or not mbps.isascii() or not mbps.isdecimal() or not 1 <= int(mbps) <= MAX_COUNT:
        raise ValueError("CARDS=MBPS with 2, 4 or 8 cards, such as 8=72000")
    return Collective(cards=int(cards), mbps=int(mbps))  # type: ignore[arg-type]


def format_amount(micro: int) -> str:
    """Units of the currency with at least two decimals and no digit lost: ``12.50``, ``0.123456``."""
    units, rest = divmod(abs(micro), MICRO)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micro < 0 else ''}{units}.{decimals}"


def decimals_of(micro: int) -> int:
    """How many decimals an amount needs, none of its digits lost."""
    return len(f"{abs(micro) % MICRO:06d}".rstrip("0"))


def show_amount(micro: int, currency: str | None = None, decimals: int = 2) -> str:
    """For people: ``1,000.50 USD``, ``8.25 GPU-h``, with at least so many decimals and no digit lost."""
    units, rest = divmod(abs(micro), MICRO)
    text = f"{'-' if micro < 0 else ''}{units:,}.{f'{rest:06d}'.rstrip('0').ljust(decimals, '0')}"
    return text if currency is None else f"{text} {_UNITS.get(currency, currency)}"


def parse_moment(text: str) -> int:
    """Microseconds from an ISO 8601 date (midnight UTC) or time with offset. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as problem:  # "day is out of range for month", or that it is of no such form at all
        why = "" if "isoformat" in str(problem) else f"{problem}; "
        raise ValueError(f"{why}a date such as 2026-01-05 or a time such as 2026-01-05T08:00:00Z") from None
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
    from counterfoil.redemption.commands import Reading  # not for every command with an amount

    return Reading(hour=parse_delivery_hour(found[1]), gpu_minutes=int(found[2]))


def parse_sha256(text: str) -> bytes:
    """A digest from 64 hexadecimal digits. Raises ValueError."""
    if re.fullmatch(r"[0-9a-fA-F]{64}", text, re.ASCII) is None:
        raise ValueError("64 hexadecimal digits, as sha256sum prints them")
    return bytes.fromhex(text)


NESTED_AMOUNTS: Final = (
    "amount", "claimed", "brought", "carried", "resubmitted", "beneficiary_cap", "min_face", "needed", "available",
    "tax", "quantity", "most", "appropriated", "reduced", "disbursed", "lapsed", "recovered", "written_off", "returned",
    "denied", "clawed_back", "bears", "pays", "price", "reserve_price", "limit_price",
)  # fmt: skip
"""Members of nested values that are amounts, or millionths of a unit: of a programme's terms, a claim's or an
application's lines, what a claim may take, a settlement's payees and payers, what a refused hold lacks, final books;
prices of an auction's hours; limits by class of a bid by performance."""


def in_units(
    row: Mapping[str, Any], amounts: Collection[str], show: Callable[[int], str] = format_amount
) -> dict[str, Any]:
    """A row with the members in `amounts` and nested amounts in units, the others unchanged.

    `show` may add the currency, which a quantity does not have: its line says of what it is.
    """
    shown = {name: format_amount if name == "quantity" else show for name in amounts}
    return {
        name: shown[name](int(value)) if name in shown and value is not None else _nested_in_units(value, show)
        for name, value in row.items()
    }


def _nested_in_units(value: Any, show: Callable[[int], str]) -> Any:
    if isinstance(value, dict):
        return in_units(value, NESTED_AMOUNTS, show)
    return [_nested_in_units(each, show) for each in value] if isinstance(value, list) else value


_SPAN = re.compile(r"([0-9]{1,4})([smhdw])", re.ASCII)
_SPANS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def parse_since(text: str, now: int) -> int:
    """Microseconds from a span before `now`, such as ``2h`` or ``3d``, or from a date or time. Raises ValueError."""
    span = _SPAN.fullmatch(text)
    if span is not None:
        return max(0, now - int(span[1]) * _SPANS[span[2]] * MICRO)
    try:
        return max(0, parse_moment(text))
    except ValueError as problem:
        raise ValueError(f"a span such as 30m, 2h or 3d, {problem}") from problem
