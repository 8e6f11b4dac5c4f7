"""What is kept is the latest, and no more bytes of it than stated."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.recent import Recent

MOST = 40


@given(st.lists(st.binary(min_size=1, max_size=5), unique=True, min_size=1))
def test_the_latest_half_is_kept_and_little_more_than_the_whole(read: list[bytes]) -> None:
    recent = Recent[int](MOST)
    for nth, data in enumerate(read):
        recent.keep(data, nth)
    kept = [data for nth, data in enumerate(read) if recent.get(data) == nth]
    size = sum(map(len, kept))
    assert kept == read[len(read) - len(kept) :]
    assert size >= min(MOST // 2, sum(map(len, read)))
    assert size < MOST + 2 * 5
    assert recent.get(b"never kept") is None
