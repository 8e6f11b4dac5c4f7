"""Carries out the steps of a protocol with HTTPX, for asyncio; as `driver` does for blocking programs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import httpx

from counterfoil.client.connections import CONNECT_SECONDS_MAX, PLAIN
from counterfoil.client.driver import at_once, kept, resumed
from counterfoil.client.steps import Answer, Item, NoAnswer, Open, Pause, Read, Request, Step, Steps, Work

T = TypeVar("T")


class AsyncDriver:
    """For asyncio, and several tasks at once; what may block is done on a thread."""

    def __init__(self, http: httpx.AsyncClient, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._http, self._sleep = http, sleep

    async def run(self, steps: Steps[T]) -> T:
        """Carry out all steps, and return the result."""
        result: list[T] = []
        async for _ in self.items(kept(steps, result)):
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
            return resumed(steps.throw, problem)
        return resumed(steps.send, done)

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
                return at_once(step)


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


def _built(http: httpx.AsyncClient, request: Request) -> httpx.Request:
    """The request as HTTPX sends it."""
    return http.build_request(
        request.method,
        request.path,
        params=request.params or None,
        headers={**PLAIN, **request.headers},
        content=request.content,
        timeout=httpx.Timeout(request.silence, connect=CONNECT_SECONDS_MAX),
    )


def _head(response: httpx.Response) -> Answer:
    """The answer without its content."""
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()})


def _lost(problem: httpx.TransportError) -> NoAnswer:
    """Why there is no answer."""
    return NoAnswer(str(problem) or type(problem).__name__)
