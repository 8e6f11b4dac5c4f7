"""Wherever reading begins, no entry from there on is left out; and what a topic has of a log is never overstated."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract import topics
from counterfoil.transport import lookup
from counterfoil.transport.batches import BadRecord, BatchReader, encode
from counterfoil.transport.client import partition
from tests.conformance.transport import LEDGER, Log

T = TypeVar("T")
Raw = tuple[bytes | None, Sequence[tuple[str, bytes | None]]]
JUNK: list[Raw] = [
    (b"junk", []),
    (None, [(topics.INDEX, None), (topics.BATCH, None)]),
    (b"junk", [(topics.INDEX, b"3"), (topics.BATCH, b"3-1")]),
]

WHERE = partition("topic")


@dataclass(frozen=True)
class Read:
    """A record as a consumer gives it."""

    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

    @property
    def timestamp(self) -> int:
        """Another for each offset."""
        return 1_000 + self.offset


class Topic:
    """A topic of one partition, and a reader of it, in memory: what `lookup` uses of aiokafka."""

    def __init__(self, records: Sequence[Raw], begin: int = 0, at_once: int = 3) -> None:
        """`begin`: the offset of the first record; `at_once`: how many records a fetch brings."""
        self.records = [Read(offset, *raw) for offset, raw in enumerate(records, begin)]
        self.begin, self._at_once, self._position = begin, at_once, 0

    async def beginning_offsets(self, where: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {where[0]: self.begin}

    async def end_offsets(self, where: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {where[0]: self.begin + len(self.records)}

    def assign(self, where: list[TopicPartition]) -> None:
        self._where = where[0]

    def seek(self, _where: TopicPartition, offset: int) -> None:
        assert self.begin <= offset <= self.begin + len(self.records)
        self._position = offset

    async def position(self, _where: TopicPartition) -> int:
        return self._position

    async def getmany(
        self, where: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[Any]]:
        found = self.records[self._position - self.begin :][: min(self._at_once, max_records)]
        self._position += len(found)
        return {where: found} if found else {}

    def read(self, offset: int, log: Log, index: int) -> list[bytes]:
        """The entries of a log from `index` on that come from an offset on."""
        reader = BatchReader(LEDGER, log.key.verify_key, index)
        found = []
        for record in self.records[offset - self.begin :]:
            try:
                found += [each.data for each in reader.feed(record.offset, record.value, record.headers)]
            except BadRecord:
                continue
        return found


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


@dataclass
class History:
    """What happened to a topic, and what is true of it."""

    log: Log
    records: list[Raw]
    announced: int


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A service that announces its log, is interrupted, and announces again what it does not find; junk between."""
    log, records, size = Log(LEDGER), list[Raw](), 0
    for _ in range(draw(st.integers(0, 7))):
        match draw(st.sampled_from(["batch", "batch", "junk", "cut", "again"])):
            case "junk":
                records.append(draw(st.sampled_from(JUNK)))
            case "batch":
                log.commit(draw(st.integers(0 if len(log.committed) > size else 1, 5)))
                records += encode(log.announcement(size))
                size = len(log.committed)
            case "cut":
                log.commit(draw(st.integers(2, 5)))
                whole = encode(log.announcement(size))
                records += whole[: draw(st.integers(1, len(whole) - 1))]
            case "again" if size:
                cuts = sorted({draw(st.integers(0, size - 1)), size, *draw(st.lists(st.integers(0, size), max_size=3))})
                for first, end in pairwise(cuts):
                    records += encode(log.announcement(first, end, size))
    return History(log, records, size)


@given(histories(), st.integers(0, 3), st.data())
def test_reading_from_a_place_leaves_nothing_out(history: History, begin: int, data: st.DataObject) -> None:
    """For any stored offset, or none."""
    topic, end = Topic(history.records, begin), begin + len(history.records)
    index = data.draw(st.integers(0, history.announced))
    stored = data.draw(st.none() | st.integers(begin - 2, end + 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "_FIRST_STEP", data.draw(st.integers(1, 8)))
        place = run(lookup.place(topic, WHERE, index, stored))
    assert begin <= place <= end
    assert topic.read(place, history.log, index) == history.log.committed[index : history.announced]


@given(histories(), st.data())
def test_what_is_announced_is_neither_more_nor_less(history: History, data: st.DataObject) -> None:
    """Also if a late writer has announced an old piece again, at the end."""
    records, log, size = list(history.records), history.log, history.announced
    if size and data.draw(st.booleans()):
        first = data.draw(st.integers(0, size - 1))
        records += encode(log.announcement(first, data.draw(st.integers(first + 1, size)), size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "_FIRST_STEP", data.draw(st.integers(1, 8)))
        found = run(lookup.announced(Topic(records), WHERE, LEDGER, log.key.verify_key))
    assert found <= size
    assert Topic(records).read(0, log, 0) == log.committed[:size]
    step = len(records)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "_FIRST_STEP", step + 1)
        assert run(lookup.announced(Topic(records), WHERE, LEDGER, log.key.verify_key)) == size


def test_a_topic_without_the_first_entries_has_announced_nothing() -> None:
    log = Log(LEDGER)
    log.commit(9)
    later = encode(log.announcement(4))

    def look(records: Sequence[Raw]) -> int:
        return run(lookup.announced(Topic(records), WHERE, LEDGER, log.key.verify_key))

    assert look(later) == 0
    assert look([*later, *encode(log.announcement(0, 4, 9))[:-1]]) == 0
    assert look([*later, *encode(log.announcement(0, 4, 9))]) == 9


def test_a_stranger_counts_for_nothing() -> None:
    log, stranger = Log(LEDGER), Log("example.test/stranger/main")
    log.commit(2)
    stranger.commit(5)
    records = [*encode(log.announcement(0)), *encode(stranger.announcement(0))]
    assert run(lookup.announced(Topic(records), WHERE, LEDGER, log.key.verify_key)) == 2


@pytest.mark.parametrize(("stored", "found"), [(4, 5), (5, 5), (7, 7), (8, 8), (9, 5), (0, 5)])
def test_a_stored_offset_that_the_topic_lacks_means_its_begin(stored: int, found: int) -> None:
    assert run(lookup.within(Topic(JUNK, begin=5), WHERE, stored, 1_000 + stored - 1)) == found


@pytest.mark.parametrize("time", [None, 0, 1_005, 1_007])
@pytest.mark.parametrize(("stored", "found"), [(5, 5), (7, 5), (8, 5)])
def test_another_message_before_a_stored_offset_means_the_begin(stored: int, found: int, time: int | None) -> None:
    """Of the message before offset 5 the topic knows nothing any more: that is no evidence."""
    if time != 1_000 + stored - 1:
        assert run(lookup.within(Topic(JUNK, begin=5), WHERE, stored, time)) == found


def test_what_does_not_come_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "_IDLE_POLLS", 3)
    with pytest.raises(TimeoutError, match="nothing from offset 0 on, though it ends at 3"):
        run(lookup.announced(Topic(JUNK, at_once=0), WHERE, LEDGER, Log(LEDGER).key.verify_key))
