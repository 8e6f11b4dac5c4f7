"""Passes only commands signed by a registered key to a service, so that others cannot fill its inbox.

The service verifies again and decides whether the key is in force; this is only a filter in front of it.
"""

from __future__ import annotations

import asyncio
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
    """Verifies envelopes under the keys of the view `keys`. For one event loop; keys are read on its worker threads."""

    def __init__(self, backend: Backend, views: ViewPositions) -> None:
        self._backend, self._views = backend, views
        self._known: dict[tuple[str, str], bytes] = {}  # by party and key id; a key never changes

    async def check(self, submission: Submission) -> None:
        """Raises `Refused` (unknown_key, bad_signature), or `Problem` 503 while the view's backlog is too large."""
        public = await self._key(submission.header.actor, submission.header.key_id)
        # On the loop: handing it to a thread would cost more than the 40 to 100 us that it takes.
        if not is_signed(public, submission):
            raise Refused(Code.BAD_SIGNATURE)

    async def _key(self, party_id: str, key_id: str) -> bytes:
        known = self._known.get((party_id, key_id))
        if known is not None:
            return known
        found = await asyncio.to_thread(self._read, party_id, key_id)
        if found is None:
            await self._catch_up()
            found = await asyncio.to_thread(self._read, party_id, key_id)
        if found is None:
            raise Refused(Code.UNKNOWN_KEY, actor=party_id, key_id=key_id)
        if len(self._known) >= KEYS_KEPT:
            del self._known[next(iter(self._known))]
        self._known[party_id, key_id] = found
        return found

    def _read(self, party_id: str, key_id: str) -> bytes | None:
        row = self._backend.views.get("keys", (party_id, key_id))
        return None if row is None else decode_base64(str(row["public_key"]))

    async def _catch_up(self) -> None:
        """Wait until the view holds all that issuance announced, and so every key whose receipt was given out."""
        origin = self._backend.origins[LogId("issuance")]
        if not await self._views.reach({origin: self._backend.receipts.ends()[origin]}, CATCH_UP_WITHIN):
            title = (
                "The gateway does not know every key yet; the command was not accepted. Send the same command again."
            )
            raise Problem(503, "catching_up", title, headers={"Retry-After": "1"})
