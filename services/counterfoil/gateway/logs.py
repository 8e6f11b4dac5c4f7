"""The published logs over HTTP, as C2SP tlog-tiles requires: short-lived checkpoints, immutable tiles, else 404."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from counterfoil.contract.log_id import LogId
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.problems import Problem
from counterfoil.log.errors import FormatError
from counterfoil.log.tiles import parse_path
from counterfoil.runtime.os_errors import classifying


def router(backend: Backend) -> APIRouter:
    """The routes below ``/log/SERVICE/SHARD/``: the URL of a log is its origin with ``/log`` behind the host."""
    routes = APIRouter(tags=["logs"])

    def read(service: str, shard: str, path: str) -> bytes:
        log = LogId(service, shard)
        if log not in backend.log_directories:
            raise Problem(404, "unknown_log", "No such log.", f"{log}"[:80])
        file = backend.log_directories[log] / path
        with classifying(file):
            try:
                return file.read_bytes()
            except FileNotFoundError:
                raise Problem(404, "not_published", "Not published (yet).", path[:80]) from None

    @routes.get("/log/{service}/{shard}/checkpoint", summary="The signed checkpoint", response_class=Response)
    def checkpoint(service: str, shard: str) -> Response:
        headers = {"Cache-Control": "public, max-age=1"}
        note = read(service, shard, "checkpoint")
        return Response(note, media_type="text/plain; charset=utf-8", headers=headers)

    @routes.get("/log/{service}/{shard}/vkey", summary="The log's verifier key", response_class=Response)
    def vkey(service: str, shard: str) -> Response:
        return Response(read(service, shard, "vkey"), media_type="text/plain; charset=utf-8")

    @routes.get("/log/{service}/{shard}/tile/{rest:path}", summary="A tile or entry bundle", response_class=Response)
    def tile(service: str, shard: str, rest: str) -> Response:
        try:
            parse_path(f"tile/{rest}")
        except FormatError:
            raise Problem(404, "not_a_tile", "Not the path of a tile.", rest[:80]) from None
        headers = {"Cache-Control": "public, max-age=604800, immutable"}
        return Response(read(service, shard, f"tile/{rest}"), media_type="application/octet-stream", headers=headers)

    return routes
