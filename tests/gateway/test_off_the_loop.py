"""No coroutine of the gateway waits for a database or a file on the event loop; checked by running every route."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Match

from counterfoil.client.author import Author
from counterfoil.console.app import pages
from counterfoil.console.catalogue import PAGES
from counterfoil.gateway import parameters, signatures
from counterfoil.gateway.app import create_app
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.pools import Pool
from counterfoil.gateway.relay import AnswerRelay
from counterfoil.gateway.view_positions import ViewPositions
from counterfoil.ports import Unavailable
from counterfoil.storage.database import Database
from tests.gateway.harness import ENVELOPE, PUBLIC, DeliverToBoth
from tests.gateway.requests import STREAMS
from tests.gateway.world import Market, deposit, seed_of


class OnLoop:
    """Records every use of a database or a file on a thread that runs an event loop."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.off_loop = 0
        self.watching = False

    def note(self, what: str) -> None:
        """Record an operation that may block."""
        if self.watching:
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                self.off_loop += 1
            else:
                self.seen.append(what)

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Files, as the interpreter reports them."""
        if event == "open" and isinstance(args[0], str | bytes) and not str(args[0]).endswith((".py", ".pyc")):
            self.note(f"open {args[0]!r}")


WATCHED = OnLoop()
sys.addaudithook(WATCHED.audit)  # audit hooks cannot be removed: this one does nothing outside of `watched`


@contextlib.contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[OnLoop]:
    """Record uses of databases and files during the block."""
    for name in ("read", "consistent_read", "write"):
        method: Callable[[Database], Any] = getattr(Database, name)

        def guarded(self: Database, *given: Any, method: Callable[..., Any] = method) -> Any:
            WATCHED.note(f"database {self.dialect.place}")
            return method(self, *given)

        monkeypatch.setattr(Database, name, guarded)
    WATCHED.seen, WATCHED.off_loop, WATCHED.watching = [], 0, True
    try:
        yield WATCHED
    finally:
        WATCHED.watching = False


class World:
    """A gateway over running services that reads the views' positions from their database, as when distributed."""

    def __init__(self, home: Path) -> None:
        self.relay = AnswerRelay()
        self.market = Market(home, DeliverToBoth(self.relay)).open()
        origins = self.market.system.backend().origins.values()

        def positions() -> Mapping[str, int]:
            known = self.market.system.views.positions()
            return {origin: known.get(origin, 0) for origin in origins}

        self.backend: Backend = replace(self.market.system.backend(), positions=positions)
        self.app = create_app(self.backend, self.relay, PUBLIC, pages)

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request on the running loop."""
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.request(method, path, **more)

    async def post(self, envelope: bytes) -> httpx.Response:
        """A command."""
        return await self.ask("POST", "/v1/commands", content=envelope, headers=ENVELOPE)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The services run on their own threads, so that this one has only the gateway's event loop."""
    world = World(tmp_path_factory.mktemp("market") / "home")
    world.market.system.start()
    yield world
    world.market.system.close()


def requests(world: World) -> list[tuple[str, str]]:
    """A request, or several, for every route."""
    paths = ["/healthz", "/openapi.json", "/v1/depth?class_id=a100&region=east&wait_for=ledger:1"]
    market = "class_id=a100&region=east&currency=USD"
    paths += [f"/v1/quote?{market}&nodes=1&hours=1", f"/v1/depth/hours?{market}", f"/v1/index?{market}"]
    for view in world.backend.definitions:
        place = f"/v1/{view.name.replace('_', '-')}"
        key = "/".join("1" if view.columns[name] in ("int", "amount") else "none" for name in view.key)
        paths += [place, f"{place}?wait_for=ledger:1&wait_for=issuance:0", f"{place}/{key}?wait_for=ledger:1"]
    for service in world.backend.origins:
        log = f"/log/{service}/main"
        paths += [f"{log}/checkpoint", f"{log}/vkey", f"{log}/tile/0/000.p/1", f"{log}/tile/entries/000"]
    paths += ["/v1/commands/ledger/treasury/none", "/v1/commands/ledger/treasury/01890000-0000-7000-8000-000000000000"]
    paths += ["/docs", "/docs/none", "/console", "/console/none", "/console/choose", "/console/words/zh-Hans.json"]
    paths += ["/console/schemas/place_bid.v1.json", "/console/static/none/app.css"]
    paths += [f"/console/{re.sub(r'{[^}]+}', 'none', each.path)}" for each in PAGES]
    return [("GET", path) for path in paths] + [("POST", f"/console/{each}") for each in ("session", "sign-out")]


def test_every_route_keeps_off_the_event_loop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def everything() -> list[tuple[str, str, int]]:
        async with world.app.router.lifespan_context(world.app):
            answers = [(each[1], await world.ask(*each)) for each in requests(world)]
            known = world.market.sign("treasury", deposit("lab-1", 1))
            unknown = world.market.sign("treasury", deposit("lab-1", 1), key=Author("treasury", seed_of("nobody")))
            answers += [("known", await world.post(known)), ("unknown", await world.post(unknown))]
            receipt = answers[-2][1].json()
            actor, command_id = receipt["id"].split("/")[:2]
            answers.append(("receipt", await world.ask("GET", f"/v1/commands/ledger/{actor}/{command_id}")))
            return [(what, answer.text, answer.status_code) for what, answer in answers]

    with watched(monkeypatch) as found:
        answers = asyncio.run(everything())
    assert found.seen == []
    assert found.off_loop > len(answers)
    by_name = {what: status for what, _, status in answers}
    assert (by_name["known"], by_name["unknown"], by_name["receipt"]) == (200, 401, 200)
    assert not [answer for answer in answers if answer[2] not in (200, 303, 307, 400, 401, 404)]


def test_every_route_is_asked(world: World) -> None:
    """Except the two that the test above requests by name, and the streams, which have tests of their own."""
    asked = {path.partition("?")[0] for _, path in requests(world)}
    for route in world.app.routes:
        if isinstance(route, APIRoute) and route.path not in ("/v1/commands", *STREAMS):
            scopes = [{"type": "http", "method": "GET", "path": path, "headers": []} for path in asked]
            assert any(route.matches(scope)[0] is Match.FULL for scope in scopes), route.path


def test_a_stream_keeps_off_the_event_loop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first entry: those that the transport no longer keeps are read from the log's database."""

    app = create_app(world.backend, AnswerRelay(), PUBLIC)

    async def first_entries() -> list[bytes]:
        received, gone = [], asyncio.Event()

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            received.append(message.get("body", b""))
            if b"".join(received).count(b"data:") > 3:
                gone.set()

        scope = {"type": "http", "method": "GET", "path": "/v1/events", "query_string": b"from=ledger:0", "headers": []}
        scope |= {"raw_path": b"/v1/events", "http_version": "1.1", "scheme": "http", "server": ("gateway", 80)}
        async with app.router.lifespan_context(app):
            await asyncio.wait_for(app(scope, receive, send), 20)
        assert not [each for each in threading.enumerate() if each.name.startswith("counterfoil-stream")]
        return received

    with watched(monkeypatch) as found:
        assert b"log.opened.v1" in b"".join(asyncio.run(first_entries()))
    assert found.seen == []


# waiting for positions ------------------------------------------------------------------------------------------------


class Slow:
    """Positions whose read blocks until released; counts concurrent reads."""

    def __init__(self) -> None:
        self.position, self.reading, self.most, self.reads = 0, 0, 0, 0
        self.begun, self.go_on, self._lock = threading.Event(), threading.Event(), threading.Lock()
        self.failures: list[Exception] = []

    def __call__(self) -> Mapping[str, int]:
        """As the backend's `positions`."""
        with self._lock:
            self.reads, self.reading = self.reads + 1, self.reading + 1
            self.most = max(self.most, self.reading)
        self.begun.set()
        assert self.go_on.wait(10)
        with self._lock:
            self.reading -= 1
            self.position += 1
            if self.failures:
                raise self.failures.pop()
            return {"log": self.position}


def test_many_waiters_share_one_read() -> None:
    slow = Slow()

    async def wait() -> list[bool]:
        views = ViewPositions(slow, Pool("keys", 2, 8))
        waiters = [asyncio.create_task(views.reach({"log": 1 + n % 5}, 10)) for n in range(100)]
        assert await asyncio.to_thread(slow.begun.wait, 10)  # on a busy machine a thread takes a while to begin
        await asyncio.sleep(0.05)
        assert (slow.reads, slow.reading) == (1, 1)  # and the loop has kept running meanwhile
        waiters[0].cancel()
        slow.go_on.set()
        return await asyncio.gather(*waiters[1:])

    assert asyncio.run(wait()) == [True] * 99
    assert slow.most == 1
    assert slow.reads < 25  # each waits by itself between reads, and wakes when the loop comes to it


def test_a_database_that_hangs_is_waited_for_no_longer_than_one_that_lags() -> None:
    slow = Slow()

    async def wait() -> None:
        views = ViewPositions(slow, Pool("keys", 2, 8))
        assert not await views.reach({"log": 1}, 0.05)
        assert not await views.reach({"log": 1}, 0.05)
        assert slow.reads == 1
        slow.go_on.set()
        assert await views.reach({"log": 1}, 10)
        assert not await views.reach({"log": 10**6}, 0.05)
        assert await views.reach({}, 0)

    asyncio.run(wait())


@pytest.mark.parametrize("problem", [Unavailable("no database"), TimeoutError("of the database itself")], ids=repr)
def test_a_read_error_reaches_all_waiters_and_the_next_one_reads_again(problem: Exception) -> None:
    slow = Slow()
    slow.failures = [problem]
    slow.go_on.set()

    async def wait() -> None:
        views = ViewPositions(slow, Pool("keys", 2, 8))
        both = await asyncio.gather(*(views.reach({"log": 1}, 10) for _ in range(2)), return_exceptions=True)
        assert [repr(each) for each in both] == [repr(problem)] * 2
        assert await views.reach({"log": 1}, 10)

    asyncio.run(wait())


def test_a_hanging_database_leaves_the_other_routes_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "WAIT_AT_MOST", 0.3)
    monkeypatch.setattr(signatures, "CATCH_UP_WITHIN", 0.3)
    slow = Slow()
    app = create_app(replace(world.backend, positions=slow), AnswerRelay(), PUBLIC)

    async def ask() -> list[Any]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            unknown = world.market.sign("treasury", deposit("lab-1", 1), key=Author("treasury", seed_of("nobody")))
            waiting = [
                asyncio.create_task(client.get("/v1/bids?wait_for=ledger:1")),
                asyncio.create_task(client.post("/v1/commands", content=unknown, headers=ENVELOPE)),
            ]
            others = [await client.get(path) for path in ("/healthz", "/v1/bids", "/log/ledger/main/checkpoint")]
            assert not any(each.done() for each in waiting)
            late = await asyncio.gather(*waiting)
            slow.go_on.set()
            return [*(each.status_code for each in others), *(each.json()["code"] for each in late)]

    assert asyncio.run(ask()) == [200, 200, 200, "wait_timed_out", "catching_up"]
