"""What `docs/who-may-read-what.md` says: the specification that the views are compared with."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.readers.own import WHOSE, Row, Rows, is_public

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


CELLS: Final = cells()


def read_by(
    view: str, kind: str, party_id: str | None, programmes: set[str], rows: Rows, currency: str = "CNY"
) -> list[Row]:
    """The rows that the table says a reader of this kind reads, of a market with one currency."""
    chosen: dict[str, Callable[[Row], bool]] = {
        "all": lambda _row: True,
        "none": lambda _row: False,
        "public": lambda row: is_public(row, rows),
        "own": lambda row: WHOSE[view](row, rows).includes(party_id, programmes),
        "own or public": lambda row: chosen["own"](row) or chosen["public"](row),
        "currency": lambda row: row["asset"] == currency,
        "payments": lambda row: row["act"] == "payment",
    }
    return [row for row in rows.rows[view] if chosen[CELLS[view, kind]](row)]
