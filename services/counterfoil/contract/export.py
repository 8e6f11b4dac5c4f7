"""Renders the published ``schemas/``: JSON Schema 2020-12 of every command, event and the entry, and the refusals.

Pure: `render` returns bytes, the command line writes them and a test compares them with the files. Everything comes
from the records, their scalars and their docstrings, so that a schema cannot say something else than the codec.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from counterfoil.contract import limits, scalars
from counterfoil.contract.entry import ENTRY_TYPE
from counterfoil.contract.refusal_meanings import MEANINGS
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import BATCH, Header
from counterfoil.contract.vocabulary import Vocabulary

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
PREFIX: Final = "urn:counterfoil:schema:"

_UNDER_DEFS: Final = ("$defs", "properties")
_TIME: Final = TypeAdapter(scalars.Time).json_schema()
_ID: Final = TypeAdapter(scalars.Id).json_schema()
_NAME: Final = TypeAdapter(scalars.Name).json_schema()
_KEY_ID: Final = TypeAdapter(scalars.KeyId).json_schema()
_ORIGIN: Final = TypeAdapter(scalars.Origin).json_schema()
_COUNT: Final = TypeAdapter(scalars.Count).json_schema()
_VERSION: Final = TypeAdapter(scalars.Version).json_schema()
_RELEASE: Final = TypeAdapter(scalars.Release).json_schema()
_DIGEST: Final = TypeAdapter(scalars.Digest).json_schema()
_PUBLIC_KEY: Final = TypeAdapter(scalars.PublicKey).json_schema()
_BASE64: Final = {"type": "string", "contentEncoding": "base64", "pattern": "^[A-Za-z0-9+/]*={0,2}$"}


def render(vocabulary: Vocabulary) -> dict[str, bytes]:
    """Every generated file below ``schemas/`` by its relative path: indented JSON, two blanks, final newline."""
    documents: dict[str, Any] = {
        "command.schema.json": _command(vocabulary),
        "entry.schema.json": _entry(vocabulary),
    }
    for (kind, version), body in vocabulary.commands.items():
        documents[f"commands/{kind}.v{version}.schema.json"] = command_schema(kind, version, body)
    for name, event in vocabulary.events.items():
        documents[f"events/{name}.schema.json"] = _event(name, event)
    documents["refusals.json"] = _refusals()
    pretty = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    tables = {"commands.md": _commands(vocabulary), "events.md": _events(vocabulary), "refusals.md": _refusal_table()}
    return {
        **{path: orjson.dumps(document, option=pretty) for path, document in documents.items()},
        **{path: text.encode() for path, text in tables.items()},
    }


# schemas from records ----------------------------------------------------------------------------------------------


def command_id(kind: str, version: int) -> str:
    """The ``$id`` of a command body's schema."""
    return f"{PREFIX}command:{kind}:v{version}"


def event_id(name: str) -> str:
    """The ``$id`` of an event's schema."""
    return f"{PREFIX}event:{name}"


def command_schema(kind: str, version: int, body: type) -> dict[str, Any]:
    """The JSON Schema of a command's body."""
    return _document(command_id(kind, version), _tidied(TypeAdapter(body).json_schema()), f"{kind} v{version}")


def _event(name: str, event: type) -> dict[str, Any]:
    schema = _tidied(TypeAdapter(event).json_schema())
    schema["properties"] = {"type": {"const": name}, **schema["properties"]}
    schema["required"] = ["type", *schema.get("required", [])]
    return _document(event_id(name), schema, name)


def _document(identity: str, schema: dict[str, Any], title: str) -> dict[str, Any]:
    order = ("description", "type", "properties", "required", "additionalProperties", "oneOf", "$defs")
    head = {"$schema": DIALECT, "$id": identity, "title": title}
    return {**head, **{name: schema[name] for name in order if name in schema}}


def _tidied(schema: Any, names: bool = False) -> Any:
    """`schema` without pydantic's titles of members, and with docstrings on one line.

    `names`: the keys of `schema` are names of members or of records, not keywords.
    """
    if isinstance(schema, list):
        return [_tidied(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {}
    for key, value in schema.items():
        if names or key not in ("title", "discriminator", "description"):
            made[key] = _tidied(value, names=not names and key in _UNDER_DEFS)
        elif key == "description":
            made[key] = re.sub(r"\s+", " ", value)
    return made


# envelopes around them ----------------------------------------------------------------------------------------------


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    closed = {"required": list(properties), "additionalProperties": False}
    return {"type": "object", "properties": properties, **closed, **more}


def _command(vocabulary: Vocabulary) -> dict[str, Any]:
    header = _tidied(TypeAdapter(Header).json_schema())
    one_of = [_typed(kind, version, {"$ref": command_id(kind, version)}) for kind, version in vocabulary.commands]
    commands = {
        "type": "array",
        "minItems": 1,
        "maxItems": limits.MAX_BATCH_COMMANDS,
        "items": _object({"type": True, "v": True, "body": True}, oneOf=one_of),
    }
    batch = _typed(BATCH, 1, _object({"commands": commands}))
    schema = _object({**header["properties"], "body": {"type": "object"}}, oneOf=[batch, *one_of])
    description = (
        "The signed payload: a header and the body of one command, or a batch of commands of one service under one "
        "signature. Its bytes are RFC 8785."
    )
    defs = {"description": description, "$defs": header["$defs"]}
    return _document(f"{PREFIX}command", {**schema, **defs}, "Command")


def _typed(kind: str, version: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"type": {"const": kind}, "v": {"const": version}, "body": body}}


def _entry(vocabulary: Vocabulary) -> dict[str, Any]:
    data = _object(
        {
            "index": {**_COUNT, "description": "The leaf index."},
            "cause": {"oneOf": [{"$ref": f"#/$defs/{name}_cause"} for name in _CAUSES]},
            "decision": {"$ref": "#/$defs/decision"},
            "events": {"type": "array", "items": {"oneOf": [{"$ref": event_id(name)} for name in vocabulary.events]}},
        }
    )
    schema = _object(
        {
            "specversion": {"const": "1.0"},
            "type": {"const": ENTRY_TYPE},
            "source": {"type": "string", "pattern": "^//" + _ORIGIN["pattern"].removeprefix("^")},
            "id": {"type": "string", "minLength": 1, "description": "Unique in the log for ever."},
            "time": {**_TIME, "description": "Ledger time; rises strictly with the index."},
            "datacontenttype": {"const": "application/json"},
            "subject": {"type": "string", "minLength": 1},
            "sequence": {"type": "string", "pattern": "^[0-9]{20}$", "description": "The index, padded with zeros."},
            "data": data,
        }
    )
    description = (
        "A log entry: a CloudEvents 1.0 event in structured JSON mode, its bytes RFC 8785. The leaf of the log."
    )
    return _document(f"{PREFIX}entry", {**schema, "description": description, "$defs": _entry_parts()}, "Entry")


_CAUSES: Final = ("command", "entry", "timer", "genesis", "resumed")


def _entry_parts() -> dict[str, Any]:
    cause = {
        "command": {"payload": _BASE64, "sig": {**_BASE64, "pattern": "^[A-Za-z0-9+/]{86}==$"}, "key_id": _KEY_ID},
        "entry": {"origin": _ORIGIN, "index": _COUNT, "leaf": _DIGEST, "item": _COUNT},
        "timer": {"kind": {"type": "string", "minLength": 1}, "due": _TIME},
        "resumed": {"away_since": _TIME},
        "genesis": {
            "operator_id": _ID,
            "operator_name": _NAME,
            "operator_key": _PUBLIC_KEY,
            "operator_recovery_key": {"anyOf": [_PUBLIC_KEY, {"type": "null"}]},
            "rules": _VERSION,
            "release": _RELEASE,
        },
    }
    text = {
        "command": "A signed command or batch, verbatim.",
        "entry": "Event number `item` of entry `index` of another log, and that entry's leaf hash.",
        "timer": "What was due at `due` or before.",
        "resumed": "The writer had been away since `away_since`, its last sign of life.",
        "genesis": "The first entry: the rules that the log begins with and, for issuance's log, the operator.",
    }
    parts: dict[str, Any] = {
        f"{name}_cause": _object({name: _object(members)}, description=text[name]) for name, members in cause.items()
    }
    details = {"type": "object", "additionalProperties": {"type": "string"}}
    parts["refused"] = _object({"refused": {"enum": [code.value for code in Code]}, "detail": details})
    parts["outcome"] = {"oneOf": [_object({"accepted": _COUNT}), {"$ref": "#/$defs/refused"}]}
    outcomes = {
        "type": "array",
        "minItems": 1,
        "maxItems": limits.MAX_BATCH_COMMANDS,
        "items": {"$ref": "#/$defs/outcome"},
    }
    parts["decision"] = {
        "description": "`accepted`; a refusal; or per command of a batch how many events are its own, or its refusal.",
        "oneOf": [{"const": "accepted"}, {"$ref": "#/$defs/refused"}, _object({"batch": outcomes})],
    }
    return parts


# refusals -----------------------------------------------------------------------------------------------------------


def refusal_rows() -> Iterable[tuple[int, Code, str, str, str]]:
    """(precedence from 1, code, stage, ``final`` or ``transient``, text) in order of precedence."""
    for number, code in enumerate(Code, start=1):
        meaning = MEANINGS[code]
        yield number, code, meaning.stage.value, "transient" if meaning.transient else "final", meaning.text


def _refusals() -> list[dict[str, Any]]:
    return [
        {"code": code, "stage": stage, "transient": lasting == "transient", "text": text, "precedence": number}
        for number, code, stage, lasting, text in refusal_rows()
    ]


# tables for people --------------------------------------------------------------------------------------------------


def _table(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return f"# {title}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _commands(vocabulary: Vocabulary) -> str:
    rows = (
        (f"`{each.TYPE}`", str(each.V), service, " or ".join(each.ROLES) or "any", _summary(each))
        for each, service in vocabulary.service_of.items()
    )
    return _table("Commands", ("type", "version", "decided by", "role", "asks for"), rows)


def _events(vocabulary: Vocabulary) -> str:
    return _table(
        "Events", ("name", "says"), ((f"`{name}`", _summary(each)) for name, each in vocabulary.events.items())
    )


def _refusal_table() -> str:
    rows = ((str(number), f"`{code}`", stage, lasting, text) for number, code, stage, lasting, text in refusal_rows())
    return _table("Refusals", ("precedence", "code", "stage", "lasting", "meaning"), rows)


def _summary(record: type) -> str:
    """The first paragraph of its docstring, on one line."""
    return " ".join((record.__doc__ or "").split("\n\n")[0].split()).replace("|", "\\|")
