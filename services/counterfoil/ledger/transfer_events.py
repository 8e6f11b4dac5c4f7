"""Ledger: vouchers given back, handed on and pledged."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import (
    Amount,
    Count,
    DerivedTime,
    Digest,
    Flag,
    Id,
    PositiveAmount,
    Reason,
    Unit,
    Version,
    Word,
)
from counterfoil.ledger.events import Leg


@event("voucher.surrendered.v1")
class VoucherSurrendered(Event):
    """A holder gave back unheld value of a voucher, which goes on: voucher: owner -> cancelled; budget: obligated ->
    appropriation. `suspended`: whether the voucher is."""

    voucher_id: Id
    programme_id: Id
    holder_id: Id
    amount: Amount
    suspended: Flag
    legs: tuple[Leg, ...]


@event("voucher.reissued.v1")
class VoucherReissued(Event):
    """What a holder surrendered in a transfer is a voucher of its own for the receiver, on the same terms.

    Voucher: its owner -> restored, and circulation -> the receiver; budget: nothing moves.
    """

    voucher_id: Id
    reissued_from: Id
    transfer_id: Id
    holder_id: Id
    programme_id: Id
    version: Version
    beneficiary_id: Id
    face: PositiveAmount
    not_before: DerivedTime
    expires_at: DerivedTime
    issue_seq: Count
    hops: Count
    legs: tuple[Leg, ...]


@event("transfer.proposed.v1")
class TransferProposed(Event):
    """A holder offers value of a voucher to another party; it is pending until the transfer is over: owner ->
    transfers.

    `price` goes to the holder, `fee` to the issuer, both from the receiver when it accepts. It lapses at `until`.
    """

    transfer_id: Id
    voucher_id: Id
    programme_id: Id
    holder_id: Id
    receiver_id: Id
    amount: PositiveAmount
    price: Amount
    fee: Amount
    currency: Unit
    until: DerivedTime
    legs: tuple[Leg, ...]


@event("transfer.approved.v1")
class TransferApproved(Event):
    """The issuer approved a transfer, which its receiver may now accept."""

    transfer_id: Id


@event("transfer.consented.v1")
class TransferConsented(Event):
    """The receiver takes a transfer, if by what issuance says of it the programme lets it."""

    transfer_id: Id
    programme_id: Id
    voucher_id: Id
    holder_id: Id
    receiver_id: Id


@event("transfer.judged.v1")
class TransferJudged(Event):
    """By the facts that issuance stated the programme lets a receiver take a transfer, which follows, or it does not.

    They are not repeated: who hands on may read this. `code`: why not, by the code of a refusal, and `why` by the
    document's own; the transfer stands, and may be taken again. Null: it may.
    """

    transfer_id: Id
    programme_id: Id
    voucher_id: Id
    receiver_id: Id
    rules_hash: Digest
    code: Word | None
    why: Word | None


@event("transfer.accepted.v1")
class TransferAccepted(Event):
    """Value of a voucher and its price change hands, both at once: voucher: owner -> owner; currency: cash of the
    receiver -> cash of the holder, and of the issuer.

    `hops`: how often what the receiver now has of the voucher has changed hands. `reissued_as`: the voucher that it
    becomes, where the programme takes the old one back; its legs are in the next event.
    """

    transfer_id: Id
    voucher_id: Id
    programme_id: Id
    holder_id: Id
    receiver_id: Id
    issuer_id: Id
    amount: PositiveAmount
    price: Amount
    fee: Amount
    currency: Unit
    hops: Count
    expires_at: DerivedTime
    reissued_as: Id | None
    legs: tuple[Leg, ...]


@event("transfer.closed.v1")
class TransferClosed(Event):
    """A transfer that is not accepted is over; its value is the holder's to spend, or ends with its voucher."""

    transfer_id: Id
    voucher_id: Id
    programme_id: Id
    holder_id: Id
    reason: Literal["withdrawn", "rejected", "rejected_by_issuer", "lapsed", "voucher_ended"]
    legs: tuple[Leg, ...]


@event("pledge.made.v1")
class PledgeMade(Event):
    """A holder pledged value of a voucher, which it cannot spend until the pledge is over: owner -> pledges."""

    pledge_id: Id
    voucher_id: Id
    programme_id: Id
    holder_id: Id
    pledgee_id: Id
    amount: PositiveAmount
    until: DerivedTime
    legs: tuple[Leg, ...]


@event("pledge.asked.v1")
class PledgeAsked(Event):
    """A pledge stands if its programme's document lets this pledgee have it, by what issuance says of it.

    Until then it is not enforced.
    """

    pledge_id: Id
    programme_id: Id
    voucher_id: Id
    pledgee_id: Id


@event("pledge.judged.v1")
class PledgeJudged(Event):
    """By the facts that issuance stated the document lets a pledgee have a pledge, or not: it was released just before.

    `code`: why not, by the code of a refusal, and `why` by the document's own. Null: it may.
    """

    pledge_id: Id
    programme_id: Id
    voucher_id: Id
    pledgee_id: Id
    rules_hash: Digest
    code: Word | None
    why: Word | None


@event("pledge.released.v1")
class PledgeReleased(Event):
    """A pledge is over; its value is the holder's to spend, or ends with its voucher."""

    pledge_id: Id
    voucher_id: Id
    programme_id: Id
    holder_id: Id
    reason: Literal["released", "voucher_ended"]
    legs: tuple[Leg, ...]


@event("pledge.enforced.v1")
class PledgeEnforced(Event):
    """The pledgee took what was pledged to it: owner -> owner."""

    pledge_id: Id
    voucher_id: Id
    programme_id: Id
    holder_id: Id
    pledgee_id: Id
    amount: PositiveAmount
    hops: Count
    expires_at: DerivedTime
    reason: Reason
    legs: tuple[Leg, ...]
