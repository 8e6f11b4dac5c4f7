"""What was ever published is still read, to the same values, and written, to the same bytes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from counterfoil.contract.canonical import canonical
from counterfoil.contract.codec import dump_event, encode_entry, encode_payload
from counterfoil.contract.export import PREFIX, event_id
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import BATCH
from counterfoil.vocabulary import CODEC
from tests.contract.compatibility import incompatible
from tests.contract.make_corpus import FOLDER, freeze, frozen, plain, schemas, unfrozen
from tests.contract.test_schemas_current import accepts

PINS = {
    "v1.jsonl": "a2b56c6b3bd411f8d90389e5ce0d547e0f12d92534b478fae5b8a3353b8aac4b",
    "v1.schemas.json": "29ed36a7298fd44ba0e6f27bf6bf8eeafb230e2af19562dc8fc36ffdf7a860cd",
}
"""SHA-256 of each frozen file. A new release adds two lines; a line that is here never changes."""

Json = dict[str, Any]
SCHEMAS = schemas()
BID = event_id("bid.received.v1")
ENTRY = f"{PREFIX}entry"


def records(kind: str) -> list[Json]:
    return [record for record in frozen() if record["kind"] == kind]


def releases() -> dict[str, Json]:
    """The frozen schemas, by id, of each release."""
    return {name: json.loads((FOLDER / name).read_text()) for name in PINS if name.endswith(".schemas.json")}


def codes() -> set[str]:
    """The refusal codes of all releases."""
    rejected = [release[ENTRY]["$defs"]["refused"]["properties"]["refused"] for release in releases().values()]
    return {code for each in rejected for code in each["enum"]}


def read_command(data: bytes) -> tuple[bytes, Any]:
    submission = CODEC.decode_payload(data, bytes(64))
    value = {"header": plain(submission.header), "bodies": plain(submission.bodies)}
    return encode_payload(submission.header, submission.bodies), value


def read_event(data: bytes) -> tuple[bytes, Any]:
    event = CODEC.load_event(json.loads(data))
    return canonical(dump_event(event)), plain(event)


def read_entry(data: bytes) -> tuple[bytes, Any]:
    entry = CODEC.decode_entry(data)
    return encode_entry(entry), plain(entry)


READ: dict[str, Callable[[bytes], tuple[bytes, Any]]] = {
    "command": read_command,
    "event": read_event,
    "entry": read_entry,
}


# records ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PINS)
def test_a_frozen_file_is_as_it_was(name: str) -> None:
    assert sha256((FOLDER / name).read_bytes()).hexdigest() == PINS[name]


def test_every_frozen_file_is_pinned() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*PINS, "README.md"}


@pytest.mark.parametrize("kind", READ)
def test_records_are_read_to_the_same_values_and_written_to_the_same_bytes(kind: str) -> None:
    assert len(records(kind)) >= 10
    for record in records(kind):
        data = record["bytes"].encode()
        assert rfc8785.dumps(json.loads(data)) == data
        assert READ[kind](data) == (data, record["value"]), record["name"]


@pytest.mark.parametrize("kind", READ)
def test_records_validate_against_the_schemas_of_today(kind: str) -> None:
    for record in records(kind):
        identity = event_id(record["name"]) if kind == "event" else f"{PREFIX}{kind}"
        assert accepts(identity, json.loads(record["bytes"])), record["name"]


def test_everything_of_today_is_frozen() -> None:
    """After adding a type or code: `python -m tests.contract.make_corpus vN`, the next N, and pin what it wrote."""
    assert [each.name for each in unfrozen()] == []
    assert [code for code in Code if code.value not in codes()] == []


def test_the_corpus_holds_every_type_and_code_and_a_batch_of_each_service() -> None:
    held = {(record["kind"], record["name"]) for record in frozen()}
    named = {identity.removeprefix(PREFIX) for identity in SCHEMAS} - {"command", "entry"}
    assert {f"event:{name}" for kind, name in held if kind == "event"} == {n for n in named if n.startswith("event:")}
    commands = {f"command:{name.replace('.v', ':v')}" for kind, name in held if kind == "command"}
    assert commands - {f"command:{BATCH}:v1"} == {n for n in named if n.startswith("command:")}
    text = "".join(record["bytes"] for record in records("entry"))
    first = releases()["v1.schemas.json"][ENTRY]["$defs"]["refused"]["properties"]["refused"]["enum"]
    assert [code for code in first if f'"refused":"{code}"' not in text] == []
    assert sum(record["name"] == f"{BATCH}.v1" for record in records("command")) == 4


def test_nothing_frozen_is_written_again(tmp_path: Path) -> None:
    written = freeze("v9", tmp_path)
    assert [path.name for path in written] == ["v9.jsonl", "v9.schemas.json"]
    assert written[0].read_bytes() == b"", "what an earlier release holds is not frozen twice"
    assert json.loads(written[1].read_text()) == SCHEMAS
    before = [path.read_bytes() for path in written]
    with pytest.raises(FileExistsError):
        freeze("v9", tmp_path)
    assert [path.read_bytes() for path in written] == before


# schemas ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", releases())
def test_no_published_schema_changed(release: str) -> None:
    """The message of a failure says what to do."""
    assert incompatible(releases()[release], SCHEMAS) == []


def changed(identity: str, change: Callable[[Json], object]) -> list[str]:
    """What the check says after `change` was made to one schema."""
    changed_one = copy.deepcopy(SCHEMAS[identity])
    change(changed_one)
    return incompatible(SCHEMAS, {**SCHEMAS, identity: changed_one})


def described_otherwise(schema: Json) -> None:
    schema["description"] = "Put better."
    schema["properties"]["nodes"]["description"] = "How many."


def listing_more(schema: Json) -> None:
    schema["properties"]["data"]["properties"]["events"]["items"]["oneOf"].append({"$ref": event_id("bid.received.v2")})
    schema["$defs"]["refused"]["properties"]["refused"]["enum"].insert(3, "a_new_code")


@pytest.mark.parametrize(("identity", "change"), [(BID, described_otherwise), (ENTRY, listing_more)])
def test_what_may_change(identity: str, change: Callable[[Json], object]) -> None:
    assert changed(identity, change) == []


def test_what_may_come() -> None:
    assert incompatible(SCHEMAS, {**SCHEMAS, event_id("bid.received.v2"): {}}) == []


@pytest.mark.parametrize(
    ("identity", "change", "place"),
    [
        (BID, lambda s: s["properties"].update(note={"type": "string"}), "/properties/note"),
        (BID, lambda s: s["properties"].pop("nodes"), "/properties/nodes"),
        (BID, lambda s: s["properties"]["nodes"].update(maximum=9), "/properties/nodes/maximum"),
        (BID, lambda s: s["required"].pop(), "/required"),
        (BID, lambda s: s.update(additionalProperties=True), "/additionalProperties"),
        (BID, lambda s: s["properties"]["tif"]["enum"].append("DAY"), "/properties/tif/enum"),
        (event_id("class.registered.v1"), lambda s: s["properties"].pop("description"), "/properties/description"),
        (ENTRY, lambda s: s["$defs"]["refused"]["properties"]["refused"]["enum"].pop(5), "/enum"),
        (ENTRY, lambda s: s["properties"]["data"]["properties"]["cause"]["oneOf"].append({"$ref": "#/x"}), "/oneOf"),
        (ENTRY, lambda s: s["properties"]["data"]["properties"]["events"]["items"]["oneOf"].pop(), "/oneOf"),
        (f"{PREFIX}command", lambda s: s["oneOf"].reverse(), "/oneOf"),
    ],
)
def test_what_may_not_change(identity: str, change: Callable[[Json], object], place: str) -> None:
    (finding,) = changed(identity, change)
    assert finding.startswith(f"{identity} changed at ")
    assert place in finding
    if identity == BID:
        assert finding.endswith("make a new version beside it, event:bid.received.v2")


def test_what_may_not_go() -> None:
    (finding,) = incompatible(SCHEMAS, {identity: schema for identity, schema in SCHEMAS.items() if identity != BID})
    assert finding == f"{BID} is gone: logs hold it for ever, so it is never removed or renamed"
