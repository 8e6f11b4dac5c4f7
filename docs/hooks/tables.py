"""Markdown of the generated pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars and line ends in a cell are escaped."""
    cells = [[cell(each) for each in row] for row in (head, ["---"] * len(head), *rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells) + "\n"


def cell(text: str) -> str:
    """A text as one cell of a table."""
    return re.sub(r"\s*\n\s*", " ", text).replace("|", "\\|")


def code(text: object) -> str:
    """A text in the font of code."""
    return f"`{text}`"


def type_of(schema: Any, defs: dict[str, Any]) -> str:
    """What a member may be, in a few words, by its JSON Schema."""
    if "anyOf" in schema:
        kinds = [type_of(each, defs) for each in schema["anyOf"]]
        return " or ".join(dict.fromkeys(kinds))
    if "oneOf" in schema:
        return " or ".join(dict.fromkeys(type_of(each, defs) for each in schema["oneOf"]))
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return type_of(defs[name], defs) if defs[name].get("type") != "object" else name
    if "enum" in schema:
        return " or ".join(code(each) for each in schema["enum"])
    if "const" in schema:
        return code(schema["const"])
    if schema.get("type") == "array":
        return f"list of {type_of(schema['items'], defs)}" if "items" in schema else "list"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_of(schema['additionalProperties'], defs)}"
    return str(schema.get("type", "any")) + _bounds(schema)


def _bounds(schema: Any) -> str:
    low = schema.get("minimum", schema.get("x-minimum"))
    high = schema.get("maximum", schema.get("x-maximum"))
    if low is not None and high is not None:
        return f", {int(low):,} to {int(high):,}"
    if "maxLength" in schema:
        return f", at most {schema['maxLength']} characters"
    if schema.get("contentEncoding") == "base64":
        return ", base64"
    return ""
