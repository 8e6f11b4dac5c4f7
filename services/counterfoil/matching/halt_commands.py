"""Commands by which the operator halts trading, and lets it go on."""

from __future__ import annotations

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import Id, Reason


@command("halt_trading", role="operator")
class HaltTrading(Command):
    """Operator: let nothing trade, in public: of a class, of one in a region, of a provider, or of all (all null).

    Orders stay, may be cancelled, amended and placed, and expire as ever.
    """

    class_id: Id | None
    region: Id | None
    provider_id: Id | None
    reason: Reason


@command("resume_trading", role="operator")
class ResumeTrading(Command):
    """Operator: end the halt of just that; what fits then meets before anything else, the best price first."""

    class_id: Id | None
    region: Id | None
    provider_id: Id | None
    reason: Reason
