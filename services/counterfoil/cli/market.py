"""`counterfoil market`: halts of trading, bounds of prices, and how much of a market a group may hold."""

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
from counterfoil.matching.order_limit_commands import SetOrderLimit
from counterfoil.matching.position_commands import SetPositionLimit

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


@signed(
    app,
    "position-limit",
    "counterfoil market position-limit --class a100-80gb --region eu-west --share-bps 2000 --least 48 "
    "--reason 'few hold most of it' --as operator",
)
def position_limit(
    class_: Annotated[str, option("--class", "The class.", metavar="CLASS")],
    region: Annotated[str, option("--region", "The region.", metavar="REGION")],
    reason: Reason,
    share_bps: Annotated[
        int | None,
        count(
            "--share-bps",
            "What a group may hold of a delivery day, in hundredths of a percent of what is offered and sold. Without"
            " it: no more limit.",
            0,
            limits.BPS,
        ),
    ] = None,
    least: Annotated[int, count("--least", "Node-hours of a day that any group may hold.", 0, limits.MAX_COUNT)] = 0,
) -> Body:
    """Operator: bound what one group of related parties holds at once of a class in a region, of each delivery day."""
    return SetPositionLimit(class_id=class_, region=region, share_bps=share_bps, least=least, reason=reason)


@signed(
    app,
    "order-limit",
    "counterfoil market order-limit --orders-per-trade 50 --free 1000 --reason 'orders that never trade' --as operator",
)
def order_limit(
    reason: Reason,
    orders_per_trade: Annotated[
        int | None,
        count(
            "--orders-per-trade",
            "Orders that a group may give on a day for each of its trades. Without it: no more limit.",
            1,
            limits.MAX_COUNT,
        ),
    ] = None,
    free: Annotated[int, count("--free", "Orders of a day that need no trade.", 0, limits.MAX_COUNT)] = 1_000,
) -> Body:
    """Operator: bound how many orders a group of related parties gives on a day for each trade that it makes."""
    return SetOrderLimit(orders_per_trade=orders_per_trade, free=free, reason=reason)
