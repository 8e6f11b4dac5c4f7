"""A gateway for blocking programs: one method for each exchange."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from counterfoil.client.bearer import Bearer
from counterfoil.client.connecting import route_to
from counterfoil.client.connections import Connections
from counterfoil.client.driver import Driver
from counterfoil.client.exchanges import PAUSES, Exchanges
from counterfoil.client.steps import Steps
from counterfoil.client.transport import Transport
from counterfoil.contract.log_id import LogId

T = TypeVar("T")


class Gateway:
    """One gateway. Answers are bounded in bytes and time, and requests are repeated a bounded number of times."""

    def __init__(
        self,
        url: str,
        *,
        pauses: Sequence[float] = PAUSES,
        sleep: Callable[[float], None] = time.sleep,
        transport: Transport | None = None,
        token: str | None = None,
        bearer: Bearer | None = None,
        ca: Path | None = None,
    ) -> None:
        """`url`: base URL. `pauses`: seconds before each repetition. `transport`: by default connections of its own.

        `token`: of the session to read by; `bearer`: what gives it, in its place. Without either it reads as anybody.
        `ca`: as in `route_to`. Raises `BadAuthority`, `BadProxy`.
        """
        self.url = url
        self.exchanges = Exchanges(url, pauses, Bearer(token) if bearer is None else bearer)
        self._driver = Driver(Connections(route_to(url, ca)) if transport is None else transport, sleep)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._driver.close()

    @property
    def position(self) -> str:
        """What the last answer to a query reflects: ``service[/shard]:index`` of the next entry of each log."""
        return self.exchanges.position

    def run(self, steps: Steps[T]) -> T:
        """Carry out a protocol with this gateway."""
        return self._driver.run(steps)

    # commands and sessions ------------------------------------------------------------------------------------------

    def submit(self, envelope: bytes, *, wait: int | None = None) -> dict[str, Any]:
        """Send a signed command, with retries, and return its receipt.

        `wait`: seconds, of which a gateway takes at most 30, for what becomes of it: the receipt then has it as
        ``outcome``, that of a batch in each of its ``outcomes``; without one it is not known yet. Nothing of an outcome
        is proven.

        Raises `RefusedByService`; or `Unreachable`, after which the outcome is unknown and the same envelope may be
        submitted again at any time until it expires.
        """
        return self.run(self.exchanges.submit(envelope, wait))

    def submit_async(self, envelope: bytes) -> None:
        """Send a signed command, with retries, until the gateway has accepted it; do not wait for its decision.

        Commands sent on one connection are decided in the order sent. Raises `RefusedByService` if it is refused before
        it reaches an inbox; or `Unreachable`, also if it is shed every time, after which the outcome is unknown.
        """
        self.run(self.exchanges.submit_async(envelope))

    def receipt(self, log: LogId, actor: str, command_id: str) -> dict[str, Any]:
        """The receipt of a command decided earlier. Raises `RefusedByService`, `NotThere`, `Unreachable`."""
        return self.run(self.exchanges.receipt(log, actor, command_id))

    def open_session(self, envelope: bytes) -> dict[str, Any]:
        """Open a session by a signed `open_session`: its token, party, roles and end. Not repeated: its nonce is used.

        Raises `RefusedByService`, `Unreachable`.
        """
        return self.run(self.exchanges.open_session(envelope))

    def sessions(self) -> list[dict[str, Any]]:
        """The sessions of this token's party. Raises `RefusedByService`, `Unreachable`."""
        return self.run(self.exchanges.sessions())

    def end_session(self, *, all_: bool = False) -> None:
        """End this token's session, or all of its party. Raises `RefusedByService`, `Unreachable`."""
        self.run(self.exchanges.end_session(all_=all_))

    # queries --------------------------------------------------------------------------------------------------------

    def get(self, view: str, *key: str, wait_for: Sequence[str] = ()) -> dict[str, Any]:
        """One row by its key, each part as text. `wait_for`: ``service[/shard]:index`` that the view must have seen.

        Raises `NotThere`, `RefusedByService`, `Unreachable`.
        """
        return self.run(self.exchanges.row(view, key, wait_for))

    def rows(
        self,
        view: str,
        filters: Mapping[str, str] | None = None,
        *,
        limit: int | None = None,
        wait_for: Sequence[str] = (),
        newest: bool = False,
        since: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Rows page by page, at most `limit`: the oldest first, or the `newest`. Raises as `get`.

        `since`: microseconds; of views with a time, only rows that are no older.
        """
        return self._driver.items(self.exchanges.rows(view, filters or {}, limit, wait_for, newest=newest, since=since))

    def depth(
        self, class_id: str, region: str, currency: str | None = None, wait_for: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Open quantity by price level; `currency`: by default the market's only one. Raises as `get`."""
        return self.run(self.exchanges.depth(class_id, region, currency, wait_for))

    def quote(
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
        """What the matching rule would do with a bid for a block now, on the book as it is. Raises as `get`.

        `market`: class, region, currency. `min_nodes`: in parts; else in one piece. Hours are text, prices micro-units.
        `min_reclaim_notice`: in hours.
        """
        terms = {"nodes": nodes, "hours": hours, "earliest": earliest, "latest": latest, "limit_price": limit_price}
        least = {"min_nodes": min_nodes, "min_reclaim_notice": min_reclaim_notice}
        more = {**terms, **least, "programme_id": programme_id}
        return self.run(self.exchanges.market("quote", market, wait_for, **more))

    def depth_by_hour(
        self,
        market: tuple[str, str, str],
        *,
        first: str | None = None,
        hours: int | None = None,
        wait_for: Sequence[str] = (),
    ) -> dict[str, Any]:
        """What can be had in each delivery hour, and the lowest price. Raises as `get`."""
        return self.run(self.exchanges.market("depth/hours", market, wait_for, first=first, hours=hours))

    def index(
        self, market: tuple[str, str, str], *, days: int | None = None, wait_for: Sequence[str] = ()
    ) -> dict[str, Any]:
        """A market's price index by day, and how scarce it is now. Raises as `get`."""
        return self.run(self.exchanges.market("index", market, wait_for, days=days))

    def health(self) -> dict[str, Any]:
        """``{"ok": bool, "failure": text, "waiting": {log: {"code", "text"}}}``, asked once. Raises `Unreachable`."""
        return self.run(self.exchanges.health())

    # the feed and webhooks ------------------------------------------------------------------------------------------

    def feed_page(self, start: str = "", *, since: int | None = None, wait: int = 0) -> dict[str, Any]:
        """``{"items": [event, ...], "next": position, "more": bool}`` of the events that concern this token's party.

        `start`: `next` of the page before, by default the beginning; or `since`, microseconds. `wait`: seconds for
        which it waits for an event, 10 at most. Raises `RefusedByService`, `Unreachable`.
        """
        return self.run(self.exchanges.feed_page(start, since, wait))

    def feed(self, start: str = "", *, since: int | None = None, follow: bool = False) -> Iterator[dict[str, Any]]:
        """The events that concern this token's party, each a CloudEvent 1.0, in order; with `follow` endless.

        `start`, `since`: as for `feed_page`. Raises `RefusedByService`, `Unreachable`.
        """
        return self._driver.items(self.exchanges.feed(start, since, follow=follow))

    def webhooks(self) -> list[dict[str, Any]]:
        """The webhooks of this token's party, without their secrets. Raises `RefusedByService`, `Unreachable`."""
        return self.run(self.exchanges.webhooks())

    def webhook(self, webhook_id: str) -> dict[str, Any]:
        """One of them. Raises `NotThere`, `RefusedByService`, `Unreachable`."""
        return self.run(self.exchanges.webhook(webhook_id))

    def create_webhook(
        self, url: str, types: Sequence[str] = (), *, start: str = "", since: int | None = None
    ) -> dict[str, Any]:
        """Have the events of the feed sent to an https `url`; ``["secret"]`` of the answer is told this once.

        `types`: of events, by default all. `start`, `since`: as for `feed_page`; by default what comes from now on. Not
        repeated: after `Unreachable` see `webhooks`. Raises `RefusedByService`, `Unreachable`.
        """
        return self.run(self.exchanges.create_webhook(url, types, start, since))

    def delete_webhook(self, webhook_id: str) -> None:
        """Send nothing more, and forget the secret. Raises `NotThere`, `RefusedByService`, `Unreachable`."""
        self.run(self.exchanges.delete_webhook(webhook_id))

    def pause_webhook(self, webhook_id: str) -> dict[str, Any]:
        """Send nothing until `resume_webhook`. Raises as `webhook`."""
        return self.run(self.exchanges.change_webhook(webhook_id, "pause"))

    def resume_webhook(self, webhook_id: str) -> dict[str, Any]:
        """Go on behind the last event that was delivered, at once. Raises as `webhook`."""
        return self.run(self.exchanges.change_webhook(webhook_id, "resume"))

    def test_webhook(self, webhook_id: str) -> dict[str, Any]:
        """Send an event of type ``webhook.test.v1`` now: ``{"delivered": bool, "status": text}``.

        Not repeated. Raises as `webhook`.
        """
        return self.run(self.exchanges.change_webhook(webhook_id, "test"))

    def rotate_webhook_secret(self, webhook_id: str) -> dict[str, Any]:
        """A new ``["secret"]``, told this once; the old one signs too until ``["old_secret_until"]``.

        Not repeated. Raises as `webhook`.
        """
        return self.run(self.exchanges.change_webhook(webhook_id, "secret"))

    def replay_webhook(self, webhook_id: str, start: str = "", *, since: int | None = None) -> dict[str, Any]:
        """Send again from `start` or `since` (as for `feed_page`) on. Raises as `webhook`."""
        return self.run(self.exchanges.replay_webhook(webhook_id, start, since))

    # logs -----------------------------------------------------------------------------------------------------------

    def log_file(self, log: LogId, path: str) -> bytes:
        """A published file: ``checkpoint``, ``vkey`` or a tile's path; never longer than such a file can be.

        Raises `NotThere`, `Unreachable`, and for entry bundles `RefusedByService`.
        """
        return self.run(self.exchanges.log_file(log, path))

    def state(self, log: LogId, key: str) -> dict[str, Any]:
        """What a log's state has under `key` (`schemas/state.md`), with its proof: `states.verify_record` verifies it.

        For who may read everything. Raises `NotThere` where no state is kept yet, `RefusedByService`, `Unreachable`.
        """
        return self.run(self.exchanges.state(log, key))

    def tail(
        self, logs: Sequence[str], start: Sequence[str] = (), *, resume: bool = False
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """(position, entry) of each entry of `logs` as it comes; endless.

        A log is ``service/shard``, or ``service`` for all of a service; a position is ``service[/shard]:index``. A
        stream that broke raises `Unreachable`; with `resume` it goes on behind the last position first, and raises
        once that has failed several times in a row.
        """
        return self._driver.items(self.exchanges.entries(logs, start, resume=resume))
