"""Laws of the ledger's postings: the balances of all accounts once more, from the legs of events and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from counterfoil.contract.record import Event
from counterfoil.ledger.events import (
    AppropriationPosted,
    CaptureReversed,
    CashDeposited,
    Leg,
    VoucherClosed,
    VoucherCredited,
    VoucherRestored,
)
from counterfoil.ledger.invoice_events import InvoiceReturned
from counterfoil.ledger.receivable_events import AdjustmentPosted
from counterfoil.ledger.state import LedgerState
from counterfoil.ledger.transfer_events import VoucherReissued
from counterfoil.vocabulary import VOCABULARY
from tests.properties.laws import Law, Read, Seen

MOST: Final = 2**63 - 1
ENDS: Final = ("redeemed", "expired", "cancelled", "restored")
SOURCES: Final[Mapping[str, tuple[type[Event], ...]]] = {
    "circulation": (VoucherCredited, VoucherRestored, VoucherReissued),
    "bank": (CashDeposited,),
    "funding": (AppropriationPosted, AdjustmentPosted),
    "redeemed": (CaptureReversed, InvoiceReturned),
    "expired": (),
    "cancelled": (),
    "restored": (),
}
"""By the account that value leaves: the only events by which it does."""
OVERDRAWN: Final = (
    "bank", "circulation", "claims_payable", "funding", "receivables", "recoverable", "recovered", "written_off",
)  # fmt: skip


@dataclass
class Shadow:
    """What the legs so far say of one account in one asset: posted, and pending of it."""

    debits: int = 0
    credits: int = 0
    held: int = 0

    @property
    def posted(self) -> int:
        """The balance."""
        return self.credits - self.debits


class Books(Law):
    """Double entry, and whence value comes, after every event."""

    service = "ledger"

    def __init__(self) -> None:
        self.assets: dict[str, dict[str, Shadow]] = defaultdict(lambda: defaultdict(Shadow))
        self.programmes: dict[str, str] = {}
        """By voucher."""
        self.faces: dict[str, int] = {}

    def reads(self) -> Mapping[type[Event], Read]:
        posting = [kind for kind in VOCABULARY.events.values() if hasattr(kind, "legs")]
        return {**dict.fromkeys(posting, self.posted), VoucherClosed: self.closed}

    def posted(self, event: Any, _seen: Seen) -> Iterator[str]:
        """Every leg is of one asset, and no balance is below zero but where value comes from."""
        if isinstance(event, VoucherCredited | VoucherRestored | VoucherReissued):
            if event.voucher_id in self.faces:
                yield "each voucher begins once"
            self.programmes[event.voucher_id], self.faces[event.voucher_id] = event.programme_id, event.face
        legs: tuple[Leg, ...] = getattr(event, "legs", ())
        for leg in legs:
            yield from self._leg(leg, type(event))
        for leg in legs:
            for account in (leg.debit, leg.credit):
                each = self.assets[leg.asset][account]
                if each.posted - each.held < 0 and account.partition("/")[0] not in OVERDRAWN:
                    yield f"nobody spends what is not available: {account}"
        of = {self._programme(leg.asset) for leg in legs} - {None}
        if len(of) > 1:
            yield f"no entry nets two programmes: {of}"

    def _leg(self, leg: Leg, kind: type[Event]) -> Iterator[str]:
        source, into = self.assets[leg.asset][leg.debit], self.assets[leg.asset][leg.credit]
        if leg.amount < 1 or leg.debit == leg.credit or not leg.asset:
            yield f"a leg moves a positive amount between two accounts of one asset: {leg}"
        moves = leg.effect in ("post", "capture")
        allowed = SOURCES.get(leg.debit.partition("/")[0])
        if moves and allowed is not None and kind not in allowed:
            yield f"value comes only from where it may: {leg}"
        source.held += {"hold": leg.amount, "post": 0}.get(leg.effect, -leg.amount)
        if source.held < 0:
            yield f"no more is captured and released than was held: {leg}"
        if moves:
            source.debits += leg.amount
            into.credits += leg.amount
        for each, said in ((source, leg.debit_after), (into, leg.credit_after)):
            if (each.posted, each.held) != (said.posted, said.held) or max(abs(each.posted), each.held) > MOST:
                yield f"the balances that an event says are those of the legs before it: {leg}, {each}"

    def _programme(self, asset: str) -> str | None:
        kind, _, name = asset.partition(":")
        return name if kind in ("budget", "claims") else self.programmes.get(asset)

    def closed(self, event: VoucherClosed, _seen: Seen) -> Iterator[str]:
        """Of a voucher that is over, all is somewhere, and nothing is anybody's."""
        accounts = self.assets.pop(event.voucher_id)
        over = sum(each.posted for account, each in accounts.items() if account in ENDS)
        if over != self.faces[event.voucher_id] or any(each.held for each in accounts.values()):
            yield "face is what was redeemed, expired, cancelled and restored, and nothing is held"

    def differs(self, state: LedgerState) -> Iterator[str]:
        """Where the ledger's state has other balances than the legs of all its events.

        By the first rules a voucher that is over is forgotten without a word.
        """
        mine = {
            (asset, account): (each.posted, each.held)
            for asset, accounts in self.assets.items()
            if asset in state.accounts.assets or not self._is_over(accounts)
            for account, each in accounts.items()
        }
        theirs = {
            (asset, account): (each.posted, each.debits_pending)
            for asset, accounts in state.accounts.assets.items()
            for account, each in accounts.items()
        }
        none = (0, 0)
        for key in sorted(mine.keys() | theirs.keys()):
            if mine.get(key, none) != theirs.get(key, none):
                yield f"nothing moves but by legs: {key} {mine.get(key)} {theirs.get(key)}"

    def _is_over(self, accounts: Mapping[str, Shadow]) -> bool:
        """Whether nothing of a voucher is anybody's."""
        owned = [each for account, each in accounts.items() if account.startswith("owner/")]
        return bool(owned) and not any(each.posted or each.held for each in owned)
