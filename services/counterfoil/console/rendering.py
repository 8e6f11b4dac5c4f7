"""From what a page has read to its answer: templates, headers, compression."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from counterfoil.console.drawing import Drawing
from counterfoil.console.formats import Formats, lines, shown
from counterfoil.console.tables import NUMERIC, place_of
from counterfoil.console.words import locale_of, messages
from counterfoil.programme.describing import described
from counterfoil.programme.wording import plainly

TEMPLATES: Final = Path(__file__).with_name("templates")
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No script or style stands in a page, so none that a name brings with it runs."""
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
}
_PRIVATE: Final = {"Cache-Control": "no-store", "Vary": "Accept-Encoding, Accept-Language, Cookie"}
_WORTH_WHILE: Final = 1_024  # bytes, to be compressed


@cache
def environment(language: str) -> Environment:
    """The templates in a language."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    known = messages(language)

    def several(one: str, many: str, number: int) -> str:
        return known.get(one if number == 1 else many, one if number == 1 else many)

    made.install_gettext_callables(lambda text: known.get(text, text), several, newstyle=True)  # type: ignore[attr-defined]
    formats = Formats(locale_of(language))
    names = ("number", "amount", "compact", "when", "hour", "day", "clock")
    made.filters.update({name: getattr(formats, name) for name in names})
    made.filters["lines"] = lines
    draw = Drawing(formats, lambda text: known.get(text, text))

    def say(message: str, **parts: object) -> str:
        return plainly(known.get(message, message), **parts)

    made.globals.update(
        described=lambda rules: described(rules, say),
        draw=draw,
        share=formats.share,
        place_of=place_of,
        NUMERIC=NUMERIC,
    )
    return made


def page(request: Request, template: str, values: Mapping[str, Any], *, language: str, status: int = 200) -> Response:
    """An HTML page; waits for nothing but the processor."""
    text = environment(language).get_template(template).render(values, address=_addresses(request))
    return compressed(request, text.encode(), "text/html; charset=utf-8", status)


def _addresses(request: Request) -> Callable[[Mapping[str, str | None]], str]:
    """Makes the query of an address that differs from this one by some parameters; None leaves one out."""

    def address(changes: Mapping[str, str | None]) -> str:
        kept = {**request.query_params, **changes}
        return urlencode(
            {name: value for name, value in kept.items() if value is not None and name != "csv"}
            | {name: value for name, value in changes.items() if name == "csv" and value is not None}
        )

    return address


def compressed(request: Request, content: bytes, media_type: str, status: int = 200) -> Response:
    """An answer for this reader alone. It has no secret, so that its compressed length tells nothing."""
    headers = {**HEADERS, **_PRIVATE}
    if len(content) >= _WORTH_WHILE and "gzip" in request.headers.get("accept-encoding", ""):
        content, headers["Content-Encoding"] = gzip.compress(content, 5, mtime=0), "gzip"
    return Response(content, status, headers, media_type)
