"""Passes only commands signed by a registered key to a service, so that others cannot fill its inbox or its log.

The service verifies again and decides whether the key is in force; this is only a filter in front of it. A key that
was revoked is known here from the view of keys, or from the first refusal for it: its commands make no more entries.
"""

from __future__ import annotations

from typing import NamedTuple

from counterfoil.contract.canonical import Refused
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import decode_base64
from counterfoil.contract.submission import Submission
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import CATCH_UP_WITHIN, KEYS_KEPT
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.view_positions import ViewPositions
from counterfoil.runtime.receipts import Answer, Recorded
from counterfoil.runtime.signatures import is_signed


class _Key(NamedTuple):
    """A registered key, and whether it has been revoked."""

    public: bytes
    revoked: bool


class Signatures:
    """Verifies envelopes under the keys of the view `keys`. For one event loop."""

    def __init__(self, backend: Backend, views: ViewPositions) -> None:
        self._backend, self._views = backend, views
        self._known: dict[tuple[str, str], _Key] = {}  # by party and key id; its bytes never change

    async def check(self, submission: Submission) -> None:
        """Raises `Refused` (unknown_key, bad_signature, key_revoked), or `Problem` 503 while keys are missing."""
        header = submission.header
        key = await self._key(header.actor, header.key_id)
        # On the loop: handing it to a thread would cost more than the 40 to 100 us that it takes.
        if not is_signed(key.public, submission):
            raise Refused(Code.BAD_SIGNATURE)
        if key.revoked and not await self._views.pool.run(self._is_recorded, submission):
            raise Refused(Code.KEY_REVOKED, key_id=header.key_id)

    def answered(self, submission: Submission, answer: Answer) -> None:
        """A command was answered: a refusal may say that its key has been revoked."""
        if isinstance(answer, Recorded):
            refusals = [outcome.refusal for outcome in answer.entry.outcomes]
            if any(refusal is not None and refusal.code is Code.KEY_REVOKED for refusal in refusals):
                self._known.pop((submission.header.actor, submission.header.key_id), None)

    async def _key(self, party_id: str, key_id: str) -> _Key:
        known = self._known.get((party_id, key_id))
        if known is not None:
            return known
        found = await self._views.pool.run(self._read, party_id, key_id)
        if found is None:
            await catch_up(self._backend, self._views)
            found = await self._views.pool.run(self._read, party_id, key_id)
        if found is None:
            raise Refused(Code.UNKNOWN_KEY, actor=party_id, key_id=key_id)
        if len(self._known) >= KEYS_KEPT:
            del self._known[next(iter(self._known))]
        self._known[party_id, key_id] = found
        return found

    def _read(self, party_id: str, key_id: str) -> _Key | None:
        row = self._backend.views.get("keys", (party_id, key_id))
        return None if row is None else _Key(decode_base64(str(row["public_key"])), row["revoked_at"] is not None)

    def _is_recorded(self, submission: Submission) -> bool:
        """Whether the command was decided earlier, so that it is answered from its entry and makes none."""
        id_ = f"{submission.header.actor}/{submission.header.command_id}"
        return id_ in self._backend.stores[log_of(submission.header.aud)].find([id_])


async def catch_up(backend: Backend, views: ViewPositions) -> None:
    """Wait until the views hold all that issuance announced, and so every key whose receipt was given out.

    Raises `Problem` 503.
    """
    origin = backend.origins[LogId("issuance")]
    if not await views.reach({origin: backend.receipts.ends()[origin]}, CATCH_UP_WITHIN):
        raise Problem(ProblemCode.CATCHING_UP, "The gateway does not know every key yet.")
