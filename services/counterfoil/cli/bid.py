"""`counterfoil bid`: bids for compute."""

from __future__ import annotations

from typing import Annotated

import typer

from counterfoil.cli.late import group
from counterfoil.cli.options import (
    BidId,
    GoodUntil,
    MinNodes,
    NewPrice,
    Nodes,
    Price,
    Programme,
    ReduceBy,
    count,
    hour,
    one_change,
    option,
)
from counterfoil.cli.orders import OnSelfTrade, placed
from counterfoil.cli.signing import signed
from counterfoil.contract import limits
from counterfoil.contract.record import Command as Body
from counterfoil.matching.commands import AmendBid, CancelBid, PlaceBid, TimeInForce

app = group("bid")


@placed(
    app,
    "place",
    "counterfoil bid place --programme springfield-2026 --class a100-80gb --region eu-west --nodes 1 --hours 6 "
    "--earliest 20270105T08Z --latest 20270105T12Z --price 2.00 --as acme",
)
def place(
    programme: Programme,
    class_: Annotated[list[str], option("--class", "An accepted class. May be repeated.", metavar="CLASS")],
    region: Annotated[list[str], option("--region", "An accepted region. May be repeated.", metavar="REGION")],
    nodes: Nodes,
    hours: Annotated[int, count("--hours", "How many hours in one piece.", 1, limits.MAX_BID_HOURS)],
    earliest: Annotated[int, hour("--earliest", "The first hour at which it may start.")],
    latest: Annotated[int, hour("--latest", "The last hour at which it may start.")],
    price: Price,
    voucher: Annotated[
        list[str] | None,
        option("--voucher", "Pay from this one; may be repeated. Default: soonest to expire.", metavar="VOUCHER"),
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="May be filled in several trades.")] = False,
    min_nodes: MinNodes = 1,
    tif: Annotated[TimeInForce, option("--tif", "Time in force.")] = "GTC",
    good_until: GoodUntil = None,
    post_only: Annotated[bool, typer.Option("--post-only", help="Only if it does not match at once.")] = False,
    stp: OnSelfTrade = "taker",
) -> Body:
    """Beneficiary: bid for a block of hours at most at this price; vouchers and co-payment are held first."""
    return PlaceBid(
        programme_id=programme,
        voucher_ids=tuple(voucher or ()),
        classes=tuple(class_),
        regions=tuple(region),
        nodes=nodes,
        hours=hours,
        earliest=earliest,
        latest=latest,
        limit_price=price,
        partial=partial,
        min_nodes=min_nodes,
        tif=tif,
        good_until=good_until,
        post_only=post_only,
        stp=stp,
    )


@placed(app, "amend", "counterfoil bid amend bid-9-0 --price 1.90 --as acme")
def amend_bid(bid: BidId, reduce_by: ReduceBy = None, price: NewPrice = None) -> Body:
    """Beneficiary: ask for fewer nodes, or set another limit, once its funds are held; one of the two."""
    one_change(reduce_by, price)
    return AmendBid(bid_id=bid, reduce_nodes_by=reduce_by, limit_price=price)


@signed(app, "cancel", "counterfoil bid cancel bid-9-0 --as acme")
def cancel_bid(bid: BidId) -> Body:
    """Beneficiary: take a bid off the book; what was held for it is released."""
    return CancelBid(bid_id=bid)
