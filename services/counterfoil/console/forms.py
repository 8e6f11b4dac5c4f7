"""Forms of commands, made from the JSON Schemas that are published: a field for each member, by what it may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import orjson

from counterfoil.console.look import Look
from counterfoil.console.tables import place_of
from counterfoil.contract.export import command_schema
from counterfoil.contract.log_id import LogId
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.vocabulary import VOCABULARY

_HOUR: Final = "^[0-9]{8}T[0-9]{2}Z$"
_LEAST, _MOST = ("minimum", "x-minimum"), ("maximum", "x-maximum")
_SHORTEST, _LONGEST = ("minLength",), ("maxLength",)


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a command. `kind`: how text becomes its value, by ``README.md``. `value`: what stands there.

    `least`, `most`: of a number, or the characters of a text.
    """

    name: str
    kind: str
    optional: bool = False
    value: str = ""
    choices: tuple[str, ...] = ()
    least: str | None = None
    most: str | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """What a reader signs: the command's name, its version, the log that decides it, and its fields."""

    command: str
    version: int
    service: str
    log: str
    roles: tuple[str, ...]
    description: str
    fields: tuple[Field, ...]


@cache
def _latest() -> Mapping[str, int]:
    """The newest version of each command."""
    found: dict[str, int] = {}
    for kind, version in VOCABULARY.commands:
        found[kind] = max(version, found.get(kind, 0))
    return found


@cache
def schema_of(kind: str, version: int) -> dict[str, Any]:
    """The JSON Schema of a command's body."""
    return command_schema(kind, version, VOCABULARY.commands[kind, version])


def schema_bytes(name: str) -> bytes:
    """The schema of ``place_bid.v1``, as JSON. Raises `Problem`."""
    kind, _, version = name.partition(".v")
    if not version.isascii() or not version.isdigit() or (kind, int(version[:6])) not in VOCABULARY.commands:
        raise Problem(ProblemCode.NOT_FOUND, name[:80])
    return orjson.dumps(schema_of(kind, int(version[:6])))


def read_form(look: Look, command: str) -> Mapping[str, Any]:
    """The form of a command, filled with the parameters of the address. Raises `Problem`."""
    form = form_of(command, look.context.backend.origins, look.query)
    return {"form": form, "subject": command.replace("_", " ")}


def form_of(command: str, origins: Mapping[LogId, str], given: Mapping[str, str]) -> Form:
    """The form of a command's newest version; `given`: what stands in its fields. Raises `Problem`."""
    version = _latest().get(command)
    if version is None:
        raise Problem(ProblemCode.NOT_FOUND, command[:80])
    body = VOCABULARY.commands[command, version]
    service, schema = VOCABULARY.service_of[body], schema_of(command, version)
    log = _log_of(service, given, origins)
    fields = tuple(_field(name, each, schema, given.get(name, "")) for name, each in schema["properties"].items())
    return Form(
        command, version, service, origins.get(log, ""), tuple(body.ROLES), schema.get("description", ""), fields
    )


def _log_of(service: str, given: Mapping[str, str], origins: Mapping[LogId, str]) -> LogId:
    """The log that decides it: of an object that stands in a field, the shard that made it, by its id."""
    made = (place_of(service, value) for value in given.values())
    logs = (each.log for each in made if each is not None)
    return next((log for log in logs if log in origins), LogId(service))


def _field(name: str, schema: Mapping[str, Any], whole: Mapping[str, Any], value: str) -> Field:
    schema, optional = _plain(schema, whole)
    kind = "of_par" if name == "price_bps" else _kind(schema, whole)
    if kind == "choice":
        return Field(name, kind, optional, value, tuple(map(str, schema["enum"])))
    by_length = kind == "text"
    least, most = (
        _bound(schema, *names) for names in (_SHORTEST if by_length else _LEAST, _LONGEST if by_length else _MOST)
    )
    return Field(name, kind, optional, value, (), least, most, schema.get("pattern") if by_length else None)


def _bound(schema: Mapping[str, Any], *names: str) -> str | None:
    return next((str(schema[name]) for name in names if name in schema), None)


def _plain(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """A schema without null beside it, and whether null was there."""
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    optional = len(choices) < len(schema.get("anyOf", ()))
    found = choices[0] if optional and len(choices) == 1 else schema
    return (_resolved(found, whole), optional)


def _resolved(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return whole["$defs"][name] if name else schema


def _kind(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    """How a member is entered: as ``README.md`` lists the kinds; ``json`` for what has parts."""
    if "enum" in schema:
        return "choice"
    kind = schema.get("type")
    if kind in ("integer", "boolean"):
        return str(kind)
    if kind == "array":
        return "list" if _resolved(schema.get("items", {}), whole).get("type") == "string" else "json"
    if kind != "string":
        return "json"
    if "x-maximum" in schema:
        return "amount"
    if schema.get("format") == "date-time":
        return "time"
    return "hour" if schema.get("pattern") == _HOUR else "text"
