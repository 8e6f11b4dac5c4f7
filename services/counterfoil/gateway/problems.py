"""Refusals and errors as RFC 9457 problem documents. Only here does a code get its HTTP status."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from counterfoil.contract.refusals import MEANINGS, Code, Refusal, Stage
from counterfoil.ports import TookTooLong, Unavailable

MEDIA_TYPE: Final = "application/problem+json"
REFUSAL_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457 problem: why a command was refused",
    "properties": {
        "type": {"type": "string", "description": "`urn:counterfoil:refusal:` and the code"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"enum": [code.value for code in Code]},
        "transient": {"type": "boolean", "description": "whether a new command may succeed without being different"},
        "recorded": {"type": "boolean", "description": "whether the refusal is an entry of the log, and so final"},
        "fields": {"type": "object", "additionalProperties": {"type": "string"}, "description": "what offended"},
        "receipt": {"type": "object", "description": "of the refusal's entry, if it is recorded"},
    },
    "required": ["type", "title", "status", "code", "transient", "recorded", "fields"],
}
_STATUS: Final[dict[Code, int]] = {
    Code.TOO_LARGE: 413,
    Code.OVERLOADED: 503,
    Code.WRONG_AUDIENCE: 421,
    Code.UNKNOWN_KEY: 401,
    Code.BAD_SIGNATURE: 401,
    Code.KEY_REVOKED: 401,
    Code.EXISTS_WITH_DIFFERENT_CONTENT: 409,
    Code.ALREADY_EXISTS: 409,
    Code.ROLE_NOT_ALLOWED: 403,
    Code.NOT_YOURS: 403,
}


def codes_by_status() -> dict[int, list[str]]:
    """The refusal codes that each HTTP status may stand for, in order of precedence."""
    found: dict[int, list[str]] = {}
    for code in Code:
        found.setdefault(status_of(code), []).append(code.value)
    return found


class Problem(Exception):
    """An error of the gateway itself, such as an unknown page."""

    def __init__(
        self, status: int, code: str, title: str, detail: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.title, self.detail, self.headers = status, code, title, detail, headers

    def response(self) -> JSONResponse:
        """The problem document."""
        body = {
            "type": f"urn:counterfoil:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        return JSONResponse(body, status_code=self.status, media_type=MEDIA_TYPE, headers=self.headers)


def status_of(code: Code) -> int:
    """The HTTP status of a refusal: 400 for bad form, 404 for unknown ids, 422 for what the rules forbid."""
    if code in _STATUS:
        return _STATUS[code]
    if MEANINGS[code].stage is Stage.INTAKE:
        return 400
    return 404 if code.value.startswith("unknown_") else 422


def refusal(refused: Refusal, receipt: dict[str, Any] | None = None) -> JSONResponse:
    """A refusal as a problem. `receipt`: that of its entry, if the refusal is recorded in a log."""
    meaning = MEANINGS[refused.code]
    body: dict[str, Any] = {
        "type": f"urn:counterfoil:refusal:{refused.code.value}",
        "title": meaning.text,
        "status": status_of(refused.code),
        "code": refused.code.value,
        "transient": meaning.transient,
        "recorded": receipt is not None,
        "fields": dict(refused.detail),
    }
    if receipt is not None:
        body["receipt"] = receipt
    headers = {"Retry-After": "1"} if refused.code is Code.OVERLOADED else None
    return JSONResponse(body, status_code=body["status"], media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document; details of internal errors go to the server's log only."""
    handlers: dict[type[Exception], Any] = {
        Problem: _on_problem,
        RequestValidationError: _on_invalid,
        HTTPException: _on_http,
        Unavailable: _on_unavailable,
        TookTooLong: _on_too_long,
        ClientDisconnect: _on_abandoned,
        Exception: _on_bug,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _on_problem(_request: Request, problem: Problem) -> JSONResponse:
    return problem.response()


async def _on_invalid(_request: Request, problem: RequestValidationError) -> JSONResponse:
    found = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problem.errors())[:400]
    return Problem(400, "bad_request", "A parameter is missing, unknown or out of range.", found).response()


async def _on_unavailable(_request: Request, _problem: Unavailable) -> JSONResponse:
    title = "What this needs cannot be reached just now. Send the same again."
    return Problem(503, "unavailable", title, headers={"Retry-After": "2"}).response()


async def _on_too_long(_request: Request, _problem: TookTooLong) -> JSONResponse:
    title = "This query reads too much: ask by fewer filters, or by one that few rows have."
    return Problem(503, "scan_too_long", title, headers={"Retry-After": "10"}).response()


async def _on_abandoned(_request: Request, _problem: ClientDisconnect) -> Response:
    """Nobody reads this answer."""
    return Response(status_code=400)


async def _on_http(_request: Request, problem: HTTPException) -> JSONResponse:
    """Errors of the framework: no such path, no such method."""
    phrase = HTTPStatus(problem.status_code).phrase
    code = phrase.lower().replace(" ", "_").replace("-", "_")
    return Problem(problem.status_code, code, f"{phrase}.", headers=problem.headers).response()


async def _on_bug(_request: Request, _problem: Exception) -> JSONResponse:
    title = "The gateway failed. Of a command this says nothing: send the same one again."
    return Problem(500, "internal_error", title).response()
