"""The clocks: the system's microseconds, and a virtual one that moves only forward and only by `advance_to`."""

from __future__ import annotations

import time

import pytest

from counterfoil.contract.times import format_time
from counterfoil.runtime.clock import LAST, SystemClock, VirtualClock


def test_the_system_clock_counts_microseconds() -> None:
    before = time.time_ns()
    now = SystemClock().now()
    after = time.time_ns()
    assert before // 1_000 <= now <= after // 1_000


def test_the_system_clock_stops_at_the_last_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: (LAST + 1) * 1_000)
    assert SystemClock().now() == LAST


def test_the_system_clock_is_utc() -> None:
    second = SystemClock().now() // 1_000_000
    written = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    assert format_time(second * 1_000_000) == f"{written}.000000Z"


def test_the_virtual_clock_stands_still_until_it_is_moved() -> None:
    clock = VirtualClock(100)
    assert [clock.now(), clock.now()] == [100, 100]
    clock.advance_to(250)
    assert clock.now() == 250
    clock.advance_to(249)
    assert clock.now() == 250
