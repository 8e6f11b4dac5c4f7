"""The page that compares order types names a test in each row, and each of these exists."""

from __future__ import annotations

import re
from pathlib import Path


def test_each_row_names_a_test_that_there_is() -> None:
    rows = [
        line for line in Path("docs/reference/order-semantics.md").read_text().splitlines() if line.startswith("| ")
    ]
    for row in rows[1:]:
        path, _, name = row.rstrip(" |").rpartition("`tests/")[2].rstrip("`").partition("::")
        source = (Path("tests") / path).read_text()
        assert re.search(rf"^def {re.escape(name)}\(", source, re.MULTILINE), row
