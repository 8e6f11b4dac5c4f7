"""The rows of a report, as tests compare them."""

from __future__ import annotations

from typing import Any

from counterfoil.reports.catalogue import REPORTS
from counterfoil.reports.folding import Folded
from counterfoil.reports.report import made


def rows(folded: Folded, report: str, programme_id: str = "p1") -> list[dict[str, Any]]:
    """The rows of a report, with amounts as numbers."""
    found = made(folded, REPORTS[report], programme_id, "test")
    amounts = [each["name"] for each in found["columns"] if each["type"] == "amount"]
    return [{**row, **{name: int(row[name]) for name in amounts if row[name] is not None}} for row in found["rows"]]
