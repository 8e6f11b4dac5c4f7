"""What holds for every request and every answer, with any server in front."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from counterfoil.contract.disclosure import Disclosure
from counterfoil.gateway.bounds import MAX_HEADER_BYTES, MAX_TARGET_BYTES
from counterfoil.gateway.problems import Problem, ProblemCode

_ALWAYS: Final = {
    b"x-content-type-options": b"nosniff",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
}
"""Of every answer that has none of its own."""
_READ: Final = "/v1/"
_BY_READER: Final = (b"vary", b"Authorization, Cookie")
_PRIVATE: Final = (b"cache-control", b"private, no-store")
"""Of an answer to somebody who has shown who reads."""
_ANY_ORIGIN: Final = [(b"access-control-allow-origin", b"*")]
_PUBLIC: Final = "/log/"
"""Below it are the published logs, which pages of any origin may read."""
_BUNDLES: Final = "/tile/entries/"
"""But for the entries, unless everybody may read them."""


class Edge:
    """ASGI middleware that refuses requests out of bounds before any route sees them, and completes every answer.

    A page of another site, whose name was made to mean this machine, has a browser ask by that name: so only known
    names are answered. An address as the host cannot be such a name.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = (), disclosure: Disclosure = "restricted") -> None:
        """`hosts`: names that are answered besides ``localhost``; if there are none, all are."""
        self._restricted = disclosure != "public"
        self._app, self._hosts = app, frozenset({*hosts, "localhost"} if hosts else ())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        public = scope["path"].startswith(_PUBLIC) and not (self._restricted and _BUNDLES in scope["path"])

        read = _of_reader(scope)

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                given = {name for name, _ in headers}
                more = [field for field in (*_ALWAYS.items(), *read) if field[0] not in given]
                message["headers"] = [*headers, *more, *(_ANY_ORIGIN if public else ())]
            await send(message)

        problem = self._problem(scope)
        await (self._app if problem is None else problem.response())(scope, receive, complete)

    def _problem(self, scope: Scope) -> Problem | None:
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_TARGET_BYTES:
            return Problem(ProblemCode.TARGET_TOO_LONG, f"at most {MAX_TARGET_BYTES} bytes")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
            return Problem(ProblemCode.HEADERS_TOO_LARGE, f"at most {MAX_HEADER_BYTES} bytes")
        if self._hosts:
            named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if len(named) > 1 or not all(map(self._is_ours, named)):  # HTTP/1.0 needs none, and no browser sends it
                return Problem(ProblemCode.UNKNOWN_HOST, ", ".join(named)[:80])
        return None

    def _is_ours(self, host: str) -> bool:
        name = host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
        if name.lower() in self._hosts:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True


def _of_reader(scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
    """What keeps the answer to one reader from being shown to another by a cache."""
    if not scope["path"].startswith(_READ):
        return ()
    known = any(name in (b"authorization", b"cookie") for name, _ in scope["headers"])
    return (_BY_READER, _PRIVATE) if known else (_BY_READER,)
