"""`counterfoil offer` and `counterfoil bid`: the two sides of the market, its depth and its trades."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from counterfoil.cli.gateway_session import Session, remote
from counterfoil.cli.listing import Listing, add_both, add_list
from counterfoil.cli.options import (
    BidId,
    Currency,
    GoodUntil,
    MinNodes,
    NewPrice,
    Nodes,
    OfferId,
    Price,
    Programme,
    ReduceBy,
    Wait,
    hour,
    option,
)
from counterfoil.cli.render import Rows
from counterfoil.cli.signing import signed
from counterfoil.cli.values import in_units
from counterfoil.contract.commands import (
    AmendBid,
    AmendOffer,
    Body,
    CancelBid,
    CancelOffer,
    PlaceBid,
    PostOffer,
    SelfTrade,
    TimeInForce,
)
from counterfoil.contract.limits import MIN_BOND_BPS

offers = typer.Typer(name="offer", help="Offers: post, amend, cancel, show, list, depth, trades.", no_args_is_help=True)
bids = typer.Typer(name="bid", help="Bids: place, amend, cancel, show, list.", no_args_is_help=True)

Class = Annotated[str, option("--class", "The accelerator class's id.", metavar="CLASS")]
Region = Annotated[str, option("--region", "The region's id.", metavar="REGION")]
Stp = Annotated[SelfTrade, option("--stp", "Which order ends when both sides are of one group of parties.")]


@signed(
    offers,
    "post",
    "counterfoil offer post --class a100-80gb --region eu-west --nodes 4 --from 20270105T08Z --until 20270106T08Z "
    "--price 1.80 --as norn",
)
def post(
    class_: Class,
    region: Region,
    nodes: Nodes,
    window_start: Annotated[int, hour("--from", "The first delivery hour.")],
    window_end: Annotated[int, hour("--until", "The hour at which delivery ends.")],
    price: Price,
    currency: Currency = "USD",
    min_nodes: MinNodes = 1,
    min_hours: Annotated[int, option("--min-hours", "The shortest block in one trade.", metavar="N")] = 1,
    bond_bps: Annotated[
        int, option("--bond-bps", "The bond in hundredths of a percent of the whole offer's worth.", metavar="N")
    ] = MIN_BOND_BPS,
    tif: Annotated[Literal["GTC", "GTD", "IOC"], option("--tif", "Time in force.")] = "GTC",
    good_until: GoodUntil = None,
    stp: Stp = "taker",
) -> Body:
    """Provider: offer nodes on every hour of a window; a bond is held before the offer enters the book."""
    return PostOffer(
        class_id=class_,
        region=region,
        currency=currency,
        nodes=nodes,
        window_start=window_start,
        window_end=window_end,
        price=price,
        min_nodes=min_nodes,
        min_hours=min_hours,
        bond_bps=bond_bps,
        tif=tif,
        good_until=good_until,
        stp=stp,
    )


@signed(offers, "amend", "counterfoil offer amend off-7-0 --reduce-by 1 --as norn")
def amend_offer(offer: OfferId, reduce_by: ReduceBy = None, price: NewPrice = None) -> Body:
    """Provider: take back nodes, or ask another price; one of the two."""
    return AmendOffer(offer_id=offer, reduce_nodes_by=reduce_by, price=price)


@signed(offers, "cancel", "counterfoil offer cancel off-7-0 --as norn")
def cancel_offer(offer: OfferId) -> Body:
    """Provider: take an offer off the book; trades stand, the rest of its bond is released."""
    return CancelOffer(offer_id=offer)


@signed(
    bids,
    "place",
    "counterfoil bid place --programme springfield-2026 --class a100-80gb --region eu-west --nodes 1 --hours 6 "
    "--earliest 20270105T08Z --latest 20270105T12Z --price 2.00 --as acme",
)
def place(
    programme: Programme,
    class_: Annotated[list[str], option("--class", "An accepted class. May be repeated.", metavar="CLASS")],
    region: Annotated[list[str], option("--region", "An accepted region. May be repeated.", metavar="REGION")],
    nodes: Nodes,
    hours: Annotated[int, option("--hours", "How many hours in one piece.", metavar="N")],
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
    stp: Stp = "taker",
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


@signed(bids, "amend", "counterfoil bid amend bid-9-0 --price 1.90 --as acme")
def amend_bid(bid: BidId, reduce_by: ReduceBy = None, price: NewPrice = None) -> Body:
    """Beneficiary: ask for fewer nodes, or set another limit; one of the two."""
    return AmendBid(bid_id=bid, reduce_nodes_by=reduce_by, limit_price=price)


@signed(bids, "cancel", "counterfoil bid cancel bid-9-0 --as acme")
def cancel_bid(bid: BidId) -> Body:
    """Beneficiary: take a bid off the book; what was held for it is released."""
    return CancelBid(bid_id=bid)


@remote(offers, "depth", "counterfoil offer depth --class a100-80gb --region eu-west")
def depth(session: Session, class_: Class, region: Region, currency: Currency = "USD", wait: Wait = None) -> None:
    """Show the open quantity by price: offers from the cheapest, bids from the dearest."""
    found = session.gateway.depth(class_, region, currency, wait or ())
    tables = [
        Rows(side, [in_units(row, ("price",)) for row in found[side]], ("price", "nodes", "orders"), ("price", "nodes"))
        for side in ("offers", "bids")
    ]
    session.out.show(found, *tables)


_OFFER = "offer_id provider_id class_id region nodes window_start window_end price sold_node_hours status"
_BID = "bid_id beneficiary_id programme_id nodes_left hours earliest latest limit_price status"
_TRADE = "trade_id beneficiary_id provider_id class_id nodes first_hour hours price notional"
add_both(offers, Listing("offers", "offers", _OFFER, "off-7-0"))
add_both(bids, Listing("bids", "bids", _BID, "bid-9-0"))
add_list(offers, Listing("trades", "trades", _TRADE), "trades")
add_list(offers, Listing("prevented_matches", "prevented matches", "bid_id offer_id mode prevented_at"), "prevented")
