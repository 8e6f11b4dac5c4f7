"""Commands that issuance decides: aid under a ceiling of law that was granted elsewhere."""

from __future__ import annotations

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import (
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
)


@command("attest_aid", role=("operator", "issuer"))
class AttestAid(Command):
    """Operator or issuer: a party was granted aid under a ceiling of law outside these programmes.

    It counts like a grant of theirs, from `granted_on` on. `amount` is in the currency of the ceiling: who attests aid
    in another one converts it, by the rate that the law names, and says so in `source`. `reference`: of the grant, each
    once for a party and who attests it. A grant that several attest, by one grantor and reference, counts once, with
    the largest amount.
    """

    party_id: Id
    regime: Code
    amount: PositiveAmount
    currency: Currency
    granted_on: Day
    grantor: Name
    reference: Reference
    source: Reason


@command("register_regime", role="operator")
class RegisterRegime(Command):
    """Operator: what the law says of a ceiling from a day on: so much in so many months, for each group or beneficiary.

    A change of law is a new version, from today or a later day on, in the same currency and counted alike; it takes the
    place of one that is not in force yet. A document that names the ceiling has to agree with it, or grants nothing; a
    grant is judged by the version of its day.
    """

    regime: Code
    currency: Currency
    ceiling: PositiveAmount
    months: Months
    unit: CountsFor
    counts_on: CountingEvent
    in_force_on: Day
    source: Reason


@command("withdraw_aid", role=("operator", "issuer"))
class WithdrawAid(Command):
    """Who attested aid, or an operator: it was not granted, or not so. It counts no more."""

    aid_id: Id
    reason: Reason
