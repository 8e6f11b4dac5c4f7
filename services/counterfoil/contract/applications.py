"""What an application asks for, and what its decision was founded on, as commands and events carry it."""

from __future__ import annotations

from counterfoil.contract.record import record
from counterfoil.contract.scalars import (
    Amount,
    Code,
    CountingEvent,
    Day,
    Digest,
    FactText,
    Id,
    PositiveAmount,
    Reason,
    Sentence,
    Word,
)


@record
class ApplicationLine:
    """One line of a contract. `amount` includes `tax`, micro-units; `quantity` is millionths of `unit`.

    `starts` and `ends` are the first and the last day of the use. `ceiling`: the highest price of a unit, where the
    programme finds it outside its document.
    """

    id: Id
    sku: Code
    instrument: Code
    amount: Amount
    tax: Amount
    quantity: Amount
    unit: Code | None
    class_id: Id | None
    region: Id | None
    provider_id: Id | None
    starts: Day | None
    ends: Day | None


@record
class ContractDays:
    """The contract that an application is about: the SHA-256 of its document, the day of its signature, its days."""

    sha256: Digest
    signed: Day
    starts: Day
    ends: Day


@record
class OtherSupport:
    """What another programme pays for the same cost, micro-units, as the applicant declares it."""

    programme: Id
    amount: PositiveAmount


@record
class FactGiven:
    """A fact that was judged on: of which line (null: of party or project), who attested it, and on which day.

    What the log itself knows, `log` attests.
    """

    line: Id | None
    name: Word
    values: tuple[FactText, ...]
    attested_by: Id
    on: Day


@record
class Explained:
    """One step of a decision: its code, the line that it is about (null: all of them), and its sentence."""

    code: Word
    line: Id | None
    says: Sentence


@record
class CounterMoved:
    """What counts towards a cap, before and after a decision: micro-units, or a number of grants."""

    cap: Reason
    subject: Id
    event: CountingEvent
    before: Amount
    after: Amount


@record
class PayerShare:
    """What one payer bears of a grant, micro-units."""

    payer: Id
    amount: Amount


@record
class EnvelopePart:
    """An amount of one envelope of the budget, micro-units."""

    envelope: Id
    amount: Amount


@record
class CapSet:
    """The amount of a cap that the decision on an application sets, micro-units."""

    cap: Id
    amount: PositiveAmount
