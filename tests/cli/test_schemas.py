"""The published OpenAPI document is the gateway's current one, from any instance."""

from __future__ import annotations

import json
from pathlib import Path

from counterfoil.catalogue import VIEWS
from counterfoil.cli.schemas import OPENAPI, PROBLEMS, contract_files, diff_schemas, openapi, problems

SCHEMAS = Path(__file__).parents[2] / "schemas"


def test_openapi_is_current_and_complete() -> None:
    """After a deliberate change: `counterfoil schemas`."""
    document = openapi()
    assert diff_schemas(SCHEMAS, {**contract_files(), OPENAPI: document, PROBLEMS: problems()}) == []
    assert openapi() == document
    paths = json.loads(document)["paths"]
    assert {f"/v1/{view.name.replace('_', '-')}" for view in VIEWS} <= set(paths)
    assert {"/v1/commands", "/v1/events", "/v1/depth", "/healthz"} <= set(paths)
