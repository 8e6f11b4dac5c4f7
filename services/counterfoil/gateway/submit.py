"""``/v1/commands``: a signed envelope in, a receipt or a refusal out. The same envelope always gets the same answer."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from counterfoil.contract import limits
from counterfoil.contract.canonical import Refused
from counterfoil.contract.entry import CommandCause
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.refusal_meanings import MEANINGS, Stage
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import Submission
from counterfoil.core.decider import refuse
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bodies import read_body
from counterfoil.gateway.bounds import IN_INBOX, MAX_WAIT, PAUSE
from counterfoil.gateway.openapi import found, header, reference, responses
from counterfoil.gateway.outcomes import Outcomes
from counterfoil.gateway.peers import peer_of
from counterfoil.gateway.pools import Pools
from counterfoil.gateway.preferences import Preferences, preferences
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.quotas import Quota, Quotas
from counterfoil.gateway.readers import ASKED, Reader, Readers, may_read_entry
from counterfoil.gateway.receipts import APPLIED, LINK, answer_response
from counterfoil.gateway.refusals import refusal
from counterfoil.gateway.sending import send
from counterfoil.gateway.shares import waits
from counterfoil.gateway.signatures import Signatures
from counterfoil.gateway.turns import Line
from counterfoil.gateway.view_positions import ViewPositions
from counterfoil.ports import Overloaded
from counterfoil.runtime.receipts import Answer, Recorded
from counterfoil.runtime.standstill import CODES

_RESPONSES: Final = responses(
    {
        200: found(
            "Receipt: the command's entry, its events and the proof that it is in the log",
            reference("Receipt"),
            headers={**LINK, **APPLIED},
        ),
        202: found(
            "Accepted, with `Prefer: respond-async` or after 30 s. Receipt later at `Location`; "
            "a command refused before it is decided (stage `intake`) has none.",
            {
                "type": "object",
                "properties": {"status": {"const": "pending"}, "receipt": {"type": "string"}},
                "required": ["status", "receipt"],
            },
            headers={
                "Location": header("of the receipt"),
                "Preference-Applied": header("`respond-async`", always=False),
            },
        ),
    },
    (
        ProblemCode.BUSY,
        ProblemCode.CATCHING_UP,
        ProblemCode.CLOCK_APART,
        ProblemCode.DISK_FULL,
        ProblemCode.RATE_LIMITED,
        ProblemCode.READ_ONLY,
        ProblemCode.STOPPED,
        ProblemCode.UNAVAILABLE,
        ProblemCode.UNKNOWN_OUTCOME,
    ),
    refusals=tuple(Code),
)
_RECORDED: Final = responses(
    {200: found("The receipt", reference("Receipt"), headers=LINK)},
    (ProblemCode.BUSY, ProblemCode.NOT_DECIDED, ProblemCode.UNAVAILABLE, ProblemCode.UNKNOWN_LOG, *ASKED),
    refusals=tuple(code for code in Code if MEANINGS[code].stage is Stage.DECISION),
)
_PREFER: Final = (
    f"`respond-async`: answer 202 at once. `wait=N`: answer when it is settled what became of the command (an order is "
    f"open, filled or closed), or after N seconds, at most {MAX_WAIT}; the receipt then has an `outcome`, "
    "that of a batch one in each of its `outcomes`"
)
_BODY: Final = {
    "required": True,
    "description": "DSSE envelope with one Ed25519 signature over a canonical JSON command",
    "content": {"application/vnd.dsse.envelope.v1+json": {"schema": {"type": "object"}}},
}


class _Direct(APIRoute):
    """A route whose function takes the request and what it prefers, and is called with just these.

    FastAPI would find its parameters out for each request, which takes as long as all that the gateway does with a
    command but for its signature. They are declared for the OpenAPI document.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What is called with a request."""
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            answer: Response = await endpoint(request, request.headers.getlist("prefer"))
            return answer

        return handle


def router(backend: Backend, views: ViewPositions, pools: Pools, quota: Quota, readers: Readers) -> APIRouter:
    """The routes. `quota`: of each party."""
    routes, direct = APIRouter(tags=["commands"]), APIRouter(route_class=_Direct)
    _add_submit(direct, backend, views, pools, quota)
    routes.include_router(direct)
    _add_recorded(routes, backend, pools, readers)
    return routes


def _add_submit(routes: APIRouter, backend: Backend, views: ViewPositions, pools: Pools, quota: Quota) -> None:
    signatures = Signatures(backend, views)
    quotas, outcomes = Quotas(quota), Outcomes(backend, pools)
    inboxes: defaultdict[LogId, Line] = defaultdict(lambda: Line(IN_INBOX))

    @routes.post(
        "/v1/commands", summary="Submit a signed command", responses=_RESPONSES, openapi_extra={"requestBody": _BODY}
    )
    async def submit(
        request: Request, prefer: Annotated[list[str] | None, Header(description=_PREFER)] = None
    ) -> JSONResponse:
        if backend.failure():
            raise Problem(ProblemCode.STOPPED)
        began, preferred = time.perf_counter(), preferences(prefer or ())
        try:
            envelope = await read_body(request, limits.MAX_ENVELOPE_BYTES)
            submission = backend.receipts.open(envelope)
            await signatures.check(submission)
            if quotas.is_half_used(submission.header.actor):
                before = await pools.points.run(_decided_before, backend, submission)
                if before is not None:
                    waits(request.scope)
                    return await _shown(outcomes, request, before, preferred, began)
            log, size = log_of(submission.header.aud), len(envelope)
            entries = backend.receipts.end(submission.header.aud)
            _check_decides(backend, log)
            try:
                quotas.take(submission.header.actor, size)
            except Problem as problem:
                waits(request.scope)
                backend.telemetry.refused(log, problem.code, Stage.INTAKE.value)
                await asyncio.sleep(PAUSE)
                raise
            waits(request.scope)
            trace = backend.telemetry.received(log, request.headers.get("traceparent", ""), _kind(submission))
            later = preferred.later

            def answered(answer: Answer) -> None:
                if not isinstance(answer, Recorded) or answer.entry.index >= entries:  # not one decided before
                    quotas.settle(submission.header.actor, size, answer)
                signatures.answered(submission, answer)

            try:
                answer = await send(backend, inboxes[log], submission, envelope, trace, answered, later=later)
            finally:
                backend.telemetry.answered(log, time.perf_counter() - began, trace)
            if answer is None:
                return _pending(backend, submission, later=later)
            return await _shown(outcomes, request, answer, preferred, began)
        except Refused as problem:
            return refusal(problem.refusal)
        except Overloaded:
            return refusal(refuse(Code.OVERLOADED))


def _add_recorded(routes: APIRouter, backend: Backend, pools: Pools, readers: Readers) -> None:
    @routes.get(
        "/v1/commands/{service}/{actor}/{command_id}",
        summary="The receipt of a command",
        responses=_RECORDED,
    )
    async def recorded(request: Request, service: str, actor: str, command_id: str) -> JSONResponse:
        reader = await readers.of(request)
        return await pools.points.run(_recorded, backend, reader, LogId(service), actor, command_id)

    @routes.get(
        "/v1/commands/{service}/{shard}/{actor}/{command_id}",
        summary="The receipt of a command that another shard than main decided",
        responses=_RECORDED,
    )
    async def recorded_by_shard(
        request: Request, service: str, shard: str, actor: str, command_id: str
    ) -> JSONResponse:
        reader = await readers.of(request)
        return await pools.points.run(_recorded, backend, reader, LogId(service, shard), actor, command_id)


async def _shown(
    outcomes: Outcomes, request: Request, answer: Answer, preferred: Preferences, began: float
) -> JSONResponse:
    """The answer to a sender, with the outcome if it waits for that. `began`: when the request came."""
    if preferred.wait is None or not isinstance(answer, Recorded):
        return answer_response(answer)
    left = preferred.wait - (time.perf_counter() - began)
    found = await outcomes.of(peer_of(request.scope), answer.entry.id.partition("/")[0], answer.entry, left)
    return answer_response(answer, found, preferred.applied if any(found) else "")


def _recorded(backend: Backend, reader: Reader, log: LogId, actor: str, command_id: str) -> JSONResponse:
    """The receipt of a command that the reader may see; for any other it is as if there were none."""
    if log not in backend.stores:
        raise Problem(ProblemCode.UNKNOWN_LOG, log.name[:80])
    id_ = f"{actor}/{command_id}"
    if not id_.isprintable():
        raise Problem(ProblemCode.NOT_DECIDED, "No command can have this id.")
    found = backend.stores[log].find([id_]).get(id_)
    answer = None if found is None else backend.receipts.recorded(backend.origins[log], found[0])
    if answer is None or not answer.entry.outcomes or not may_read_entry(backend, reader, answer.entry):
        raise Problem(ProblemCode.NOT_DECIDED, id_[:120])
    return answer_response(answer)


def _decided_before(backend: Backend, submission: Submission) -> Recorded | None:
    """The answer to a command whose entry is in the log; None if there is none of these very bytes."""
    header = submission.header
    id_ = f"{header.actor}/{header.command_id}"
    found = backend.stores[log_of(header.aud)].find([id_]).get(id_)
    answer = None if found is None else backend.receipts.recorded(header.aud, found[0])
    if answer is None or not isinstance(answer.entry.cause, CommandCause):
        return None
    cause = answer.entry.cause
    same = (cause.payload, cause.signature) == (submission.payload, submission.signature)
    return answer if same else None


def _check_decides(backend: Backend, log: LogId) -> None:
    """Raises `Problem` if the log stands still: its commands would wait, and might expire meanwhile."""
    reason = backend.standstill(log)
    if reason is not None:
        code = ProblemCode[reason.code.upper()] if reason.code in CODES else ProblemCode.UNAVAILABLE
        raise Problem(code, f"{log.name} takes no command: {reason.text}")


def _kind(submission: Submission) -> str:
    """The command's type, for telemetry."""
    return type(submission.bodies[0]).__name__ if len(submission.bodies) == 1 else "batch"


def _pending(backend: Backend, submission: Submission, *, later: bool) -> JSONResponse:
    """202 with where the receipt will be. Raises `Problem` where it is known why there is none."""
    header = submission.header
    log = log_of(header.aud)
    reason = None if later else backend.standstill(log)
    if reason is not None:
        raise Problem(ProblemCode.UNKNOWN_OUTCOME, f"{log.name} decides nothing at the moment: {reason.text}")
    location = f"/v1/commands/{log.name}/{header.actor}/{header.command_id}"
    headers = {"Location": location, **({"Preference-Applied": "respond-async"} if later else {})}
    return JSONResponse({"status": "pending", "receipt": location}, status_code=202, headers=headers)
