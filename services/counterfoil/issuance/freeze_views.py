"""What suspensions, revocations and extensions under documents change in issuance's view of vouchers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from counterfoil.core.at import At
from counterfoil.issuance.events import VoucherReinstated
from counterfoil.issuance.freeze_events import RevocationOrdered, SuspensionExtended, SuspensionOrdered
from counterfoil.ledger.extension_events import VoucherEndSet, VoucherExtended
from counterfoil.ports import Change, Set
from counterfoil.service import Reducers

NOT_STOPPED: Final[Mapping[str, None]] = {"ground": None, "suspended_from": None, "suspended_until": None}
_VIEW: Final = "vouchers"


def _ordered(event: SuspensionOrdered, _at: At) -> Iterable[Change]:
    between = {"suspended_from": event.begins_at, "suspended_until": event.ends_at}
    yield Set(_VIEW, (event.voucher_id,), {"ground": event.ground, **between})


def _extended(event: SuspensionExtended, _at: At) -> Iterable[Change]:
    yield Set(_VIEW, (event.voucher_id,), {"suspended_until": event.ends_at})


def _ends(event: VoucherExtended | VoucherEndSet, _at: At) -> Iterable[Change]:
    yield Set(_VIEW, (event.voucher_id,), {"expires_at": event.expires_at})


def _revoked(event: RevocationOrdered, _at: At) -> Iterable[Change]:
    yield Set(_VIEW, (event.voucher_id,), {**NOT_STOPPED, "ground": event.ground})


def _reinstated(event: VoucherReinstated, at: At) -> Iterable[Change]:
    active = {"status": "active", "status_since": at.time, "status_reason": None}
    yield Set(_VIEW, (event.voucher_id,), {**active, **NOT_STOPPED})


FREEZE_REDUCERS: Final[Reducers] = {
    SuspensionOrdered: _ordered,
    SuspensionExtended: _extended,
    VoucherExtended: _ends,
    VoucherEndSet: _ends,
    RevocationOrdered: _revoked,
    VoucherReinstated: _reinstated,
}
