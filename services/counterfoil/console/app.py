"""The console's routes: pages, their tables as CSV, static files, and signing in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute

from counterfoil.console import forms, session
from counterfoil.console.assets import MAKE, Assets
from counterfoil.console.catalogue import PAGES
from counterfoil.console.look import Look
from counterfoil.console.page import Page, menu_of
from counterfoil.console.rendering import HEADERS, compressed, page
from counterfoil.console.words import language_of, languages, messages
from counterfoil.contract.log_id import LogId, host_of
from counterfoil.contract.times import format_time
from counterfoil.gateway.answers import positions_of
from counterfoil.gateway.bounds import SCAN_WITHIN
from counterfoil.gateway.context import Context
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import Known, Reader, cookie_of
from counterfoil.ports import TookTooLong, Unavailable

_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_CSV: Final = "text/csv; charset=utf-8"
_WORDS: Final = "js/words.json"
_log: Final = logging.getLogger("counterfoil.console")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Console:
    """The pages of one gateway."""

    def __init__(self, context: Context) -> None:
        self.context, self.assets = context, Assets()
        languages()  # reads files, once
        self._host = host_of(context.backend.origins[LogId("issuance")])

    def routers(self) -> Iterator[APIRouter]:
        """All routes; what is found by no other is answered last."""
        yield session.router(self.context)
        yield self._static()
        routes = APIRouter(include_in_schema=False, route_class=self._route_class())
        for each in PAGES:
            self._add(routes, each)
        routes.add_api_route("/console", lambda: RedirectResponse("/console/market", 307))
        routes.add_api_route("/console/{rest:path}", _not_found)
        yield routes

    # pages ------------------------------------------------------------------------------------------------------------

    def _add(self, routes: APIRouter, shown: Page) -> None:
        async def answer(request: Request) -> Response:
            known, ended = await self._known(request)
            public = self.context.readers.disclosure == "public"
            who = Reader(known.session.party_id, public or known.everything) if known else Reader(None, public)
            return await self.context.pools.scans.run(self._answer, request, shown, who, known, ended)

        routes.add_api_route(f"/console/{shown.path}", answer)

    async def _known(self, request: Request) -> tuple[Known | None, bool]:
        """The reader's session, and whether the one of its cookie has ended: it then reads as anybody."""
        try:
            return await self.context.readers.session(request), False
        except Problem as problem:
            if problem.code != ProblemCode.UNKNOWN_SESSION.code or cookie_of(request) not in request.cookies:
                raise
            return None, True

    def _answer(self, request: Request, shown: Page, who: Reader, known: Known | None, ended: bool) -> Response:
        backend = self.context.backend
        with backend.views.consistent_read(SCAN_WITHIN) as views:
            positions = positions_of(backend, views)
            look = Look(self.context, views, who, request.query_params)
            values = shown.read(look, **request.path_params)
            around: dict[str, Any] = {
                "menu": menu_of(look),
                "party": who.party_id,
                "roles": look.roles,
                "everything": look.everything,
            }
            if who.party_id is not None:
                around["party_name"] = look.name_of(who.party_id)
        wanted = request.query_params.get("csv")
        if wanted is not None:
            return _csv(request, values, wanted)
        at = {log.name: positions[origin] for log, origin in backend.origins.items()}
        states = [log.name for log, snapshot in backend.snapshots.items() if snapshot.size()]
        around |= {"title": shown.title, "positions": at, "states": states, "ended": ended, "known": known}
        answer = page(
            request, shown.template, {**self._around(request), **around, **values}, language=language_of(request)
        )
        if ended:
            secure = request.url.scheme == "https"
            answer.delete_cookie(cookie_of(request), path="/", secure=secure, httponly=True, samesite="strict")
        return answer

    def _around(self, request: Request) -> dict[str, Any]:
        """What every page has, whoever reads."""
        theme = request.cookies.get(session.THEME)
        return {
            "assets": self.assets,
            "make": MAKE,
            "host": self._host,
            "language": language_of(request),
            "languages": languages(),
            "theme": theme if theme in session.THEMES else "auto",
            "themes": session.THEMES,
            "path": request.url.path,
            "query": request.query_params,
            "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            "disclosure": self.context.readers.disclosure,
            "clock": format_time(self.context.backend.now()),
        }

    # errors -----------------------------------------------------------------------------------------------------------

    def _route_class(self) -> type[APIRoute]:
        console = self

        class PageRoute(APIRoute):
            def get_route_handler(self) -> Handler:
                handle = super().get_route_handler()

                async def handled(request: Request) -> Response:
                    try:
                        return await handle(request)
                    except Problem as problem:
                        return await console.told(request, problem)
                    except TookTooLong:
                        return await console.told(request, Problem(ProblemCode.SCAN_TOO_LONG))
                    except Unavailable:
                        return await console.told(request, Problem(ProblemCode.UNAVAILABLE))
                    except Exception:  # noqa: BLE001 a bug: logged, and told in the form that was asked for
                        _log.exception("a page failed: %s", request.url.path)
                        return await console.told(request, Problem(ProblemCode.INTERNAL_ERROR))

                return handled

        return PageRoute

    async def told(self, request: Request, problem: Problem) -> Response:
        """The same, from a thread: the first time it reads templates and a catalogue."""
        return await self.context.pools.points.run(self.problem, request, problem)

    def problem(self, request: Request, problem: Problem) -> Response:
        """A page that says what is wrong."""
        around: dict[str, Any] = {
            "menu": menu_for_nobody(),
            "party": None,
            "roles": (),
            "everything": False,
            "positions": {},
            "states": [],
        }
        more = {"title": "Not available", "problem": problem, "ended": False, "known": None}
        values = {**self._around(request), **around, **more}
        answer = page(request, "problem.html", values, language=language_of(request), status=problem.status)
        answer.headers.update(problem.headers)
        return answer

    # static files -----------------------------------------------------------------------------------------------------

    def _static(self) -> APIRouter:
        routes = APIRouter(include_in_schema=False)

        @routes.get("/console/static/{digest}/{name:path}")
        async def static(request: Request, digest: str, name: str) -> Response:
            asset = self.assets.get(name) if digest == self.assets.digest else None
            if asset is None:
                raise Problem(ProblemCode.NOT_FOUND, name[:80])
            headers = {**HEADERS, "Cache-Control": _IMMUTABLE, "Vary": "Accept-Encoding"}
            if "gzip" in request.headers.get("accept-encoding", ""):
                headers["Content-Encoding"] = "gzip"
                return Response(asset.compressed, headers=headers, media_type=asset.media_type)
            return Response(asset.content, headers=headers, media_type=asset.media_type)

        @routes.get("/console/words/{language}.json")
        async def words(request: Request, language: str) -> Response:
            """The messages of the modules in a language, by the names that they have there."""
            if language not in languages():
                raise Problem(ProblemCode.NOT_FOUND, language[:80])
            words = await self.context.pools.points.run(self.words, language)
            return compressed(request, words, "application/json")

        @routes.get("/console/schemas/{name}.json")
        async def schema(request: Request, name: str) -> Response:
            """The JSON Schema of a command's body."""
            schema = await self.context.pools.points.run(forms.schema_bytes, name)
            return compressed(request, schema, "application/schema+json")

        return routes

    def words(self, language: str) -> bytes:
        """The modules' messages in a language, as JSON."""
        import orjson

        asset = self.assets.get(_WORDS)
        named: dict[str, str] = {} if asset is None else orjson.loads(asset.content)
        known = messages(language)
        return orjson.dumps({name: known.get(text, text) for name, text in named.items()})


def menu_for_nobody() -> list[Any]:
    """The menu of a page that could not be read."""
    from counterfoil.console.page import MENU

    return [each for each in MENU if each.role is None]


async def _not_found(request: Request, rest: str) -> Response:
    raise Problem(ProblemCode.NOT_FOUND, rest[:80])


def _csv(request: Request, values: Mapping[str, Any], name: str) -> Response:
    tables = {table.name: table for table in values.get("tables", ())}
    if name not in tables:
        raise Problem(ProblemCode.NOT_FOUND, name[:80])
    answer = compressed(request, tables[name].csv().encode(), _CSV)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def pages(context: Context) -> Iterator[APIRouter]:
    """The console's routes, for `counterfoil.gateway.app.create_app`."""
    return Console(context).routers()
