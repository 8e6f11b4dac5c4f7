"""Rules versions: the operator adopts one, it decides from the entry after, and a release that lacks it stops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from counterfoil.catalogue import DECIDERS
from counterfoil.contract.codec import encode_entry
from counterfoil.contract.entry import EntryCause, GenesisCause
from counterfoil.contract.events import RulesAdopted
from counterfoil.contract.refusals import Code
from counterfoil.core import rules
from counterfoil.core.engine import Engine
from counterfoil.core.rules import LATEST, RULES, UnknownRules
from counterfoil.issuance.commands import AdoptRules
from counterfoil.vocabulary import VOCABULARY
from tests.properties.world import World

ADOPTED = RulesAdopted(rules=2, replaces=1, release="0.1.0")
CAUSE = EntryCause("world.example/issuance/main", 7, bytes(32), 0)
OTHERS = [name for name in DECIDERS if name != "issuance"]


def engine(service: str, version: int) -> Engine[Any]:
    made: Engine[Any] = Engine(DECIDERS[service], f"world.example/{service}/main", lambda _size: None)
    made.genesis(GenesisCause("operator", "Operator", bytes(32), version, "0.1.0"), 1)
    return made


def test_versions_differ_in_a_decision_and_each_is_listed_under_its_number() -> None:
    assert {number: each.number for number, each in RULES.items()} == {number: number for number in RULES}
    assert sorted(RULES) == list(range(1, LATEST + 1))
    assert RULES[1] != RULES[2]


def test_what_a_version_lacks_are_commands_that_another_one_has() -> None:
    for each in RULES.values():
        assert each.absent <= VOCABULARY.commands.keys()
    assert not frozenset.intersection(*(each.absent for each in RULES.values()))


@pytest.mark.parametrize("service", DECIDERS)
def test_a_log_is_decided_by_the_rules_it_begins_with(service: str) -> None:
    for version in RULES:
        assert engine(service, version).state.rules is RULES[version]


def test_the_entry_after_is_the_first_that_new_rules_decide() -> None:
    world = World()
    adopt = AdoptRules(rules=2, replaces=1, release="0.1.0")
    world.submit("operator", adopt)
    assert world.refusals["accepted"] == 1
    assert world.state("issuance").rules is RULES[2]
    world.submit("operator", adopt)
    assert world.refusals["rules_not_in_force"] == 1


@pytest.mark.parametrize("versions", [(2, 2), (3, 2), (2, 3)])
def test_one_entry_adopts_one_version(versions: tuple[int, int]) -> None:
    """Issuance would skip the first of two; the other logs would decide by it, or go back from the later one."""
    with patch.object(rules, "RULES", {**RULES, 3: replace(RULES[2], number=3)}):
        world = World()
        world.submit("operator", *(AdoptRules(rules=each, replaces=1, release="0.1.0") for each in versions))
        assert world.refusals["accepted"] == world.refusals["rules_not_in_force"] == 1
        world.settle()
        assert {world.state(service).rules.number for service in DECIDERS} == {versions[0]}


@pytest.mark.parametrize("service", OTHERS)
def test_every_service_takes_over_what_issuance_adopted(service: str) -> None:
    decided, replayed = engine(service, 1), engine(service, 1)
    entry, _ = decided.react(CAUSE, ADOPTED, 2)
    assert entry.events == (ADOPTED,)
    replayed.replay(entry)
    assert decided.state.rules is replayed.state.rules is RULES[2]


@pytest.mark.parametrize("service", OTHERS)
def test_a_release_that_lacks_the_rules_stops_and_names_one_that_has_them(service: str) -> None:
    unknown = max(RULES) + 1
    new = RulesAdopted(rules=unknown, replaces=1, release="4.2.0")
    known = f"this one knows versions 1 to {max(RULES)}"
    with pytest.raises(UnknownRules, match=rf"version {unknown} needs release 4\.2\.0 or later: {known}"):
        engine(service, 1).react(CAUSE, new, 2)
    with pytest.raises(UnknownRules, match=f"version {unknown}"):
        engine(service, unknown)


def test_an_old_release_stops_at_the_entry_that_changes_over() -> None:
    decided, old = engine("ledger", 1), engine("ledger", 1)
    entry, data = decided.react(CAUSE, ADOPTED, 2)
    assert encode_entry(entry) == data
    with patch.object(rules, "RULES", {1: RULES[1]}), pytest.raises(UnknownRules):
        old.replay(entry)


def test_what_this_release_does_not_know_is_refused_before_it_makes_an_entry() -> None:
    check = DECIDERS["issuance"].intake[AdoptRules]
    refusal = check(AdoptRules(rules=LATEST + 1, replaces=LATEST, release="9.9.9"))
    assert refusal is not None
    assert refusal.code is Code.UNKNOWN_RULES
    assert check(AdoptRules(rules=LATEST, replaces=LATEST - 1, release="9.9.9")) is None
