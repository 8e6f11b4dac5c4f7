"""Refusals as RFC 9457 problem documents. Only here does a code get its HTTP status."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi.responses import JSONResponse

from counterfoil.contract.refusal_meanings import MEANINGS, Stage
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.gateway.problems import MEDIA_TYPE

REFUSAL_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457 problem: why a command was refused",
    "properties": {
        "type": {"type": "string", "pattern": "^urn:counterfoil:refusal:[a-z_]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"enum": [code.value for code in Code]},
        "transient": {"type": "boolean", "description": "whether a new command may succeed without being different"},
        "recorded": {"type": "boolean", "description": "whether the refusal is an entry of the log, and so final"},
        "fields": {"type": "object", "additionalProperties": {"type": "string"}, "description": "what offended"},
        "receipt": {"$ref": "#/components/schemas/Receipt", "description": "of its entry, if it is recorded"},
    },
    "required": ["type", "title", "status", "code", "transient", "recorded", "fields"],
}
# Never 421: browsers and Node (the Fetch standard) send such a request once more by themselves, on another connection.
_STATUS: Final[dict[Code, int]] = {
    Code.TOO_LARGE: 413,
    Code.OVERLOADED: 503,
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
    headers = {}
    if refused.code is Code.OVERLOADED:
        headers["Retry-After"] = "1"
    if body["status"] == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "DSSE"
    return JSONResponse(body, status_code=body["status"], media_type=MEDIA_TYPE, headers=headers)
