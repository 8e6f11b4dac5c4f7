"""`counterfoil bid`: bids for compute."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any

import typer

from counterfoil.cli.late import group
from counterfoil.cli.options import (
    BidId,
    GoodUntil,
    MinNodes,
    MinReclaimNotice,
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
from counterfoil.cli.values import collective, parse_amount
from counterfoil.contract import limits
from counterfoil.contract.accelerators import Collective, Requirement
from counterfoil.contract.record import Command as Body
from counterfoil.matching.commands import AmendBid, CancelBid, PlaceBid, TimeInForce
from counterfoil.matching.performance_commands import PlacePerformanceBid
from counterfoil.matching.reclaim_commands import PlaceReclaimableBid, PlaceReclaimablePerformanceBid

app = group("bid")

Regions = Annotated[list[str], option("--region", "An accepted region. May be repeated.", metavar="REGION")]
Hours = Annotated[int, count("--hours", "How many hours in one piece.", 1, limits.MAX_BID_HOURS)]
Earliest = Annotated[int, hour("--earliest", "The first hour at which it may start.")]
Latest = Annotated[int, hour("--latest", "The last hour at which it may start.")]
Partial = Annotated[bool, typer.Option("--partial", help="May be filled in several trades.")]
Tif = Annotated[TimeInForce, option("--tif", "Time in force.")]
PostOnly = Annotated[bool, typer.Option("--post-only", help="Only if it does not match at once.")]
Vouchers = Annotated[
    list[str] | None,
    option("--voucher", "Pay from this one; may be repeated. Default: soonest to expire.", metavar="VOUCHER"),
]
MinAllreduce = Annotated[
    list[Collective] | None,
    option(
        "--min-allreduce",
        "All-reduce bandwidth over so many cards, in MB/s. May be repeated.",
        collective,
        "8=60000",
    ),
]


@placed(
    app,
    "place",
    "counterfoil bid place --programme springfield-2026 --class a100-80gb --region eu-west --nodes 1 --hours 6 "
    "--earliest 20270105T08Z --latest 20270105T12Z --price 2.00 --as acme",
)
def place(
    programme: Programme,
    class_: Annotated[list[str], option("--class", "An accepted class. May be repeated.", metavar="CLASS")],
    region: Regions,
    nodes: Nodes,
    hours: Hours,
    earliest: Earliest,
    latest: Latest,
    price: Price,
    voucher: Vouchers = None,
    partial: Partial = False,
    min_nodes: MinNodes = 1,
    tif: Tif = "GTC",
    good_until: GoodUntil = None,
    post_only: PostOnly = False,
    stp: OnSelfTrade = "taker",
    min_reclaim_notice: MinReclaimNotice = None,
) -> Body:
    """Beneficiary: bid for a block of hours at most at this price; vouchers and co-payment are held first."""
    bid = PlaceBid(
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
    if min_reclaim_notice is None:
        return bid
    return PlaceReclaimableBid(min_reclaim_notice_hours=min_reclaim_notice, **_terms_of(bid))


@placed(
    app,
    "place-by-performance",
    "counterfoil bid place-by-performance --programme springfield-2026 --region eu-west --gpus-per-node 8 "
    "--min-memory-mb 61440 --nodes 1 --hours 6 --earliest 20270105T08Z --latest 20270105T12Z --price 48.00 --as acme",
)
def place_by_performance(
    programme: Programme,
    region: Regions,
    gpus_per_node: Annotated[int, count("--gpus-per-node", "GPUs of a node.", 1, limits.MAX_GPUS_PER_NODE)],
    nodes: Nodes,
    hours: Hours,
    earliest: Earliest,
    latest: Latest,
    price: Annotated[int, option("--price", "Per PFLOP-hour, dense BF16.", parse=parse_amount, metavar="48.00")],
    class_: Annotated[
        list[str] | None, option("--class", "Of these classes alone. May be repeated.", metavar="CLASS")
    ] = None,
    min_mtflops: Annotated[
        int, count("--min-mtflops", "Milli-TFLOPS of a GPU, as they count.", 0, limits.MAX_COUNT)
    ] = 0,
    min_memory_mb: Annotated[int, count("--min-memory-mb", "Memory of a GPU in MiB.", 0, limits.MAX_COUNT)] = 0,
    min_allreduce: MinAllreduce = None,
    interconnect: Annotated[
        list[str] | None, option("--interconnect", "With one of these. May be repeated.", metavar="ID")
    ] = None,
    origin: Annotated[list[str] | None, option("--origin", "From one of these. May be repeated.", metavar="ID")] = None,
    attested_only: Annotated[
        bool, typer.Option("--attested-only", help="Only measured throughput counts, no nominal one.")
    ] = False,
    voucher: Vouchers = None,
    partial: Partial = False,
    min_nodes: MinNodes = 1,
    tif: Tif = "GTC",
    good_until: GoodUntil = None,
    post_only: PostOnly = False,
    stp: OnSelfTrade = "taker",
    min_reclaim_notice: MinReclaimNotice = None,
) -> Body:
    """Beneficiary: bid for nodes of any class that meets a requirement, at most at this price of its throughput.

    Held is what the dearest admitted class would cost; a trade releases the rest. `counterfoil bid show` says which
    classes are admitted, and the limit for each.
    """
    require = Requirement(
        gpus_per_node=gpus_per_node,
        classes=tuple(class_ or ()),
        min_mtflops=min_mtflops,
        min_mem_mb=min_memory_mb,
        min_allreduce=tuple(min_allreduce or ()),
        interconnects=tuple(interconnect or ()),
        origins=tuple(origin or ()),
        attested_only=attested_only,
    )
    bid = PlacePerformanceBid(
        programme_id=programme,
        voucher_ids=tuple(voucher or ()),
        require=require,
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
    if min_reclaim_notice is None:
        return bid
    return PlaceReclaimablePerformanceBid(min_reclaim_notice_hours=min_reclaim_notice, **_terms_of(bid))


def _terms_of(bid: PlaceBid | PlacePerformanceBid) -> dict[str, Any]:
    return {each.name: getattr(bid, each.name) for each in fields(bid)}


@placed(app, "amend", "counterfoil bid amend bid-9-0 --price 1.90 --as acme")
def amend_bid(bid: BidId, reduce_by: ReduceBy = None, price: NewPrice = None) -> Body:
    """Beneficiary: ask for fewer nodes, or set another limit, once its funds are held; one of the two."""
    one_change(reduce_by, price)
    return AmendBid(bid_id=bid, reduce_nodes_by=reduce_by, limit_price=price)


@signed(app, "cancel", "counterfoil bid cancel bid-9-0 --as acme")
def cancel_bid(bid: BidId) -> Body:
    """Beneficiary: take a bid off the book; what was held for it is released."""
    return CancelBid(bid_id=bid)
