"""Of all that comes on a topic only what the log signed leaves the reader: once, in order, never past a gap."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract import topics
from counterfoil.contract.limits import MAX_ENTRY_BYTES
from counterfoil.log.keys import SigningKey
from counterfoil.ports import Delivery
from counterfoil.transport.batches import MAX_PENDING, BadRecord, BatchReader, Headers, encode, place_of
from tests.conformance.transport import LEDGER, MATCHING, Log

Raw = tuple[bytes | None, Headers]


def announced(log: Log, sizes: Sequence[int]) -> list[Raw]:
    """The records of batches of these sizes."""
    records: list[Raw] = []
    for size in sizes:
        first, _ = log.commit(size)
        records += encode(log.announcement(first))
    return records


def read(
    records: Sequence[Raw], start: int = 0, log: Log | None = None
) -> tuple[list[Delivery], list[str], BatchReader]:
    """What comes out, why records were refused, and the reader."""
    reader = BatchReader(LEDGER, (log or Log(LEDGER)).key.verify_key, start, "cursor")
    out: list[Delivery] = []
    refused: list[str] = []
    for offset, (value, headers) in enumerate(records):
        try:
            out += reader.feed(offset, value, headers)
        except BadRecord as problem:
            refused.append(str(problem))
    return out, refused, reader


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=8).flatmap(
        lambda sizes: st.tuples(
            st.just(sizes),
            st.permutations(range(sum(sizes))),
            st.lists(st.integers(0, sum(sizes) - 1), max_size=10),
            st.integers(0, sum(sizes)),
        )
    )
)
def test_order_and_repeats_change_nothing(story: tuple[list[int], list[int], list[int], int]) -> None:
    sizes, order, repeats, start = story
    log = Log(LEDGER)
    records = announced(log, sizes)
    out, refused, reader = read([records[at] for at in (*order, *repeats)], start)
    assert [(each.position, each.data) for each in out] == list(enumerate(log.committed[start:], start))
    assert refused == []
    assert (reader.next_index, reader.waits_for_gap) == (len(log.committed), False)
    assert reader.proven_size in (0, len(log.committed))


@given(st.lists(st.integers(1, 6), min_size=2, max_size=6), st.data())
def test_reading_from_where_it_says_gives_the_rest(sizes: list[int], data: st.DataObject) -> None:
    log = Log(LEDGER)
    records = announced(log, sizes)
    shuffled = data.draw(st.permutations(records))
    out, _, _ = read(shuffled)
    stop = data.draw(st.integers(1, len(out)))
    ((_, offset),) = out[stop - 1].resume
    again, _, _ = read(shuffled[offset:], stop)
    assert [each.data for each in again] == log.committed[stop:]


def test_a_gap_is_waited_for() -> None:
    log = Log(LEDGER)
    records = announced(log, (2, 3, 2))
    out, _, reader = read([*records[:2], *records[5:]])
    assert [each.position for each in out] == [0, 1]
    assert (reader.next_index, reader.waits_for_gap) == (2, True)
    late = [delivery for offset, raw in enumerate(records[2:5], 4) for delivery in reader.feed(offset, *raw)]
    assert [each.position for each in late] == [2, 3, 4, 5, 6]
    assert not reader.waits_for_gap


def test_checkpoints_come_with_the_entry_that_they_cover() -> None:
    log = Log(LEDGER)
    out, _, _ = read(announced(log, (2, 3)))
    assert [each.note for each in out] == [b"", log.note(2), b"", b"", log.note(5)]
    log.commit(4)
    pieces = [record for first, end in ((5, 7), (7, 9)) for record in encode(log.announcement(first, end, 9))]
    out, refused, _ = read(pieces, 5)
    assert [each.note for each in out] == [b"", b"", b"", log.note(9)]
    assert refused == []


def changed(records: list[Raw], at: int, value: bytes | None = None, **headers: bytes | None) -> list[Raw]:
    """The records with one of them changed; a header of None is left out."""
    old_value, old = records[at]
    kept = [(name, text) for name, text in old if name not in headers]
    new = [*kept, *((name, text) for name, text in headers.items() if text is not None)]
    return [*records[:at], (old_value if value is None else value, new), *records[at + 1 :]]


FOREIGN = Log(LEDGER)
FOREIGN.key = SigningKey(LEDGER, bytes(32))
FOREIGN.commit(3)
OTHER = Log(MATCHING)
OTHER.commit(3)
FORGERIES = {
    "another entry": lambda r: changed(r, 1, b"forged"),
    "another key": lambda r: changed(r, 2, checkpoint=FOREIGN.note()),
    "another log": lambda r: changed(r, 2, checkpoint=OTHER.note()),
    "a broken note": lambda r: changed(r, 2, checkpoint=b"note"),
    "a frontier for nothing": lambda r: changed(r, 2, frontier=bytes(32)),
    "half a hash": lambda r: changed(r, 2, frontier=bytes(16)),
    "a proof for nothing": lambda r: changed(r, 2, proof=bytes(32)),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_the_log_did_not_sign_does_not_come_out(forgery: str) -> None:
    log = Log(LEDGER)
    records = announced(log, (3,))
    forged = FORGERIES[forgery](records)
    out, refused, _ = read(forged)
    assert (out, refused) == ([], ["unproven_batch"])
    out, _, reader = read([*forged, *records])
    assert [each.data for each in out] == log.committed  # the true ones came after, and are not blocked
    assert reader.proven_size == 3


def test_a_forged_member_does_not_spoil_its_batch() -> None:
    """A writer of the topic claims another entry for an index before the log's own record comes."""
    log = Log(LEDGER)
    records = announced(log, (2, 3))
    forged = changed(records, 3, b"forged")[3]
    for at in range(len(records) + 1):
        out, _, reader = read([*records[:at], forged, *records[at:]])
        assert [each.data for each in out] == log.committed
        assert reader.proven_size == 5


BAD: dict[str, tuple[dict[str, bytes | None], bytes | None, str]] = {
    "no index": ({"index": None}, None, "no_place"),
    "no batch": ({"batch": None}, None, "no_place"),
    "no number": ({"index": b"one"}, None, "no_place"),
    "a long number": ({"index": b"1" * 20}, None, "no_place"),
    "a long begin": ({"batch": b"1" * 5_000 + b"-3"}, None, "no_place"),
    "a long end": ({"batch": b"0-" + b"3" * 5_000}, None, "no_place"),
    "outside its batch": ({"index": b"3"}, None, "impossible_place"),
    "an empty batch": ({"batch": b"2-2"}, None, "impossible_place"),
    "a batch too large": ({"batch": b"0-65537"}, None, "impossible_place"),
    "no entry": ({}, b"", "no_entry"),
    "an entry too large": ({}, bytes(MAX_ENTRY_BYTES + 1), "no_entry"),
    "no checkpoint": ({"checkpoint": None}, None, "no_checkpoint"),
    "a long checkpoint": ({"checkpoint": bytes(4_097)}, None, "no_checkpoint"),
    "a long frontier": ({"frontier": bytes(65 * 32)}, None, "long_proof"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_entry_is_refused_with_a_reason(case: str) -> None:
    headers, value, code = BAD[case]
    log = Log(LEDGER)
    records = announced(log, (3,))
    doctored = changed(records, 2, value, **headers)
    assert topics.CHECKPOINT == "checkpoint"  # so that the names above are those of headers
    out, refused, _ = read(doctored)
    assert (out, refused) == ([], [code])


@pytest.mark.parametrize(("size", "fits"), [(65_536, True), (65_537, False)])
def test_the_largest_batch(size: int, fits: bool) -> None:
    headers = {topics.INDEX: b"0", topics.BATCH: b"0-%d" % size}
    if fits:
        assert place_of(headers) == (0, 0, size)
    else:
        with pytest.raises(BadRecord):
            place_of(headers)


def test_what_waits_is_bounded() -> None:
    """Junk that never becomes whole pushes out older junk, and the true log still comes."""
    log = Log(LEDGER)
    records = announced(log, (2,))
    reader = BatchReader(LEDGER, log.key.verify_key, 0)
    for first in range(10, 10 + 3 * MAX_PENDING):
        junk = [(topics.INDEX, b"%d" % first), (topics.BATCH, b"%d-%d" % (first, first + 2))]
        assert reader.feed(first, b"junk", junk) == []
        assert len(reader._pending) <= MAX_PENDING
    assert [each.data for offset, raw in enumerate(records) for each in reader.feed(offset, *raw)] == log.committed
