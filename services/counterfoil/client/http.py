"""HTTP client of a gateway: submits signed commands, queries views, receipts and published files.

Every request may be repeated, a command because the same envelope always gets the same answer. So whenever the outcome
is unknown (connection lost, timeout, 503, or 202 for "not decided yet") the same bytes are sent again, with back-off,
a bounded number of times.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx
import orjson

from counterfoil.client.bearer import NOT_VALID, Bearer
from counterfoil.client.connecting import reaching
from counterfoil.client.problems import NotReady, NotThere, RefusedByService, Unreachable
from counterfoil.contract.log_id import LogId
from counterfoil.contract.times import format_time

PAUSES: Final = (0.1, 0.3, 0.9, 2.0)
"""Seconds before each repetition."""
RETRY_AFTER_MAX: Final = 10
"""Longest pause in seconds that a gateway may ask for."""
PAGE: Final = 200
_TIMEOUT: Final = httpx.Timeout(40.0, connect=5.0)  # a gateway answers a command within 30 s
_ENVELOPE: Final = {"Content-Type": "application/vnd.dsse.envelope.v1+json"}
_ASYNC: Final = {**_ENVELOPE, "Prefer": "respond-async"}
_AGAIN: Final = (httpx.codes.ACCEPTED, httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
BUNDLES: Final = "tile/entries/"
"""Where the entries of a log are, which not everybody may read."""
_PROBLEM: Final = "application/problem+json"


class Gateway:
    """One gateway. Not for several threads at once."""

    def __init__(
        self,
        url: str,
        *,
        pauses: Sequence[float] = PAUSES,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
        token: str | None = None,
        bearer: Bearer | None = None,
        ca: Path | None = None,
    ) -> None:
        """`url`: base URL. `pauses`: seconds before each repetition. `transport`: HTTPX's.

        `token`: of the session to read by; `bearer`: what gives it, in its place. Without either it reads as anybody.
        `ca`: as in `reaching`.
        """
        self.url, self._pauses, self._sleep = url, pauses, sleep
        self._bearer = Bearer(token) if bearer is None else bearer
        self.position = ""
        """What the last answer to a query reflects: ``service[/shard]:index`` of the next entry of each log."""
        self._client = httpx.Client(base_url=url, timeout=_TIMEOUT, transport=transport, **reaching(url, ca))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._client.close()

    # commands -------------------------------------------------------------------------------------------------------

    def submit(self, envelope: bytes) -> dict[str, Any]:
        """Send a signed command, with retries, and return its receipt.

        Raises `RefusedByService`; or `Unreachable`, after which the outcome is unknown and the same envelope may be
        submitted again at any time until it expires.
        """
        return _object(self._ask("POST", "/v1/commands", content=envelope, headers=_ENVELOPE))

    def submit_async(self, envelope: bytes) -> None:
        """Send a signed command, with retries, until the gateway has accepted it; do not wait for its decision.

        Commands sent on one connection are decided in the order sent. Raises `RefusedByService` if it is refused before
        it reaches an inbox; or `Unreachable`, also if it is shed every time, after which the outcome is unknown.
        """
        try:
            self._ask("POST", "/v1/commands", final=(httpx.codes.ACCEPTED,), content=envelope, headers=_ASYNC)
        except RefusedByService as problem:
            if problem.code == "overloaded":  # an earlier attempt may have been accepted
                raise Unreachable(f"{self.url} has shed the command every time; send the same one again") from problem
            raise

    def receipt(self, log: LogId, actor: str, command_id: str) -> dict[str, Any]:
        """The receipt of a command decided earlier. Raises `RefusedByService`, `NotThere`, `Unreachable`."""
        return _object(self._read("/v1/commands/" + _path(*log.name.split("/"), actor, command_id)))

    # sessions -------------------------------------------------------------------------------------------------------

    def open_session(self, envelope: bytes) -> dict[str, Any]:
        """Open a session by a signed `open_session`: its token, party, roles and end. Not repeated: its nonce is used.

        Raises `RefusedByService`, `Unreachable`.
        """
        try:
            response = self._client.post("/v1/sessions", content=envelope, headers=_ENVELOPE)
        except httpx.TransportError as problem:
            raise Unreachable(f"cannot reach {self.url}: {str(problem) or type(problem).__name__}") from problem
        return _object(response if response.status_code == httpx.codes.CREATED else self._check(response))

    def sessions(self) -> list[dict[str, Any]]:
        """The sessions of this token's party. Raises `RefusedByService`, `Unreachable`."""
        return list(_object(self._read("/v1/sessions"))["items"])

    def end_session(self, *, all_: bool = False) -> None:
        """End this token's session, or all of its party. Raises `RefusedByService`, `Unreachable`."""
        params = {"all": "true"} if all_ else {}
        headers = self._bearer.header()
        self._ask("DELETE", "/v1/sessions", final=(httpx.codes.NO_CONTENT,), params=params, headers=headers)

    # queries --------------------------------------------------------------------------------------------------------

    def get(self, view: str, *key: str, wait_for: Sequence[str] = ()) -> dict[str, Any]:
        """One row by its key, each part as text. `wait_for`: ``service[/shard]:index`` that the view must have seen.

        Raises `NotThere`, `RefusedByService`, `Unreachable`.
        """
        return _object(self._read(f"/v1/{_name(view)}/{_path(*key)}", _waiting(wait_for)))

    def rows(
        self,
        view: str,
        filters: Mapping[str, str] | None = None,
        *,
        limit: int | None = None,
        wait_for: Sequence[str] = (),
        newest: bool = False,
        since: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Rows page by page, at most `limit`: the oldest first, or the `newest`. Raises as `get`.

        `since`: microseconds; of views with a time, only rows that are no older.
        """
        params = [*(filters or {}).items(), *_waiting(wait_for)]
        params += [("order", "newest")] if newest else []
        params += [("since", format_time(since))] if since is not None else []
        after: str | None = None
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            cursor = [("after", after)] if after is not None else []
            page = _object(self._read(f"/v1/{_name(view)}", [*params, ("limit", str(size)), *cursor]))
            yield from page["items"]
            after = page["next"]
            if after is None:
                return
            left = None if left is None else left - len(page["items"])

    def depth(
        self, class_id: str, region: str, currency: str | None = None, wait_for: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Open quantity by price level; `currency`: by default the market's only one. Raises as `get`."""
        params = [("class_id", class_id), ("region", region), *_waiting(wait_for)]
        params += [("currency", currency)] if currency is not None else []
        return _object(self._read("/v1/depth", params))

    def health(self) -> dict[str, Any]:
        """``{"ok": bool, "failure": text, "waiting": {log: {"code", "text"}}}``, asked once. Raises `Unreachable`."""
        try:
            return _object(self._client.get("/healthz"))
        except httpx.TransportError as problem:
            raise Unreachable(f"cannot reach {self.url}: {problem}") from problem

    # logs -----------------------------------------------------------------------------------------------------------

    def log_file(self, log: LogId, path: str) -> bytes:
        """A published file: ``checkpoint``, ``vkey`` or a tile's path.

        Raises `NotThere`, `Unreachable`, and for entry bundles `RefusedByService`.
        """
        url = f"/log/{_path(*log)}/{path}"
        return (self._read(url) if path.startswith(BUNDLES) else self._ask("GET", url)).content

    def tail(self, logs: Sequence[str], start: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
        """(position, entry) of each entry of `logs` as it comes; endless.

        A log is ``service/shard``, or ``service`` for all of a service; a position is ``service[/shard]:index``.
        It does not reconnect: after `Unreachable`, resume at the last position, its parts split at commas.
        """
        params = httpx.QueryParams([*(("service", each) for each in logs), *(("from", each) for each in start)])
        timeout = httpx.Timeout(60.0, connect=5.0)  # a stream without entries has a heartbeat every 15 s
        try:
            stream = partial(self._client.stream, "GET", "/v1/events", params=params, timeout=timeout)
            with stream(headers=self._bearer.header()) as response:
                if response.status_code != httpx.codes.OK:
                    response.read()
                    self._check(response)
                yield from _server_sent(response.iter_lines())
        except httpx.TransportError as problem:
            raise Unreachable(f"the stream from {self.url} broke: {problem}") from problem
        raise Unreachable(f"the stream from {self.url} ended")

    def _read(self, path: str, params: Sequence[tuple[str, str]] = ()) -> httpx.Response:
        """A request with the token; where that is over, with another one again."""
        headers = self._bearer.header()
        try:
            return self._ask("GET", path, params=params, headers=headers)
        except RefusedByService as problem:
            if problem.code != NOT_VALID or not self._bearer.replace(headers):
                raise
        return self._ask("GET", path, params=params, headers=self._bearer.header())

    # one exchange ---------------------------------------------------------------------------------------------------

    def _ask(self, method: str, path: str, *, final: Sequence[int] = (), **request: Any) -> httpx.Response:
        """Send a request, with retries while the outcome is unknown; a status in `final` ends the retries."""
        outcome: httpx.Response | httpx.TransportError
        for pause in (*self._pauses, None):
            try:
                outcome = self._client.request(method, path, **request)
            except httpx.TransportError as problem:
                outcome = problem
            else:
                if outcome.status_code in final:
                    return outcome
                if outcome.status_code not in _AGAIN:
                    return self._check(outcome)
            if pause is None:
                break
            self._sleep(max(pause, _asked_for(outcome)))
        if isinstance(outcome, httpx.TransportError):
            raise Unreachable(f"cannot reach {self.url}: {str(outcome) or type(outcome).__name__}") from outcome
        return self._check(outcome)

    def _check(self, response: httpx.Response) -> httpx.Response:
        if response.status_code == httpx.codes.OK:
            self.position = response.headers.get("counterfoil-position", self.position)
            return response
        if response.status_code == httpx.codes.ACCEPTED:
            raise Unreachable(f"{self.url} accepted the command but did not decide it in time; send the same one again")
        if not response.headers.get("content-type", "").startswith(_PROBLEM):
            raise Unreachable(f"{self.url} answered {response.status_code}, but not as a Counterfoil gateway does")
        problem = _object(response)
        code, title = str(problem.get("code", "")), str(problem.get("title", ""))
        fields = {str(name): str(value) for name, value in dict(problem.get("fields") or {}).items()}
        if problem.get("detail"):
            fields["detail"] = str(problem["detail"])
        if str(problem.get("type", "")).startswith("urn:counterfoil:refusal:") or code == "too_large":
            raise RefusedByService(code, title, fields, problem.get("receipt"))
        if response.status_code == httpx.codes.NOT_FOUND:
            raise NotThere(code, title, fields)
        said = f"{self.url}: {title} ({code}) {fields.get('detail', '')}".rstrip()
        unready = (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS)
        if response.status_code in unready or code == "wait_timed_out":
            raise NotReady(code, said)
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise Unreachable(said)
        raise RefusedByService(code, title, fields, None)


def _name(view: str) -> str:
    return view.replace("_", "-")


def _path(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)


def _waiting(wait_for: Sequence[str]) -> list[tuple[str, str]]:
    return [("wait_for", each) for each in wait_for]


def _asked_for(outcome: httpx.Response | httpx.TransportError) -> int:
    """The pause in seconds that the gateway asked for (Retry-After); 0 without one."""
    return retry_after(outcome) if isinstance(outcome, httpx.Response) else 0


def retry_after(response: httpx.Response) -> int:
    """The pause in seconds that an answer asks for, `RETRY_AFTER_MAX` at most; 0 without one."""
    text = response.headers.get("retry-after", "")
    return min(int(text), RETRY_AFTER_MAX) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        value = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise Unreachable(f"{response.url} did not answer with a JSON object")
    return value


def _server_sent(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(id, data) of each event of a stream (HTML living standard, server-sent events; comments are left out)."""
    position, data = "", ""
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            position = value
        elif name == "data":
            data += value
        elif not line and data:
            yield position, orjson.loads(data)
            data = ""
