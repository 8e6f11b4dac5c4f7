"""A signature is verified once in a process, and what is remembered of it does not grow with what was signed."""

from __future__ import annotations

import os
import signal
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import sha256

import pytest

from counterfoil.contract import limits
from counterfoil.contract.recent import Recent
from counterfoil.contract.submission import Submission
from counterfoil.log import keys
from counterfoil.runtime import signatures
from counterfoil.runtime.signatures import Signatures, is_signed
from counterfoil.vocabulary import CODEC
from tests.runtime.harness import STRANGER, TREASURER, deposit

GOOD = CODEC.decode_envelope(deposit(424_242))  # no other test has this one verified in the same process
OTHER = CODEC.decode_envelope(deposit(424_243))
FLOOD = 300
GOODS = [CODEC.decode_envelope(deposit(number)) for number in range(60)]
PAIRS: list[tuple[bytes, Submission, bool]] = [
    *((TREASURER.public_key, each, True) for each in GOODS),
    (STRANGER.public_key, GOODS[0], False),
    (TREASURER.public_key, replace(GOODS[1], signature=GOODS[2].signature), False),
]
HERE = len(PAIRS) // signatures._HERE


def test_an_answer_is_for_one_key_one_payload_and_one_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[bytes] = []

    def counted(public: bytes, message: bytes, signature: bytes) -> bool:
        verified.append(signature)
        return keys.verify(public, message, signature)

    monkeypatch.setattr(signatures, "verify", counted)
    mixed = replace(GOOD, signature=OTHER.signature)
    for _ in range(2):
        assert is_signed(TREASURER.public_key, GOOD)
        assert not is_signed(STRANGER.public_key, GOOD)
        assert not is_signed(TREASURER.public_key, mixed)
    assert verified == [GOOD.signature, GOOD.signature, mixed.signature]


def test_a_flood_of_large_payloads_with_bad_signatures_takes_no_memory() -> None:
    """Anybody can send them, in the name of any key that is known."""
    size = limits.MAX_BATCH_PAYLOAD_BYTES
    tracemalloc.start()
    try:
        for nth in range(FLOOD):
            payload = b"%d" % nth * (size // 4)
            is_signed(TREASURER.public_key, replace(GOOD, payload=payload, content=sha256(payload).digest()))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < FLOOD * size // 10


class Beside(Signatures):
    """Verifies in a process of its own; knows how often that was done here all the same."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.beside = True
        self.here = 0
        self._patch = monkeypatch
        monkeypatch.setattr(signatures, "verify", self._verify)

    def _verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        self.here += 1
        return keys.verify(public, message, signature)

    def forget(self) -> None:
        """Forget every answer that was ever given."""
        self._patch.setattr(signatures, "_answers", Recent[bool](signatures._KEPT))

    def ask(self) -> bool:
        """Have all of `PAIRS` verified anew, with the right answers; whether only the first were verified here."""
        self.forget()
        before = self.here
        with self.verifying([(key, each) for key, each, _ in PAIRS]) as answers:
            assert list(answers) == [good for _, _, good in PAIRS]
        return self.here - before == HERE

    def until_it_works(self) -> None:
        """Ask until the process beside takes its part."""
        while not self.ask():
            time.sleep(0.01)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Beside]:
    with closing(Beside(monkeypatch)) as made:
        yield made


def test_many_signatures_are_verified_by_a_process_as_here(beside: Beside) -> None:
    assert not beside.ask(), "nobody waits for a process to begin"
    beside.until_it_works()
    short = replace(GOOD, signature=GOOD.signature[:-1])
    pairs = [(TREASURER.public_key, each) for each in (*GOODS, short, GOOD)]
    with beside.verifying(pairs) as answers:
        assert list(answers) == [*[True] * len(GOODS), False, True]


def test_a_process_that_was_killed_is_not_missed(beside: Beside, caplog: pytest.LogCaptureFixture) -> None:
    beside.until_it_works()
    pid = beside.pid
    os.kill(pid, signal.SIGKILL)
    assert not beside.ask()
    assert not beside.ask()
    assert len(caplog.records) == 1
    with pytest.raises(ChildProcessError):  # it was waited for, so that no zombie is left
        os.waitpid(pid, 0)


def test_a_frozen_process_is_asked_again_once_it_has_answered(beside: Beside) -> None:
    beside.until_it_works()
    os.kill(beside.pid, signal.SIGSTOP)
    try:
        for _ in range(2):
            assert not beside.ask()
            assert beside._owed == len(PAIRS) - HERE  # of the first time: it is given nothing more
    finally:
        os.kill(beside.pid, signal.SIGCONT)
    beside.until_it_works()


def test_answers_that_nobody_takes_are_not_taken_for_later_ones(beside: Beside) -> None:
    beside.until_it_works()
    beside.forget()
    with beside.verifying([(STRANGER.public_key, each) for each in GOODS]) as answers:
        assert not next(answers)
    beside.until_it_works()
