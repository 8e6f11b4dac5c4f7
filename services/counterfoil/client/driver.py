"""Carries out the steps of a protocol with HTTPX, for blocking programs; `async_driver` does it for asyncio.

Redirects are not followed and compression is not asked for. What a caller interrupts or cancels ends at the step under
way: the protocol is closed, and with it the answer that is open.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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
        for _ in self.items(kept(steps, result)):
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
            return resumed(steps.throw, problem)
        return resumed(steps.send, done)

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
                return at_once(step)


class _Exchange:
    """The answer that is open."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._answer: httpx.Response | None = None
        self._pieces: Iterator[bytes] = iter(())

    def open(self, request: Request) -> Answer | NoAnswer:
        self.close()
        try:
            self._answer = self._http.send(built(self._http, request), stream=True)
        except httpx.TransportError as problem:
            return lost(problem)
        self._pieces = self._answer.iter_bytes()
        return head(self._answer)

    def read(self) -> bytes | NoAnswer:
        try:
            return next(filter(None, self._pieces), b"")
        except httpx.TransportError as problem:
            return lost(problem)

    def close(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None


def kept(steps: Steps[T], result: list[T]) -> Steps[None]:
    """The same steps; their result comes into the list."""
    result.append((yield from steps))


def resumed(resume: Callable[[Any], Step], value: Any) -> Step | None:
    """The next step; None if there is none."""
    try:
        return resume(value)
    except StopIteration:
        return None


def at_once(step: Step) -> float | None:
    """What comes of a step that is neither sending, reading, waiting nor work."""
    return time.monotonic() if isinstance(step, Clock) else None


def built(http: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    """The request as HTTPX sends it."""
    return http.build_request(
        request.method,
        request.path,
        params=request.params or None,
        headers={**_PLAIN, **request.headers},
        content=request.content,
        timeout=httpx.Timeout(request.silence, connect=_CONNECT_SECONDS_MAX),
    )


def head(response: httpx.Response) -> Answer:
    """The answer without its content."""
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()})


def lost(problem: httpx.TransportError) -> NoAnswer:
    """Why there is no answer."""
    return NoAnswer(str(problem) or type(problem).__name__)
