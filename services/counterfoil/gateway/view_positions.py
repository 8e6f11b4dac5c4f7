"""Waits for the views without blocking the event loop: a worker thread reads their positions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from counterfoil.gateway.pools import Pool
from counterfoil.runtime.backoff import Backoff

_BETWEEN_READS: Final = Backoff(0.01, 0.05)
_PASSED_AFTER: Final = 0.1  # seconds


class ViewPositions:
    """The positions of the views, for the coroutines of one event loop.

    At most one read is in progress, however many coroutines wait: they share its result. Positions only grow, so a
    read that began before a coroutine asked can make it wait too long, but never too short.
    """

    def __init__(self, read: Callable[[], Mapping[str, int]], pool: Pool) -> None:
        """`read`: per origin, the index of the next entry to be projected; it may block, and runs in `pool`."""
        self._read, self.pool = read, pool
        self._reading: asyncio.Task[Mapping[str, int]] | None = None

    async def reach(self, wanted: Mapping[str, int], within: float) -> bool:
        """Wait until the views hold the first `wanted[origin]` entries of each log; False after `within` seconds.

        The bound holds also if the database hangs. Raises what `read` raises.
        """
        return not wanted or await self._until(lambda known: _holds(known, wanted), within)

    async def pass_any(self, positions: Mapping[str, int], within: float) -> bool:
        """Wait until the views hold the entry at the position of some log; False after `within` seconds.

        Never returns at once, so that whoever asks again and again asks no more often than positions are read. Raises
        what `read` raises.
        """
        await asyncio.sleep(min(_PASSED_AFTER, within))
        return await self._until(lambda known: any(known[origin] > at for origin, at in positions.items()), within)

    async def _until(self, told: Callable[[Mapping[str, int]], bool], within: float) -> bool:
        bound = asyncio.timeout(within)
        try:
            async with bound:
                for pause in _BETWEEN_READS:
                    if told(await self._known()):
                        break
                    await asyncio.sleep(pause)
        except TimeoutError:
            if not bound.expired():
                raise
            return False
        return True

    async def _known(self) -> Mapping[str, int]:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self.pool.run(self._read))
            self._reading.add_done_callback(_retrieve)
        return await asyncio.shield(self._reading)  # others still wait for it if this coroutine is cancelled


def _holds(known: Mapping[str, int], wanted: Mapping[str, int]) -> bool:
    return all(known[origin] >= size for origin, size in wanted.items())


def _retrieve(reading: asyncio.Task[Mapping[str, int]]) -> None:
    """Retrieve the error of a read that no coroutine awaits, so that asyncio does not log it."""
    if not reading.cancelled():
        reading.exception()
