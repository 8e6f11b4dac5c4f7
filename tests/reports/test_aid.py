"""R8: what one undertaking got adds up, also from elsewhere, as long as it counts."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.contract.events import PartyRegistered
from counterfoil.contract.times import DAY
from counterfoil.issuance.aid_events import AidAttested, AidCounted, AidFreed, AidWithdrawn
from tests.documents import document, published
from tests.reports.planted import BEGIN, USD, Planted, event
from tests.reports.rows import rows

TODAY = BEGIN // DAY
COUNTED = {"regime": "DE_MINIMIS", "subject": "one", "ceiling": 300 * USD, "counts_until": TODAY + 1_000}


def test_what_an_undertaking_got_adds_up_while_it_counts() -> None:
    logs = Planted()
    logs.add("issuance", 0, *published(document()))
    for name in ("lab-1", "lab-2"):
        logs.add("issuance", 0, event(PartyRegistered, party_id=name, group_id="one"))
    counted: tuple[tuple[str, dict[str, Any]], ...] = (
        ("old", {"amount": 90 * USD, "counts_until": TODAY + 10}),
        ("here", {"amount": 100 * USD}),
        ("there", {"amount": 50 * USD, "programme_id": "p2", "party_id": "lab-2"}),
        ("others", {"amount": 70 * USD, "subject": "two"}),
    )
    for name, known in counted:
        given = {"grant_id": name, "programme_id": "p1", "party_id": "lab-1", "granted_on": TODAY, **COUNTED, **known}
        logs.add("issuance", 1, event(AidCounted, **given))
    outside = {name: value for name, value in COUNTED.items() if name != "ceiling"}
    for name in ("stays", "mistake"):
        logs.add("issuance", 2, event(AidAttested, **outside, aid_id=name, party_id="lab-2", amount=20 * USD))
    logs.add("issuance", 3, event(AidWithdrawn, aid_id="mistake", regime="DE_MINIMIS", party_id="lab-2"))
    freed = {"grant_id": "here", "regime": "DE_MINIMIS", "programme_id": "p1", "party_id": "lab-1"}
    logs.add("issuance", 10, event(AidFreed, **freed, amount=40 * USD))
    found = [row for row in rows(logs.folded, "R8") if row["undertaking"] == "one"]
    assert {row["grant_id"]: int(row["counts"]) // USD for row in found} == {
        "old": 0, "here": 60, "there": 50, "stays": 20, "mistake": 0, "others": 70,
    }  # fmt: skip
    assert {(row["total"], row["headroom"]) for row in found} == {(200 * USD, 100 * USD)}
    assert {tuple(row["members"]) for row in found} == {("lab-1", "lab-2")}
    assert all(row["entries"] for row in found)
    assert [row["total"] for row in rows(logs.folded, "R8") if row["undertaking"] == "two"] == [70 * USD]
    assert rows(logs.folded, "R8", "p3") == []


@pytest.mark.parametrize(
    ("unit", "undertakings"), [("GROUP", {"one": 300, "two": 100}), ("BENEFICIARY", {"one": 200, "two": 100})]
)
def test_a_group_has_what_its_members_brought_and_a_party_only_its_own(unit: str, undertakings: dict[str, int]) -> None:
    """`two` was granted something before it came to group `one`, which is also the name of a party."""
    logs = Planted()
    regime = {"regime": "DE_MINIMIS", "ceiling": "300", "months": 36, "unit": unit}
    logs.add("issuance", 0, *published(document(benefit__regimes=[regime])))
    for name in ("one", "two"):
        logs.add("issuance", 0, event(PartyRegistered, party_id=name, group_id="one"))
    for number, name in ((2, "one"), (1, "two")):
        given = {**COUNTED, "grant_id": name, "party_id": name, "subject": name, "amount": number * 100 * USD}
        logs.add("issuance", 1, event(AidCounted, **given, programme_id="p1", granted_on=TODAY))
    found = rows(logs.folded, "R8")
    assert {row["undertaking"]: row["total"] // USD for row in found} == undertakings
    members = {"one": ["one", "two"], "two": []} if unit == "GROUP" else {"one": ["one"], "two": ["two"]}
    assert {row["undertaking"]: row["members"] for row in found} == members
