"""A wrong clock decides nothing: the writer waits for a person's word or the right time, and a restart waits on."""

from __future__ import annotations

import pytest

from counterfoil.contract.entry import ResumedCause
from counterfoil.contract.events import WriterResumed
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.runtime import timekeeper
from counterfoil.runtime.clock import since_boot
from counterfoil.runtime.clock_guard import LONGEST_OUTAGE, SIGN_EVERY, TOLERANCE
from tests.rules import changed_rules
from tests.runtime.harness import RunnerHarness, T, deposit

NOON = T + HOUR // 2


def waits(harness: RunnerHarness) -> bool:
    """Whether the runner waits for a person after one step."""
    harness.runner.step()
    return harness.runner.timekeeper.standstill is not None


def person_accepts(harness: RunnerHarness) -> bool:
    presence = harness.store.presence()
    assert presence is not None
    return presence.asked is not None and harness.store.accept_clock(presence.asked)


def settled() -> RunnerHarness:
    """Its last sign of life is at NOON, some time after its last entry."""
    harness = RunnerHarness()
    harness.runner.step()
    harness.clock.advance_to(NOON)
    harness.runner.step()
    return harness


def test_a_clock_nine_hours_ahead_for_a_second_decides_nothing() -> None:
    """Not the command that came in meanwhile, which would have expired, and no timer."""
    harness = settled()
    harness.clock.set_to(NOON + 9 * HOUR)
    assert harness.send(deposit(1)) == []
    size = harness.runner.engine.size
    assert waits(harness)
    assert harness.runner.next_due() is None
    harness.clock.set_to(NOON + SECOND)
    harness.runner.step()
    assert harness.runner.timekeeper.standstill is None
    harness.runner.step()
    (entry,) = harness.entries[size:]
    assert (entry.outcomes[0].refusal, entry.time) == (None, NOON + SECOND)


def test_a_person_accepts_the_new_time() -> None:
    harness = settled()
    harness.clock.set_to(NOON + 2 * DAY)
    assert waits(harness)
    assert person_accepts(harness)
    assert not waits(harness)
    assert not waits(harness)
    assert harness.send(deposit(1)) == []  # by the new time it has expired
    assert harness.entries[-1].time == NOON + 2 * DAY
    harness.start()
    assert not waits(harness)


@pytest.mark.parametrize(("step", "apart"), [(TOLERANCE, False), (TOLERANCE + 1, True), (-TOLERANCE, False)])
def test_small_steps_are_let_through(step: int, apart: bool) -> None:
    harness = settled()
    harness.clock.set_to(NOON + step)
    assert waits(harness) is apart


def test_small_steps_do_not_add_up_within_an_hour() -> None:
    harness = settled()
    for step, expected in ((3 * SECOND, False), (6 * SECOND, True)):
        harness.clock.set_to(NOON + step)
        assert waits(harness) is expected
    harness = settled()
    for nth in range(1, 5):
        harness.clock.advance_to(harness.clock.now() + HOUR)
        harness.clock.set_to(harness.clock.now() + 4 * SECOND)
        assert not waits(harness), nth


def test_a_clock_that_is_moved_on_has_not_been_set() -> None:
    harness = settled()
    harness.clock.advance_to(NOON + 400 * DAY)
    assert not waits(harness)


def test_a_clock_set_again_needs_another_word() -> None:
    harness = settled()
    harness.clock.set_to(NOON + HOUR)
    assert waits(harness)
    harness.clock.set_to(NOON + 5 * HOUR)
    assert person_accepts(harness)  # of what was shown, an hour
    assert waits(harness)
    assert person_accepts(harness)
    assert not waits(harness)


@pytest.mark.parametrize(
    ("away", "expected"),
    [(-TOLERANCE, False), (-TOLERANCE - 1, True), (LONGEST_OUTAGE, False), (LONGEST_OUTAGE + 1, True)],
)
def test_at_a_start_the_clock_is_compared_with_the_log(away: int, expected: bool) -> None:
    harness = settled()
    harness.clock.set_to(harness.clock.now() + away)
    harness.start()
    assert waits(harness) is expected
    harness.start()  # and a restart still waits
    assert waits(harness) is expected


def test_a_clock_behind_the_log_is_accepted_once_and_for_every_restart() -> None:
    """The log is ahead because a wrong clock was believed: its entries follow each other until the clock is there."""
    harness = settled()
    harness.send(deposit(1))
    harness.clock.set_to(NOON - HOUR)
    harness.start()
    assert waits(harness)
    harness.start()
    assert person_accepts(harness)
    harness.start()  # before the writer has seen it
    assert not waits(harness)
    harness.start()
    assert not waits(harness)
    harness.clock.set_to(NOON - 2 * HOUR)  # behind what was accepted
    harness.start()
    assert waits(harness)


def test_a_restart_does_not_answer_for_a_person() -> None:
    """Seen: a clock nine hours ahead was waited for, then a restart took the nine hours for an outage, and decided."""
    harness = settled()
    harness.clock.set_to(NOON + 9 * HOUR)
    assert waits(harness)
    for _ in range(2):
        harness.clock.advance_to(harness.clock.now() + 60 * SECOND)
        harness.start()
        assert waits(harness)
    assert person_accepts(harness)
    harness.start()
    assert not waits(harness)


def test_a_clock_that_was_mended_before_a_restart_needs_no_word() -> None:
    harness = settled()
    harness.clock.set_to(NOON + 9 * HOUR)
    assert waits(harness)
    harness.clock.set_to(NOON + HOUR)
    harness.start()
    assert not waits(harness)
    harness.clock.advance_to(NOON + 10 * HOUR)
    harness.start()
    assert not waits(harness)


def test_a_word_given_just_before_a_passing_error_counts() -> None:
    harness = settled()
    harness.clock.set_to(NOON + 9 * HOUR)
    assert waits(harness)
    harness.clock.advance_to(harness.clock.now() + SECOND)
    harness.runner.recover()
    assert waits(harness)
    assert person_accepts(harness)
    harness.runner.recover()
    assert not waits(harness)


def test_an_idle_log_gives_signs_of_life() -> None:
    harness = settled()
    first = harness.store.presence()
    assert first is not None
    harness.clock.advance_to(NOON + SIGN_EVERY - 1)
    harness.runner.step()
    assert harness.store.presence() == first
    harness.clock.advance_to(NOON + SIGN_EVERY)
    harness.runner.step()
    presence = harness.store.presence()
    assert presence is not None
    assert presence.alive == NOON + SIGN_EVERY
    harness.clock.advance_to(NOON + 30 * DAY)
    harness.runner.step()
    harness.start()  # no entry for a month, and no outage
    assert not waits(harness)


# outages --------------------------------------------------------------------------------------------------------------

BOUND = 60 * SECOND


def outages(harness: RunnerHarness) -> list[tuple[int, int]]:
    """(away since, resumed at) of those in the log."""
    return [(entry.cause.away_since, entry.time) for entry in harness.entries if isinstance(entry.cause, ResumedCause)]


@pytest.mark.parametrize(("away", "recorded"), [(BOUND - 1, False), (BOUND, True)])
def test_a_restart_after_an_outage_says_so_first(away: int, recorded: bool) -> None:
    with changed_rules(shortest_outage=BOUND):
        harness = settled()
        harness.clock.advance_to(NOON + HOUR)
        harness.runner.step()
        harness.clock.advance_to(NOON + HOUR + away)
        harness.start()
        size = len(harness.entries)
        harness.send(deposit(1))
        expected = [(NOON + HOUR, NOON + HOUR + away)] if recorded else []
        assert outages(harness) == expected
        if recorded:
            assert [type(event) for event in harness.entries[size].events] == [WriterResumed]
        harness.start()
        harness.runner.step()
        assert outages(harness) == expected  # once


def test_without_rules_for_it_none_is_recorded() -> None:
    with changed_rules(shortest_outage=None):
        harness = settled()
        harness.clock.advance_to(NOON + HOUR)
        harness.start().step()
        assert outages(harness) == []


def test_waiting_for_the_right_time_is_an_outage() -> None:
    with changed_rules(shortest_outage=BOUND):
        harness = settled()
        harness.clock.set_to(NOON + 9 * HOUR)
        assert waits(harness)
        harness.clock.set_to(NOON + HOUR)  # an hour later it is mended
        assert waits(harness)
        person_accepts(harness)
        assert not waits(harness)
        assert not waits(harness)
        assert outages(harness) == [(NOON, NOON + HOUR)]


def test_a_process_that_was_frozen_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as anybody could see; a clock that is moved on, in virtual time, is not."""
    with changed_rules(shortest_outage=BOUND):
        harness = settled()
        harness.clock.advance_to(NOON + HOUR)
        harness.runner.step()
        assert outages(harness) == []
        monkeypatch.setattr(timekeeper, "since_boot", lambda: since_boot() + BOUND * 1_000)
        harness.clock.advance_to(NOON + 2 * HOUR)
        harness.runner.step()
        assert outages(harness) == [(NOON + HOUR, NOON + 2 * HOUR)]
