"""What errors of the application become: problem documents, whatever was raised."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.ports import TookTooLong, Unavailable

_OF_FRAMEWORK: Final = {404: ProblemCode.NOT_FOUND, 405: ProblemCode.METHOD_NOT_ALLOWED}


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
    return Problem(ProblemCode.BAD_REQUEST, found).response()


async def _on_http(_request: Request, problem: HTTPException) -> JSONResponse:
    """Errors of the framework: no such path, no such method."""
    code = _OF_FRAMEWORK.get(problem.status_code, ProblemCode.BAD_REQUEST)
    return Problem(code, headers=problem.headers).response()


async def _on_unavailable(_request: Request, _problem: Unavailable) -> JSONResponse:
    return Problem(ProblemCode.UNAVAILABLE).response()


async def _on_too_long(_request: Request, _problem: TookTooLong) -> JSONResponse:
    return Problem(ProblemCode.SCAN_TOO_LONG).response()


async def _on_abandoned(_request: Request, _problem: ClientDisconnect) -> Response:
    """Nobody reads this answer."""
    return Response(status_code=400)


async def _on_bug(_request: Request, _problem: Exception) -> JSONResponse:
    return Problem(ProblemCode.INTERNAL_ERROR).response()
