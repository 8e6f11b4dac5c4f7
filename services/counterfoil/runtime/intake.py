"""Checks envelopes before they reach a decider: the form first, then the signature.

The command executed later is parsed from exactly the bytes whose signature was verified here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

from counterfoil.catalogue import CODEC
from counterfoil.contract.canonical import Refused
from counterfoil.contract.log_id import log_of
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.submission import Submission
from counterfoil.core.decider import Decider, refuse
from counterfoil.core.directory import Directory
from counterfoil.ports import Reply
from counterfoil.runtime.signatures import is_signed

_CHUNK = 16  # signatures per job of the pool; libsodium releases the interpreter lock while it verifies


class Intake:
    """The intake of one log, for the commands addressed to its `origin`."""

    def __init__(self, decider: Decider[Any], origin: str, pool: ThreadPoolExecutor | None) -> None:
        self._decider, self._log, self._origin, self._pool = decider, log_of(origin), origin, pool

    def open(
        self, envelopes: Sequence[bytes], directory: Directory
    ) -> tuple[list[tuple[int, Submission]], list[tuple[int, Reply]]]:
        """The envelopes to decide, in order, and a refusal for each of the others; each with its index."""
        parsed: list[Submission] = []
        places: list[int] = []
        keys: list[bytes] = []
        refused: list[tuple[int, Reply]] = []
        for place, envelope in enumerate(envelopes):
            try:
                submission = self._parse(envelope)
                keys.append(self._key(submission, directory))
                parsed.append(submission)
                places.append(place)
            except Refused as problem:
                refused.append((place, self._reply(*_sender(envelope), problem.refusal)))
        accepted = []
        for place, submission, good in zip(places, parsed, self._verify(parsed, keys), strict=True):
            if good:
                accepted.append((place, submission))
            else:
                refusal = refuse(Code.BAD_SIGNATURE)
                refused.append((place, self._reply(submission.content, submission.signature, refusal)))
        return accepted, refused

    def _parse(self, envelope: bytes) -> Submission:
        submission = CODEC.decode_envelope(envelope)
        if submission.header.aud != self._origin:
            raise Refused(Code.WRONG_AUDIENCE, expected=self._origin)
        if any(type(body) not in self._decider.commands for body in submission.bodies):
            raise Refused(Code.WRONG_AUDIENCE, reason="another service decides this command")
        for body in submission.bodies:
            check = self._decider.intake.get(type(body))
            refusal = None if check is None else check(body)
            if refusal is not None:
                raise Refused(refusal.code, **dict(refusal.detail))
        return submission

    @staticmethod
    def _key(submission: Submission, directory: Directory) -> bytes:
        header = submission.header
        key = directory.public_key(header.actor, header.key_id)
        if key is None:
            raise Refused(Code.UNKNOWN_KEY, actor=header.actor, key_id=header.key_id)
        return key

    def _verify(self, submissions: Sequence[Submission], keys: Sequence[bytes]) -> list[bool]:
        def chunk(start: int) -> list[bool]:
            stop = start + _CHUNK
            pairs = zip(submissions[start:stop], keys[start:stop], strict=True)
            return [is_signed(key, each) for each, key in pairs]

        starts = range(0, len(submissions), _CHUNK)
        run: Callable[..., object] = map if self._pool is None or len(starts) < 2 else self._pool.map
        return [good for part in run(chunk, starts) for good in part]  # type: ignore[attr-defined]

    def _reply(self, content: bytes, signature: bytes, refused: Refusal) -> Reply:
        return Reply(self._log, content, refused, None, signature)


def _sender(envelope: bytes) -> tuple[bytes, bytes]:
    """Identifies a sender: hash of the payload and signature, or the envelope's hash if it has no payload."""
    try:
        submission = CODEC.decode_envelope(envelope)
    except Refused:
        return sha256(envelope).digest(), b""
    return submission.content, submission.signature
