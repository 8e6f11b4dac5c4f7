"""Value of a voucher that its holder cannot spend, though no order holds it.

Proposed transfers, pledges, parts that are released later, and what is offered on the credit market. What is encumbered
stays the holder's, and pending, until that is over, or the part is released. It ends with its voucher.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple, cast

from counterfoil.core.form import AMOUNT, COUNT, FLAG, TEXT, TIME, TRUE, Form, optional, row
from counterfoil.core.table import Nested, Records, Table
from counterfoil.programme.expiry import NEVER


class Transfer(NamedTuple):
    """A proposed transfer: who is to get how much of a voucher, for what price (micro-units of the programme).

    `fee` goes to the issuer. `approved`: the issuer has approved it. It lapses at `until`.
    """

    voucher_id: str
    holder_id: str
    receiver_id: str
    amount: int
    price: int
    fee: int
    approved: bool
    until: int


class Pledge(NamedTuple):
    """So much of a holder's voucher is security for the pledgee, until the voucher ends (`until`) at the latest."""

    voucher_id: str
    holder_id: str
    pledgee_id: str
    amount: int
    until: int


class Tranche(NamedTuple):
    """A part of a holder's voucher that waits for the issuer to release it, and what for; it ends with the voucher.

    `due_on`: a local day; `used`: how much of the parts before, which are `former`, is to be used first. `attested`:
    the attester has given its word.
    """

    voucher_id: str
    holder_id: str
    amount: int
    release_on: str
    due_on: int | None
    attester_id: str | None
    former: int | None
    used: int | None
    attested: bool

    @property
    def until(self) -> int:
        """It never lapses by itself."""
        return NEVER


class OnOffer(NamedTuple):
    """So much of a holder's voucher is on the book by an order for credit; it ends with the voucher."""

    voucher_id: str
    holder_id: str
    amount: int

    @property
    def until(self) -> int:
        """It never lapses by itself."""
        return NEVER


class Hand(NamedTuple):
    """How a holder came by its part of a voucher: the transfers of that part since the issue, and the time of the last.

    Of several parts that came to one holder, the most transfers count, and the last time.
    """

    hops: int
    since: int


TRANSFER: Final = Form(
    "transfer",
    ("transfer_id",),
    row(
        Transfer, voucher_id=TEXT, holder_id=TEXT, receiver_id=TEXT, amount=AMOUNT, price=AMOUNT, fee=AMOUNT,
        approved=FLAG, until=TIME,
    ),
    "a transfer that was proposed, and is neither accepted nor closed",
)  # fmt: skip
PLEDGE: Final = Form(
    "pledge",
    ("pledge_id",),
    row(Pledge, voucher_id=TEXT, holder_id=TEXT, pledgee_id=TEXT, amount=AMOUNT, until=TIME),
    "a part of a voucher that is pledged",
)
TRANCHE: Final = Form(
    "tranche",
    ("tranche_id",),
    row(
        Tranche, voucher_id=TEXT, holder_id=TEXT, amount=AMOUNT, release_on=TEXT, due_on=optional(COUNT),
        attester_id=optional(TEXT), former=optional(AMOUNT), used=optional(AMOUNT), attested=FLAG,
    ),
    "a part of a voucher that is not released, and what it waits for",
)  # fmt: skip
ON_OFFER: Final = Form(
    "on_offer",
    ("order_id",),
    row(OnOffer, voucher_id=TEXT, holder_id=TEXT, amount=AMOUNT),
    "a part of a voucher that is on the book of the credit market",
)
CONSENT: Final = Form(
    "consent",
    ("transfer_id",),
    TRUE,
    "a transfer that its receiver takes, if by what issuance is asked the programme lets it",
)
HAND: Final = Form(
    "hand",
    ("voucher_id", "party_id"),
    row(Hand, hops=COUNT, since=TIME),
    "that a party got a part of a voucher from another holder",
)


Encumbrance = Transfer | Pledge | Tranche | OnOffer


class Encumbrances:
    """All transfers, pledges and parts that are open, by id and by voucher, and who got what from whom."""

    __slots__ = ("_by_voucher", "_of", "consents", "hands", "on_offer", "pledges", "tranches", "transfers")

    def __init__(self) -> None:
        self.transfers: Table[str, Transfer] = Table(TRANSFER)
        self.pledges: Table[str, Pledge] = Table(PLEDGE)
        self.tranches: Table[str, Tranche] = Table(TRANCHE)
        self.on_offer: Table[str, OnOffer] = Table(ON_OFFER)
        self.consents: Table[str, bool] = Table(CONSENT)
        self.hands: Nested[str, Hand] = Nested(HAND)
        self._by_voucher: dict[str, dict[str, None]] = {}
        self._of: dict[str, int] = {}  # by holder

    def tables(self) -> tuple[Records, ...]:
        """What is kept."""
        return self.transfers, self.pledges, self.hands, self.tranches, self.consents, self.on_offer

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        self._by_voucher, self._of = {}, {}
        for id_, each in self.every():
            self._index(id_, each)

    def every(self) -> Iterator[tuple[str, Encumbrance]]:
        """Everything that is open, by id, in the order of the ids."""
        every: dict[str, Encumbrance] = {
            **self.transfers, **self.pledges, **self.tranches, **self.on_offer,
        }  # fmt: skip
        yield from sorted(every.items())

    def find(self, id_: str) -> Encumbrance | None:
        """The transfer, pledge, part or offer of credit with an id, if it is open."""
        return next((table[id_] for table in self._tables() if id_ in table), None)

    def voucher(self, id_: str) -> str:
        """The voucher that an open encumbrance is about."""
        return cast("Encumbrance", self.find(id_)).voucher_id

    def on(self, voucher_id: str) -> Collection[str]:
        """The ids of all that encumbers a voucher, in any order."""
        return self._by_voucher.get(voucher_id, {}).keys()

    def of(self, holder_id: str) -> int:
        """How many transfers, pledges and offers of credit of a holder are open."""
        return self._of.get(holder_id, 0)

    def pledged(self, voucher_id: str, holder_id: str) -> int:
        """How much of a voucher a holder has pledged."""
        mine = (self.pledges.get(id_) for id_ in self.on(voucher_id))
        return sum(each.amount for each in mine if each is not None and each.holder_id == holder_id)

    def open(self, id_: str, each: Encumbrance) -> None:
        """Know one more, or that it has changed: the issuer has approved it, or it is of another amount."""
        if self.find(id_) is None:
            self._index(id_, each)
        if isinstance(each, Transfer):
            self.transfers[id_] = each
        elif isinstance(each, Pledge):
            self.pledges[id_] = each
        elif isinstance(each, OnOffer):
            self.on_offer[id_] = each
        else:
            self.tranches[id_] = each

    def close(self, id_: str) -> None:
        """Forget one that is over."""
        self.answered(id_)
        each: Encumbrance = next(table for table in self._tables() if id_ in table).pop(id_)
        of_voucher = self._by_voucher[each.voucher_id]
        del of_voucher[id_]
        if not of_voucher:
            del self._by_voucher[each.voucher_id]
        if isinstance(each, Tranche):
            return
        self._of[each.holder_id] -= 1
        if not self._of[each.holder_id]:
            del self._of[each.holder_id]

    def answered(self, transfer_id: str) -> None:
        """Know that issuance is asked about a transfer no more."""
        if transfer_id in self.consents:
            del self.consents[transfer_id]

    def hand(self, voucher_id: str, party_id: str) -> Hand | None:
        """How a holder came by its part; None for the one that it was issued to."""
        return self.hands.find((voucher_id, party_id))

    def hops(self, voucher_id: str, giver_id: str, receiver_id: str | None) -> int:
        """How often what a receiver will have of a voucher has changed hands; None: it begins with nothing."""
        giver = self.hand(voucher_id, giver_id)
        before = None if receiver_id is None else self.hand(voucher_id, receiver_id)
        return max(1 if giver is None else giver.hops + 1, 0 if before is None else before.hops)

    def pass_on(self, voucher_id: str, receiver_id: str, hops: int, time: int) -> None:
        """Remember that a holder got a part of a voucher from another."""
        self.hands.put((voucher_id, receiver_id), Hand(hops, time))

    def forget(self, voucher_id: str) -> None:
        """Forget who had a voucher that has ended."""
        if voucher_id in self.hands:
            self.hands.drop(voucher_id)

    def _tables(self) -> tuple[Table[str, Any], ...]:
        return self.transfers, self.pledges, self.tranches, self.on_offer

    def _index(self, id_: str, each: Encumbrance) -> None:
        self._by_voucher.setdefault(each.voucher_id, {})[id_] = None
        if not isinstance(each, Tranche):
            self._of[each.holder_id] = self._of.get(each.holder_id, 0) + 1
