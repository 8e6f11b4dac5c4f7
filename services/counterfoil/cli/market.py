"""`counterfoil market`: halts of trading, and how far prices may be from what they refer to."""

from __future__ import annotations

from typing import Annotated

from counterfoil.cli.late import group
from counterfoil.cli.options import Reason, count, option
from counterfoil.cli.signing import signed
from counterfoil.cli.values import parse_amount
from counterfoil.contract import limits
from counterfoil.contract.record import Command as Body
from counterfoil.matching.collar_commands import SetPriceCollar
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


@signed(
    app,
    "collar",
    "counterfoil market collar --class a100-80gb --region eu-west --currency EUR --collar-bps 5000 "
    "--reference-price 2.00 --reason 'until the first auction' --as operator",
)
def collar(
    class_: Annotated[str, option("--class", "The class.", metavar="CLASS")],
    region: Annotated[str, option("--region", "The region.", metavar="REGION")],
    currency: Annotated[str, option("--currency", "The currency of its prices.", metavar="CURRENCY")],
    reason: Reason,
    collar_bps: Annotated[
        int | None,
        count(
            "--collar-bps",
            "How far a price may be from the reference, in hundredths of a percent of it. Without it: no more bound.",
            0,
            limits.MAX_RATE_TERM,
        ),
    ] = None,
    reference_price: Annotated[
        int | None,
        option("--reference-price", "Where no auction has traded yet: what prices refer to.", parse_amount, "1.20"),
    ] = None,
) -> Body:
    """Operator: refuse orders whose price is far from what the last auction traded at, or what is named before any."""
    return SetPriceCollar(
        class_id=class_, region=region, currency=currency, collar_bps=collar_bps, reference_price=reference_price,
        reason=reason,
    )  # fmt: skip
