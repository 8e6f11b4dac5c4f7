"""The command by which the operator bounds how much of a market one group holds."""

from __future__ import annotations

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import Bps, Count, Id, Reason


@command("set_position_limit", role="operator")
class SetPositionLimit(Command):
    """Operator: what one group of related parties holds of a market on a delivery day is bounded from now on.

    Of the node-hours that are offered and sold of the class in the region on a day, a group may hold `share_bps`, or
    `least` node-hours if that is more. None: there is no limit any more. What is held already stays.
    """

    class_id: Id
    region: Id
    share_bps: Bps | None
    least: Count
    reason: Reason
