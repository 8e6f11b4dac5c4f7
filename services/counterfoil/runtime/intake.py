"""Checks envelopes before they reach a decider: the form first, then the signature.

The command executed later is parsed from exactly the bytes whose signature was verified here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Any, NamedTuple

from counterfoil.contract.canonical import Refused
from counterfoil.contract.log_id import log_of
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.submission import Submission
from counterfoil.core.decider import Decider, refuse
from counterfoil.core.directory import Directory
from counterfoil.ports import Reply
from counterfoil.runtime.signatures import Signatures
from counterfoil.vocabulary import CODEC


class Opened(NamedTuple):
    """A command to decide, if its signature is right: its place in the batch, and the key that must have signed it."""

    place: int
    key: bytes
    submission: Submission


class Intake:
    """The intake of one log, for the commands addressed to its `origin`."""

    def __init__(self, decider: Decider[Any], origin: str, signatures: Signatures) -> None:
        self._decider, self._log, self._origin, self._signatures = decider, log_of(origin), origin, signatures

    def open(self, envelopes: Sequence[bytes], directory: Directory) -> tuple[list[Opened], list[tuple[int, Reply]]]:
        """The envelopes in form and by a known key, in order, and a refusal for each of the others with its place."""
        opened: list[Opened] = []
        refused: list[tuple[int, Reply]] = []
        for place, envelope in enumerate(envelopes):
            try:
                submission = self._parse(envelope)
                opened.append(Opened(place, self._key(submission, directory), submission))
            except Refused as problem:
                refused.append((place, self._reply(*_sender(envelope), problem.refusal)))
        return opened, refused

    def verifying(self, opened: Sequence[Opened]) -> AbstractContextManager[Iterator[bool]]:
        """Begin to verify their signatures; for each, in order, whether it is right."""
        return self._signatures.verifying([(each.key, each.submission) for each in opened])

    def forged(self, opened: Opened) -> tuple[int, Reply]:
        """The refusal of one that is not signed by its key, with its place."""
        submission = opened.submission
        return opened.place, self._reply(submission.content, submission.signature, refuse(Code.BAD_SIGNATURE))

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

    def _reply(self, content: bytes, signature: bytes, refused: Refusal) -> Reply:
        return Reply(self._log, content, refused, None, signature)


def _sender(envelope: bytes) -> tuple[bytes, bytes]:
    """Identifies a sender: hash of the payload and signature, or the envelope's hash if it has no payload."""
    try:
        submission = CODEC.decode_envelope(envelope)
    except Refused:
        return sha256(envelope).digest(), b""
    return submission.content, submission.signature
