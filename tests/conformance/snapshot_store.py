"""What every `counterfoil.ports.SnapshotStore` guarantees. Bind it with a fixture `make` that opens one log's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.ports import SnapshotStore, StoreConflict

Make = Callable[[], SnapshotStore]
Changes = dict[str, bytes | None]

KEYS = ["a", "account/é", "account/a b", "offer/\x7f", "ключ", "a" * 300]
VALUES = [b"0", b'{"text":"\\u0000 \\\\ \xc3\xa9"}', b'"' + b"x" * 20_000 + b'"', b"[]", b"null"]
CHANGES = st.dictionaries(st.sampled_from(KEYS), st.none() | st.sampled_from(VALUES))


def contents(store: SnapshotStore) -> tuple[int, dict[str, bytes]]:
    """Everything that is stored."""
    size = store.size()
    records = list(store.records(size))
    assert len(dict(records)) == len(records)
    return size, dict(records)


def failing(changes: Changes) -> Iterator[tuple[str, bytes | None]]:
    """The changes, then an error: as if the process had ended there."""
    yield from changes.items()
    raise RuntimeError("ended here")


class SnapshotStoreSuite:
    """The guarantees. `make()` opens it: again after a close, or beside one that is still open."""

    def test_a_new_one_is_empty(self, make: Make) -> None:
        assert contents(make()) == (0, {})

    def test_it_holds_what_the_changes_lead_to(self, make: Make) -> None:
        store, size, expected = make(), 0, dict[str, bytes]()

        @given(CHANGES)
        def moved(changes: Changes) -> None:
            nonlocal size, expected
            store.advance(size, size + 5, changes.items())
            size += 5
            expected = {**expected, **{key: value for key, value in changes.items() if value is not None}}
            expected = {key: value for key, value in expected.items() if changes.get(key, b"") is not None}
            assert contents(store) == (size, expected)

        moved()
        store.close()
        assert contents(make()) == (size, expected)

    def test_many_records(self, make: Make) -> None:
        store = make()
        records: Changes = {f"bid/{number}": b"%d" % number for number in range(10_000)}
        store.advance(0, 1, iter(records.items()))
        assert contents(store) == (1, records)
        store.advance(1, 2, ((key, None) for key in records if key != "bid/7"))
        assert contents(store) == (2, {"bid/7": b"7"})

    def test_a_write_that_fails_has_changed_nothing(self, make: Make) -> None:
        store = make()
        store.advance(0, 4, {"a": b"1", "b": b"1"}.items())
        changes: Changes = {"a": b"2", "b": None, **{str(n): b"3" for n in range(9_000)}}
        with pytest.raises(RuntimeError, match="ended here"):
            store.advance(4, 8, failing(changes))
        assert contents(make()) == (4, {"a": b"1", "b": b"1"})
        store.advance(4, 8, changes.items())
        assert store.size() == 8

    def test_of_two_writers_the_later_state_stays(self, make: Make) -> None:
        """Both know the state behind 4 entries; what each says has changed since holds wherever the other got to."""
        first, second = make(), make()
        first.advance(0, 4, {"a": b"1", "b": b"1"}.items())
        first.advance(4, 6, {"a": b"2"}.items())
        second.advance(4, 8, {"a": b"2", "b": None, "c": b"3"}.items())
        with pytest.raises(StoreConflict):
            first.advance(6, 7, {"a": b"9"}.items())
        first.advance(6, 8, {"b": None, "c": b"3"}.items())
        assert contents(first) == contents(second) == (8, {"a": b"2", "c": b"3"})

    def test_changes_since_a_later_state_do_not_hold(self, make: Make) -> None:
        store = make()
        store.advance(0, 4, {"a": b"1"}.items())
        with pytest.raises(StoreConflict):
            store.advance(5, 8, {"a": b"2"}.items())
        assert contents(store) == (4, {"a": b"1"})

    def test_records_of_another_size_are_not_read(self, make: Make) -> None:
        store = make()
        store.advance(0, 4, {"a": b"1"}.items())
        for size in (0, 3, 5):
            with pytest.raises(StoreConflict):
                next(store.records(size))
            with pytest.raises(StoreConflict):
                store.find(size, "a")
        assert (store.find(4, "a"), store.find(4, "b")) == (b"1", None)

    def test_reading_may_end_early(self, make: Make) -> None:
        store = make()
        store.advance(0, 4, {str(n): b"1" for n in range(9_000)}.items())
        reading = store.records(4)
        next(reading)
        reading.close()  # type: ignore[attr-defined]
        store.advance(4, 5, {"a": b"1"}.items())
        assert store.size() == 5

    def test_a_write_may_be_repeated(self, make: Make) -> None:
        """Whoever does not know whether it took effect makes it again."""
        store = make()
        for _ in range(2):
            store.advance(0, 4, {"a": b"1", "b": None}.items())
            assert contents(store) == (4, {"a": b"1"})

    def test_reset(self, make: Make) -> None:
        store = make()
        store.advance(0, 4, {"a": b"1"}.items())
        store.reset()
        assert contents(store) == (0, {})
        store.advance(0, 2, {"b": b"1"}.items())
        assert contents(make()) == (2, {"b": b"1"})
