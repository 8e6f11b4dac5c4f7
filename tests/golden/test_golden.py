"""Golden logs audit clean under the rules they name, after any change of the code, and under no others."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from counterfoil.audit import shares
from counterfoil.audit.auditor import audit
from counterfoil.audit.files import LogFiles, find_logs
from counterfoil.audit.replay import Replay
from counterfoil.audit.report import AuditReport
from counterfoil.catalogue import DECIDERS
from counterfoil.contract.canonical import canonical
from counterfoil.contract.codec import encode_entry
from counterfoil.contract.entry import CommandCause, Entry
from counterfoil.contract.events import RulesAdopted
from counterfoil.contract.refusal_meanings import MEANINGS, Stage
from counterfoil.contract.refusals import Code
from counterfoil.core import rules
from counterfoil.core.engine import Engine
from counterfoil.core.rules import LATEST, RULES, UnknownRules
from counterfoil.vocabulary import CODEC, VOCABULARY
from counterfoil.words import codec_of
from tests.audit.forge import read_entries
from tests.golden.cases import CASES, FOLDER, size_of
from tests.golden.story import UNREACHED, UNREACHED_TIMERS
from tests.golden.world import kinds

RETIRED = {"usage.disputed.v1", "hold.refused.v1", "aid.counted.v1", "credit.owed.v1"}
"""Events that the latest rules have no longer."""
EACH = pytest.mark.parametrize("case", CASES)
SOME = pytest.mark.parametrize("case", ["rules-1", f"rules-{LATEST - 1}-to-{LATEST}", f"rules-{LATEST}"])
"""For what holds of the code that is there, whatever rules it follows: the oldest rules and the newest."""
IN_ONE_PROCESS = patch.object(shares, "cores", lambda: 1)


def entries(log: LogFiles) -> list[Entry]:
    return [CODEC.decode_entry(data) for data in read_entries(log.root, size_of(log.read("checkpoint")))]


def versions(report: AuditReport) -> set[tuple[int, ...]]:
    """The rules versions of each log, in order."""
    return {tuple(each["version"] for each in log.rules) for log in report.logs}


@pytest.mark.parametrize(
    ("case", "cores"), [(case, cores) for case in CASES for cores in ((1, 2, 4) if LATEST in CASES[case] else (2,))]
)
def test_an_honest_log_audits_clean_for_ever(case: str, cores: int) -> None:
    with patch.object(shares, "cores", lambda: cores):
        report = audit(FOLDER / case)
    advice = "what was decided by these rules is decided otherwise now: add a rules version (counterfoil/core/rules.py)"
    assert report.clean, f"{advice}\n{report.findings[:5]}"
    assert versions(report) == {tuple(version for version in CASES[case] if version is not None)}


@SOME
def test_restored_engines_decide_the_same_bytes(case: str) -> None:
    """Every so often each log's engine is put in the place of one that knows the records of its state alone."""
    decide, restored = Replay._decide, 0

    def after_a_restart(replay: Any, *given: Any) -> Any:
        nonlocal restored
        engine = replay._engine
        if engine.size % 41 == 1:
            records = [(key, canonical(value)) for key, value in engine.decider.records(engine.state)][::-1]
            place = engine.size, engine.time
            replay._engine = Engine.restore(engine.decider, engine.origin, engine._root_at, records, *place)
            restored += 1
        return decide(replay, *given)

    with IN_ONE_PROCESS, patch.object(Replay, "_decide", after_a_restart):
        assert audit(FOLDER / case).clean
    assert restored > 20


@SOME
def test_what_is_decided_is_of_the_types_that_are_read(case: str) -> None:
    """Views and consumers of the same process get what was made, in place of what is read from its bytes."""
    made: list[tuple[Entry, bytes]] = []
    seal = Engine._seal

    def kept(*given: Any) -> tuple[Entry, bytes]:
        made.append(seal(*given))
        return made[-1]

    with IN_ONE_PROCESS, patch.object(Engine, "_seal", kept):
        assert audit(FOLDER / case).clean
    assert made
    for entry, data in made:
        assert repr(entry) == repr(CODEC.decode_own_entry(data))


DIFFERENT = {"decision_differs", "rejection_hidden", "rejection_unfounded", "price_wrong", "state_root_differs"}
"""What an audit finds of decisions that are made otherwise."""


@EACH
def test_other_rules_decide_it_otherwise(case: str) -> None:
    """With other versions in their place, the first decision in which they differ is found."""
    with patch.object(rules, "RULES", {1: RULES[2], 2: RULES[1], **dict.fromkeys(RULES.keys() - {1, 2}, RULES[1])}):
        found = audit(FOLDER / case).findings
    assert "matching/main" in {finding.log for finding in found if finding.code in DIFFERENT}


@EACH
def test_a_release_without_these_rules_does_not_audit(case: str) -> None:
    """It names the release that is needed and reports no findings: what the auditor lacks is no fault of the log."""
    last = max(version for version in CASES[case] if version is not None)
    known = {number: each for number, each in RULES.items() if number != last}
    with ExitStack() as patches:
        for module in [each for each in sys.modules.values() if getattr(each, "RULES", None) is RULES]:
            patches.enter_context(patch.object(module, "RULES", known))
            patches.enter_context(patch.object(module, "LATEST", max(known), create=True))
        with pytest.raises(UnknownRules, match=f"rules version {last} needs release"):
            audit(FOLDER / case)


def test_what_earlier_rules_decide_has_no_event_of_later_ones() -> None:
    """Up to the entry that names the latest rules, and in it, there is no more than a release before them can read."""
    before = LATEST - 1
    known = {
        event.TYPE for log in find_logs(FOLDER / f"rules-{before}") for each in entries(log) for event in each.events
    }
    for log in find_logs(FOLDER / f"rules-{before}-to-{LATEST}"):
        for entry in entries(log):
            types = {event.TYPE for event in entry.events}
            assert types - known == {RulesAdopted.TYPE} & types, f"{log.name} entry {entry.index}"
            if RulesAdopted.TYPE in types:
                break
        else:
            pytest.fail(f"{log.name} adopts no rules")


@EACH
def test_it_has_everything_in_it(case: str) -> None:
    """Every command, event, refusal, timer and reaction; what is missing could change unnoticed."""
    found = kinds({log.name.partition("/")[0]: entries(log) for log in find_logs(FOLDER / case)})
    numbers = [version for version in CASES[case] if version is not None]
    absent = frozenset.intersection(*(RULES[version].absent for version in numbers))
    assert {f"{name} v{v}" for name, v in VOCABULARY.commands.keys() - absent} == found["commands"]
    if LATEST not in numbers:
        return  # it was complete when it was made: it has nothing that came with later rules
    decided = {code.value for code in Code if MEANINGS[code].stage is Stage.DECISION} - {
        code.value for code in UNREACHED
    }
    assert decided - found["refusals"] == set()
    adopted = set() if len(numbers) > 1 else {"rules.adopted.v1"}
    assert set(VOCABULARY.events) - found["events"] - RETIRED == adopted
    timers = {f"{name} {kind}" for name, decider in DECIDERS.items() for kind in (*decider.timers, "state_root")}
    assert timers - found["timers"] == UNREACHED_TIMERS
    reactions = {
        f"{name} {event.TYPE}"
        for name, decider in DECIDERS.items()
        for events in decider.reactions.values()
        for event in events
        if event.TYPE not in adopted | RETIRED
    }
    assert reactions - found["reactions"] == set()


def test_what_decides_commands_has_the_words_of_its_own_service_alone() -> None:
    """A client reads a receipt by them."""
    for log in find_logs(FOLDER / f"rules-{LATEST}"):
        own = codec_of(log.name.partition("/")[0])
        decided = [entry for entry in entries(log) if isinstance(entry.cause, CommandCause)]
        assert decided == [own.decode_entry(encode_entry(entry)) for entry in decided]
        assert decided


def test_a_command_that_the_rules_lack_is_found_in_a_log() -> None:
    """The rules in force there would have refused it at intake; its decision is checked all the same."""
    without = replace(RULES[2], absent=frozenset({("deposit", 1)}))
    with patch.object(rules, "RULES", {**RULES, 2: without}):
        found = audit(FOLDER / "rules-2").findings
    assert {(finding.log, finding.code) for finding in found} == {("ledger/main", "command_absent")}


def test_every_version_has_logs_that_begin_with_it_and_logs_that_change_over_to_it() -> None:
    assert {first for first, then in CASES.values() if then is None} == set(RULES)
    assert {then for _, then in CASES.values() if then is not None} == set(RULES) - {min(RULES)}
    assert {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name.startswith("rules-")} == set(CASES)


def test_the_folder_is_small() -> None:
    assert sum(path.stat().st_size for path in Path(FOLDER).rglob("*") if path.is_file()) < 84_000_000
