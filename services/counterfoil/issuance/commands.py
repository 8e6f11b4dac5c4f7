"""Commands that issuance decides."""

from __future__ import annotations

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import (
    Count,
    GpusPerNode,
    Id,
    KeyId,
    Name,
    PositiveAmount,
    PublicKey,
    Reason,
    Reference,
    Release,
    Role,
    Version,
)
from counterfoil.contract.terms import ProgrammeTerms


@command("adopt_rules", role="operator")
class AdoptRules(Command):
    """Operator: from the next entry on, every log is decided by version `rules` instead of `replaces`.

    `release` names one that knows the version, for auditors to install.
    """

    rules: Version
    replaces: Version
    release: Release


@command("register_party", role="operator")
class RegisterParty(Command):
    """Operator: admit a party with its roles, its group of related parties and its first public key."""

    party_id: Id
    name: Name
    roles: tuple[Role, ...]
    group_id: Id
    public_key: PublicKey


@command("add_key", role=None)
class AddKey(Command):
    """A party (or the operator for it) registers one more Ed25519 public key."""

    party_id: Id
    public_key: PublicKey


@command("revoke_key", role=None)
class RevokeKey(Command):
    """A party (or the operator) revokes a key; in force from this entry on, never retroactive."""

    party_id: Id
    key_id: KeyId
    reason: Reason


@command("register_class", role="operator")
class RegisterClass(Command):
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


@command("publish_programme", role="issuer")
class PublishProgramme(Command):
    """Issuer: a version of a programme. It never changes vouchers that an earlier version issued."""

    programme_id: Id
    version: Version
    terms: ProgrammeTerms


@command("appropriate_budget", role="issuer")
class AppropriateBudget(Command):
    """Issuer: add `amount` to the programme's appropriation."""

    programme_id: Id
    amount: PositiveAmount
    document: Reference


@command("list_provider", role="issuer")
class ListProvider(Command):
    """Issuer: accredit a provider for a programme."""

    programme_id: Id
    provider_id: Id


@command("issue_voucher", role="issuer")
class IssueVoucher(Command):
    """Issuer: a voucher of `amount` for a beneficiary, under the programme's current version."""

    programme_id: Id
    beneficiary_id: Id
    amount: PositiveAmount


@command("suspend_voucher", role="issuer")
class SuspendVoucher(Command):
    """Issuer: no new hold may draw on the voucher until it is reinstated."""

    voucher_id: Id
    reason: Reason


@command("reinstate_voucher", role="issuer")
class ReinstateVoucher(Command):
    """Issuer: lift a suspension."""

    voucher_id: Id


@command("revoke_voucher", role="issuer")
class RevokeVoucher(Command):
    """Issuer: cancel what is not held; what is held is cancelled when its hold is released."""

    voucher_id: Id
    reason: Reason
