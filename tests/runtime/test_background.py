"""One piece of work at a time, whose outcome is asked for later, and which keeps no process from ending."""

from __future__ import annotations

import subprocess
import sys
from threading import Event, Thread

import pytest

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.runtime.background import Background

WITHIN = 20.0
HANGS = """
from threading import Event
from counterfoil.runtime.background import Background

work = Background("hangs")
work.begin(Event().wait, on_thread=True)
assert not work.wait(0.01)
"""


def test_in_the_foreground_it_is_done_at_once() -> None:
    work = Background[int]("work")
    assert (work.take(), work.is_running(), work.wait(0.0)) == (None, False, True)
    work.begin(lambda: 7, on_thread=False)
    assert not work.is_running()
    assert (work.take(), work.take()) == (7, None)


@pytest.mark.parametrize("on_thread", [False, True])
def test_what_it_raises_is_raised_once_where_the_outcome_is_taken(on_thread: bool) -> None:
    work = Background[int]("work")
    work.begin(lambda: 1 // 0, on_thread=on_thread)
    assert work.wait(WITHIN)
    with pytest.raises(ZeroDivisionError):
        work.take()
    assert work.take() is None


def test_the_next_begins_when_the_outcome_was_taken() -> None:
    work, go = Background[bool]("work"), Event()
    work.begin(lambda: go.wait(WITHIN), on_thread=True)
    assert work.is_running()
    assert not work.wait(0.0)
    for too_early in (work.take, lambda: work.begin(lambda: True, on_thread=True)):
        with pytest.raises(InvariantViolation):
            too_early()
    go.set()
    assert work.wait(WITHIN)
    with pytest.raises(InvariantViolation):
        work.begin(lambda: True, on_thread=False)
    assert work.take() is True
    work.begin(lambda: False, on_thread=False)
    assert work.take() is False


def test_without_a_free_thread_it_is_done_in_the_foreground(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", start)
    work = Background[int]("work")
    work.begin(lambda: 7, on_thread=True)
    assert work.take() == 7


def test_a_process_ends_although_its_work_hangs() -> None:
    assert subprocess.run([sys.executable, "-c", HANGS], timeout=WITHIN, check=False).returncode == 0
