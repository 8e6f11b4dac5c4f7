"""Holds: amounts set aside for an order, and for the contract that a trade makes of part of it.

Which vouchers pay is fixed when the hold is placed and recorded in order; captures take from the front of that record,
releases give back from its end. Nothing is recomputed later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from counterfoil.contract.ensure import ensure
from counterfoil.ledger.events import (
    Draw,
)


def total(draws: Iterable[Draw]) -> int:
    """The sum of draws."""
    return sum(draw.amount for draw in draws)


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


class BidHold:
    """A bid's funds: `cost_per_node` for each of `nodes`, split by the programme version's share."""

    __slots__ = ("cash", "cost_per_node", "draws", "nodes", "partial", "party_id", "programme_id", "version")

    def __init__(
        self, party_id: str, programme_id: str, version: int, draws: tuple[Draw, ...], cash: int,
        nodes: int, cost_per_node: int, partial: bool,
    ) -> None:  # fmt: skip
        self.party_id, self.programme_id, self.version = party_id, programme_id, version
        self.draws, self.cash = draws, cash
        self.nodes, self.cost_per_node, self.partial = nodes, cost_per_node, partial

    def record(self) -> object:
        """Canonical record."""
        draws = [[draw.voucher_id, str(draw.amount)] for draw in self.draws]
        terms = [self.nodes, str(self.cost_per_node), self.partial]
        return [self.party_id, self.programme_id, self.version, draws, str(self.cash), *terms]


class BondHold:
    """The bond of an offer that is not yet assigned to contracts; `price` is the offer's own, per GPU-hour."""

    __slots__ = ("bps", "cash", "currency", "party_id", "price")

    def __init__(self, party_id: str, currency: str, cash: int, price: int, bps: int) -> None:
        self.party_id, self.currency, self.cash, self.price, self.bps = party_id, currency, cash, price, bps

    def record(self) -> object:
        """Canonical record."""
        return [self.party_id, self.currency, str(self.cash), self.price, self.bps]


class Contract:
    """A trade's funds: what is still held, what was invoiced and how much of that was subsidy."""

    __slots__ = (
        "beneficiary_id", "bond", "cash", "draws", "invoiced", "programme_id", "provider_id", "subsidised", "version",
    )  # fmt: skip

    def __init__(
        self, beneficiary_id: str, provider_id: str, programme_id: str, version: int,
        draws: tuple[Draw, ...], cash: int, bond: int,
    ) -> None:  # fmt: skip
        self.beneficiary_id, self.provider_id = beneficiary_id, provider_id
        self.programme_id, self.version = programme_id, version
        self.draws, self.cash, self.bond = draws, cash, bond
        self.invoiced = self.subsidised = 0

    def record(self) -> object:
        """Canonical record."""
        draws = [[draw.voucher_id, str(draw.amount)] for draw in self.draws]
        amounts = [str(self.cash), str(self.bond), str(self.invoiced), str(self.subsidised)]
        return [self.beneficiary_id, self.provider_id, self.programme_id, self.version, draws, *amounts]


class Holds:
    """All holds of one ledger."""

    __slots__ = ("bids", "bonds", "contracts")

    def __init__(self) -> None:
        self.bids: dict[str, BidHold] = {}
        self.bonds: dict[str, BondHold] = {}
        self.contracts: dict[str, Contract] = {}

    def records(self) -> Iterator[tuple[str, object]]:
        """Canonical records."""
        yield from ((f"hold/{hold_id}", bid.record()) for hold_id, bid in self.bids.items())
        yield from ((f"hold/{hold_id}", bond.record()) for hold_id, bond in self.bonds.items())
        yield from ((f"contract/{contract_id}", each.record()) for contract_id, each in self.contracts.items())
