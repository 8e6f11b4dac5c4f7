"""How the parts of a state are written as records, and read again: a key and a JSON value, declared once.

From these declarations come the state root, snapshots, what reads them, and the published description. A record that is
read comes from a state whose root was checked, so reading does not check it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, NamedTuple

from counterfoil.contract.codec import dump_event, load_record
from counterfoil.contract.record import Event
from counterfoil.contract.scalars import decode_base64, encode_base64

Key = Any
"""Of a row: a string, or a tuple if the form names several parts or none."""
Schema = dict[str, Any]


class Value(NamedTuple):
    """The JSON form of one value, and its JSON Schema. `load` takes the JSON form."""

    schema: Schema
    dump: Callable[[Any], Any]
    load: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


COUNT: Final = Value({"type": "integer", "minimum": 0}, _same, _same)
TIME: Final = Value({"type": "integer", "description": "microseconds since 1970"}, _same, _same)
TEXT: Final = Value({"type": "string"}, _same, _same)
TRUE: Final = Value({"const": True}, _same, _same)
FLAG: Final = Value({"type": "boolean"}, _same, _same)
AMOUNT: Final = Value({"type": "string", "pattern": "^(0|-?[1-9][0-9]*)$"}, str, int)
OCTETS: Final = Value({"type": "string", "contentEncoding": "base64"}, encode_base64, decode_base64)
TEXTS: Final = Value({"type": "array", "items": {"type": "string"}}, list, tuple)
COUNTS: Final = Value({"type": "array", "items": {"type": "integer", "minimum": 0}}, list, tuple)
BITS: Final = Value(
    {"type": "string", "pattern": "^(0|[1-9a-f][0-9a-f]*)$", "description": "a set of numbers: the bits of a number"},
    lambda bits: f"{bits:x}",
    lambda text: int(text, 16),
)


def one_of(*choices: str) -> Value:
    """One of some words."""
    return Value({"enum": list(choices)}, _same, _same)


def optional(value: Value) -> Value:
    """The value, or null for None."""
    return Value(
        {"anyOf": [value.schema, {"type": "null"}]},
        lambda found: None if found is None else value.dump(found),
        lambda found: None if found is None else value.load(found),
    )


def either(kinds: Mapping[type, Value]) -> Value:
    """A row of one of several kinds, told apart by their members: no two may have the same."""
    by_members = {frozenset(value.schema["properties"]): value for value in kinds.values()}
    return Value(
        {"anyOf": [value.schema for value in kinds.values()]},
        lambda found: kinds[type(found)].dump(found),
        lambda found: by_members[frozenset(found)].load(found),
    )


def listed(value: Value) -> Value:
    """A tuple of values, in order."""
    return Value(
        {"type": "array", "items": value.schema},
        lambda found: [value.dump(each) for each in found],
        lambda found: tuple(value.load(each) for each in found),
    )


def by_name(value: Value) -> Value:
    """A dictionary by string as an object; in the order of the names when it is read."""
    return Value(
        {"type": "object", "additionalProperties": value.schema},
        lambda found: {name: value.dump(each) for name, each in found.items()},
        lambda found: {name: value.load(found[name]) for name in sorted(found)},
    )


def event(kind: type[Event]) -> Value:
    """An event as in an entry, its name in ``type``."""

    schema = {"$ref": f"urn:counterfoil:schema:event:{kind.TYPE}"}
    return Value(schema, dump_event, lambda value: load_record(kind, value))


def event_of(*kinds: type[Event]) -> Value:
    """An event of one of several kinds, as in an entry; its ``type`` tells which."""
    by_type = {kind.TYPE: kind for kind in kinds}
    return Value(
        {"anyOf": [event(kind).schema for kind in kinds]},
        dump_event,
        lambda value: load_record(by_type[value["type"]], value),
    )


def row(make: Callable[..., Any], **members: Value) -> Value:
    """An object with these attributes of a row; `make` gives the row from them by keyword.

    Parts of the key that a `Form` says are attributes, too, are further keywords.
    """
    names = tuple(members)
    read = attrgetter(*names) if len(names) > 1 else lambda found, _one=attrgetter(*names): (_one(found),)
    dumps = tuple((name, value.dump) for name, value in members.items())
    loads = tuple((name, value.load) for name, value in members.items())

    def dump(found: Any) -> dict[str, Any]:
        return {name: each(value) for (name, each), value in zip(dumps, read(found), strict=True)}

    def load(value: Mapping[str, Any], **of_key: Any) -> Any:
        return make(**of_key, **{name: each(value[name]) for name, each in loads})

    schema = {
        "type": "object",
        "properties": {name: value.schema for name, value in members.items()},
        "required": sorted(members),
        "additionalProperties": False,
    }
    return Value(schema, dump, load)


@dataclass(frozen=True, slots=True)
class Form:
    """The records of one kind: ``prefix/part/part`` and a value; without parts there is one record.

    `parts`: the names of the key's parts, of which the last one alone may contain ``/``. `attributes`: those that the
    row has as attributes. `numbers`: those that are numbers in the state.
    """

    prefix: str
    parts: tuple[str, ...]
    value: Value
    says: str
    attributes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    def key(self, key: Key) -> str:
        """A row's record key."""
        if len(self.parts) == 1:
            return f"{self.prefix}/{key}"
        return "/".join((self.prefix, *map(str, key)))

    def row(self, key: str, value: Any) -> tuple[Key, Any]:
        """A record's row, with its key."""
        texts = key.split("/", len(self.parts))[1:]
        parts = [int(text) if name in self.numbers else text for name, text in zip(self.parts, texts, strict=True)]
        of_key = {name: part for name, part in zip(self.parts, parts, strict=True) if name in self.attributes}
        return parts[0] if len(parts) == 1 else tuple(parts), self.value.load(value, **of_key)
