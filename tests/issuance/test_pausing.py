"""Parties, providers and programmes that are stopped and go on: who may do it, and what is refused meanwhile."""

from __future__ import annotations

import pytest

from counterfoil.contract.events import PartyReinstated, PartySuspended
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.issuance import pausing
from counterfoil.issuance.commands import (
    AddKey,
    DelistProvider,
    ListProvider,
    PauseProgramme,
    ReinstateParty,
    ReinstateProvider,
    ResumeProgramme,
    RevokeKey,
    SuspendParty,
    SuspendProvider,
)
from counterfoil.issuance.events import (
    ProgrammePaused,
    ProgrammeResumed,
    ProviderDelisted,
    ProviderListed,
    ProviderReinstated,
    ProviderSuspended,
    VoucherIssued,
)
from counterfoil.issuance.run_off_events import CreditPaused, CreditResumed
from tests.given import Scenario, codes_in
from tests.issuance.world import OPEN, issue, market
from tests.possession import proven

pytestmark = pytest.mark.usefixtures("any_paper")

LIST = ListProvider(programme_id="p1", provider_id="gpu-1")
LISTED: Body = LIST
DELIST = DelistProvider(programme_id="p1", provider_id="gpu-1", reason="forged readings")
SUSPEND = SuspendProvider(programme_id="p1", provider_id="gpu-1", reason="meters")
REINSTATE = ReinstateProvider(programme_id="p1", provider_id="gpu-1", reason="checked")
PAUSE, RESUME = PauseProgramme(programme_id="p1", reason="review"), ResumeProgramme(programme_id="p1", reason="done")
STOP, GO = SuspendParty(party_id="gpu-1", reason="fraud"), ReinstateParty(party_id="gpu-1", reason="inquiry is over")
STOPS: list[Body] = [DELIST, SUSPEND, REINSTATE]
NOWHERE = {"programme_id": "p9", "reason": "x"}

# Each row: what was done, a command, its actor, what follows.
Expected = Code | Event | tuple[Event, ...]
ROWS: list[tuple[list[tuple[Body, str]], Body, str, Expected]] = [
    ([], STOP, "city-1", Code.ROLE_NOT_ALLOWED),
    ([], SuspendParty(party_id="x", reason="x"), "op", Code.UNKNOWN_PARTY),
    ([], SuspendParty(party_id="op", reason="x"), "op", Code.ROOT_OPERATOR),
    ([], STOP, "op", PartySuspended(party_id="gpu-1", reason="fraud")),
    ([(STOP, "op")], STOP, "op", Code.PARTY_SUSPENDED),
    ([(STOP, "op")], GO, "op", PartyReinstated(party_id="gpu-1", reason="inquiry is over")),
    ([], GO, "op", Code.PARTY_NOT_SUSPENDED),
    ([], ReinstateParty(party_id="x", reason="x"), "op", Code.UNKNOWN_PARTY),
    ([(STOP, "op")], LIST, "city-1", Code.PARTY_SUSPENDED),
    ([(STOP, "op"), (GO, "op")], LIST, "city-1", ProviderListed(programme_id="p1", provider_id="gpu-1")),
    ([(STOP, "op")], AddKey(key=proven(90, "gpu-1")), "gpu-1", Code.PARTY_SUSPENDED),
    ([(STOP, "op")], RevokeKey(party_id="gpu-1", key_id="0" * 16, reason="x"), "gpu-1", Code.UNKNOWN_KEY_ID),
    ([(SuspendParty(party_id="lab-1", reason="x"), "op")], issue("lab-1", 10), "city-1", Code.PARTY_SUSPENDED),
    *[([], body, "city-1", Code.PROVIDER_NOT_LISTED) for body in STOPS],
    *[([(LISTED, "city-1")], body, "city-2", Code.NOT_YOURS) for body in (*STOPS, PAUSE, RESUME)],
    ([], DelistProvider(**NOWHERE, provider_id="gpu-1"), "city-1", Code.UNKNOWN_PROGRAMME),
    ([], PauseProgramme(**NOWHERE), "city-1", Code.UNKNOWN_PROGRAMME),
    ([], ResumeProgramme(**NOWHERE), "city-1", Code.UNKNOWN_PROGRAMME),
    ([(LIST, "city-1")], DELIST, "city-1", ProviderDelisted(
        programme_id="p1", provider_id="gpu-1", reason="forged readings")),
    ([(LIST, "city-1")], SUSPEND, "city-1", ProviderSuspended(
        programme_id="p1", provider_id="gpu-1", reason="meters")),
    ([(LIST, "city-1")], REINSTATE, "city-1", Code.PROVIDER_NOT_SUSPENDED),
    ([(LIST, "city-1"), (SUSPEND, "city-1")], SUSPEND, "city-1", Code.PROVIDER_SUSPENDED),
    ([(LIST, "city-1"), (SUSPEND, "city-1")], LIST, "city-1", Code.PROVIDER_ALREADY_LISTED),
    ([(LIST, "city-1"), (SUSPEND, "city-1")], REINSTATE, "city-1", ProviderReinstated(
        programme_id="p1", provider_id="gpu-1", reason="checked")),
    ([(LIST, "city-1"), (SUSPEND, "city-1"), (DELIST, "city-1")], LIST, "city-1", ProviderListed(
        programme_id="p1", provider_id="gpu-1")),
    ([], PAUSE, "city-1", (ProgrammePaused(programme_id="p1", reason="review"), CreditPaused(programme_id="p1"))),
    ([], RESUME, "city-1", Code.PROGRAMME_NOT_PAUSED),
    ([(PAUSE, "city-1")], PAUSE, "city-1", Code.PROGRAMME_PAUSED),
    ([(PAUSE, "city-1")], issue("lab-1", 10), "city-1", Code.PROGRAMME_PAUSED),
    ([(PAUSE, "city-1")], RESUME, "city-1", (
        ProgrammeResumed(programme_id="p1", reason="done"), CreditResumed(programme_id="p1"))),
]  # fmt: skip


@pytest.mark.parametrize(("before", "body", "actor", "expected"), ROWS)
def test_decisions(
    before: list[tuple[Body, str]], body: Body, actor: str, expected: Code | Event | tuple[Event, ...]
) -> None:
    scenario = _after(before).when(body, actor)
    if isinstance(expected, Code):
        scenario.refused(expected)
    else:
        scenario.then(*(expected if isinstance(expected, tuple) else (expected,)))


def _after(before: list[tuple[Body, str]]) -> Scenario:
    scenario = market()
    for body, actor in before:
        assert not isinstance(scenario.when(body, actor).last, Refusal)
    return scenario


def test_a_resumed_programme_issues_again() -> None:
    _after([(PAUSE, "city-1"), (RESUME, "city-1")]).when(issue("lab-1", 10), "city-1", OPEN).then_types(VoucherIssued)


def test_every_refusal_is_in_the_table() -> None:
    assert codes_in(pausing) <= {expected for *_, expected in ROWS if isinstance(expected, Code)}
