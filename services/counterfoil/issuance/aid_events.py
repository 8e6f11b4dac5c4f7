"""Issuance: what counts towards ceilings of law, grant by grant, across programmes."""

from __future__ import annotations

from counterfoil.contract.record import Event, annotations_of, event
from counterfoil.contract.scalars import (
    Amount,
    Code,
    CountingEvent,
    CountsFor,
    Currency,
    Day,
    Id,
    Months,
    Name,
    PositiveAmount,
    Reason,
    Reference,
    Unit,
    Version,
)


@event("regime.registered.v1")
class RegimeRegistered(Event):
    """From `in_force_on` on the law has this ceiling, in so many months, for each group or beneficiary (`unit`).

    It binds documents published from now on, and grants of that day and later ones until the next version is in force.
    A version that was not in force yet gives way to one of the same number.
    """

    regime: Code
    version: Version
    currency: Currency
    ceiling: PositiveAmount
    months: Months
    unit: CountsFor
    counts_on: CountingEvent
    in_force_on: Day
    source: Reason


@event("aid.counted.v1")
class AidCountedV1(Event):
    """As `aid.counted.v2`, when no ceiling of law was registered."""

    grant_id: Id
    regime: Code
    programme_id: Id
    party_id: Id
    subject: Id
    currency: Unit
    granted_on: Day
    amount: PositiveAmount
    ceiling: Amount
    counted_before: Amount
    counts_until: Day


@event("aid.counted.v2")
class AidCounted(Event):
    """A grant counts towards a ceiling of law, together with all that `subject` got in the months before.

    `grant_id`: the application, the voucher that was issued without one, or the claim. `subject`: the group of related
    parties, or the party. `counted_before` was counted on that day, of `ceiling`; from `counts_until` on it counts no
    more. `law`: the version of the registered ceiling that it was judged by; null: the document's own.
    """

    grant_id: Id
    regime: Code
    programme_id: Id
    party_id: Id
    subject: Id
    currency: Unit
    granted_on: Day
    amount: PositiveAmount
    ceiling: Amount
    counted_before: Amount
    counts_until: Day
    law: Version | None


def counted_by(made: AidCountedV1, law: int | None) -> AidCounted:
    """The same, judged by a version of a registered ceiling, or by the document alone."""
    return AidCounted(law=law, **{name: getattr(made, name) for name in annotations_of(AidCountedV1)})


@event("aid.freed.v1")
class AidFreed(Event):
    """So much of a grant was never used, or was taken back unspent, and by its document counts no more."""

    grant_id: Id
    regime: Code
    programme_id: Id
    party_id: Id
    amount: PositiveAmount


@event("aid.attested.v1")
class AidAttested(Event):
    """Aid from outside these programmes counts as well; somebody attested it."""

    aid_id: Id
    regime: Code
    party_id: Id
    subject: Id
    currency: Currency
    granted_on: Day
    amount: PositiveAmount
    grantor: Name
    reference: Reference
    source: Reason
    attested_by: Id
    counts_until: Day


@event("aid.covered.v1")
class AidCovered(Event):
    """So much of attested aid is counted already: another one attested the same grant. The rest of it counts.

    It takes the place of what was said before of the same attestation.
    """

    aid_id: Id
    regime: Code
    party_id: Id
    covered: Amount


@event("aid.withdrawn.v1")
class AidWithdrawn(Event):
    """It counts no more. What was decided by it stays."""

    aid_id: Id
    regime: Code
    party_id: Id
    reason: Reason
    withdrawn_by: Id
