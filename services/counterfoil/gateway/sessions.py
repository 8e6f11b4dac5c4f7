"""``/v1/sessions``: a signed document in, a token out by which its party reads for an hour."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from counterfoil.contract import limits
from counterfoil.contract.canonical import Refused
from counterfoil.contract.envelope import signed_bytes
from counterfoil.contract.log_id import LogId, host_of
from counterfoil.contract.open_session import OPEN_SESSION_TYPE, OpenSession, decode_open_session
from counterfoil.contract.refusal_meanings import MEANINGS, Stage
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import decode_base64
from counterfoil.contract.times import SECOND, format_time
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bodies import read_body
from counterfoil.gateway.bounds import SESSION_SECONDS, SESSIONS_PER_PARTY
from counterfoil.gateway.openapi import found, header, responses
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import ASKED, Known, Readers, roles_of, session_required, session_time
from counterfoil.gateway.refusals import refusal
from counterfoil.gateway.rows import TIME_SCHEMA
from counterfoil.gateway.signatures import catch_up
from counterfoil.gateway.view_positions import ViewPositions
from counterfoil.log.keys import verify
from counterfoil.ports import Row
from counterfoil.sessions import NonceUsed, Session, TooManySessions

_MARGIN: Final = limits.MAX_OPEN_SESSION
"""Nonces are remembered for so much longer, since the clocks of gateways differ."""
_PRIVATE: Final = {"Cache-Control": "no-store"}
_BODY: Final = {
    "required": True,
    "description": f"DSSE envelope of payload type `{OPEN_SESSION_TYPE}`, with one Ed25519 signature over canonical "
    "JSON: `audience` (the instance's host), `expires_at` (at most five minutes ahead), `key_id`, `nonce` (16 octets "
    "in base64), `party_id`",
    "content": {"application/vnd.dsse.envelope.v1+json": {"schema": {"type": "object"}}},
}


_TEXT: Final = {"type": "string"}
_STORED: Final = {"Cache-Control": header("`no-store`")}
_SESSION: Final = {
    "type": "object",
    "properties": {
        "id": _TEXT,
        "key_id": _TEXT,
        "opened_at": TIME_SCHEMA,
        "expires_at": TIME_SCHEMA,
        "current": {"type": "boolean", "description": "whether it is that of this token"},
    },
    "required": ["id", "key_id", "opened_at", "expires_at", "current"],
}
_TOKEN: Final = {
    "type": "object",
    "properties": {
        "token": _TEXT,
        "party_id": _TEXT,
        "roles": {"type": "array", "items": _TEXT},
        "expires_at": TIME_SCHEMA,
    },
    "required": ["token", "party_id", "roles", "expires_at"],
}
_LIST: Final = {
    "type": "object",
    "properties": {"items": {"type": "array", "items": _SESSION}},
    "required": ["items"],
}
_OPENED: Final = responses(
    {201: found("The token, which nobody can show again", _TOKEN, headers=_STORED)},
    (
        ProblemCode.BUSY,
        ProblemCode.CATCHING_UP,
        ProblemCode.NONCE_USED,
        ProblemCode.OPEN_SESSION_EXPIRED,
        ProblemCode.OPEN_SESSION_TOO_LONG,
        ProblemCode.TOO_MANY_SESSIONS,
        ProblemCode.UNAVAILABLE,
    ),
    refusals=(
        *(code for code in Code if MEANINGS[code].stage is Stage.INTAKE),
        Code.KEY_FOR_OTHER_USE,
        Code.KEY_REVOKED,
        Code.PARTY_CLOSED,
    ),
)
_OWN: Final = (ProblemCode.BAD_REQUEST, ProblemCode.BUSY, ProblemCode.SESSION_REQUIRED, ProblemCode.UNAVAILABLE, *ASKED)
_LISTED: Final = responses({200: found("Those that are open", _LIST, headers=_STORED)}, _OWN)
_ENDED: Final = responses({204: found("It has ended")}, _OWN)


def router(backend: Backend, views: ViewPositions, readers: Readers) -> APIRouter:
    """The routes."""
    routes, pool = APIRouter(tags=["sessions"]), readers.pool

    @routes.post(
        "/v1/sessions",
        status_code=201,
        summary="Open a session, to read as a party",
        responses=_OPENED,
        openapi_extra={"requestBody": _BODY},
    )
    async def open_session(request: Request) -> JSONResponse:
        try:
            token, session, roles = await opened(request, backend, views, readers)
        except Refused as problem:
            return refusal(problem.refusal)
        shown = {"token": token, "party_id": session.party_id, "roles": roles}
        return JSONResponse({**shown, "expires_at": format_time(session.expires_at)}, 201, headers=_PRIVATE)

    @routes.get("/v1/sessions", summary="The sessions of this token's party", responses=_LISTED)
    async def own(request: Request) -> JSONResponse:
        known = await _known(request, readers)
        listed = await pool.run(backend.sessions.of, known.session.party_id, session_time())
        return JSONResponse({"items": [_shown(each, known.session) for each in listed]}, headers=_PRIVATE)

    @routes.delete("/v1/sessions", status_code=204, summary="End the session of the token", responses=_ENDED)
    async def end(
        request: Request, all_: Annotated[bool, Query(alias="all", description="All of its party")] = False
    ) -> Response:
        session = (await _known(request, readers)).session
        await pool.run(backend.sessions.end, session.party_id, None if all_ else session.digest)
        readers.forget(session.party_id)
        return Response(status_code=204)

    return routes


async def opened(
    request: Request, backend: Backend, views: ViewPositions, readers: Readers
) -> tuple[str, Session, list[str]]:
    """A new session by the signed document in the request's body: its token, itself, the roles of its party.

    Raises `Refused`, `Problem`.
    """
    pool = readers.pool
    envelope = await read_body(request, limits.MAX_OPEN_SESSION_BYTES)
    document, payload, signature = decode_open_session(envelope)
    now = session_time()
    _check(backend, document, now)
    key = await pool.run(_key, backend, document)
    if key is None:
        await catch_up(backend, views)
        key = await pool.run(_key, backend, document)
    _check_signed(key, document, payload, signature)
    roles = await pool.run(_roles, backend, document)
    token = secrets.token_urlsafe(32)
    session = _session(token, document, now)
    await pool.run(_open, backend, session)
    return token, session, roles


async def _known(request: Request, readers: Readers) -> Known:
    known = await readers.session(request)
    if known is None:
        raise session_required()
    return known


def _check(backend: Backend, document: OpenSession, now: int) -> None:
    """Raises `Refused`, `Problem` for a document of another audience or time."""
    host = host_of(backend.origins[LogId("issuance")])
    if document.audience != host:
        raise Refused(Code.WRONG_AUDIENCE, audience=document.audience, expected=host)
    if document.expires_at <= now:
        detail = f"here it is {format_time(now)}"
        raise Problem(ProblemCode.OPEN_SESSION_EXPIRED, detail)
    if document.expires_at > now + limits.MAX_OPEN_SESSION:
        detail = f"at most {limits.MAX_OPEN_SESSION // SECOND} seconds; here it is {format_time(now)}"
        raise Problem(ProblemCode.OPEN_SESSION_TOO_LONG, detail)


def _key(backend: Backend, document: OpenSession) -> Row | None:
    return backend.views.get("keys", (document.party_id, document.key_id))


def _check_signed(key: Row | None, document: OpenSession, payload: bytes, signature: bytes) -> None:
    """Raises `Refused` unless the document is signed by a key that its party signs with now."""
    if key is None:
        raise Refused(Code.UNKNOWN_KEY, actor=document.party_id, key_id=document.key_id)
    public = decode_base64(str(key["public_key"]))
    if not verify(public, signed_bytes(payload, OPEN_SESSION_TYPE), signature):
        raise Refused(Code.BAD_SIGNATURE)
    if key["revoked_at"] is not None:
        raise Refused(Code.KEY_REVOKED, key_id=document.key_id)
    if key["use"] != "signing":
        raise Refused(Code.KEY_FOR_OTHER_USE, key_id=document.key_id)


def _roles(backend: Backend, document: OpenSession) -> list[str]:
    roles = roles_of(backend, document.party_id)
    if roles is None:
        raise Refused(Code.PARTY_CLOSED, party_id=document.party_id)
    return roles


def _session(token: str, document: OpenSession, now: int) -> Session:
    return Session(
        digest=sha256(token.encode()).digest(),
        party_id=document.party_id,
        key_id=document.key_id,
        nonce=document.nonce,
        guarded_until=document.expires_at + _MARGIN,
        opened_at=now,
        expires_at=now + SESSION_SECONDS * SECOND,
    )


def _open(backend: Backend, session: Session) -> None:
    try:
        backend.sessions.open(session, SESSIONS_PER_PARTY)
    except NonceUsed:
        raise Problem(ProblemCode.NONCE_USED) from None
    except TooManySessions:
        raise Problem(ProblemCode.TOO_MANY_SESSIONS, session.party_id) from None


def _shown(session: Session, current: Session) -> dict[str, Any]:
    return {
        "id": session.digest.hex()[:16],
        "key_id": session.key_id,
        "opened_at": format_time(session.opened_at),
        "expires_at": format_time(session.expires_at),
        "current": session.digest == current.digest,
    }
