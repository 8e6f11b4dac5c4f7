"""When a consumer counts as stuck: tables of samples on virtual time, and properties over random samples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.ops.stuck import PATIENCE, Sample, Watched, follow, stuck

STOOD = "no progress at {} of {} for {} s"
SILENT = "no answer to a fetch for {} s"
MISSING = "waited {} s for entry {}, which is missing"

# A course is a list of (time, position, highwater, last poll, missing index); the last sample gives the verdict.
COURSES: dict[str, tuple[list[tuple[float, int, int, float, int | None]], str | None]] = {
    "nothing to read, ever": ([(0, 0, 0, 0, None), (3_600, 0, 0, 3_600, None)], None),
    "idle for an hour, then a message": ([(0, 5, 5, 0, None), (3_600, 5, 6, 3_600, None)], None),
    "behind and moving, a little every 29 s": (
        [(0, 0, 9, 0, None), (29, 1, 9, 29, None), (58, 2, 9, 58, None), (87, 3, 9, 87, None)],
        None,
    ),
    "behind, just in time": ([(0, 5, 9, 0, None), (29.999, 5, 9, 29.999, None)], None),
    "behind, too long": ([(0, 5, 9, 0, None), (30, 5, 9, 30, None)], STOOD.format(5, 9, 30)),
    "behind while the source grows": (
        [(0, 5, 9, 0, None), (15, 5, 900, 15, None), (31, 5, 9_000, 31, None)],
        STOOD.format(5, 9_000, 31),
    ),
    "caught up in between": ([(0, 5, 9, 0, None), (20, 9, 9, 20, None), (40, 9, 10, 40, None)], None),
    "moved in between": ([(0, 5, 9, 0, None), (20, 6, 9, 20, None), (40, 6, 9, 40, None)], None),
    "stands again after it moved": (
        [(0, 5, 9, 0, None), (20, 6, 9, 20, None), (50, 6, 9, 50, None)],
        STOOD.format(6, 9, 30),
    ),
    "set back by a rewind": ([(0, 5, 9, 0, None), (20, 2, 9, 20, None), (40, 2, 9, 40, None)], None),
    "looked at rarely": ([(0, 5, 5, 0, None), (1_000, 5, 6, 1_000, None), (1_029, 5, 6, 1_029, None)], None),
    "not polled, with nothing to read": ([(0, 5, 5, 0, None), (30, 5, 5, 0, None)], SILENT.format(30)),
    "not polled, just in time": ([(0, 5, 5, 0, None), (29.999, 5, 5, 0, None)], None),
    "never polled since it was opened": ([(100, 0, 0, 70, None)], SILENT.format(30)),
    "polled again": ([(0, 5, 5, 0, None), (40, 5, 5, 0, None), (41, 5, 5, 41, None)], None),
    "behind and not polled: the cause is named": ([(0, 5, 9, 0, None), (35, 5, 9, 0, None)], SILENT.format(35)),
    "a gap, just in time": ([(0, 5, 5, 0, 17), (29.999, 5, 5, 29.999, 17)], None),
    "a gap": ([(0, 5, 5, 0, 17), (30, 5, 5, 30, 17)], MISSING.format(30, 17)),
    "a gap while others move": ([(0, 5, 9, 0, 17), (20, 7, 9, 20, 17), (40, 9, 9, 40, 17)], MISSING.format(40, 17)),
    "a gap that was filled, and another": ([(0, 5, 5, 0, 17), (20, 6, 6, 20, 19), (40, 6, 6, 40, 19)], None),
    "a gap that was filled": ([(0, 5, 5, 0, 17), (29, 6, 6, 29, None), (60, 6, 6, 60, None)], None),
    "a clock that steps back": ([(100, 5, 9, 100, 17), (10, 5, 9, 100, 17)], None),
}


@pytest.mark.parametrize("name", COURSES)
def test_a_course_of_samples(name: str) -> None:
    course, verdict = COURSES[name]
    watched: Watched | None = None
    for at, position, highwater, poll, missing in course:
        watched = follow(watched, Sample(at, position, highwater, poll, missing))
    assert watched is not None
    assert stuck(watched) == verdict


STEPS = st.lists(
    st.tuples(
        st.floats(0.1, 60),  # seconds to the next sample
        st.integers(0, 3),  # messages consumed, as far as there are any
        st.integers(0, 3),  # messages written
    ),
    min_size=1,
    max_size=30,
)


@given(steps=STEPS)
def test_it_is_stuck_exactly_if_it_was_seen_behind_at_one_place_for_long_enough(
    steps: list[tuple[float, int, int]],
) -> None:
    """Compared with the definition over the whole history, which the incremental code does not keep."""
    history: list[Sample] = []
    watched: Watched | None = None
    now, position, highwater = 0.0, 0, 0
    for wait, consumed, written in steps:
        now, highwater = now + wait, highwater + written
        position = min(highwater, position + consumed)
        history.append(Sample(now, position, highwater, now))
        watched = follow(watched, history[-1])
        standing = []
        for sample in reversed(history):
            if sample.highwater <= sample.position or sample.position != position:
                break
            standing.append(sample)
        expected = bool(standing) and standing[0].time - standing[-1].time >= PATIENCE
        assert (stuck(watched) is not None) == expected
