"""`counterfoil aid total`: what counts on a day, of a group and of what its members bring, and what is left."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from counterfoil.cli.aid import total
from counterfoil.cli.command import Invalid
from counterfoil.contract.times import parse_date

EURO = 1_000_000


def row(grant_id: str, subject: str, party_id: str, euros: int, **changes: Any) -> dict[str, Any]:
    """A row of the view, granted on 2026-03-01."""
    return {
        "grant_id": grant_id, "regime": "DE_MINIMIS", "subject": subject, "party_id": party_id, "programme_id": "p1",
        "currency": "EUR", "granted_on": "2026-03-01", "counts_until": "2029-03-01", "amount": f"{euros * EURO}",
        "freed": "0", "covered": "0", "ceiling": f"{300_000 * EURO}", "recorded_at": "2026-03-01T00:00:00.000000Z",
        "withdrawn_at": None, "grantor": None,
    } | changes  # fmt: skip


ROWS = [
    row("vch-1", "labs", "lab-1", 100_000),
    row("vch-2", "labs", "lab-2", 50_000, freed=f"{20_000 * EURO}", granted_on="2026-06-01", counts_until="2029-06-01"),
    row("vch-3", "lab-3", "lab-3", 7_000),  # of a member, from before it belonged to the group
    row("aid-1", "labs", "lab-1", 90_000, withdrawn_at="2026-04-01T00:00:00.000000Z", ceiling=None),
    row("aid-3", "labs", "lab-1", 500, granted_on="2024-02-01", counts_until="2027-02-01", covered=f"{500 * EURO}"),
    row("aid-2", "labs", "lab-1", 1_000, granted_on="2024-03-01", counts_until="2027-03-01", ceiling=None),
]


LAWS = [
    {"regime": "DE_MINIMIS", "version": version, "ceiling": f"{euros * EURO}", "in_force_on": since, "unit": "GROUP"}
    for version, euros, since in ((1, 300_000, "2024-01-01"), (2, 500_000, "2027-03-01"))
]


class Gateway:
    """The views that the command reads."""

    def rows(self, view: str, where: dict[str, str]) -> list[dict[str, Any]]:
        """The rows with these values."""
        members = [{"party_id": name, "group_id": "labs"} for name in ("lab-1", "lab-3")]
        there = {"aid": ROWS, "regimes": LAWS}.get(view, members)
        return [each for each in there if all(each.get(name) == value for name, value in where.items())]


@pytest.mark.parametrize(
    ("day", "counted", "grants"),
    [
        ("2026-02-28", 1_000, ["aid-3", "aid-2"]),
        ("2026-03-01", 138_000, ["aid-3", "aid-2", "vch-1", "vch-3", "vch-2"]),
        ("2027-03-01", 137_000, ["vch-1", "vch-3", "vch-2"]),
        ("2029-02-28", 137_000, ["vch-1", "vch-3", "vch-2"]),
        ("2029-03-01", 30_000, ["vch-2"]),
        ("2029-06-01", 0, []),
    ],
)
def test_what_counts_on_a_day(day: str, counted: int, grants: list[str]) -> None:
    shown: list[Any] = []
    session: Any = SimpleNamespace(gateway=Gateway(), out=SimpleNamespace(show=lambda *parts: shown.extend(parts)))
    total(session, "DE_MINIMIS", "labs", parse_date(day))
    whole, _, table = shown
    ceiling = 300_000 if day < "2027-03-01" else 500_000
    assert (whole["counted"], whole["left"]) == (f"{counted * EURO}", f"{(ceiling - counted) * EURO}")
    assert [each["grant_id"] for each in table.rows] == grants


def test_of_whom_nothing_is_readable_nothing_is_said() -> None:
    session: Any = SimpleNamespace(gateway=Gateway(), out=None)
    with pytest.raises(Invalid, match="nothing that you may read"):
        total(session, "OTHER", "labs", parse_date("2026-03-01"))
