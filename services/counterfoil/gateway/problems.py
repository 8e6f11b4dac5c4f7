"""Problems of the gateway itself, as RFC 9457 documents: each code declared once, with its status and its title.

Refusals, which a log decides or a command's form, are in `gateway.refusals`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, unique
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from fastapi.responses import JSONResponse

MEDIA_TYPE: Final = "application/problem+json"
PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457 problem: what is wrong with a request, or with the gateway",
    "properties": {
        "type": {"type": "string", "pattern": "^urn:counterfoil:problem:[a-z_]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string", "description": "what it is about here; may be empty"},
    },
    "required": ["type", "title", "status", "code", "detail"],
}


class Stage(Enum):
    """Where a problem is found. After one of the first two, nothing has been done with the request."""

    CONNECTION = "connection"
    """By the server, before a request is complete; it closes the connection."""
    REQUEST = "request"
    """Of any request, before a route is asked."""
    ROUTE = "route"
    """By what answers the request."""


class Declared(NamedTuple):
    """What a code says: HTTP status, stage, title, and after how many seconds to ask again, where that is known."""

    status: int
    stage: Stage
    title: str
    retry_after: int | None = None


_C, _Q, _R = Stage.CONNECTION, Stage.REQUEST, Stage.ROUTE


@unique
class ProblemCode(Enum):
    """Every problem, by status. Codes are stable: they are the names in lower case."""

    NOT_HTTP = Declared(400, _C, "This is no HTTP request that the gateway takes.")
    UNKNOWN_HOST = Declared(400, _Q, "The gateway is not known by this name (COUNTERFOIL_HOSTS).")
    BAD_REQUEST = Declared(400, _R, "A parameter is missing, unknown or out of range.")
    UNKNOWN_PARAMETER = Declared(400, _R, "There is no such parameter here.")
    REPEATED_PARAMETER = Declared(400, _R, "A parameter is given twice.")
    UNKNOWN_FILTER = Declared(400, _R, "There is no such filter or parameter here.")
    BAD_FILTER = Declared(400, _R, "A filter's value is not of its kind.")
    CURRENCY_NEEDED = Declared(400, _R, "The market's currency is not the only one, or not known: name it.")
    BAD_KEY = Declared(400, _R, "A key is not of its kind.")
    BAD_CURSOR = Declared(400, _R, "`after` is not a cursor of this list.")
    BAD_WAIT_FOR = Declared(400, _R, "`wait_for` is service:index, or service/shard:index.")
    BAD_POSITION = Declared(
        400, _R, "A position is service:index, or service/shard:index, in a requested log and at most at its end."
    )
    UNKNOWN_SERVICE = Declared(400, _R, "No such service, or no such shard of it.")
    TOKEN_IN_URL = Declared(
        400, _R, "A token goes into the header `Authorization`: addresses are written to logs. End the token's session."
    )
    BAD_WEBHOOK_URL = Declared(400, _R, "Events cannot be sent to this URL; `detail` says why.")
    UNKNOWN_EVENT_TYPE = Declared(400, _R, "No event of this type is in any feed.")
    OPEN_SESSION_EXPIRED = Declared(400, _R, "The document is over: is the clock of its signer right?")
    OPEN_SESSION_TOO_LONG = Declared(400, _R, "The document would be valid for too long.")
    SESSION_REQUIRED = Declared(401, _R, "Who may read this opens a session first, and sends its token.")
    UNKNOWN_SESSION = Declared(401, _R, "This token is of no session, or of one that is over: open another.")
    NOT_FOR_THIS_READER = Declared(403, _R, "Only the operator, and auditors appointed for all, may read this.")
    NOT_FOUND = Declared(404, _R, "There is no such item or path.")
    NOT_DECIDED = Declared(404, _R, "The command is not decided (yet).")
    UNKNOWN_LOG = Declared(404, _R, "No such log.")
    NOT_PUBLISHED = Declared(404, _R, "Not published (yet).")
    NOT_ROOTED = Declared(404, _R, "No state of this log is kept that it has committed to (yet).")
    NOT_A_TILE = Declared(404, _R, "Not the path of a tile.")
    METHOD_NOT_ALLOWED = Declared(405, _R, "There is no such method here; `Allow` lists those there are.")
    TOO_LATE = Declared(408, _C, "The request did not come in time.")
    NONCE_USED = Declared(409, _R, "This document has opened a session already: sign another.")
    TOO_MANY_WEBHOOKS = Declared(409, _R, "The party has as many webhooks as it may have: delete one.")
    TARGET_TOO_LONG = Declared(414, _Q, "Path and query are too long.")
    RATE_LIMITED = Declared(
        429, _R, "This party has sent more than its quota; nothing was recorded. Send the same command again later."
    )
    TOO_MANY_SESSIONS = Declared(
        429, _R, "The party has opened too many sessions within a few minutes: use one of them, or wait.", 60
    )
    TESTED_JUST_NOW = Declared(429, _R, "This webhook was tested a moment ago: wait some seconds.", 10)
    HEADERS_TOO_LARGE = Declared(431, _Q, "The header is too large.")
    INTERNAL_ERROR = Declared(500, _R, "The gateway failed. Of a command this says nothing: send the same one again.")
    TOO_MANY_CONNECTIONS = Declared(503, _C, "Too many connections are open, in all or from this address.", 5)
    BUSY = Declared(503, _R, "Too many queries are waiting; ask again later.", 1)
    CATCHING_UP = Declared(
        503,
        _R,
        "The views are being rebuilt from the logs. What needs them was not done: send the same again later.",
        2,
    )
    SCAN_TOO_LONG = Declared(
        503, _R, "This query reads too much: ask by fewer filters, or by one that few rows have.", 10
    )
    UNAVAILABLE = Declared(503, _R, "What this needs cannot be reached just now. Send the same again later.", 2)
    DISK_FULL = Declared(503, _R, "The log's disk is full: it takes no command. Send the same later.", 5)
    READ_ONLY = Declared(503, _R, "The log's disk cannot be written: it takes no command. Send the same later.", 5)
    CLOCK_APART = Declared(
        503, _R, "The log's clock does not fit the log: it takes no command. Send the same later.", 5
    )
    STOPPED = Declared(503, _R, "A service has stopped; the command was not accepted.")
    UNKNOWN_OUTCOME = Declared(
        503, _R, "It is not known whether the command is, or will be, decided. Send the same command again.", 5
    )
    TOO_MANY_STREAMS = Declared(503, _R, "Too many event streams are open, in all or from this address.", 5)
    WAIT_TIMED_OUT = Declared(504, _R, "The views did not get that far in time; ask again.", 1)

    @property
    def code(self) -> str:
        """The code."""
        return self.name.lower()


class Problem(Exception):
    """An error of the gateway itself: one of the codes, and what it is about here."""

    def __init__(self, code: ProblemCode, detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        """`headers`: of the answer, besides what the code says; a ``Retry-After`` here is used in place of its own."""
        super().__init__(code.code)
        self.code, self.detail = code.code, detail
        self.status, _, self.title, retry_after = code.value
        said = {} if retry_after is None else {"Retry-After": str(retry_after)}
        if self.status == HTTPStatus.UNAUTHORIZED:
            said["WWW-Authenticate"] = "Bearer"
        self.headers = {**said, **(headers or {})}

    def response(self) -> JSONResponse:
        """The problem document."""
        body: dict[str, Any] = {
            "type": f"urn:counterfoil:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        return JSONResponse(body, status_code=self.status, media_type=MEDIA_TYPE, headers=self.headers)
