"""Issuance: vouchers stopped for a time, or for good, on a ground that their document names."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Code, DerivedTime, Digest, Id, Reason, Version


@event("suspension.ordered.v1")
class SuspensionOrdered(Event):
    """A voucher is suspended from `begins_at` until `ends_at`, as the document with the hash `rules_hash` allows."""

    voucher_id: Id
    programme_id: Id
    version: Version
    rules_hash: Digest
    ground: Code
    begins_at: DerivedTime
    ends_at: DerivedTime
    reason: Reason


@event("suspension.extended.v1")
class SuspensionExtended(Event):
    """A voucher stays suspended until `ends_at`, by the decision of `extended_by`."""

    voucher_id: Id
    programme_id: Id
    ends_at: DerivedTime
    extended_by: Id
    reason: Reason


@event("revocation.ordered.v1")
class RevocationOrdered(Event):
    """A voucher is revoked on a ground that the document with the hash `rules_hash` names."""

    voucher_id: Id
    programme_id: Id
    version: Version
    rules_hash: Digest
    ground: Code
    reason: Reason
