"""The published description of the records of each service's state, from the forms that its tables declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from counterfoil.contract.export import DIALECT, PREFIX
from counterfoil.core.decider import Decider
from counterfoil.core.form import Form

FOLDER: Final = "state"
_PRETTY: Final = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
_PAGE: Final = """# State records

What a state root commits to: the records of a service's state, each a key and a JSON value. Of the parts of a key only
the last one may contain a slash. The values are described by `state/<service>.schema.json`, one definition for each
kind of record. Times are microseconds since 1970.
"""


def state_files(deciders: Mapping[str, Decider[Any]]) -> dict[str, bytes]:
    """A schema per service and a table of all kinds of records, by path below ``schemas/``."""
    forms = {name: [table.form for table in decider.initial().tables] for name, decider in sorted(deciders.items())}
    files = {
        f"{FOLDER}/{name}.schema.json": orjson.dumps(_schema(name, each), option=_PRETTY)
        for name, each in forms.items()
    }
    return {**files, "state.md": (_PAGE + "".join(map(_table, forms, forms.values()))).encode()}


def _schema(service: str, forms: Iterable[Form]) -> dict[str, Any]:
    """A state as one object: every record a member, its value by the definition of its kind."""
    forms = sorted(forms, key=lambda form: form.prefix)
    return {
        "$schema": DIALECT,
        "$id": f"{PREFIX}state:{service}",
        "title": f"State of {service}",
        "description": "All records of a state as one object: key -> value.",
        "type": "object",
        "patternProperties": {_pattern(form): {"$ref": f"#/$defs/{form.prefix}"} for form in forms},
        "additionalProperties": False,
        "$defs": {form.prefix: {"description": form.says, **form.value.schema} for form in forms},
    }


def _pattern(form: Form) -> str:
    parts = [".+" if part == form.parts[-1] else "[^/]*" for part in form.parts]
    return "^" + "/".join((form.prefix, *parts)) + "$"


def _table(service: str, forms: Iterable[Form]) -> str:
    rows = sorted(
        ("/".join((form.prefix, *(f"<{part}>" for part in form.parts))), _members(form.value.schema), form.says)
        for form in forms
    )
    lines = [("key", "value", "is"), ("---", "---", "---"), *((f"`{key}`", value, says) for key, value, says in rows)]
    return f"\n## {service}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _members(schema: Mapping[str, Any]) -> str:
    """A value in a few words: the names of its members, or what it is."""
    if "$ref" in schema:
        return f"event `{str(schema['$ref']).rpartition(':')[2]}`"
    if "properties" in schema:
        return ", ".join(f"`{name}`" for name in schema["properties"])
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(map(_members, schema["anyOf"]))
    return str(schema.get("description") or schema.get("type") or f"`{orjson.dumps(schema['const']).decode()}`")
