"""Open vouchers as the ledger keeps them: programme version, validity, status, face.

How much each owner has is not stored here: the positions `owner/PARTY` in the voucher's own asset say that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from counterfoil.contract.refusals import Code
from counterfoil.core.form import AMOUNT, COUNT, TEXT, TIME, Form, one_of, optional, row
from counterfoil.core.table import Table

Order = tuple[int, int, int, str]


@dataclass(slots=True)
class Voucher:
    """One voucher. `issued_to` is its first owner; others may own parts of it.

    `index`: the entry that credited it: vouchers that expire at one time end in that order. `ended_at`: when it was
    revoked or expired. `expired_frozen`: it was suspended when it expired (rules from version 4).
    """

    voucher_id: str
    programme_id: str
    version: int
    issued_to: str
    face: int
    not_before: int
    expires_at: int
    issue_seq: int
    index: int
    status: Literal["active", "frozen", "revoked", "expired", "expired_frozen"] = "active"
    ended_at: int | None = None

    def bar(self, time: int) -> Code | None:
        """Why the voucher cannot be drawn on at `time`; by ledger time alone, swept or not."""
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
        return self.status == "revoked" or self.expired

    @property
    def expired(self) -> bool:
        """Whether it has expired, and the sweep has reached it."""
        return self.status in ("expired", "expired_frozen")

    @property
    def suspended(self) -> bool:
        """Whether it is suspended, or was when it expired."""
        return self.status in ("frozen", "expired_frozen")

    def order(self) -> Order:
        """Draw-down order: what expires first is spent first; a total order."""
        return (self.expires_at, self.not_before, self.issue_seq, self.voucher_id)


VOUCHER: Final = Form(
    "voucher",
    ("voucher_id",),
    row(
        Voucher, programme_id=TEXT, version=COUNT, issued_to=TEXT, face=AMOUNT, not_before=TIME, expires_at=TIME,
        issue_seq=COUNT, index=COUNT, status=one_of("active", "frozen", "revoked", "expired", "expired_frozen"),
        ended_at=optional(TIME),
    ),
    "a voucher of which somebody still owns a part; how much is in the positions `voucher_id/owner/party_id`",
    attributes=("voucher_id",),
)  # fmt: skip


class Vouchers:
    """Open vouchers by id, and by owner and programme in draw-down order."""

    __slots__ = ("_by_owner", "open")

    def __init__(self) -> None:
        self.open: Table[str, Voucher] = Table(VOUCHER)
        self._by_owner: dict[tuple[str, str], list[Order]] = {}

    def set_owner(self, voucher: Voucher, party_id: str, owns: bool) -> None:
        """Remember whether the party owns any of the voucher."""
        key, order = (party_id, voucher.programme_id), voucher.order()
        owned = self._by_owner.setdefault(key, [])
        place = bisect_left(owned, order)
        known = place < len(owned) and owned[place] == order
        if owns and not known:
            owned.insert(place, order)
        elif known and not owns:
            del owned[place]
        if not owned:
            del self._by_owner[key]

    def of(self, party_id: str, programme_id: str) -> Iterator[Voucher]:
        """The vouchers of a programme that a party owns any of, in draw-down order."""
        for order in self._by_owner.get((party_id, programme_id), ()):
            yield self.open[order[3]]

    def owners(self) -> Iterator[tuple[str, str]]:
        """(party, voucher) for each entry of the index."""
        for (party_id, _), orders in self._by_owner.items():
            yield from ((party_id, order[3]) for order in orders)

    def forget_owners(self) -> None:
        """Empty the index by owner."""
        self._by_owner = {}
