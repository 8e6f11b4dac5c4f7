"""The sessions by which parties read, and the port of their store; `counterfoil.ports` has the other ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Session:
    """A party's permission to read. Times are microseconds of the gateways' clocks.

    `digest`: SHA-256 of its token, which nobody keeps. `nonce`, of the document that opened it, opens no other of the
    party before `guarded_until`.
    """

    digest: bytes
    party_id: str
    key_id: str
    nonce: bytes
    guarded_until: int
    opened_at: int
    expires_at: int


class NonceUsed(Exception):
    """This document has opened a session already."""


class TooManySessions(Exception):
    """The party has opened as many as it may at once, and none of them is old enough to be ended for another."""


class SessionStore(Protocol):
    """The sessions of all parties, shared by the gateways of an instance. Safe to use from any thread."""

    def open(self, session: Session, at_most: int) -> None:
        """Keep a new one, durably, and forget those that are over at its `opened_at` with their nonces' time.

        Where the party has `at_most` of them, the oldest whose nonce's time is over is ended and forgotten. Raises
        `NonceUsed`, `TooManySessions`.
        """

    def find(self, digest: bytes, at: int) -> Session | None:
        """The one with this digest, if it is neither expired at `at` nor ended."""

    def of(self, party_id: str, at: int) -> list[Session]:
        """Those of a party that are neither expired at `at` nor ended, the oldest first."""

    def end(self, party_id: str, digest: bytes | None = None) -> None:
        """End one of the party's sessions, or all of them, durably."""

    def close(self) -> None:
        """Release the connections; idempotent."""
