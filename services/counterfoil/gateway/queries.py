"""Queries over the views: one item, pages with a cursor, market depth."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from counterfoil.gateway.answers import answer, responses
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.deadlines import with_deadlines
from counterfoil.gateway.depth import depth_of
from counterfoil.gateway.parameters import WaitFor, check_parameters, wait_for
from counterfoil.gateway.problems import Problem
from counterfoil.gateway.rows import decode_cursor, encode_cursor, page_schema, parse, render, row_schema
from counterfoil.gateway.view_positions import ViewPositions
from counterfoil.ports import View, ViewReader

MAX_PAGE: Final = 500
_PAGING: Final = ("after", "limit")


def router(backend: Backend, views: ViewPositions) -> APIRouter:
    """One list and one item route per view, and depth."""
    routes = APIRouter(tags=["queries"])
    for view in backend.definitions:
        _add_list(routes, backend, views, view)
        _add_item(routes, backend, views, view)
    _add_depth(routes, backend, views)
    return routes


def _add_list(routes: APIRouter, backend: Backend, views: ViewPositions, view: View) -> None:
    parameters = [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in view.filters
    ]
    shown = responses("A page", page_schema(view))

    @routes.get(
        _path_of(view),
        operation_id=f"list_{view.name}",
        summary=f"List {view.name.replace('_', ' ')}",
        openapi_extra={"parameters": parameters, "responses": shown},
    )
    async def page(
        request: Request,
        after: Annotated[str | None, Query(max_length=400, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
        wanted: WaitFor = None,
    ) -> JSONResponse:
        check_parameters(request, (*view.filters, *_PAGING), code="unknown_filter")
        key = None if after is None else decode_cursor(view, after)
        try:
            given = {name: request.query_params[name] for name in view.filters if name in request.query_params}
            filters = {name: parse(view.columns[name], value) for name, value in given.items()}
        except ValueError as problem:
            raise Problem(400, "bad_filter", "A filter's value is not of its kind.", f"{problem}"[:120]) from problem
        await wait_for(backend, views, wanted)

        def read(reader: ViewReader) -> object:
            rows = with_deadlines(reader, view.name, reader.page(view.name, filters, key, limit))
            following = encode_cursor(view, rows[-1]) if len(rows) == limit else None
            return {"items": [render(view, row) for row in rows], "next": following}

        return await answer(backend, read)


def _add_item(routes: APIRouter, backend: Backend, views: ViewPositions, view: View) -> None:
    # The first part of a key may contain slashes, as accounts do, and servers pass on unescaped paths.
    first, *others = view.key
    path = "/".join(["{" + first + ":path}", *("{" + name + "}" for name in others)])
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in view.key]
    shown = responses("The item", row_schema(view))

    @routes.get(
        f"{_path_of(view)}/{path}",
        operation_id=f"get_{view.name}",
        summary=f"One of {view.name.replace('_', ' ')}",
        openapi_extra={"parameters": parameters, "responses": shown},
    )
    async def item(request: Request, wanted: WaitFor = None) -> JSONResponse:
        check_parameters(request, ())
        try:
            key = tuple(parse(view.columns[name], request.path_params[name]) for name in view.key)
        except ValueError as problem:
            raise Problem(400, "bad_key", "A key is not of its kind.", f"{problem}"[:120]) from problem
        await wait_for(backend, views, wanted)

        def read(reader: ViewReader) -> object:
            row = reader.get(view.name, key)
            if row is None:
                raise Problem(404, "not_found", f"No such item in {view.name}.", "/".join(map(str, key))[:200])
            return render(view, *with_deadlines(reader, view.name, [row]))

        return await answer(backend, read)


def _path_of(view: View) -> str:
    return f"/v1/{view.name.replace('_', '-')}"


def _add_depth(routes: APIRouter, backend: Backend, views: ViewPositions) -> None:
    shown = responses("The levels", {"type": "object"})

    @routes.get(
        "/v1/depth",
        operation_id="depth",
        summary="Open quantity by price level",
        openapi_extra={"responses": shown},
    )
    async def depth(
        request: Request,
        class_id: Annotated[str, Query(max_length=63)],
        region: Annotated[str, Query(max_length=63)],
        currency: Annotated[str, Query(min_length=3, max_length=3)] = "USD",
        wanted: WaitFor = None,
    ) -> JSONResponse:
        check_parameters(request, ("class_id", "region", "currency"))
        await wait_for(backend, views, wanted)
        market = {"class_id": class_id, "region": region, "currency": currency}
        return await answer(backend, lambda reader: {**market, **depth_of(reader, backend.definitions, **market)})
