"""What `party show` says that a party may do, and may not, follows from roles, duties and those of related parties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from counterfoil.cli.duties import Barred, barred, commands_of, duties_of
from counterfoil.core.duties import Duty
from tests.authority.table import given_while_stopped, rows

PAUSED = {"paused_at": "2026-01-05T00:00:00.000000Z", "paused_because": "inquiry"}
LISTED = {"status": "listed", "status_reason": None}
STOPPED = {"status": "suspended", "status_reason": "idle meters"}
ROWS: Mapping[str, list[dict[str, Any]]] = {
    "programmes": [{"programme_id": "own", "issuer_id": "cloud", **PAUSED}],
    "listings": [
        {"programme_id": "p1", "provider_id": "cloud", **STOPPED},
        {"programme_id": "p2", "provider_id": "other", **LISTED},
        {"programme_id": "p3", "provider_id": "cloud", "status": "delisted", "status_reason": "left"},
    ],
    "vouchers": [{"programme_id": "p2", "beneficiary_id": "lab", "status": "active"}] * 2,
    "auditors": [
        {"programme_id": "p4", "auditor_id": "cloud", "ended_at": "2026-01-05T00:00:00.000000Z"},
        {"programme_id": "", "auditor_id": "lab", "ended_at": None},
    ],
}


class Views:
    """A gateway with the rows above."""

    def rows(self, view: str, where: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        return (row for row in ROWS[view] if where.items() <= row.items())


def test_what_it_may_not_be() -> None:
    duties = duties_of(Views(), ["lab", "cloud"])  # type: ignore[arg-type]
    assert duties == [
        ("all", "auditor", "lab", None),
        ("own", "issuer", "cloud", "paused: inquiry"),
        ("p1", "provider", "cloud", "suspended: idle meters"),
        ("p2", "beneficiary", "lab", None),
    ]
    assert barred({"party_id": "lab", "roles": ["beneficiary", "provider", "treasurer"]}, ["cloud"], duties) == [
        Barred("all", Duty.BENEFICIARY, "lab is auditor"),
        Barred("all", Duty.PROVIDER, "lab is auditor"),
        Barred("own", Duty.BENEFICIARY, "cloud is issuer"),
        Barred("own", Duty.PROVIDER, "cloud is issuer"),
        Barred("p1", Duty.BENEFICIARY, "cloud is provider"),
        Barred("p2", Duty.PROVIDER, "lab is beneficiary"),
        Barred("any", Duty.TREASURER, "lab or cloud would be payee"),
        Barred("any", Duty.TREASURER, "lab or cloud would be owner of the cash"),
    ]
    assert barred({"party_id": "lab", "roles": ["auditor"]}, ["cloud"], duties) == [
        Barred("own", Duty.AUDITOR, "cloud is issuer"),
        Barred("p1", Duty.AUDITOR, "cloud is provider"),
        Barred("p2", Duty.AUDITOR, "lab is beneficiary"),
    ]


@pytest.mark.parametrize("role", ["operator", "issuer", "provider", "beneficiary", "treasurer", "auditor"])
def test_what_it_may_do(role: str) -> None:
    """As the table for auditors says."""
    may = commands_of({"roles": [role], "closed_at": None, "suspended_at": None})
    said = {row.command for row in rows() if role in row.roles and "yes" in row}
    assert {*may["any"], *may[role]} == said
    stopped = commands_of({"roles": [role], "closed_at": None, "suspended_at": "2026-01-05T00:00:00.000000Z"})
    assert {*stopped["any"], *stopped[role]} == said & given_while_stopped()
