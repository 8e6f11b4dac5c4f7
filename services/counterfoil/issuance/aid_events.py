"""Issuance: what counts towards ceilings of law, grant by grant, across programmes."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import (
    Amount,
    Code,
    Currency,
    Day,
    Id,
    Name,
    PositiveAmount,
    Reason,
    Reference,
    Unit,
)


@event("aid.counted.v1")
class AidCounted(Event):
    """A grant counts towards a ceiling of law, together with all that `subject` got in the months before.

    `grant_id`: the application, the voucher that was issued without one, or the claim. `subject`: the group of related
    parties, or the party. `counted_before` was counted on that day, of `ceiling`; from `counts_until` on it counts no
    more.
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
