"""What is said to a gateway and how its answers are read, as steps: commands, queries, receipts, files and streams.

Every request may be repeated, a command because the same envelope always gets the same answer. So whenever the outcome
is unknown (connection lost, timeout, 503, or 202 for "not decided yet") the same bytes are sent again, with back-off,
a bounded number of times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import orjson

from counterfoil.client.bearer import NOT_VALID, Bearer
from counterfoil.client.problems import Answered, NotReady, NotThere, RefusedByService, Uncertain, Unreachable
from counterfoil.client.server_sent import Events
from counterfoil.client.steps import (
    Answer,
    Item,
    NoAnswer,
    Open,
    Pause,
    Read,
    Request,
    Steps,
    compressed,
    exchange,
    rest,
    work,
)
from counterfoil.contract.log_id import LogId
from counterfoil.contract.times import format_time

PAUSES: Final = (0.1, 0.3, 0.9, 2.0)
"""Seconds before each repetition."""
RETRY_AFTER_MAX: Final = 10
"""Longest pause in seconds that a gateway may ask for."""
PAGE: Final = 200
FEED_WAIT: Final = 10
"""Seconds for which a page of a feed waits for an event."""
STREAM_SILENCE: Final = 60.0
"""Seconds without a byte after which a stream is broken; one without entries has a heartbeat every 15 s."""
_ENVELOPE: Final = {"content-type": "application/vnd.dsse.envelope.v1+json"}
_ASYNC: Final = {**_ENVELOPE, "prefer": "respond-async"}
_AGAIN: Final = (HTTPStatus.ACCEPTED, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_UNREADY: Final = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
_PROBLEM: Final = "application/problem+json"
Pairs = Sequence[tuple[str, str]]
Object = dict[str, Any]


class Exchanges:
    """The exchanges with one gateway. `pauses`: seconds before each repetition; `bearer` gives the token to read by."""

    def __init__(self, url: str, pauses: Sequence[float] = PAUSES, bearer: Bearer | None = None) -> None:
        self.url, self._pauses = url, pauses
        self._bearer = Bearer() if bearer is None else bearer
        self.position = ""
        """What the last answer to a query reflects: ``service[/shard]:index`` of the next entry of each log."""

    # commands and sessions ------------------------------------------------------------------------------------------

    def submit(self, envelope: bytes, wait: int | None = None) -> Steps[Object]:
        """Send a signed command; its receipt, after at most `wait` seconds with what became of it.

        Raises `RefusedByService`, `Unreachable`.
        """
        headers = _ENVELOPE if wait is None else {**_ENVELOPE, "prefer": f"wait={wait}"}
        request = Request("POST", "/v1/commands", headers=headers, content=envelope)
        return self._object((yield from self._ask(request)))

    def submit_async(self, envelope: bytes) -> Steps[None]:
        """Send a signed command until it is accepted, not decided. Raises `RefusedByService`, `Unreachable`."""
        request = Request("POST", "/v1/commands", headers=_ASYNC, content=envelope)
        try:
            yield from self._ask(request, final=HTTPStatus.ACCEPTED)
        except RefusedByService as problem:
            if problem.code == "overloaded":  # an earlier attempt may have been accepted
                raise Unreachable(f"{self.url} has shed the command every time; send the same one again") from problem
            raise

    def open_session(self, envelope: bytes) -> Steps[Object]:
        """Open a session by a signed `open_session`. Not repeated: its nonce is used."""
        request = Request("POST", "/v1/sessions", headers=_ENVELOPE, content=envelope)
        return self._object(self._checked((yield from exchange(request)), HTTPStatus.CREATED))

    def sessions(self) -> Steps[list[Object]]:
        """The sessions of this token's party."""
        answer = self._object((yield from self._read(Request("GET", "/v1/sessions"))))
        return self._items(answer, "items")

    def end_session(self, *, all_: bool) -> Steps[None]:
        """End this token's session, or all of its party."""
        params = (("all", "true"),) if all_ else ()
        headers = yield from work(self._bearer.header)
        yield from self._ask(Request("DELETE", "/v1/sessions", params, headers), final=HTTPStatus.NO_CONTENT)

    def receipt(self, log: LogId, actor: str, command_id: str) -> Steps[Object]:
        """The receipt of a command decided earlier. Raises `RefusedByService`, `NotThere`, `Unreachable`."""
        path = "/v1/commands/" + _path(*log.name.split("/"), actor, command_id)
        return self._object((yield from self._read(Request("GET", path))))

    # queries --------------------------------------------------------------------------------------------------------

    def row(self, view: str, key: Sequence[str], wait_for: Sequence[str]) -> Steps[Object]:
        """One row by its key. Raises `NotThere`, `RefusedByService`, `Unreachable`."""
        return (yield from self._query(f"{_name(view)}/{_path(*key)}", _waiting(wait_for)))

    def rows(
        self,
        view: str,
        filters: Mapping[str, str],
        limit: int | None = None,
        wait_for: Sequence[str] = (),
        *,
        newest: bool = False,
        since: int | None = None,
    ) -> Steps[None]:
        """Rows as items, page by page, at most `limit`: the oldest first, or the `newest`. Raises as `row`."""
        params = [*filters.items(), *_waiting(wait_for)]
        params += [("order", "newest")] if newest else []
        params += [("since", format_time(since))] if since is not None else []
        after: str | None = None
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            cursor = [("after", after)] if after is not None else []
            page = yield from self._query(_name(view), [*params, ("limit", str(size)), *cursor])
            items, after = self._page(page, size)
            for each in items:
                yield Item(each)
            if after is None:
                return
            left = None if left is None else left - len(items)

    def depth(self, class_id: str, region: str, currency: str | None, wait_for: Sequence[str]) -> Steps[Object]:
        """Open quantity by price level. Raises as `row`."""
        params = [("class_id", class_id), ("region", region), *_waiting(wait_for)]
        params += [("currency", currency)] if currency is not None else []
        return (yield from self._query("depth", params))

    def market(self, what: str, market: tuple[str, str, str], wait_for: Sequence[str], **more: object) -> Steps[Object]:
        """`quote`, `depth/hours` or `index` of a class, region and currency; of `more`, what is not None. As `row`."""
        named = zip(("class_id", "region", "currency"), market, strict=True)
        given = [(name, str(value)) for name, value in more.items() if value is not None]
        return (yield from self._query(what, [*named, *given, *_waiting(wait_for)]))

    def health(self) -> Steps[Object]:
        """What the gateway says of itself, asked once. Raises `Unreachable`."""
        answer = yield from exchange(Request("GET", "/healthz"))
        return self._object(self._answered(answer))

    def _query(self, path: str, params: Pairs) -> Steps[Object]:
        return self._object((yield from self._read(Request("GET", f"/v1/{path}", tuple(params)))))

    def _page(self, page: Object, size: int) -> tuple[list[Object], str | None]:
        items, after = self._items(page, "items"), page.get("next")
        if len(items) > size or not isinstance(after, str | None) or (after is not None and not items):
            raise Unreachable(f"{self.url} did not answer with a page of {size} rows")
        return items, after

    def _items(self, answer: Object, name: str) -> list[Object]:
        items = answer.get(name)
        if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
            raise Unreachable(f"{self.url} did not answer with a list of objects")
        return list(map(Answered, items))

    # the feed and webhooks ------------------------------------------------------------------------------------------

    def feed_page(self, start: str, since: int | None, wait: int) -> Steps[Object]:
        """``{"items": events, "next": position, "more": bool}`` of the feed of this token's party."""
        params = [("from", start)] if start else []
        params += [("since", format_time(since))] if since is not None and not start else []
        page = yield from self._query("feed", [*params, ("limit", str(PAGE)), ("wait", str(wait))])
        self._items(page, "items")
        if not isinstance(page.get("next"), str) or not isinstance(page.get("more"), bool):
            raise Unreachable(f"{self.url} did not answer with a page of a feed")
        return page

    def feed(self, start: str, since: int | None, *, follow: bool) -> Steps[None]:
        """Events of the feed as items, in order; with `follow` endless. Raises as `row`."""
        while True:
            page = yield from self.feed_page(start, since, FEED_WAIT if follow else 0)
            for each in page["items"]:
                yield Item(each)
            if not (follow or page["more"]):
                return
            start = page["next"]

    def webhooks(self) -> Steps[list[Object]]:
        """The webhooks of this token's party."""
        answer = self._object((yield from self._read(Request("GET", "/v1/webhooks"))))
        return self._items(answer, "items")

    def create_webhook(self, url: str, types: Sequence[str], start: str, since: int | None) -> Steps[Object]:
        """A new one, with its secret. Not repeated: each request makes one."""
        body: Object = {"url": url, "types": list(types), **_start(start, since)}
        request = Request("POST", "/v1/webhooks", content=orjson.dumps(body))
        return self._object((yield from self._read(request, HTTPStatus.CREATED, repeated=False)))

    def delete_webhook(self, webhook_id: str) -> Steps[None]:
        """Forget one, with its secret."""
        yield from self._read(Request("DELETE", f"/v1/webhooks/{_path(webhook_id)}"), HTTPStatus.NO_CONTENT)

    def webhook(self, webhook_id: str) -> Steps[Object]:
        """One of them."""
        return self._object((yield from self._read(Request("GET", f"/v1/webhooks/{_path(webhook_id)}"))))

    def change_webhook(self, webhook_id: str, verb: str) -> Steps[Object]:
        """`verb`: pause, resume, or what is not repeated since it does something each time: test, secret."""
        request = Request("POST", f"/v1/webhooks/{_path(webhook_id)}/{verb}")
        return self._object((yield from self._read(request, repeated=verb in ("pause", "resume"))))

    def replay_webhook(self, webhook_id: str, start: str, since: int | None) -> Steps[Object]:
        """Have events sent again from a position or time on."""
        content = orjson.dumps(_start(start, since))
        request = Request("POST", f"/v1/webhooks/{_path(webhook_id)}/replay", content=content)
        return self._object((yield from self._read(request)))

    # logs -----------------------------------------------------------------------------------------------------------

    def log_file(self, log: LogId, path: str) -> Steps[bytes]:
        """A published file: ``checkpoint``, ``vkey`` or a tile's path.

        Raises `NotThere`, `Unreachable`, and for entry bundles `RefusedByService`.
        """
        from counterfoil.client.log_paths import log_file  # what reads rows needs neither logs nor their keys

        file = log_file(path)
        request = Request("GET", f"/log/{_path(*log)}/{path}", bytes_max=file.bytes_max)
        return (yield from (self._read(request) if file.entries else self._ask(request))).content

    def state(self, log: LogId, key: str) -> Steps[Object]:
        """A record of a log's state, with its proof. Raises `NotThere`, `RefusedByService`, `Unreachable`."""
        path = f"/v1/state/{_path(log.service, log.shard)}"
        return self._object((yield from self._read(Request("GET", path, (("key", key),)))))

    def entries(self, logs: Sequence[str], start: Sequence[str], *, resume: bool) -> Steps[None]:
        """(position, entry) of each entry of `logs` as it comes, as items; endless.

        With `resume`, a stream that broke goes on behind the last position; it gives up once that has failed as often
        as there are `pauses`, without an entry in between. Raises `RefusedByService`, `Unreachable`.
        """
        positions, left = tuple(start), iter(self._pauses)
        while True:
            events = Events()
            broken = yield from self._open(logs, positions)
            while broken is None:
                piece = yield Read()
                if isinstance(piece, NoAnswer) or not piece:
                    broken = Unreachable(f"the stream from {self.url} {f'broke: {piece.why}' if piece else 'ended'}")
                    break
                for position, entry in self._events(events, piece):
                    positions, left = tuple(position.split(",")), iter(self._pauses)
                    yield Item((position, entry))
            pause = next(left, None) if resume else None
            if pause is None:
                raise broken
            yield Pause(pause)

    def _open(self, logs: Sequence[str], positions: Sequence[str]) -> Steps[Unreachable | None]:
        """Open the stream; why it is not open, if that may pass. Raises `RefusedByService`."""
        params = (*(("service", each) for each in logs), *(("from", each) for each in positions))
        for again in (True, False):
            headers = yield from work(self._bearer.header)
            request = Request("GET", "/v1/events", params, headers, silence=STREAM_SILENCE)
            answer = yield Open(request)
            if not isinstance(answer, NoAnswer):
                if answer.status == HTTPStatus.OK and (answer := compressed(answer)) is None:
                    return None
                answer = answer if isinstance(answer, NoAnswer) else (yield from rest(request, answer))
            try:
                self._checked(answer, HTTPStatus.OK)
            except Unreachable as problem:
                return problem
            except RefusedByService as problem:
                if not (again and (yield from self._renewed(problem, headers))):
                    raise
        return None

    def _events(self, events: Events, piece: bytes) -> list[tuple[str, Object]]:
        try:
            return events.feed(piece)
        except ValueError as problem:
            raise Unreachable(f"the stream from {self.url} is malformed: {problem}") from problem

    # one exchange ---------------------------------------------------------------------------------------------------

    def _read(self, request: Request, final: int = HTTPStatus.OK, *, repeated: bool = True) -> Steps[Answer]:
        """A request with the token; where that is over, with another one again. `repeated`: as by `_ask`."""
        headers = yield from work(self._bearer.header)
        try:
            return (yield from self._once_or_more(_with(request, headers), final, repeated=repeated))
        except RefusedByService as problem:
            if not (yield from self._renewed(problem, headers)):
                raise
        again = _with(request, (yield from work(self._bearer.header)))
        return (yield from self._once_or_more(again, final, repeated=repeated))

    def _once_or_more(self, request: Request, final: int, *, repeated: bool) -> Steps[Answer]:
        if repeated:
            return (yield from self._ask(request, final))
        found = yield from exchange(request)
        if isinstance(found, NoAnswer):
            raise Uncertain(f"no answer from {self.url}: {found.why}")
        return self._checked(found, final)

    def _renewed(self, problem: RefusedByService, headers: Mapping[str, str]) -> Steps[bool]:
        """Whether the token in these headers was over, and there is another one now."""
        return problem.code == NOT_VALID and (yield from work(lambda: self._bearer.replace(headers)))

    def _ask(self, request: Request, final: int = HTTPStatus.OK) -> Steps[Answer]:
        """Send a request, with repetitions while the outcome is unknown; `final`: the status of success."""
        for pause in self._pauses:
            answer = yield from exchange(request)
            if isinstance(answer, NoAnswer):
                yield Pause(pause)
            elif answer.status == final or answer.status not in _AGAIN:
                return self._checked(answer, final)
            else:
                yield Pause(max(pause, retry_after(answer.headers)))
        return self._checked((yield from exchange(request)), final)

    def _answered(self, answer: Answer | NoAnswer) -> Answer:
        if isinstance(answer, NoAnswer):
            raise Unreachable(f"cannot reach {self.url}: {answer.why}")
        return answer

    def _checked(self, found: Answer | NoAnswer, final: int) -> Answer:
        """The answer if its status is `final`; raises what any other says."""
        answer = self._answered(found)
        if answer.status == final:
            self.position = answer.headers.get("counterfoil-position", self.position)
            return answer
        if answer.status == HTTPStatus.ACCEPTED:
            raise Unreachable(f"{self.url} accepted the command but did not decide it in time; send the same one again")
        if not answer.headers.get("content-type", "").startswith(_PROBLEM):
            raise Unreachable(f"{self.url} answered {answer.status}, but not as a Counterfoil gateway does")
        raise self._problem(answer)

    def _problem(self, answer: Answer) -> Exception:
        problem = self._object(answer)
        code, title = str(problem.get("code", "")), str(problem.get("title", ""))
        given = problem.get("fields")
        fields = {str(name): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
        if problem.get("detail"):
            fields["detail"] = str(problem["detail"])
        if str(problem.get("type", "")).startswith("urn:counterfoil:refusal:") or code == "too_large":
            receipt = problem.get("receipt")
            return RefusedByService(code, title, fields, receipt if isinstance(receipt, dict) else None)
        if answer.status == HTTPStatus.NOT_FOUND:
            return NotThere(code, title, fields)
        said = f"{self.url}: {title} ({code}) {fields.get('detail', '')}".rstrip()
        if answer.status in _UNREADY or code == "wait_timed_out":
            return NotReady(code, said)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Unreachable(said)
        return RefusedByService(code, title, fields, None)

    def _object(self, answer: Answer) -> Object:
        try:
            value = orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise Unreachable(f"{self.url} did not answer with a JSON object")
        return Answered(value)


def retry_after(headers: Mapping[str, str]) -> int:
    """The pause in seconds that an answer asks for, `RETRY_AFTER_MAX` at most; 0 without one."""
    text = headers.get("retry-after", "")
    return min(int(text), RETRY_AFTER_MAX) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _with(request: Request, headers: Mapping[str, str]) -> Request:
    return request._replace(headers=headers)


def _start(start: str, since: int | None) -> Object:
    """Where deliveries begin, as a body says it."""
    if start:
        return {"from": start}
    return {} if since is None else {"since": format_time(since)}


def _name(view: str) -> str:
    return view.replace("_", "-")


def _path(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)


def _waiting(wait_for: Sequence[str]) -> list[tuple[str, str]]:
    return [("wait_for", each) for each in wait_for]
