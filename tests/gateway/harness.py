"""Two ways to run the gateway: stepped (one thread, deterministic, no socket) and served (threads, loopback)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from base64 import b64decode
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn
from fastapi import FastAPI

from counterfoil.contract.entry import CommandCause, Entry
from counterfoil.gateway.app import create_app
from counterfoil.gateway.context import Pages
from counterfoil.gateway.protections import Protections
from counterfoil.gateway.relay import AnswerRelay
from counterfoil.gateway.server import server_config
from counterfoil.log.keys import VerifyKey
from counterfoil.log.proofs import verify_receipt
from counterfoil.vocabulary import CODEC
from tests.gateway.conformance import Document
from tests.gateway.world import Market

T = TypeVar("T")
ENVELOPE = {"Content-Type": "application/vnd.dsse.envelope.v1+json"}
PUBLIC = Protections(disclosure="public")
"""What a test runs with that asks for no particular protections: it reads without a session."""
PROBLEM = "application/problem+json"


_DOCUMENTS: dict[frozenset[str], Document] = {}


def described(app: FastAPI) -> Document:
    """What the gateway says of itself; made once for all that have the same routes, since it takes half a second."""
    routes = frozenset(getattr(route, "path", "") for route in app.routes)
    if routes not in _DOCUMENTS:
        _DOCUMENTS[routes] = Document(app.openapi())
    return _DOCUMENTS[routes]


class Stepped:
    """A client whose requests drive the services: the system steps in the same thread until each is answered."""

    def __init__(
        self, market: Market, relay: AnswerRelay, protections: Protections = PUBLIC, pages: Pages = lambda _context: ()
    ) -> None:
        self.market = market
        self.app = create_app(market.system.backend(), relay, protections, pages)
        self.step = market.system.settle
        self.document = described(self.app)
        self._loop = asyncio.new_event_loop()
        self._lifespan = self.app.router.lifespan_context(self.app)
        self._loop.run_until_complete(self._lifespan.__aenter__())
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://gateway")

    def close(self) -> None:
        """Close the client."""
        self._loop.run_until_complete(self._client.aclose())
        self._loop.run_until_complete(self._lifespan.__aexit__(None, None, None))
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request, answered in full, as the OpenAPI document describes it."""
        return self.ask(self._client.build_request(method, path, **more))

    def browse(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request of a page, which no document describes; cookies are those of `more` alone."""
        self._client.cookies.clear()
        return self.stepping(self._client.request(method, path, **more))

    def ask(self, request: httpx.Request) -> httpx.Response:
        """The same for a request that is made already."""
        response = self.stepping(self._client.send(request))
        self.document.check(response)
        return response

    def stepping(self, request: Coroutine[Any, Any, T]) -> T:
        """The result of `request`, while the system steps."""
        return self._loop.run_until_complete(self._stepping(request))

    async def _stepping(self, request: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(request)
        while not task.done():
            await asyncio.sleep(0.000_2)
            self.step()
        return task.result()

    def get(self, path: str, **params: Any) -> httpx.Response:
        """A query."""
        return self.request("GET", path, params=params)

    def post(self, envelope: bytes, **headers: str) -> httpx.Response:
        """A command."""
        return self.stepping(self.send(envelope, **headers))

    async def send(self, envelope: bytes, **headers: str) -> httpx.Response:
        """The same as a coroutine, for several at once; the system must step."""
        response = await self._client.post("/v1/commands", content=envelope, headers={**ENVELOPE, **headers})
        self.document.check(response)
        return response


@contextlib.contextmanager
def stepped(home: Path, protections: Protections = PUBLIC) -> Iterator[Stepped]:
    """The market of `home`, new or as it was left, behind a stepped client."""
    relay = AnswerRelay()
    fresh = not (home / "instance.json").exists()
    market = Market(home, DeliverToBoth(relay))
    client = Stepped(market.open() if fresh else market, relay, protections)
    try:
        yield client
    finally:
        client.close()
        market.system.close()


class DeliverToBoth:
    """Delivers answers to plain futures, and to those of the gateway's event loop."""

    def __init__(self, relay: AnswerRelay) -> None:
        self._relay = relay

    def __call__(self, answers: Any) -> None:
        """Called on the stepping thread."""
        plain = [(waiter, answer) for waiter, answer in answers if not isinstance(waiter, asyncio.Future)]
        for waiter, answer in plain:
            waiter.set_result(answer)
        self._relay([pair for pair in answers if isinstance(pair[0], asyncio.Future)])


class Served:
    """The market with a thread per service, and a server on a free loopback port."""

    def __init__(self, market: Market, url: str, document: Document) -> None:
        self.market, self.url, self.document = market, url, document
        self.port = httpx.URL(url).port or 0

    def client(self, **options: Any) -> httpx.Client:
        """A client with its own connections; its answers are as the OpenAPI document describes them."""
        hooks = {"response": [self.document.check]}
        return httpx.Client(base_url=self.url, timeout=15, trust_env=False, event_hooks=hooks, **options)

    def post(self, envelope: bytes) -> httpx.Response:
        """Send a command over its own connection."""
        with self.client() as client:
            return client.post("/v1/commands", content=envelope, headers=ENVELOPE)


@contextlib.contextmanager
def served(home: Path) -> Iterator[Served]:
    """A new market behind a server."""
    relay = AnswerRelay()
    market = Market(home, DeliverToBoth(relay)).open()
    app = create_app(market.system.backend(), relay, PUBLIC)
    server = uvicorn.Server(server_config(app, log_level="critical", timeout_graceful_shutdown=1))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],))
    market.system.start()
    thread.start()
    try:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with httpx.Client(trust_env=False) as client:
            assert client.get(f"{url}/healthz").json() == {"ok": True, "failure": "", "waiting": {}, "catching_up": ""}
        yield Served(market, url, described(app))
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        market.system.close()


def checked_entry(market: Market, receipt: dict[str, Any], envelope: bytes) -> Entry:
    """The entry of a receipt, after verifying it offline and checking that it has exactly the bytes of `envelope`."""
    data = b64decode(receipt["entry"])
    service = receipt["origin"].split("/")[1]
    vkey = (market.home / "logs" / service / "main" / "vkey").read_text().strip()
    proven, checkpoint = verify_receipt(receipt["proof"].encode(), data, [VerifyKey.parse(vkey)])
    assert (checkpoint.origin, proven.index) == (receipt["origin"], receipt["index"])
    entry = CODEC.decode_entry(data)
    sent = json.loads(envelope)
    assert isinstance(entry.cause, CommandCause)
    assert entry.cause.payload == b64decode(sent["payload"])
    assert entry.cause.signature == b64decode(sent["signatures"][0]["sig"])
    return entry


def problem_of(response: httpx.Response) -> dict[str, Any]:
    """The problem document of a response."""
    assert response.headers["content-type"] == PROBLEM, response.text
    body: dict[str, Any] = response.json()
    assert body["status"] == response.status_code
    return body
