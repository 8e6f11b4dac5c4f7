"""Redemption: contracts whose provider may reclaim their hours with notice, and does."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import BidHours, Bps, DerivedTime, Flag, Hour, Id, NoticeHours, PositiveAmount
from counterfoil.redemption.reclaim_commands import ReclaimReason


@event("contract.reclaimable.v1")
class ContractReclaimable(Event):
    """The contract carries the notice, in hours, with which its provider may reclaim its hours."""

    contract_id: Id
    reclaim_notice_hours: NoticeHours


@event("reclaim.begun.v1")
class ReclaimBegun(Event):
    """The provider gave notice: it delivers no hour of the contract from `hour` on, `hours` of them.

    As that hour begins their price, `amount`, goes back to the beneficiary, and of the part of the bond that belongs
    to them `forfeits_bps` with it.
    """

    contract_id: Id
    beneficiary_id: Id
    provider_id: Id
    reason: ReclaimReason
    hour: Hour
    hours: BidHours
    amount: PositiveAmount
    forfeits_bps: Bps


@event("delivery.reclaimed.v1")
class DeliveryReclaimed(Event):
    """The hour has begun: what is left of the contract is its hours before that.

    They are to be reported before `report_by`; with `ends` it has none, and the contract is over.
    """

    contract_id: Id
    beneficiary_id: Id
    provider_id: Id
    hour: Hour
    hours: BidHours
    amount: PositiveAmount
    forfeits_bps: Bps
    report_by: DerivedTime
    ends: Flag
