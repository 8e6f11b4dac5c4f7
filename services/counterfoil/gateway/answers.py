"""Answers from the views: rows of one consistent read, and the positions they are at; none while these catch up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi.responses import JSONResponse

from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import SCAN_WITHIN
from counterfoil.gateway.openapi import Responses, found, responses
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import ASKED
from counterfoil.ports import Progress, ViewReader
from counterfoil.runtime.catching_up import catching_up

POSITION: Final = "Counterfoil-Position"
"""The header with the positions of an answer: ``service[/shard]:index`` of the next entry of each log, with commas.

In the form of ``from`` in ``/v1/events``, which goes on behind the answer.
"""
_POSITIONS: Final = {
    "description": "the first entry of each log that the answer does not reflect, as `from` of `/v1/events` takes it",
    "required": True,
    "schema": {
        "type": "string",
        "pattern": r"^[a-z0-9./-]+:[0-9]+(?:,[a-z0-9./-]+:[0-9]+)*$",
        "examples": ["issuance:12,ledger:345,matching:67,redemption:8"],
    },
}
READING: Final = (
    ProblemCode.BAD_REQUEST,
    ProblemCode.BAD_WAIT_FOR,
    ProblemCode.BUSY,
    ProblemCode.CATCHING_UP,
    ProblemCode.REPEATED_PARAMETER,
    ProblemCode.SCAN_TOO_LONG,
    ProblemCode.UNAVAILABLE,
    ProblemCode.WAIT_TIMED_OUT,
    *ASKED,
)
"""What any query of the views can answer."""


def query_responses(description: str, schema: Mapping[str, Any], *problems: ProblemCode) -> Responses:
    """The responses of a query, for OpenAPI. `schema`: of the JSON in its answer. `problems`: besides `READING`."""
    return responses({200: found(description, schema, headers={POSITION: _POSITIONS})}, (*READING, *problems))


def answer(backend: Backend, read: Callable[[ViewReader], object]) -> JSONResponse:
    """What `read` makes of the views, as JSON; waits for the database.

    Raises `Problem`: what `read` raises, and 503 `catching_up`.
    """
    with backend.views.consistent_read(SCAN_WITHIN) as views:
        positions = positions_of(backend, views)
        shown = read(views)
    return respond(backend, shown, positions)


def positions_of(backend: Backend, views: ViewReader) -> dict[str, int]:
    """Per origin, the next entry that the views do not reflect. Raises `Problem` 503 while they are catching up."""
    progress = views.progress()
    _refuse(backend, progress)
    return {origin: progress[origin].position for origin in backend.origins.values()}


def respond(backend: Backend, shown: object, positions: Mapping[str, int]) -> JSONResponse:
    """What was read, as JSON, with the positions that it reflects."""
    at = ",".join(f"{log.name}:{positions[origin]}" for log, origin in backend.origins.items())
    return JSONResponse(shown, headers={POSITION: at})


def refuse_while_catching_up(backend: Backend) -> None:
    """Raises `Problem` 503 while the views are catching up. May wait for a database."""
    _refuse(backend, backend.views.progress())


def _refuse(backend: Backend, progress: Mapping[str, Progress]) -> None:
    behind = catching_up(progress, backend.origins.values())
    if behind:
        raise Problem(ProblemCode.CATCHING_UP, behind)
