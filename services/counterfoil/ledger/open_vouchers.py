"""Open vouchers as the ledger keeps them: programme version, validity, status, face.

How much each owner has is not stored here: the positions `owner/PARTY` in the voucher's own asset say that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
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


class _Owned:
    """What a party owns of one programme: the vouchers in draw-down order, and how many there are of each version."""

    __slots__ = ("every", "unheld", "versions")

    def __init__(self) -> None:
        self.every: list[Order] = []
        self.unheld: list[Order] = []
        """Those of which some is not held."""
        self.versions: dict[int, int] = {}


class Vouchers:
    """Open vouchers by id, and by owner and programme in draw-down order."""

    __slots__ = ("_by_owner", "open")

    def __init__(self) -> None:
        self.open: Table[str, Voucher] = Table(VOUCHER)
        self._by_owner: dict[tuple[str, str], _Owned] = {}

    def set_owner(self, voucher: Voucher, party_id: str, *, owns: bool, spends: bool) -> None:
        """Remember whether the party owns any of the voucher, and whether any of that is not held."""
        key, order = (party_id, voucher.programme_id), voucher.order()
        owned = self._by_owner.get(key)
        if owned is None:
            owned = self._by_owner[key] = _Owned()
        change = _set(owned.every, order, has=owns)
        if change:
            owned.versions[voucher.version] = owned.versions.get(voucher.version, 0) + change
            if not owned.versions[voucher.version]:
                del owned.versions[voucher.version]
        _set(owned.unheld, order, has=spends)
        if not owned.every:
            del self._by_owner[key]

    def of(self, party_id: str, programme_id: str) -> Iterator[Voucher]:
        """The vouchers of a programme that a party owns any of, in draw-down order."""
        owned = self._by_owner.get((party_id, programme_id))
        return iter(()) if owned is None else (self.open[order[3]] for order in owned.every)

    def unheld(self, party_id: str, programme_id: str) -> Iterator[Voucher]:
        """Those of them of which some is not held: what is all held pays for nothing new, however many there are."""
        owned = self._by_owner.get((party_id, programme_id))
        return iter(()) if owned is None else (self.open[order[3]] for order in owned.unheld)

    def count(self, party_id: str, programme_id: str) -> int:
        """How many vouchers of a programme a party owns any of."""
        owned = self._by_owner.get((party_id, programme_id))
        return 0 if owned is None else len(owned.every)

    def versions(self, party_id: str, programme_id: str) -> Iterable[int]:
        """Of which versions of a programme a party owns vouchers."""
        owned = self._by_owner.get((party_id, programme_id))
        return () if owned is None else owned.versions

    def owners(self) -> Iterator[tuple[str, str]]:
        """(party, voucher) for each entry of the index."""
        for (party_id, _), owned in self._by_owner.items():
            yield from ((party_id, order[3]) for order in owned.every)

    def spenders(self) -> Iterator[tuple[str, str]]:
        """The same of what is not held."""
        for (party_id, _), owned in self._by_owner.items():
            yield from ((party_id, order[3]) for order in owned.unheld)

    def forget_owners(self) -> None:
        """Empty the index by owner."""
        self._by_owner = {}


def _set(orders: list[Order], order: Order, *, has: bool) -> int:
    """Let the sorted list have it or not; how many more it has then: 1, 0 or -1."""
    place = bisect_left(orders, order)
    known = place < len(orders) and orders[place] == order
    if has and not known:
        orders.insert(place, order)
    elif known and not has:
        del orders[place]
    return has - known
