"""The published form: every member is documented, its examples are valid, and documents fit the JSON Schema."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from counterfoil.cli.document_files import parse_data
from counterfoil.programme.describing import described
from counterfoil.programme.export import REFERENCE, SCHEMA, programme_files
from tests.programme.given import ALL, data, rules

FILES = programme_files()
PUBLISHED = parse_data(FILES[SCHEMA].decode(), json_=True)
MEMBERS = [
    (part, member, value)
    for part, shape in PUBLISHED["$defs"].items()
    for member, value in shape.get("properties", {}).items()
    if member != "kind"
]


def _is_part(value: Any) -> bool:
    """Whether a member is a part with a page of its own, or a list of such."""
    parts = [value, *value.get("anyOf", ()), value.get("items", {})]
    return any("$ref" in each or "anyOf" in each for each in parts if each is not None)


@pytest.mark.parametrize(("part", "member", "value"), MEMBERS, ids=lambda each: each if isinstance(each, str) else "")
def test_a_member_is_documented(part: str, member: str, value: Any) -> None:
    assert value.get("description") or _is_part(value), f"{part}.{member} says nothing"
    validator = jsonschema.Draft202012Validator({**value, "$defs": PUBLISHED["$defs"]})
    for example in value.get("examples", ()):
        validator.validate(example)


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_document_fits_the_schema(name: str) -> None:
    jsonschema.Draft202012Validator(PUBLISHED).validate(data(name))
    page = FILES[REFERENCE].decode()
    assert all(f"## {part}\n" in page for part in PUBLISHED["$defs"] if part != "Case")
    assert all(each.sentences for each in described(rules(name)))


YAML = [
    ("a: 1\na: 2", "a is given twice"),
    ("a: &x 1\nb: *x", "aliases are not taken"),
    ("a: 0.5", "0.5 is written as text"),
    ("? [a]\n: 1", "names of members are text"),
    ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
    ("a: [", "expected"),
    ("[" * 20 + "]" * 20, "levels"),
]


@pytest.mark.parametrize(("text", "said"), YAML)
def test_yaml_that_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_data(text)


def test_yaml_is_what_it_looks_like() -> None:
    read = parse_data("{no: NO, on: yes, day: 2025-07-28, number: 07, time: 12:30, none: null, flag: true, count: -3}")
    assert read == {
        "no": "NO",
        "on": "yes",
        "day": "2025-07-28",
        "number": "07",
        "time": "12:30",
        "none": None,
        "flag": True,
        "count": -3,
    }
    for bad in ('{"a": 1, "a": 2}', '{"a": 0.5}', "{", "[" * 20 + "]" * 20):
        with pytest.raises(ValueError, match=r"twice|text|line|levels"):
            parse_data(bad, json_=True)
