"""What `docs/who-may-read-what.md` says: the specification that the views are compared with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "who-may-read-what.md"
KINDS: Final = ("anybody", "beneficiary", "provider", "issuer", "treasurer")
"""Of readers, as the columns of the table."""


def cells() -> dict[tuple[str, str], str]:
    """By view and kind of reader, what is read."""
    heads = " | ".join(("view", *KINDS, "own"))
    pattern = rf"^\| {re.escape(heads)} \|\n\|[-|]+\|\n((?:\|.*\n)+)"
    (table,) = re.findall(pattern, DOCUMENT.read_text("utf-8"), re.MULTILINE)
    found: dict[tuple[str, str], str] = {}
    for line in table.splitlines():
        view, *answers = [each.strip() for each in line.strip("|").split("|")][: len(KINDS) + 1]
        for kind, answer in zip(KINDS, answers, strict=True):
            assert (view, kind) not in found, f"{view} twice"
            found[view.strip("`"), kind] = answer
    return found
