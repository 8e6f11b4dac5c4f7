"""Whatever happens to any exchange, a command takes effect once, and its outcome is told as it is or left open.

One table for both clients: each does the same steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from answering import Answering
from served import FAULTS, KEY, NOW, ORIGIN, Served, never, never_async

from counterfoil.client import AsyncClient, Author, Client, NotProven, OtherCommand, Settled, Unreachable, Unsettled
from counterfoil.client.bearer import Bearer
from counterfoil.client.exchanges import PAUSES
from counterfoil.issuance.commands import CloseParty

PINNED = {ORIGIN: KEY.verify_key}
LAB = Author("lab", bytes(32))
COMMAND = CloseParty(reason="the end")
Act = Callable[[Served, Path], Settled]


def _client(served: Served, directory: Path) -> Client:
    transport = Answering(served)
    return Client("http://g", LAB, directory, pinned=PINNED, clock=lambda: NOW, sleep=never, transport=transport,
                  bearer=Bearer())  # fmt: skip


def _async_client(served: Served, directory: Path) -> AsyncClient:
    transport = httpx.MockTransport(served)
    return AsyncClient("http://g", LAB, directory, pinned=PINNED, clock=lambda: NOW, sleep=never_async,
                       transport=transport, bearer=Bearer())  # fmt: skip


def blocking(served: Served, directory: Path, words: str | None = None) -> Settled:
    """Send the command, or what is left of it."""
    with _client(served, directory) as client:
        left = client.unsettled()
        return client.resend(left[0]) if left else client.send(COMMAND, words=words)


def asynchronous(served: Served, directory: Path, words: str | None = None) -> Settled:
    """The same with the other client."""

    async def act() -> Settled:
        async with _async_client(served, directory) as client:
            left = await client.unsettled()
            return await (client.resend(left[0]) if left else client.send(COMMAND, words=words))

    return asyncio.run(act())


BOTH = pytest.mark.parametrize("act", [blocking, asynchronous])


@BOTH
@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("place", [None, 0, 1, 2], ids=["first", "checkpoint", "tile", "command"])
@pytest.mark.parametrize("times", [1, len(PAUSES) + 1])
def test_each_fault_at_each_exchange(act: Act, name: str, place: int | None, times: int, tmp_path: Path) -> None:
    """Of a first command, and of one that is signed on a checkpoint that was met; once, and every time."""
    served = Served()
    if place is not None:
        act(served, tmp_path)
    known = len(served.decided)
    served.faults = [*[None] * (place or 0), *[name] * times]
    try:
        settled: Settled | None = act(served, tmp_path)
    except (Unreachable, NotProven):
        settled = None
    kept = list((tmp_path / "outbox").glob("*"))
    assert len(served.decided) - known <= 1
    assert len(kept) <= (settled is None)
    assert settled is not None or kept or len(served.decided) == known  # what may have been taken is never forgotten
    served.faults = []
    settled = act(served, tmp_path) if settled is None else settled
    assert len(served.decided) == known + 1
    assert settled.proven.commands() == (COMMAND,)
    assert settled.pinned


@BOTH
def test_repetitions_end(act: Act, tmp_path: Path) -> None:
    served = Served()
    served.faults = ["no connection"] * 100
    with pytest.raises(Unsettled) as caught:
        act(served, tmp_path)
    assert served.exchanges == len(PAUSES) + 1
    assert (tmp_path / "outbox" / f"{caught.value.command_id}.json").exists()


@BOTH
def test_words_are_done_once(act: Callable[..., Settled], tmp_path: Path) -> None:
    """Also from another machine, and after what was kept is lost."""
    served = Served()
    first = act(served, tmp_path / "a", "Order 7")
    for directory in ("a", "b"):
        assert act(served, tmp_path / directory, "Order 7").proven.entry == first.proven.entry
    assert len(served.decided) == 1
    with _client(served, tmp_path / "a") as client, pytest.raises(OtherCommand):
        client.send(CloseParty(reason="another"), words="Order 7")


def test_a_cancelled_command_is_kept(tmp_path: Path) -> None:
    """The answer never comes; who waits gives up; the same bytes settle it later."""
    served = Served()

    async def hang(request: httpx.Request) -> httpx.Response:
        served(request)
        await asyncio.sleep(3_600)
        raise AssertionError

    async def act() -> None:
        transport = httpx.MockTransport(hang)
        client = AsyncClient("http://g", LAB, tmp_path, pinned=PINNED, clock=lambda: NOW, transport=transport,
                             bearer=Bearer())  # fmt: skip
        async with client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.send(COMMAND), 0.2)
            assert len(await client.unsettled()) == 1

    asyncio.run(act())
    assert blocking(served, tmp_path).proven.commands() == (COMMAND,)
    assert len(served.decided) == 1
