"""What a life has met of what hands credit on: kinds of happenings that no single event says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from counterfoil.contract.record import Event
from counterfoil.issuance.events import VoucherRevoked
from counterfoil.ledger.events import HoldCaptured, HoldPlaced, HoldReleased, VoucherExpired
from counterfoil.ledger.transfer_events import (
    PledgeEnforced,
    PledgeMade,
    PledgeReleased,
    TransferAccepted,
    TransferApproved,
    TransferClosed,
    VoucherReissued,
    VoucherSurrendered,
)
from counterfoil.redemption.events import (
    ClaimSubmitted,
    ClawbackOrdered,
    DisputeRaised,
    PaymentConfirmed,
    UsageReversed,
)
from tests.properties.laws import Law, Read, Seen
from tests.properties.laws_of_books import Books

OF_CREDIT: Final = {
    "a transfer is accepted", "a transfer is approved", "a price is paid for credit", "a pledge is made",
    "a pledge is enforced", "credit is surrendered", "credit is issued anew", "a voucher ends while some is held",
    "a voucher ends while some is to be handed on", "a hold on handed-on credit", "handed-on credit is captured",
    "handed-on credit comes back of a default", "a handed-on voucher is revoked", "a handed-on capture is paid",
    "what was paid of handed-on credit is taken back", "a capture is reversed after a dispute",
    "a reversal gives back handed-on credit",
}  # fmt: skip


class OfTheLedger(Law):
    """Transfers, pledges and holds; `met` counts each kind."""

    service = "ledger"

    def __init__(self, met: Counter[str], books: Books) -> None:
        self._met, self._books = met, books
        self.handed: set[tuple[str, str]] = set()
        """Voucher and holder."""
        self.vouchers: set[str] = set()
        self.reports: set[str] = set()
        self._holder: dict[str, str] = {}
        self._draws: dict[str, set[str]] = defaultdict(set)
        self.contracts: dict[str, set[str]] = defaultdict(set)

    def reads(self) -> Mapping[type[Event], Read]:
        return {
            TransferAccepted: self.accepted,
            TransferApproved: self._counts("a transfer is approved"),
            PledgeMade: self._counts("a pledge is made"),
            PledgeEnforced: self.enforced,
            VoucherSurrendered: self._counts("credit is surrendered"),
            VoucherReissued: self._counts("credit is issued anew"),
            VoucherExpired: self.expired,
            TransferClosed: self.closed,
            PledgeReleased: self.closed,
            HoldPlaced: self.held,
            HoldCaptured: self.captured,
            HoldReleased: self.released,
        }

    def _counts(self, kind: str) -> Read:
        def read(_event: Any, _seen: Seen) -> Iterable[str]:
            self._met[kind] += 1
            return ()

        return read

    def accepted(self, event: TransferAccepted, _seen: Seen) -> Iterable[str]:
        """The value is another's."""
        self._met["a transfer is accepted"] += 1
        self._met["a price is paid for credit"] += event.price > 0
        self.handed.add((event.reissued_as or event.voucher_id, event.receiver_id))
        self.vouchers.add(event.voucher_id)
        return ()

    def enforced(self, event: PledgeEnforced, _seen: Seen) -> Iterable[str]:
        """So it is here."""
        self._met["a pledge is enforced"] += 1
        self.handed.add((event.voucher_id, event.pledgee_id))
        return ()

    def expired(self, event: VoucherExpired, _seen: Seen) -> Iterable[str]:
        """Of which others hold a part."""
        accounts = self._books.assets[event.voucher_id].values()
        self._met["a voucher ends while some is held"] += any(each.held for each in accounts)
        return ()

    def closed(self, event: TransferClosed | PledgeReleased, _seen: Seen) -> Iterable[str]:
        """With the voucher."""
        self._met["a voucher ends while some is to be handed on"] += event.reason == "voucher_ended"
        return ()

    def held(self, event: HoldPlaced, _seen: Seen) -> Iterable[str]:
        """For a bid."""
        mine = any((each.voucher_id, event.party_id) in self.handed for each in event.vouchers)
        self._met["a hold on handed-on credit"] += mine
        return ()

    def captured(self, event: HoldCaptured, _seen: Seen) -> Iterable[str]:
        """Of a contract."""
        owners = {leg.debit.removeprefix("owner/") for leg in event.legs if leg.debit.startswith("owner/")}
        if any((each.voucher_id, owner) in self.handed for each in event.vouchers for owner in owners):
            self._met["handed-on credit is captured"] += 1
            self.reports.add(event.report_id)
            self.contracts[event.contract_id].add(event.report_id)
        return ()

    def released(self, event: HoldReleased, _seen: Seen) -> Iterable[str]:
        """Of a contract whose provider failed."""
        owners = {leg.debit.removeprefix("owner/") for leg in event.legs if leg.debit.startswith("owner/")}
        mine = any((each.voucher_id, owner) in self.handed for each in event.vouchers for owner in owners)
        failed = event.purpose == "contract" and event.reason not in ("delivered", "completed", "cancelled")
        self._met["handed-on credit comes back of a default"] += mine and failed
        return ()


class OfIssuance(Law):
    """Revocations."""

    service = "issuance"

    def __init__(self, met: Counter[str], ledger: OfTheLedger) -> None:
        self._met, self._ledger = met, ledger

    def reads(self) -> Mapping[type[Event], Read]:
        return {VoucherRevoked: self.revoked}

    def revoked(self, event: VoucherRevoked, _seen: Seen) -> Iterable[str]:
        """In every hand."""
        self._met["a handed-on voucher is revoked"] += event.voucher_id in self._ledger.vouchers
        return ()


class OfRedemption(Law):
    """Disputes, payments and what is taken back of them."""

    service = "redemption"

    def __init__(self, met: Counter[str], ledger: OfTheLedger) -> None:
        self._met, self._ledger = met, ledger
        self._disputed: set[str] = set()
        self._claims: set[str] = set()
        self._paid: set[tuple[str, str]] = set()

    def reads(self) -> Mapping[type[Event], Read]:
        return {
            DisputeRaised: self.disputed,
            UsageReversed: self.reversed,
            ClaimSubmitted: self.claimed,
            PaymentConfirmed: self.paid,
            ClawbackOrdered: self.taken_back,
        }

    def disputed(self, event: DisputeRaised, _seen: Seen) -> Iterable[str]:
        """A report."""
        self._disputed.add(event.report_id)
        return ()

    def reversed(self, event: UsageReversed, _seen: Seen) -> Iterable[str]:
        """What was captured of it."""
        self._met["a capture is reversed after a dispute"] += event.report_id in self._disputed
        self._met["a reversal gives back handed-on credit"] += event.report_id in self._ledger.reports
        return ()

    def claimed(self, event: ClaimSubmitted, _seen: Seen) -> Iterable[str]:
        """For contracts."""
        if any(line.contract_id in self._ledger.contracts for line in event.lines):
            self._claims.add(event.claim_id)
        return ()

    def paid(self, event: PaymentConfirmed, _seen: Seen) -> Iterable[str]:
        """With a settlement."""
        if self._claims.intersection(event.claim_ids):
            self._met["a handed-on capture is paid"] += 1
            self._paid.add((event.settlement_id, event.provider_id))
        return ()

    def taken_back(self, event: ClawbackOrdered, _seen: Seen) -> Iterable[str]:
        """Of that."""
        mine = (event.settlement_id, event.provider_id) in self._paid
        self._met["what was paid of handed-on credit is taken back"] += mine
        return ()
