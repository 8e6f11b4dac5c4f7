"""Attested groups: who may attest what, what that does to caps, and the duties that related parties may not have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.events import GroupAttested
from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.commands import AttestGroup, ListProvider
from counterfoil.issuance.events import ProviderListed, VoucherIssued
from tests.given import Scenario
from tests.issuance.world import BUDGET, OPEN, PROGRAMME, issue, market, register
from tests.programmes import changed

pytestmark = pytest.mark.usefixtures("any_paper")

CAP = 500
LIST = ListProvider(programme_id="p1", provider_id="gpu-1")


def attest(party_id: str, group_id: str, since: int | None = None) -> AttestGroup:
    """A fact about a party's group."""
    return AttestGroup(party_id=party_id, group_id=group_id, since=since, source="register, sheet 7")


def opened() -> Scenario:
    """The market while programme p1 is open; lab-1 and lab-2 are related, all others have no relations."""
    scenario = market()
    scenario.time = OPEN
    return scenario


def joined(party_id: str, group_id: str, since: int | None = None) -> Scenario:
    """The market after the operator attested one fact."""
    return opened().when(attest(party_id, group_id, since), actor="op").then_types(GroupAttested)


def group(scenario: Scenario, party_id: str) -> str:
    return str(scenario.state.directory.parties[party_id].group_id)


# who may attest what ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "actor", "body", "code"),
    [
        (opened, "gpu-1", attest("lab-3", "labs"), Code.ROLE_NOT_ALLOWED),
        (opened, "city-1", attest("lab-1", "lab-1"), Code.ROLE_NOT_ALLOWED),  # ends a relation
        (opened, "city-1", attest("lab-1", "lab-1", OPEN - DAY), Code.ROLE_NOT_ALLOWED),
        (lambda: joined("lab-3", "x", OPEN - 1), "city-1", attest("lab-3", "y", OPEN - 2), Code.ROLE_NOT_ALLOWED),
        (opened, "op", attest("nobody", "labs"), Code.UNKNOWN_PARTY),
        (opened, "op", attest("lab-1", "labs"), Code.ALREADY_EXISTS),
        (lambda: joined("lab-3", "x", OPEN - DAY), "op", attest("lab-3", "x"), Code.ALREADY_EXISTS),
        (opened, "op", attest("lab-3", "labs", OPEN + DAY), Code.PERIOD_NOT_VALID),
        (opened, "op", attest("op", "labs"), Code.DUTIES_NOT_SEPARATE),
        (opened, "city-1", attest("city-1", "labs"), Code.DUTIES_NOT_SEPARATE),
        (lambda: joined("gpu-1", "op"), "op", attest("gpu-1", "gpu-1"), Code.DUTIES_NOT_SEPARATE),
    ],
)  # fmt: skip
def test_refused(story: Any, actor: str, body: Body, code: Code) -> None:
    story().when(body, actor=actor).refused(code)


def test_an_issuer_attests_that_a_party_without_relations_joins_a_group() -> None:
    scenario = opened().when(attest("gpu-1", "labs"), actor="city-1")
    scenario.then(GroupAttested(
        party_id="gpu-1", group_id="labs", since=OPEN + 1, source="register, sheet 7", attested_by="city-1",
        group_after="labs",
    ))  # fmt: skip
    assert sorted(scenario.state.directory.related_to("lab-1")) == ["gpu-1", "lab-1", "lab-2"]
    scenario.when(attest("gpu-1", "gpu-1"), actor="city-1").refused(Code.ROLE_NOT_ALLOWED)  # not even its own word
    scenario.when(attest("gpu-1", "gpu-1"), actor="op").then_types(GroupAttested)
    assert sorted(scenario.state.directory.related_to("lab-1")) == ["lab-1", "lab-2"]


def test_the_group_as_of_a_date_is_what_begins_last_before_it_and_the_last_word_on_it() -> None:
    scenario = joined("lab-3", "june", OPEN - 10 * DAY)
    scenario.when(attest("lab-3", "march", OPEN - 90 * DAY), actor="op").then_types(GroupAttested)
    assert group(scenario, "lab-3") == "june", "what is stated late leaves the present as it is"
    scenario.when(attest("lab-3", "corrected", OPEN - 10 * DAY), actor="op").then_types(GroupAttested)
    assert group(scenario, "lab-3") == "corrected"
    at = scenario.state.directory.group_of
    days = (100, 90, 11, 10, 0)
    assert [at("lab-3", OPEN - day * DAY) for day in days] == ["lab-3", "march", "march", "corrected", "corrected"]
    assert at("lab-1", 0) == "labs"


def test_facts_of_one_party_by_one_other_are_bounded_and_so_are_groups() -> None:
    most = RULES[LATEST].max_attestations
    scenario = opened()
    for nth in range(most):
        scenario.when(attest("lab-3", f"g{nth}"), actor="op").then_types(GroupAttested)
    scenario.when(attest("lab-3", "labs"), actor="op").refused(Code.OVER_LIMIT)
    scenario.when(attest("gpu-1", "labs"), actor="op").then_types(GroupAttested)
    scenario.state.rules = replace(RULES[LATEST], max_parties_per_group=3)
    scenario.when(attest("gpu-2", "labs"), actor="op").refused(Code.OVER_LIMIT)
    scenario.when(register("lab-9", 99, "beneficiary", group="labs"), actor="op").refused(Code.OVER_LIMIT)
    scenario.when(attest("gpu-1", "gpu-1"), actor="op").then_types(GroupAttested)
    scenario.when(attest("gpu-2", "labs"), actor="op").then_types(GroupAttested)


# caps ---------------------------------------------------------------------------------------------------------------


def issued(scenario: Scenario, beneficiary: str, amount: int, counted: int) -> None:
    """The voucher is issued, and so much counts for its beneficiary's group after it; a unit above the cap is not."""
    scenario.when(issue(beneficiary, amount), actor="city-1").then_types(VoucherIssued)
    event: Any = scenario.last
    assert event[0].group_issued_after == counted
    scenario.when(issue(beneficiary, CAP - counted + 1), actor="city-1").refused(Code.CAP_EXCEEDED)


def test_who_joins_a_group_brings_what_it_was_issued_and_who_leaves_takes_nothing_off_it() -> None:
    scenario = opened()
    issued(scenario, "lab-1", 300, 300)
    issued(scenario, "lab-3", 100, 100)
    scenario.when(attest("lab-3", "labs"), actor="op")
    issued(scenario, "lab-2", 50, 450)
    scenario.when(attest("lab-1", "shell"), actor="op")  # leaves with its own 300, and they count on for the labs
    issued(scenario, "lab-2", 50, 500)
    issued(scenario, "lab-1", 150, 450)
    scenario.when(attest("lab-1", "labs"), actor="op")  # comes back: 300 + 50 + 50 + 100 + 150
    scenario.when(issue("lab-1", 1), actor="city-1").refused(Code.CAP_EXCEEDED)
    refusal = scenario.last
    assert isinstance(refusal, Refusal)
    assert dict(refusal.detail)["issued"] == "650"
    issued_to = scenario.state.issued_to
    assert {name: sum(by_group.values()) for (_, name), by_group in issued_to.items()} == {
        "lab-1": 450, "lab-2": 100, "lab-3": 100,
    }  # fmt: skip


def test_going_from_group_to_group_frees_no_cap() -> None:
    scenario = opened()
    scenario.when(issue("lab-3", CAP), actor="city-1").then_types(VoucherIssued)
    for group_id in ("fresh", "fresher", "lab-3"):
        scenario.when(attest("lab-3", group_id), actor="op").then_types(GroupAttested)
        scenario.when(issue("lab-3", 1), actor="city-1").refused(Code.CAP_EXCEEDED)


# duties -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "then", "actor", "duties"),
    [
        (attest("gpu-1", "city-1"), LIST, "city-1", "issuer and provider"),
        (attest("lab-3", "city-1"), issue("lab-3", 1), "city-1", "issuer and beneficiary"),
        (attest("gpu-1", "labs"), issue("lab-1", 1), "city-1", ""),  # not listed: no duty in the programme
        (attest("gpu-1", "lab-3"), LIST, "city-1", ""),
    ],
)
def test_a_party_related_to_the_issuer_has_no_duty_in_its_programme(
    first: Body, then: Body, actor: str, duties: str
) -> None:
    scenario = opened().when(first, actor="op").then_types(GroupAttested).when(then, actor=actor)
    if not duties:
        assert not isinstance(scenario.last, Refusal)
        return
    scenario.refused(Code.DUTIES_NOT_SEPARATE)
    detail: Any = scenario.last
    assert dict(detail.detail)["duties"] == duties
    scenario.state.rules = RULES[3]
    scenario.when(then, actor=actor)
    assert not isinstance(scenario.last, Refusal), "earlier rules ask for roles only"


def test_a_provider_and_a_beneficiary_of_one_programme_are_not_related() -> None:
    scenario = opened().when(issue("lab-1", 10), actor="city-1").then_types(VoucherIssued)
    scenario.when(attest("gpu-1", "labs"), actor="city-1").then_types(GroupAttested)
    scenario.when(LIST, actor="city-1").refused(Code.DUTIES_NOT_SEPARATE)
    scenario.when(replace(LIST, provider_id="gpu-2"), actor="city-1").then_types(ProviderListed)
    scenario.when(attest("gpu-2", "lab-3"), actor="city-1").then_types(
        GroupAttested
    )  # a fact, and it bars what follows
    scenario.when(issue("lab-3", 10), actor="city-1").refused(Code.DUTIES_NOT_SEPARATE)
    scenario.when(attest("gpu-2", "gpu-2"), actor="op").then_types(GroupAttested)
    scenario.when(issue("lab-3", 10), actor="city-1").then_types(VoucherIssued)


def test_one_party_with_all_roles_lists_nothing_and_issues_nothing_to_itself() -> None:
    scenario = opened()
    everything = register("all", 70, "issuer", "provider", "beneficiary", "treasurer")
    shell = register("shell", 71, "provider", "beneficiary", group="all")
    scenario.when(everything, actor="op").when(shell, actor="op")
    scenario.when(changed(PROGRAMME, programme_id="own"), actor="all")
    scenario.when(replace(BUDGET, programme_id="own"), actor="all")
    for party_id in ("all", "shell"):
        listing = ListProvider(programme_id="own", provider_id=party_id)
        scenario.when(listing, actor="all").refused(Code.DUTIES_NOT_SEPARATE)
        scenario.when(replace(issue(party_id, 1), programme_id="own"), actor="all").refused(Code.DUTIES_NOT_SEPARATE)
