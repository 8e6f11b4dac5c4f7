"""``/v1/state``: what a log's state holds under a key, with the proof that the log commits to it.

A proof has the hashes of some records beside the one that was asked for. What these records say can be guessed and
compared with the hashes, so only those read it who may read everything.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from counterfoil.contract.log_id import LogId
from counterfoil.contract.scalars import encode_base64
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import STATE_KEY_CHARS
from counterfoil.gateway.openapi import found, header, responses
from counterfoil.gateway.parameters import check_parameters
from counterfoil.gateway.pools import Pools
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import ALONE, Readers
from counterfoil.log.errors import ProofError
from counterfoil.runtime.state_proofs import NotRooted, StateProofs, UnderWay

_BASE64: Final = {"type": "string", "contentEncoding": "base64"}
_TEXT: Final = {"type": "string"}
_STATE: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A record of a log's state, or that there is none, with all that proves it under the log's key",
    "properties": {
        "origin": {**_TEXT, "description": "of the log"},
        "key": {**_TEXT, "description": "as `schemas/state.md` has it"},
        "value": {"type": ["string", "null"], "description": "canonical JSON; null if there is no such record"},
        "rows": {**_BASE64, "description": "of the key's bucket in the state tree"},
        "siblings": {"type": "array", "items": _BASE64, "description": "the hashes beside the path to the root"},
        "index": {"type": "integer", "minimum": 0, "description": "of the entry with the state root"},
        "entry": {**_BASE64, "description": "that entry: the state is the one in front of it"},
        "proof": {**_TEXT, "description": "C2SP tlog-proof of the entry, with the checkpoint"},
    },
    "required": ["origin", "key", "value", "rows", "siblings", "index", "entry", "proof"],
}
_RESPONSES: Final = responses(
    {200: found("The record", _STATE, headers={"Cache-Control": header("`no-store`")})},
    (
        ProblemCode.BAD_KEY,
        ProblemCode.BAD_REQUEST,
        ProblemCode.BUSY,
        ProblemCode.NOT_ROOTED,
        ProblemCode.REPEATED_PARAMETER,
        ProblemCode.UNAVAILABLE,
        ProblemCode.UNKNOWN_LOG,
        ProblemCode.UNKNOWN_PARAMETER,
        *ALONE,
    ),
)
_KEY: Final = "position/ASSET/ACCOUNT, for one: `schemas/state.md` lists the keys of each service"


def router(backend: Backend, pools: Pools, readers: Readers) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["logs"])
    states = {
        log: StateProofs(backend.origins[log], backend.receipts, snapshot)
        for log, snapshot in backend.snapshots.items()
    }

    @routes.get("/v1/state/{service}/{shard}", summary="A record of a log's state, proven", responses=_RESPONSES)
    async def state(
        request: Request,
        service: str,
        shard: str,
        key: Annotated[str, Query(min_length=1, max_length=STATE_KEY_CHARS, description=_KEY)],
    ) -> JSONResponse:
        check_parameters(request, ("key",), many=())
        await readers.everything(request)
        log = LogId(service, shard)
        if not key.isprintable():
            raise Problem(ProblemCode.BAD_KEY, "no record has such a key")
        if log not in states:
            raise Problem(ProblemCode.UNKNOWN_LOG, log.name[:80])
        answer = await pools.scans.run(_answer, states[log], backend.origins[log], key)
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    return routes


def _answer(states: StateProofs, origin: str, key: str) -> dict[str, Any]:
    try:
        proven = states.prove(key)
    except NotRooted:
        raise Problem(ProblemCode.NOT_ROOTED, origin) from None
    except UnderWay:
        raise Problem(ProblemCode.BUSY, "the tree over this state is being made") from None
    except ProofError as problem:
        raise Problem(ProblemCode.UNAVAILABLE, str(problem)) from problem
    return {
        "origin": origin,
        "key": key,
        "value": None if proven.value is None else proven.value.decode(),
        "rows": encode_base64(proven.proof.rows),
        "siblings": [encode_base64(each) for each in proven.proof.siblings],
        "index": proven.root.entry.index,
        "entry": encode_base64(proven.root.data),
        "proof": proven.root.proof().decode(),
    }
