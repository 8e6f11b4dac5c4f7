"""Finds places on a topic of entries: where a log was announced to, and where reading has to begin for an index."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

from counterfoil.log.keys import VerifyKey
from counterfoil.transport.batches import BadRecord, BatchReader, place_of
from counterfoil.transport.client import headers_of, partition

_FIRST_STEP: Final = 1_024
_POLL_MS: Final = 500
_IDLE_POLLS: Final = 20  # polls without a record before Kafka is taken to be away


async def announced(reader: AIOKafkaConsumer, topic: str, origin: str, key: VerifyKey) -> int:
    """How many entries of a log are on its topic, as far as its own signature vouches for them.

    None count where the log's first entries are not there: the topic was made anew, and is to have all of them again.
    """
    begin, end = await bounds(reader, topic)
    if not await _begins(reader, topic, BatchReader(origin, key, 0), begin, end):
        return 0
    step, upper = _FIRST_STEP, end
    while upper > begin:
        lower = max(begin, upper - step)
        batches = BatchReader(origin, key, 0)
        async for _ in _fed(reader, topic, batches, lower, end):
            pass
        if batches.proven_size:
            return batches.proven_size
        upper, step = lower, step * 8
    return 0


async def _begins(reader: AIOKafkaConsumer, topic: str, batches: BatchReader, begin: int, end: int) -> bool:
    """Whether the log's first entries are there; where they are, that shows soon."""
    async for _ in _fed(reader, topic, batches, begin, end):
        if batches.next_index:
            return True
    return False


async def _fed(reader: AIOKafkaConsumer, topic: str, batches: BatchReader, begin: int, end: int) -> AsyncIterator[None]:
    """After each record of the log that `batches` was given: what is none is passed over."""
    async for record in _records(reader, topic, begin, end):
        try:
            batches.feed(record.offset, record.value, headers_of(record))
        except BadRecord:
            continue
        yield


async def place(reader: AIOKafkaConsumer, topic: str, index: int, stored: int | None) -> int:
    """An offset from which on every entry from `index` on comes, in whole batches.

    `stored` is taken if the record there says so itself; else the search goes back from the end.
    """
    begin, end = await bounds(reader, topic)
    if stored is not None and begin <= stored <= end and await _comes_before(reader, topic, stored, end, index):
        return stored
    step, at = _FIRST_STEP, end
    while at > begin:
        at = max(begin, at - step)
        if await _comes_before(reader, topic, at, end, index):
            return at
        step *= 4
    return begin


async def within(reader: AIOKafkaConsumer, topic: str, stored: int, time: int | None) -> int:
    """`stored`, if the topic has it or will have it next; else the topic's begin: messages come again, none is lost.

    `time`: that of the message before, in Unix milliseconds; if another is there now, the topic was made anew.
    """
    begin, end = await bounds(reader, topic)
    if not begin <= stored <= end:
        return begin
    async for record in _records(reader, topic, max(begin, stored - 1), stored):
        if max(0, record.timestamp) != time:  # -1: it has none
            return begin
    return stored


async def _comes_before(reader: AIOKafkaConsumer, topic: str, offset: int, end: int, index: int) -> bool:
    """Whether reading from `offset` on leaves no entry from `index` on out, by what the first sound record says."""
    async for record in _records(reader, topic, offset, end):
        try:
            at, first, size = place_of(headers_of(record))
        except BadRecord:
            continue
        return at == first <= index or size <= index
    return False


async def bounds(reader: AIOKafkaConsumer, topic: str) -> tuple[int, int]:
    """The offset of the topic's first record, and the one that its next will have."""
    where = partition(topic)
    begin = (await reader.beginning_offsets([where]))[where]
    return begin, (await reader.end_offsets([where]))[where]


async def _records(reader: AIOKafkaConsumer, topic: str, offset: int, end: int) -> AsyncIterator[Any]:
    """The records from `offset` up to `end`. Raises TimeoutError if they do not come."""
    if offset >= end:
        return  # a client that was asked for records and never gave them may not end
    where = partition(topic)
    reader.assign([where])
    reader.seek(where, offset)
    idle = 0
    while offset < end:
        polled = await reader.getmany(where, timeout_ms=_POLL_MS, max_records=2_000)
        if not polled:  # what ends a transaction takes offsets, too, and is never read
            offset = max(offset, await reader.position(where))
        idle = 0 if polled else idle + 1
        if idle > _IDLE_POLLS:
            raise TimeoutError(f"{topic}: nothing from offset {offset} on, though it ends at {end}")
        for record in polled.get(where, ()):
            offset = record.offset + 1
            if record.offset < end:
                yield record
