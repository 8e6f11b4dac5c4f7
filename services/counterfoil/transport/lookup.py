"""Looks up places on a topic: how far a log was announced, and where to start reading for an index or an offset."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from counterfoil.log.keys import VerifyKey
from counterfoil.transport.batches import BadRecord, BatchReader, place_of
from counterfoil.transport.client import name_of

_FIRST_STEP: Final = 1_024
_POLL_MS: Final = 500
_IDLE_POLLS: Final = 20  # polls without a record before a `TimeoutError`


async def announced(reader: AIOKafkaConsumer, where: TopicPartition, origin: str, key: VerifyKey) -> int:
    """How many entries of a log are on its topic, as proven by the log's signature.

    Returns 0 if the log's first entries are not there: the topic was recreated, so republish everything.
    """
    begin, end = await bounds(reader, where)
    if not await _begins(reader, where, BatchReader(origin, key, 0), begin, end):
        return 0
    step, upper = _FIRST_STEP, end
    while upper > begin:
        lower = max(begin, upper - step)
        batches = BatchReader(origin, key, 0)
        async for _ in _fed(reader, where, batches, lower, end):
            pass
        if batches.proven_size:
            return batches.proven_size
        upper, step = lower, step * 8
    return 0


async def _begins(reader: AIOKafkaConsumer, where: TopicPartition, batches: BatchReader, begin: int, end: int) -> bool:
    """Whether the topic begins with the log's first entries; reads no further than it has to."""
    async for _ in _fed(reader, where, batches, begin, end):
        if batches.next_index:
            return True
    return False


async def _fed(
    reader: AIOKafkaConsumer, where: TopicPartition, batches: BatchReader, begin: int, end: int
) -> AsyncIterator[None]:
    """Feed records to `batches`, and yield after each that may be the log's; others are skipped."""
    async for record in _records(reader, where, begin, end):
        try:
            batches.feed(record.offset, record.value, record.headers)
        except BadRecord:
            continue
        yield


async def place(reader: AIOKafkaConsumer, where: TopicPartition, index: int, stored: int | None) -> int:
    """An offset to read from, so that every entry from `index` on comes, in whole batches.

    Returns `stored` if the record there confirms it; otherwise searches backwards from the end.
    """
    begin, end = await bounds(reader, where)
    if stored is not None and begin <= stored <= end and await _comes_before(reader, where, stored, end, index):
        return stored
    step, at = _FIRST_STEP, end
    while at > begin:
        at = max(begin, at - step)
        if await _comes_before(reader, where, at, end, index):
            return at
        step *= 4
    return begin


async def within(reader: AIOKafkaConsumer, where: TopicPartition, stored: int, time: int | None) -> int:
    """`stored`, if the topic has that offset or will have it next; else its first: messages come again, none is lost.

    `time`: of the message before `stored`, in Unix milliseconds; if that differs now, the topic was recreated.
    """
    begin, end = await bounds(reader, where)
    if not begin <= stored <= end:
        return begin
    async for record in _records(reader, where, max(begin, stored - 1), stored):
        if max(0, record.timestamp) != time:  # -1 if it has none
            return begin
    return stored


async def _comes_before(reader: AIOKafkaConsumer, where: TopicPartition, offset: int, end: int, index: int) -> bool:
    """Whether reading from `offset` misses no entry from `index` on, by the first record that names a place."""
    async for record in _records(reader, where, offset, end):
        try:
            at, first, size = place_of(dict(record.headers))
        except BadRecord:
            continue
        return at == first <= index or size <= index
    return False


async def bounds(reader: AIOKafkaConsumer, where: TopicPartition) -> tuple[int, int]:
    """The offset of the topic's first record, and the offset that its next record will have."""
    begin = (await reader.beginning_offsets([where]))[where]
    return begin, (await reader.end_offsets([where]))[where]


async def _records(reader: AIOKafkaConsumer, where: TopicPartition, offset: int, end: int) -> AsyncIterator[Any]:
    """The records from `offset` up to `end`. Raises TimeoutError if they do not come."""
    if offset >= end:
        return  # do not start a fetch that is never read: closing the client would wait for it
    reader.assign([where])
    reader.seek(where, offset)
    idle = 0
    while offset < end:
        polled = await reader.getmany(where, timeout_ms=_POLL_MS, max_records=2_000)
        if not polled:  # the markers that end transactions have offsets too, and are never read
            offset = max(offset, await reader.position(where))
        idle = 0 if polled else idle + 1
        if idle > _IDLE_POLLS:
            raise TimeoutError(f"{name_of(where)}: nothing from offset {offset} on, though it ends at {end}")
        for record in polled.get(where, ()):
            offset = record.offset + 1
            if record.offset < end:
                yield record
