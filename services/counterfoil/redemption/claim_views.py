"""Redemption's read models of claims, payments and reversals: the tables, and how each event changes them.

What one cannot say from its event alone is found by joining: a contract's claimable rest is its `subsidy` less what of
it is in claims, approved or denied.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from counterfoil.contract.forms import dump
from counterfoil.contract.terms import SignedAct
from counterfoil.contract.times import format_day
from counterfoil.core.at import At
from counterfoil.ports import Add, Change, Put, Set, View
from counterfoil.readership import Copy, Readers
from counterfoil.redemption.closing_events import ClaimLapsed, RestGivenUp, UnclaimedLapsed
from counterfoil.redemption.credit_events import ClaimCut, CreditKnown, CreditOwed
from counterfoil.redemption.events import (
    ActEndorsed,
    AppealDecided,
    ApprovalWithdrawn,
    ClaimApproved,
    ClaimDenied,
    ClaimOffset,
    ClaimRejected,
    ClaimSubmitted,
    ClawbackInForce,
    DebtWrittenOff,
    PaymentConfirmed,
    PaymentReturned,
    RecoveryConfirmed,
    ReversalProposed,
    SettlementClosed,
    UsageReversed,
)
from counterfoil.service import Reducers

SIDES: Final = {"beneficiary_id": "text?", "provider_id": "text?", "programme_id": "text?"}
"""The columns of what belongs to a contract that say who may read it; they are the contract's."""
OF_CONTRACT: Final = Readers(parties=("beneficiary_id", "provider_id"), programme="programme_id")
_TO_PAY: Final = Readers(parties=("provider_id",), programme="programme_id", roles={"treasurer": None})
"""A treasurer pays for every programme, so it reads what is to be paid, or paid back, by each."""

CLAIMS: Final = View(
    name="claims",
    key=("claim_id",),
    columns={
        "claim_id": "text",
        "programme_id": "text",
        "provider_id": "text",
        "invoice_number": "text",
        "lines": "json",
        "amount": "amount",
        "approved": "amount",
        "denied": "amount",
        "credited": "amount",
        "submitted_at": "time",
        "status": "text",
        "status_since": "time",
        "status_reason": "text?",
        "settlement_id": "text?",
    },
    filters=("programme_id", "provider_id", "status", "settlement_id"),
    readers=Readers(parties=("provider_id",), programme="programme_id"),
    time="submitted_at",
    values={"status": ("submitted", "approved", "rejected", "batched", "paid", "returned", "lapsed")},
)
"""`status`: submitted, approved, rejected, batched (part of the settlement `settlement_id`), paid, returned,
or lapsed (on an invoice: in the run-off it was paid no more).

`lines` and `amount` are what was claimed; `approved` of it is to be paid, `denied` of it never is, and the rest may be
claimed once more. A claim that is returned is paid by a later settlement, with all that its provider is owed then.
`credited`: what of it credit notes took since it is in a settlement; the programme's issuer may take that back.
"""
SETTLEMENTS: Final = View(
    name="settlements",
    key=("settlement_id",),
    columns={
        "settlement_id": "text",
        "programme_id": "text",
        "currency": "text",
        "claim_ids": "json",
        "amount": "amount",
        "paid": "amount",
        "returned": "amount",
        "closed_at": "time",
        "status": "text",
        "over_at": "time?",
    },
    filters=("programme_id", "status"),
    readers=Readers(programme="programme_id", roles={"treasurer": None}),
    time="closed_at",
    values={"status": ("closed", "over")},
)
"""`status`: closed, or over once each payee was paid or returned."""
PAYMENTS: Final = View(
    name="payments",
    key=("settlement_id", "provider_id"),
    columns={
        "settlement_id": "text",
        "provider_id": "text",
        "programme_id": "text",
        "currency": "text",
        "claimed": "amount",
        "brought": "amount",
        "amount": "amount",
        "carried": "amount",
        "status": "text",
        "status_since": "time",
        "payment_reference": "text?",
        "paid_on": "text?",
        "return_reference": "text?",
        "return_reason": "text?",
        "treasurer_id": "text?",
    },
    filters=("settlement_id", "provider_id", "programme_id", "status"),
    readers=_TO_PAY,
    time="status_since",
    values={"status": ("due", "paid", "returned", "carried")},
)
"""`status`: due, paid, returned, or carried (less than a minor unit: nothing is paid; in run-off it lapses).

`amount` = `claimed` + `brought` (payable before) - `carried` (payable after). `paid_on` is the bank's date.
"""
PAYABLE: Final = View(
    name="payable",
    key=("programme_id", "provider_id"),
    columns={"programme_id": "text", "provider_id": "text", "amount": "amount", "payable_since": "time"},
    filters=("programme_id", "provider_id"),
    readers=_TO_PAY,
)
"""What a programme owes a provider beside claims and settlements: carried as less than a minor unit, returned by the
bank, or taken back wrongly."""

REVERSALS: Final = View(
    name="reversals",
    key=("reversal_id",),
    columns={
        "reversal_id": "text",
        "report_id": "text",
        "contract_id": "text",
        **SIDES,
        "decided_by": "text",
        "amount": "amount",
        "reason": "text",
        "status": "text",
        "status_since": "time",
        "unclaimed": "amount?",
        "owed": "amount?",
        "co_payment": "amount?",
    },
    filters=("report_id", "contract_id", "status", *SIDES),
    readers=OF_CONTRACT,
    time="status_since",
    values={"status": ("proposed", "reversed")},
)
"""`status`: proposed (of a report the last counts) or reversed. `decided_by`: who proposed it, or the operator.

Of a reversed subsidy, `unclaimed` can no longer be claimed, and `owed` is owed to the programme.
"""
RECEIVABLES: Final = View(
    name="receivables",
    key=("programme_id", "provider_id"),
    columns={"programme_id": "text", "provider_id": "text", "currency": "text", "owed": "amount", "owed_since": "time"},
    filters=("programme_id", "provider_id"),
    readers=_TO_PAY,
)
"""What providers owe programmes after reversals, clawbacks and credit notes: set off against their next claims, or paid
back."""
ENDORSEMENTS: Final = View(
    name="endorsements",
    key=("object_id", "provider_id", "endorsed_by"),
    columns={
        "object_id": "text",
        "provider_id": "text",
        "endorsed_by": "text",
        "programme_id": "text",
        "act": "text",
        "endorsed_at": "time",
    },
    filters=("object_id", "programme_id"),
    readers=Readers(parties=("endorsed_by",), programme="programme_id", roles={"treasurer": ("act", "payment")}),
    time="endorsed_at",
    values={"act": get_args(SignedAct)},
)
"""Who was the first of two to sign an act on a claim, a payment or a debt; its status tells if the second did."""

CLAIM_VIEWS: Final[tuple[View, ...]] = (CLAIMS, REVERSALS, RECEIVABLES, SETTLEMENTS, PAYMENTS, PAYABLE, ENDORSEMENTS)


def sides_of(view: View, key: str, contract_id: str) -> Copy:
    """Who may read a row of a contract, which its event does not say."""
    return Copy(view.name, (key,), "contracts", (contract_id,), {name: name for name in SIDES})


def _claim_submitted(event: ClaimSubmitted, at: At) -> Iterable[Change]:
    row = {
        "claim_id": event.claim_id,
        "programme_id": event.programme_id,
        "provider_id": event.provider_id,
        "invoice_number": event.invoice_number,
        "lines": [dump(line) for line in event.lines],
        "amount": event.amount,
        "approved": 0,
        "denied": 0,
        "credited": 0,
        "submitted_at": at.time,
        "status": "submitted",
        "status_since": at.time,
        "status_reason": None,
        "settlement_id": None,
    }
    yield Put(CLAIMS.name, row)


def _reversal(event: ReversalProposed | UsageReversed, at: At, status: str, **parts: int) -> Put:
    row = {
        "reversal_id": event.reversal_id,
        "report_id": event.report_id,
        "contract_id": event.contract_id,
        "decided_by": event.by,
        "amount": event.amount,
        "reason": event.reason,
        "status": status,
        "status_since": at.time,
    }
    return Put(REVERSALS.name, {**dict.fromkeys(REVERSALS.columns), **row, **parts})


def _reversal_proposed(event: ReversalProposed, at: At) -> Iterable[Change]:
    yield _reversal(event, at, "proposed")
    yield sides_of(REVERSALS, event.reversal_id, event.contract_id)


def _usage_reversed(event: UsageReversed, at: At) -> Iterable[Change]:
    parts = {"unclaimed": event.unclaimed, "owed": event.owed, "co_payment": event.co_payment}
    yield _reversal(event, at, "reversed", **parts)
    yield sides_of(REVERSALS, event.reversal_id, event.contract_id)
    if event.owed:
        yield from owed(event, at)


def owed(
    event: UsageReversed
    | ClaimOffset
    | RecoveryConfirmed
    | ClawbackInForce
    | AppealDecided
    | DebtWrittenOff
    | CreditOwed,
    at: At,
) -> Iterable[Change]:
    """What a provider owes a programme after an event."""
    row = {
        "programme_id": event.programme_id,
        "provider_id": event.provider_id,
        "currency": event.currency,
        "owed": event.owed_after,
        "owed_since": at.time,
    }
    yield Put(RECEIVABLES.name, row)


def _claim_is(status: str, at: At, **values: object) -> dict[str, object]:
    return {"status": status, "status_since": at.time, **values}


def _act_endorsed(event: ActEndorsed, at: At) -> Iterable[Change]:
    names = ("object_id", "provider_id", "endorsed_by", "programme_id", "act")
    yield Put(ENDORSEMENTS.name, {**{name: getattr(event, name) for name in names}, "endorsed_at": at.time})


def _claim_approved(event: ClaimApproved, at: At) -> Iterable[Change]:
    yield Set(CLAIMS.name, (event.claim_id,), _claim_is("approved", at, approved=event.amount, status_reason=None))


def _approval_withdrawn(event: ApprovalWithdrawn, at: At) -> Iterable[Change]:
    yield Set(CLAIMS.name, (event.claim_id,), _claim_is("submitted", at, status_reason=event.reason))


def _claim_rejected(event: ClaimRejected, at: At) -> Iterable[Change]:
    yield Set(CLAIMS.name, (event.claim_id,), _claim_is("rejected", at, approved=0, status_reason=event.reason))


def _claim_cut(event: ClaimCut, at: At) -> Iterable[Change]:
    values: dict[str, object] = {"approved": event.approved}
    if not event.left:
        values |= _claim_is("rejected", at, status_reason="its invoice was credited")
    yield Set(CLAIMS.name, (event.claim_id,), values)


def _credit_known(event: CreditKnown, _at: At) -> Iterable[Change]:
    yield Add(CLAIMS.name, (event.claim_id,), {"credited": event.amount})


def _claim_denied(event: ClaimDenied, _at: At) -> Iterable[Change]:
    yield Add(CLAIMS.name, (event.claim_id,), {"denied": event.amount})


def _settlement_closed(event: SettlementClosed, at: At) -> Iterable[Change]:
    row = {
        "settlement_id": event.settlement_id,
        "programme_id": event.programme_id,
        "currency": event.currency,
        "claim_ids": list(event.claim_ids),
        "amount": event.amount,
        "paid": 0,
        "returned": 0,
        "closed_at": at.time,
        "status": "closed" if event.amount else "over",
        "over_at": None if event.amount else at.time,
    }
    yield Put(SETTLEMENTS.name, row)
    for claim_id in event.claim_ids:
        yield Set(CLAIMS.name, (claim_id,), _claim_is("batched", at, settlement_id=event.settlement_id))
    later = ("payment_reference", "paid_on", "return_reference", "return_reason", "treasurer_id")
    for payee in event.payees:
        amounts = {name: getattr(payee, name) for name in ("provider_id", "claimed", "brought", "amount", "carried")}
        names = {"settlement_id": event.settlement_id, "programme_id": event.programme_id, "currency": event.currency}
        status = {"status": "due" if payee.amount else "carried", "status_since": at.time}
        yield Put(PAYMENTS.name, {**names, **amounts, **status, **dict.fromkeys(later)})
        yield payable(event.programme_id, payee.provider_id, payee.carried, at)


def _rest_given_up(event: RestGivenUp, at: At) -> Iterable[Change]:
    yield payable(event.programme_id, event.provider_id, 0, at)


def _unclaimed_lapsed(event: UnclaimedLapsed, at: At) -> Iterable[Change]:
    for part in event.lines:
        yield Set("contracts", (part.contract_id,), {"unclaimed": 0})
    if not event.lines:
        yield payable(event.programme_id, event.provider_id, event.payable_after, at)


def _claim_lapsed(event: ClaimLapsed, at: At) -> Iterable[Change]:
    yield Set(CLAIMS.name, (event.claim_id,), _claim_is("lapsed", at))


def payable(programme_id: str, provider_id: str, amount: int, at: At) -> Change:
    """What a programme owes a provider beside claims and settlements."""
    row = {"programme_id": programme_id, "provider_id": provider_id, "amount": amount, "payable_since": at.time}
    return Put(PAYABLE.name, row)


def _payment_confirmed(event: PaymentConfirmed, at: At) -> Iterable[Change]:
    for claim_id in event.claim_ids:
        yield Set(CLAIMS.name, (claim_id,), _claim_is("paid", at))
    values = {
        "status": "paid",
        "status_since": at.time,
        "payment_reference": event.payment_reference,
        "paid_on": None if event.paid_on is None else format_day(event.paid_on),
        "treasurer_id": event.treasurer_id,
    }
    yield Set(PAYMENTS.name, (event.settlement_id, event.provider_id), values)
    yield Add(SETTLEMENTS.name, (event.settlement_id,), {"paid": event.amount})
    if event.over:
        yield Set(SETTLEMENTS.name, (event.settlement_id,), {"status": "over", "over_at": at.time})


def _payment_returned(event: PaymentReturned, at: At) -> Iterable[Change]:
    for claim_id in event.claim_ids:
        yield Set(CLAIMS.name, (claim_id,), _claim_is("returned", at, status_reason=event.reason))
    values = {
        "status": "returned",
        "status_since": at.time,
        "return_reference": event.return_reference,
        "return_reason": event.reason,
        "treasurer_id": event.treasurer_id,
    }
    yield Set(PAYMENTS.name, (event.settlement_id, event.provider_id), values)
    moved = {"returned": event.amount, "paid": -event.amount} if event.was_paid else {"returned": event.amount}
    yield Add(SETTLEMENTS.name, (event.settlement_id,), moved)
    yield payable(event.programme_id, event.provider_id, event.payable_after, at)
    if event.over and not event.was_paid:
        yield Set(SETTLEMENTS.name, (event.settlement_id,), {"status": "over", "over_at": at.time})


CLAIM_REDUCERS: Final[Reducers] = {
    ReversalProposed: _reversal_proposed,
    UsageReversed: _usage_reversed,
    ClaimOffset: owed,
    RecoveryConfirmed: owed,
    ClaimSubmitted: _claim_submitted,
    ActEndorsed: _act_endorsed,
    ClaimApproved: _claim_approved,
    ApprovalWithdrawn: _approval_withdrawn,
    ClaimRejected: _claim_rejected,
    ClaimCut: _claim_cut,
    CreditOwed: owed,
    CreditKnown: _credit_known,
    ClaimDenied: _claim_denied,
    SettlementClosed: _settlement_closed,
    RestGivenUp: _rest_given_up,
    UnclaimedLapsed: _unclaimed_lapsed,
    ClaimLapsed: _claim_lapsed,
    PaymentConfirmed: _payment_confirmed,
    PaymentReturned: _payment_returned,
}
