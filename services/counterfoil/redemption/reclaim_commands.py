"""Commands that redemption decides: a provider that reclaims the hours of a contract."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import Hour, Id

ReclaimReason = Literal["maintenance", "decommissioning", "own_use", "other"]
"""Why a provider reclaims what it sold; it is published, and moves no money."""


@command("reclaim_delivery", role="provider", exits=True)
class ReclaimDelivery(Command):
    """Provider: deliver nothing of a contract from `hour` on, at least as far ahead as the notice that it carries.

    Until then it delivers and is paid as before; it can end it no sooner, and cannot take the notice back.
    """

    contract_id: Id
    hour: Hour
    reason: ReclaimReason
