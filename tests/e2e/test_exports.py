"""Who may export what: a cell for each view and reader, in either disclosure, by the command and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from counterfoil.cli.late_views import VIEWS
from counterfoil.contract.disclosure import DISCLOSURES
from tests.e2e.founding import PROGRAMME, found_a_market, trade
from tests.e2e.running import Shell, eventually, serving
from tests.readers.own import Row, Rows
from tests.readers.table import read_by

pytestmark = pytest.mark.e2e

READERS: Final[dict[str | None, tuple[str, set[str]]]] = {
    None: ("anybody", set()),
    "acme": ("beneficiary", set()),
    "norn": ("provider", set()),
    "springfield": ("issuer", {PROGRAMME}),
    "treasury": ("treasurer", set()),
}
"""Readers with their kind, and the programmes that they read."""


@pytest.fixture(scope="module", params=DISCLOSURES)
def market(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Shell]:
    """A served market with a trade."""
    folder = tmp_path_factory.mktemp("market")
    shell = Shell(folder / "home", disclosure=request.param)
    shell.more["COUNTERFOIL_READER"] = "operator"
    shell.ok("init", "--host", "market.example")
    with serving(shell):
        found_a_market(shell, folder)
        trade(shell)
        eventually(lambda: shell.ok("usage", "contracts"))
        yield shell


def exported(market: Shell, folder: Path, reader: str | None) -> dict[str, list[Row]]:
    """The rows of every view, as a reader exports them."""
    kept = market.more.pop("COUNTERFOIL_READER")
    try:
        market.ok("export", "--all", folder, "--format", "jsonl", *([] if reader is None else ["--as", reader]))
    finally:
        market.more["COUNTERFOIL_READER"] = kept
    lines = {view: (folder / f"{view}.jsonl").read_text().splitlines() for view in VIEWS}
    return {view: [json.loads(line) for line in found] for view, found in lines.items()}


def test_each_exports_what_the_table_says(market: Shell, tmp_path: Path) -> None:
    everything = exported(market, tmp_path / "all", "operator")
    assert sum(map(bool, everything.values())) > 20, "too few views have rows"
    for reader, (kind, programmes) in READERS.items():
        found = exported(market, tmp_path / str(reader), reader)
        for view in VIEWS:
            readable = read_by(view, kind, reader, programmes, Rows(everything), "USD")
            expected = everything[view] if market.disclosure == "public" else readable
            assert found[view] == expected, (view, reader)
