"""A process that verifies: its answers, and that it never outlives who started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import pytest

from counterfoil.log.keys import SigningKey
from counterfoil.runtime.receipts import Answer
from counterfoil.runtime.verifier import Signed, Verifier
from tests.gateway.world import Market

KEY = SigningKey("log.example/test", bytes(32))
GOOD = Signed(KEY.verify_key.public, b"message", KEY.sign(b"message"))
BAD = GOOD._replace(message=b"another")


def test_a_process_answers_in_order_and_ends_with_its_input() -> None:
    command = (sys.executable, "-m", "counterfoil.runtime.verifier")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        given = (2).to_bytes(4) + GOOD.record() + BAD.record() + (1).to_bytes(4) + GOOD.record()
        answers, _ = process.communicate(given, timeout=60)
        assert process.returncode == 0
    assert answers == b"\1\0\1"


def test_a_process_that_reads_nothing_is_not_waited_for() -> None:
    with closing(Verifier()) as verifier:
        os.kill(verifier.pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            verifier.give([GOOD._replace(message=bytes(1_000_000))] * 2, timeout=0.0)


def test_the_embedded_form_starts_one_for_its_threads_and_ends_it(tmp_path: Path) -> None:
    market = Market(tmp_path)
    with closing(market.system) as system:
        answers: list[Future[Answer]] = []

        def process() -> Verifier | None:
            return system._signatures._process

        def register(first: int) -> None:
            """As many parties as make up a batch that is worth a process."""
            for number in range(first, first + 40):
                body = market.registration(f"party-{number}", "beneficiary")
                answers.append(system.submit(market.sign("operator", body)))

        register(0)
        system.settle()
        assert process() is None  # what is stepped does the same work in the same order, alone
        register(40)
        system.start()
        for answer in answers:
            answer.result(60)
        started = process()
        assert started is not None
    with pytest.raises(ProcessLookupError):  # ended, and no zombie
        os.kill(started.pid, 0)
