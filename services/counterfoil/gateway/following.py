"""One webhook while this gateway holds it: its party's feed is read, and sent event by event.

An event counts as delivered once it was answered with 2xx and that is recorded; until then it is sent again, so that a
receiver gets every event at least once. None is sent before the one in front of it was delivered.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import httpx

from counterfoil.contract.times import SECOND
from counterfoil.gateway.answers import positions_of
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import (
    READER_KNOWN_FOR,
    SCAN_WITHIN,
    WEBHOOK_ATTEMPT_WITHIN,
    WEBHOOK_GIVE_UP,
    WEBHOOK_LEASE,
    WEBHOOK_PAGE,
    WEBHOOK_POLL,
    WEBHOOK_RECORDED_EVERY,
    WEBHOOK_RETRY_FIRST,
    WEBHOOK_RETRY_LONGEST,
)
from counterfoil.gateway.feed import Page, read_page
from counterfoil.gateway.parameters import parse_position
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import session_time
from counterfoil.gateway.stream import name_positions
from counterfoil.gateway.webhook_sending import Attempt, Sender
from counterfoil.ports import TookTooLong, Unavailable
from counterfoil.webhooks import Webhook

T = TypeVar("T")
GONE: Final = "gone"
FAILED_TOO_LONG: Final = "failed_too_long"
PARTY_SUSPENDED: Final = "party_suspended"
KEY_REVOKED: Final = "key_revoked"
PARTY_CLOSED: Final = "party_closed"

log = logging.getLogger("counterfoil.webhooks")


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast deliveries and leases go, in seconds; other numbers than these are for tests."""

    poll: float = WEBHOOK_POLL
    lease: float = WEBHOOK_LEASE
    attempt: float = WEBHOOK_ATTEMPT_WITHIN
    retry_first: float = WEBHOOK_RETRY_FIRST
    retry_longest: float = WEBHOOK_RETRY_LONGEST
    give_up: float = WEBHOOK_GIVE_UP

    def pause(self, failures: int, asked: int) -> float:
        """Until the next attempt after so many failures in a row; the receiver may ask for a longer one."""
        most: float = min(self.retry_first * 2.0 ** min(failures - 1, 32), self.retry_longest)
        return max(most * random.uniform(0.5, 1), min(asked, self.retry_longest))  # noqa: S311 spreads load, no secret


class Holder(Protocol):
    """What holds webhooks, and shares its threads and places among them."""

    backend: Backend
    sender: Sender
    pace: Pace
    places: asyncio.Semaphore
    held_until: int
    """Microseconds: from then on another gateway may deliver."""
    ends: dict[str, int]
    """Per origin, how far the views were at the last look."""

    async def read(self, call: Callable[[], T]) -> T:
        """Call on a thread that may take seconds."""

    async def write(self, call: Callable[[], T]) -> T:
        """Call on a thread that changes rows."""


class _Lost(Exception):
    """The webhook is not this gateway's to deliver any more, or has changed."""


class _Read(NamedTuple):
    """What may be delivered now; `ended`: why nothing may."""

    page: Page
    ended: str


class Following:
    """The deliveries of one webhook, in order."""

    def __init__(self, holder: Holder, webhook: Webhook) -> None:
        self._holder, self.webhook = holder, webhook
        self._positions = _positions(holder.backend, webhook.positions)
        self._recorded_at = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Deliver until it is paused, changed, or another's. What cannot be reached meanwhile is waited for."""
        while True:
            try:
                if not await self._round():
                    await asyncio.sleep(self._holder.pace.poll)
            except _Lost:
                return
            except (Problem, TookTooLong, Unavailable) as problem:
                log.debug("webhook %s waits: %s", self.webhook.id, problem)
                await asyncio.sleep(self._holder.pace.poll)

    async def _round(self) -> bool:
        """A page, once it is due; False if there was none."""
        due = (self.webhook.next_try - session_time()) / SECOND
        if due > 0:
            await asyncio.sleep(due)
        ends = self._holder.ends
        if all(at >= ends.get(origin, 0) for origin, at in self._positions.items()):
            return False
        async with self._holder.places:
            read = await self._holder.read(self._read)
            if read.ended:
                await self._end(read.ended)
            await self._deliver(read.page)
        return read.page.more or bool(read.page.found)

    def _read(self) -> _Read:
        backend = self._holder.backend
        page = read_page(backend, self.webhook.party_id, self._positions, WEBHOOK_PAGE)
        with backend.views.consistent_read(SCAN_WITHIN) as views:
            positions_of(backend, views)  # raises while a missing row means nothing
            party = views.get("parties", (self.webhook.party_id,))
            key = views.get("keys", (self.webhook.party_id, self.webhook.key_id))
        if party is None or key is None:
            return _Read(Page([], self._positions, more=False), "")
        if party["closed_at"] is not None:
            return _Read(page, PARTY_CLOSED)
        if party["suspended_at"] is not None:
            return _Read(page, PARTY_SUSPENDED)
        return _Read(page, KEY_REVOKED if key["revoked_at"] is not None else "")

    async def _deliver(self, page: Page) -> None:
        """Send the events of a page until one fails, or what was read is too old to say what may be read now."""
        now, began = asyncio.get_running_loop().time, asyncio.get_running_loop().time()
        client: httpx.AsyncClient | None = None
        try:
            for found in page.found:
                wanted = [item for item in found.items if self._is_wanted(item)]
                for number, item in enumerate(wanted, 1):
                    if client is None:
                        client = self._holder.sender.client(self.webhook.url)
                    elif now() - began > READER_KNOWN_FOR:
                        return
                    attempt = await self._attempt(client, item)
                    behind = found.positions if number == len(wanted) else self._positions
                    if not await self._settle(attempt, item, behind):
                        return
                self._positions = found.positions
            self._positions = page.positions
        finally:
            if client is not None:
                await client.aclose()
        if now() - self._recorded_at > WEBHOOK_RECORDED_EVERY:
            await self._record(positions=name_positions(self._positions))

    def _is_wanted(self, item: Mapping[str, Any]) -> bool:
        entry, _, number = item["id"].rpartition("/")
        last_entry, _, last_number = self.webhook.last_id.rpartition("/")
        if entry == last_entry and int(number) <= int(last_number):
            return False
        return not self.webhook.types or item["type"] in self.webhook.types

    async def _attempt(self, client: httpx.AsyncClient, item: dict[str, Any]) -> Attempt:
        now = session_time()
        if now + self._holder.pace.attempt * SECOND > self._holder.held_until:
            raise _Lost
        began = asyncio.get_running_loop().time()
        attempt = await self._holder.sender.send(client, self.webhook.url, secrets_of(self.webhook, now), item)
        seconds = asyncio.get_running_loop().time() - began
        self._holder.backend.telemetry.webhook(delivered=attempt.delivered, seconds=seconds)
        told = {"webhook": self.webhook.id, "party_id": self.webhook.party_id, "event": item["id"]}
        level = logging.DEBUG if attempt.delivered else logging.INFO
        log.log(level, "webhook %s: %s", self.webhook.id, attempt.status, extra={**told, "status": attempt.status})
        return attempt

    async def _settle(self, attempt: Attempt, item: Mapping[str, Any], behind: dict[str, int]) -> bool:
        """Record an attempt; whether the next event may follow."""
        now, webhook = session_time(), self.webhook
        tried: dict[str, Any] = {"last_at": now, "last_status": attempt.status}
        if attempt.delivered:
            self._positions = behind
            done = {"positions": name_positions(behind), "last_id": item["id"], "delivered": webhook.delivered + 1}
            await self._record(**tried, **done, failures=0, failing_since=0, next_try=0)
            return True
        failures, since = webhook.failures + 1, webhook.failing_since or now
        pause = self._holder.pace.pause(failures, attempt.retry_after)
        tried |= {"failures": failures, "failing_since": since, "next_try": now + round(pause * SECOND)}
        if attempt.gone:
            await self._end(GONE, **tried)
        if now - since >= self._holder.pace.give_up * SECOND:
            await self._end(FAILED_TOO_LONG, **tried)
        await self._record(**tried)
        return False

    async def _end(self, why: str, **tried: Any) -> None:
        """Pause it, or forget it with its party. Raises `_Lost`."""
        log.info("webhook %s ends or is paused: %s", self.webhook.id, why, extra={"webhook": self.webhook.id})
        if why == PARTY_CLOSED:
            store, webhook = self._holder.backend.webhooks, self.webhook
            await self._holder.write(lambda: store.delete(webhook.party_id, webhook.id))
        else:
            await self._record(**tried, paused=why)
        raise _Lost

    async def _record(self, **changes: Any) -> None:
        """Raises `_Lost` if the webhook is not as this gateway knows it."""
        store, webhook = self._holder.backend.webhooks, self.webhook
        if not await self._holder.write(lambda: store.record(webhook, changes)):
            raise _Lost
        self.webhook = replace(webhook, **changes)
        self._recorded_at = asyncio.get_running_loop().time()


def secrets_of(webhook: Webhook, at: int) -> list[bytes]:
    """The secrets that sign at a time."""
    return [webhook.secret, *([webhook.old_secret] if webhook.old_until > at else [])]


def _positions(backend: Backend, text: str) -> dict[str, int]:
    """Per origin, the next entry; of a log that is not named the first. They may be beyond what is known here."""
    named = text.split(",") if text else ()
    found = [parse_position(each, backend.origins, ProblemCode.BAD_POSITION) for each in named]
    return dict.fromkeys(backend.origins.values(), 0) | dict(found)
