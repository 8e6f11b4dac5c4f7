"""The application: all routes over one backend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from counterfoil import __version__
from counterfoil.gateway import handlers, limits, logs, queries, sessions, stream, submit
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.edge import Edge
from counterfoil.gateway.pools import Pools
from counterfoil.gateway.protections import Protections
from counterfoil.gateway.readers import Readers
from counterfoil.gateway.relay import AnswerRelay
from counterfoil.gateway.shares import Shares
from counterfoil.gateway.view_positions import ViewPositions


def create_app(backend: Backend, relay: AnswerRelay, protections: Protections | None = None) -> FastAPI:
    """The gateway's ASGI application."""
    protected = Protections() if protections is None else protections

    pools = Pools()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        relay.loop = asyncio.get_running_loop()
        async with pools.lifespan(app):
            yield
        relay.loop = None

    app = FastAPI(
        title="Counterfoil",
        version=__version__,
        summary="Compute vouchers: issued, matched, delivered, redeemed, and audited from a signed public log",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(Shares)
    app.add_middleware(Edge, hosts=protected.hosts, disclosure=protected.disclosure)
    handlers.install(app)
    views = ViewPositions(backend.positions, pools.keys)
    readers = Readers(backend, pools.points, protected.disclosure)
    for routes in (
        submit.router(backend, views, pools, protected.quota, readers),
        sessions.router(backend, views, readers),
        queries.router(backend, views, pools),
        stream.router(backend, readers),
        logs.router(backend, pools, readers),
        limits.router(protected.quota, protected.disclosure),
    ):
        app.include_router(routes)

    @app.get("/healthz", tags=["health"], summary="Whether all services run")
    def health() -> JSONResponse:
        failure = "A service has stopped; the server's log says why." if backend.failure() else ""
        waiting = {name: {"code": each.code, "text": each.text} for name, each in backend.waiting().items()}
        ok = not failure and not waiting
        report = {"ok": ok, "failure": failure, "waiting": waiting, "catching_up": backend.catching_up()}
        return JSONResponse(report, status_code=200 if ok else 503)

    return app
