"""The published schemas describe every record of a state, and name no other."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from counterfoil.audit.files import LogFiles
from counterfoil.catalogue import DECIDERS
from counterfoil.contract.canonical import canonical
from counterfoil.core.engine import Engine
from counterfoil.vocabulary import CODEC
from tests.audit.forge import read_entries
from tests.golden.cases import CASES, FOLDER, size_of

SCHEMAS = Path("schemas")


@cache
def registry() -> Registry[Any]:
    documents = [json.loads(path.read_bytes()) for path in sorted(SCHEMAS.glob("**/*.schema.json"))]
    return Registry().with_resources([(each["$id"], Resource.from_contents(each)) for each in documents])


@pytest.mark.parametrize("service", DECIDERS)
def test_every_record_of_a_golden_log_is_as_described(service: str) -> None:
    schema = json.loads((SCHEMAS / f"state/{service}.schema.json").read_bytes())
    described = jsonschema.Draft202012Validator(schema, registry=registry())
    met, valid = set[str](), set[tuple[str, bytes]]()
    for case in CASES:
        log = LogFiles(FOLDER / case / service / "main")
        engine: Engine[Any] = Engine(DECIDERS[service], f"golden.example/{service}/main", lambda _size: None)
        for data in read_entries(log.root, size_of(log.read("checkpoint"))):
            engine.replay(CODEC.decode_entry(data))
            kinds = {table.form.prefix for table in engine.state.tables if next(iter(table.rows()), None) is not None}
            if engine.size % 100 == 0 or kinds - met:
                there = {(key, canonical(value)): value for key, value in DECIDERS[service].records(engine.state)}
                described.validate({key[0]: value for key, value in there.items() if key not in valid})
                valid |= there.keys()
                met |= {key.partition("/")[0] for key, _ in there}
    # A pass continues, and orders leave, within a step of the runner; no paper comes before matching.
    unmet = {"continuing", "leaving"} | ({"reference"} if service == "matching" else set())
    assert met >= schema["$defs"].keys() - unmet
    with pytest.raises(jsonschema.ValidationError):
        described.validate({"unknown/record": 1})
