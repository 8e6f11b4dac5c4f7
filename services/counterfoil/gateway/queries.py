"""Queries over the views: one item, pages with a cursor, market depth."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from counterfoil.contract.times import parse_derived_time
from counterfoil.gateway import market_data
from counterfoil.gateway.answers import answer, positions_of, query_responses, respond
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import DEPTH_KEPT, MARKETS_KEPT, MAX_PAGE, SCAN_WITHIN
from counterfoil.gateway.context import Context
from counterfoil.gateway.deadlines import with_deadlines
from counterfoil.gateway.depth import programmes_pay_in
from counterfoil.gateway.levels import Market
from counterfoil.gateway.openapi import reference
from counterfoil.gateway.parameters import WaitFor, check_parameters, wait_for
from counterfoil.gateway.pools import Pools
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import Readers
from counterfoil.gateway.rows import (
    AMOUNT_SCHEMA,
    decode_cursor,
    encode_cursor,
    page_schema,
    parameter_schema,
    parse,
    parse_filter,
    render,
    values_schema,
)
from counterfoil.gateway.scopes import scope_of
from counterfoil.gateway.view_positions import ViewPositions
from counterfoil.ports import View, ViewReader

_PAGING: Final = ("after", "limit", "order")
Order = Literal["oldest", "newest"]
Ordering = Annotated[Order, Query(description="which rows come first; of what has no time, `oldest` is by its key")]
_LEVELS: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "price": AMOUNT_SCHEMA,
            "orders": {"type": "integer"},
            "nodes": {"type": "integer"},
            "node_hours": {"type": "integer"},
        },
        "required": ["price", "orders", "nodes", "node_hours"],
    },
}
_DEPTH: Final = {
    "type": "object",
    "properties": {
        "class_id": {"type": "string"},
        "region": {"type": "string"},
        "currency": {"type": "string"},
        "bids": _LEVELS,
        "offers": _LEVELS,
    },
    "required": ["class_id", "region", "currency", "bids", "offers"],
}


def router(context: Context) -> APIRouter:
    """One list and one item route per view, depth, and what else the market comes to."""
    routes = APIRouter(tags=["queries"])
    backend, views, pools, readers = context.backend, context.views, context.pools, context.readers
    for view in backend.definitions:
        _add_list(routes, backend, views, pools, readers, view)
        _add_item(routes, backend, views, pools, readers, view)
    _add_depth(routes, context)
    routes.include_router(market_data.router(context))
    return routes


def _add_list(
    routes: APIRouter, backend: Backend, views: ViewPositions, pools: Pools, readers: Readers, view: View
) -> None:
    parameters = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": {**parameter_schema(view.columns[name]), **values_schema(view, name)},
        }
        for name in view.filters
    ]
    refused = (ProblemCode.BAD_CURSOR, ProblemCode.BAD_FILTER, ProblemCode.UNKNOWN_FILTER)
    shown = query_responses("A page", page_schema(reference(component_of(view))), *refused)
    known = (*view.filters, *_PAGING)
    if view.time is not None:
        parameters.append(_since_parameter(view))
        known += ("since",)

    @routes.get(
        _path_of(view),
        operation_id=f"list_{view.name}",
        summary=f"List {view.name.replace('_', ' ')}",
        responses=shown,
        openapi_extra={"parameters": parameters},
    )
    async def page(
        request: Request,
        after: Annotated[str | None, Query(max_length=400, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
        order: Ordering = "oldest",
        wanted: WaitFor = None,
    ) -> JSONResponse:
        check_parameters(request, known, code=ProblemCode.UNKNOWN_FILTER)
        place = None if after is None else decode_cursor(view, after)
        given = request.query_params
        try:
            filters = {name: parse_filter(view, name, given[name]) for name in view.filters if name in given}
            since = parse_derived_time(given["since"]) if "since" in given else None
        except ValueError as problem:
            raise Problem(ProblemCode.BAD_FILTER, f"{problem}"[:240]) from problem
        who = await readers.of(request)
        await wait_for(backend, views, wanted)

        def read(reader: ViewReader) -> object:
            scope = scope_of(reader, who)
            page = reader.page(view.name, filters, place, limit, scope, newest=order == "newest", since=since)
            rows = with_deadlines(reader, view.name, page)
            following = encode_cursor(view, rows[-1]) if len(rows) == limit else None
            return {"items": [render(view, row) for row in rows], "next": following}

        return await pools.scans.run(answer, backend, read)


def _since_parameter(view: View) -> dict[str, Any]:
    text = f"only rows whose `{view.time}` is no earlier"
    return {"name": "since", "in": "query", "required": False, "schema": parameter_schema("time"), "description": text}


def _add_item(
    routes: APIRouter, backend: Backend, views: ViewPositions, pools: Pools, readers: Readers, view: View
) -> None:
    # Accounts contain slashes, and servers pass on unescaped paths.
    slashed = "account" if "account" in view.key else view.key[0]
    path = "/".join("{" + name + (":path}" if name == slashed else "}") for name in view.key)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": parameter_schema(view.columns[name])}
        for name in view.key
    ]
    refused = (ProblemCode.BAD_KEY, ProblemCode.NOT_FOUND, ProblemCode.UNKNOWN_PARAMETER)
    shown = query_responses("The item", reference(component_of(view)), *refused)

    @routes.get(
        f"{_path_of(view)}/{path}",
        operation_id=f"get_{view.name}",
        summary=f"One of {view.name.replace('_', ' ')}",
        responses=shown,
        openapi_extra={"parameters": parameters},
    )
    async def item(request: Request, wanted: WaitFor = None) -> JSONResponse:
        check_parameters(request, ())
        try:
            key = tuple(parse(view.columns[name], request.path_params[name]) for name in view.key)
        except ValueError as problem:
            raise Problem(ProblemCode.BAD_KEY, f"{problem}"[:120]) from problem
        who = await readers.of(request)
        await wait_for(backend, views, wanted)

        def read(reader: ViewReader) -> object:
            row = reader.get(view.name, key, scope_of(reader, who))
            if row is None:
                raise Problem(ProblemCode.NOT_FOUND, f"{view.name}: {'/'.join(map(str, key))}"[:200])
            return render(view, *with_deadlines(reader, view.name, [row]))

        return await pools.points.run(answer, backend, read)


def component_of(view: View) -> str:
    """The name of a row's schema in the OpenAPI document: ``VouchersBalance``."""
    return "".join(each.capitalize() for each in view.name.split("_"))


def _path_of(view: View) -> str:
    return f"/v1/{view.name.replace('_', '-')}"


_ONLY: Final = "needed unless the market's open orders, and the programmes that pay for it, have only one"


def _only(currencies: Collection[str]) -> str:
    """The one currency of a market. Raises `Problem`."""
    if len(currencies) != 1:
        known = ", ".join(sorted(currencies)) or "none yet"
        raise Problem(ProblemCode.CURRENCY_NEEDED, f"currencies of this market: {known}")
    return next(iter(currencies))


def _add_depth(routes: APIRouter, context: Context) -> None:
    backend, book = context.backend, context.depth
    shown = query_responses(
        "The levels, the best of each side", _DEPTH, ProblemCode.UNKNOWN_PARAMETER, ProblemCode.CURRENCY_NEEDED
    )
    recent: dict[tuple[Market, bool], tuple[float, JSONResponse]] = {}

    def read(market: Market, everything: bool) -> JSONResponse:
        with backend.views.consistent_read(SCAN_WITHIN) as reader:
            positions = positions_of(backend, reader)
            pay_in = set[str]() if market[2] else programmes_pay_in(reader, *market[:2])
        if not market[2]:
            market = (*market[:2], _only(pay_in | book.currencies_of(*market[:2], positions)))
        levels, reached = book.depth_of(market, positions, everything=everything)
        found = dict(zip(("class_id", "region", "currency"), market, strict=True))
        return respond(backend, {**found, **levels}, {**positions, **reached})

    @routes.get(
        "/v1/depth",
        operation_id="depth",
        summary="Open quantity by price level",
        responses=shown,
    )
    async def depth(
        request: Request,
        class_id: Annotated[str, Query(max_length=63)],
        region: Annotated[str, Query(max_length=63)],
        currency: Annotated[str | None, Query(min_length=3, max_length=8, description=_ONLY)] = None,
        wanted: WaitFor = None,
    ) -> JSONResponse:
        check_parameters(request, ("class_id", "region", "currency"))
        who = await context.readers.of(request)
        await wait_for(backend, context.views, wanted)
        market, now = (class_id, region, currency or ""), asyncio.get_running_loop().time()
        asked = (market, who.everything)
        kept = recent.get(asked)
        if kept is not None and now - kept[0] < DEPTH_KEPT and not wanted:
            return kept[1]
        response = await context.pools.scans.run(read, *asked)
        recent.pop(asked, None)
        recent[asked] = now, response
        if len(recent) > MARKETS_KEPT:
            del recent[next(iter(recent))]
        return response
