"""One attempt to deliver one message: signed, to a judged address, within a time, its answer not read."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import httpx
import orjson

from counterfoil import __version__
from counterfoil.contract.times import SECOND
from counterfoil.contract.webhook_signature import ID, MEDIA_TYPE, SIGNATURE, TIMESTAMP, message_id_of, sign
from counterfoil.gateway.bounds import (
    WEBHOOK_ADDRESSES,
    WEBHOOK_ANSWER_BYTES,
    WEBHOOK_ATTEMPT_WITHIN,
    WEBHOOK_BODY_WITHIN,
    WEBHOOK_CONNECT_WITHIN,
)
from counterfoil.gateway.readers import session_time
from counterfoil.gateway.webhook_targets import Address, BadTarget, Target, authority_of, parse_target

Resolve = Callable[[Target], Awaitable[list[Address]]]
_AGENT: Final = f"counterfoil/{__version__}"


class Attempt(NamedTuple):
    """What came of an attempt. `status`: HTTP's as text, or a word. `retry_after`: seconds that it asked for."""

    status: str
    delivered: bool
    retry_after: int = 0

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more."""
        return self.status == str(HTTPStatus.GONE.value)


class Sender:
    """Sends messages. For one event loop."""

    def __init__(
        self,
        resolve: Resolve,
        *,
        loopback: bool,
        within: float = WEBHOOK_ATTEMPT_WITHIN,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        """`resolve`: gives judged addresses. `loopback`: messages may go to this machine. `within`: seconds in all.

        `trusted`: the authorities that count, in place of those of HTTPX or of SSL_CERT_FILE.
        """
        self._resolve, self._loopback, self._within, self._trusted = resolve, loopback, within, trusted

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return httpx.create_ssl_context() if self._trusted is None else self._trusted

    def client(self, url: str) -> httpx.AsyncClient:
        """Connections for the messages of one webhook: of none other, since they are chosen by their address."""
        verify = self._context if url.startswith("https:") else False
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        timeout = httpx.Timeout(self._within, connect=WEBHOOK_CONNECT_WITHIN)
        return httpx.AsyncClient(verify=verify, trust_env=False, limits=limits, timeout=timeout)

    async def send(
        self, client: httpx.AsyncClient, url: str, secrets: Sequence[bytes], event: dict[str, Any]
    ) -> Attempt:
        """Send an event, signed by each of the secrets. Whatever fails is told by the attempt."""
        try:
            target = parse_target(url, loopback=self._loopback)
            async with asyncio.timeout(self._within):
                addresses = await self._resolve(target)
                return await self._send(client, target, addresses, _message(secrets, event))
        except BadTarget as problem:
            return Attempt(problem.code, delivered=False)
        except (TimeoutError, httpx.TimeoutException):
            return Attempt("timed_out", delivered=False)
        except httpx.ConnectError as problem:
            return Attempt("bad_certificate" if _is_tls(problem) else "not_connected", delivered=False)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return Attempt("no_answer", delivered=False)

    async def _send(
        self,
        client: httpx.AsyncClient,
        target: Target,
        addresses: Sequence[Address],
        message: tuple[dict[str, str], bytes],
    ) -> Attempt:
        headers, body = message
        tried = addresses[:WEBHOOK_ADDRESSES]
        for number, address in enumerate(tried, 1):
            url = f"{target.scheme}://{authority_of(target.scheme, str(address), target.port)}{target.path}"
            named = {"host": target.authority, **headers}
            request = client.build_request(
                "POST", url, headers=named, content=body, extensions={"sni_hostname": target.host}
            )
            try:
                answer = await client.send(request, stream=True, follow_redirects=False)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == len(tried):
                    raise
                continue
            return await _read(answer)
        raise BadTarget("no_such_host")


async def _read(answer: httpx.Response) -> Attempt:
    """The status; a body that is short and comes at once is read, so that the connection can be used again."""
    try:
        seen = 0
        with suppress(TimeoutError, httpx.HTTPError):
            async with asyncio.timeout(WEBHOOK_BODY_WITHIN):
                async for piece in answer.aiter_raw():
                    seen += len(piece)
                    if seen > WEBHOOK_ANSWER_BYTES:
                        break
    finally:
        await answer.aclose()
    asked = answer.headers.get("retry-after", "")
    pause = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0
    return Attempt(str(answer.status_code), answer.is_success, pause)


def _message(secrets: Sequence[bytes], event: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    body, message_id, now = orjson.dumps(event), message_id_of(event["id"]), session_time() // SECOND
    signatures = " ".join(sign(secret, message_id, now, body) for secret in secrets)
    headers = {
        "content-type": MEDIA_TYPE,
        "user-agent": _AGENT,
        "accept-encoding": "identity",
        ID: message_id,
        TIMESTAMP: str(now),
        SIGNATURE: signatures,
    }
    return headers, body


def _is_tls(problem: BaseException) -> bool:
    cause: BaseException | None = problem
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None
