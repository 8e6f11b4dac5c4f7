"""``/v1/feed``: the events that concern a party, page by page, each a CloudEvents 1.0 event in structured JSON.

A page reads a bounded number of entries, and its cursor moves over all of them, whether they concern the party or not.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from heapq import merge
from operator import attrgetter
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import WithJsonSchema
from starlette.types import Scope

from counterfoil.contract.codec import dump_event
from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import log_of
from counterfoil.contract.record import Event
from counterfoil.contract.times import format_time, parse_time
from counterfoil.gateway.answers import positions_of
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import FEED_EVENTS, MAX_FEEDS, MAX_FEEDS_PER_PEER, MAX_PAGE, SCAN_WITHIN
from counterfoil.gateway.concerns import CONCERNS, PROGRAMME, WITHHELD, Concerns, Via, vias_of
from counterfoil.gateway.openapi import found, header, responses
from counterfoil.gateway.parameters import MAX_POSITIONS, POSITION_PATTERN, WAIT_AT_MOST, check_parameters
from counterfoil.gateway.peers import peer_of
from counterfoil.gateway.pools import Pools
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import ASKED, Reader, Readers, session_required
from counterfoil.gateway.rows import TIME_SCHEMA
from counterfoil.gateway.scopes import scope_of
from counterfoil.gateway.shares import Places, waits
from counterfoil.gateway.stream import name_positions, start_at
from counterfoil.gateway.view_positions import ViewPositions
from counterfoil.ports import LogStore, Row, ViewReader
from counterfoil.vocabulary import CODEC

_CHUNK: Final = 64  # entries of one log that are read at once
_PRIVATE: Final = {"Cache-Control": "no-store"}
_POSITION: Final = POSITION_PATTERN.removeprefix("^").removesuffix("$")
Positions = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^{_POSITION}(?:,{_POSITION})*$"})]
Time = Annotated[str, WithJsonSchema(dict(TIME_SCHEMA))]
EITHER: Final = "either `from` or `since`"
_ITEM: Final = {
    "type": "object",
    "description": "a CloudEvents 1.0 event in structured JSON",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "the log's origin, the entry's index, and which of its events"},
        "source": {"type": "string"},
        "type": {"type": "string"},
        "subject": {"type": "string", "description": "the object that the event is about"},
        "time": TIME_SCHEMA,
        "datacontenttype": {"const": "application/json"},
        "data": {"type": "object", "description": f"the event, without {', '.join(WITHHELD)}"},
    },
    "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"],
}
_PAGE: Final = {
    "type": "object",
    "properties": {
        "items": {"type": "array", "items": _ITEM, "description": "in the order of their times"},
        "next": {"type": "string", "description": "`from` of the page behind this one"},
        "more": {"type": "boolean", "description": "there is more already"},
    },
    "required": ["items", "next", "more"],
}
_RESPONSES: Final = responses(
    {200: found("A page", _PAGE, headers={"Cache-Control": header("`no-store`")})},
    (
        ProblemCode.BAD_POSITION,
        ProblemCode.BAD_REQUEST,
        ProblemCode.BUSY,
        ProblemCode.CATCHING_UP,
        ProblemCode.REPEATED_PARAMETER,
        ProblemCode.SCAN_TOO_LONG,
        ProblemCode.SESSION_REQUIRED,
        ProblemCode.UNAVAILABLE,
        ProblemCode.UNKNOWN_PARAMETER,
        *ASKED,
    ),
)


class Found(NamedTuple):
    """The events of one entry, as CloudEvents. `positions`: per origin, the first entry behind it."""

    items: list[dict[str, Any]]
    positions: dict[str, int]


class Page(NamedTuple):
    """`found`: the entries with events. `positions`: behind the page. `more`: there are entries behind it already."""

    found: list[Found]
    positions: dict[str, int]
    more: bool

    @property
    def items(self) -> list[dict[str, Any]]:
        """All events of the page."""
        return [item for each in self.found for item in each.items]


def router(backend: Backend, views: ViewPositions, pools: Pools, readers: Readers) -> APIRouter:
    """The route."""
    routes, places = APIRouter(tags=["events"]), Places(MAX_FEEDS, MAX_FEEDS_PER_PEER)

    @routes.get("/v1/feed", summary="The events that concern this token's party", responses=_RESPONSES)
    async def feed(
        request: Request,
        start: Annotated[
            list[Positions] | None,
            Query(
                alias="from",
                max_length=MAX_POSITIONS,
                description="`next` of the page before, or service[/shard]:index; default: from the beginning",
            ),
        ] = None,
        since: Annotated[
            Time | None, Query(description="in place of `from`: from the first entries that are no older")
        ] = None,
        limit: Annotated[
            int, Query(ge=1, le=MAX_PAGE, description="the page ends with the entry that this event is in")
        ] = 100,
        wait: Annotated[
            int, Query(ge=0, le=int(WAIT_AT_MOST), description="seconds to wait for an event if there is none yet")
        ] = 0,
    ) -> JSONResponse:
        check_parameters(request, ("limit", "since", "wait"), many=("from",))
        party_id = _party(await readers.of(request))
        positions = start_at(backend, dict.fromkeys(backend.origins.values(), 0), start or ())
        if since is not None:
            if start:
                raise Problem(ProblemCode.BAD_REQUEST, EITHER)
            positions = await pools.scans.run(positions_at, backend, moment(since))
        now = asyncio.get_running_loop().time
        until = now() + wait
        with _beside(places, request.scope, bool(wait)):
            while True:
                page = await pools.scans.run(read_page, backend, party_id, positions, limit)
                left = until - now()
                if page.items or page.more or left <= 0 or not await views.pass_any(page.positions, left):
                    break
                positions = page.positions
                party_id = _party(await readers.of(request))
        shown = {"items": page.items, "next": name_positions(page.positions), "more": page.more}
        return JSONResponse(shown, headers=_PRIVATE)

    return routes


@contextmanager
def _beside(places: Places, scope: Scope, waiting: bool) -> Iterator[None]:
    """Who waits does so beside the other requests of its peer, as long as there are places."""
    peer = peer_of(scope)
    if not (waiting and places.take(peer)):
        yield
        return
    waits(scope)
    try:
        yield
    finally:
        places.release(peer)


def _party(reader: Reader) -> str:
    if reader.party_id is None:
        raise session_required()
    return reader.party_id


def moment(text: str) -> int:
    """A time in a request. Raises `Problem`."""
    try:
        return parse_time(text)
    except ValueError:
        raise Problem(ProblemCode.BAD_REQUEST, "since: a time as 2026-11-22T18:00:00.000000Z") from None


def positions_at(backend: Backend, time: int) -> dict[str, int]:
    """Per origin, the first entry that is no older than `time`, or the end. May wait for databases."""
    ends = backend.receipts.ends()
    return {origin: _first(backend.stores[log], ends[origin], time) for log, origin in backend.origins.items()}


def _first(store: LogStore, size: int, time: int) -> int:
    """The first of the log's first `size` entries that is no older than `time`."""

    def time_of(index: int) -> int:
        (data,) = store.entries(index, index + 1)
        return CODEC.decode_entry(data).time

    return bisect_left(range(size), time, key=time_of)


def read_page(backend: Backend, party_id: str, positions: Mapping[str, int], limit: int) -> Page:
    """The events of the entries from `positions` on that concern a party; waits for databases.

    It ends with the entry that brings `limit` items, or `FEED_EVENTS` events that were looked at. Raises `Problem` 503
    while the views are catching up, `TookTooLong`, `Unavailable`.
    """
    found: list[Found] = []
    reached, items, looked_at = dict(positions), 0, 0
    with backend.views.consistent_read(SCAN_WITHIN) as views:
        ends = positions_of(backend, views)
        concern = _Concern(views, party_id)
        logs = [_entries(backend, origin, index, ends[origin]) for origin, index in positions.items()]
        for entry in merge(*logs, key=attrgetter("time")):
            if items >= limit or looked_at >= FEED_EVENTS:
                break
            try:
                concerning = concern.items(entry)
            except _NotYet:
                return Page(found, reached, more=False)
            reached[entry.origin] = entry.index + 1
            looked_at += max(1, len(entry.events))
            if concerning:
                items += len(concerning)
                found.append(Found(concerning, dict(reached)))
    return Page(found, reached, more=any(reached[origin] < end for origin, end in ends.items()))


def _entries(backend: Backend, origin: str, start: int, stop: int) -> Iterator[Entry]:
    """The entries start..stop-1 of a log, read as they are needed."""
    store = backend.stores[log_of(origin)]
    for first in range(start, stop, _CHUNK):
        for data in store.entries(first, min(first + _CHUNK, stop)):
            yield CODEC.decode_entry(data)


class _NotYet(Exception):
    """The views do not have the object of an event yet: they are further in the event's log than in the object's."""


class _Concern:
    """What concerns a party, by the views as they are in one read."""

    def __init__(self, views: ViewReader, party_id: str) -> None:
        scope = scope_of(views, Reader(party_id, everything=False))
        self._views, self._party_id = views, party_id
        self._programmes = frozenset(() if scope is None else scope.programmes)
        self._row = cache(self._find)

    def items(self, entry: Entry) -> list[dict[str, Any]]:
        """The events of an entry that concern the party. Raises `_NotYet`."""
        table = CONCERNS[log_of(entry.origin).service]
        return [
            _cloud_event(entry, item, event, table[type(event)])
            for item, event in enumerate(entry.events)
            if type(event) in table and self._concerns(event, table[type(event)])
        ]

    def _concerns(self, event: Any, concerns: Concerns) -> bool:
        if any(getattr(event, name) == self._party_id for name in concerns.parties):
            return True
        if concerns.programme and event.programme_id in self._programmes:
            return True
        return any(self._named(via, getattr(event, via.member)) for via in vias_of(event, concerns))

    def _named(self, via: Via, key: str) -> bool:
        row = self._row(via.view, key)
        if any(row[name] == self._party_id for name in via.parties):
            return True
        return via.programme and row[PROGRAMME] in self._programmes

    def _find(self, view: str, key: str) -> Row:
        row = self._views.get(view, (key,))
        if row is None:
            raise _NotYet
        return row


def _cloud_event(entry: Entry, item: int, event: Event, concerns: Concerns) -> dict[str, Any]:
    data = {name: value for name, value in dump_event(event).items() if name not in WITHHELD}
    subject = getattr(event, concerns.subject)
    return {
        "specversion": "1.0",
        "id": f"{entry.origin}/{entry.index}/{item}",
        "source": f"//{entry.origin}",
        "type": event.TYPE,
        "subject": subject,
        "time": format_time(entry.time),
        "datacontenttype": "application/json",
        "data": data,
    }
