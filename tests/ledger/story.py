"""The events that the other services send to the ledger, and a scenario that checks the ledger after every step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Self
from unittest.mock import patch

from counterfoil.contract.events import PartyRegistered, ProgrammePublished, ProgrammePublishedV1
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Refusal
from counterfoil.contract.terms import FixedExpiry, Rate
from counterfoil.contract.times import DAY, HOUR
from counterfoil.core.at import At
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import (
    BudgetAppropriated,
    VoucherIssued,
    VoucherReinstated,
    VoucherReturned,
    VoucherRevoked,
    VoucherSuspended,
)
from counterfoil.ledger.chart import owner
from counterfoil.ledger.commands import Deposit, Withdraw
from counterfoil.ledger.events import Balance, HoldRefused
from counterfoil.ledger.invariants import check_ledger
from counterfoil.ledger.service import DECIDER
from counterfoil.ledger.state import LedgerState
from counterfoil.matching.events import BidClosed, BidReceived, OfferClosed, OfferReceived, TradeMatched
from counterfoil.programme.rules import Rules
from counterfoil.redemption.events import (
    ClaimDenied,
    ClaimOffset,
    ContractCancelled,
    ContractCompleted,
    LinePart,
    PaymentConfirmed,
    PaymentReturned,
    ProviderDefaulted,
    RecoveryConfirmed,
    UsageAccepted,
    UsageReversed,
)
from tests.documents import document
from tests.documents import published as published_document
from tests.programmes import published
from tests.purity import PureScenario

T = 277_778 * HOUR
ENDS = T + 90 * DAY
LAST_START = ENDS // HOUR - 4 - RULES[LATEST].resolution_window // HOUR
"""A bid of one hour from then on is reported, disputed and resolved by one hour before the vouchers' end."""

SUSPENDED = VoucherSuspended(voucher_id="v1", reason="why")
REINSTATED = VoucherReinstated(voucher_id="v1")
REVOKED = VoucherRevoked(voucher_id="v1", reason="why")
RETURNED = VoucherReturned(voucher_id="v1", reason="why")
COMPLETED = ContractCompleted(contract_id="trade")
DEFAULTED = ProviderDefaulted(contract_id="trade", provider_id="cloud", cause="usage_not_reported", missing_hours=1)
CALLED_OFF = ContractCancelled(contract_id="trade", beneficiary_id="acme", provider_id="cloud")
CLOSED = BidClosed(bid_id="bid", reason="cancelled")


def party(party_id: str, *roles: Any) -> PartyRegistered:
    """A party in a group of its own."""
    return PartyRegistered(party_id=party_id, name=party_id, roles=roles, group_id=party_id)


def programme(share: str = "2/3", *, recycle: Any = "lapsed", tolls: bool = True, **other: Any) -> ProgrammePublishedV1:
    """A version of a programme; usage may be reported and disputed for an hour each."""
    num, den = map(int, share.split("/"))
    terms: dict[str, Any] = {
        "programme_id": "city", "version": 1, "issuer_id": "issuer", "title": "City",
        "legal_basis": "Act 1", "currency": "CNY", "share": Rate(num=num, den=den), "beneficiary_cap": 10**15,
        "classes": ("h100",), "regions": ("east",), "valid_from": 0, "valid_until": T + 1_000 * DAY,
        "expiry": FixedExpiry(kind="fixed", at=ENDS), "recycle": recycle, "hold_tolls_expiry": tolls,
        "report_within_seconds": 3_600, "dispute_window_seconds": 3_600,
    }  # fmt: skip
    return published(**(terms | other))


def appropriated(amount: int, programme_id: str = "city") -> BudgetAppropriated:
    """More budget."""
    return BudgetAppropriated(programme_id=programme_id, amount=amount, document="doc", uncommitted_after=amount)


def issued(voucher_id: str, face: int, to: str = "acme", **other: Any) -> VoucherIssued:
    """A voucher valid from T to ENDS."""
    terms: dict[str, Any] = {
        "programme_id": "city", "version": 1, "not_before": T, "expires_at": ENDS, "issue_seq": 1,
        "uncommitted_after": 0, "group_issued_after": face,
    }  # fmt: skip
    return VoucherIssued(voucher_id=voucher_id, face=face, beneficiary_id=to, **(terms | other))


def bid(bid_id: str, cost: int, nodes: int = 1, *vouchers: str, **other: Any) -> BidReceived:
    """A bid of `cost` for each of `nodes` nodes, paid from the vouchers named or from any; one hour, a day ahead."""
    start = T // HOUR + 24
    terms: dict[str, Any] = {
        "beneficiary_id": "acme", "group_id": "acme", "programme_id": "city", "currency": "CNY", "classes": ("h100",),
        "regions": ("east",), "gpus_per_node": 1, "hours": 1, "earliest": start, "latest": start, "limit_price": cost,
        "partial": nodes > 1, "min_nodes": 1, "tif": "GTC", "good_until": None, "post_only": False, "stp": "taker",
    }  # fmt: skip
    return BidReceived(bid_id=bid_id, cost_per_node=cost, nodes=nodes, voucher_ids=vouchers, **(terms | other))


def offer(offer_id: str, bond: int, bps: int = 1_000, **other: Any) -> OfferReceived:
    """An offer whose bond is `bps` of each trade, with hours enough for any of them at its price of 1."""
    start = T // HOUR + 24
    terms: dict[str, Any] = {
        "provider_id": "cloud", "group_id": "cloud", "class_id": "h100", "region": "east", "currency": "CNY",
        "nodes": 100, "gpus_per_node": 1, "window_start": start, "window_end": start + 10**18, "price": 1,
        "min_nodes": 1, "min_hours": 1, "tif": "GTC", "good_until": None, "stp": "taker",
    }  # fmt: skip
    return OfferReceived(offer_id=offer_id, bond=bond, bond_bps=bps, **(terms | other))


def trade(trade_id: str, notional: int, left: int = 0, bid_id: str = "bid", **other: Any) -> TradeMatched:
    """A trade of a bid with the offer at its price of 1, `left` nodes of the bid still open."""
    terms: dict[str, Any] = {
        "rule_set": "PTW-1", "taker": "bid", "offer_id": "offer", "beneficiary_id": "acme", "provider_id": "cloud",
        "programme_id": "city", "class_id": "h100", "region": "east", "currency": "CNY", "nodes": 1,
        "gpus_per_node": 1, "first_hour": T // HOUR + 24, "hours": notional, "price": 1, "version": 1,
    }  # fmt: skip
    return TradeMatched(trade_id=trade_id, bid_id=bid_id, notional=notional, bid_nodes_left=left, **(terms | other))


_REPORTS = count()


def accepted(contract_id: str, amount: int, report_id: str | None = None) -> UsageAccepted:
    """Usage that is final, by a report of its own."""
    return UsageAccepted(
        report_id=report_id or f"report-{next(_REPORTS)}",
        contract_id=contract_id,
        gpu_minutes=amount,
        amount=amount,
        by="beneficiary",
    )


def paid(provider_id: str, amount: int, programme_id: str = "city") -> PaymentConfirmed:
    """A provider was paid outside."""
    return PaymentConfirmed(
        settlement_id="stl", programme_id=programme_id, provider_id=provider_id, currency="CNY", amount=amount,
        payment_reference="pay", paid_on=None, treasurer_id="bank", claim_ids=("clm-1-0",), over=True,
    )  # fmt: skip


def returned(provider_id: str, amount: int, *, was_paid: bool = True, programme_id: str = "city") -> PaymentReturned:
    """A payment came back, or failed."""
    return PaymentReturned(
        settlement_id="stl", programme_id=programme_id, provider_id=provider_id, currency="CNY", amount=amount,
        return_reference="back", reason="closed", treasurer_id="bank", was_paid=was_paid, claim_ids=("clm-1-0",),
        payable_after=amount, over=True,
    )  # fmt: skip


def claim_denied(
    provider_id: str, *lines: tuple[str, int], claim_id: str = "clm-1-0", programme_id: str = "city"
) -> ClaimDenied:
    """These amounts of contracts were claimed in vain."""
    parts = tuple(LinePart(contract_id=contract_id, amount=amount) for contract_id, amount in lines)
    return ClaimDenied(
        claim_id=claim_id, programme_id=programme_id, provider_id=provider_id, lines=parts,
        amount=sum(amount for _, amount in lines),
    )  # fmt: skip


def reversal(report_id: str, unclaimed: int, owed: int, co_payment: int, contract_id: str = "trade") -> UsageReversed:
    """Part of a capture that redemption decided to reverse."""
    return UsageReversed(
        reversal_id=f"rev-{unclaimed}-{owed}", report_id=report_id, contract_id=contract_id, programme_id="city",
        provider_id="cloud", currency="CNY", by="acme", amount=unclaimed + owed + co_payment, unclaimed=unclaimed,
        owed=owed, owed_after=owed, co_payment=co_payment, reason="counted twice",
    )  # fmt: skip


def offset(amount: int) -> ClaimOffset:
    """A claim set off against what the provider owes."""
    lines = (LinePart(contract_id="trade", amount=amount),)
    return ClaimOffset(
        programme_id="city", provider_id="cloud", currency="CNY", lines=lines, amount=amount, owed_after=0
    )


def recovered(amount: int) -> RecoveryConfirmed:
    """What the provider paid back."""
    return RecoveryConfirmed(
        programme_id="city", provider_id="cloud", currency="CNY", amount=amount, payment_reference="back",
        treasurer_id="bank", owed_after=0,
    )  # fmt: skip


def deposit(party_id: str, amount: int, currency: str = "CNY") -> Deposit:
    """Money from outside."""
    return Deposit(party_id=party_id, currency=currency, amount=amount, payment_reference="pay")


def withdraw(party_id: str, amount: int, currency: str = "CNY") -> Withdraw:
    """Money to outside."""
    return Withdraw(party_id=party_id, currency=currency, amount=amount, payment_reference="pay")


class Balances:
    """Balances as a reader of receipts gets them: from the legs alone, none missing and none twice."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Balance] = {}

    def read(self, event: Event) -> None:
        """Add an event's legs up, and hold each balance that a leg states against the sum."""
        for leg in getattr(event, "legs", ()):
            posted = leg.amount if leg.effect in ("post", "capture") else 0
            held = {"post": 0, "hold": leg.amount}.get(leg.effect, -leg.amount)
            self._add((leg.debit, leg.asset), -posted, held, leg.debit_after)
            self._add((leg.credit, leg.asset), posted, 0, leg.credit_after)

    def _add(self, key: tuple[str, str], posted: int, held: int, stated: Balance) -> None:
        last = self.known.get(key, Balance(n=0, posted=0, held=0))
        assert stated == Balance(n=last.n + 1, posted=last.posted + posted, held=last.held + held), key
        self.known[key] = stated


class Story(PureScenario):
    """A scenario of the ledger that adds its events up, and checks every invariant after each step."""

    def __init__(self, *events: Event) -> None:
        self.balances = Balances()
        super().__init__(DECIDER, time=T)
        for event in events:
            self.reacts_to(event)

    def _apply(self, decision: Sequence[Event] | Refusal, here: At) -> Self:
        before = self.records() if isinstance(decision, Refusal) else {}
        super()._apply(decision, here)
        if isinstance(decision, Refusal):
            assert self.records() == before
            return self
        for event in decision:
            self.balances.read(event)
        assert check_ledger(self.state) == []
        return self

    def hears(self, *events: Event, at: int | None = None) -> Self:
        """React to events of other services, in order."""
        for event in events:
            self.reacts_to(event, at)
        return self

    @property
    def said(self) -> list[Any]:
        """The ledger's events after the last step, which was not refused."""
        assert not isinstance(self.last, Refusal), self.last
        return list(self.last)

    def cash(self, party_id: str) -> tuple[int, int]:
        """(available, held) of a party's cash, from the legs."""
        return self._available(f"cash/{party_id}", "CNY")

    def posted(self, account: str, asset: str = "CNY") -> int:
        """A posted balance, from the legs; zero for an account without any."""
        return self.balances.known.get((account, asset), Balance(n=0, posted=0, held=0)).posted

    def voucher(self, voucher_id: str, party_id: str = "acme") -> tuple[int, int, int, int, int]:
        """(available, held, redeemed, expired, cancelled), from the legs, also of a voucher that has ended."""
        ends = [self.posted(account, voucher_id) for account in ("redeemed", "expired", "cancelled")]
        return (*self._available(owner(party_id), voucher_id), ends[0], ends[1], ends[2])

    def budget(self) -> tuple[int, int, int, int]:
        """(appropriation, obligated, disbursed, lapsed) of the programme, from the legs."""
        accounts = ("appropriation", "obligated", "disbursed", "lapsed")
        first, second, third, fourth = (self.posted(account, "budget:city") for account in accounts)
        return first, second, third, fourth

    def _available(self, account: str, asset: str) -> tuple[int, int]:
        found = self.balances.known.get((account, asset), Balance(n=0, posted=0, held=0))
        return found.posted - found.held, found.held


def story(*events: Event, share: str = "2/3", recycle: Any = "lapsed", tolls: bool = True) -> Story:
    """A programme of 100,000 with two parties of cash 10,000 each, and what follows."""
    told = Story(
        party("treasury", "treasurer"), party("acme", "beneficiary"), party("cloud", "provider"),
        programme(share, recycle=recycle, tolls=tolls), appropriated(100_000),
    )  # fmt: skip
    told.when(deposit("acme", 10_000), "treasury").when(deposit("cloud", 10_000), "treasury")
    return told.hears(*events)


def traded(*vouchers: Event, notional: int = 900, **terms: Any) -> Story:
    """A contract of 900: 600 from vouchers, 300 in cash, a bond of 90."""
    told = story(*vouchers, offer("offer", 100), bid("bid", notional), **terms)
    told.hears(trade("trade", notional), OfferClosed(offer_id="offer", reason="expired"))
    assert told.cash("cloud") == (10_000 - 90, 90)
    return told


def handing(version: int = 2, **transfer: Any) -> tuple[Event, ...]:
    """A further version of the programme, a document that hands on: to anybody, unless `transfer` says more."""
    rule = {"mode": "CLOSED_MARKET", "pledge": {"allowed": True, "max_share": "80%"}, **transfer}
    caps = rule.pop("caps", [])
    value = document(id="city", version=version, transfer=rule, scope__classes=["h100"], benefit__caps=caps)
    return tuple(published_document(value, "issuer", f"doc-{version}-0"))


def rules_hash(version: int = 2, **transfer: Any) -> bytes:
    """Of the document that vouchers under `handing` are under."""
    (found,) = (each for each in handing(version, **transfer) if isinstance(each, ProgrammePublished))
    return found.rules_hash


LIFE: dict[str, Any] = {
    "notices_days": [30, 7], "offline_days": 5, "restore_within_days": 20, "expunge_days": 60,
    "recycle_to": "APPROPRIATION",
}  # fmt: skip


def ending(*, grace: int | None = None, **changes: Any) -> Story:
    """acme has a voucher of 1,000 under a document. `grace`: days; with it, holds do not toll the end."""
    life = {"rule": {"kind": "RELATIVE", "after_days": 90}, **LIFE, **changes}
    if grace is not None:
        life |= {"offline_days": ..., "grace_days": grace}
    value = document(
        id="city", version=2, scope__classes=["h100"], transfer__mode="CLOSED_MARKET",
        spending__hold_tolls_expiry=grace is None, benefit__rounding__quantum="0.000001",
        expiry={name: each for name, each in life.items() if each is not ...},
    )  # fmt: skip
    further = (party("issuer", "issuer"), party("beta", "beneficiary"))
    documents = published_document(value, "issuer", "doc-2-0")
    return story(*further, *documents, issued("v1", 1_000, version=2))


@contextmanager
def handed_on_by(made: Rules) -> Iterator[None]:
    """What vouchers of the first version are handed on by: they pay for bids, as those of a document do not yet."""
    with patch.object(LedgerState, "rules_of", lambda _state, _voucher: made):
        yield


def expire(told: Story, at: int = ENDS) -> Story:
    """Run the sweep."""
    told.fires("voucher_expiry", at)
    return told


def draws(told: Story) -> list[tuple[str, int]]:
    """What the last event holds, or gives back, of which voucher."""
    return [(draw.voucher_id, draw.amount) for draw in told.said[-1].vouchers]


def code(told: Story) -> str | None:
    """The code with which the last hold was refused; None if it was placed."""
    (event,) = told.said
    return event.code if isinstance(event, HoldRefused) else None
