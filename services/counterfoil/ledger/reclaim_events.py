"""The ledger: what goes back as a provider reclaims hours of a contract."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Amount, BidHours, Flag, Hour, Id
from counterfoil.ledger.events import Draw, Leg


@event("contract.reclaimed.v1")
class ContractReclaimed(Event):
    """The `hours` of the contract from `hour` on are over: their price goes back, `vouchers` and `cash`.

    Of the contract's bond `bond` belongs to them: `paid` goes to the beneficiary, `returned` to the provider. What is
    held for the hours before stays held; with `ends` there are none, and the contract is over.
    """

    contract_id: Id
    provider_id: Id
    beneficiary_id: Id
    hour: Hour
    hours: BidHours
    vouchers: tuple[Draw, ...]
    cash: Amount
    bond: Amount
    paid: Amount
    returned: Amount
    ends: Flag
    legs: tuple[Leg, ...]
