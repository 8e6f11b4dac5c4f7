"""Carries out the steps of a protocol for blocking programs; `async_driver` does it for asyncio, with HTTPX.

Redirects are not followed and compression is not asked for. What a caller interrupts or cancels ends at the step under
way: the protocol is closed, and with it the answer that is open.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from counterfoil.client.steps import Answer, Clock, Item, NoAnswer, Open, Pause, Read, Request, Step, Steps, Work
from counterfoil.client.transport import Reply, Transport, TransportError

T = TypeVar("T")


class Driver:
    """For blocking programs. For several threads at once, as far as what the steps call is."""

    def __init__(self, transport: Transport, sleep: Callable[[float], None] = time.sleep) -> None:
        self._transport, self._sleep = transport, sleep

    def run(self, steps: Steps[T]) -> T:
        """Carry out all steps, and return the result."""
        result: list[T] = []
        for _ in self.items(kept(steps, result)):
            pass
        return result[0]

    def items(self, steps: Steps[None]) -> Iterator[Any]:
        """Carry out the steps as far as their items are asked for."""
        exchange = _Exchange(self._transport)
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
        self._transport.close()

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

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._reply: Reply | None = None

    def open(self, request: Request) -> Answer | NoAnswer:
        self.close()
        try:
            self._reply = self._transport.send(request)
        except TransportError as problem:
            return NoAnswer(str(problem))
        return Answer(self._reply.status, self._reply.headers)

    def read(self) -> bytes | NoAnswer:
        try:
            return b"" if self._reply is None else self._reply.read()
        except TransportError as problem:
            return NoAnswer(str(problem))

    def close(self) -> None:
        if self._reply is not None:
            self._reply.close()
            self._reply = None


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
