"""Issuance: parties, keys, classes, programmes, budgets and vouchers.

Parties, keys, classes, programmes and listings are mirrored, word for word, in the logs of the services that need
them.
"""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.commands import (
    Expiry,
    Rate,
    Role,
)
from counterfoil.contract.record import record
from counterfoil.contract.scalars import (
    Amount,
    Count,
    Currency,
    Digest,
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
class PartyRegistered:
    """A party takes part, with its roles and its group of related parties."""

    party_id: Id
    name: Name
    roles: tuple[Role, ...]
    group_id: Id


@record
class KeyAdded:
    """From here on `public_key` may sign for the party."""

    party_id: Id
    key_id: KeyId
    public_key: PublicKey


@record
class KeyRevoked:
    """From here on the key may not sign."""

    party_id: Id
    key_id: KeyId
    reason: Reason


@record
class ClassRegistered:
    """A version of an accelerator class."""

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
class ProgrammePublished:
    """A version of a programme's rules; `rules_hash` is SHA-256 of the canonical bytes of the command's body."""

    programme_id: Id
    version: Version
    rules_hash: Digest
    issuer_id: Id
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
class ProviderListed:
    """The provider may be paid from the programme's vouchers."""

    programme_id: Id
    provider_id: Id


@record
class BudgetAppropriated:
    """`amount` more may be issued; `uncommitted_after` is issuance's own count."""

    programme_id: Id
    amount: PositiveAmount
    document: Reference
    uncommitted_after: Amount


@record
class BudgetRecycled:
    """Value that expired or was cancelled may be issued again."""

    programme_id: Id
    voucher_id: Id
    amount: PositiveAmount
    uncommitted_after: Amount


@record
class VoucherIssued:
    """A voucher of `face`; `issue_seq` numbers the programme's vouchers, `group_issued_after` counts to the cap."""

    voucher_id: Id
    programme_id: Id
    version: Version
    beneficiary_id: Id
    face: PositiveAmount
    not_before: Time
    expires_at: Time
    issue_seq: Count
    uncommitted_after: Amount
    group_issued_after: Amount


@record
class VoucherSuspended:
    """No new hold may draw on the voucher."""

    voucher_id: Id
    reason: Reason


@record
class VoucherReinstated:
    """The suspension is lifted."""

    voucher_id: Id


@record
class VoucherRevoked:
    """The voucher is dead: what is not held is cancelled now, what is held when its hold is released."""

    voucher_id: Id
    reason: Reason
