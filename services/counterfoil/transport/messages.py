"""The messages on the topics, their headers and their schemas, as AsyncAPI describes them.

Schemas that the contract publishes are referenced by their files beside the document. The schemas of a command and of
an entry reference others by id, which AsyncAPI's tools do not resolve: these two are repeated here, with file names in
place of the ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

import orjson

from counterfoil.contract import topics
from counterfoil.contract.entry import PAYLOAD_TYPE
from counterfoil.contract.export import command_id, event_id, render
from counterfoil.contract.log_id import SHARD_MAX, SHARD_PATTERN
from counterfoil.contract.refusals import Code
from counterfoil.contract.services import SERVICES
from counterfoil.contract.submission import BATCH
from counterfoil.transport.routes import Kind, Route
from counterfoil.vocabulary import VOCABULARY

Json = dict[str, Any]

SCHEMA_FORMAT: Final = "application/schema+json;version=2020-12"
BINDING: Final = "0.5.0"
REPLY_TYPE: Final = "application/json"
_FILE: Final = ".schema.json"
_FILES: Final = {
    **{command_id(kind, version): f"commands/{kind}.v{version}{_FILE}" for kind, version in VOCABULARY.commands},
    **{event_id(name): f"events/{name}{_FILE}" for name in VOCABULARY.events},
}
"""The file of a schema, by its id."""
_MESSAGE: Final[Mapping[Kind, str]] = {
    "entries": "entry",
    "dead-letters": "dead-letter",
    "checkpoints": "checkpoint",
    "replies": "reply",
}
"""The message of the topics that have only one kind."""
_BASE64: Final = "^[A-Za-z0-9+/]*={0,2}$"


def messages_of(route: Route) -> list[str]:
    """The messages on a route's topic, by their names in the components."""
    if route.kind == "commands":
        return [*(f"command.{name}" for name, service in _commands() if service == route.owner), f"command.{BATCH}.v1"]
    return [_MESSAGE[route.kind]]


def components() -> Json:
    """All messages, and what they share: the envelope, headers, and every event that an entry may hold."""
    commands = {f"command.{name}": _command(name) for name, _ in _commands()}
    batch = _signed(f"{BATCH}.v1", "Several commands of one service under one signature.", _typed(BATCH, 1, True))
    messages = {**commands, f"command.{BATCH}.v1": batch, **_others()}
    events = {f"event.{name}": _schema({"$ref": f"events/{name}{_FILE}"}) for name in VOCABULARY.events}
    shared = {"envelope": _schema(_ENVELOPE), "command": _repeated("command"), "entry": _repeated("entry")}
    return {"messages": messages, "schemas": {**shared, **_headers(), **events}}


def _commands() -> Iterable[tuple[str, str]]:
    """``place_bid.v1`` and the service that decides it, for every command."""
    return ((f"{each.TYPE}.v{each.V}", service) for each, service in VOCABULARY.service_of.items())


@cache
def _documents() -> Mapping[str, bytes]:
    return render(VOCABULARY)


def _described(path: str) -> str:
    """The description in a published schema."""
    return str(orjson.loads(_documents()[path])["description"])


def _repeated(name: str) -> Json:
    """A published schema as a component, with its references adjusted to that place."""
    schema = orjson.loads(_documents()[f"{name}{_FILE}"])
    del schema["$id"]
    return _schema(_led_on(schema, f"#/components/schemas/{name}/schema/"))


def _led_on(schema: Any, here: str) -> Any:
    if isinstance(schema, list):
        return [_led_on(each, here) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _led_on(value, here) for key, value in schema.items()}
    if isinstance(made.get("$ref"), str):
        made["$ref"] = _FILES.get(made["$ref"]) or made["$ref"].replace("#/", here)
    return made


def _schema(schema: object) -> Json:
    return {"schemaFormat": SCHEMA_FORMAT, "schema": schema}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


# messages -----------------------------------------------------------------------------------------------------------


def _message(name: str, summary: str, content_type: str, headers: str, payload: Json, key: Json) -> Json:
    return {
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": content_type,
        "headers": _ref(headers),
        "payload": payload,
        "bindings": {"kafka": {"key": {"type": "string", **key}, "bindingVersion": BINDING}},
    }


def _command(name: str) -> Json:
    kind, _, version = name.rpartition(".v")
    path = f"commands/{name}{_FILE}"
    return _signed(name, _described(path), _typed(kind, int(version), {"$ref": path}))


def _typed(kind: str, version: int, body: object) -> Json:
    return {"properties": {"type": {"const": kind}, "v": {"const": version}, "body": body}}


def _signed(name: str, summary: str, payload: Json) -> Json:
    """A command's envelope: its payload, decoded from base64, is a command that also matches `payload`."""
    inside = {
        "contentMediaType": PAYLOAD_TYPE,
        "contentSchema": {"allOf": [{"$ref": "#/components/schemas/command/schema"}, payload]},
    }
    envelope = {"allOf": [{"$ref": "#/components/schemas/envelope/schema"}, {"properties": {"payload": inside}}]}
    return _message(name, summary, topics.ENVELOPE_TYPE, "command-headers", _schema(envelope), _SHARD)


def _others() -> Json:
    entry = (
        _described(f"entry{_FILE}"),
        topics.ENTRY_TYPE,
        "entry-headers",
        _schema({"$ref": "#/components/schemas/entry/schema"}),
    )
    owner = {"enum": list(SERVICES), "description": "The service."}
    note = {"type": "string", "description": "C2SP signed note: origin, size, root; then the signatures."}
    origin = {"description": "The log's origin, so that compaction keeps the last checkpoint of each."}
    set_aside = "A record that its consumer could not take, byte for byte; the headers say where it was and why."
    record = {"description": "The record's value as it came."}
    return {
        "entry": _message("entry", *entry, _SHARD),
        "checkpoint": _message(
            "checkpoint", "A log's signed checkpoint.", topics.NOTE_TYPE, "checkpoint-headers", note, origin
        ),
        "reply": _message("reply", _REPLY["description"], REPLY_TYPE, "reply-headers", _schema(_REPLY), owner),
        "dead-letter": _message(
            "dead-letter",
            set_aside,
            "application/octet-stream",
            "dead-letter-headers",
            record,
            {"description": "As it came."},
        ),
    }


_TEXT: Final[Json] = {"type": "string"}
_SHARD: Final[Json] = {
    "type": "string",
    "pattern": f"^{SHARD_PATTERN}$",
    "maxLength": SHARD_MAX,
    "description": "The shard.",
}
_ENVELOPE: Final[Json] = {
    "description": "A DSSE v1 envelope with one Ed25519 signature.",
    "type": "object",
    "properties": {
        "payload": {"type": "string", "contentEncoding": "base64", "pattern": _BASE64},
        "payloadType": {"const": PAYLOAD_TYPE},
        "signatures": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "keyid": {"type": "string", "description": "A hint, not verified."},
                    "sig": {"type": "string", "contentEncoding": "base64", "pattern": "^[A-Za-z0-9+/]{86}==$"},
                },
                "required": ["sig"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["payload", "payloadType", "signatures"],
    "additionalProperties": False,
}
_REPLY: Final[Json] = {
    "description": "The answer to a command that made no entry: refused at intake, or recorded before at `index`.",
    "type": "object",
    "properties": {
        "log": {"type": "string", "pattern": f"^(?:{'|'.join(SERVICES)})/{SHARD_PATTERN}$"},
        "content": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "SHA-256 of the payload; of the whole envelope if no payload could be read.",
        },
        "signature": {
            "type": "string",
            "pattern": "^(?:[0-9a-f]{128})?$",
            "description": "The signature over the payload; empty if no payload could be read.",
        },
        "refused": {
            "type": ["object", "null"],
            "properties": {
                "code": {"enum": [code.value for code in Code]},
                "detail": {
                    "type": "array",
                    "items": {"type": "array", "prefixItems": [_TEXT, _TEXT], "minItems": 2, "items": False},
                },
            },
            "required": ["code", "detail"],
            "additionalProperties": False,
        },
        "index": {"type": ["integer", "null"], "minimum": 0},
    },
    "required": ["log", "content", "signature", "refused", "index"],
    "additionalProperties": False,
}


# headers ------------------------------------------------------------------------------------------------------------

_DECIMAL: Final[Json] = {"type": "string", "pattern": "^(?:0|[1-9][0-9]*)$"}
_TRACE: Final[Json] = {
    "type": "string",
    "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
    "description": "W3C Trace Context of the cause of the record; for observation, never used in a decision.",
}


def _headers() -> Json:
    return {
        "command-headers": _fields({topics.TRACE: _TRACE}, topics.ENVELOPE_TYPE),
        "entry-headers": _fields(
            {
                topics.INDEX: {**_DECIMAL, "description": "The entry's index."},
                topics.BATCH: {
                    "type": "string",
                    "pattern": "^[0-9]+-[0-9]+$",
                    "description": "FIRST-SIZE: the batch that it was announced with, entries FIRST up to SIZE - 1.",
                },
                topics.CHECKPOINT: {
                    "type": "string",
                    "description": "Of a batch's last entry: the signed note over at least SIZE entries.",
                },
                topics.FRONTIER: _octets("Of a batch's last entry: hashes of the perfect subtrees below FIRST."),
                topics.PROOF: _octets("Of a batch's last entry: the consistency proof from SIZE to the checkpoint's."),
                topics.TRACE: _TRACE,
            },
            topics.ENTRY_TYPE,
            (topics.INDEX, topics.BATCH),
        ),
        "checkpoint-headers": _fields({}, topics.NOTE_TYPE),
        "reply-headers": {"type": "object"},
        "dead-letter-headers": {
            "type": "object",
            "description": "Beside the record's own headers.",
            "properties": {
                topics.DEAD_TOPIC: {"type": "string", "description": "Where it came from."},
                topics.DEAD_PARTITION: _DECIMAL,
                topics.DEAD_OFFSET: _DECIMAL,
                topics.DEAD_REASON: {"type": "string", "description": "A stable code."},
                topics.DEAD_TIME: {"type": "string", "format": "date-time"},
            },
            "required": [
                topics.DEAD_TOPIC, topics.DEAD_PARTITION, topics.DEAD_OFFSET, topics.DEAD_REASON, topics.DEAD_TIME,
            ],
        },
    }  # fmt: skip


def _fields(own: Json, content_type: str, required: tuple[str, ...] = ()) -> Json:
    properties = {topics.CONTENT_TYPE: {"const": content_type}, **own}
    return {"type": "object", "properties": properties, "required": [topics.CONTENT_TYPE, *required]}


def _octets(description: str) -> Json:
    return {"type": "string", "format": "binary", "description": f"{description} 32 octets each, in a row."}
