"""Commands that issuance decides."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.commands.shared import Expiry, Rate, Role
from counterfoil.contract.record import record
from counterfoil.contract.scalars import (
    Count,
    Currency,
    Flag,
    GpusPerNode,
    Id,
    KeyId,
    Name,
    PositiveAmount,
    PublicKey,
    Reason,
    Reference,
    Seconds,
    Time,
    Version,
)


@record
class RegisterParty:
    """Operator: admit a party with its roles, its group of related parties and its first public key."""

    party_id: Id
    name: Name
    roles: tuple[Role, ...]
    group_id: Id
    public_key: PublicKey


@record
class AddKey:
    """A party (or the operator for it) registers one more Ed25519 public key."""

    party_id: Id
    public_key: PublicKey


@record
class RevokeKey:
    """A party (or the operator) revokes a key; in force from this entry on, never retroactive."""

    party_id: Id
    key_id: KeyId
    reason: Reason


@record
class RegisterClass:
    """Operator: a new version of an accelerator class. Throughput in milli-TFLOPS (dense BF16), unknown as null."""

    class_id: Id
    version: Version
    description: Name
    mem_mb: Count
    gpus_per_node: GpusPerNode
    bf16_mtflops_nominal: Count | None
    bf16_mtflops_attested: Count | None
    interconnect: Name | None
    sources: tuple[Name, ...]


@record
class PublishProgramme:
    """Issuer: a programme version. It never changes vouchers that an earlier version issued.

    `share` of an eligible amount is paid by voucher, the rest is the beneficiary's co-payment. `recycle` says where
    expired value goes. `hold_tolls_expiry`: a hold placed in time survives the voucher's expiry.
    """

    programme_id: Id
    version: Version
    title: Name
    legal_basis: Reason
    currency: Currency
    share: Rate
    beneficiary_cap: PositiveAmount
    classes: tuple[Id, ...]
    regions: tuple[Id, ...]
    valid_from: Time
    valid_until: Time
    expiry: Expiry
    recycle: Literal["appropriation", "lapsed"]
    hold_tolls_expiry: Flag
    report_within_seconds: Seconds
    dispute_window_seconds: Seconds


@record
class AppropriateBudget:
    """Issuer: add `amount` to the programme's appropriation."""

    programme_id: Id
    amount: PositiveAmount
    document: Reference


@record
class ListProvider:
    """Issuer: accredit a provider for a programme."""

    programme_id: Id
    provider_id: Id


@record
class IssueVoucher:
    """Issuer: a voucher of `amount` for a beneficiary, under the programme's current version."""

    programme_id: Id
    beneficiary_id: Id
    amount: PositiveAmount


@record
class SuspendVoucher:
    """Issuer: no new hold may draw on the voucher until it is reinstated."""

    voucher_id: Id
    reason: Reason


@record
class ReinstateVoucher:
    """Issuer: lift a suspension."""

    voucher_id: Id


@record
class RevokeVoucher:
    """Issuer: cancel what is not held; what is held is cancelled when its hold is released."""

    voucher_id: Id
    reason: Reason
