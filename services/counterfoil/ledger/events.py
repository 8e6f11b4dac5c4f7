"""Ledger: postings, vouchers, holds, captures, bonds and settlements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from counterfoil.contract.record import Event, event, record
from counterfoil.contract.scalars import (
    AccountId,
    Amount,
    AssetId,
    BidHours,
    Bps,
    Count,
    Currency,
    DerivedTime,
    Digest,
    Flag,
    Hour,
    Id,
    MarketUnit,
    Nodes,
    NodesOrNone,
    PositiveAmount,
    Price,
    Reason,
    Reference,
    SignedAmount,
    Version,
    Word,
)
from counterfoil.ledger.chart import OWNER

Purpose = Literal["bid", "offer", "contract", "bond"]
"""What a hold is for; its id is that of the bid, the offer or the contract. `bond`: a contract's part of the bond."""


@record
class Balance:
    """A position after a posting: its posting number, posted balance (credits - debits) and what is held of it."""

    n: Count
    posted: SignedAmount
    held: Amount


@record
class Leg:
    """One debit and one credit of the same asset. `hold` makes it pending, `capture` posts it, `release` voids it."""

    effect: Literal["post", "hold", "capture", "release"]
    asset: AssetId
    debit: AccountId
    credit: AccountId
    amount: PositiveAmount
    debit_after: Balance
    credit_after: Balance


def taken_from(legs: Iterable[Leg], party_id: str) -> int:
    """How much legs take of what a party owns of vouchers."""
    return sum(leg.amount for leg in legs if leg.effect == "post" and leg.debit == OWNER + party_id)


@record
class Draw:
    """An amount of one voucher."""

    voucher_id: Id
    amount: Amount


@record
class Shortfall:
    """An order needs more than is available: of vouchers that may pay for it, or of cash."""

    of: Literal["vouchers", "cash"]
    needed: PositiveAmount
    available: Amount


@event("appropriation.posted.v1")
class AppropriationPosted(Event):
    """Budget: funding -> appropriation."""

    programme_id: Id
    amount: PositiveAmount
    legs: tuple[Leg, ...]


@event("appropriation.reduced.v1")
class AppropriationReduced(Event):
    """Budget: appropriation -> funding."""

    programme_id: Id
    amount: PositiveAmount
    legs: tuple[Leg, ...]


@event("voucher.credited.v1")
class VoucherCredited(Event):
    """Budget: appropriation -> obligated; voucher: circulation -> its first owner, the beneficiary."""

    voucher_id: Id
    programme_id: Id
    version: Version
    beneficiary_id: Id
    face: PositiveAmount
    not_before: DerivedTime
    expires_at: DerivedTime
    issue_seq: Count
    legs: tuple[Leg, ...]


@event("voucher.frozen.v1")
class VoucherFrozen(Event):
    """The ledger's side of a suspension."""

    voucher_id: Id


@event("voucher.unfrozen.v1")
class VoucherUnfrozen(Event):
    """The ledger's side of a reinstatement."""

    voucher_id: Id


@event("voucher.expired.v1")
class VoucherExpired(Event):
    """Unheld value of the voucher expired: voucher: owners -> expired; budget: obligated -> appropriation or lapsed.

    A voucher with many owners, or with value that is still held, ends in several of these.
    """

    voucher_id: Id
    programme_id: Id
    amount: Amount
    recycled: Flag
    legs: tuple[Leg, ...]


@event("voucher.cancelled.v1")
class VoucherCancelled(Event):
    """Unheld value of a revoked voucher: voucher: owners -> cancelled; budget: obligated -> appropriation.

    A voucher with many owners, or with value that is still held, ends in several of these.
    """

    voucher_id: Id
    programme_id: Id
    amount: Amount
    legs: tuple[Leg, ...]


@event("voucher.restored.v1")
class VoucherRestored(Event):
    """What a provider's default gave back of a voucher that has ended, or soon ends, is a voucher of its own.

    Its terms are those of the voucher that it was restored from, and it lasts longer. Voucher: its owner -> restored,
    and circulation -> owner; budget: nothing moves.
    """

    voucher_id: Id
    restored_from: Id
    programme_id: Id
    version: Version
    beneficiary_id: Id
    face: PositiveAmount
    not_before: DerivedTime
    expires_at: DerivedTime
    issue_seq: Count
    suspended: Flag
    legs: tuple[Leg, ...]


@event("voucher.closed.v1")
class VoucherClosed(Event):
    """Nothing is left of a voucher that has ended, held or not."""

    voucher_id: Id


@event("funding.ended.v1")
class FundingEnded(Event):
    """A voucher that pays for a bid on the book may pay for no more trades: the bid is to be closed."""

    bid_id: Id
    voucher_id: Id
    reason: Literal["revoked", "suspended", "expired"]


@event("cash.deposited.v1")
class CashDeposited(Event):
    """Currency: bank -> cash of the party."""

    party_id: Id
    currency: Currency
    amount: PositiveAmount
    payment_reference: Reference
    treasurer_id: Id
    legs: tuple[Leg, ...]


@event("cash.withdrawn.v1")
class CashWithdrawn(Event):
    """Currency: cash of the party -> bank."""

    party_id: Id
    currency: Currency
    amount: PositiveAmount
    payment_reference: Reference
    treasurer_id: Id
    legs: tuple[Leg, ...]


@event("hold.placed.v1")
class HoldPlaced(Event):
    """A bid's funds are held: `cost_per_node` for each of `nodes`, the programme's share of it from vouchers.

    For a partial bid `cash` includes one micro-unit per node but the first, which rounding of the parts may need.
    """

    hold_id: Id
    party_id: Id
    programme_id: Id
    version: Version
    currency: MarketUnit
    nodes: Nodes
    cost_per_node: PositiveAmount
    partial: Flag
    vouchers: tuple[Draw, ...]
    cash: Amount
    legs: tuple[Leg, ...]


@event("bond.held.v1")
class BondHeld(Event):
    """An offer's bond is held on the provider's cash; each trade is assigned `bps` of its notional at `price`."""

    hold_id: Id
    provider_id: Id
    currency: MarketUnit
    amount: Amount
    price: Price
    bps: Bps
    legs: tuple[Leg, ...]


@event("hold.refused.v1")
class HoldRefusedV1(Event):
    """The order may not enter the book; `code` is a refusal code. Of rules 1 to 4."""

    hold_id: Id
    purpose: Literal["bid", "offer"]
    code: Word


@event("hold.refused.v2")
class HoldRefused(Event):
    """The order may not enter the book; `code` is a refusal code. `lacking`: what is not available, if that is why."""

    hold_id: Id
    purpose: Literal["bid", "offer"]
    party_id: Id
    programme_id: Id | None
    currency: MarketUnit
    code: Word
    lacking: tuple[Shortfall, ...]


@event("hold.reduced.v1")
class HoldReduced(Event):
    """Part of a hold is given back because the order became smaller; `nodes_left` counts for bids only."""

    hold_id: Id
    purpose: Purpose
    nodes_left: NodesOrNone
    vouchers: tuple[Draw, ...]
    cash: Amount
    legs: tuple[Leg, ...]


@event("hold.released.v1")
class HoldReleased(Event):
    """The rest of a hold (of an order or of a contract) is given back; terminal."""

    hold_id: Id
    purpose: Purpose
    reason: Word
    vouchers: tuple[Draw, ...]
    cash: Amount
    legs: tuple[Leg, ...]


@event("contract.funded.v1")
class ContractFunded(Event):
    """A trade's price stays held for its contract, what the limit held above it is released, the bond is assigned."""

    contract_id: Id
    bid_id: Id
    offer_id: Id
    vouchers: tuple[Draw, ...]
    cash: Amount
    bond: Amount
    bid_nodes_left: NodesOrNone
    released_vouchers: tuple[Draw, ...]
    released_cash: Amount
    legs: tuple[Leg, ...]


@event("purchase.judged.v1")
class PurchaseJudged(Event):
    """What a document's rules say of a trade, with their reasons: `gpu_hours` (millionths) for `amount`."""

    contract_id: Id
    programme_id: Id
    version: Version
    rules_hash: Digest
    traded_at: DerivedTime
    class_id: Id
    region: Id
    provider_id: Id
    first_hour: Hour
    hours: BidHours
    gpu_hours: Count
    amount: PositiveAmount
    subsidy: Amount
    explanation: tuple[Reason, ...]


@event("capture.judged.v1")
class CaptureJudged(Event):
    """What a document's rules say of all that was invoiced of a contract so far, the report included."""

    contract_id: Id
    report_id: Id
    rules_hash: Digest
    invoiced: Amount
    subsidy: Amount
    explanation: tuple[Reason, ...]


@event("hold.captured.v1")
class HoldCaptured(Event):
    """Accepted usage is paid: vouchers to redeemed, a claim on the programme and the co-payment to the provider."""

    contract_id: Id
    report_id: Id
    programme_id: Id
    provider_id: Id
    currency: MarketUnit
    invoice: Amount
    vouchers: tuple[Draw, ...]
    subsidy: Amount
    co_payment: Amount
    legs: tuple[Leg, ...]


@event("capture.reversed.v1")
class CaptureReversed(Event):
    """A credit note on one capture: voucher: redeemed -> its owner; the co-payment back to the beneficiary's cash.

    Vouchers come back in reverse order of their draws; what was drawn on vouchers that are gone is `lapsed`. The
    provider loses what it has not claimed (claims -> claims_payable), and owes the rest (claims on the programme:
    receivables -> claims_payable; budget: recoverable -> obligated). `unpaid`: what its cash does not cover of the
    co-payment, which it owes the beneficiary outside the ledger.
    """

    reversal_id: Id
    report_id: Id
    contract_id: Id
    programme_id: Id
    provider_id: Id
    beneficiary_id: Id
    currency: MarketUnit
    vouchers: tuple[Draw, ...]
    lapsed: Amount
    unclaimed: Amount
    owed: Amount
    co_payment: Amount
    unpaid: Amount
    legs: tuple[Leg, ...]


@event("receivable.offset.v1")
class ReceivableOffset(Event):
    """Claims were set off against what their provider owes: claims -> receivables; budget: obligated ->
    recoverable."""

    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
    legs: tuple[Leg, ...]


@event("receivable.recovered.v1")
class ReceivableRecovered(Event):
    """A provider paid back what it owes: claims on the programme: recovered -> receivables; budget: recovered ->
    recoverable."""

    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
    payment_reference: Reference
    legs: tuple[Leg, ...]


@event("bond.released.v1")
class BondReleased(Event):
    """The contract was delivered, or cancelled by both sides: its bond is free again."""

    contract_id: Id
    provider_id: Id
    reason: Literal["delivered", "cancelled"]
    amount: Amount
    legs: tuple[Leg, ...]


@event("bond.slashed.v1")
class BondSlashed(Event):
    """The provider defaulted: the contract's bond is paid to the beneficiary."""

    contract_id: Id
    provider_id: Id
    beneficiary_id: Id
    amount: Amount
    legs: tuple[Leg, ...]


@event("claim.settled.v1")
class ClaimSettled(Event):
    """A provider's share of a paid settlement: claims: claims -> settled; budget: obligated -> disbursed."""

    settlement_id: Id
    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
    legs: tuple[Leg, ...]


@event("claim.reopened.v1")
class ClaimReopened(Event):
    """A paid share came back from the bank: currency: settled -> claims; budget: disbursed -> obligated."""

    settlement_id: Id
    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
    legs: tuple[Leg, ...]


@event("claim.released.v1")
class ClaimReleased(Event):
    """What was denied of a claim: currency: claims -> denied; budget: obligated -> appropriation or lapsed.

    `recycled` of it went back to the appropriation, by the terms of each contract's programme version.
    """

    claim_id: Id
    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
    recycled: Amount
    legs: tuple[Leg, ...]
