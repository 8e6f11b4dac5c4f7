"""Times and hours against the standard library's calendar, both ways, and every malformed spelling refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from counterfoil.contract.times import (
    format_hour,
    format_month,
    format_time,
    parse_derived_time,
    parse_hour,
    parse_month,
    parse_time,
)
from tests.strategies import MAX_DERIVED_TIME, MAX_HOUR, MAX_TIME

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_DAY = MAX_HOUR // 24


@given(st.integers(0, MAX_DERIVED_TIME))
@example(0)
@example(MAX_TIME)
@example(MAX_TIME + 1)
@example(MAX_DERIVED_TIME)
@example(951_782_399_999_999)  # the last microsecond of 2000-02-28: a leap year of the fourth century
@example(951_782_400_000_000)
@example(4_107_542_400_000_000)  # 2100-03-01: 2100 is no leap year
def test_a_time_is_what_datetime_says(time: int) -> None:
    text = (EPOCH + timedelta(microseconds=time)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert format_time(time) == text
    assert parse_derived_time(text) == time
    if time <= MAX_TIME:
        assert parse_time(text) == time
        return
    with pytest.raises(ValueError, match="1970 to 2199"):
        parse_time(text)


def test_a_derived_time_has_a_last_year_too() -> None:
    with pytest.raises(ValueError, match="1970 to 2209"):
        parse_derived_time(format_time(MAX_DERIVED_TIME + 1))


@given(st.integers(0, MAX_HOUR))
@example(0)
@example(MAX_HOUR)
def test_an_hour_is_what_datetime_says(hour: int) -> None:
    text = (EPOCH + timedelta(hours=hour)).strftime("%Y%m%dT%HZ")
    assert format_hour(hour) == text
    assert parse_hour(text) == hour


def test_every_day_there_is() -> None:
    for day in range(LAST_DAY + 1):
        date = EPOCH + timedelta(days=day)
        text = f"{date.year:04d}{date.month:02d}{date.day:02d}T00Z"
        assert format_hour(day * 24) == text
        assert parse_hour(text) == day * 24


def test_months_follow_each_other_without_a_gap() -> None:
    month, ends = "1970-01", 0
    while month < "2200-01":
        begins, next_ = parse_month(month)
        assert begins == ends
        assert [format_month(time) for time in (begins, next_ - 1)] == [month, month]
        month, ends = format_month(next_), next_


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "2026-11-01", "1969-12", "2200-01", "", "november"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a month|not a date"):
        parse_month(text)


@pytest.mark.parametrize(
    "text",
    [
        "1969-12-31T23:59:59.999999Z",
        "2200-01-01T00:00:00.000000Z",
        "0000-01-01T00:00:00.000000Z",
        "2026-00-01T00:00:00.000000Z",
        "2026-13-01T00:00:00.000000Z",
        "2026-01-00T00:00:00.000000Z",
        "2026-04-31T00:00:00.000000Z",
        "2026-02-29T00:00:00.000000Z",
        "2100-02-29T00:00:00.000000Z",
        "2026-01-01T24:00:00.000000Z",
        "2026-01-01T00:60:00.000000Z",
        "2026-01-01T00:00:60.000000Z",  # no leap seconds
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.000Z",
        "2026-01-01T00:00:00.0000000Z",
        "2026-01-01T00:00:00.000000+00:00",
        "2026-01-01t00:00:00.000000z",
        "2026-01-01 00:00:00.000000Z",
        "10000-01-01T00:00:00.000000Z",
        "2026-01-01T00:00:00.000000Z\n",
        " 2026-01-01T00:00:00.000000Z",
        "２０２６-01-01T00:00:00.000000Z",  # other digits than ASCII
        "",
    ],
)
def test_a_time_has_one_spelling(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


@pytest.mark.parametrize(
    "text",
    ["20261122T24Z", "20260229T00Z", "19691231T23Z", "2026112218Z", "20261122T18", "20261122t18z", "20261122T18Z\n"],
)
def test_an_hour_has_one_spelling(text: str) -> None:
    with pytest.raises(ValueError):
        parse_hour(text)


@given(st.text(max_size=30))
def test_any_other_text_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)
    with pytest.raises(ValueError):
        parse_hour(text)
