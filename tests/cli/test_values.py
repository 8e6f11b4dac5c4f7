"""Amounts, times, hours and readings as people write them: what is accepted and refused, without loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.cli.advice import advice, readable
from counterfoil.cli.values import (
    format_amount,
    parse_amount,
    parse_delivery_hour,
    parse_moment,
    parse_reading,
)
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import format_hour, format_time, parse_hour, parse_time
from counterfoil.redemption.commands import Reading

EIGHT = parse_time("2026-01-05T08:00:00.000000Z")
GOOD: list[tuple[Callable[[str], Any], str, Any]] = [
    (parse_amount, "12.50", 12_500_000),
    (parse_amount, "12", 12_000_000),
    (parse_amount, "0.000001", 1),
    (parse_amount, "0", 0),
    (parse_amount, "9223372036854.775807", MAX_AMOUNT),
    (parse_moment, "2026-01-05T08:00:00Z", EIGHT),
    (parse_moment, "2026-01-05T09:00:00+01:00", EIGHT),
    (parse_moment, "2026-01-05", EIGHT - 8 * 3_600_000_000),
    (parse_moment, "2026-01-05T08:00:00.000001Z", EIGHT + 1),
    (parse_delivery_hour, "20260105T08Z", EIGHT // 3_600_000_000),
    (parse_delivery_hour, "2026-01-05T08:00Z", EIGHT // 3_600_000_000),
    (parse_delivery_hour, "2026-01-05T10:00+02:00", EIGHT // 3_600_000_000),
    (parse_reading, "20260105T08Z=480", Reading(hour=EIGHT // 3_600_000_000, gpu_minutes=480)),
]
BAD: list[tuple[Callable[[str], Any], str]] = [
    *[(parse_amount, text) for text in ("", "-1", "+1", "1.", ".5", "1e3", "1,5", "1_000", "12.1234567", "٣", " 1")],
    (parse_amount, "1" * 14),
    *[(parse_moment, text) for text in ("", "now", "2026-01-05T08:00:00", "2026-01-05T00:00", "2026-02-30")],
    *[(parse_delivery_hour, text) for text in ("20260105T24Z", "2026-01-05T08:30Z", "20260105T08")],
    *[(parse_reading, text) for text in ("", "20260105T08Z", "20260105T08Z=-1", "20260105T08Z=1.5", "=3")],
]


@pytest.mark.parametrize(("parse", "text", "value"), GOOD)
def test_what_is_read(parse: Callable[[str], Any], text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text"), BAD)
def test_what_is_refused(parse: Callable[[str], Any], text: str) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        parse(text)


@given(st.integers(0, MAX_AMOUNT))
def test_amounts_come_back(micro: int) -> None:
    shown = format_amount(micro)
    assert parse_amount(shown) == micro
    assert len(shown.partition(".")[2]) >= 2
    assert micro == 0 or format_amount(-micro) == f"-{shown}"


@given(st.integers(0, 10**15), st.integers(0, 10**6))
def test_times_and_hours_come_back(time: int, hour: int) -> None:
    assert parse_moment(format_time(time)) == time
    assert parse_delivery_hour(format_hour(hour)) == hour


@pytest.mark.parametrize("code", list(Code))
def test_every_refusal_has_advice(code: Code) -> None:
    assert advice(code.value).endswith((".", "NAME.", "PARTY."))


def test_fields_for_people() -> None:
    shown = readable({"available": "478400000", "hour": str(parse_hour("20260105T08Z")), "programme_id": "478400000"})
    assert shown == {"available": "478.40", "hour": "20260105T08Z", "programme_id": "478400000"}
