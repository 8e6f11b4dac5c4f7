"""Verifies the signatures of commands, each once in a process: the gateway and a log's intake ask for the same one."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from itertools import starmap
from threading import Lock
from typing import Final

from counterfoil.contract.envelope import signed_bytes
from counterfoil.contract.recent import Recent
from counterfoil.contract.submission import Submission
from counterfoil.log.keys import verify
from counterfoil.runtime.verifier import PIPE_BYTES, Signed, Verifier

Pair = tuple[bytes, Submission]
"""A public key, and a submission that is to be signed by it."""
_KEPT: Final = 1_024 * 128  # bytes: key, hash of the payload and signature of each
_WORTH_WHILE: Final = 4  # signatures, to wake a process for them
_HERE: Final = 8  # of so many signatures the first is verified here, while the process begins with the others
_RECORD_BYTES: Final = 100  # what a message needs besides itself
_PATIENCE: Final = 0.25  # seconds for the next answers, some ten times as long as a process needs for all of them

_answers: Final = Recent[bool](_KEPT)

log = logging.getLogger("counterfoil.signatures")


def is_signed(public: bytes, submission: Submission) -> bool:
    """Whether the signature of a submission is by the key `public` (32 bytes).

    The answer follows from what it is kept by, so one given earlier may be believed, whoever asked. Payloads are not
    kept: anybody can send large ones that name a known key.
    """
    asked = _asked(public, submission)
    answer = _answers.get(asked)
    if answer is None:
        answer = verify(public, signed_bytes(submission.payload), submission.signature)
        _answers.keep(asked, answer)
    return answer


def _asked(public: bytes, submission: Submission) -> bytes:
    return b"".join((public, submission.content, submission.signature))


class Signatures:
    """Verifies many signatures at once: in a process beside this one, while the caller goes on with the first of them.

    While that process is busy for another log, and where it does not answer or has ended, they are verified here.
    """

    def __init__(self) -> None:
        self.beside = False
        """Whether a process may be started, once there is enough for it to do."""
        self._turn = Lock()  # guards the rest
        self._process: Verifier | None = None
        self._owed = 0  # answers of the process that are still to come

    @contextmanager
    def verifying(self, pairs: Sequence[Pair]) -> Iterator[Iterator[bool]]:
        """Begin to verify; yields, in order, for each pair whether the submission's signature is by the key (32 bytes).

        Each answer is waited for when it is taken.
        """
        if not self.beside or len(pairs) < _WORTH_WHILE or not self._turn.acquire(blocking=False):
            yield starmap(is_signed, pairs)
            return
        try:
            yield self._answers(pairs, self._give(pairs))
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the process. What is asked later is verified here."""
        with self._turn:
            self._end()

    def _give(self, pairs: Sequence[Pair]) -> AbstractSet[int]:
        """Give the process those that are to be verified, as many as it can take; the places of these."""
        unknown = [
            (place, signed)
            for place, (key, each) in enumerate(pairs)
            if _answers.get(_asked(key, each)) is None
            and (signed := Signed(key, signed_bytes(each.payload), each.signature)).fits()
        ]
        given = list(_at_once(unknown[len(unknown) // _HERE :]))
        if len(given) < _WORTH_WHILE:
            return frozenset()
        try:
            process = self._ready(given[0][1])
            if process is None:
                return frozenset()
            process.give([signed for _, signed in given], _PATIENCE)
        except OSError as problem:
            self._do_without(problem)
            return frozenset()
        self._owed = len(given)
        return {place for place, _ in given}

    def _answers(self, pairs: Sequence[Pair], given: AbstractSet[int]) -> Iterator[bool]:
        came = b""
        for place, pair in enumerate(pairs):
            if place in given:
                came = came or self._read()
                if came:
                    _answers.keep(_asked(*pair), came[0] == 1)
                    came = came[1:]
                else:
                    given = frozenset()
            yield is_signed(*pair)

    def _ready(self, trial: Signed) -> Verifier | None:
        """The process, started if there is none; None while it owes answers, at first the one to `trial`."""
        if self._process is None:
            self._process = Verifier()
            self._process.give([trial], _PATIENCE)
            self._owed = 1
        if self._owed:
            self._owed -= len(self._process.answers(0.0))
        return None if self._owed else self._process

    def _read(self) -> bytes:
        """The next answers; empty if they do not come in time."""
        try:
            came = b"" if self._process is None else self._process.answers(_PATIENCE)
        except OSError as problem:
            self._do_without(problem)
            return b""
        self._owed -= len(came)
        return came

    def _do_without(self, problem: OSError) -> None:
        log.warning("signatures are verified in this process from now on: %s", problem)
        self._end()

    def _end(self) -> None:
        process, self._process, self.beside = self._process, None, False
        if process is not None:
            process.close()


def _at_once(unknown: Iterable[tuple[int, Signed]]) -> Iterator[tuple[int, Signed]]:
    """As many as a process takes at once without being waited for."""
    room = PIPE_BYTES
    for place, signed in unknown:
        room -= len(signed.message) + _RECORD_BYTES
        if room < 0:
            return
        yield place, signed
