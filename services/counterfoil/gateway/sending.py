"""One command on its way to a log: it waits for its party's turn, then for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.submission import Submission
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import ANSWER_WITHIN
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.turns import Line
from counterfoil.ports import Overloaded
from counterfoil.runtime.receipts import Answer

_LOOK: Final = 0.5  # seconds after which who waits looks whether a service has stopped


async def send(
    backend: Backend,
    line: Line,
    submission: Submission,
    envelope: bytes,
    trace: str,
    answered: Callable[[Answer], None],
    *,
    later: bool,
) -> Answer | None:
    """The answer to a command; None if there is none in time, and with `later` once the transport has accepted it.

    `line`: of the log's inbox. `answered` is called with the answer, also if it comes within `ANSWER_WITHIN` after
    that. Raises `Refused`, `Overloaded`, `Problem`.
    """
    log, loop = log_of(submission.header.aud), asyncio.get_running_loop()
    await _turn(backend, line, log, submission.header.actor)
    waiter: asyncio.Future[Answer] = loop.create_future()

    def done(waiter: asyncio.Future[Answer]) -> None:
        line.leave()
        if waiter.cancelled():
            backend.receipts.forget(submission, waiter)
        else:
            answered(waiter.result())

    waiter.add_done_callback(done)
    try:
        _, sent = backend.receipts.submit(envelope, waiter, trace)
        if later and _is_taken(sent):  # the embedded transport has it at once
            answer = None
        else:
            answer = await _answer(backend, asyncio.wrap_future(sent), waiter, later=later)
    except BaseException:
        waiter.cancel()
        raise
    if later and not waiter.done():
        loop.call_later(ANSWER_WITHIN, waiter.cancel)
    else:
        waiter.cancel()  # nobody waits any more
    return answer


async def _turn(backend: Backend, line: Line, log: LogId, actor: str) -> None:
    """Wait until the command may go into the inbox. Raises `Overloaded` if that takes too long, `Problem`."""
    turn = line.ask(actor)
    if turn.done():
        return
    try:
        await _wait(backend, {turn})
    except BaseException:
        if not turn.cancel():
            line.leave()
        raise
    if turn.cancel():
        raise Overloaded(f"{log.name}: no turn in time")


async def _answer(
    backend: Backend, taken: asyncio.Future[Any], waiter: asyncio.Future[Answer], *, later: bool
) -> Answer | None:
    await _wait(backend, {taken} if later else {taken, waiter})
    if not waiter.done() and not _is_taken(taken):
        raise _unknown_outcome()
    if later:
        return None
    await _wait(backend, {waiter})
    return waiter.result() if waiter.done() else None


async def _wait(backend: Backend, futures: set[asyncio.Future[Any]]) -> None:
    """Wait until one is done, or for `ANSWER_WITHIN`. Raises `Problem` if a service stops for good meanwhile."""
    loop = asyncio.get_running_loop()
    end = loop.time() + ANSWER_WITHIN
    while not any(each.done() for each in futures) and (left := end - loop.time()) > 0:
        if backend.failure():
            raise _unknown_outcome()
        await asyncio.wait(futures, timeout=min(left, _LOOK), return_when=asyncio.FIRST_COMPLETED)


def _unknown_outcome() -> Problem:
    return Problem(ProblemCode.UNKNOWN_OUTCOME)


def _is_taken(taken: asyncio.Future[Any] | Future[Any]) -> bool:
    return taken.done() and not taken.cancelled() and taken.exception() is None
