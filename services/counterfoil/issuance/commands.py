"""Commands that issuance decides."""

from __future__ import annotations

from counterfoil.contract.applications import ApplicationLine, CapSet, ContractDays, OtherSupport
from counterfoil.contract.possession import ProvenKey
from counterfoil.contract.record import ANY, Command, command
from counterfoil.contract.scalars import (
    ApplicationDecision,
    Count,
    Currency,
    Day,
    Digest,
    FactText,
    Flag,
    GpusPerNode,
    Id,
    KeyId,
    MinorUnits,
    Name,
    Piece,
    PieceNumber,
    Pieces,
    Points,
    PositiveAmount,
    PublicKey,
    Reason,
    Reference,
    Release,
    Role,
    Signature,
    Time,
    Version,
    Word,
)
from counterfoil.contract.terms import FourEyesAct, ProgrammeTerms


@command("adopt_rules", role="operator")
class AdoptRules(Command):
    """Operator: from the next entry on, every log is decided by version `rules` instead of `replaces`.

    `release` names one that knows the version, for auditors to install.
    """

    rules: Version
    replaces: Version
    release: Release


@command("register_party", role="operator")
class RegisterPartyV1(Command):
    """Operator: admit a party with its roles, its group of related parties and its first public key."""

    party_id: Id
    name: Name
    roles: tuple[Role, ...]
    group_id: Id
    public_key: PublicKey


@command("register_party", role="operator", version=2)
class RegisterParty(Command):
    """Operator: admit a party with its roles, its group of related parties and its first key.

    The key's proof is the party's consent. With its recovery key it recovers from the loss or theft of all others.
    `looks_like`: a party whose name this one may be taken for, and is meant to be like all the same.
    """

    party_id: Id
    name: Name
    roles: tuple[Role, ...]
    group_id: Id
    key: ProvenKey
    recovery_key: ProvenKey | None
    looks_like: Id | None


@command("add_key", role=ANY)
class AddKeyV1(Command):
    """A party (or the operator for it) registers one more Ed25519 public key."""

    party_id: Id
    public_key: PublicKey


@command("add_key", role=ANY, version=2)
class AddKey(Command):
    """A party registers one more key of its own."""

    key: ProvenKey


@command("revoke_key", role=ANY, exits=True)
class RevokeKey(Command):
    """A party revokes a key; in force from this entry on, never retroactive. Before rules 4 an operator may, too."""

    party_id: Id
    key_id: KeyId
    reason: Reason


@command("set_recovery_key", role=ANY)
class SetRecoveryKey(Command):
    """A party names the key that recovers it, if it has none; otherwise the one before must consent.

    `consent`: the signature of the recovery key in force over the statement that `key` proves.
    """

    key: ProvenKey
    consent: Signature | None


@command("recover_party", role=ANY, recovery=True, exits=True)
class RecoverParty(Command):
    """A party's recovery key: at once, all keys of the party are revoked and `key` is in force.

    A `recovery_key` takes the place of the one that signs this. A closed party is open again.
    """

    key: ProvenKey
    recovery_key: ProvenKey | None


@command("propose_recovery", role="operator")
class ProposeRecovery(Command):
    """Operator: revoke all keys of a party and put `key` in force, after the delay of the rules if nobody objects.

    For a party that has lost its keys and has no recovery key. A `recovery_key` takes the place of the one before.
    """

    party_id: Id
    key: ProvenKey
    recovery_key: ProvenKey | None
    reason: Reason


@command("object_to_recovery", role=ANY, exits=True)
class ObjectToRecovery(Command):
    """A party ends a recovery of its own that is under way; so does who proposed it, and the root operator."""

    recovery_id: Id
    reason: Reason


@command("close_party", role=ANY)
class CloseParty(Command):
    """A party leaves the market: its orders end, and it gives no commands but those that end what is under way."""

    reason: Reason


@command("attest_group", role=("operator", "issuer"))
class AttestGroup(Command):
    """Operator or issuer: a party belongs to a group of related parties since `since`; null: since this entry.

    `source` says where that is known from. An issuer may only say that a party without relations joins a group.
    """

    party_id: Id
    group_id: Id
    since: Time | None
    source: Reason


@command("suspend_party", role="operator")
class SuspendParty(Command):
    """Operator: from here on the party only ends what it has under way; its orders leave the book. In public."""

    party_id: Id
    reason: Reason


@command("reinstate_party", role="operator")
class ReinstateParty(Command):
    """Operator: lift a party's suspension; its orders do not come back."""

    party_id: Id
    reason: Reason


@command("register_class", role="operator")
class RegisterClassV1(Command):
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


@command("register_currency", role="operator")
class RegisterCurrency(Command):
    """Operator: a currency that is not in ISO 4217; its minor unit has `minor_units` decimals, for ever."""

    currency: Currency
    minor_units: MinorUnits


@command("publish_programme", role="issuer")
class PublishProgrammeV1(Command):
    """Issuer: a version of a programme. It never changes vouchers that an earlier version issued."""

    programme_id: Id
    version: Version
    terms: ProgrammeTerms


@command("put_document", role="issuer")
class PutDocument(Command):
    """Issuer: piece `piece` (from 0) of the `pieces` of a document whose bytes have the hash `sha256`.

    All pieces but the last have 3,072 bytes. A piece that was put before is replaced. Without publication the document
    is dropped a day after its first piece.
    """

    sha256: Digest
    piece: PieceNumber
    pieces: Pieces
    octets: Piece


@command("publish_programme", role="issuer", version=2)
class PublishProgramme(Command):
    """Issuer: a version of a programme, as the document lays down whose pieces were put, and which numbers the version.

    It never changes vouchers that an earlier version issued.
    """

    programme_id: Id
    document_sha256: Digest


@command("appropriate_budget", role="issuer")
class AppropriateBudget(Command):
    """Issuer: add `amount`, whole minor units, to the programme's appropriation; `document` is used once."""

    programme_id: Id
    amount: PositiveAmount
    document: Reference


@command("reduce_budget", role="issuer", exits=True)
class ReduceBudget(Command):
    """Issuer: take back `amount` of the appropriation, at most what is uncommitted."""

    programme_id: Id
    amount: PositiveAmount
    document: Reference
    reason: Reason


@command("list_provider", role="issuer")
class ListProvider(Command):
    """Issuer: accredit a provider for a programme."""

    programme_id: Id
    provider_id: Id


@command("delist_provider", role="issuer")
class DelistProvider(Command):
    """Issuer: bids of the programme no longer meet the provider's offers. What it has delivered it may still claim."""

    programme_id: Id
    provider_id: Id
    reason: Reason


@command("suspend_provider", role="issuer")
class SuspendProvider(Command):
    """Issuer: bids of the programme do not meet the provider's offers, and its claims wait, until it is reinstated."""

    programme_id: Id
    provider_id: Id
    reason: Reason


@command("reinstate_provider", role="issuer")
class ReinstateProvider(Command):
    """Issuer: lift a provider's suspension for a programme."""

    programme_id: Id
    provider_id: Id
    reason: Reason


@command("pause_programme", role="issuer")
class PauseProgramme(Command):
    """Issuer: no new vouchers and no new bids, and the programme's bids leave the book. Contracts run on."""

    programme_id: Id
    reason: Reason


@command("resume_programme", role="issuer")
class ResumeProgramme(Command):
    """Issuer: a paused programme issues and funds bids again."""

    programme_id: Id
    reason: Reason


@command("demand_four_eyes", role="issuer")
class DemandFourEyes(Command):
    """Issuer: from now on an act in its programme needs the signatures of two parties. It cannot be taken back."""

    programme_id: Id
    act: FourEyesAct


@command("appoint_auditor", role=("issuer", "operator"))
class AppointAuditor(Command):
    """Issuer: a party with the role of auditor may read everything of the programme. Operator, null: of all programmes.

    It is related neither to whom it audits nor to any treasurer or operator.
    """

    auditor_id: Id
    programme_id: Id | None


@command("dismiss_auditor", role=("issuer", "operator"))
class DismissAuditor(Command):
    """Issuer, operator: end such an appointment, in public."""

    auditor_id: Id
    programme_id: Id | None
    reason: Reason


@command("issue_voucher", role="issuer")
class IssueVoucher(Command):
    """Issuer: a voucher of `amount` for a beneficiary, under the programme's current version."""

    programme_id: Id
    beneficiary_id: Id
    amount: PositiveAmount


@command("attest_fact", role=("operator", "issuer", "auditor", "provider", "beneficiary"))
class AttestFact(Command):
    """State what is known of a party, of one of its applications, or of one line of that, and from where.

    Whose word counts, each programme's document says: of its issuer, of the operators and of its auditors it always
    does. `values`: codes, or one whole number, date, `true` or `false`, by the fact's kind. `on`: since when it is so.
    """

    party_id: Id
    application_id: Id | None
    line: Id | None
    name: Word
    values: tuple[FactText, ...]
    on: Day
    source: Reason


@command("submit_application", role="beneficiary")
class SubmitApplication(Command):
    """Beneficiary: ask a programme that a document lays down for a voucher.

    `corrects`: the application that was returned, which keeps its place. `evidence`: SHA-256 of each document that
    shows it; the documents stay with the parties.
    """

    programme_id: Id
    corrects: Id | None
    project_id: Id | None
    lines: tuple[ApplicationLine, ...]
    contract: ContractDays | None
    other_support: tuple[OtherSupport, ...]
    evidence: tuple[Digest, ...]


@command("withdraw_application", role="beneficiary", exits=True)
class WithdrawApplication(Command):
    """Beneficiary: end an application that is not decided."""

    application_id: Id
    reason: Reason


@command("return_application", role="issuer")
class ReturnApplication(Command):
    """Issuer: give an application back to be corrected; its reviews begin again."""

    application_id: Id
    reason: Reason


@command("review_application", role=("issuer", "operator", "auditor"))
class ReviewApplication(Command):
    """Sign a step (from 0) of the review that the programme's document lays down: without objection, or with one."""

    application_id: Id
    step: Count
    passes: Flag
    reason: Reason


@command("score_application", role=("issuer", "operator", "auditor"))
class ScoreApplication(Command):
    """Score an application to a ranked programme, once, as who may sign a step of its review. The mean counts."""

    application_id: Id
    points: Points
    reason: Reason


@command("set_application_caps", role="issuer")
class SetApplicationCaps(Command):
    """Issuer: the amounts that the document leaves to the decision, before a window or waiting list decides."""

    application_id: Id
    caps: tuple[CapSet, ...]


@command("open_window", role="issuer")
class OpenWindow(Command):
    """Issuer: take applications on days of a window, decided together. `commitment`: SHA-256 of a lottery's seed."""

    programme_id: Id
    opens: Day
    closes: Day
    commitment: Digest | None


@command("close_window", role="issuer")
class CloseWindow(Command):
    """Issuer: have a window's applications decided, when its last day is over and every review is complete.

    `seed`: what was committed to.
    """

    window_id: Id
    seed: Digest | None


@command("decide_application", role="issuer")
class DecideApplication(Command):
    """Issuer: approve, reject or waitlist an application. `caps`: those that its document leaves to the decision."""

    application_id: Id
    decision: ApplicationDecision
    caps: tuple[CapSet, ...]
    reason: Reason


@command("suspend_voucher", role="issuer")
class SuspendVoucherV1(Command):
    """Issuer: no new hold may draw on the voucher until it is reinstated."""

    voucher_id: Id
    reason: Reason


@command("reinstate_voucher", role="issuer")
class ReinstateVoucher(Command):
    """Issuer: lift a suspension."""

    voucher_id: Id


@command("return_voucher", role="beneficiary", exits=True)
class ReturnVoucher(Command):
    """Beneficiary: give a voucher back. What is not held ends now; what is held ends when its hold is released."""

    voucher_id: Id
    reason: Reason


@command("revoke_voucher", role="issuer")
class RevokeVoucherV1(Command):
    """Issuer: cancel what is not held; what is held is cancelled when its hold is released."""

    voucher_id: Id
    reason: Reason
