"""Every invariant of ledger and programmes is in the tests' README with what asserts it, and that is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from counterfoil.ledger import invariants
from tests.properties import laws

ROOT: Final = Path(__file__).parents[2]
TABLES: Final = (ROOT / "tests" / "README.md").read_text().partition("## Invariants")[2]


def test_what_asserts_an_invariant_is_there() -> None:
    rows = [line for line in TABLES.splitlines() if line.startswith("| ") and "asserted by" not in line]
    assert len(rows) == 37 + 12, "of the ledger, and of programmes"
    for row in rows:
        named = re.findall(r"`((?:tests|services)/[\w/.]+)|`(check_\w+)(?:: (\w+))?", row.rpartition("|")[0])
        assert named, row
        for path, function, part in named:
            assert not path or (ROOT / path).exists(), path
            module = laws if function == "check_laws" else invariants
            assert not function or callable(getattr(module, part or function)), (function, part)
