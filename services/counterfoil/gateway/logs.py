"""The published logs over HTTP, as C2SP tlog-tiles requires: short-lived checkpoints, immutable tiles, else 404.

Hashes say nothing about entries, so anybody may read them. The entries themselves are in the entry bundles.
"""

from __future__ import annotations

import gzip
from hashlib import sha256
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from counterfoil.contract.log_id import LogId
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.pools import Pools
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import Readers
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

    @routes.head("/log/{service}/{shard}/checkpoint", include_in_schema=False)
    @routes.get("/log/{service}/{shard}/checkpoint", summary="The signed checkpoint", response_class=Response)
    async def checkpoint(request: Request, service: str, shard: str) -> Response:
        return await pools.points.run(answer, request, LogId(service, shard), "checkpoint", _TEXT, _SHORT)

    @routes.head("/log/{service}/{shard}/vkey", include_in_schema=False)
    @routes.get("/log/{service}/{shard}/vkey", summary="The log's verifier key", response_class=Response)
    async def vkey(request: Request, service: str, shard: str) -> Response:
        return await pools.points.run(answer, request, LogId(service, shard), "vkey", _TEXT, _SHORT)

    @routes.head("/log/{service}/{shard}/tile/{rest:path}", include_in_schema=False)
    @routes.get("/log/{service}/{shard}/tile/{rest:path}", summary="A tile or entry bundle", response_class=Response)
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


def _answer(request: Request, content: bytes, media_type: str, caching: str) -> Response:
    """The content, compressed where the reader takes that and it helps; 304 where the reader has it already."""
    tag = f'W/"{sha256(content).hexdigest()[:32]}"'  # weak: of the content, whether it is compressed or not
    headers = {"Cache-Control": caching, "ETag": tag, "Vary": "Accept-Encoding"}
    if caching == _PRIVATE:
        headers["Vary"] = "Accept-Encoding, Authorization"
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if len(content) >= _WORTH_WHILE and "gzip" in request.headers.get("accept-encoding", ""):
        compressed = gzip.compress(content, compresslevel=1, mtime=0)
        if len(compressed) < len(content):
            content, headers["Content-Encoding"] = compressed, "gzip"
    return Response(content, media_type=media_type, headers=headers)
