"""Health reports name failing checks, survive checks that raise or hang, and detect blocked loops and consumers."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

import pytest

from counterfoil.ops.health import Background, Consumers, ConsumerStatus, Health, Responsive
from counterfoil.ops.stuck import PATIENCE, Sample


class Now:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        return self.time


def raising() -> str | None:
    """A check that raises an error with confidential text."""
    raise ConnectionRefusedError("user admin at 10.1.2.3")


def test_without_checks_all_is_well() -> None:
    assert Health().liveness().well
    assert Health().readiness().body == {"status": "ok", "checks": {}}


def test_a_report_names_every_check_and_every_reason() -> None:
    health = Health()
    health.live("workers", lambda: None)
    health.ready("database", lambda: "no answer for 12 s")
    health.ready("kafka", lambda: None)
    health.fact("role", lambda: "standby")
    live, ready = health.liveness(), health.readiness()
    assert live.well
    assert live.body == {"status": "ok", "role": "standby", "checks": {"workers": "ok"}}
    assert not ready.well
    assert ready.body == {
        "status": "failing",
        "role": "standby",
        "checks": {"workers": "ok", "database": "no answer for 12 s", "kafka": "ok"},
    }


def test_a_standby_is_ready() -> None:
    health = Health()
    health.fact("role", lambda: "standby")
    assert health.readiness().well


def test_what_does_not_live_is_not_ready() -> None:
    health = Health()
    health.live("workers", lambda: "ledger stopped")
    assert not health.readiness().well
    assert health.readiness().body["checks"] == {"workers": "ledger stopped"}


def test_a_check_that_raises_has_failed_and_its_error_stays_inside(caplog: pytest.LogCaptureFixture) -> None:
    health = Health()
    health.ready("database", raising)
    with caplog.at_level(logging.WARNING, "counterfoil.health"):
        report = health.readiness()
    assert not report.well
    assert report.body["checks"] == {"database": "the check failed with ConnectionRefusedError"}
    assert "10.1.2.3" in caplog.text


# ---------------------------------------------------------------- checks in the background


def test_a_background_check_returns_its_last_result() -> None:
    answers, asked = [None, "gone", None], threading.Semaphore(0)

    def check() -> str | None:
        if not answers:
            asked.release()
            return "gone for good"
        return answers.pop(0)

    now = Now()
    background = Background("database", check, every=0.001, clock=now)
    assert background() == "not checked yet"
    background.start()
    assert asked.acquire(timeout=10)
    assert asked.acquire(timeout=10)  # the result before this one has been stored
    assert background() == "gone for good"
    background.close()


def test_a_check_that_hangs_is_found_out_and_never_waited_for() -> None:
    now, hangs, asked = Now(), threading.Event(), threading.Event()

    def check() -> str | None:
        asked.set()
        hangs.wait(10)
        return None

    background = Background("database", check, every=0.01, overdue=15.0, clock=now)
    background.start()
    assert asked.wait(10)
    now.time += 14.9
    assert background() == "not checked yet"
    now.time += 0.1
    assert background() == "no answer for 15 s"
    background.close()
    hangs.set()


def test_a_check_in_the_background_that_raises_has_failed() -> None:
    raised = threading.Semaphore(0)

    def check() -> str | None:
        raised.release()
        return raising()

    background = Background("database", check, every=0.001)
    background.start()
    assert raised.acquire(timeout=10)
    assert raised.acquire(timeout=10)
    assert background() == "the check failed with ConnectionRefusedError"
    background.close()


# ---------------------------------------------------------------- event loops


def test_a_loop_that_answers_is_well_and_one_that_does_not_is_not() -> None:
    now, notes = Now(), list[Callable[[], None]]()
    check = Responsive(notes.append, within=5.0, clock=now)
    assert check() is None
    notes.pop()()
    now.time += 3_600  # not called for an hour: no fault of the loop
    assert check() is None
    now.time += 4.9
    assert check() is None
    now.time += 0.1
    assert check() == "the event loop has not answered for 5 s"
    assert len(notes) == 1  # one callback at a time, however often it is called
    notes.pop()()
    assert check() is None


def test_a_real_loop_blocked_and_closed() -> None:
    now, loop = Now(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    check = Responsive(loop.call_soon_threadsafe, within=5.0, clock=now)
    blocked, go_on = threading.Event(), threading.Event()

    def block() -> None:
        blocked.set()
        go_on.wait(10)

    def answered() -> None:
        """Wait until the loop has run all callbacks scheduled before."""
        done = threading.Event()
        loop.call_soon_threadsafe(done.set)
        assert done.wait(10)

    assert check() is None
    answered()
    loop.call_soon_threadsafe(block)
    assert blocked.wait(10)
    assert check() is None
    now.time += 7
    assert check() == "the event loop has not answered for 7 s"
    go_on.set()
    answered()
    assert check() is None
    answered()
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
    assert [check(), check()] == ["the event loop is closed"] * 2


# ---------------------------------------------------------------- consumers


def test_consumers_are_judged_on_every_look() -> None:
    samples = {
        ("matching", "commands"): Sample(0.0, 40, 40, 0.0),
        ("ledger", "counterfoil.example/matching/main"): Sample(0.0, 7, 19, 0.0),
    }
    consumers = Consumers(lambda: samples)
    assert consumers.look() == [
        ConsumerStatus("ledger", "counterfoil.example/matching/main", 12, None),
        ConsumerStatus("matching", "commands", 0, None),
    ]
    assert consumers.check() is None
    for key, sample in samples.items():
        samples[key] = Sample(PATIENCE, sample.position, sample.highwater, PATIENCE)
    reason = "no progress at 7 of 19 for 30 s"
    assert consumers.look()[0] == ConsumerStatus("ledger", "counterfoil.example/matching/main", 12, reason)
    assert consumers.check() == f"ledger from counterfoil.example/matching/main: {reason}"


def test_all_that_is_stuck_is_named() -> None:
    samples = {(name, "commands"): Sample(100.0, 0, 0, 0.0) for name in ("matching", "ledger")}
    assert Consumers(lambda: samples).check() == (
        "ledger from commands: no answer to a fetch for 100 s; matching from commands: no answer to a fetch for 100 s"
    )


def test_a_source_that_reappears_is_watched_from_the_start() -> None:
    samples = {("ledger", "commands"): Sample(0.0, 0, 1, 0.0)}
    consumers = Consumers(lambda: samples)
    consumers.look()
    kept = samples.pop(("ledger", "commands"))  # a standby for an hour
    assert consumers.look() == []
    samples["ledger", "commands"] = Sample(3_600.0, kept.position, kept.highwater, 3_600.0)
    assert consumers.check() is None


def test_a_consumer_ahead_of_a_high_water_mark_that_is_not_known_yet_is_not_behind() -> None:
    samples = {("ledger", "commands"): Sample(0.0, 5, 0, 0.0)}
    assert Consumers(lambda: samples).look() == [ConsumerStatus("ledger", "commands", 0, None)]
