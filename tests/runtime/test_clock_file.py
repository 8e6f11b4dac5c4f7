"""A clock file: every process sees its driver's moves at once and atomically, and time never steps back."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.runtime.clock import LAST, BadClock, ClockDriver, FileClock, SystemClock, going_on, open_clock, time_by
from tests.e2e.running import eventually

START = 1_767_571_200_000_000
HALVES = (1 << 32) + 1
"""Multiples have two equal halves of 32 bits, so a torn read shows."""
WATCH = """
import sys
from pathlib import Path
from counterfoil.runtime.clock import FileClock

with FileClock(Path(sys.argv[1])) as clock:
    print("watching", flush=True)
    last, torn, back, seen = 0, 0, 0, 0
    while seen < 500:
        now = clock.now()
        torn += now % ((1 << 32) + 1) != 0
        back += now < last
        seen += now != last
        last = now
    print(torn, back)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ClockDriver.create(tmp_path / "clock", START)
    return tmp_path / "clock"


@given(moves=st.lists(st.integers(-(1 << 70), 1 << 70) | st.integers(START - 10, START + 10) | st.integers(0, LAST)))
def test_readers_see_every_move_and_none_back(tmp_path_factory: pytest.TempPathFactory, moves: list[int]) -> None:
    path = tmp_path_factory.mktemp("clock") / "clock"
    ClockDriver.create(path, START)
    with ClockDriver(path) as driver, FileClock(path) as reader:
        furthest = START
        for move in moves:
            driver.advance_to(move)
            furthest = max(furthest, min(move, LAST))
            assert driver.now() == reader.now() == furthest
    with FileClock(path) as later:
        assert later.now() == furthest


def test_another_process_never_reads_half_a_move(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    ClockDriver.create(path, HALVES)
    command = [sys.executable, "-c", WATCH, str(path)]
    with ClockDriver(path) as driver, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watcher:
        try:
            assert watcher.stdout is not None
            assert watcher.stdout.readline() == "watching\n"
            moves = iter(range(2, LAST // HALVES))
            while watcher.poll() is None:
                for nth in islice(moves, 100):
                    driver.advance_to(nth * HALVES)
                time.sleep(0.001)
            torn, back = map(int, watcher.stdout.readline().split())
        finally:
            watcher.kill()
    assert (torn, back) == (0, 0)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "16 bytes"),
        (b"\1" * 15, "16 bytes"),
        (b"\1" * 17, "16 bytes"),
        (bytes(16), "not a time"),
        ((-1).to_bytes(8, sys.byteorder, signed=True) + bytes(8), "not a time"),
        ((LAST + 1).to_bytes(8, sys.byteorder) + bytes(8), "not a time"),
        (b"20260105        ", "not a time"),
    ],
    ids=["empty", "short", "long", "zero", "negative", "too late", "text"],
)
def test_a_malformed_clock_file_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "clock").write_bytes(data)
    for kind in (FileClock, ClockDriver):
        with pytest.raises(BadClock, match=f"{tmp_path / 'clock'}.*{why}"):
            kind(tmp_path / "clock")


def test_the_last_time_and_the_first_are_times(tmp_path: Path) -> None:
    for edge in (1, LAST):
        (tmp_path / "clock").write_bytes(edge.to_bytes(8, sys.byteorder) + bytes(8))
        with FileClock(tmp_path / "clock") as clock:
            assert clock.now() == edge


def test_a_clock_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for kind in (FileClock, ClockDriver):
        with pytest.raises(BadClock, match="No such file"):
            kind(tmp_path / "clock")
        with pytest.raises(BadClock, match="directory"):
            kind(tmp_path)


def test_one_driver_at_a_time(path: Path) -> None:
    with ClockDriver(path) as driver, FileClock(path) as reader:
        with pytest.raises(BadClock, match="another process"):
            ClockDriver(path)
        driver.advance_to(START + 1)
        assert reader.now() == START + 1
    with ClockDriver(path) as driver:
        driver.advance_to(START + 2)
        assert driver.now() == START + 2


def test_a_clock_is_made_once(path: Path) -> None:
    with pytest.raises(FileExistsError):
        ClockDriver.create(path, START + 1)
    with FileClock(path) as clock:
        assert clock.now() == START


def test_closing_twice_is_harmless(path: Path) -> None:
    clock = FileClock(path)
    clock.close()
    clock.close()


def test_a_service_takes_the_file_where_one_is_set(path: Path) -> None:
    assert isinstance(open_clock(None), SystemClock)
    clock = open_clock(path)
    assert isinstance(clock, FileClock)
    assert clock.now() == START
    clock.close()


def test_a_clock_that_is_set_parts_from_one_that_is_moved(path: Path) -> None:
    with ClockDriver(path) as driver, FileClock(path) as reader:
        driver.advance_to(START + 5)
        assert (reader.now(), reader.offset()) == (START + 5, 0)
        driver.set_to(START + 9)
        assert (reader.now(), reader.offset()) == (START + 9, 4)
        driver.advance_to(START + 10)
        driver.set_to(START + 6)
        assert (reader.now(), reader.offset()) == (START + 6, 0)


def test_a_clock_that_goes_on_may_be_moved_on_by_others(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    ClockDriver.create(file, 1_000_000)
    with FileClock(file) as clock, going_on(file):
        eventually(lambda: clock.now() > 1_000_000)
        with ClockDriver(file) as driver:
            driver.advance_to(9_000_000_000)
        eventually(lambda: clock.now() > 9_000_000_000)
        assert clock.now() < 19_000_000_000
    last = time_by(file)
    assert last == time_by(file)
