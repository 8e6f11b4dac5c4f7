"""A gateway, and a party's client of it, for asyncio: the same protocols as `http.Gateway` and `blocking.Client`.

Any call may be cancelled: a command that was sent stays in the outbox until `resend` settles it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from counterfoil.client.async_driver import AsyncDriver
from counterfoil.client.author import Author
from counterfoil.client.bearer import Bearer
from counterfoil.client.blocking import WAIT, session_of
from counterfoil.client.connecting import reaching
from counterfoil.client.delivery import Settled
from counterfoil.client.exchanges import PAUSES, Exchanges
from counterfoil.client.orders import OrderOutcome, follow_order
from counterfoil.client.outbox import Kept
from counterfoil.client.party import Commands, Party, now
from counterfoil.client.published import Met
from counterfoil.client.steps import Steps, work
from counterfoil.client.verify import Proven
from counterfoil.contract.log_id import MAIN, LogId
from counterfoil.log.keys import VerifyKey

if TYPE_CHECKING:
    from counterfoil.client.states import StateRecord

T = TypeVar("T")


class AsyncGateway:
    """One gateway; for several tasks at once."""

    def __init__(
        self,
        url: str,
        *,
        pauses: Sequence[float] = PAUSES,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        transport: httpx.AsyncBaseTransport | None = None,
        token: str | None = None,
        bearer: Bearer | None = None,
        ca: Path | None = None,
    ) -> None:
        """As `http.Gateway`."""
        self.url = url
        self.exchanges = Exchanges(url, pauses, Bearer(token) if bearer is None else bearer)
        reached = reaching(url, ca) if transport is None else {}  # a proxy would take the transport's place
        self._driver = AsyncDriver(httpx.AsyncClient(base_url=url, transport=transport, **reached), sleep)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._driver.close()

    async def run(self, steps: Steps[T]) -> T:
        """Carry out a protocol with this gateway."""
        return await self._driver.run(steps)

    async def submit(self, envelope: bytes, *, wait: int | None = None) -> dict[str, Any]:
        """As `http.Gateway.submit`."""
        return await self.run(self.exchanges.submit(envelope, wait))

    async def submit_async(self, envelope: bytes) -> None:
        """As `http.Gateway.submit_async`."""
        await self.run(self.exchanges.submit_async(envelope))

    async def receipt(self, log: LogId, actor: str, command_id: str) -> dict[str, Any]:
        """As `http.Gateway.receipt`."""
        return await self.run(self.exchanges.receipt(log, actor, command_id))

    async def open_session(self, envelope: bytes) -> dict[str, Any]:
        """As `http.Gateway.open_session`."""
        return await self.run(self.exchanges.open_session(envelope))

    async def sessions(self) -> list[dict[str, Any]]:
        """As `http.Gateway.sessions`."""
        return await self.run(self.exchanges.sessions())

    async def end_session(self, *, all_: bool = False) -> None:
        """As `http.Gateway.end_session`."""
        await self.run(self.exchanges.end_session(all_=all_))

    async def get(self, view: str, *key: str, wait_for: Sequence[str] = ()) -> dict[str, Any]:
        """As `http.Gateway.get`."""
        return await self.run(self.exchanges.row(view, key, wait_for))

    def rows(
        self,
        view: str,
        filters: Mapping[str, str] | None = None,
        *,
        limit: int | None = None,
        wait_for: Sequence[str] = (),
        newest: bool = False,
        since: int | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """As `http.Gateway.rows`. Close it (`contextlib.aclosing`) if you do not read to its end."""
        return self._driver.items(self.exchanges.rows(view, filters or {}, limit, wait_for, newest=newest, since=since))

    async def depth(
        self, class_id: str, region: str, currency: str | None = None, wait_for: Sequence[str] = ()
    ) -> dict[str, Any]:
        """As `http.Gateway.depth`."""
        return await self.run(self.exchanges.depth(class_id, region, currency, wait_for))

    async def quote(
        self,
        market: tuple[str, str, str],
        nodes: int,
        hours: int,
        *,
        earliest: str | None = None,
        latest: str | None = None,
        limit_price: int | None = None,
        min_nodes: int | None = None,
        min_reclaim_notice: int | None = None,
        programme_id: str | None = None,
        wait_for: Sequence[str] = (),
    ) -> dict[str, Any]:
        """As `http.Gateway.quote`."""
        terms = {"nodes": nodes, "hours": hours, "earliest": earliest, "latest": latest, "limit_price": limit_price}
        least = {"min_nodes": min_nodes, "min_reclaim_notice": min_reclaim_notice}
        more = {**terms, **least, "programme_id": programme_id}
        return await self.run(self.exchanges.market("quote", market, wait_for, **more))

    async def depth_by_hour(
        self,
        market: tuple[str, str, str],
        *,
        first: str | None = None,
        hours: int | None = None,
        wait_for: Sequence[str] = (),
    ) -> dict[str, Any]:
        """As `http.Gateway.depth_by_hour`."""
        return await self.run(self.exchanges.market("depth/hours", market, wait_for, first=first, hours=hours))

    async def index(
        self, market: tuple[str, str, str], *, days: int | None = None, wait_for: Sequence[str] = ()
    ) -> dict[str, Any]:
        """As `http.Gateway.index`."""
        return await self.run(self.exchanges.market("index", market, wait_for, days=days))

    async def health(self) -> dict[str, Any]:
        """As `http.Gateway.health`."""
        return await self.run(self.exchanges.health())

    async def feed_page(self, start: str = "", *, since: int | None = None, wait: int = 0) -> dict[str, Any]:
        """As `http.Gateway.feed_page`."""
        return await self.run(self.exchanges.feed_page(start, since, wait))

    def feed(self, start: str = "", *, since: int | None = None, follow: bool = False) -> AsyncIterator[dict[str, Any]]:
        """As `http.Gateway.feed`. Close it (`contextlib.aclosing`) if you do not read to its end."""
        return self._driver.items(self.exchanges.feed(start, since, follow=follow))

    async def webhooks(self) -> list[dict[str, Any]]:
        """As `http.Gateway.webhooks`."""
        return await self.run(self.exchanges.webhooks())

    async def webhook(self, webhook_id: str) -> dict[str, Any]:
        """As `http.Gateway.webhook`."""
        return await self.run(self.exchanges.webhook(webhook_id))

    async def create_webhook(
        self, url: str, types: Sequence[str] = (), *, start: str = "", since: int | None = None
    ) -> dict[str, Any]:
        """As `http.Gateway.create_webhook`."""
        return await self.run(self.exchanges.create_webhook(url, types, start, since))

    async def delete_webhook(self, webhook_id: str) -> None:
        """As `http.Gateway.delete_webhook`."""
        await self.run(self.exchanges.delete_webhook(webhook_id))

    async def pause_webhook(self, webhook_id: str) -> dict[str, Any]:
        """As `http.Gateway.pause_webhook`."""
        return await self.run(self.exchanges.change_webhook(webhook_id, "pause"))

    async def resume_webhook(self, webhook_id: str) -> dict[str, Any]:
        """As `http.Gateway.resume_webhook`."""
        return await self.run(self.exchanges.change_webhook(webhook_id, "resume"))

    async def test_webhook(self, webhook_id: str) -> dict[str, Any]:
        """As `http.Gateway.test_webhook`."""
        return await self.run(self.exchanges.change_webhook(webhook_id, "test"))

    async def rotate_webhook_secret(self, webhook_id: str) -> dict[str, Any]:
        """As `http.Gateway.rotate_webhook_secret`."""
        return await self.run(self.exchanges.change_webhook(webhook_id, "secret"))

    async def replay_webhook(self, webhook_id: str, start: str = "", *, since: int | None = None) -> dict[str, Any]:
        """As `http.Gateway.replay_webhook`."""
        return await self.run(self.exchanges.replay_webhook(webhook_id, start, since))

    async def log_file(self, log: LogId, path: str) -> bytes:
        """As `http.Gateway.log_file`."""
        return await self.run(self.exchanges.log_file(log, path))

    async def state(self, log: LogId, key: str) -> dict[str, Any]:
        """As `http.Gateway.state`."""
        return await self.run(self.exchanges.state(log, key))

    def tail(
        self, logs: Sequence[str], start: Sequence[str] = (), *, resume: bool = False
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """As `http.Gateway.tail`. Close it (`contextlib.aclosing`) when you stop reading."""
        return self._driver.items(self.exchanges.entries(logs, start, resume=resume))


class AsyncClient(AsyncGateway):
    """A party's client for asyncio."""

    def __init__(
        self,
        url: str,
        author: Author,
        directory: Path,
        *,
        pinned: Mapping[str, VerifyKey],
        clock: Callable[[], int] = now,
        sending: Callable[[Kept], None] = lambda _kept: None,
        pauses: Sequence[float] = PAUSES,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        transport: httpx.AsyncBaseTransport | None = None,
        bearer: Bearer | None = None,
        ca: Path | None = None,
    ) -> None:
        """As `blocking.Client`."""
        own = session_of(url, author, pinned, ca) if bearer is None else bearer
        super().__init__(url, pauses=pauses, sleep=sleep, transport=transport, bearer=own, ca=ca)
        self._party = Party(self.exchanges, author, directory, pinned, clock, sending)

    async def send(self, commands: Commands, *, words: str | None = None, shard: str = MAIN) -> Settled:
        """As `blocking.Client.send`."""
        return await self.run(self._party.send(commands, words, shard))

    async def outcome(self, settled: Settled, *, wait: float = WAIT) -> OrderOutcome | None:
        """As `blocking.Client.outcome`."""
        return await self.run(follow_order(self.exchanges, settled, wait))

    async def unsettled(self) -> list[Kept]:
        """As `blocking.Client.unsettled`."""
        return await self.run(work(lambda: list(self._party.delivery.outbox.all())))

    async def resend(self, kept: Kept) -> Settled:
        """As `blocking.Client.resend`."""
        return await self.run(self._party.delivery.resend(kept))

    async def checkpoint(self, log: LogId) -> Met:
        """As `blocking.Client.checkpoint`."""
        return await self.run(self._party.newest(log))

    async def entry(self, log: LogId, index: int) -> Proven:
        """As `blocking.Client.entry`."""
        return await self.run(self._party.entry(log, index))

    async def record(self, log: LogId, key: str) -> StateRecord:
        """As `blocking.Client.record`."""
        return await self.run(self._party.record(log, key))
