"""Holds: amounts of their owner's value set aside for one purpose.

Which vouchers pay is fixed when the hold is placed and recorded in order; captures take from the front of that record,
releases give back from its end. Nothing is recomputed later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

from counterfoil.contract.ensure import ensure
from counterfoil.core.form import AMOUNT, COUNT, FLAG, TEXT, TRUE, Form, either, listed, optional, row
from counterfoil.core.table import CountedTable, Table
from counterfoil.ledger.events import Draw, Purpose

T = TypeVar("T")


class BidNeed(NamedTuple):
    """What a bid's funds are for: `cost_per_node` for each of `nodes`, split by the programme version's share."""

    programme_id: str
    version: int
    nodes: int
    cost_per_node: int
    partial: bool


class BondRate(NamedTuple):
    """What each trade of an offer is assigned of its bond: `bps` of its notional at `price`, per GPU-hour."""

    price: int
    bps: int


class Hold(NamedTuple, Generic[T]):
    """What is held of its owner's vouchers and cash. `terms` is what belongs to the purpose.

    The id of a hold is that of the bid, the offer or the contract that it is for:
    `bid`: the funds of a bid (`BidNeed`); `offer`: the part of an offer's bond that is in no contract (`BondRate`);
    `contract`: the price of a trade until it is captured (no terms); `bond`: a contract's part of the bond (no terms).
    """

    purpose: Purpose
    owner_id: str
    currency: str
    draws: tuple[Draw, ...]
    cash: int
    terms: T

    def captured(self, vouchers: int, cash: int) -> Hold[T]:
        """The hold without so much of its vouchers, from the front, and of its cash."""
        return self._replace(draws=split(self.draws, vouchers)[1], cash=self.cash - cash)

    def reduced(self, vouchers: int, cash: int) -> Hold[T]:
        """The hold without so much of its vouchers, from the end, and of its cash."""
        return self._replace(draws=split(self.draws, total(self.draws) - vouchers)[0], cash=self.cash - cash)


_NEED: Final = row(BidNeed, programme_id=TEXT, version=COUNT, nodes=COUNT, cost_per_node=AMOUNT, partial=FLAG)
_RATE: Final = row(BondRate, price=AMOUNT, bps=COUNT)
HOLD: Final = Form(
    "hold",
    ("purpose", "hold_id"),
    row(
        Hold, owner_id=TEXT, currency=TEXT, draws=listed(row(Draw, voucher_id=TEXT, amount=AMOUNT)), cash=AMOUNT,
        terms=optional(either({BidNeed: _NEED, BondRate: _RATE}))
    ),
    "what is held for a bid, an offer, a contract's price (`contract`) or its bond (`bond`); the id is that of the bid,"
    " the offer or the contract. The terms: of a bid what the funds are for, of an offer the bond of each trade",
    attributes=("purpose",),
)  # fmt: skip


LEAVING: Final = Form(
    "leaving", ("bid_id",), TRUE, "a bid that is held for, and is to be closed: its funding has ended"
)


class Pending(NamedTuple):
    """An order that is to have another price, as it was when that was funded.

    `nodes` of a bid (0 of an offer), `cost` (of a node, or the price) and what was held; and the same as it is to be.
    """

    nodes: int
    cost: int
    vouchers: int
    cash: int
    new_cost: int
    new_vouchers: int
    new_cash: int
    added: tuple[Draw, ...]


PENDING: Final = Form(
    "pending",
    ("purpose", "order_id"),
    row(
        Pending, nodes=COUNT, cost=AMOUNT, vouchers=AMOUNT, cash=AMOUNT, new_cost=AMOUNT, new_vouchers=AMOUNT,
        new_cash=AMOUNT, added=listed(row(Draw, voucher_id=TEXT, amount=AMOUNT)),
    ),
    "an order that is to have another price: `nodes` (0 of an offer), `cost` of a node (of an offer the price) and what"
    " was held, as it was, and as it is to be, and the draws added for that; until matching says which one counts",
)  # fmt: skip


def _bid_on(key: tuple[Purpose, str], hold: Hold[Any]) -> str | None:
    """The programme that a bid is held for is to be paid by; None for other holds."""
    return hold.terms.programme_id if key[0] == "bid" else None


class Holds:
    """All holds of one ledger, by purpose and id. `leaving`: bids that matching was told to close.

    `pending`: orders that are to have another price.
    """

    __slots__ = ("_bids", "leaving", "open", "pending")

    def __init__(self) -> None:
        self.open: CountedTable[tuple[Purpose, str], Hold[Any]] = CountedTable(HOLD, _bid_on)
        self.leaving: Table[str, bool] = Table(LEAVING)
        self.pending: Table[tuple[Purpose, str], Pending] = Table(PENDING)
        self._bids: dict[str, dict[str, None]] = {}  # by voucher

    def tables(self) -> tuple[Table[Any, Any], ...]:
        """All of it that is state."""
        return self.open, self.leaving, self.pending

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        self._bids = {}
        for bid_id, hold in self.for_all("bid").items():
            self._index(bid_id, hold)

    def bids_on(self, voucher_id: str) -> Collection[str]:
        """The bids that draw on a voucher and that matching was not told to close, in any order."""
        return self._bids.get(voucher_id, {}).keys()

    def leave(self, bid_id: str) -> None:
        """Matching was told to close a bid."""
        self._unindex(bid_id)
        self.leaving[bid_id] = True

    def _index(self, bid_id: str, hold: Hold[Any]) -> None:
        if bid_id not in self.leaving:
            for draw in hold.draws:
                self._bids.setdefault(draw.voucher_id, {})[bid_id] = None

    def _unindex(self, bid_id: str) -> None:
        for draw in () if ("bid", bid_id) not in self.open else self.open["bid", bid_id].draws:
            bids = self._bids.get(draw.voucher_id, {})
            bids.pop(bid_id, None)
            if not bids:
                self._bids.pop(draw.voucher_id, None)

    def of_bid(self, bid_id: str) -> Hold[BidNeed] | None:
        """The hold for a bid."""
        return self.open.get(("bid", bid_id))

    def of_offer(self, offer_id: str) -> Hold[BondRate] | None:
        """The hold for an offer."""
        return self.open.get(("offer", offer_id))

    def for_all(self, purpose: Purpose) -> dict[str, Hold[Any]]:
        """The holds for one purpose, by id."""
        return {hold_id: hold for (kind, hold_id), hold in self.open.items() if kind == purpose}

    def put(self, hold_id: str, hold: Hold[Any]) -> None:
        """Store a new hold, or what is left of one."""
        if hold.purpose == "bid":
            self._unindex(hold_id)
            self._index(hold_id, hold)
        self.open[hold.purpose, hold_id] = hold

    def drop(self, purpose: Purpose, hold_id: str) -> None:
        """Remove a hold that has ended."""
        if purpose == "bid":
            self._unindex(hold_id)
            if hold_id in self.leaving:
                del self.leaving[hold_id]
        if (purpose, hold_id) in self.pending:
            del self.pending[purpose, hold_id]
        del self.open[purpose, hold_id]


def total(draws: Iterable[Draw]) -> int:
    """The sum of draws."""
    return sum(draw.amount for draw in draws)


def joined(draws: Sequence[Draw], more: Sequence[Draw]) -> tuple[Draw, ...]:
    """Draws with more of them, each voucher once: where it is, or else at the end."""
    amounts = {draw.voucher_id: draw.amount for draw in draws}
    for draw in more:
        amounts[draw.voucher_id] = amounts.get(draw.voucher_id, 0) + draw.amount
    return tuple(Draw(voucher_id=voucher_id, amount=amount) for voucher_id, amount in amounts.items())


def given_back(draws: Sequence[Draw], amount: int, first: Sequence[Draw] = ()) -> tuple[Draw, ...]:
    """So much of the draws, in their order: of `first`, as far as they have it, else from the end."""
    left, back = {draw.voucher_id: draw.amount for draw in draws}, dict[str, int]()
    for draw in (*reversed(first), *reversed(draws)):
        part = min(draw.amount, left.get(draw.voucher_id, 0), amount)
        if part:
            left[draw.voucher_id] -= part
            back[draw.voucher_id] = back.get(draw.voucher_id, 0) + part
            amount -= part
    ensure(amount == 0, "a hold is never smaller than what is given back of it")
    ids = (draw.voucher_id for draw in draws)
    return tuple(Draw(voucher_id=each, amount=back[each]) for each in ids if each in back)


def without(draws: Sequence[Draw], taken: Sequence[Draw]) -> tuple[Draw, ...]:
    """Draws less what is taken of their vouchers, in their order, without empty ones."""
    less = {draw.voucher_id: draw.amount for draw in taken}
    left = ((draw.voucher_id, draw.amount - less.get(draw.voucher_id, 0)) for draw in draws)
    return tuple(Draw(voucher_id=voucher_id, amount=amount) for voucher_id, amount in left if amount)


def split(draws: Sequence[Draw], amount: int) -> tuple[tuple[Draw, ...], tuple[Draw, ...]]:
    """The first `amount` of the draws, and the rest; both in order, without empty draws."""
    front, rest = [], []
    for draw in draws:
        taken = min(draw.amount, amount)
        amount -= taken
        if taken:
            front.append(Draw(voucher_id=draw.voucher_id, amount=taken))
        if draw.amount > taken:
            rest.append(Draw(voucher_id=draw.voucher_id, amount=draw.amount - taken))
    ensure(amount == 0, "a hold is never smaller than what is taken from it")
    return tuple(front), tuple(rest)
