"""The published form of the document: its JSON Schema, and a reference of every member. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import orjson

from counterfoil.programme.codes import LINES, REFUSALS, STEPS, TRANSFERS
from counterfoil.programme.facts import KNOWN
from counterfoil.programme.findings import KINDS
from counterfoil.programme.form.case import CaseGiven
from counterfoil.programme.form.document import Document

SCHEMA: Final = "programme.schema.json"
REFERENCE: Final = "programme.md"
_PRETTY: Final = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
_HEAD: Final = """# Programme documents

A programme is a document: YAML or JSON, of the form `counterfoil.programme/1`. `counterfoil programme templates` has
some to start from, `programme lint` finds what contradicts itself, `programme describe` says it in sentences, and
`programme explain` shows what a case is worth. Amounts are decimal text in units of the programme (`"5000000"`,
`"0.01"`), rates are fractions or percentages (`2/3`, `30%`), days are ISO 8601 and meant by the programme's
`valid.utc_offset`. Members that are not named here are refused. What is hashed and signed is the RFC 8785 form of what
was written.

"""
_MODELS: Final = """## The six redemption models

| model | flow | claimed by |
|---|---|---|
| `POST_USE_REIMBURSEMENT` | use and pay, then claim: granted and paid in one act | beneficiary |
| `APPLY_THEN_CLAIM` | contract, voucher, use and pay, claim with the invoice | beneficiary |
| `APPLY_THEN_DEDUCT` | voucher, deducted from the contract, settled by the issuer | provider |
| `DEDUCT_AT_PROVIDER` | the buyer pays the rest, the provider claims the subsidy | provider |
| `DISCOUNT_AT_PROVIDER` | metered discount until the project's maximum | provider |
| `IN_KIND` | an allocation in units of compute, drawn by metering; no money | nobody |

With `claimant: EITHER` beneficiary or provider claims, for each hour of use one of them and never both.

"""


def programme_files() -> dict[str, bytes]:
    """The generated files, by name."""
    return {SCHEMA: orjson.dumps(_schema(), option=_PRETTY), REFERENCE: _reference().encode()}


def _schema() -> dict[str, Any]:
    (root, case), parts = msgspec.json.schema_components([Document, CaseGiven], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:counterfoil:schema:programme",
        "title": "A programme document",
        **root,
        "$defs": {**parts, "Case": case},
    }


def _reference() -> str:
    schema = _schema()
    parts: Mapping[str, Any] = schema["$defs"]
    order = list(dict.fromkeys(_reached("Document", parts))) + list(dict.fromkeys(_reached("CaseGiven", parts)))
    sections = "".join(_section(name, parts[name]) for name in dict.fromkeys(order))
    return _HEAD + sections + _MODELS + _facts() + _codes()


def _reached(name: str, parts: Mapping[str, Any]) -> Iterator[str]:
    """The parts of a part, in the order of its members, itself first; a condition contains conditions."""
    seen: list[str] = []
    waiting = [name]
    while waiting:
        each = waiting.pop(0)
        if each not in seen:
            seen.append(each)
            found = list(_references(parts[each]))
            waiting = [*found, *waiting]
    yield from seen


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for name, each in value.items():
            if name != "discriminator":
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _section(name: str, part: Mapping[str, Any]) -> str:
    members = part.get("properties", {})
    required = part.get("required", ())
    rows = "".join(
        f"| `{member}`{'' if member in required else ' (optional)'} | {_type(each)} "
        f"| {_cell(each.get('description', ''))} | {_example(each)} |\n"
        for member, each in members.items()
    )
    about = part.get("description", "").split("\n")[0]
    return f"## {name}\n\n{about}\n\n| member | type | meaning | example |\n|---|---|---|---|\n{rows}\n"


def _type(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in value:
        texts = [_type(each) for each in value["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(texts))
    if "enum" in value:
        return ", ".join(f"`{each}`" for each in value["enum"] if each is not None)
    if "const" in value:
        return f"`{value['const']}`"
    kind = value.get("type", "any")
    if kind == "array":
        return f"list of {_type(value['items'])}, at most {value['maxItems']}" if "maxItems" in value else "list"
    if kind == "object":
        return f"object of {_type(value.get('additionalProperties', {}))}"
    bounds = [f"{value[key]}" for key in ("minimum", "maximum") if key in value]
    if bounds:
        return f"{kind}, {' to '.join(bounds)}"
    pattern = value.get("pattern")
    return f"{kind}, `{_cell(pattern)}`" if pattern else kind


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _example(value: Mapping[str, Any]) -> str:
    return ", ".join(f"`{_cell(orjson.dumps(each).decode())}`" for each in value.get("examples", ()))


def _facts() -> str:
    rows = "".join(f"| `{name}` | {each.kind} | {each.of} | {each.text} |\n" for name, each in KNOWN.items())
    return f"## Facts that every programme knows\n\n| fact | kind | of | meaning |\n|---|---|---|---|\n{rows}\n"


def _codes() -> str:
    kinds = "".join(f"| `{code}` | {each.severity} | {each.why} |\n" for code, each in KINDS.items())
    made = "## Findings of `programme lint`\n\nErrors block publication.\n\n"
    made += f"| code | severity | why |\n|---|---|---|\n{kinds}\n"
    for heading, codes in (
        ("Why a whole application or claim is refused", REFUSALS),
        ("Why a line is not eligible", LINES),
        ("Why credit cannot be handed on or pledged", TRANSFERS),
        ("Steps of a calculation", STEPS),
    ):
        rows = "".join(f"| `{code}` | {_cell(text)} |\n" for code, text in codes.items())
        made += f"## {heading}\n\n| code | text |\n|---|---|\n{rows}\n"
    return made.rstrip("\n") + "\n"
