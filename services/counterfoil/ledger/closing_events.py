"""Ledger: how the books of a programme are closed."""

from __future__ import annotations

from counterfoil.contract.closing import StillOpen
from counterfoil.contract.record import Event, event, record
from counterfoil.contract.scalars import Amount, Digest, Id, PositiveAmount, Reason, Unit, Version
from counterfoil.ledger.events import Leg


@record
class Books:
    """The final reconciliation of a programme, in micro-units of its currency or unit of compute.

    Of its budget: appropriated - reduced + recovered + written_off = disbursed + lapsed + returned. Of the claims on
    it: claimed + recovered + written_off = disbursed + denied + clawed_back. `lapsed` is what expired and was not
    issued again, what was taken back, and what was denied for good.
    """

    appropriated: Amount
    reduced: Amount
    disbursed: Amount
    lapsed: Amount
    recovered: Amount
    written_off: Amount
    returned: Amount
    claimed: Amount
    denied: Amount
    clawed_back: Amount


@event("programme.closing.v1")
class ProgrammeClosing(Event):
    """Nothing of a programme is open in the ledger; it is closed if redemption says the same."""

    programme_id: Id
    reason: Reason


@event("programme.stays_open.v1")
class ProgrammeStaysOpen(Event):
    """A programme is not closed after all: its run-off goes on."""

    programme_id: Id
    open: tuple[StillOpen, ...]


@event("programme.closed.v1")
class ProgrammeClosed(Event):
    """The end of a programme: what was not committed is returned: budget: appropriation -> returned.

    `version` and `rules_hash` are the last in force; `books_hash` is the SHA-256 of the canonical JSON of `books`.
    """

    programme_id: Id
    version: Version
    rules_hash: Digest
    currency: Unit
    books: Books
    books_hash: Digest
    legs: tuple[Leg, ...]


@event("rest.lapsed.v1")
class RestLapsed(Event):
    """What was too little to be paid lapses: claims: of the payee -> denied; budget: obligated -> lapsed."""

    settlement_id: Id
    programme_id: Id
    provider_id: Id
    amount: Amount
    legs: tuple[Leg, ...]


@event("unclaimed.released.v1")
class UnclaimedReleased(Event):
    """What a provider may not claim any more lapses: claims: of the provider -> denied; budget: obligated -> lapsed."""

    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
    legs: tuple[Leg, ...]
