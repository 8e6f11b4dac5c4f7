"""Who is appointed to audit: by whom, how many, and related to nobody whose acts they audit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.events import ProgrammePublishedV1
from counterfoil.contract.refusals import Code
from counterfoil.core import rules as every
from counterfoil.core.rules import LATEST
from counterfoil.issuance import auditors
from counterfoil.issuance.commands import AppointAuditor, DismissAuditor, ListProvider
from counterfoil.issuance.events import AuditorAppointed, AuditorDismissed, ProviderListed
from tests.given import Scenario, codes_in
from tests.issuance.world import OPEN, PROGRAMME, issue, market, register
from tests.programmes import changed
from tests.rules import changed_rules

pytestmark = pytest.mark.usefixtures("any_paper")

APPOINT = AppointAuditor(auditor_id="eye", programme_id="p1")
DISMISS = DismissAuditor(auditor_id="eye", programme_id="p1", reason="end of contract")


def watched(group: str = "eye") -> Scenario:
    """The market with an auditor of a group, and a treasurer of the group `bank`."""
    scenario = market()
    scenario.state.rules = every.RULES[LATEST]
    scenario.when(register("eye", 90, "auditor", group=group), "op")
    return scenario.when(register("bank", 91, "treasurer"), "op")


@pytest.mark.parametrize("programme_id", ["p1", None])
def test_an_appointment_begins_and_ends(programme_id: str | None) -> None:
    actor, scenario = "op" if programme_id is None else "city-1", watched()
    appoint, dismiss = replace(APPOINT, programme_id=programme_id), replace(DISMISS, programme_id=programme_id)
    scenario.when(dismiss, actor).refused(Code.AUDITOR_NOT_APPOINTED)
    scenario.when(appoint, actor).then(AuditorAppointed(auditor_id="eye", programme_id=programme_id))
    scenario.when(appoint, actor).refused(Code.AUDITOR_ALREADY_APPOINTED)
    scenario.when(dismiss, actor).then(
        AuditorDismissed(auditor_id="eye", programme_id=programme_id, reason="end of contract")
    )
    scenario.when(appoint, actor).then_types(AuditorAppointed)


@pytest.mark.parametrize(
    ("actor", "changes", "code"),
    [
        ("op", {}, Code.ROLE_NOT_ALLOWED),  # a programme is its issuer's
        ("city-1", {"programme_id": None}, Code.ROLE_NOT_ALLOWED),  # and all of them the operator's
        ("lab-1", {}, Code.ROLE_NOT_ALLOWED),
        ("city-2", {}, Code.NOT_YOURS),
        ("city-1", {"programme_id": "p9"}, Code.UNKNOWN_PROGRAMME),
        ("city-1", {"auditor_id": "nobody"}, Code.UNKNOWN_PARTY),
        ("city-1", {"auditor_id": "gpu-1"}, Code.PARTY_NOT_AN_AUDITOR),
    ],
)
def test_who_appoints_whom(actor: str, changes: dict[str, Any], code: Code) -> None:
    watched().when(replace(APPOINT, **changes), actor).refused(code)


@pytest.mark.parametrize(
    ("group", "of_programme", "of_all"),
    [
        ("city-1", False, False),  # the issuer
        ("op", False, False),
        ("bank", False, False),
        ("gpu-1", True, False),  # might become a provider
        ("lab-3", True, False),
        ("eye", True, True),
    ],
)
def test_to_whom_an_auditor_may_be_related(group: str, of_programme: bool, of_all: bool) -> None:
    scenario = watched(group)
    for actor, programme_id, fits in (("city-1", "p1", of_programme), ("op", None, of_all)):
        scenario.when(replace(APPOINT, programme_id=programme_id), actor)
        if fits:
            scenario.then_types(AuditorAppointed)
        else:
            scenario.refused(Code.DUTIES_NOT_SEPARATE)


def test_whoever_is_audited_becomes_neither_provider_nor_beneficiary_nor_issuer_beside_it() -> None:
    scenario = watched("both").when(register("gpu-9", 92, "provider", "beneficiary", "issuer", group="new"), "op")
    provider = ListProvider(programme_id="p1", provider_id="gpu-9")
    scenario.when(APPOINT, "city-1").then_types(AuditorAppointed)
    scenario.when(replace(APPOINT, programme_id=None), "op").then_types(AuditorAppointed)
    scenario.when(changed(PROGRAMME, programme_id="p8"), "gpu-9", at=OPEN).then_types(ProgrammePublishedV1)
    scenario.when(register("gpu-8", 93, "provider", "beneficiary", "issuer", group="both"), "op")
    for actor, body in (
        ("city-1", replace(provider, provider_id="gpu-8")),
        ("city-1", issue("gpu-8", 1)),
        ("gpu-8", changed(PROGRAMME, programme_id="p7")),
    ):
        scenario.when(body, actor).refused(Code.DUTIES_NOT_SEPARATE)
    scenario.when(provider, "city-1").then_types(ProviderListed)


def test_so_many_are_appointed_for_one_programme_and_for_all() -> None:
    with changed_rules(max_auditors=2):
        scenario = watched()
        for number, name in enumerate(("second", "third")):
            scenario.when(register(name, 94 + number, "auditor"), "op")
        for actor, programme_id in (("city-1", "p1"), ("op", None)):
            for name, fits in (("eye", True), ("second", True), ("third", False)):
                scenario.when(AppointAuditor(auditor_id=name, programme_id=programme_id), actor)
                if fits:
                    scenario.then_types(AuditorAppointed)
                else:
                    scenario.refused(Code.OVER_LIMIT)


def test_every_code_is_met() -> None:
    assert codes_in(auditors) == {
        Code.ROLE_NOT_ALLOWED,
        Code.UNKNOWN_PARTY,
        Code.AUDITOR_ALREADY_APPOINTED,
        Code.AUDITOR_NOT_APPOINTED,
        Code.OVER_LIMIT,
        Code.PARTY_NOT_AN_AUDITOR,
    }
