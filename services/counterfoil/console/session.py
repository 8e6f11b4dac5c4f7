"""Signing in: a document that the reader's key signed opens a session; no script can read the cookie with its token."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from counterfoil.console import words
from counterfoil.contract.canonical import Refused
from counterfoil.contract.times import format_time
from counterfoil.gateway.bounds import SESSION_SECONDS
from counterfoil.gateway.context import Context
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import cookie_of, session_time
from counterfoil.gateway.refusals import refusal
from counterfoil.gateway.sessions import opened

THEME: Final = "counterfoil_theme"
THEMES: Final = ("auto", "light", "dark")
_YEAR: Final = 365 * 86_400


def router(context: Context) -> APIRouter:
    """The routes that change something: a session, and what a reader chose. Each only for the console's own pages."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/console/session")
    async def sign_in(request: Request) -> Response:
        _check_same_origin(request)
        try:
            token, session, roles = await opened(request, context.backend, context.views, context.readers)
        except Refused as problem:
            return refusal(problem.refusal)
        shown = {"party_id": session.party_id, "roles": roles, "expires_at": format_time(session.expires_at)}
        answer = JSONResponse(shown, 201, headers={"Cache-Control": "no-store"})
        answer.set_cookie(
            cookie_of(request),
            token,
            SESSION_SECONDS,
            path="/",
            secure=_secure(request),
            httponly=True,
            samesite="strict",
        )
        return answer

    @routes.post("/console/sign-out")
    async def sign_out(request: Request) -> Response:
        _check_same_origin(request)
        answer = RedirectResponse("/console/market", 303)
        answer.delete_cookie(cookie_of(request), path="/", secure=_secure(request), httponly=True, samesite="strict")
        digest = context.readers.digest_of(request.cookies.get(cookie_of(request), ""))
        session = await context.readers.pool.run(context.backend.sessions.find, digest, session_time())
        if session is not None:
            await context.readers.pool.run(context.backend.sessions.end, session.party_id, session.digest)
            context.readers.forget(session.party_id)
        return answer

    @routes.get("/console/choose")
    async def choose(request: Request) -> Response:
        """Language and colours: no party's data, so a link is enough."""
        given = request.query_params
        answer = RedirectResponse(_path(given.get("back", "")), 303)
        for name, known in ((words.COOKIE, tuple(words.languages())), (THEME, THEMES)):
            value = given.get(name.removeprefix("counterfoil_"))
            if value in known:
                answer.set_cookie(
                    name, str(value), _YEAR, path="/console", secure=_secure(request), httponly=True, samesite="lax"
                )
        return answer

    return routes


def _check_same_origin(request: Request) -> None:
    """Raises `Problem` unless a page of this host sent the request.

    A browser says so in headers that no script can set. Otherwise another site could sign its visitor in as somebody.
    """
    site = request.headers.get("sec-fetch-site")
    if site is None:
        origin = _parts(request.headers.get("origin", "")).netloc
        site = "same-origin" if origin and origin == request.headers.get("host") else "unknown"
    if site != "same-origin":
        raise Problem(ProblemCode.BAD_REQUEST, "only a page of this host may ask this")


def _secure(request: Request) -> bool:
    """Whether the browser may send the cookie by TLS alone: not where it came without, as on this machine."""
    return request.url.scheme == "https"


def _parts(text: str) -> SplitResult:
    """The parts of an address; empty ones of what is none."""
    try:
        return urlsplit(text)
    except ValueError:  # such as an IPv6 host without its end
        return urlsplit("")


def _path(text: str) -> str:
    """A path of the console; never another host's."""
    parts = _parts(text)
    plain = text.isprintable() and "\\" not in text and ".." not in text
    inside = plain and not parts.scheme and not parts.netloc and parts.path.startswith("/console/")
    return text if inside else "/console/market"
