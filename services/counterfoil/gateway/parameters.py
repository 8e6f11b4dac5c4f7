"""Query parameters that several routes share: rejecting unknown ones, positions in logs, waiting for the views.

A client that waits for the index of its receipt reads its own writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from fastapi import Query, Request
from pydantic import WithJsonSchema

from counterfoil.contract.log_id import SERVICE_PATTERN, SHARD_PATTERN, LogId, parse_log
from counterfoil.gateway.answers import refuse_while_catching_up
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.view_positions import ViewPositions

WAIT_AT_MOST: Final = 10.0  # seconds
MAX_POSITIONS: Final = 16

POSITION_PATTERN: Final = rf"^{SERVICE_PATTERN}(?:/{SHARD_PATTERN})?:[0-9]{{1,15}}$"
Position = Annotated[str, WithJsonSchema({"type": "string", "pattern": POSITION_PATTERN})]
"""``service:index`` or ``service/shard:index``, checked by `parse_position`."""
Service = Annotated[str, WithJsonSchema({"type": "string", "pattern": rf"^{SERVICE_PATTERN}(?:/{SHARD_PATTERN})?$"})]
"""``service`` or ``service/shard``, checked by `find_log`."""
WaitFor = Annotated[
    list[Position] | None,
    Query(
        alias="wait_for",
        max_length=MAX_POSITIONS,
        description="service[/shard]:index, as in a receipt: answer only when the views hold it; may be repeated",
    ),
]


def check_parameters(
    request: Request,
    known: Sequence[str],
    *,
    many: Sequence[str] = ("wait_for",),
    code: ProblemCode = ProblemCode.UNKNOWN_PARAMETER,
) -> None:
    """Refuse parameters that would be ignored: unknown ones, and repeated ones that are not in `many`.

    Raises `Problem`, with `code` for an unknown one.
    """
    given = [name for name, _ in request.query_params.multi_items() if name not in many]
    for name in given:
        if name not in known:
            listed = ", ".join((*known, *many))
            raise Problem(code, f"{name[:40]}; known: {listed}")
        if given.count(name) > 1:
            raise Problem(ProblemCode.REPEATED_PARAMETER, name)


def find_log(text: str, origins: Mapping[LogId, str]) -> LogId | None:
    """The log of ``service`` or ``service/shard``; None if there is none here."""
    try:
        log = parse_log(text)
    except ValueError:
        return None
    return log if log in origins else None


def parse_position(text: str, origins: Mapping[LogId, str], code: ProblemCode) -> tuple[str, int]:
    """(origin, index) of ``service:index`` or ``service/shard:index``. Raises `Problem` with `code`."""
    name, _, index = text.strip().partition(":")
    log = find_log(name, origins)
    if log is None or not (index.isascii() and index.isdigit()) or len(index) > 15:
        raise Problem(code, text[:80])
    return origins[log], int(index)


async def wait_for(backend: Backend, views: ViewPositions, wanted: Sequence[str] | None) -> None:
    """Wait until the views hold each ``service[/shard]:index``.

    Raises `Problem`: if malformed, and after `WAIT_AT_MOST` seconds 503 if the views are catching up, else 504.
    """
    sizes: dict[str, int] = {}
    for origin, index in [parse_position(each, backend.origins, ProblemCode.BAD_WAIT_FOR) for each in wanted or ()]:
        sizes[origin] = max(index + 1, sizes.get(origin, 0))
    if not await views.reach(sizes, WAIT_AT_MOST):
        await views.pool.run(refuse_while_catching_up, backend)
        raise Problem(ProblemCode.WAIT_TIMED_OUT)
