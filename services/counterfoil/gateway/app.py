"""The application: all routes over one backend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Final

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from counterfoil import __version__
from counterfoil.gateway import (
    documentation,
    feed,
    handlers,
    limits,
    logs,
    openapi,
    queries,
    sessions,
    state,
    stream,
    submit,
    webhooks,
)
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.context import Context, Pages
from counterfoil.gateway.deliveries import Deliveries
from counterfoil.gateway.depth import DepthBook
from counterfoil.gateway.edge import Edge
from counterfoil.gateway.pools import Pools
from counterfoil.gateway.protections import Protections
from counterfoil.gateway.readers import Readers
from counterfoil.gateway.receipts import COMPONENTS
from counterfoil.gateway.relay import AnswerRelay
from counterfoil.gateway.rows import row_schema
from counterfoil.gateway.shares import Shares
from counterfoil.gateway.view_positions import ViewPositions

_STANDSTILL: Final = {
    "type": "object",
    "properties": {"code": {"type": "string"}, "text": {"type": "string"}},
    "required": ["code", "text"],
}
_REPORT: Final = {
    "type": "object",
    "properties": {
        "ok": {"type": "boolean"},
        "failure": {"type": "string", "description": "why a service has stopped, or empty"},
        "waiting": {"type": "object", "additionalProperties": _STANDSTILL, "description": "what stands still, by name"},
        "catching_up": {"type": "string", "description": "how far the views are, while they are rebuilt"},
    },
    "required": ["ok", "failure", "waiting", "catching_up"],
}
_HEALTH: Final = openapi.responses(
    {200: openapi.found("All run", _REPORT), 503: openapi.found("Something does not", _REPORT)}
)


def create_app(
    backend: Backend, relay: AnswerRelay, protections: Protections | None = None, pages: Pages = lambda _context: ()
) -> FastAPI:
    """The gateway's ASGI application. `pages`: routes that are not described in its OpenAPI document."""
    protected = Protections() if protections is None else protections

    pools, deliveries = Pools(), Deliveries(backend, loopback=protected.webhooks_to_loopback)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        relay.loop = asyncio.get_running_loop()
        deliveries.start()
        async with pools.lifespan(app):
            yield
        await asyncio.to_thread(deliveries.stop)
        relay.loop = None

    app = FastAPI(
        title="Counterfoil",
        version=__version__,
        summary="Compute vouchers: issued, matched, delivered, redeemed, and audited from a signed public log",
        description=openapi.DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(Shares)
    app.add_middleware(Edge, hosts=protected.hosts, disclosure=protected.disclosure)
    handlers.install(app)
    views = ViewPositions(backend.positions, pools.keys)
    readers = Readers(backend, pools.points, protected.disclosure)
    context = Context(backend, views, pools, readers, DepthBook(backend))
    for routes in (
        submit.router(backend, views, pools, protected.quota, readers),
        sessions.router(backend, views, readers),
        queries.router(context),
        stream.router(backend, readers),
        feed.router(backend, views, pools, readers),
        webhooks.router(backend, pools, readers, deliveries, loopback=protected.webhooks_to_loopback),
        logs.router(backend, pools, readers),
        state.router(backend, pools, readers),
        limits.router(protected.quota, protected.disclosure),
        *pages(context),
    ):
        app.include_router(routes)

    @app.get("/healthz", tags=["health"], summary="Whether all services run", responses=_HEALTH)
    def health() -> JSONResponse:
        failure = "A service has stopped; the server's log says why." if backend.failure() else ""
        waiting = {name: {"code": each.code, "text": each.text} for name, each in backend.waiting().items()}
        ok = not failure and not waiting
        report = {"ok": ok, "failure": failure, "waiting": waiting, "catching_up": backend.catching_up()}
        return JSONResponse(report, status_code=200 if ok else 503)

    rows = {queries.component_of(view): row_schema(view) for view in backend.definitions}
    described = cache(partial(openapi.document, app, {**COMPONENTS, **rows}))
    app.openapi = described  # type: ignore[method-assign]

    @cache
    def encoded() -> bytes:
        return bytes(JSONResponse(described()).body)

    @app.get("/openapi.json", include_in_schema=False)
    def document() -> Response:
        return Response(encoded(), media_type=openapi.JSON)  # made once: it takes longer than any query

    documentation.mount(app)
    return app
