"""Signatures are verified wherever there is time for it, and the findings are the same."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from counterfoil.audit import shares, signatures
from counterfoil.audit.auditor import audit
from counterfoil.audit.signatures import Claim, Signatures
from counterfoil.log.keys import SigningKey
from counterfoil.runtime.verifier import Signed
from tests.audit.forge import Forgery

KEY = SigningKey("log.example/test", bytes(32))
COUNT = 1_000


def claim(bad: list[int], number: int) -> Claim:
    """Every tenth is not right: another message, a signature or a key of another length, or no point."""
    message, public = b"message %d" % number, KEY.verify_key.public
    signature = KEY.sign(message)
    wrong = [
        Signed(public, message + b"x", signature),
        Signed(public, message, signature[:-1]),
        Signed(public + b"x", message, signature),
        Signed(bytes(32), message, signature),
    ]
    return Claim(bad, number, wrong[number // 10 % 4] if number % 10 == 0 else Signed(public, message, signature))


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are started for few signatures already."""
    monkeypatch.setattr(signatures, "_ALONE", 0)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("processes", [0, 1, 3])
def test_a_bad_signature_is_found_wherever_it_is_verified(processes: int) -> None:
    bad: list[int] = []
    with Signatures(processes) as verifier:
        for number in range(COUNT):
            verifier.verify(claim(bad, number))
        verifier.settle()
    assert sorted(bad) == list(range(0, COUNT, 10))


@pytest.mark.usefixtures("at_once")
def test_what_a_process_leaves_is_verified_here() -> None:
    bad: list[int] = []
    with Signatures(2) as verifier:
        for number in range(COUNT):
            if number in (100, 600):
                os.kill(verifier._workers[number // 500]._process.pid, signal.SIGKILL)
            verifier.verify(claim(bad, number))
        verifier.settle()
    assert sorted(bad) == list(range(0, COUNT, 10))


@pytest.mark.usefixtures("at_once")
def test_findings_do_not_depend_on_the_number_of_cores(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Forgery(small, "issuance")
    for index in log.caused_by("command")[2:5]:
        entry = log.entries[index]
        entry["data"]["cause"]["command"]["sig"] = log.entries[1]["data"]["cause"]["command"]["sig"]
    log.seal()
    reports = []
    for count in (1, 2, 4):
        monkeypatch.setattr(shares, "cores", lambda count=count: count)
        reports.append(audit(small))
    assert {each.code for each in reports[0].findings} >= {"signature_not_valid"}
    assert reports[1:] == reports[:-1]
