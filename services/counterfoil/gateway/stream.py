"""``/v1/events``: the entries of the logs as server-sent events, from any index on, in order and without a gap.

``/v1/market/events``: of matching's logs only what anybody may read, without whose it is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Annotated, Any, Final

import anyio
from fastapi import APIRouter, Header, Query, Request
from sse_starlette.sse import EventSourceResponse, SendTimeoutError
from starlette.types import Receive, Scope, Send

from counterfoil.contract.log_id import LogId, log_of
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import MAX_STREAMS, MAX_STREAMS_PER_PEER
from counterfoil.gateway.market_events import shown_to_all
from counterfoil.gateway.openapi import found, header, responses
from counterfoil.gateway.parameters import MAX_POSITIONS, Position, Service, check_parameters, find_log, parse_position
from counterfoil.gateway.peers import peer_of
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import ALONE, ASKED, Reader, Readers
from counterfoil.gateway.shares import MARKET_STREAM, STREAMS, Places

_BATCH: Final = 256
_WAIT: Final = 1.0  # seconds that a stream's thread waits for entries at a time
_PING: Final = 15  # seconds between heartbeats
_STALLED: Final = 30  # seconds after which a stream whose reader accepts no data is closed


def _answers(text: str, *refused: ProblemCode) -> Any:
    """What a stream may be answered with, by status; `text`: what its events say."""
    headers = {"Cache-Control": header("`no-store`")}
    stream = found(text, {"type": "string"}, media_type="text/event-stream", headers=headers)
    usual = (
        ProblemCode.BAD_POSITION,
        ProblemCode.BAD_REQUEST,
        ProblemCode.TOO_MANY_STREAMS,
        ProblemCode.UNAVAILABLE,
        ProblemCode.UNKNOWN_PARAMETER,
    )
    return responses({200: stream}, (*usual, *refused))


_RESPONSES: Final = _answers(
    "id: the positions to resume from; event: the service; data: the entry, as `schemas/entry.schema.json`",
    ProblemCode.UNKNOWN_SERVICE,
    *ALONE,
)
_OF_MARKET: Final = _answers(
    "id: the positions to resume from; event: `trade`, `auction_price`, `halt` or `resumption`; data: as a row"
    " of `market_trades`, `auction_prices` or `halts` begins",
    *ASKED,
)


class Stream(EventSourceResponse):
    """A stream that releases its slot however it ends."""

    def __init__(
        self, content: AsyncIterator[dict[str, Any]], stopping: anyio.Event, release: Callable[[], None]
    ) -> None:
        """`stopping` is set when the server stops: then `content` has a few seconds to end."""
        super().__init__(
            content,
            ping=_PING,
            send_timeout=_STALLED,
            shutdown_event=stopping,
            shutdown_grace_period=3 * _WAIT,
        )
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the reader disconnects or stalls, or the server stops."""
        try:
            with suppress(SendTimeoutError):
                await super().__call__(scope, receive, send)
        finally:
            self._release()


def router(backend: Backend, readers: Readers) -> APIRouter:
    """The route."""
    # Own threads: streams mostly wait, and must not use up the threads that queries run in.
    pool = ThreadPoolExecutor(MAX_STREAMS, "counterfoil-stream")

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(pool.shutdown)

    routes = APIRouter(tags=["events"], lifespan=lifespan)
    places = Places(MAX_STREAMS, MAX_STREAMS_PER_PEER)

    @routes.get(
        STREAMS,
        summary="Entries of the logs as server-sent events",
        responses=_RESPONSES,
    )
    async def events(
        request: Request,
        start: Annotated[
            list[Position] | None,
            Query(alias="from", max_length=MAX_POSITIONS, description="service[/shard]:index; default: from now on"),
        ] = None,
        service: Annotated[
            list[Service] | None,
            Query(max_length=MAX_POSITIONS, description="only these: service, or service/shard; default: all"),
        ] = None,
        last_event_id: Annotated[str | None, Header(description="the last id received, instead of `from`")] = None,
    ) -> Stream:
        check_parameters(request, (), many=("from", "service"))
        await readers.everything(request)
        begin = [last_event_id] if last_event_id else start or []
        positions = _positions(backend, service or (), begin)
        peer = peer_of(request.scope)
        if not places.take(peer):
            raise Problem(ProblemCode.TOO_MANY_STREAMS)
        stopping = anyio.Event()
        entries = _entries(backend, positions, pool, stopping, partial(readers.everything, request))
        return Stream(entries, stopping, partial(places.release, peer))

    @routes.get(MARKET_STREAM, summary="What the market comes to, as server-sent events", responses=_OF_MARKET)
    async def market_events(
        request: Request,
        start: Annotated[
            list[Position] | None,
            Query(alias="from", max_length=MAX_POSITIONS, description="matching[/shard]:index; default: from now on"),
        ] = None,
        last_event_id: Annotated[str | None, Header(description="the last id received, instead of `from`")] = None,
    ) -> Stream:
        check_parameters(request, (), many=("from",))
        positions = _positions(backend, ("matching",), [last_event_id] if last_event_id else start or [])
        peer = peer_of(request.scope)
        if not places.take(peer):
            raise Problem(ProblemCode.TOO_MANY_STREAMS)
        stopping = anyio.Event()
        entries = _entries(backend, positions, pool, stopping, partial(readers.of, request))
        return Stream(_of_market(entries), stopping, partial(places.release, peer))

    return routes


async def _of_market(entries: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    """Trades, prices of auctions and halts of these entries, each an event.

    The last of an entry has its id: whoever comes back gets the events of an entry again of which it had only some.
    """
    async for each in entries:
        events = list(shown_to_all(each["data"].encode()))
        for nth, (kind, shown) in enumerate(events, 1):
            position = {"id": each["id"]} if nth == len(events) else {}
            yield {**position, "event": kind, "data": json.dumps(shown, separators=(",", ":"))}


def _positions(backend: Backend, wanted: Sequence[str], start: Sequence[str]) -> dict[str, int]:
    """Per origin, the first entry to send. Raises `Problem`."""
    ends = backend.receipts.ends()
    logs = {log for name in wanted for log in _named(backend, name)} if wanted else set(backend.origins)
    return start_at(backend, {origin: ends[origin] for log, origin in backend.origins.items() if log in logs}, start)


def start_at(backend: Backend, positions: Mapping[str, int], start: Sequence[str]) -> dict[str, int]:
    """`positions` by origin, and in their place those named in `start`, each ``service[/shard]:index`` or several with
    commas. Raises `Problem`."""
    ends, found = backend.receipts.ends(), dict(positions)
    for each in ",".join(start).split(",") if start else ():
        origin, index = parse_position(each, backend.origins, ProblemCode.BAD_POSITION)
        if origin not in found or index > ends[origin]:
            raise Problem(ProblemCode.BAD_POSITION, each[:80])
        found[origin] = index
    return found


def name_positions(positions: Mapping[str, int]) -> str:
    """Positions by origin as ``service[/shard]:index``, with commas."""
    return ",".join(f"{log_of(origin).name}:{at}" for origin, at in sorted(positions.items()))


def _named(backend: Backend, name: str) -> Sequence[LogId]:
    """The logs of a service, or the one of ``service/shard``. Raises `Problem`."""
    log = find_log(name, backend.origins)
    if log is None:
        raise Problem(ProblemCode.UNKNOWN_SERVICE, name[:40])
    return [log] if "/" in name else [each for each in backend.origins if each.service == name]


async def _entries(
    backend: Backend,
    positions: dict[str, int],
    pool: ThreadPoolExecutor,
    stopping: anyio.Event,
    check: Callable[[], Awaitable[Reader]],
) -> AsyncIterator[dict[str, Any]]:
    """`check` raises `Problem` once the reader's session is over: then the stream ends."""
    inbox = backend.transport.open_inbox("stream", None, positions)
    loop = asyncio.get_running_loop()
    try:
        while not stopping.is_set():
            deliveries = await loop.run_in_executor(pool, inbox.poll, _BATCH, _WAIT)
            try:
                await check()
            except Problem:
                return
            for delivery in deliveries:
                positions[delivery.source] = delivery.position + 1
                yield {
                    "id": name_positions(positions),
                    "event": log_of(delivery.source).service,
                    "data": delivery.data.decode(),
                }
            inbox.acknowledge(positions)
    finally:
        inbox.wake()  # so that a thread still waiting for this stream returns
