"""Recovery keys, recoveries and their delay, and parties that leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from counterfoil.contract.events import PartyClosed, PartyRecovered, RecoveryKeySet, WriterResumed
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.record import Command
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance import keys, parties, recoveries
from counterfoil.issuance.commands import (
    AddKey,
    CloseParty,
    ObjectToRecovery,
    ProposeRecovery,
    RecoverParty,
    RevokeKey,
    SetRecoveryKey,
)
from counterfoil.issuance.events import RecoveryEnded, RecoveryProposed
from tests.given import Scenario, codes_in
from tests.issuance.world import people, public_key, register
from tests.possession import HOST, author, proven

DELAY = RULES[LATEST].recovery_delay
PROPOSE = ProposeRecovery(party_id="lab-1", key=proven(60, "lab-1"), recovery_key=None, reason="lost with the laptop")
RECOVER = RecoverParty(key=proven(70, "lab-1"), recovery_key=None)
SET = SetRecoveryKey(key=proven(80, "lab-1", use="recovery"), consent=None)
OTHER = SetRecoveryKey(key=proven(81, "lab-1", use="recovery"), consent=None)
FIRST = key_id_of(public_key(4))
"""The key that lab-1 was registered with."""


def id_of(number: int) -> str:
    return key_id_of(public_key(number))


def proposed() -> Scenario:
    return people().when(PROPOSE, "op").then_types(RecoveryProposed)


def recovery_id(scenario: Scenario) -> str:
    (found,) = scenario.state.recoveries
    return str(found)


def object_to(scenario: Scenario) -> ObjectToRecovery:
    return ObjectToRecovery(recovery_id=recovery_id(scenario), reason="we have our keys")


def in_force(scenario: Scenario, party_id: str = "lab-1") -> set[str]:
    return {key_id for key_id, key in scenario.state.directory.parties[party_id].keys.items() if key.in_force}


# by the recovery key --------------------------------------------------------------------------------------------------


def test_the_recovery_key_ends_all_keys_at_once() -> None:
    scenario = (
        people()
        .when(SET, "lab-1")
        .then(RecoveryKeySet(party_id="lab-1", key_id=id_of(80), public_key=public_key(80), replaces=None))
    )
    scenario.when(AddKey(key=proven(61, "lab-1")), "lab-1")
    scenario.when(RECOVER, "lab-1").then(PartyRecovered(
        recovery_id=f"rec-{scenario.index}-0", party_id="lab-1", proposed_by=None, reason=None, key_id=id_of(70),
        public_key=public_key(70), recovery_key=None, revoked=tuple(sorted((FIRST, id_of(61)))),
    ))  # fmt: skip
    assert in_force(scenario) == {id_of(70)}
    assert scenario.state.directory.parties["lab-1"].recovery_key() == id_of(80)


def test_a_recovery_replaces_the_recovery_key_if_it_names_another() -> None:
    scenario = people().when(SET, "lab-1").when(replace(RECOVER, recovery_key=OTHER.key), "lab-1")
    ((event, _),) = scenario.decided[-1:]
    assert isinstance(event, PartyRecovered)
    assert event.revoked == (FIRST, id_of(80))
    party = scenario.state.directory.parties["lab-1"]
    assert {key_id: key.in_force for key_id, key in party.recovery_keys.items()} == {id_of(80): False, id_of(81): True}


def test_a_recovery_key_is_registered_with_its_party() -> None:
    body = replace(register("lab-9", 90, "beneficiary"), recovery_key=proven(91, "lab-9", use="recovery"))
    scenario = people().when(body, "op")
    assert scenario.state.directory.parties["lab-9"].recovery_key() == id_of(91)
    assert scenario.state.directory.public_key("lab-9", id_of(91)) == public_key(91)


def test_the_recovery_key_consents_to_its_successor() -> None:
    scenario = people().when(SET, "lab-1").when(OTHER, "lab-1").refused(Code.KEY_NOT_PROVEN)
    for number, said in ((4, OTHER.key), (80, SET.key)):
        consent = author(number, "lab-1").consent(HOST, said.public_key, "recovery")
        scenario.when(replace(OTHER, consent=consent), "lab-1").refused(Code.KEY_NOT_PROVEN)
    consent = author(80, "lab-1").consent(HOST, OTHER.key.public_key, "recovery")
    scenario.when(replace(OTHER, consent=consent), "lab-1").then(
        RecoveryKeySet(party_id="lab-1", key_id=id_of(81), public_key=public_key(81), replaces=id_of(80))
    )


# by an operator -------------------------------------------------------------------------------------------------------


def test_an_operators_recovery_is_in_force_after_the_delay() -> None:
    scenario = proposed()
    id_, due = recovery_id(scenario), scenario.time + DELAY
    assert scenario.decider.due(scenario.state) == (due, recoveries.TIMER)
    assert in_force(scenario) == {FIRST}
    scenario.fires(recoveries.TIMER, due).then(PartyRecovered(
        recovery_id=id_, party_id="lab-1", proposed_by="op", reason="lost with the laptop", key_id=id_of(60),
        public_key=public_key(60), recovery_key=None, revoked=(FIRST,),
    ))  # fmt: skip
    assert in_force(scenario) == {id_of(60)}
    assert scenario.decider.due(scenario.state) is None


@pytest.mark.parametrize("actor", ["lab-1", "op"])
def test_the_party_or_an_operator_ends_it(actor: str) -> None:
    scenario = proposed()
    body = object_to(scenario)
    scenario.when(body, actor).then(
        RecoveryEnded(recovery_id=body.recovery_id, party_id="lab-1", ended_by=actor, reason=body.reason)
    )
    assert scenario.decider.due(scenario.state) is None
    scenario.when(body, actor).refused(Code.UNKNOWN_RECOVERY)
    scenario.when(PROPOSE, "op").then_types(RecoveryProposed)  # the key that was proposed is nobody's again


def test_the_recovery_key_ends_what_an_operator_proposed() -> None:
    scenario = proposed().when(SET, "lab-1").when(RECOVER, "lab-1").then_types(RecoveryEnded, PartyRecovered)
    assert scenario.decider.due(scenario.state) is None


def test_nobody_else_registers_a_key_that_was_proposed() -> None:
    proposed().when(AddKey(key=proven(60, "lab-2")), "lab-2").refused(Code.KEY_NOT_ACCEPTABLE)


def test_an_outage_leaves_as_much_time_to_object() -> None:
    """Half of the delay had passed when issuance went away; it comes back long after the end."""
    scenario = proposed()
    begun = scenario.time
    scenario.time = back = begun + 9 * DELAY
    scenario.given(WriterResumed(away_since=begun + DELAY // 2, earliest=back + HOUR))
    assert scenario.decider.due(scenario.state) == (scenario.time + DELAY // 2, recoveries.TIMER)


# leaving --------------------------------------------------------------------------------------------------------------


def test_a_closed_party_only_ends_what_it_has() -> None:
    scenario = people().when(SET, "lab-1").when(AddKey(key=proven(61, "lab-1")), "lab-1")
    scenario.when(CloseParty(reason="sold"), "lab-1").then(PartyClosed(party_id="lab-1", reason="sold"))
    scenario.when(AddKey(key=proven(62, "lab-1")), "lab-1").refused(Code.PARTY_CLOSED)
    scenario.when(RevokeKey(party_id="lab-1", key_id=id_of(61), reason="old"), "lab-1")
    assert in_force(scenario) == {FIRST}
    scenario.when(RECOVER, "lab-1").then_types(PartyRecovered)
    assert not scenario.state.directory.parties["lab-1"].closed


# what is refused ------------------------------------------------------------------------------------------------------

ELSEWHERE = proven(60, "lab-1", "elsewhere.example")
FOR_ANOTHER = proven(60, "lab-2")
FOR_RECOVERY = proven(60, "lab-1", use="recovery")
REFUSALS: list[tuple[Callable[[], Scenario], Command, str, Code]] = [
    (people, AddKey(key=ELSEWHERE), "lab-1", Code.KEY_NOT_PROVEN),
    (people, AddKey(key=FOR_ANOTHER), "lab-1", Code.KEY_NOT_PROVEN),
    (people, AddKey(key=FOR_RECOVERY), "lab-1", Code.KEY_NOT_PROVEN),
    (people, replace(register("lab-9", 90, "issuer"), key=FOR_ANOTHER), "op", Code.KEY_NOT_PROVEN),
    (people, replace(SET, key=proven(80, "lab-1")), "lab-1", Code.KEY_NOT_PROVEN),
    (people, replace(SET, key=proven(4, "lab-1", use="recovery")), "lab-1", Code.KEY_NOT_ACCEPTABLE),
    (people, replace(PROPOSE, party_id="nobody"), "op", Code.UNKNOWN_PARTY),
    (people, replace(PROPOSE, party_id="op"), "op", Code.ROOT_OPERATOR),
    (people, PROPOSE, "city-1", Code.ROLE_NOT_ALLOWED),
    (people, replace(PROPOSE, key=FOR_ANOTHER), "op", Code.KEY_NOT_PROVEN),
    (people, replace(PROPOSE, recovery_key=FOR_RECOVERY), "op", Code.KEY_NOT_ACCEPTABLE),
    (people, replace(PROPOSE, recovery_key=proven(61, "lab-1")), "op", Code.KEY_NOT_PROVEN),
    (proposed, replace(PROPOSE, key=proven(61, "lab-1")), "op", Code.RECOVERY_UNDER_WAY),
    (people, ObjectToRecovery(recovery_id="rec-1-0", reason="no"), "lab-1", Code.UNKNOWN_RECOVERY),
    (people, CloseParty(reason="no more"), "op", Code.ROOT_OPERATOR),
]


@pytest.mark.parametrize(("situation", "body", "actor", "code"), REFUSALS)
def test_refused(situation: Callable[[], Scenario], body: Command, actor: str, code: Code) -> None:
    situation().when(body, actor).refused(code)


def test_others_do_not_object() -> None:
    scenario = people()
    for name, number in (("second", 90), ("third", 91)):
        scenario.when(register(name, number, "operator"), "op")
    scenario.when(PROPOSE, "second")
    for other in ("lab-2", "third"):
        scenario.when(object_to(scenario), other).refused(Code.NOT_YOURS)
    scenario.when(object_to(scenario), "second").then_types(RecoveryEnded)


def test_every_refusal_is_in_a_table() -> None:
    elsewhere = {
        Code.NOT_YOURS, Code.UNKNOWN_KEY_ID, Code.LAST_KEY, Code.OVER_LIMIT, Code.ALREADY_EXISTS, Code.DUPLICATE_ITEM,
        Code.EMPTY_LIST, Code.NAME_CONFUSABLE,
    }  # fmt: skip
    assert codes_in(keys, parties, recoveries) <= {code for *_, code in REFUSALS} | elsewhere
