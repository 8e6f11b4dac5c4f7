"""Every invariant of ledger, programmes and determinism is in the tests' README with what asserts it."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Final

from counterfoil.ledger import invariants

ROOT: Final = Path(__file__).parents[2]
TABLES: Final = (ROOT / "tests" / "README.md").read_text().partition("## Invariants")[2].partition("## Bugs")[0]


def test_what_asserts_an_invariant_is_there() -> None:
    rows = [line for line in TABLES.splitlines() if line.startswith("| ") and "asserted by" not in line]
    assert len(rows) == 37 + 12 + 9, "of the ledger, of programmes, and of determinism"
    for row in rows:
        asserts = row.rpartition("|")[0]
        named = re.findall(r"`((?:tests|services)/[\w/.]+)|`(check_ledger|laws\w*)(?:: (\w+))?", asserts)
        assert named, row
        for path, where, part in named:
            assert not path or (ROOT / path).exists(), path
            module = invariants if where == "check_ledger" else None
            module = import_module(f"tests.properties.{where}") if where.startswith("laws") else module
            assert module is None or callable(getattr(module, part or where)), (where, part)
