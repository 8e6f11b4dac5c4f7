"""The published logs over HTTP, as C2SP tlog-tiles requires: short-lived checkpoints, immutable tiles, else 404.

Hashes say nothing about entries, so anybody may read them. The entries themselves are in the entry bundles.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response

from counterfoil.contract.log_id import LogId
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.openapi import found, header, responses, without_content
from counterfoil.gateway.pools import Pools
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import ALONE, Readers
from counterfoil.log.errors import FormatError
from counterfoil.log.tiles import parse_path
from counterfoil.runtime.os_errors import classifying

BUNDLES: Final = "entries/"
"""Below ``tile/`` of a log."""
_TEXT: Final = "text/plain; charset=utf-8"
_BINARY: Final = "application/octet-stream"
_SHORT: Final = "public, max-age=1"
_IMMUTABLE: Final = "public, max-age=604800, immutable"
_PRIVATE: Final = "private, max-age=604800, immutable"
_CONTENT: Final = {"type": "string", "format": "binary"}
_HEADERS: Final = {
    "Cache-Control": header("for how long it may be kept"),
    "ETag": header("of the content, weak: it is the same compressed and not"),
    "Vary": header("`Accept-Encoding`"),
}
_CONDITION: Final = {
    "parameters": [
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "an `ETag` that the reader has",
            "schema": {"type": "string"},
        }
    ]
}
Route = TypeVar("Route", bound=Callable[..., Any])
_WORTH_WHILE: Final = 1_024  # bytes, to be compressed


def router(backend: Backend, pools: Pools, readers: Readers) -> APIRouter:
    """The routes below ``/log/SERVICE/SHARD/``: the URL of a log is its origin with ``/log`` behind the host."""
    routes = APIRouter(tags=["logs"])

    def answer(request: Request, log: LogId, path: str, media_type: str, caching: str) -> Response:
        if log not in backend.log_directories:
            raise Problem(ProblemCode.UNKNOWN_LOG, f"{log}"[:80])
        file = backend.log_directories[log] / path
        with classifying(file):
            try:
                content = file.read_bytes()
            except FileNotFoundError:
                raise Problem(ProblemCode.NOT_PUBLISHED, path[:80]) from None
        return _answer(request, content, media_type, caching)

    @_file(routes, "checkpoint", "The signed checkpoint", _TEXT)
    async def checkpoint(request: Request, service: str, shard: str) -> Response:
        return await pools.points.run(answer, request, LogId(service, shard), "checkpoint", _TEXT, _SHORT)

    @_file(routes, "vkey", "The log's verifier key", _TEXT)
    async def vkey(request: Request, service: str, shard: str) -> Response:
        return await pools.points.run(answer, request, LogId(service, shard), "vkey", _TEXT, _SHORT)

    @_file(routes, "tile/{rest:path}", "A tile or entry bundle", _BINARY, ProblemCode.NOT_A_TILE, *ALONE)
    async def tile(request: Request, service: str, shard: str, rest: str) -> Response:
        try:
            parse_path(f"tile/{rest}")
        except FormatError:
            raise Problem(ProblemCode.NOT_A_TILE, rest[:80]) from None
        caching = _IMMUTABLE
        if rest.startswith(BUNDLES):
            await readers.everything(request)
            caching = _IMMUTABLE if readers.disclosure == "public" else _PRIVATE
        return await pools.points.run(answer, request, LogId(service, shard), f"tile/{rest}", _BINARY, caching)

    return routes


def _file(
    routes: APIRouter, path: str, summary: str, media_type: str, *problems: ProblemCode
) -> Callable[[Route], Route]:
    """Routes for GET and HEAD of a file of a log."""
    known = responses(
        {
            200: found(summary, _CONTENT, headers=_HEADERS, media_type=media_type.partition(";")[0]),
            304: found("Not modified: the reader has it, by `If-None-Match`", headers=_HEADERS),
        },
        (ProblemCode.BUSY, ProblemCode.NOT_PUBLISHED, ProblemCode.UNAVAILABLE, ProblemCode.UNKNOWN_LOG, *problems),
    )
    name = path.partition("/")[0]

    def add(function: Route) -> Route:
        for method in ("GET", "HEAD"):
            routes.add_api_route(
                f"/log/{{service}}/{{shard}}/{path}",
                function,
                methods=[method],
                operation_id=f"{method.lower()}_{name}",
                summary=summary if method == "GET" else f"{summary}: its headers",
                response_class=Response,
                responses=known if method == "GET" else without_content(known),
                openapi_extra=_CONDITION,
            )
        return function

    return add


def _answer(request: Request, content: bytes, media_type: str, caching: str) -> Response:
    """The content, compressed where the reader takes that and it helps; 304 where the reader has it already."""
    tag = f'W/"{sha256(content).hexdigest()[:32]}"'  # weak: of the content, whether it is compressed or not
    headers = {"Cache-Control": caching, "ETag": tag, "Vary": "Accept-Encoding"}
    if caching == _PRIVATE:
        headers["Vary"] = "Accept-Encoding, Authorization, Cookie"
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if len(content) >= _WORTH_WHILE and "gzip" in request.headers.get("accept-encoding", ""):
        compressed = gzip.compress(content, compresslevel=1, mtime=0)
        if len(compressed) < len(content):
            content, headers["Content-Encoding"] = compressed, "gzip"
    return Response(content, media_type=media_type, headers=headers)
