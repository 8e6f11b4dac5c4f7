"""The queue of deadlines: in order, up to a bound, reading writes nothing, and what has ended does not stay."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.deadlines import Deadlines
from tests.snapshots import snapshot


class Queue:
    """A queue beside the plain list of what is live in it."""

    def __init__(self) -> None:
        self.live: dict[str, tuple[int, int, int, str]] = {}
        self.deadlines = Deadlines(lambda id_: id_ in self.live)

    def add(self, nth: int, time: int) -> None:
        self.live[f"id-{nth}"] = (time, nth % 3, nth % 2, f"id-{nth}")
        self.deadlines.add(*self.live[f"id-{nth}"])

    def end(self, nth: int) -> None:
        del self.live[list(self.live)[nth % len(self.live)]]
        self.deadlines.ended()


@given(
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=200),
    cutoff=st.integers(0, 9),
    most=st.integers(1, 5),
)
def test_it_reads_like_a_sorted_list_and_reading_writes_nothing(
    steps: list[tuple[bool, int]], cutoff: int, most: int
) -> None:
    queue = Queue()
    for nth, (ends, value) in enumerate(steps):
        if ends and queue.live:
            queue.end(value)
        else:
            queue.add(nth, value)
        before = snapshot(queue.deadlines)
        ordered = sorted(queue.live.values())
        assert queue.deadlines.next() == (ordered[0][0] if ordered else None)
        assert queue.deadlines.reached(cutoff, most) == [due[3] for due in ordered if due[0] <= cutoff][:most]
        assert snapshot(queue.deadlines) == before


def test_what_has_ended_does_not_stay_behind_what_is_due_first() -> None:
    queue = Queue()
    queue.add(0, 0)
    for nth in range(1, 5_000):
        queue.add(nth, nth)
    for _ in range(4_900):
        queue.end(1)
        assert len(queue.deadlines) <= 2 * len(queue.live) + 66
    assert queue.deadlines.reached(10_000, 3) == ["id-0", "id-4901", "id-4902"]


def test_an_id_may_come_again() -> None:
    """While a usage report is open its contract is not due; afterwards it may be, at the same time as before."""
    queue = Queue()
    queue.add(1, 5)
    queue.end(0)
    assert queue.deadlines.next() is None
    queue.add(1, 5)
    queue.add(1, 5)
    assert queue.deadlines.reached(9, 9) == ["id-1"]
