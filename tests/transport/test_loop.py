"""Every call to the clients' thread gets an answer or `Unavailable`, and the thread ends when closed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from counterfoil.ports import Unavailable
from counterfoil.transport.loop import LoopThread
from tests.conformance.transport import FOREVER, together
from tests.transport.own_kafka import until

SOON = 10.0


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def loop(request: pytest.FixtureRequest) -> Iterator[LoopThread]:
    made = LoopThread("tested", tls=request.param)
    yield made
    made.close()
    assert not made._thread.is_alive()


async def answer(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def fail(problem: Exception) -> None:
    raise problem


async def wait(seen: list[str], *, ends_with: str = "ended") -> None:
    try:
        await asyncio.sleep(FOREVER)
    finally:
        seen.append(ends_with)


def test_an_answer_comes_back(loop: LoopThread) -> None:
    assert loop.call(answer(7), SOON, "asking") == 7


@pytest.mark.parametrize("problem", [ValueError("no"), TimeoutError("of its own"), Unavailable("away")])
def test_so_does_what_is_raised(loop: LoopThread, problem: Exception) -> None:
    with pytest.raises(type(problem), match=str(problem)):
        loop.call(fail(problem), SOON, "asking")


def test_what_takes_too_long_is_ended(loop: LoopThread) -> None:
    seen: list[str] = []
    with pytest.raises(Unavailable, match="asking: no answer from Kafka within 0 s"):
        loop.call(wait(seen), 0.1, "asking")
    until(lambda: seen == ["ended"], "its end")


def test_giving_up_ends_what_is_asked_now_and_later(loop: LoopThread) -> None:
    seen: list[str] = []

    def ask() -> None:
        with pytest.raises(Unavailable, match="asking: given up"):
            loop.call(wait(seen), FOREVER, "asking")

    soon = threading.Timer(0.1, loop.give_up)
    soon.start()
    together(ask, ask)
    until(lambda: seen == ["ended", "ended"], "their ends")
    ask()
    soon.join()


def test_what_is_spawned_runs_until_it_is_stopped(loop: LoopThread) -> None:
    seen: list[str] = []
    stop = loop.spawn(wait(seen))
    loop.call(answer(0), SOON, "waiting for it")
    assert seen == []
    stop()
    assert seen == ["ended"]
    stop()


def test_the_end_ends_everything(loop: LoopThread) -> None:
    seen: list[str] = []
    loop.spawn(wait(seen))
    left = loop.start(wait(seen))
    loop.call(answer(0), SOON, "waiting for it")
    began = time.monotonic()
    loop.close()
    assert time.monotonic() - began < SOON
    assert seen == ["ended", "ended"]
    assert left.cancelled()
    with pytest.raises(RuntimeError, match="closed"):
        loop.soon(seen.clear)
