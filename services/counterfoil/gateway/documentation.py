"""The documentation site at ``/docs/``: files that `make docs` built and the wheel brings."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

SITE: Final = Path(__file__).parents[1] / "site"
HASHES: Final = "script-hashes.txt"
"""In the site: its inline scripts, as sources of a policy, one a line."""
MISSING: Final = "The documentation is not in this installation. In a clone of the project, `make docs` builds it.\n"
_POLICY: Final = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CACHING: Final = "public, max-age=60"


def mount(app: FastAPI, folder: Path = SITE) -> None:
    """Serve the site in `folder`; without one, every page says how to have it."""

    @app.get("/docs", include_in_schema=False)
    def begin() -> Response:
        return RedirectResponse("docs/")

    if (folder / HASHES).is_file():
        app.mount("/docs", _Site(folder))
        return

    @app.get("/docs/{rest:path}", include_in_schema=False)
    def missing(rest: str) -> Response:
        return PlainTextResponse(MISSING, status_code=404)


class _Site(StaticFiles):
    """The files, under a policy that lets the site's own scripts run and asks no other host for anything."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)
        mimetypes.init()  # it reads a file, which the first answer would do on the event loop
        scripts = " ".join((folder / HASHES).read_text("ascii").split())
        self._headers = {"content-security-policy": _POLICY.format(scripts=scripts), "cache-control": _CACHING}

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(self._headers)
        return response
