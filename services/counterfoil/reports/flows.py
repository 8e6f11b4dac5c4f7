"""What moved between the ledger's accounts, as the legs say, and the balances that they state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from counterfoil.contract.times import DAY
from counterfoil.ledger.chart import CREDITED, DEBITED, REDEEMED, SETTLED, budget, programme_of
from counterfoil.ledger.events import Balance, Leg
from counterfoil.ledger.invoice_events import InvoiceReturned

_OF_CLAIMS: Final[Mapping[tuple[str, str], tuple[tuple[str, int], ...]]] = {
    ("claims_payable", "claims"): (("captured", 1),),
    ("claims", "claims_payable"): (("reversed", 1),),
    ("receivables", "claims_payable"): (("reversed", 1),),
    ("claims", SETTLED): (("settled", 1),),
    (SETTLED, "claims"): (("settled", -1),),
    ("claims", "denied"): (("denied", 1),),
    ("claims_payable", SETTLED): (("captured", 1), ("in_kind", 1)),
    (SETTLED, "claims_payable"): (("reversed", 1), ("in_kind", -1)),
}
"""By the kinds of the debited and the credited account: what a leg counts as, and how many times."""
_NOTHING: Final = Balance(n=0, posted=0, held=0)


class Account(NamedTuple):
    """An account in one asset: what came in and went out of it (micro-units), what was held last, by its legs.

    `stated`: the balance that its last leg states. `postings`: how many legs it had.
    """

    account: str
    asset: str
    inward: int
    outward: int
    held: int
    postings: int
    stated: Balance


class Flows:
    """Sums of legs: per account and asset, and between the accounts of each budget."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, str], list[Any]] = {}
        self.budget: Counter[tuple[str, str, str]] = Counter()
        """(programme, debited account, credited account) -> what was posted from one to the other."""
        self.payees: Counter[tuple[str, str, str]] = Counter()
        """(programme, payee, captured, reversed, returned, denied, settled or in_kind) -> how much of claims."""
        self.redeemed: dict[str, Counter[int]] = {}
        """By voucher: on which day since the epoch how much of it was captured."""
        self.drawn: dict[str, Counter[str]] = {}
        """By contract, and by claim on an invoice: how much was captured of which voucher."""

    def fold(self, event: Any, time: int) -> None:
        """Add what an event of the ledger, made at a time, moves, if it has legs."""
        for leg in getattr(event, "legs", ()):
            self._of_payee(event, leg)
            self._side(leg, leg.debit, DEBITED, leg.debit_after)
            self._side(leg, leg.credit, CREDITED, leg.credit_after)
            programme_id = programme_of(leg.asset)
            if programme_id is not None and leg.asset == budget(programme_id):
                self.budget[programme_id, leg.debit, leg.credit] += leg.amount
            elif leg.credit == REDEEMED and CREDITED[leg.effect][0]:  # what is held is only pending towards it
                self.redeemed.setdefault(leg.asset, Counter())[time // DAY] += leg.amount
                name = event.contract_id if hasattr(event, "contract_id") else event.claim_id
                self.drawn.setdefault(name, Counter())[leg.asset] += leg.amount

    def _of_payee(self, event: Any, leg: Leg) -> None:
        """Count a leg between the accounts of claims on a programme, whichever event makes it."""
        ends = leg.debit.partition("/"), leg.credit.partition("/")
        what = _OF_CLAIMS.get((ends[0][0], ends[1][0]))
        if what is None:
            return
        payee = next((party for kind, _, party in ends if kind in ("claims", "receivables")), None)
        if isinstance(event, InvoiceReturned):
            what = (("returned", 1),)
        for name, times in what:
            self.payees[event.programme_id, payee or event.provider_id, name] += times * leg.amount

    def _side(self, leg: Leg, account: str, by: Any, after: Balance) -> None:
        known = self._accounts.setdefault((account, leg.asset), [0, 0, 0, 0, _NOTHING])
        posted, held = by[leg.effect]
        known[0] += leg.amount if posted > 0 else 0
        known[1] += leg.amount if posted < 0 else 0
        known[2] += held * leg.amount
        known[3] += 1
        known[4] = after

    def accounts(self) -> Iterator[Account]:
        """Every account in every asset, as they first came."""
        for (account, asset), known in self._accounts.items():
            yield Account(account, asset, *known)

    def posted(self, account: str, asset: str) -> int:
        """What an account has, by its legs."""
        known = self._accounts.get((account, asset))
        return 0 if known is None else known[0] - known[1]

    def of_asset(self, asset: str) -> Iterator[Account]:
        """The accounts that an asset is in."""
        return (each for each in self.accounts() if each.asset == asset)
