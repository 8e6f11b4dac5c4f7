"""All deliveries of a gateway, on a thread with an event loop of its own: no command and no query waits for them.

Gateways share the webhooks by leases in their store. Each has those that it follows, renews them, and takes what
no gateway holds, so that one that ended is replaced within `WEBHOOK_LEASE` seconds. An attempt begins only if it ends
while the lease lasts; clocks of gateways may differ by what is left then.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from threading import Thread
from typing import Any, Final, TypeVar

from counterfoil.contract.log_id import LogId, host_of
from counterfoil.contract.times import SECOND, format_time
from counterfoil.gateway import noise
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import WEBHOOK_ATTEMPTS, WEBHOOK_READERS, WEBHOOK_TESTS, WEBHOOKS_HELD
from counterfoil.gateway.following import Following, Pace, log, secrets_of
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import session_time
from counterfoil.gateway.webhook_sending import Attempt, Sender
from counterfoil.gateway.webhook_targets import Resolver
from counterfoil.ports import Unavailable
from counterfoil.webhooks import Webhook

T = TypeVar("T")
TEST_TYPE: Final = "webhook.test.v1"
"""The event type of a test; no log has such an event."""
_ALONE: Final = "alone"
_RENEWALS: Final = 3  # in the time of a lease


class Deliveries:
    """The webhooks that this gateway holds, and their deliveries."""

    def __init__(
        self, backend: Backend, *, loopback: bool, pace: Pace | None = None, sender: Sender | None = None
    ) -> None:
        """`loopback`: messages may go to this machine. `sender`: in place of one that resolves names."""
        self.backend, self.pace = backend, Pace() if pace is None else pace
        self.holder = _ALONE if backend.alone else secrets.token_hex(8)
        self.held_until, self.ends = 0, dict[str, int]()
        self.places = asyncio.Semaphore(WEBHOOK_ATTEMPTS)
        self._resolver = Resolver(loopback=loopback)
        own = Sender(self._resolver.addresses, loopback=loopback, within=self.pace.attempt)
        self.sender = own if sender is None else sender
        self._readers = ThreadPoolExecutor(WEBHOOK_READERS, "counterfoil-webhook-reads")
        self._writers = ThreadPoolExecutor(1, "counterfoil-webhook-rows")
        self._renew_at = 0
        self._testing = 0
        self._followed: dict[str, tuple[int, asyncio.Task[None]]] = {}  # by id: the revision, and its deliveries
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._thread = Thread(target=self._serve, name="counterfoil-webhooks", daemon=True)
        noise.bound(log.name)

    # from other threads ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin."""
        self._loop = asyncio.new_event_loop()
        self._thread.start()

    def stop(self) -> None:
        """End the attempts under way, and give up the leases. Waits for the thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    async def test(self, webhook: Webhook) -> Attempt:
        """Send a test beside the events, whether it is paused or not. From any event loop. Raises `Problem`."""
        if self._testing >= WEBHOOK_TESTS or self._loop is None:
            raise Problem(ProblemCode.BUSY)
        self._testing += 1
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._test(webhook), self._loop))
        finally:
            self._testing -= 1

    # on its thread --------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        if self._loop is not None:
            with closing(self._loop):
                self._loop.run_until_complete(self.run())

    async def run(self) -> None:
        """Hold webhooks and deliver until `stop`."""
        try:
            while not self._stopping.is_set():
                try:
                    await self._look()
                except Unavailable as problem:
                    log.debug("webhooks wait: %s", problem)
                except Exception:  # noqa: BLE001 else nothing would be delivered any more
                    log.exception("webhooks: looking for what is to be delivered failed; it is tried again")
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self.pace.poll)
        finally:
            await self._leave()

    async def read(self, call: Callable[[], T]) -> T:
        """Call on a thread that may take seconds."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, call)

    async def write(self, call: Callable[[], T]) -> T:
        """Call on the thread that changes rows; done also if nobody waits any more, before leases are given up."""
        future = asyncio.get_running_loop().run_in_executor(self._writers, call)
        future.add_done_callback(_retrieve)
        return await asyncio.shield(future)

    async def _look(self) -> None:
        """Renew and take leases, follow what is held, and see how far the views are."""
        if not self.backend.webhooks.in_use:
            return
        until, found = await self.write(self._hold)
        held = {each.id: each for each in found}
        for webhook_id, (revision, task) in list(self._followed.items()):
            if task.done() or webhook_id not in held or held[webhook_id].revision != revision:
                task.cancel()
                await asyncio.wait([task])
                _report(task)
                del self._followed[webhook_id]
        self.held_until = until  # not before: what was lost meanwhile must begin nothing more
        for webhook_id in held.keys() - self._followed.keys():
            webhook = held[webhook_id]
            self._followed[webhook_id] = webhook.revision, asyncio.create_task(Following(self, webhook).run())
        if self._followed:
            self.ends = dict(await self.read(self.backend.positions))

    def _hold(self) -> tuple[int, list[Webhook]]:
        """Until when what is held is, and what that is."""
        now, store = session_time(), self.backend.webhooks
        lease = round(self.pace.lease * SECOND)
        until = self.held_until
        if now >= self._renew_at:
            until = now + lease
            if self._followed or not self._renew_at:
                store.renew(self.holder, until)
            self._renew_at = now + lease // _RENEWALS
        if len(self._followed) < WEBHOOKS_HELD:
            store.claim(self.holder, now, until, WEBHOOKS_HELD - len(self._followed))
        return until, store.held(self.holder)

    async def _leave(self) -> None:
        tasks = [task for _, task in self._followed.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self.backend.webhooks.in_use:
            with suppress(Unavailable):
                await self.write(lambda: self.backend.webhooks.release(self.holder))
        self._resolver.close()
        for pool in (self._readers, self._writers):
            pool.shutdown()

    async def _test(self, webhook: Webhook) -> Attempt:
        now = session_time()
        event = _test_event(self.backend, webhook, now)
        async with self.sender.client(webhook.url) as client:
            return await self.sender.send(client, webhook.url, secrets_of(webhook, now), event)


def _test_event(backend: Backend, webhook: Webhook, at: int) -> dict[str, Any]:
    """The event of a test: as those of the feed, of a type of its own."""
    host = host_of(backend.origins[LogId("issuance")])
    return {
        "specversion": "1.0",
        "id": f"{host}/{webhook.id}/{at}",
        "source": f"//{host}",
        "type": TEST_TYPE,
        "subject": webhook.id,
        "time": format_time(at),
        "datacontenttype": "application/json",
        "data": {"webhook_id": webhook.id, "party_id": webhook.party_id},
    }


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Retrieve the error of a call that nobody awaits, so that asyncio does not log it."""
    if not future.cancelled():
        future.exception()


def _report(task: asyncio.Task[None]) -> None:
    """Log what no delivery should raise."""
    problem = None if task.cancelled() else task.exception()
    if problem is not None:
        log.error("a webhook's deliveries failed", exc_info=problem)
