"""What every `counterfoil.ports.LogStore` guarantees. Bind it with a fixture `make` that opens one log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any

import pytest

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.contract.limits import MAX_ENTRY_BYTES
from counterfoil.ports import Head, LogStore, NewEntry, Presence, StoreConflict

Make = Callable[[], LogStore]
EVERYTHING = 2**62


def entry(name: object, data: bytes | None = None, leaf: bytes | None = None, content: bytes | None = None) -> NewEntry:
    """An entry with the id `name`; what is not given follows from it."""
    made = f"entry {name}".encode() if data is None else data
    return NewEntry(str(name), made, sha256(made).digest() if leaf is None else leaf, content)


def entries(start: int, count: int) -> list[NewEntry]:
    """Entries named by the indexes they should get; every third one of a command."""
    return [entry(n, content=sha256(b"%d" % n).digest() if n % 3 == 0 else None) for n in range(start, start + count)]


def head(size: int) -> Head:
    """A head whose root and note are known from its size."""
    return Head(size, sha256(b"root %d" % size).digest(), b"note %d" % size)


def append(store: LogStore, start: int, new: Sequence[NewEntry], cursors: Mapping[str, int] | None = None) -> None:
    """Append with the head that follows."""
    store.append(start, new, {"commands": start + len(new)} if cursors is None else cursors, head(start + len(new)))


def contents(store: LogStore) -> tuple[Head | None, dict[str, int], list[bytes], list[bytes]]:
    """Everything that can be read of a log, to compare before and after."""
    return store.head(), store.cursors(), store.entries(0, EVERYTHING), store.leaves(0, EVERYTHING)


def check_log(store: LogStore, expected: Sequence[NewEntry]) -> None:
    """The log holds exactly these entries: dense, in order, under a head of that size, each found by its id."""
    size = len(expected)
    assert store.head() == (head(size) if size else None)
    assert store.entries(0, EVERYTHING) == [e.data for e in expected]
    assert store.leaves(0, EVERYTHING) == [e.leaf for e in expected]
    assert store.find([e.id for e in expected]) == {e.id: (n, e.content) for n, e in enumerate(expected)}


class LogStoreSuite:
    """The guarantees. `make()` opens the log: again after a close, or beside a store that is still open."""

    def test_a_new_log_is_empty(self, make: Make) -> None:
        store = make()
        assert contents(store) == (None, {}, [], [])
        assert store.find(["a"]) == {}
        assert store.find([]) == {}

    def test_what_was_appended_is_there_after_reopening(self, make: Make) -> None:
        store = make()
        expected: list[NewEntry] = []
        for count in (1, 7, 300, 1, 2):
            new = entries(len(expected), count)
            append(store, len(expected), new)
            expected += new
            check_log(store, expected)
        store.close()
        check_log(make(), expected)
        assert make().cursors() == {"commands": len(expected)}

    @pytest.mark.parametrize(
        ("start", "stop", "indexes"),
        [
            (0, 0, []),
            (0, 1, [0]),
            (0, 5, [0, 1, 2, 3, 4]),
            (0, 6, [0, 1, 2, 3, 4]),
            (4, 5, [4]),
            (4, 9, [4]),
            (5, 6, []),
            (9, 12, []),
            (3, 3, []),
            (4, 2, []),
        ],
    )
    def test_ranges_end_where_the_log_ends(self, make: Make, start: int, stop: int, indexes: list[int]) -> None:
        store, new = make(), entries(0, 5)
        append(store, 0, new)
        assert store.entries(start, stop) == [new[n].data for n in indexes]
        assert store.leaves(start, stop) == [new[n].leaf for n in indexes]

    @pytest.mark.parametrize(
        ("expected_size", "count"),
        [(0, 1), (0, 5), (0, 6), (1, 0), (1, 1), (1, 4), (4, 0), (4, 1), (4, 2), (6, 0), (6, 1), (100, 0), (100, 5)],
    )
    def test_a_stale_size_is_a_conflict_and_changes_nothing(self, make: Make, expected_size: int, count: int) -> None:
        store = make()
        append(store, 0, entries(0, 5))
        before = contents(store)
        with pytest.raises(StoreConflict):
            append(store, expected_size, [entry(f"new {n}") for n in range(count)], {"commands": 99, "other": 1})
        assert contents(store) == before

    def test_the_first_append_must_expect_nothing(self, make: Make) -> None:
        store = make()
        with pytest.raises(StoreConflict):
            append(store, 3, entries(3, 2))
        assert contents(store) == (None, {}, [], [])

    @pytest.mark.parametrize("ids", [["3"], ["a", "3", "b"], ["a", "b", "a"]])
    def test_an_id_exists_once(self, make: Make, ids: list[str]) -> None:
        store = make()
        append(store, 0, entries(0, 5))
        before = contents(store)
        with pytest.raises(StoreConflict):
            append(store, 5, [entry(name, data=b"%d" % n) for n, name in enumerate(ids)])
        assert contents(store) == before
        append(store, 5, entries(5, 1))

    @pytest.mark.parametrize(
        ("part", "accepted"),
        [
            ({"data": b""}, False),
            ({"data": b"x"}, True),
            ({"data": bytes(MAX_ENTRY_BYTES)}, True),
            ({"data": bytes(MAX_ENTRY_BYTES + 1)}, False),
            ({"leaf": bytes(31)}, False),
            ({"leaf": bytes(32)}, True),
            ({"leaf": bytes(33)}, False),
            ({"content": bytes(31)}, False),
            ({"content": bytes(32)}, True),
            ({"content": bytes(33)}, False),
        ],
        ids=lambda part: "-".join(f"{k}{len(v)}" for k, v in part.items()) if isinstance(part, dict) else str(part),
    )
    def test_all_or_nothing_at_the_limits(self, make: Make, part: dict[str, Any], accepted: bool) -> None:
        store, old = make(), entries(0, 2)
        append(store, 0, old)
        before = contents(store)
        new = [*entries(2, 3), entry(5, **part), *entries(6, 3)]
        if accepted:
            append(store, 2, new)
            check_log(store, [*old, *new])
            return
        with pytest.raises(Exception) as refused:
            append(store, 2, new, {"commands": 99, "other": 1})
        assert not isinstance(refused.value, StoreConflict)  # reloading would not help
        assert contents(store) == before
        append(store, 2, entries(2, 3))  # and appending continues
        check_log(store, [*old, *entries(2, 3)])

    @pytest.mark.parametrize(("start", "count", "size"), [(0, 0, 0), (0, 2, 1), (0, 2, 3), (5, 0, 6), (5, 1, 5)])
    def test_the_head_must_follow_from_the_entries(self, make: Make, start: int, count: int, size: int) -> None:
        store = make()
        if start:
            append(store, 0, entries(0, start))
        before = contents(store)
        with pytest.raises(InvariantViolation):
            store.append(start, entries(start, count), {"commands": 1}, head(size))
        assert contents(store) == before

    def test_cursors_move_each_by_itself_and_without_entries(self, make: Make) -> None:
        store = make()
        append(store, 0, entries(0, 1), {"a": 0, "b": 7})
        append(store, 1, entries(1, 1), {"a": 2**63 - 1, "c": 1})
        assert store.cursors() == {"a": 2**63 - 1, "b": 7, "c": 1}
        append(store, 2, [], {"b": 8})
        append(store, 2, entries(2, 1), {})
        assert store.cursors() == {"a": 2**63 - 1, "b": 8, "c": 1}
        check_log(store, entries(0, 3))

    def test_find_gives_those_that_exist(self, make: Make) -> None:
        store, new = make(), entries(0, 1_300)
        append(store, 0, new)
        wanted = [f"not {n}" for n in range(700)] + [e.id for e in new] + ["7", "7", "", "%", "'"]
        assert store.find(wanted) == {e.id: (n, e.content) for n, e in enumerate(new)}

    def test_of_two_writers_the_second_must_reload(self, make: Make) -> None:
        ours, theirs = make(), make()
        append(ours, 0, entries(0, 2))
        with pytest.raises(StoreConflict):
            append(theirs, 0, [entry("theirs")])
        append(theirs, 2, entries(2, 2))
        with pytest.raises(StoreConflict):
            append(ours, 2, [entry("ours")])
        check_log(ours, entries(0, 4))
        check_log(theirs, entries(0, 4))

    def test_writers_that_race_leave_one_dense_log(self, make: Make) -> None:
        rounds, won = 40, list[tuple[int, list[NewEntry]]]()
        start = threading.Barrier(3)

        def write(store: LogStore, name: str) -> None:
            start.wait()
            for n in range(rounds):
                at = store.head()
                new = [entry(f"{name} {n} {m}") for m in range(3)]
                try:
                    append(store, at.size if at else 0, new)
                    won.append((at.size if at else 0, new))
                except StoreConflict:
                    continue

        in_threads([partial(write, make(), name) for name in ("a", "b", "c")])
        assert won
        won.sort(key=lambda pair: pair[0])
        check_log(make(), [e for _, new in won for e in new])

    def test_readers_see_whole_appends_in_any_thread(self, make: Make) -> None:
        store, batch, done = make(), 5, threading.Event()

        def write() -> None:
            try:
                for start in range(0, 60 * batch, batch):
                    append(store, start, entries(start, batch))
            finally:
                done.set()

        def read() -> None:
            seen = 0
            while not done.is_set() or seen < 60 * batch:
                end = store.head()
                size = end.size if end else 0
                assert size >= seen
                assert end == (head(size) if size else None)
                stored = store.entries(0, EVERYTHING)
                assert len(stored) >= size
                assert len(stored) % batch == 0
                assert stored == [e.data for e in entries(0, len(stored))]
                assert store.cursors().get("commands", 0) >= size
                seen = size

        in_threads([write, read, read])

    def test_the_last_sign_of_life_is_kept_beside_the_log(self, make: Make) -> None:
        store = make()
        assert store.presence() is None
        append(store, 0, entries(0, 2))
        for presence in (Presence(7), Presence(8, "clock_apart", "It jumped.", asked=9), Presence(8)):
            store.put_presence(presence)
            assert store.presence() == make().presence() == presence
        check_log(store, entries(0, 2))

    def test_a_person_accepts_the_time_that_is_asked_for_and_no_other(self, make: Make) -> None:
        """From another process, beside the writer, again and again."""
        writer, person = make(), make()
        assert not person.accept_clock(9)
        writer.put_presence(Presence(8, "clock_apart", "It jumped.", asked=9))
        assert not person.accept_clock(10)
        assert writer.presence() == Presence(8, "clock_apart", "It jumped.", asked=9)
        for _ in range(2):
            assert person.accept_clock(9)
            assert writer.presence() == Presence(8, "clock_apart", "It jumped.", asked=9, accepted=9)

    def test_close_is_idempotent_and_final(self, make: Make) -> None:
        store = make()
        append(store, 0, entries(0, 1))
        store.close()
        store.close()
        with pytest.raises(Exception):  # noqa: B017 which one is the adapter's choice
            append(store, 1, entries(1, 1))
        check_log(make(), entries(0, 1))


def in_threads(work: Sequence[Callable[[], None]]) -> None:
    """Run each in a thread of its own; raise the first error of any of them."""
    raised: list[BaseException] = []

    def run(one: Callable[[], None]) -> None:
        try:
            one()
        except BaseException as error:  # noqa: BLE001 raised again below
            raised.append(error)

    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if raised:
        raise raised[0]
