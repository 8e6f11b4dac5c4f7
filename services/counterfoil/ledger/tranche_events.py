"""Ledger: parts of a voucher that its holder cannot spend before they are released."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Count, Day, Digest, Id, PositiveAmount, Reason
from counterfoil.ledger.events import Leg

ReleaseOn = Literal["PROGRESS_REPORT", "DATE", "ISSUER_DECISION", "FORMER_USED"]


@event("tranche.withheld.v1")
class TrancheWithheld(Event):
    """A part of a new voucher, the document's tranche `number`, waits until the issuer releases it: owner -> tranches.

    Its condition is `release_on`: the day `due_on`, the word of the attester, or use of the parts before, which are
    `former`: so much (`used`), or all that is left of them. Until then it can be neither spent, nor handed on or
    pledged, nor given back.
    """

    tranche_id: Id
    voucher_id: Id
    programme_id: Id
    holder_id: Id
    number: Count
    amount: PositiveAmount
    release_on: ReleaseOn
    due_on: Day | None
    attester_id: Id | None
    former: PositiveAmount | None
    used: PositiveAmount | None
    legs: tuple[Leg, ...]


@event("milestone.attested.v1")
class MilestoneAttested(Event):
    """What a part of a voucher waits for is reached, by the word of whom the document names."""

    tranche_id: Id
    voucher_id: Id
    programme_id: Id
    holder_id: Id
    attested_by: Id
    report: Digest
    reason: Reason


@event("tranche.released.v1")
class TrancheReleased(Event):
    """The issuer released a part, which is the holder's to spend: owner -> tranches, given back."""

    tranche_id: Id
    voucher_id: Id
    programme_id: Id
    holder_id: Id
    amount: PositiveAmount
    released_by: Id
    report: Digest | None
    reason: Reason
    legs: tuple[Leg, ...]


@event("tranche.lapsed.v1")
class TrancheLapsed(Event):
    """A part was not released before its voucher ended, and ends with it."""

    tranche_id: Id
    voucher_id: Id
    programme_id: Id
    holder_id: Id
    legs: tuple[Leg, ...]
