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


def test_the_system_clock_parts_from_the_machine_s_when_it_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, real = SystemClock(), time.time_ns
    before = clock.offset()
    assert abs(clock.offset() - before) < 1_000_000
    monkeypatch.setattr(time, "time_ns", lambda: real() + 9 * 3_600 * 10**9)
    assert 9 * 3_600 * 10**6 - 1_000_000 < clock.offset() - before < 9 * 3_600 * 10**6 + 1_000_000


def test_the_system_clock_is_compared_undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is stopped between its readings of the two clocks does not see them part."""
    real, stopped = time.time_ns, [60 * 10**9]
    monkeypatch.setattr("counterfoil.runtime.clock.since_boot", lambda: real() + sum(stopped))

    def late() -> int:
        now = real() + sum(stopped)
        if len(stopped) == 1:
            stopped.append(60 * 10**9)
        return now

    monkeypatch.setattr(time, "time_ns", late)
    assert abs(SystemClock().offset()) < 1_000_000


def test_a_virtual_clock_that_is_moved_has_not_been_set() -> None:
    clock = VirtualClock(100)
    clock.advance_to(250)
    assert clock.offset() == 0
    clock.set_to(50)
    assert (clock.now(), clock.offset()) == (50, -200)
