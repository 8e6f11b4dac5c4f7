"""Verifies the signatures of commands, each once in a process: the gateway and a log's intake ask for the same one."""

from __future__ import annotations

from typing import Final

from counterfoil.contract.envelope import signed_bytes
from counterfoil.contract.recent import Recent
from counterfoil.contract.submission import Submission
from counterfoil.log.keys import verify

_KEPT: Final = 1_024 * 128  # bytes: key, hash of the payload and signature of each

_answers: Final = Recent[bool](_KEPT)


def is_signed(public: bytes, submission: Submission) -> bool:
    """Whether the signature of a submission is by the key `public` (32 bytes).

    The answer follows from what it is kept by, so one given earlier may be believed, whoever asked. Payloads are not
    kept: anybody can send large ones that name a known key.
    """
    asked = b"".join((public, submission.content, submission.signature))
    answer = _answers.get(asked)
    if answer is None:
        answer = verify(public, signed_bytes(submission.payload), submission.signature)
        _answers.keep(asked, answer)
    return answer
