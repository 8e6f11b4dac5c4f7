"""`counterfoil market`: halts of trading."""

from __future__ import annotations

from typing import Annotated

from counterfoil.cli.late import group
from counterfoil.cli.options import Reason, option
from counterfoil.cli.signing import signed
from counterfoil.contract.record import Command as Body
from counterfoil.matching.halt_commands import HaltTrading, ResumeTrading

app = group("market")

OfClass = Annotated[str | None, option("--class", "Of this class alone.", metavar="CLASS")]
OfRegion = Annotated[str | None, option("--region", "Of the class in this region alone.", metavar="REGION")]
OfProvider = Annotated[str | None, option("--provider", "Of this provider alone.", metavar="PARTY")]


@signed(app, "halt", "counterfoil market halt --class a100-80gb --region eu-west --reason 'wrong prices' --as operator")
def halt(reason: Reason, class_: OfClass = None, region: OfRegion = None, provider: OfProvider = None) -> Body:
    """Operator: let nothing trade: of a class, of one in a region, of a provider, or of all; orders stay."""
    return HaltTrading(class_id=class_, region=region, provider_id=provider, reason=reason)


@signed(app, "resume", "counterfoil market resume --class a100-80gb --region eu-west --reason mended --as operator")
def resume(reason: Reason, class_: OfClass = None, region: OfRegion = None, provider: OfProvider = None) -> Body:
    """Operator: end the halt of just that; what fits then trades, the best price first."""
    return ResumeTrading(class_id=class_, region=region, provider_id=provider, reason=reason)
