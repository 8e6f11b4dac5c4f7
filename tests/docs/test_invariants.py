"""Every invariant of ledger, programmes and determinism is in the tests' README with what asserts it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from counterfoil.ledger import invariants
from tests.properties import laws

ROOT: Final = Path(__file__).parents[2]
TABLES, _, BUGS = (ROOT / "tests" / "README.md").read_text().partition("## Invariants")[2].partition("## Bugs")


def test_what_asserts_an_invariant_is_there() -> None:
    rows = [line for line in TABLES.splitlines() if line.startswith("| ") and "asserted by" not in line]
    assert len(rows) == 37 + 12 + 9, "of the ledger, of programmes, and of determinism"
    for row in rows:
        named = re.findall(r"`((?:tests|services)/[\w/.]+)|`(check_\w+)(?:: (\w+))?", row.rpartition("|")[0])
        assert named, row
        for path, function, part in named:
            assert not path or (ROOT / path).exists(), path
            module = laws if function == "check_laws" else invariants
            assert not function or callable(getattr(module, part or function)), (function, part)


def test_each_bug_of_other_ledgers_has_its_test() -> None:
    named = re.findall(r"`(tests/[\w/.]+): (test_\w+)` \|$", BUGS, re.MULTILINE)
    assert len(named) == len([line for line in BUGS.splitlines() if line.startswith("| ")]) - 1 > 20
    for path, test in named:
        assert f"def {test}(" in (ROOT / path).read_text(), (path, test)
