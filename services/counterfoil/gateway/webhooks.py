"""``/v1/webhooks``: a party's webhooks, by which the events of its feed are sent to it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from counterfoil.contract.canonical import Refused
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import SECOND, format_time
from counterfoil.contract.webhook_signature import SECRET_OCTETS, format_secret
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bodies import read_body
from counterfoil.gateway.bounds import (
    WEBHOOK_BODY_BYTES,
    WEBHOOK_SECRET_OVERLAP,
    WEBHOOK_TEST_EVERY,
    WEBHOOK_TYPES,
    WEBHOOK_URL_CHARS,
    WEBHOOKS_PER_PARTY,
)
from counterfoil.gateway.concerns import CONCERNS
from counterfoil.gateway.deliveries import Deliveries
from counterfoil.gateway.feed import EITHER, moment, positions_at
from counterfoil.gateway.openapi import JSON, found, header, responses
from counterfoil.gateway.parameters import MAX_POSITIONS, check_parameters
from counterfoil.gateway.pools import Pools
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import ASKED, Known, Readers, session_required, session_time
from counterfoil.gateway.refusals import refusal
from counterfoil.gateway.rows import TIME_SCHEMA
from counterfoil.gateway.stream import name_positions, start_at
from counterfoil.gateway.webhook_targets import BadTarget, parse_target
from counterfoil.webhooks import TooManyWebhooks, Webhook

S = TypeVar("S", bound="Start")
BY_PARTY: Final = "by_party"
TYPES: Final = frozenset(kind.TYPE for table in CONCERNS.values() for kind in table)
"""The event types of feeds."""
_FROM_THE_START: Final[Mapping[str, object]] = {"last_id": "", "failures": 0, "failing_since": 0, "next_try": 0}
_PRIVATE: Final = {"Cache-Control": "no-store"}
_POSITION_CHARS: Final = 2_048
Id = Annotated[str, Path(description="the webhook's id", max_length=40)]


class Start(BaseModel):
    """Where deliveries begin: at one of these, or where the feed is now."""

    model_config = ConfigDict(extra="forbid", strict=True)

    start: Annotated[str | None, Field(alias="from", max_length=_POSITION_CHARS)] = None
    since: Annotated[str | None, Field(max_length=27)] = None


class Creation(Start):
    """The body of a request for a new one."""

    url: Annotated[str, Field(max_length=WEBHOOK_URL_CHARS)]
    types: Annotated[list[str], Field(max_length=WEBHOOK_TYPES)] = []


_TEXT: Final = {"type": "string"}
_TIME_OR_NONE: Final = {"oneOf": [TIME_SCHEMA, {"type": "null"}]}
_COUNT: Final = {"type": "integer", "minimum": 0}
_SHOWN: Final[dict[str, Any]] = {
    "id": _TEXT,
    "url": _TEXT,
    "types": {"type": "array", "items": _TEXT, "description": "the event types that are sent; none for all"},
    "state": {"enum": ["active", "failing", "paused"]},
    "paused_because": {
        "type": ["string", "null"],
        "description": "`by_party`, `gone` (410), `failed_too_long`, `party_suspended`, `key_revoked`",
    },
    "created_at": TIME_SCHEMA,
    "position": {"type": "string", "description": "service[/shard]:index of the next entry of each log, with commas"},
    "delivered": {**_COUNT, "description": "events, replayed ones once more"},
    "last_attempt_at": _TIME_OR_NONE,
    "last_status": {"type": ["string", "null"], "description": "HTTP's, or a word such as `timed_out`"},
    "failures": {**_COUNT, "description": "in a row"},
    "failing_since": _TIME_OR_NONE,
    "next_try_at": _TIME_OR_NONE,
    "old_secret_until": _TIME_OR_NONE,
}
_SECRET: Final = {"secret": {"type": "string", "description": "Standard Webhooks; nobody can show it again"}}
_STORED: Final = {"Cache-Control": header("`no-store`")}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


_ONE: Final = _object(_SHOWN)
_WITH_SECRET: Final = _object({**_SHOWN, **_SECRET})
_LIST: Final = _object({"items": {"type": "array", "items": _ONE}})
_TESTED: Final = _object({"delivered": {"type": "boolean"}, "status": _SHOWN["last_status"]})
_OWN: Final = (
    ProblemCode.BAD_REQUEST,
    ProblemCode.BUSY,
    ProblemCode.SESSION_REQUIRED,
    ProblemCode.UNAVAILABLE,
    ProblemCode.UNKNOWN_PARAMETER,
    *ASKED,
)
_OF_ONE: Final = (*_OWN, ProblemCode.NOT_FOUND)
_STARTED: Final = (ProblemCode.BAD_POSITION,)
_CREATED: Final = responses(
    {201: found("The webhook, and its secret", _WITH_SECRET, headers=_STORED)},
    (
        *_OWN,
        *_STARTED,
        ProblemCode.BAD_WEBHOOK_URL,
        ProblemCode.TOO_MANY_WEBHOOKS,
        ProblemCode.UNKNOWN_EVENT_TYPE,
    ),
    refusals=(Code.TOO_LARGE,),
)
_LISTED: Final = responses({200: found("The webhooks, the oldest first", _LIST, headers=_STORED)}, _OWN)
_CHANGED: Final = responses({200: found("The webhook as it is now", _ONE, headers=_STORED)}, _OF_ONE)
_ROTATED: Final = responses({200: found("The webhook, and its new secret", _WITH_SECRET, headers=_STORED)}, _OF_ONE)
_REPLAYED: Final = responses(
    {200: found("The webhook as it is now", _ONE, headers=_STORED)},
    (*_OF_ONE, *_STARTED),
    refusals=(Code.TOO_LARGE,),
)
_WAS_TESTED: Final = responses(
    {200: found("What came of it", _TESTED, headers=_STORED)}, (*_OF_ONE, ProblemCode.TESTED_JUST_NOW)
)
_DELETED: Final = responses({204: found("It is gone, and its secret with it")}, _OF_ONE)
_START_SCHEMA: Final = {
    "from": {
        "type": "string",
        "maxLength": _POSITION_CHARS,
        "description": "`next` of a page of the feed, or service[/shard]:index with commas",
    },
    "since": {**TIME_SCHEMA, "description": "from the first entries that are no older"},
}
_CREATION_SCHEMA: Final = {
    "type": "object",
    "properties": {
        "url": {"type": "string", "maxLength": WEBHOOK_URL_CHARS, "description": "https, of a public address"},
        "types": {"type": "array", "maxItems": WEBHOOK_TYPES, "items": _TEXT, "description": "none for all"},
        **_START_SCHEMA,
    },
    "required": ["url"],
    "additionalProperties": False,
}
_REPLAY_SCHEMA: Final = {"type": "object", "properties": _START_SCHEMA, "additionalProperties": False}


def _body(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


def router(backend: Backend, pools: Pools, readers: Readers, deliveries: Deliveries, *, loopback: bool) -> APIRouter:
    """The routes. `loopback`: a URL may name this machine."""
    routes = APIRouter(tags=["webhooks"])
    of_party = _OfParty(backend, pools, readers, loopback=loopback)

    @routes.post(
        "/v1/webhooks",
        status_code=201,
        summary="Have the events of this token's party sent to a URL",
        responses=_CREATED,
        openapi_extra=_body(_CREATION_SCHEMA),
    )
    async def create(request: Request) -> JSONResponse:
        return await of_party.create(request)

    @routes.get("/v1/webhooks", summary="The webhooks of this token's party", responses=_LISTED)
    async def own(request: Request) -> JSONResponse:
        known = await of_party.known(request)
        listed = await pools.points.run(backend.webhooks.of, known.session.party_id)
        return JSONResponse({"items": [shown(each) for each in listed]}, headers=_PRIVATE)

    @routes.get("/v1/webhooks/{webhook_id}", summary="One of them", responses=_CHANGED)
    async def one(request: Request, webhook_id: Id) -> JSONResponse:
        return JSONResponse(shown(await of_party.find(request, webhook_id)), headers=_PRIVATE)

    @routes.delete("/v1/webhooks/{webhook_id}", status_code=204, summary="Send nothing more", responses=_DELETED)
    async def delete(request: Request, webhook_id: Id) -> Response:
        known = await of_party.known(request)
        if not await pools.points.run(backend.webhooks.delete, known.session.party_id, webhook_id):
            raise Problem(ProblemCode.NOT_FOUND)
        return Response(status_code=204)

    @routes.post("/v1/webhooks/{webhook_id}/pause", summary="Send nothing until it is resumed", responses=_CHANGED)
    async def pause(request: Request, webhook_id: Id) -> JSONResponse:
        return await of_party.change(request, webhook_id, {"paused": BY_PARTY})

    @routes.post("/v1/webhooks/{webhook_id}/resume", summary="Go on where it was, at once", responses=_CHANGED)
    async def resume(request: Request, webhook_id: Id) -> JSONResponse:
        return await of_party.resume(request, webhook_id)

    @routes.post(
        "/v1/webhooks/{webhook_id}/replay",
        summary="Send again from a place or time on",
        responses=_REPLAYED,
        openapi_extra=_body(_REPLAY_SCHEMA),
    )
    async def replay(request: Request, webhook_id: Id) -> JSONResponse:
        return await of_party.replay(request, webhook_id)

    @routes.post("/v1/webhooks/{webhook_id}/secret", summary="Sign with a new secret", responses=_ROTATED)
    async def rotate(request: Request, webhook_id: Id) -> JSONResponse:
        return await of_party.rotate(request, webhook_id)

    @routes.post("/v1/webhooks/{webhook_id}/test", summary="Send a test event now", responses=_WAS_TESTED)
    async def test(request: Request, webhook_id: Id) -> JSONResponse:
        webhook = await of_party.find(request, webhook_id)
        named = webhook.party_id, webhook.id, session_time(), WEBHOOK_TEST_EVERY * SECOND
        if not await pools.points.run(backend.webhooks.take_test, *named):
            raise Problem(ProblemCode.TESTED_JUST_NOW)
        attempt = await deliveries.test(webhook)
        return JSONResponse({"delivered": attempt.delivered, "status": attempt.status}, headers=_PRIVATE)

    return routes


class _OfParty:
    """What the routes do with the webhooks of a request's party."""

    def __init__(self, backend: Backend, pools: Pools, readers: Readers, *, loopback: bool) -> None:
        self._backend, self._pools, self._readers, self._loopback = backend, pools, readers, loopback

    async def known(self, request: Request) -> Known:
        check_parameters(request, (), many=())
        known = await self._readers.session(request)
        if known is None:
            raise session_required()
        return known

    async def find(self, request: Request, webhook_id: str) -> Webhook:
        known = await self.known(request)
        found = await self._pools.points.run(self._backend.webhooks.find, known.session.party_id, webhook_id)
        if found is None:
            raise Problem(ProblemCode.NOT_FOUND)
        return found

    async def create(self, request: Request) -> JSONResponse:
        session = (await self.known(request)).session
        try:
            asked = _read(Creation, await read_body(request, WEBHOOK_BODY_BYTES))
        except Refused as problem:
            return refusal(problem.refusal)
        try:
            parse_target(asked.url, loopback=self._loopback)
        except BadTarget as problem:
            raise Problem(ProblemCode.BAD_WEBHOOK_URL, problem.code) from None
        for each in asked.types:
            if each not in TYPES:
                raise Problem(ProblemCode.UNKNOWN_EVENT_TYPE, each[:80])
        positions = await self._start(asked)
        webhook = Webhook(
            id=f"wh_{secrets.token_hex(12)}",
            party_id=session.party_id,
            key_id=session.key_id,
            url=asked.url,
            types=tuple(sorted(set(asked.types))),
            secret=secrets.token_bytes(SECRET_OCTETS),
            created_at=session_time(),
            positions=positions or name_positions(self._backend.receipts.ends()),
        )
        try:
            await self._pools.points.run(self._backend.webhooks.create, webhook, WEBHOOKS_PER_PARTY)
        except TooManyWebhooks:
            raise Problem(ProblemCode.TOO_MANY_WEBHOOKS, str(WEBHOOKS_PER_PARTY)) from None
        return JSONResponse({**shown(webhook), "secret": format_secret(webhook.secret)}, 201, headers=_PRIVATE)

    async def change(self, request: Request, webhook_id: str, changes: Mapping[str, object]) -> JSONResponse:
        return JSONResponse(shown(await self._changed(request, webhook_id, changes)), headers=_PRIVATE)

    async def resume(self, request: Request, webhook_id: str) -> JSONResponse:
        """The next attempt is due; it goes on as long as the key that resumed it is in force."""
        key_id = (await self.known(request)).session.key_id
        tries = {"failures": 0, "failing_since": 0, "next_try": 0}
        return await self.change(request, webhook_id, {"paused": "", "key_id": key_id, **tries})

    async def replay(self, request: Request, webhook_id: str) -> JSONResponse:
        await self.known(request)
        try:
            asked = _read(Start, await read_body(request, WEBHOOK_BODY_BYTES))
        except Refused as problem:
            return refusal(problem.refusal)
        positions = await self._start(asked)
        if not positions:
            raise Problem(ProblemCode.BAD_REQUEST, "`from` or `since` is needed")
        return await self.change(request, webhook_id, {"positions": positions, **_FROM_THE_START})

    async def rotate(self, request: Request, webhook_id: str) -> JSONResponse:
        old = (await self.find(request, webhook_id)).secret
        new, until = secrets.token_bytes(SECRET_OCTETS), session_time() + WEBHOOK_SECRET_OVERLAP * SECOND
        changes = {"secret": new, "old_secret": old, "old_until": until}
        changed = await self._changed(request, webhook_id, changes)
        return JSONResponse({**shown(changed), "secret": format_secret(new)}, headers=_PRIVATE)

    async def _changed(self, request: Request, webhook_id: str, changes: Mapping[str, object]) -> Webhook:
        party_id = (await self.known(request)).session.party_id
        changed = await self._pools.points.run(self._backend.webhooks.change, party_id, webhook_id, changes)
        if changed is None:
            raise Problem(ProblemCode.NOT_FOUND)
        return changed

    async def _start(self, asked: Start) -> str:
        """The positions that a body names; empty if it names none. Raises `Problem`."""
        backend = self._backend
        if asked.start is not None and asked.since is not None:
            raise Problem(ProblemCode.BAD_REQUEST, EITHER)
        if asked.since is not None:
            return name_positions(await self._pools.scans.run(positions_at, backend, moment(asked.since)))
        if asked.start is None:
            return ""
        if asked.start.count(",") >= MAX_POSITIONS:
            raise Problem(ProblemCode.BAD_POSITION, f"at most {MAX_POSITIONS}")
        return name_positions(start_at(backend, dict.fromkeys(backend.origins.values(), 0), [asked.start]))


def _read(kind: type[S], body: bytes) -> S:
    """A body of JSON. Raises `Problem`."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as problem:
        told = problem.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, told["loc"])) or "body"
        raise Problem(ProblemCode.BAD_REQUEST, f"{where}: {told['msg']}"[:200]) from None


def shown(webhook: Webhook) -> dict[str, Any]:
    """A webhook as its party sees it: without its secrets."""
    failing = "failing" if webhook.failures else "active"
    return {
        "id": webhook.id,
        "url": webhook.url,
        "types": list(webhook.types),
        "state": "paused" if webhook.paused else failing,
        "paused_because": webhook.paused or None,
        "created_at": format_time(webhook.created_at),
        "position": webhook.positions,
        "delivered": webhook.delivered,
        "last_attempt_at": _time_or_none(webhook.last_at),
        "last_status": webhook.last_status or None,
        "failures": webhook.failures,
        "failing_since": _time_or_none(webhook.failing_since),
        "next_try_at": _time_or_none(0 if webhook.paused else webhook.next_try),
        "old_secret_until": _time_or_none(webhook.old_until if webhook.old_until > session_time() else 0),
    }


def _time_or_none(at: int) -> str | None:
    return format_time(at) if at else None
