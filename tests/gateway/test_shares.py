"""Whoever asks for everything at once takes neither threads nor turns from others."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from counterfoil.gateway import shares
from counterfoil.gateway.bounds import (
    MAX_STREAMS,
    MAX_STREAMS_PER_PEER,
    PACE_SECONDS,
    QUERIES_PER_SECOND,
    UNDER_WAY_PER_PEER,
)
from counterfoil.gateway.peers import ASKING
from counterfoil.gateway.pools import Pool
from counterfoil.gateway.problems import Problem
from counterfoil.gateway.shares import Pace, Places, Shares, waits


def test_streams_are_bounded_in_all_and_per_peer() -> None:
    places, peers = Places(MAX_STREAMS, MAX_STREAMS_PER_PEER), MAX_STREAMS // MAX_STREAMS_PER_PEER
    for peer in range(peers):
        for _ in range(MAX_STREAMS_PER_PEER):
            assert places.take(f"10.0.0.{peer}")
        if peer < peers - 1:
            assert not places.take(f"10.0.0.{peer}")
    assert not places.take("10.0.1.0")
    places.release("10.0.0.0")
    assert places.take("10.0.1.0")


class Application:
    """An ASGI application whose requests wait until they are released; knows who was under way, in order."""

    def __init__(self) -> None:
        self.under_way: list[str] = []
        self.scopes: list[Scope] = []
        self.released = asyncio.Event()

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        """One request."""
        self.under_way.append(scope["client"][0])
        self.scopes.append(scope)
        await self.released.wait()


def request(peer: str, method: str = "GET", path: str = "/v1/bids") -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "client": (peer, 1)}


COMMAND = request("10.0.0.1", "POST", "/v1/commands")


def test_of_one_peers_queries_few_are_under_way() -> None:
    async def run() -> None:
        inner = Application()
        shared: Any = Shares(inner)
        first = [asyncio.ensure_future(shared(request("10.0.0.1"), None, None)) for _ in range(UNDER_WAY_PER_PEER + 5)]
        await asyncio.sleep(0)
        others = [request("10.0.0.2"), COMMAND, request("10.0.0.1", path="/healthz")]
        waiting = [asyncio.ensure_future(shared(each, None, None)) for each in others]
        await asyncio.sleep(0)
        assert inner.under_way == ["10.0.0.1"] * UNDER_WAY_PER_PEER + ["10.0.0.2", "10.0.0.1", "10.0.0.1"]
        first[-1].cancel()  # who leaves holds up nobody
        inner.released.set()
        await asyncio.gather(*first, *waiting, return_exceptions=True)
        assert len(inner.under_way) == UNDER_WAY_PER_PEER + 4 + len(others)
        assert not shared._waiting

    asyncio.run(run())


def test_a_command_leaves_its_share_once_it_is_checked() -> None:
    async def run() -> None:
        inner = Application()
        shared: Any = Shares(inner)
        wanted = UNDER_WAY_PER_PEER + 3
        sent = [asyncio.ensure_future(shared(dict(COMMAND), None, None)) for _ in range(wanted)]
        await asyncio.sleep(0)
        assert len(inner.under_way) == UNDER_WAY_PER_PEER
        for scope in inner.scopes[:2]:
            waits(scope)
            waits(scope)  # nothing happens
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(inner.under_way) == UNDER_WAY_PER_PEER + 2
        inner.released.set()
        await asyncio.gather(*sent)
        assert len(inner.under_way) == wanted

    asyncio.run(run())


def test_a_peer_asks_at_a_pace() -> None:
    pace, at_once = Pace(), round(QUERIES_PER_SECOND * PACE_SECONDS)
    delays = [pace.delay("10.0.0.1", 100.0) for _ in range(at_once + QUERIES_PER_SECOND)]
    assert max(delays[:at_once]) < 0.001
    assert delays[at_once] > 0.001
    assert delays[-1] == pytest.approx(1.0)
    assert pace.delay("10.0.0.2", 100.0) == 0.0
    assert pace.delay("10.0.0.1", 102.0) == 0.0


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/sessions"), ("POST", "/v1/nothing"), ("PUT", "/v1/bids")])
def test_whatever_is_no_command_comes_at_that_pace(monkeypatch: pytest.MonkeyPatch, method: str, path: str) -> None:
    """Posts to no route, and documents that open no session, cost as much as queries and had no pace."""
    asked: list[str] = []

    def delay(_pace: Pace, peer: str, _now: float) -> float:
        asked.append(peer)
        return 0.0

    monkeypatch.setattr(Pace, "delay", delay)
    inner = Application()
    inner.released.set()
    shared: Any = Shares(inner)
    asyncio.run(shared(request("10.0.0.1", method, path), None, None))
    asyncio.run(shared(dict(COMMAND), None, None))
    assert asked == ["10.0.0.1"]


def test_peers_that_may_ask_again_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "PEERS_KEPT", 3)
    pace = Pace()
    for peer in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
        pace.delay(peer, 100.0)
    pace.delay("10.0.0.4", 200.0)
    assert set(pace._full_at) == {"10.0.0.4"}


def test_a_pool_bounds_what_waits_for_it() -> None:
    async def run() -> None:
        pool, goes_on = Pool("tested", threads=1, waiting=2), threading.Event()
        calls = [asyncio.ensure_future(pool.run(goes_on.wait, 10)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await pool.run(goes_on.wait, 10)
        assert (refused.value.status, refused.value.code) == (503, "busy")
        calls[0].cancel()  # its thread is busy still
        await asyncio.sleep(0)
        with pytest.raises(Problem, match="busy"):
            await pool.run(goes_on.wait, 10)
        goes_on.set()
        assert await asyncio.gather(*calls[1:]) == [True, True]
        assert await pool.run(max, 1, 2) == 2
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 / 0)
        pool.close()

    asyncio.run(run())


def test_peers_take_turns_in_a_pool() -> None:
    """A peer that asked for many slow pages made all others wait for them."""

    async def run() -> list[str]:
        pool, goes_on, done = Pool("tested", threads=1, waiting=20), threading.Event(), list[str]()

        async def ask(peer: str) -> None:
            ASKING.set(peer)
            await pool.run(goes_on.wait, 10)
            done.append(peer)

        calls = [asyncio.create_task(ask(peer)) for peer in ("a", "a", "a", "a", "b", "c", "b")]
        await asyncio.sleep(0)
        calls[2].cancel()  # one that waits frees its place
        goes_on.set()
        await asyncio.gather(*calls, return_exceptions=True)
        assert await asyncio.gather(*(pool.run(max, 1, 2) for _ in range(21))) == [2] * 21
        pool.close()
        return done

    assert asyncio.run(run()) == ["a", "a", "b", "c", "b", "a"]  # who left had a turn
