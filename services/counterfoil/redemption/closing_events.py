"""Redemption: what the end of a programme brings."""

from __future__ import annotations

from counterfoil.contract.closing import StillOpen
from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Amount, Currency, DerivedTime, Id, PositiveAmount
from counterfoil.redemption.events import LinePart


@event("programme.settled.v1")
class ProgrammeSettled(Event):
    """Nothing of a programme that is to be closed is open: nothing is claimed, paid or taken back any more."""

    programme_id: Id


@event("programme.unsettled.v1")
class ProgrammeUnsettled(Event):
    """Something of a programme that is to be closed is still open."""

    programme_id: Id
    open: tuple[StillOpen, ...]


@event("rest.given_up.v1")
class RestGivenUp(Event):
    """A programme in run-off pays no more of less than a minor unit that a settlement leaves of a payee."""

    settlement_id: Id
    programme_id: Id
    provider_id: Id
    currency: Currency
    amount: PositiveAmount


@event("last_day.set.v1")
class LastDaySet(Event):
    """What of a programme in run-off became claimable or payable until `since` lapses at `until`.

    If more comes before, another last day is set first.
    """

    programme_id: Id
    since: DerivedTime
    until: DerivedTime


@event("unclaimed.lapsed.v1")
class UnclaimedLapsed(Event):
    """A programme in run-off has passed its last day: what a provider did not claim of contracts is never paid.

    Without `lines`, what was payable to it: the bank returned it in the run-off, or it is less than a minor unit. Less
    what was set off, which may be all of it. `payable_after`: what waits for a settlement still.
    """

    programme_id: Id
    provider_id: Id
    currency: Currency
    lines: tuple[LinePart, ...]
    amount: Amount
    payable_after: Amount


@event("claim.lapsed.v1")
class ClaimLapsed(Event):
    """Of what lapsed with what was payable to its claimant, so much was of a claim on an invoice: it is never paid."""

    claim_id: Id
    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
