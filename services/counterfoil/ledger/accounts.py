"""Double entry: positions, legs, and nothing that could create or destroy value.

A position is one account in one asset. A leg debits one position and credits another of the same asset by the same
amount, so every asset sums to zero by construction. Two-phase as in TigerBeetle: `hold` makes an amount pending,
`capture` posts it, `release` voids it, `post` posts at once. What a position can spend is
``credits_posted - debits_posted - debits_pending``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from counterfoil.contract.ensure import ensure
from counterfoil.contract.limits import MAX_AMOUNT, MAX_LEGS
from counterfoil.core.form import AMOUNT, COUNT, Form, row
from counterfoil.core.table import Nested
from counterfoil.ledger.chart import may_overdraw
from counterfoil.ledger.events import Balance, Leg

Effect = Literal["post", "hold", "capture", "release"]
_PENDING = {"post": 0, "hold": 1, "capture": -1, "release": -1}
_POSTED = {"post": 1, "hold": 0, "capture": 1, "release": 0}


@dataclass(slots=True)
class Position:
    """The four counters of one account in one asset, and the number of its last posting."""

    n: int = 0
    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0

    @property
    def posted(self) -> int:
        """Posted balance: credits less debits; negative only for the accounts that value comes from."""
        return self.credits_posted - self.debits_posted

    @property
    def available(self) -> int:
        """What can be spent: the posted balance less what is held."""
        return self.credits_posted - self.debits_posted - self.debits_pending

    def copy(self) -> Position:
        """An independent copy."""
        return Position(self.n, self.debits_posted, self.credits_posted, self.debits_pending, self.credits_pending)

    def debit(self, effect: Effect, amount: int) -> Balance:
        """Book the debit side of a leg; returns the balance after it."""
        self.n += 1
        self.debits_pending += _PENDING[effect] * amount
        self.debits_posted += _POSTED[effect] * amount
        posted = self.credits_posted - self.debits_posted
        ensure(0 <= self.debits_pending <= MAX_AMOUNT and posted >= -MAX_AMOUNT, "debits out of range")
        return Balance(n=self.n, posted=posted, held=self.debits_pending)

    def credit(self, effect: Effect, amount: int) -> Balance:
        """Book the credit side of a leg; returns the balance after it."""
        self.n += 1
        self.credits_pending += _PENDING[effect] * amount
        self.credits_posted += _POSTED[effect] * amount
        posted = self.credits_posted - self.debits_posted
        ensure(0 <= self.credits_pending <= MAX_AMOUNT and posted <= MAX_AMOUNT, "credits out of range")
        return Balance(n=self.n, posted=posted, held=self.debits_pending)


POSITION: Final = Form(
    "position",
    ("asset", "account"),
    row(Position, n=COUNT, debits_posted=AMOUNT, credits_posted=AMOUNT, debits_pending=AMOUNT, credits_pending=AMOUNT),
    "the counters of an account in an asset, and how many postings it had",
)


class Accounts:
    """All positions, by asset and account."""

    __slots__ = ("assets",)

    def __init__(self) -> None:
        self.assets: Nested[str, Position] = Nested(POSITION)

    def find(self, account: str, asset: str) -> Position:
        """The position as it is; an empty one, not kept, if there was no posting yet."""
        return self.assets.get(asset, {}).get(account) or Position()

    def apply(self, legs: tuple[Leg, ...]) -> None:
        """Book an event's legs.

        Raises `InvariantViolation` if the balances after are not those the legs state, or an account is overdrawn.
        """
        for leg in legs:
            ensure(leg.debit != leg.credit, "a leg moves value between two accounts")
            payer = self._edit(leg.asset, leg.debit)
            debit = payer.debit(leg.effect, leg.amount)
            credit = self._edit(leg.asset, leg.credit).credit(leg.effect, leg.amount)
            ensure(debit == leg.debit_after and credit == leg.credit_after, f"{leg.asset}: balances differ")
            ensure(payer.available >= 0 or may_overdraw(leg.debit), f"{leg.debit} is overdrawn")

    def _edit(self, asset: str, account: str) -> Position:
        """The position, to be changed; a new one at the first posting."""
        found = self.assets.edit((asset, account))
        if found is None:
            found = Position()
            self.assets.put((asset, account), found)
        return found

    def drop_asset(self, asset: str) -> None:
        """Remove an asset that has ended."""
        self.assets.drop(asset)


class Posting:
    """Drafts legs against a state without changing it, each with the balances that will hold after it."""

    __slots__ = ("_accounts", "_drafts", "_legs")

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._drafts: dict[tuple[str, str], Position] = {}
        self._legs: list[Leg] = []

    def leg(self, effect: Effect, asset: str, debit: str, credit: str, amount: int) -> None:
        """Draft one leg; an amount of zero is no leg."""
        if amount == 0:
            return
        ensure(amount > 0, "a leg moves a positive amount")
        self._legs.append(
            Leg(
                effect=effect,
                asset=asset,
                debit=debit,
                credit=credit,
                amount=amount,
                debit_after=self.draft(debit, asset).debit(effect, amount),
                credit_after=self.draft(credit, asset).credit(effect, amount),
            )
        )

    def draft(self, account: str, asset: str) -> Position:
        """The position as it will be after the legs drafted so far."""
        key = (account, asset)
        if key not in self._drafts:
            self._drafts[key] = self._accounts.find(account, asset).copy()
        return self._drafts[key]

    def take(self) -> tuple[Leg, ...]:
        """The legs drafted since the last call: one event's worth. The next legs start from their balances."""
        legs, self._legs = tuple(self._legs), []
        ensure(len(legs) <= MAX_LEGS, "too many legs in one event")
        return legs
