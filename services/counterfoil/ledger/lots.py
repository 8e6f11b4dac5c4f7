"""Vouchers as the ledger keeps them: lots of value with a programme version, a holder, a time window and a status.

Conservation per voucher, at every index: face = holder's posted balance (of which what is pending is held) + redeemed +
expired + cancelled.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from heapq import heappop, heappush

from counterfoil.contract.refusals import Code


class Lot:
    """One voucher. `status`: active, frozen (suspended), revoked or expired."""

    __slots__ = (
        "beneficiary_id", "expires_at", "face", "issue_seq", "not_before", "programme_id", "status", "version",
        "voucher_id",
    )  # fmt: skip

    def __init__(
        self, voucher_id: str, programme_id: str, version: int, beneficiary_id: str, face: int,
        not_before: int, expires_at: int, issue_seq: int,
    ) -> None:  # fmt: skip
        self.voucher_id, self.programme_id, self.version = voucher_id, programme_id, version
        self.beneficiary_id, self.face = beneficiary_id, face
        self.not_before, self.expires_at, self.issue_seq = not_before, expires_at, issue_seq
        self.status = "active"

    def bar(self, time: int) -> Code | None:
        """Why the voucher cannot be drawn on at `time`; by ledger time alone, whether or not a sweep came by."""
        if self.status == "frozen":
            return Code.VOUCHER_SUSPENDED
        if self.status == "revoked":
            return Code.VOUCHER_REVOKED
        if time < self.not_before:
            return Code.VOUCHER_NOT_YET_VALID
        if time >= self.expires_at:
            return Code.VOUCHER_EXPIRED
        return None

    @property
    def dead(self) -> bool:
        """Whether released value must not become available again."""
        return self.status in ("revoked", "expired")

    def order(self) -> tuple[int, int, int, str]:
        """Draw-down order: what expires first is spent first; a total order."""
        return (self.expires_at, self.not_before, self.issue_seq, self.voucher_id)


class Vouchers:
    """Open lots, by id, by holder and programme in draw-down order, and by expiry."""

    __slots__ = ("_by_holder", "_expiry", "lots")

    def __init__(self) -> None:
        self.lots: dict[str, Lot] = {}
        self._by_holder: dict[tuple[str, str], list[tuple[int, int, int, str]]] = {}
        self._expiry: list[tuple[int, str]] = []

    def add(self, lot: Lot) -> None:
        """Take a new voucher up."""
        self.lots[lot.voucher_id] = lot
        insort(self._by_holder.setdefault((lot.beneficiary_id, lot.programme_id), []), lot.order())
        heappush(self._expiry, (lot.expires_at, lot.voucher_id))

    def drop(self, lot: Lot) -> None:
        """Forget a voucher that has no value left and can get none."""
        del self.lots[lot.voucher_id]
        key = (lot.beneficiary_id, lot.programme_id)
        mine = self._by_holder[key]
        del mine[bisect_left(mine, lot.order())]
        if not mine:
            del self._by_holder[key]

    def of(self, party_id: str, programme_id: str) -> Iterator[Lot]:
        """A party's vouchers of a programme in draw-down order."""
        for order in self._by_holder.get((party_id, programme_id), ()):
            yield self.lots[order[3]]

    def next_expiry(self) -> int | None:
        """When the next voucher runs out."""
        while self._expiry and not self._live(self._expiry[0][1]):
            heappop(self._expiry)
        return self._expiry[0][0] if self._expiry else None

    def expired_by(self, cutoff: int, most: int) -> list[Lot]:
        """Up to `most` vouchers that ran out at or before `cutoff` and were not swept yet, by (time, id)."""
        found: list[tuple[int, str]] = []
        while self._expiry and self._expiry[0][0] <= cutoff and len(found) < most:
            item = heappop(self._expiry)
            if self._live(item[1]):
                found.append(item)
        for item in found:  # only an event may take them out for good
            heappush(self._expiry, item)
        return [self.lots[voucher_id] for _, voucher_id in found]

    def _live(self, voucher_id: str) -> bool:
        lot = self.lots.get(voucher_id)
        return lot is not None and not lot.dead

    def records(self) -> Iterator[tuple[str, object]]:
        """Canonical records."""
        for lot in self.lots.values():
            times = [lot.not_before, lot.expires_at]
            value = [lot.programme_id, lot.version, lot.beneficiary_id, str(lot.face), *times, lot.issue_seq]
            yield f"voucher/{lot.voucher_id}", [*value, lot.status]
