"""``/v1/limits``: what a client may send and ask for through this gateway."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from counterfoil.contract import limits
from counterfoil.contract.disclosure import Disclosure
from counterfoil.contract.times import SECOND
from counterfoil.gateway import bounds
from counterfoil.gateway.openapi import found, responses
from counterfoil.gateway.quotas import Quota

_RESPONSES: Final = responses({200: found("Numbers, by what they bound", {"type": "object"})})


def router(quota: Quota, disclosure: Disclosure) -> APIRouter:
    """The route. `quota`: of each party."""
    routes, shown = APIRouter(tags=["limits"]), {"disclosure": disclosure, **_limits(quota)}

    @routes.get("/v1/limits", summary="What a client may send and ask for", responses=_RESPONSES)
    async def found() -> JSONResponse:
        return JSONResponse(shown)

    return routes


def _limits(quota: Quota) -> dict[str, Any]:
    return {
        "quota_per_party": {
            "entries_per_second": quota.entries_per_second,
            "bytes_per_second": quota.bytes_per_second,
            "burst_seconds": bounds.BURST_SECONDS,
            "refused_weighs": bounds.REFUSED_WEIGHS,
        },
        "commands": {
            "envelope_bytes": limits.MAX_ENVELOPE_BYTES,
            "payload_bytes": limits.MAX_PAYLOAD_BYTES,
            "batch_payload_bytes": limits.MAX_BATCH_PAYLOAD_BYTES,
            "batch_commands": limits.MAX_BATCH_COMMANDS,
        },
        "requests": {"target_bytes": bounds.MAX_TARGET_BYTES, "header_bytes": bounds.MAX_HEADER_BYTES},
        "queries": {
            "rows": bounds.MAX_PAGE,
            "feed_events": bounds.FEED_EVENTS,
            "under_way_per_peer": bounds.UNDER_WAY_PER_PEER,
            "per_second": bounds.QUERIES_PER_SECOND,
        },
        "sessions": {
            "seconds": bounds.SESSION_SECONDS,
            "per_party": bounds.SESSIONS_PER_PARTY,
            "envelope_bytes": limits.MAX_OPEN_SESSION_BYTES,
            "document_valid_seconds": limits.MAX_OPEN_SESSION // SECOND,
        },
        "webhooks": {
            "per_party": bounds.WEBHOOKS_PER_PARTY,
            "url_chars": bounds.WEBHOOK_URL_CHARS,
            "types": bounds.WEBHOOK_TYPES,
            "ports": sorted(bounds.WEBHOOK_PORTS),
            "attempt_seconds": bounds.WEBHOOK_ATTEMPT_WITHIN,
            "retry_seconds_longest": bounds.WEBHOOK_RETRY_LONGEST,
            "paused_after_seconds": bounds.WEBHOOK_GIVE_UP,
            "old_secret_seconds": bounds.WEBHOOK_SECRET_OVERLAP,
            "test_seconds": bounds.WEBHOOK_TEST_EVERY,
        },
        "streams": {"per_peer": bounds.MAX_STREAMS_PER_PEER},
        "connections": {"per_peer": bounds.MAX_CONNECTIONS_PER_PEER, "unanswered_requests": bounds.MAX_PIPELINED},
    }
