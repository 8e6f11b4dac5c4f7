"""Issuance: parties, keys, classes, programmes, budgets and vouchers.

Parties, keys, classes, programmes and listings are mirrored, word for word, in the logs of the services that need
them.
"""

from __future__ import annotations

from counterfoil.contract.applications import (
    ApplicationLine,
    CapSet,
    ContractDays,
    CounterMoved,
    EnvelopePart,
    Explained,
    FactGiven,
    OtherSupport,
    PayerShare,
)
from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import (
    Amount,
    ApplicationDecision,
    Count,
    Day,
    DerivedTime,
    Digest,
    FactText,
    Flag,
    GpusPerNode,
    Id,
    KeyId,
    Name,
    Points,
    PositiveAmount,
    PublicKey,
    Reason,
    Reference,
    Version,
    Word,
)
from counterfoil.contract.scalars import Code as ListCode
from counterfoil.contract.terms import FourEyesAct


@event("recovery.proposed.v1")
class RecoveryProposed(Event):
    """An operator wants to recover a party; `in_force_at` moves if issuance is away meanwhile."""

    recovery_id: Id
    party_id: Id
    proposed_by: Id
    reason: Reason
    key_id: KeyId
    public_key: PublicKey
    recovery_key: PublicKey | None
    in_force_at: DerivedTime


@event("recovery.ended.v1")
class RecoveryEnded(Event):
    """A proposed recovery does not come into force: the party objected, or recovered itself, or it was a mistake."""

    recovery_id: Id
    party_id: Id
    ended_by: Id
    reason: Reason


@event("class.registered.v1")
class ClassRegisteredV1(Event):
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


@event("provider.listed.v1")
class ProviderListed(Event):
    """The provider may be paid from the programme's vouchers."""

    programme_id: Id
    provider_id: Id


@event("provider.delisted.v1")
class ProviderDelisted(Event):
    """From here on no bid of the programme meets the provider's offers; a suspension is over."""

    programme_id: Id
    provider_id: Id
    reason: Reason


@event("provider.suspended.v1")
class ProviderSuspended(Event):
    """No bid of the programme meets the provider's offers, and none of its claims is approved or settled."""

    programme_id: Id
    provider_id: Id
    reason: Reason


@event("provider.reinstated.v1")
class ProviderReinstated(Event):
    """The suspension is lifted."""

    programme_id: Id
    provider_id: Id
    reason: Reason


@event("programme.paused.v1")
class ProgrammePaused(Event):
    """The programme issues nothing and funds no new bids; those that are open leave the book."""

    programme_id: Id
    reason: Reason


@event("programme.resumed.v1")
class ProgrammeResumed(Event):
    """The programme issues and funds bids again."""

    programme_id: Id
    reason: Reason


@event("four_eyes.demanded.v1")
class FourEyesDemanded(Event):
    """From here on the act needs the signatures of two parties in this programme, in all of its versions."""

    programme_id: Id
    act: FourEyesAct


@event("auditor.appointed.v1")
class AuditorAppointed(Event):
    """The auditor may read everything of the programme; null: of every programme, and every entry."""

    auditor_id: Id
    programme_id: Id | None


@event("auditor.dismissed.v1")
class AuditorDismissed(Event):
    """The appointment for the programme, or null: for all of them, has ended."""

    auditor_id: Id
    programme_id: Id | None
    reason: Reason


@event("budget.appropriated.v1")
class BudgetAppropriated(Event):
    """`amount` more may be issued; `uncommitted_after` is issuance's own count."""

    programme_id: Id
    amount: PositiveAmount
    document: Reference
    uncommitted_after: Amount


@event("budget.reduced.v1")
class BudgetReduced(Event):
    """`amount` less may be issued."""

    programme_id: Id
    amount: PositiveAmount
    document: Reference
    reason: Reason
    uncommitted_after: Amount


@event("budget.recycled.v1")
class BudgetRecycled(Event):
    """Value of the voucher or claim `source_id` that expired or was denied, or by rules 1 to 3 was cancelled, may be
    issued again."""

    programme_id: Id
    source_id: Id
    amount: PositiveAmount
    uncommitted_after: Amount


@event("issue.reversed.v1")
class IssueReversed(Event):
    """Value that was cancelled unspent: it counts neither as issued nor towards the cap of its group any more."""

    programme_id: Id
    voucher_id: Id
    amount: PositiveAmount
    uncommitted_after: Amount
    group_issued_after: Amount


@event("voucher.issued.v1")
class VoucherIssued(Event):
    """A voucher of `face`; `issue_seq` numbers the programme's vouchers, `group_issued_after` counts to the cap."""

    voucher_id: Id
    programme_id: Id
    version: Version
    beneficiary_id: Id
    face: PositiveAmount
    not_before: DerivedTime
    expires_at: DerivedTime
    issue_seq: Count
    uncommitted_after: Amount
    group_issued_after: Amount


@event("fact.attested.v1")
class FactAttested(Event):
    """What somebody states of a party, of its application, or of a line of that; it replaces what it stated before."""

    party_id: Id
    application_id: Id | None
    line: Id | None
    name: Word
    values: tuple[FactText, ...]
    on: Day
    source: Reason
    attested_by: Id


@event("application.submitted.v1")
class ApplicationSubmitted(Event):
    """An application, or the correction of one that was returned; `ready`: no review comes before its decision.

    `window_id`: the window whose applications it is decided with. `review_by`: when its first step is to be signed.
    """

    application_id: Id
    programme_id: Id
    version: Version
    beneficiary_id: Id
    corrects: Flag
    project_id: Id | None
    lines: tuple[ApplicationLine, ...]
    contract: ContractDays | None
    other_support: tuple[OtherSupport, ...]
    evidence: tuple[Digest, ...]
    ready: Flag
    window_id: Id | None
    review_by: DerivedTime | None


@event("application.withdrawn.v1")
class ApplicationWithdrawn(Event):
    """Its beneficiary ended the application."""

    application_id: Id
    reason: Reason


@event("application.returned.v1")
class ApplicationReturned(Event):
    """The application waits for its beneficiary to correct it; what was signed of its review does not count."""

    application_id: Id
    reason: Reason


@event("application.reviewed.v1")
class ApplicationReviewed(Event):
    """A reviewer signed a step of the review; `complete`: every step has its signatures, and no objection.

    `review_by`: when the next step is to be signed, by the time that the document gives it from now on.
    """

    application_id: Id
    programme_id: Id
    version: Version
    step: Count
    reviewer_id: Id
    passes: Flag
    reason: Reason
    complete: Flag
    review_by: DerivedTime | None


@event("application.decided.v1")
class ApplicationDecided(Event):
    """The decision on an application, with all that it is founded on, by the document with the hash `rules_hash`.

    `day` is the programme's local day. `refusal`: why the document grants nothing, if so. `subsidy`, `eligible`,
    `co_payment` (rounded down) and `counters` are what the document grants, or would have granted. `explanation` has
    the first 128 steps, or as many as fit; `submitted_at`: for the first time. With an approval the voucher follows in
    the same entry.

    Of an application that a window decides: the window, its place in the order, its score if it is ranked, and the
    envelopes from which nobody after it gets anything in this window.
    """

    application_id: Id
    programme_id: Id
    version: Version
    beneficiary_id: Id
    decision: ApplicationDecision
    reason: Reason
    rules_hash: Digest
    day: Day
    caps: tuple[CapSet, ...]
    facts: tuple[FactGiven, ...]
    refusal: Word | None
    explanation: tuple[Explained, ...]
    eligible: Amount
    subsidy: Amount
    co_payment: Amount
    tiers: tuple[Id, ...]
    counters: tuple[CounterMoved, ...]
    payers: tuple[PayerShare, ...]
    voucher_id: Id | None
    submitted_at: DerivedTime
    window_id: Id | None
    rank: Count | None
    points: Points | None
    exhausted: tuple[Id, ...]


@event("application.scored.v1")
class ApplicationScored(Event):
    """A reviewer's score, in millionths of a point."""

    application_id: Id
    programme_id: Id
    version: Version
    reviewer_id: Id
    points: Points
    reason: Reason


@event("application.capped.v1")
class ApplicationCapped(Event):
    """The amounts of the caps that the document leaves to the decision on an application; the last ones count."""

    application_id: Id
    caps: tuple[CapSet, ...]


@event("application.assessed.v1")
class ApplicationAssessed(Event):
    """What an application of a window would be granted of each envelope if there were enough; nothing: not eligible."""

    application_id: Id
    window_id: Id
    asked: tuple[EnvelopePart, ...]


@event("application.overdue.v1")
class ApplicationOverdue(Event):
    """A step of the review has not been signed in the time that the document gives it."""

    application_id: Id
    programme_id: Id
    step: Count
    since: DerivedTime


@event("application.still_waits.v1")
class ApplicationStillWaits(Event):
    """A waiting list was looked through, and nobody moves up: the first on it gets nothing for this reason."""

    application_id: Id
    programme_id: Id
    refusal: Word


@event("window.opened.v1")
class WindowOpened(Event):
    """Applications submitted on the days from `opens` to `closes` are decided together, by this version.

    `commitment`: SHA-256 of the seed of a lottery.
    """

    window_id: Id
    programme_id: Id
    version: Version
    document_id: Id
    rules_hash: Digest
    mode: ListCode
    opens: Day
    closes: Day
    commitment: Digest | None


@event("window.closed.v1")
class WindowClosed(Event):
    """The applications of a window are decided from here on, in their order, as on the local day `day`.

    `draw` orders a lottery: the lowest SHA-256 of it and an application's id is first. It is the SHA-256 of the seed
    and of a chain: from 32 zero octets, with each application SHA-256 of the chain so far and of the application's id,
    a space and the time of its first submission in microseconds since 1970, as text.
    """

    window_id: Id
    programme_id: Id
    applications: Count
    day: Day
    seed: Digest | None
    draw: Digest | None


@event("window.assessed.v1")
class WindowAssessed(Event):
    """All applications of a window were assessed: what they ask of each envelope, and what it has left for them."""

    window_id: Id
    programme_id: Id
    asked: tuple[EnvelopePart, ...]
    left: tuple[EnvelopePart, ...]


@event("window.settled.v1")
class WindowSettled(Event):
    """Every application of a window is decided: how many of them in which way, and what was granted in all."""

    window_id: Id
    programme_id: Id
    approved: Count
    waitlisted: Count
    rejected: Count
    granted: Amount


@event("voucher.granted.v1")
class VoucherGranted(Event):
    """A voucher of `face`, issued under the rules of a document with this hash, in the unit of its programme.

    It has no end where `expires_at` is the last time that can be written. `counted`: what it adds to the limits of the
    programme; `explanation`: what of them was left.
    """

    voucher_id: Id
    programme_id: Id
    version: Version
    rules_hash: Digest
    beneficiary_id: Id
    face: PositiveAmount
    not_before: DerivedTime
    expires_at: DerivedTime
    issue_seq: Count
    uncommitted_after: Amount
    group_issued_after: Amount
    counted: tuple[CounterMoved, ...]
    explanation: tuple[Reason, ...]


@event("voucher.suspended.v1")
class VoucherSuspended(Event):
    """No new hold may draw on the voucher."""

    voucher_id: Id
    reason: Reason


@event("voucher.reinstated.v1")
class VoucherReinstated(Event):
    """The suspension is lifted."""

    voucher_id: Id


@event("voucher.revoked.v1")
class VoucherRevoked(Event):
    """The voucher is dead: what is not held is cancelled now, what is held when its hold is released."""

    voucher_id: Id
    reason: Reason


@event("voucher.returned.v1")
class VoucherReturned(Event):
    """Its beneficiary gave the voucher back: it ends as if it had been revoked."""

    voucher_id: Id
    reason: Reason
