"""The recorder with real gateways: it records the outcomes, also while services are killed."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from random import Random

import httpx
import pytest

from counterfoil.contract.log_id import log_of
from counterfoil.contract.services import SERVICES
from counterfoil.log.checkpoint import parse_checkpoint
from counterfoil.log.note import parse_note
from counterfoil.log.proofs import parse_receipt
from tests.e2e.founding import found_a_market, trade
from tests.e2e.running import STOPS_WITHIN, Shell, serving
from tests.gateway.harness import served
from tests.gateway.world import Market, deposit
from tests.histories import Crowd, Plan, Recorder, check, figures, wait_published
from tests.histories.observed import Answer, Attempt, Read, Receipt, Refused, Unknown
from tests.histories.recorder import answer_of, balance_of

ROOT = Path(__file__).parents[2]
KILLS = 2
UNDER_LOAD = (0.5, 1.5)  # seconds
ANSWERED = 100  # commands after the last kill
PLAN = Plan(clients=12, commands=3_000, seconds=60, patience=40)


class Deposits:
    """Deposits by the treasury of a served market, whose clock stands still."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def command(self, _rng: Random) -> bytes:
        return self._market.sign("treasury", deposit("lab-1", 1))

    def account(self, _rng: Random) -> tuple[str, str]:
        return "cash/lab-1", "USD"


def test_clients_write_down_what_they_see(tmp_path: Path) -> None:
    plan = Plan(clients=4, commands=150, seconds=30, pause=0, reads=0.2, repeats=0.2, leaves=0.1)
    with served(tmp_path / "home") as server:
        market = server.market
        recorder = Recorder([server.url, "http://127.0.0.1:9"], Deposits(market), tmp_path / "o.jsonl", plan, seed=3)
        with recorder:
            recorder.wait_for(20, 20)
            recorder.urls = [server.url]  # the other gateway never existed
            observations = recorder.join()
    assert recorder.stop() == observations
    assert check(observations, market.home / "logs") == []
    attempts = [each for each in observations if isinstance(each, Attempt)]
    assert {type(each.answer) for each in attempts} == {Receipt, Unknown}
    reasons = {each.answer.reason for each in attempts if isinstance(each.answer, Unknown)}
    assert "ConnectError" in reasons
    assert any(reason.startswith("202") for reason in reasons)
    assert len({each.envelope for each in attempts}) == recorder.sent == 150 < len(attempts)
    assert any(isinstance(each, Read) and each.value is not None and each.value.n > 1 for each in observations)
    seen = figures(observations)
    assert (seen.commands, seen.attempts, seen.reads) == (150, len(attempts), len(observations) - len(attempts))
    assert seen.receipts + seen.refused + seen.unknown == seen.attempts
    assert str(seen).startswith("commands 150, attempts ")
    wait_published(market.home, observations, 0)
    ahead = next(each for each in attempts if isinstance(each.answer, Receipt))
    with pytest.raises(TimeoutError, match="ledger"):
        wait_published(market.home, [replace(ahead, answer=longer(ahead.answer))], 0)


def longer(answer: Answer) -> Receipt:
    """The receipt as if its checkpoint were over a million entries more."""
    assert isinstance(answer, Receipt)
    size = parse_checkpoint(parse_note(parse_receipt(answer.proof).checkpoint_note).text).size
    return replace(answer, proof=answer.proof.replace(b"main\n%d\n" % size, b"main\n%d\n" % (size + 1_000_000)))


def test_a_recorder_is_bounded_and_tells_of_its_own_faults(tmp_path: Path) -> None:
    class Broken(Deposits):
        def command(self, _rng: Random) -> bytes:
            raise LookupError("no more")

    plan = Plan(clients=2, seconds=20, reads=0)
    with served(tmp_path / "home") as server:
        recorder = Recorder(server.url, Broken(server.market), tmp_path / "a.jsonl", plan)
        recorder.start()
        with pytest.raises(ExceptionGroup, match="unhandled"):
            recorder.join()
        with pytest.raises(FileExistsError):
            Recorder(server.url, Deposits(server.market), tmp_path / "a.jsonl")
    recorder = Recorder(
        "http://127.0.0.1:9", Deposits(server.market), tmp_path / "b.jsonl", Plan(clients=2, seconds=60)
    )
    recorder.start()
    with pytest.raises(TimeoutError, match=" of 1000 commands"):
        recorder.wait_for(1_000, 0.2)
    began = time.monotonic()
    observations = recorder.stop(settle=0.1)
    assert time.monotonic() - began < 10
    assert {each.answer for each in observations if isinstance(each, Attempt)} == {Unknown("ConnectError")}
    assert figures(observations).unresolved == recorder.sent > 0


REFUSAL = {"type": "urn:counterfoil:refusal:overloaded", "code": "overloaded"}
PROBLEM = {"type": "urn:counterfoil:problem:stopped", "code": "stopped"}
RECEIPT = {"origin": "a/ledger/main", "index": 7, "entry": "e30=", "proof": "p"}


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (httpx.Response(200, json=RECEIPT), Receipt("a/ledger/main", 7, b"{}", b"p")),
        (httpx.Response(422, json={**REFUSAL, "receipt": RECEIPT}), Receipt("a/ledger/main", 7, b"{}", b"p")),
        (httpx.Response(503, json=REFUSAL), Refused("overloaded")),
        (httpx.Response(503, json=PROBLEM), Unknown("503 stopped")),
        (httpx.Response(202, json={"status": "pending"}), Unknown("202")),
        (httpx.Response(502, text="<html>"), None),
        (httpx.Response(200, json={"index": 7}), None),
        (httpx.Response(200, json=[]), None),
    ],
)
def test_only_a_receipt_or_a_refusal_is_an_answer(
    response: httpx.Response, answer: Receipt | Refused | Unknown | None
) -> None:
    found = answer_of(response)
    assert found == answer if answer is not None else isinstance(found, Unknown)


def test_only_a_row_or_its_absence_is_a_balance() -> None:
    row = {"n": 3, "posted": "-5", "held": "2"}
    found = balance_of(httpx.Response(200, json=row))
    assert found is not None
    assert (found.n, found.posted, found.held) == (3, -5, 2)
    assert balance_of(httpx.Response(404, json={})) is None
    with pytest.raises(LookupError):
        balance_of(httpx.Response(504, json={}))


@pytest.mark.e2e
def test_a_history_with_kills_in_it_is_sound(tmp_path: Path) -> None:
    """`COUNTERFOIL_KILL_SEED=N` repeats what was sent and when the process was killed."""
    seed = int(os.environ.get("COUNTERFOIL_KILL_SEED") or secrets.randbits(32))
    print(f"COUNTERFOIL_KILL_SEED={seed}")  # noqa: T201 shown when the test fails
    rng, shell, path = Random(seed), Shell(tmp_path / "home"), tmp_path / "observations.jsonl"
    shell.ok("init", "--host", "market.example")
    with serving(shell) as process:
        found_a_market(shell, tmp_path)
        trade(shell)
        recorder = Recorder(shell.url, Crowd(shell.home), path, PLAN, seed=seed)
        recorder.start()
        time.sleep(rng.uniform(*UNDER_LOAD))
        process.kill()
    for _ in range(KILLS - 1):
        with serving(shell) as process:
            recorder.urls = [shell.url]
            time.sleep(rng.uniform(*UNDER_LOAD))
            process.kill()
    with serving(shell) as process:
        recorder.urls = [shell.url]
        recorder.wait_for(min(recorder.sent + ANSWERED, PLAN.commands), 40)  # a slow machine has had few answers before
        observations = recorder.stop()
        wait_published(shell.home, observations, 10)
        process.terminate()
        assert process.wait(STOPS_WITHIN) == 0
    assert check(observations, shell.home) == []
    seen = figures(observations)
    print(seen)  # noqa: T201
    assert seen.unknown > 0
    assert seen.receipts > 50
    services = {log_of(each.answer.origin).service for each in observations
                if isinstance(each, Attempt) and isinstance(each.answer, Receipt)}  # fmt: skip
    assert services == set(SERVICES)
    by_hand = [sys.executable, "-m", "tests.histories", "check", str(path), str(shell.home)]
    by_hand += ["--vkeys", str(shell.home / "vkeys")]
    ran = subprocess.run(by_hand, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.splitlines()) == (0, [str(seen), "0 findings"]), ran.stderr
