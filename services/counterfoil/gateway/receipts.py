"""The answer to a decided command, as JSON: its receipt, and what became of it where the sender waited for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi.responses import JSONResponse

from counterfoil.contract.codec import dump_event
from counterfoil.contract.refusals import Refusal
from counterfoil.contract.scalars import encode_base64
from counterfoil.contract.times import format_time
from counterfoil.gateway.openapi import header, reference
from counterfoil.gateway.outcomes import Outcome, links_of
from counterfoil.gateway.refusals import refusal
from counterfoil.gateway.rows import AMOUNT_SCHEMA, TIME_SCHEMA
from counterfoil.runtime.receipts import Answer, Recorded

_TEXT: Final = {"type": "string"}
RECEIPT_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A command's entry, what was decided, and the proof that it is in the log",
    "properties": {
        "origin": {**_TEXT, "description": "of the log"},
        "index": {"type": "integer", "minimum": 0},
        "id": {**_TEXT, "description": "the entry's: party and command id"},
        "time": TIME_SCHEMA,
        "outcomes": {
            "type": "array",
            "description": "one, or one for each command of a batch",
            "items": {
                "oneOf": [
                    {
                        "type": "object",
                        "properties": {
                            "accepted": {"type": "integer", "description": "how many events it made"},
                            "outcome": reference("Outcome"),
                        },
                        "required": ["accepted"],
                    },
                    {
                        "type": "object",
                        "properties": {
                            "refused": _TEXT,
                            "detail": {"type": "object", "additionalProperties": _TEXT},
                        },
                        "required": ["refused", "detail"],
                    },
                ]
            },
        },
        "events": {
            "type": "array",
            "description": "as `schemas/events` describes them, with the balances after them",
            "items": {"type": "object", "properties": {"type": _TEXT}, "required": ["type"]},
        },
        "entry": {**_TEXT, "contentEncoding": "base64", "description": "the entry's bytes, which the log has"},
        "proof": {**_TEXT, "description": "C2SP tlog-proof of the entry, with the checkpoint"},
        "outcome": reference("Outcome"),
    },
    "required": ["origin", "index", "id", "time", "outcomes", "events", "entry", "proof"],
}
OUTCOME_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What the command made, once that is settled (`Prefer: wait`): the row of its view, as it is at"
    " `href`. Of an order, `status` says open, filled or closed, and `status_reason` why.",
    "properties": {
        "href": {**_TEXT, "description": "where it is followed"},
        "cause": {"type": ["string", "null"], "description": "of an order: why no funds could be held for it"},
        "short_vouchers": {**AMOUNT_SCHEMA, "description": "what is missing in vouchers, if that is why"},
        "short_cash": {**AMOUNT_SCHEMA, "description": "what is missing in currency, if that is why"},
        "trades": {
            "type": "array",
            "description": "of an order, the first 50; of one in a batch, the first 10",
            "items": reference("Trades"),
        },
    },
    "required": ["href"],
}
COMPONENTS: Final = {"Receipt": RECEIPT_SCHEMA, "Outcome": OUTCOME_SCHEMA}
LINK: Final = {"Link": header('where each thing that it made is followed: `rel="status"`', always=False)}
APPLIED: Final = {
    "Preference-Applied": header("`respond-async`, or `wait=N`, if the answer has the outcome", always=False)
}


def receipt_json(recorded: Recorded) -> dict[str, Any]:
    """A receipt as JSON: what was decided, the events with the balances after them, the entry and its proof."""
    entry = recorded.entry
    outcomes = [
        {"accepted": outcome.events}
        if outcome.refusal is None
        else {"refused": outcome.refusal.code.value, "detail": dict(outcome.refusal.detail)}
        for outcome in entry.outcomes
    ]
    return {
        "origin": entry.origin,
        "index": entry.index,
        "id": entry.id,
        "time": format_time(entry.time),
        "outcomes": outcomes,
        "events": [dump_event(event) for event in entry.events],
        "entry": encode_base64(recorded.data),
        "proof": recorded.proof().decode(),
    }


def answer_response(answer: Answer, outcomes: Sequence[Outcome | None] = (), applied: str = "") -> JSONResponse:
    """200 with the receipt, or the refusal (with its receipt, where it was recorded).

    `outcomes`: what became of each command, as far as it is known: the receipt's `outcome`, or those of a batch.
    `applied`: the preference that was.
    """
    if isinstance(answer, Refusal):
        return refusal(answer)
    receipt = receipt_json(answer)
    refused = answer.entry.outcomes[0].refusal if not answer.entry.batch else None
    if refused is not None:
        return refusal(refused, receipt)
    links = links_of(answer.entry)
    headers = {**({"Link": links} if links else {}), **({"Preference-Applied": applied} if applied else {})}
    for said, outcome in zip(receipt["outcomes"] if answer.entry.batch else [receipt], outcomes, strict=False):
        said |= {} if outcome is None else {"outcome": outcome}
    return JSONResponse(receipt, headers=headers)
