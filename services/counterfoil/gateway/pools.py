"""Threads for what waits for a disk or a database: a bounded pool for each kind, so that no kind keeps another waiting.

Streams have threads of their own (`gateway.stream`), and signatures are verified on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

from counterfoil.gateway.bounds import KEY_THREADS, POINT_THREADS, SCAN_THREADS, SCANS_WAITING, WAITING
from counterfoil.gateway.peers import ASKING
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.turns import Line

P = ParamSpec("P")
T = TypeVar("T")


class Pool:
    """At most `threads` calls at once, and `waiting` that wait for a thread; for one event loop.

    The peers whose calls wait take turns, so that many slow reads of one make nobody else wait for all of them.
    """

    def __init__(self, kind: str, threads: int, waiting: int) -> None:
        self._most, self._under_way, self._line = threads + waiting, 0, Line(threads)
        self._threads = ThreadPoolExecutor(threads, f"counterfoil-{kind}")

    async def run(self, call: Callable[P, T], /, *args: P.args, **options: P.kwargs) -> T:
        """What `call` returns, or raises. Raises `Problem` 503 `busy` if too many wait."""
        if self._under_way >= self._most:
            raise Problem(ProblemCode.BUSY)
        self._under_way += 1
        try:
            await self._turn(ASKING.get())
        except BaseException:
            self._under_way -= 1
            raise
        try:
            future = asyncio.get_running_loop().run_in_executor(self._threads, lambda: call(*args, **options))
        except BaseException:
            self._leave()
            raise
        future.add_done_callback(self._done)
        return await asyncio.shield(future)  # if nobody waits any more, its thread is busy all the same

    async def _turn(self, peer: str) -> None:
        turn = self._line.ask(peer)
        try:
            await turn
        except BaseException:
            if not turn.cancelled():
                self._line.leave()
            raise

    def _leave(self) -> None:
        self._under_way -= 1
        self._line.leave()

    def _done(self, future: asyncio.Future[T]) -> None:
        self._leave()
        if not future.cancelled():
            future.exception()  # retrieved, so that asyncio does not log it

    def close(self) -> None:
        """Wait for the calls under way."""
        self._threads.shutdown()


class Pools:
    """The pools of a gateway: `keys` for what a command waits for, `points` for one row or file, `scans` for many."""

    def __init__(self) -> None:
        self.keys = Pool("keys", KEY_THREADS, WAITING)
        self.points = Pool("points", POINT_THREADS, WAITING)
        self.scans = Pool("scans", SCAN_THREADS, SCANS_WAITING)

    @asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncIterator[None]:
        """Closes them at the end of an application."""
        yield
        for pool in (self.keys, self.points, self.scans):
            await asyncio.to_thread(pool.close)
