"""Carries out the steps of a protocol with HTTPX: one driver for blocking programs, one for asyncio.

Redirects are not followed and compression is not asked for. What a caller interrupts or cancels ends at the step under
way: the protocol is closed, and with it the answer that is open.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final, TypeVar

import httpx

from counterfoil.client.steps import Answer, Clock, Item, NoAnswer, Open, Pause, Read, Request, Step, Steps, Work

T = TypeVar("T")

_CONNECT_SECONDS_MAX: Final = 5.0
_PLAIN: Final = {"accept-encoding": "identity"}


class Driver:
    """For blocking programs. For several threads at once, as far as what the steps call is."""

    def __init__(self, http: httpx.Client, sleep: Callable[[float], None] = time.sleep) -> None:
        self._http, self._sleep = http, sleep

    def run(self, steps: Steps[T]) -> T:
        """Carry out all steps, and return the result."""
        result: list[T] = []
        for _ in self.items(_kept(steps, result)):
            pass
        return result[0]

    def items(self, steps: Steps[None]) -> Iterator[Any]:
        """Carry out the steps as far as their items are asked for."""
        exchange = _Exchange(self._http)
        try:
            step = next(steps, None)
            while step is not None:
                if isinstance(step, Item):
                    yield step.value
                step = self._next(steps, step, exchange)
        finally:
            steps.close()
            exchange.close()

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._http.close()

    def _next(self, steps: Steps[None], step: Step, exchange: _Exchange) -> Step | None:
        try:
            done = self._do(step, exchange)
        except Exception as problem:  # noqa: BLE001 whatever the function of a `Work` raises
            return _resumed(steps.throw, problem)
        return _resumed(steps.send, done)

    def _do(self, step: Step, exchange: _Exchange) -> Any:
        match step:
            case Open(request):
                return exchange.open(request)
            case Read():
                return exchange.read()
            case Pause(seconds):
                return self._sleep(seconds)
            case Work(function):
                return function()
            case _:
                return _at_once(step)


class _Exchange:
    """The answer that is open."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._answer: httpx.Response | None = None
        self._pieces: Iterator[bytes] = iter(())

    def open(self, request: Request) -> Answer | NoAnswer:
        self.close()
        try:
            self._answer = self._http.send(_built(self._http, request), stream=True)
        except httpx.TransportError as problem:
            return _lost(problem)
        self._pieces = self._answer.iter_bytes()
        return _head(self._answer)

    def read(self) -> bytes | NoAnswer:
        try:
            return next(filter(None, self._pieces), b"")
        except httpx.TransportError as problem:
            return _lost(problem)

    def close(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None


class AsyncDriver:
    """For asyncio, and several tasks at once; what may block is done on a thread."""

    def __init__(self, http: httpx.AsyncClient, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._http, self._sleep = http, sleep

    async def run(self, steps: Steps[T]) -> T:
        """Carry out all steps, and return the result."""
        result: list[T] = []
        async for _ in self.items(_kept(steps, result)):
            pass
        return result[0]

    async def items(self, steps: Steps[None]) -> AsyncIterator[Any]:
        """Carry out the steps as far as their items are asked for."""
        exchange = _AsyncExchange(self._http)
        try:
            step = next(steps, None)
            while step is not None:
                if isinstance(step, Item):
                    yield step.value
                step = await self._next(steps, step, exchange)
        finally:
            steps.close()
            await exchange.close()

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._http.aclose()

    async def _next(self, steps: Steps[None], step: Step, exchange: _AsyncExchange) -> Step | None:
        try:
            done = await self._do(step, exchange)
        except Exception as problem:  # noqa: BLE001 whatever the function of a `Work` raises
            return _resumed(steps.throw, problem)
        return _resumed(steps.send, done)

    async def _do(self, step: Step, exchange: _AsyncExchange) -> Any:
        match step:
            case Open(request):
                return await exchange.open(request)
            case Read():
                return await exchange.read()
            case Pause(seconds):
                return await self._sleep(seconds)
            case Work(function):
                return await asyncio.to_thread(function)
            case _:
                return _at_once(step)


class _AsyncExchange:
    """The answer that is open."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._answer: httpx.Response | None = None
        self._pieces: AsyncIterator[bytes] | None = None

    async def open(self, request: Request) -> Answer | NoAnswer:
        await self.close()
        try:
            self._answer = await self._http.send(_built(self._http, request), stream=True)
        except httpx.TransportError as problem:
            return _lost(problem)
        self._pieces = self._answer.aiter_bytes()
        return _head(self._answer)

    async def read(self) -> bytes | NoAnswer:
        try:
            while self._pieces is not None and (piece := await anext(self._pieces, None)) is not None:
                if piece:
                    return piece
        except httpx.TransportError as problem:
            return _lost(problem)
        return b""

    async def close(self) -> None:
        if self._answer is not None:
            answer, self._answer = self._answer, None
            await answer.aclose()


def _kept(steps: Steps[T], result: list[T]) -> Steps[None]:
    """The same steps; their result comes into the list."""
    result.append((yield from steps))


def _resumed(resume: Callable[[Any], Step], value: Any) -> Step | None:
    """The next step; None if there is none."""
    try:
        return resume(value)
    except StopIteration:
        return None


def _at_once(step: Step) -> float | None:
    return time.monotonic() if isinstance(step, Clock) else None


def _built(http: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    return http.build_request(
        request.method,
        request.path,
        params=request.params or None,
        headers={**_PLAIN, **request.headers},
        content=request.content,
        timeout=httpx.Timeout(request.silence, connect=_CONNECT_SECONDS_MAX),
    )


def _head(response: httpx.Response) -> Answer:
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()})


def _lost(problem: httpx.TransportError) -> NoAnswer:
    return NoAnswer(str(problem) or type(problem).__name__)
