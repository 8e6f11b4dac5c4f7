"""The command by which the operator bounds how many orders a group gives for each trade that it makes."""

from __future__ import annotations

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import Count, Figure, Reason


@command("set_order_limit", role="operator")
class SetOrderLimit(Command):
    """Operator: a group of related parties gives no more than so many orders a day (UTC) for each trade it makes.

    `free` orders a day need no trade. Other prices of orders count as orders; cancellations and reductions do not.
    None: there is no limit any more. Orders are counted from the first limit on.
    """

    orders_per_trade: Figure | None
    free: Count
    reason: Reason
