"""The ledger's read models of expiry: the notices that holders got, and what they have that is offline."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from counterfoil.core.at import At
from counterfoil.ledger.chart import EXPIRED, owner_of
from counterfoil.ledger.events import VoucherExpired, VoucherRestored
from counterfoil.ledger.expiry_events import ExpiryNotified, VoucherTakenOffline
from counterfoil.ledger.extension_events import VoucherEndSet, VoucherExtended
from counterfoil.ports import Add, Change, Put, Set, View
from counterfoil.readership import Readers

NOTICES: Final = View(
    name="expiry_notices",
    key=("voucher_id", "holder_id", "days"),
    columns={
        "voucher_id": "text",
        "holder_id": "text",
        "days": "int",
        "programme_id": "text",
        "amount": "amount",
        "expires_at": "time",
        "offline_at": "time",
        "ends_at": "time",
        "notified_at": "time",
    },
    filters=("voucher_id", "holder_id", "programme_id"),
    readers=Readers(parties=("holder_id",), programme="programme_id"),
    time="notified_at",
)
"""That a holder was told that a voucher ends in so many days, and how much of it the holder had, held value included.

It pays for new orders before `expires_at`, and before `offline_at`; what is left of it ends at `ends_at`."""
OFFLINE: Final = View(
    name="offline_vouchers",
    key=("voucher_id", "holder_id"),
    columns={
        "voucher_id": "text",
        "holder_id": "text",
        "programme_id": "text",
        "amount": "amount",
        "restored": "amount",
        "expired": "amount",
        "recycled": "bool?",
        "status": "text",
        "restorable_until": "time?",
        "ends_at": "time",
        "offline_at": "time",
    },
    filters=("voucher_id", "holder_id", "programme_id", "status"),
    readers=Readers(parties=("holder_id",), programme="programme_id"),
    time="offline_at",
    values={"status": ("offline", "restored", "expired")},
)
"""What a holder had of a voucher when it was taken offline, held value included, and what became of it.

`restored`: brought back at its holder's request, as other vouchers; `expired`: ended, and `recycled` if it may be
issued again. Of the rest, what is held is paid as before. Its holder may ask for it before `restorable_until`."""

EXTENSIONS: Final = View(
    name="extensions",
    key=("voucher_id", "number"),
    columns={
        "voucher_id": "text",
        "number": "int",
        "programme_id": "text",
        "days": "int",
        "ground": "text?",
        "reason": "text",
        "extended_by": "text",
        "expired_at": "time",
        "expires_at": "time",
        "extended_at": "time",
    },
    filters=("voucher_id", "programme_id"),
    readers=Readers(programme="programme_id", through={"holders": "voucher_id"}),
    time="extended_at",
)
"""That an issuer let a voucher last so many days longer than until `expired_at`, and why."""

EXPIRY_VIEWS: Final[tuple[View, ...]] = (NOTICES, OFFLINE, EXTENSIONS)


def notified(event: ExpiryNotified, at: At) -> Iterable[Change]:
    """A row for a notice."""
    row = {name: getattr(event, name) for name in NOTICES.columns if name != "notified_at"}
    yield Put(NOTICES.name, {**row, "notified_at": at.time})


def extended(event: VoucherExtended, at: At) -> Iterable[Change]:
    """A row for an extension, and the later end of what each holder has."""
    row = {name: getattr(event, name) for name in EXTENSIONS.columns if name != "extended_at"}
    yield Put(EXTENSIONS.name, {**row, "extended_at": at.time})
    for holder_id in event.holders:
        yield Set("holdings", (event.voucher_id, holder_id), {"expires_at": event.expires_at})


def end_set(event: VoucherEndSet, _at: At) -> Iterable[Change]:
    """The end of what each holder has."""
    for holder_id in event.holders:
        yield Set("holdings", (event.voucher_id, holder_id), {"expires_at": event.expires_at})


def taken_offline(event: VoucherTakenOffline, at: At) -> Iterable[Change]:
    """A row for what is offline."""
    row = {name: getattr(event, name) for name in OFFLINE.columns if hasattr(event, name)}
    nothing = {"restored": 0, "expired": 0, "recycled": None, "status": "offline"}
    yield Put(OFFLINE.name, {**row, **nothing, "offline_at": at.time})


def brought_back(event: VoucherRestored, _at: At) -> Iterable[Change]:
    """What was offline and is another voucher now."""
    key = (event.restored_from, event.beneficiary_id)
    yield Add(OFFLINE.name, key, {"restored": event.face})
    yield Set(OFFLINE.name, key, {"status": "restored"})


def ended(event: VoucherExpired, _at: At) -> Iterable[Change]:
    """What was offline and has ended."""
    for leg in event.legs:
        holder_id = owner_of(leg.debit)
        if leg.credit == EXPIRED and holder_id is not None:
            yield Add(OFFLINE.name, (event.voucher_id, holder_id), {"expired": leg.amount})
            over = {"status": "expired", "recycled": event.recycled}
            yield Set(OFFLINE.name, (event.voucher_id, holder_id), over)
