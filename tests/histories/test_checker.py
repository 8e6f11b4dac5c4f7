"""The checker finds every kind of contradiction, each under its own code, and nothing in a sound history."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from counterfoil.contract.record import Command as Body
from counterfoil.ledger.commands import Withdraw
from counterfoil.matching.commands import CancelOffer
from counterfoil.vocabulary import CODEC
from tests.histories import checker
from tests.histories.checker import check
from tests.histories.corruptions import CHANGES, SoundHistory
from tests.histories.model import replay
from tests.histories.observed import (
    Attempt,
    Observation,
    Read,
    Receipt,
    Refused,
    Unknown,
    read_observations,
    write_observations,
)
from tests.histories.play import Play, forged
from tests.market import BID, OFFER, USD, Market, deposit, found, image

TOO_MUCH = Withdraw(party_id="lab-1", currency="USD", amount=10**15, payment_reference="OUT-1")


def story(home: Path) -> list[Observation]:
    """Three clients: acceptances, refusals of every kind, repeats, an abandoned wait, a crash, reads between them."""
    play = Play(home)
    found(play.market)
    play.read(1, "cash/gpu-1")
    play.new(1, "treasury", deposit("lab-1", 5 * USD, "A"))
    play.new(2, "treasury", TOO_MUCH)
    play.settle()
    play.read(1, "cash/lab-1")
    play.send(2, play.envelopes[0])
    play.send(3, forged(play.envelopes[0]))
    play.send(3, play.envelopes[0][:-9])
    play.clash(3, 0, "treasury", deposit("lab-1", 6 * USD, "B"))
    play.settle()
    play.new(1, "gpu-1", OFFER)
    play.new(2, "lab-1", BID)
    play.new(3, "gpu-1", CancelOffer(offer_id="offer-0-0"))
    play.leave(3)
    play.settle()
    play.new(1, "treasury", deposit("lab-1", 7 * USD, "C"))
    play.crash()
    play.send(1, play.envelopes[-1])
    play.settle()
    play.read(1, "cash/lab-1")
    play.read(2, "cash/nobody")
    play.close()
    return play.observations


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Observation], Path]:
    home = tmp_path_factory.mktemp("history") / "home"
    return story(home), home / "logs"


@pytest.fixture
def history(sound: tuple[list[Observation], Path], tmp_path: Path) -> SoundHistory:
    observations, logs = sound
    copied = Path(shutil.copytree(logs, tmp_path / "logs"))
    return SoundHistory(observations, replay(logs), copied, Random(4))


def codes(observations: Sequence[Observation], logs: Path) -> set[str]:
    return {finding.code for finding in check(observations, logs)}


# sound --------------------------------------------------------------------------------------------------------------


def test_a_sound_history_has_no_findings(sound: tuple[list[Observation], Path]) -> None:
    observations, logs = sound
    assert check(observations, logs) == []
    answers = [each.answer for each in observations if isinstance(each, Attempt)]
    assert {each.code for each in answers if isinstance(each, Refused)} == {
        "bad_signature", "malformed", "exists_with_different_content",
    }  # fmt: skip
    assert {each.reason for each in answers if isinstance(each, Unknown)} == {"left", "connection lost"}
    assert {each.origin.split("/")[1] for each in answers if isinstance(each, Receipt)} == {"ledger", "matching"}
    reads = [each for each in observations if isinstance(each, Read)]
    assert [each.value is None for each in reads] == [False, False, False, True]


def test_only_the_keys_given_are_believed(sound: tuple[list[Observation], Path]) -> None:
    observations, logs = sound
    keys = {log.origin: log.key for log in replay(logs).logs.values()}
    assert check(observations, logs, keys) == []
    ledger = next(origin for origin in keys if "/ledger/" in origin)
    other = replace(keys[ledger], name=ledger, public=bytes(31) + b"\x09")
    found_too = check(observations, logs, {**keys, ledger: other})
    assert ("vkey", "key_not_valid") in {(each.place, each.code) for each in found_too}


def test_observations_outlive_the_process(sound: tuple[list[Observation], Path], tmp_path: Path) -> None:
    observations, _ = sound
    write_observations(tmp_path / "o.jsonl", observations)
    assert read_observations(tmp_path / "o.jsonl") == observations


# not sound ----------------------------------------------------------------------------------------------------------

ALSO = {
    "acknowledged_lost": {"cause_not_there", "checkpoint_not_prefix", "read_differs", "conflict_unfounded"},
    "recorded_twice": {"id_used_twice"},
    "decision_differs": {"checkpoint_not_prefix", "read_differs", "receipt_differs", "cause_differs"},
    "receipt_differs": {"receipt_not_proven", "outcomes_differ"},
    "receipt_differs, by its bytes": {"receipt_not_proven", "outcomes_differ"},
    "refused_yet_recorded": {"outcomes_differ"},
    "conflict_unfounded": {"refused_yet_recorded", "outcomes_differ"},
    "outcomes_differ": {"receipt_not_proven", "receipt_differs"},
    "outcomes_differ, one refused": {"refused_yet_recorded"},
}
"""Possible further findings, if one change contradicts several observations."""


@pytest.mark.parametrize("name", CHANGES)
def test_a_lie_is_found(name: str, history: SoundHistory) -> None:
    changed = CHANGES[name](history)
    assert changed is not None
    code = name.partition(",")[0]
    assert {code} <= codes(changed, history.logs) <= {code} | ALSO.get(name, set())


def test_every_finding_has_a_lie_that_leads_to_it_and_a_line_that_explains_it() -> None:
    explained = set(re.findall(r"^\| `([a-z_]+)` \|", checker.__doc__ or "", re.MULTILINE))
    assert {name.partition(",")[0] for name in CHANGES} == explained | {"decision_differs"}


def test_a_market_that_came_back_from_an_old_copy_is_found(tmp_path: Path) -> None:
    """Nothing is forged here: the backup was sound, but what was acknowledged after it is lost."""
    play = Play(tmp_path / "home")
    found(play.market)
    play.new(1, *BODIES[0])
    play.settle()
    copied = image(play.home, tmp_path / "copy")
    play.new(1, *BODIES[1])
    play.settle()
    play.home = copied
    play.crash()
    play.new(2, *BODIES[0])
    play.close()
    assert codes(play.observations, play.home) == {"acknowledged_lost", "checkpoint_not_prefix"}


# order and reads, at the edge ---------------------------------------------------------------------------------------


def test_order_counts_only_from_the_first_sending_and_the_first_receipt(history: SoundHistory) -> None:
    """Commands in flight at the same time may be in any order, however late they were repeated."""
    attempts = [each for each in history.acknowledged() if "/ledger/" in each.answer.origin]  # type: ignore[union-attr]
    early, late = attempts[0], attempts[-1]
    assert early.answer.index < late.answer.index  # type: ignore[union-attr]
    again = replace(early, sent=late.answered + 1, answered=late.answered + 2)
    assert codes([*history.observations, again], history.logs) == set()
    edges: list[tuple[int, set[str]]] = [(late.answered, set()), (late.answered + 1, {"order_violated"})]
    for sent, expected in edges:
        moved = replace(early, sent=sent, answered=sent + 5)
        assert codes([late, moved], history.logs) == expected


@pytest.mark.parametrize(("back", "expected"), [(0, set()), (1, {"read_too_old"})])
def test_a_read_may_be_as_old_as_what_it_waited_for(back: int, expected: set[str], history: SoundHistory) -> None:
    rows = history.model.balances["cash/lab-1", "USD"]
    (_, value), (ended, _) = rows[-2], rows[-1]
    read = Read(7, 1, 2, "cash/lab-1", "USD", ended - 1 + back, value)
    assert codes([read], history.logs) == expected


def test_reads_that_did_not_wait_may_go_back(history: SoundHistory) -> None:
    rows = history.model.balances["cash/lab-1", "USD"]
    newer = Read(7, 1, 2, "cash/lab-1", "USD", None, rows[-1][1])
    older = Read(7, 3, 4, "cash/lab-1", "USD", None, rows[-2][1])
    assert codes([newer, older], history.logs) == set()
    waited = [replace(each, wait_for=0) for each in (newer, older)]
    assert codes(waited, history.logs) == {"read_went_back"}
    assert codes(list(reversed(waited)), history.logs) == {"read_went_back"}, "in order of time, not of the file"
    assert codes([waited[0], replace(waited[1], client=8)], history.logs) == set()


def test_a_transient_refusal_promises_nothing(history: SoundHistory) -> None:
    attempt = history.acknowledged()[0]
    refused = replace(attempt, client=9, answer=Refused("overloaded"))
    assert codes([*history.observations, refused], history.logs) == set()


# any history --------------------------------------------------------------------------------------------------------

BODIES: list[tuple[str, Body]] = [
    ("treasury", deposit("lab-1", 3 * USD, "X")),
    ("treasury", deposit("gpu-1", 2 * USD, "Y")),
    ("treasury", TOO_MUCH),
    ("gpu-1", OFFER),
    ("lab-1", BID),
    ("lab-2", BID),
    ("lab-2", OFFER),
]
ACCOUNTS = ("cash/lab-1", "cash/gpu-1", "cash/lab-2", "cash/nobody")
KINDS = ("new", "new", "again", "forge", "clash", "leave", "settle", "settle", "crash", "read", "read")
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 3), st.integers(0, 100)), min_size=4, max_size=25)
Steps = list[tuple[str, int, int]]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market to copy."""
    home = tmp_path_factory.mktemp("founded") / "home"
    with Market(home) as market:
        found(market)
    return home


def perform(play: Play, steps: Steps) -> None:
    """The actions of random clients."""
    play.new(0, *BODIES[0])
    for kind, client, n in steps:
        earlier = play.envelopes[n % len(play.envelopes)]
        if kind == "new":
            play.new(client, *BODIES[n % len(BODIES)])
        elif kind == "again":
            play.send(client, earlier)
        elif kind == "forge":
            play.send(client, forged(earlier))
        elif kind == "clash":
            nth = n % len(play.envelopes)
            play.clash(client, nth, CODEC.decode_envelope(earlier).header.actor, CancelOffer(offer_id=f"offer-{n}-0"))
        elif kind == "leave":
            play.leave(client)
        elif kind == "read":
            play.read(client, ACCOUNTS[n % len(ACCOUNTS)])
        elif kind == "crash":
            play.crash()
        else:
            play.settle()
    play.read(0, ACCOUNTS[0])
    play.close()


@contextmanager
def performed(founded: Path, steps: Steps) -> Iterator[Play]:
    """A market after these actions, closed and published."""
    with tempfile.TemporaryDirectory() as folder:
        play = Play(Path(shutil.copytree(founded, Path(folder) / "home")))
        try:
            perform(play, steps)
        finally:
            play.market.system.close(seal=False)
        yield play


@pytest.mark.slow
@settings(max_examples=settings().max_examples // 2)
@given(steps=STEPS, name=st.sampled_from(sorted(CHANGES)), seed=st.integers(0, 1 << 16))
def test_whatever_clients_do_is_sound_and_a_lie_about_it_is_found(
    founded: Path, steps: Steps, name: str, seed: int
) -> None:
    with performed(founded, steps) as play:
        model = replay(play.home / "logs")
        assert check(play.observations, model) == []
        changed = CHANGES[name](SoundHistory(play.observations, model, play.home / "logs", Random(seed)))
        event(f"{name}: {'there is none to change' if changed is None else 'changed'}")
        if changed is not None:
            assert name.partition(",")[0] in codes(changed, play.home / "logs")
