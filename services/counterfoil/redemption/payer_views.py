"""Redemption's read model of what each of several payers pays, and what comes back of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from counterfoil.contract.times import format_day
from counterfoil.core.at import At
from counterfoil.ports import Add, Change, Put, Set, View
from counterfoil.readership import Readers
from counterfoil.redemption.payer_events import PaymentShared, ShareConfirmed, ShareReturned
from counterfoil.service import Reducers

PAYER_SHARES: Final = View(
    name="payer_shares",
    key=("settlement_id", "provider_id", "payer"),
    columns={
        "settlement_id": "text",
        "provider_id": "text",
        "payer": "text",
        "programme_id": "text",
        "version": "int",
        "currency": "text",
        "bears": "amount",
        "pays": "amount",
        "refunds": "text?",
        "status": "text",
        "status_since": "time",
        "payment_reference": "text?",
        "paid_on": "text?",
        "return_reference": "text?",
        "return_reason": "text?",
        "treasurer_id": "text?",
    },
    filters=("settlement_id", "provider_id", "payer", "programme_id", "status"),
    readers=Readers(parties=("provider_id",), programme="programme_id", roles={"treasurer": None}),
    time="status_since",
    values={"status": ("due", "paid", "returned")},
)
"""Of payments that several payers make. `bears`: what a payer bears in the end; `pays`: what it pays to the payee. One
that pays nothing `refunds` that to the payer named, once the payment is made. `status`: due, paid (or refunded), or
returned: it came back and is due again. A payment that is returned as a whole, `payments` shows."""
PAYER_VIEWS: Final[tuple[View, ...]] = (PAYER_SHARES,)


def _shared(event: PaymentShared, at: At) -> Iterable[Change]:
    advances = next((each.payer for each in event.parts if each.pays > each.bears), None)
    names = ("settlement_id", "provider_id", "programme_id", "version", "currency")
    same = {name: getattr(event, name) for name in names}
    for each in event.parts:
        row = {
            **dict.fromkeys(PAYER_SHARES.columns),
            **same,
            "payer": each.payer,
            "bears": each.bears,
            "pays": each.pays,
            "refunds": None if each.pays else advances,
            "status": "due",
            "status_since": at.time,
        }
        yield Put(PAYER_SHARES.name, row)


def _key(event: ShareConfirmed | ShareReturned) -> tuple[str, str, str]:
    return event.settlement_id, event.provider_id, event.payer


def _confirmed(event: ShareConfirmed, at: At) -> Iterable[Change]:
    values = {
        "status": "paid",
        "status_since": at.time,
        "payment_reference": event.payment_reference,
        "paid_on": format_day(event.paid_on),
        "return_reference": None,
        "return_reason": None,
        "treasurer_id": event.treasurer_id,
    }
    yield Set(PAYER_SHARES.name, _key(event), values)


def _returned(event: ShareReturned, at: At) -> Iterable[Change]:
    since = {"status_since": at.time}
    values = {
        "status": "returned",
        "return_reference": event.return_reference,
        "return_reason": event.reason,
        "treasurer_id": event.treasurer_id,
    }
    yield Set(PAYER_SHARES.name, _key(event), {**values, **since})
    if not event.reopened:
        return
    for claim_id in event.claim_ids:
        yield Set("claims", (claim_id,), {"status": "batched", "status_reason": event.reason, **since})
    not_paid = dict.fromkeys(("payment_reference", "paid_on", "treasurer_id"))
    yield Set("payments", (event.settlement_id, event.provider_id), {"status": "due", **not_paid, **since})
    yield Set("settlements", (event.settlement_id,), {"status": "closed", "over_at": None})
    yield Add("settlements", (event.settlement_id,), {"paid": -event.payment})


PAYER_REDUCERS: Final[Reducers] = {
    PaymentShared: _shared,
    ShareConfirmed: _confirmed,
    ShareReturned: _returned,
}
