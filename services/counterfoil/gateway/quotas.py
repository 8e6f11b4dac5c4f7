"""What each party may send: a token bucket of entries, and one of bytes, decided before anything is logged."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from counterfoil.gateway.bounds import BURST_SECONDS, PARTIES_KEPT, REFUSED_WEIGHS
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.runtime.receipts import Answer, Recorded

_SECOND: Final = 10**9


@dataclass(frozen=True, slots=True)
class Quota:
    """What one party may add to the logs through one gateway, on average; at once as much as in `BURST_SECONDS`."""

    entries_per_second: int = 250
    bytes_per_second: int = 524_288


class Quotas:
    """The buckets of all parties, for one event loop.

    A command takes one entry and its envelope's bytes. When it is decided, its entry's other bytes are taken as well,
    and of what was refused `REFUSED_WEIGHS` times as much: the bucket may owe.

    Whoever reads a log can send a party's commands again. So once half of a bucket is used, the caller looks first for
    what was decided before, which takes nothing: the other half is the party's own.
    """

    def __init__(self, quota: Quota, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """`clock`: nanoseconds that only grow."""
        self._quota, self._clock = quota, clock
        self._full_at: dict[str, tuple[int, int]] = {}  # per party, when its two buckets are full again

    def is_half_used(self, party: str) -> bool:
        """Whether less than half of one of the party's buckets is left."""
        now = self._clock()
        return max(self._full_at.get(party, (now, now))) - now > BURST_SECONDS * _SECOND // 2

    def take(self, party: str, size: int) -> None:
        """Take a command of `size` bytes. Raises `Problem` 429 with the seconds to wait, and takes nothing."""
        now = self._clock()
        entries, octets = self._charged(party, 1, size, now)
        wait = max(entries, octets) - now - BURST_SECONDS * _SECOND
        if wait > 0:
            raise Problem(ProblemCode.RATE_LIMITED, party, headers={"Retry-After": str(-(-wait // _SECOND))})
        self._keep(party, (entries, octets), now)

    def settle(self, party: str, size: int, answer: Answer) -> None:
        """A command of `size` bytes was answered: take what its entry has beyond that."""
        if not isinstance(answer, Recorded):
            return  # refused without an entry
        outcomes = answer.entry.outcomes
        refused = sum(outcome.refusal is not None for outcome in outcomes) / max(1, len(outcomes))
        weight, now = 1 + refused * (REFUSED_WEIGHS - 1), self._clock()
        self._keep(party, self._charged(party, weight - 1, weight * len(answer.data) - size, now), now)

    def _charged(self, party: str, entries: float, octets: float, now: int) -> tuple[int, int]:
        first, second = self._full_at.get(party, (now, now))
        quota = self._quota
        return (
            max(first, now) + round(entries * _SECOND / quota.entries_per_second),
            max(second, now) + round(max(0.0, octets) * _SECOND / quota.bytes_per_second),
        )

    def _keep(self, party: str, full_at: tuple[int, int], now: int) -> None:
        if party not in self._full_at and len(self._full_at) >= PARTIES_KEPT:
            self._full_at = {name: at for name, at in self._full_at.items() if max(at) > now}
        self._full_at[party] = full_at
