"""The webhooks by which parties are sent their events, and the port of their store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Webhook:
    """What a party is sent, where to, and how far. Times: microseconds of the gateways' clocks; 0 and ``""``: none.

    `key_id`: of the session that created or resumed it. `types`: the event types that are delivered; none for all.
    `old_secret` signs beside `secret` until `old_until`. `revision` grows with each change by its party. `paused`: why
    nothing is delivered. `positions`: ``service[/shard]:index`` of the next entry of each log, with commas; `last_id`:
    the event that was delivered last, perhaps one of several of an entry. `delivered`: how many were. `last_status`:
    what the attempt at `last_at` came to. `failures`: attempts in a row, from `failing_since` on. `holder`: the gateway
    that delivers it until `held_until`.
    """

    id: str
    party_id: str
    key_id: str
    url: str
    types: tuple[str, ...]
    secret: bytes = field(repr=False)
    created_at: int
    positions: str
    old_secret: bytes = field(default=b"", repr=False)
    old_until: int = 0
    revision: int = 0
    paused: str = ""
    last_id: str = ""
    delivered: int = 0
    last_at: int = 0
    last_status: str = ""
    failures: int = 0
    failing_since: int = 0
    next_try: int = 0
    tested_at: int = 0
    holder: str = ""
    held_until: int = 0


class TooManyWebhooks(Exception):
    """The party has as many as it may have."""


class WebhookStore(Protocol):
    """The webhooks of all parties, shared by the gateways of an instance. Safe to use from any thread.

    `changes` are members of `Webhook` with new values. Every change is durable when a method returns.
    """

    @property
    def in_use(self) -> bool:
        """Whether there can be any; returns at once."""

    def create(self, webhook: Webhook, at_most: int) -> None:
        """Keep a new one. Raises `TooManyWebhooks` where the party has `at_most`."""

    def of(self, party_id: str) -> list[Webhook]:
        """Those of a party, the oldest first."""

    def find(self, party_id: str, webhook_id: str) -> Webhook | None:
        """One of a party."""

    def change(self, party_id: str, webhook_id: str, changes: Mapping[str, object]) -> Webhook | None:
        """Change one for its party, with a new revision: what its holder is about to record is not. None: no such."""

    def delete(self, party_id: str, webhook_id: str) -> bool:
        """Forget one with its secret; False if there is no such."""

    def take_test(self, party_id: str, webhook_id: str, at: int, every: int) -> bool:
        """Record a test at `at`, unless the last was less than `every` before."""

    def claim(self, holder: str, at: int, until: int, at_most: int) -> list[Webhook]:
        """Take the leases of up to `at_most` that are not paused and that nobody holds at `at`."""

    def renew(self, holder: str, until: int) -> None:
        """Extend every lease that is still this holder's."""

    def held(self, holder: str) -> list[Webhook]:
        """Those of this holder that are not paused, as they are now."""

    def release(self, holder: str) -> None:
        """Give up this holder's leases."""

    def record(self, webhook: Webhook, changes: Mapping[str, object]) -> bool:
        """Change one for its holder; False, and nothing is changed, if another holds it or its revision is another."""

    def close(self) -> None:
        """Release the connections; idempotent."""
