"""Arm's length: shares of votes and other control, by chains, over what a document says; and groups that follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.events import GroupAttested
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.control_commands import AttestControl
from counterfoil.issuance.control_events import ControlAttested
from counterfoil.issuance.events import ApplicationDecided, VoucherIssued
from tests.documents import document, publishing
from tests.given import Scenario
from tests.issuance.test_applications import city, decide, submit, why

TESTS = {"tests": ["MAJORITY_OF_VOTES", "AGREEMENT"], "threshold": "25%", "ownership_source": "register"}


def own(told: Scenario, owner: str, party: str, bps: int = 2_501, actor: str = "city-2", **changes: Any) -> Scenario:
    made = AttestControl(
        owner_id=owner, party_id=party, kind="MAJORITY_OF_VOTES", share_bps=bps, on=1, source="register"
    )
    return told.when(replace(made, **changes), actor)


def asked(terms: dict[str, Any] | None = TESTS) -> tuple[Scenario, str]:
    """lab-1 asks for what it buys of gpu-1."""
    changes: dict[str, Any] = {} if terms is None else {"contract__arms_length": terms}
    told = city(**changes)
    return told, submit(told)


def related(told: Scenario, application_id: str) -> bool:
    decide(told, application_id)
    if isinstance(told.last, list | tuple):
        told.then_types(ApplicationDecided, VoucherIssued)
        return False
    return why(told) == "related_parties"


@pytest.mark.parametrize(
    ("links", "is_related"),
    [
        ([("lab-1", "gpu-1", 2_501)], True),
        ([("gpu-1", "lab-1", 2_501)], True),
        ([("lab-1", "gpu-1", 2_500)], False),  # more than the share, not as much
        ([("holding", "lab-1", 6_000), ("holding", "gpu-1", 2_501)], True),
        ([("holding", "lab-1", 6_000), ("holding", "gpu-1", 2_500)], False),
        ([("lab-2", "middle", 9_000), ("middle", "bottom", 9_000), ("bottom", "gpu-1", 9_000)], True),  # of its group
        ([("holding", "lab-1", 6_000), ("holding", "gpu-1", 6_000), ("holding", "gpu-1", 0)], False),
    ],
)
def test_a_chain_of_shares_above_that_of_the_document_is_a_relation(
    links: list[tuple[str, str, int]], is_related: bool
) -> None:
    told, app = asked()
    for owner, party, bps in links:
        if {owner, party} & told.state.directory.parties.keys():
            own(told, owner, party, bps).then_types(ControlAttested)
        else:
            own(told, owner, party, bps).refused(Code.UNKNOWN_PARTY)  # no party of the market is in it
            own(told, owner, "city-1", bps).then_types(ControlAttested)
            own(told, "city-1", party, bps).then_types(ControlAttested)
    assert related(told, app) is is_related


def test_other_ways_of_control_count_where_the_document_names_them() -> None:
    told, app = asked({**TESTS, "tests": ["MAJORITY_OF_VOTES"]})
    own(told, "lab-1", "gpu-1", 10_000, kind="AGREEMENT").then_types(ControlAttested)
    assert not related(told, app)
    told, app = asked()
    own(told, "lab-1", "gpu-1", 5_000, kind="AGREEMENT").refused(Code.RATE_NOT_A_SHARE)
    own(told, "lab-1", "gpu-1", 10_000, kind="AGREEMENT").then_types(ControlAttested)
    assert related(told, app)
    told, app = asked(None)
    own(told, "lab-1", "gpu-1", 10_000).then_types(ControlAttested)
    assert not related(told, app)  # the document asks for no arm's length


def test_an_operators_word_makes_one_group_of_whom_it_says_that_one_controls_the_other() -> None:
    """So they trade with each other no more, share caps and ceilings, and hold no duties that are kept apart."""
    told, _ = asked()
    own(told, "gpu-1", "lab-1", 5_000, actor="op").then_types(ControlAttested)
    own(told, "gpu-1", "lab-1", 5_001, actor="op").then_types(ControlAttested, GroupAttested, GroupAttested)
    assert {told.state.directory.group_now(each) for each in ("lab-1", "lab-2", "gpu-1")} == {"gpu-1"}
    own(told, "holding", "lab-1", 9_000, actor="op").then_types(ControlAttested)
    told.state.rules = replace(RULES[LATEST], max_parties_per_group=3)
    own(told, "gpu-1", "county", 9_000, actor="op").refused(Code.OVER_LIMIT)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"owner_id": "lab-1", "party_id": "lab-1"}, Code.DUPLICATE_ITEM),
        ({"owner_id": "a", "party_id": "b"}, Code.UNKNOWN_PARTY),
        ({"share_bps": 0}, Code.ALREADY_EXISTS),
        ({"on": 10**6}, Code.DATE_IN_FUTURE),
        ({"actor": "city-1", "owner_id": "city-1"}, Code.DUTIES_NOT_SEPARATE),
        ({"actor": "city-1", "party_id": "county", "owner_id": "x"}, Code.DUTIES_NOT_SEPARATE),
    ],
)
def test_what_is_refused(changes: dict[str, Any], code: Code) -> None:
    told, _ = asked()
    own(told, "holding", "lab-1", **changes).refused(code)


def test_so_much_is_known_of_one_undertaking() -> None:
    told, most = asked()[0], RULES[LATEST].max_controls
    for number in range(most):
        own(told, f"owner-{number}", "lab-1").then_types(ControlAttested)
    own(told, "owner-more", "lab-1").refused(Code.OVER_LIMIT)
    own(told, "owner-0", "lab-1", 9_000).then_types(ControlAttested)
    own(told, "owner-0", "lab-1", 0, on=told.time // DAY).then_types(ControlAttested)
    own(told, "owner-more", "lab-1").then_types(ControlAttested)


def test_a_next_version_of_the_document_judges_by_its_own_share() -> None:
    told, app = asked()
    own(told, "lab-1", "gpu-1", 4_000).then_types(ControlAttested)
    assert related(told, app)
    decide(told, app, "rejected").then_types(ApplicationDecided)
    value = document(providers={"mode": "OPEN"}, contract__arms_length={**TESTS, "threshold": "50%"}, version=2)
    for body in publishing(value):
        told.when(body, actor="city-1")
    assert not related(told, submit(told))
