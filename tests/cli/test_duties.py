"""What `party show` says that a party may not do follows from its duties, those of related parties, and its roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from counterfoil.cli.duties import Barred, barred, duties_of
from counterfoil.core.duties import Duty

ROWS: Mapping[str, list[dict[str, Any]]] = {
    "parties": [
        {"party_id": "lab", "group_id": "labs", "roles": ["beneficiary", "provider"]},
        {"party_id": "cloud", "group_id": "labs", "roles": ["provider"]},
        {"party_id": "other", "group_id": "other", "roles": ["provider"]},
    ],
    "programmes": [{"programme_id": "own", "issuer_id": "cloud"}],
    "listings": [{"programme_id": "p1", "provider_id": "cloud"}, {"programme_id": "p2", "provider_id": "other"}],
    "vouchers": [{"programme_id": "p2", "beneficiary_id": "lab"}] * 2,
}


class Views:
    """A gateway with the rows above."""

    def rows(self, view: str, where: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        return (row for row in ROWS[view] if where.items() <= row.items())


def test_it() -> None:
    lab = ROWS["parties"][0]
    duties = duties_of(Views(), lab)  # type: ignore[arg-type]
    assert duties == [("own", "issuer", "cloud"), ("p1", "provider", "cloud"), ("p2", "beneficiary", "lab")]
    assert barred(lab, duties) == [
        Barred("own", Duty.BENEFICIARY, "cloud is issuer"),
        Barred("own", Duty.PROVIDER, "cloud is issuer"),
        Barred("p1", Duty.BENEFICIARY, "cloud is provider"),
        Barred("p2", Duty.PROVIDER, "lab is beneficiary"),
    ]
    assert barred({"roles": ["auditor"]}, duties) == []
