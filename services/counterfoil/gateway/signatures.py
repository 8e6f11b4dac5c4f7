"""Passes only commands signed by a registered key to a service, so that others cannot fill its inbox.

The service verifies again and decides whether the key is in force; this is only a filter in front of it.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Final

from counterfoil.contract.canonical import Refused
from counterfoil.contract.log_id import LogId
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import decode_base64
from counterfoil.contract.submission import Submission
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.problems import Problem
from counterfoil.gateway.view_positions import ViewPositions
from counterfoil.runtime.signatures import is_signed

KEYS_KEPT: Final = 16_384
CATCH_UP_WITHIN: Final = 2.0  # seconds


class Signatures:
    """Verifies envelopes under the keys of the view `keys`. For one event loop; the work runs on its worker threads."""

    def __init__(self, backend: Backend, views: ViewPositions) -> None:
        self._backend, self._views = backend, views
        self._public_key = lru_cache(KEYS_KEPT)(self._read)  # a key never changes; unknown keys are not cached

    async def check(self, submission: Submission) -> None:
        """Raises `Refused` (unknown_key, bad_signature), or `Problem` 503 while the view's backlog is too large."""
        good = await asyncio.to_thread(self._verify, submission)
        if good is None:
            await self._catch_up()
            good = await asyncio.to_thread(self._verify, submission)
        if good is None:
            raise Refused(Code.UNKNOWN_KEY, actor=submission.header.actor, key_id=submission.header.key_id)
        if not good:
            raise Refused(Code.BAD_SIGNATURE)

    def _verify(self, submission: Submission) -> bool | None:
        """Whether the signature is by the key that the command names; None if there is no such key."""
        try:
            public = self._public_key(submission.header.actor, submission.header.key_id)
        except LookupError:
            return None
        return is_signed(public, submission.payload, submission.signature)

    def _read(self, party_id: str, key_id: str) -> bytes:
        row = self._backend.views.get("keys", (party_id, key_id))
        if row is None:
            raise LookupError(key_id)
        return decode_base64(str(row["public_key"]))

    async def _catch_up(self) -> None:
        """Wait until the view holds all that issuance announced, and so every key whose receipt was given out."""
        origin = self._backend.origins[LogId("issuance")]
        if not await self._views.reach({origin: self._backend.receipts.ends()[origin]}, CATCH_UP_WITHIN):
            title = (
                "The gateway does not know every key yet; the command was not accepted. Send the same command again."
            )
            raise Problem(503, "catching_up", title, headers={"Retry-After": "1"})
