"""One thread with an event loop for the clients of Kafka; all other code is synchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures import TimeoutError as Late
from typing import Any, Final, TypeVar

import uvloop

from counterfoil.ports import Unavailable

T = TypeVar("T")
_END_WITHIN: Final = 10.0  # seconds
_CANCELLED: Final = 0.05  # seconds for cancelled tasks to end


class LoopThread:
    """An event loop in a daemon thread of its own."""

    def __init__(self, name: str, *, tls: bool) -> None:
        """Start it. With `tls` it is asyncio's own loop: uvloop may wait half a minute for a peer to end a session."""
        self.loop = asyncio.new_event_loop() if tls else uvloop.new_event_loop()
        self._asked: list[Future[Any]] = []
        self._given_up = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.close()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def spawn(self, work: Coroutine[Any, Any, None]) -> Callable[[], None]:
        """Run a coroutine on the loop; call the result to cancel it and wait for its end."""
        made: Future[asyncio.Task[None]] = Future()
        self.soon(lambda: made.set_result(self.loop.create_task(work)))
        task = made.result()

        async def end() -> None:
            task.cancel()
            await asyncio.wait([task], timeout=_END_WITHIN)

        def stop() -> None:
            wait([self.start(end())], _END_WITHIN)

        return stop

    def call(self, work: Coroutine[Any, Any, T], within: float, what: str) -> T:
        """Run a coroutine on the loop and wait `within` seconds for its result.

        Raises `Unavailable` when it takes longer, and what the coroutine raises.
        """
        future = self.start(work)
        self._asked.append(future)
        try:
            if self._given_up:
                future.cancel()
            return future.result(within)
        except Late:
            if future.done():
                raise  # the coroutine's own time-out
            future.cancel()
            raise Unavailable(f"{what}: no answer from Kafka within {within:.0f} s") from None
        except CancelledError:
            raise Unavailable(f"{what}: given up") from None
        finally:
            self._asked.remove(future)

    def give_up(self) -> None:
        """Every `call`, running now or made later, raises `Unavailable`."""
        self._given_up = True
        for future in list(self._asked):
            future.cancel()

    def soon(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function on the loop."""
        self.loop.call_soon_threadsafe(function, *arguments)

    def close(self) -> None:
        """End the thread; tasks that still run are cancelled."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._end)
            self._thread.join(_END_WITHIN)

    def _end(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.call_later(_CANCELLED, self.loop.stop)
