"""`counterfoil auction`: batch auctions, in which each delivery hour has one price."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from counterfoil.cli import auction_solve
from counterfoil.cli.command import Invalid
from counterfoil.cli.late import group
from counterfoil.cli.options import Nodes, Price, Programme, Reason, argument, count, hour, option
from counterfoil.cli.orders import placed
from counterfoil.cli.signing import signed
from counterfoil.cli.values import parse_amount, parse_moment
from counterfoil.contract import limits
from counterfoil.contract.record import Command as Body
from counterfoil.core.rules import LATEST, RULES
from counterfoil.matching.auction_commands import (
    BidInAuction,
    CancelAuction,
    Caps,
    ImproveOrder,
    OfferInAuction,
    ReservePoint,
    ScheduleAuction,
)

app = group("auction")
auction_solve.add_to(app)
AuctionId = Annotated[str, argument("AUCTION", "The auction's id.")]


def bps(flag: str, text: str, most: int = limits.MAX_RATE_TERM) -> Any:
    """Hundredths of a percent."""
    return count(flag, f"{text}, in hundredths of a percent.", 0, most)


def parse_point(text: str) -> ReservePoint:
    """`8000:15000` as a point; ValueError for anything else."""
    utilisation, colon, factor = text.partition(":")
    if not colon or not utilisation.isdecimal() or not factor.isdecimal():
        raise ValueError("a point is UTILISATION:FACTOR, both in hundredths of a percent, such as 8000:15000")
    if int(utilisation) > limits.BPS or int(factor) > limits.MAX_RATE_TERM:
        raise ValueError(f"utilisation is at most {limits.BPS}, the factor {limits.MAX_RATE_TERM}")
    return ReservePoint(utilisation_bps=int(utilisation), factor_bps=int(factor))


@signed(
    app,
    "schedule",
    "counterfoil auction schedule --programme springfield-2026 --class a100-80gb --region eu-west "
    "--first-hour 20270106T00Z --locks-at 2027-01-05T10:00Z --clears-at 2027-01-05T11:00Z --reference-price 2.00 "
    "--as operator",
)
def schedule(
    programme: Annotated[list[str], option("--programme", "Whose bids. May be repeated.", metavar="PROGRAMME")],
    class_: Annotated[list[str], option("--class", "A class that counts as equal. May be repeated.", metavar="CLASS")],
    region: Annotated[str, option("--region", "The region.", metavar="REGION")],
    first_hour: Annotated[int, hour("--first-hour", "The first delivery hour.")],
    locks_at: Annotated[
        int, option("--locks-at", "When orders neither enter nor leave any more.", parse_moment, "TIME")
    ],
    clears_at: Annotated[int, option("--clears-at", "When prices are found.", parse_moment, "TIME")],
    hours: Annotated[int, count("--hours", "How many delivery hours.", 1, RULES[LATEST].max_auction_hours)] = RULES[
        LATEST
    ].max_auction_hours,
    reference_price: Annotated[
        int | None,
        option("--reference-price", "Where no auction of this market has traded yet.", parse_amount, "1.20"),
    ] = None,
    collar_bps: Annotated[int, bps("--collar-bps", "How far a price may be from the reference")] = 10_000,
    caps: Annotated[Caps, option("--caps", "How groups are capped in scarcity.")] = "none",
    cap_bps: Annotated[int, bps("--cap-bps", "What a group may have of an hour's nodes at first", limits.BPS)] = 0,
    rsi_bps: Annotated[int, bps("--rsi-bps", "Scarce if supply without the largest is less of demand")] = 11_000,
    cover_bps: Annotated[int, bps("--cover-bps", "Scarce if all supply is less of demand")] = 10_000,
    pivotal_bps: Annotated[int, bps("--pivotal-bps", "How far a pivotal supplier may be above the reference")] = 1_000,
    reserve_price: Annotated[
        int | None, option("--reserve-price", "The price below which no hour clears.", parse_amount, "1.00")
    ] = None,
    reserve_point: Annotated[
        list[ReservePoint] | None,
        option("--reserve-point", "Its factor at a utilisation. May be repeated.", parse_point, "8000:15000"),
    ] = None,
) -> Body:
    """Operator: open an auction; what is not said of scarcity is as usual in power markets."""
    return ScheduleAuction(
        programmes=tuple(programme), classes=tuple(class_), region=region, first_hour=first_hour, hours=hours,
        locks_at=locks_at, clears_at=clears_at, reference_price=reference_price, collar_bps=collar_bps, caps=caps,
        cap_bps=cap_bps, rsi_bps=rsi_bps, cover_bps=cover_bps, pivotal_bps=pivotal_bps,
        reserve_price=reserve_price or 0, reserve_points=tuple(reserve_point or ()),
    )  # fmt: skip


@signed(app, "cancel", "counterfoil auction cancel auc-20-0 --reason 'no power that day' --as operator")
def cancel(auction: AuctionId, reason: Reason) -> Body:
    """Operator: let an auction not take place. Its orders are closed, what was held for them is released."""
    return CancelAuction(auction_id=auction, reason=reason)


@placed(
    app,
    "offer",
    "counterfoil auction offer auc-20-0 --class a100-80gb --nodes 4 --from 20270106T00Z --to 20270107T00Z "
    "--price 1.20 --as norn",
)
def offer(
    auction: AuctionId,
    class_: Annotated[str, option("--class", "The class.", metavar="CLASS")],
    nodes: Nodes,
    window_start: Annotated[int, hour("--from", "The first hour.")],
    window_end: Annotated[int, hour("--to", "The hour after the last.")],
    price: Price,
    bond_bps: Annotated[
        int, count("--bond-bps", "The bond in hundredths of a percent of the whole offer's worth.", 0, limits.BPS)
    ] = RULES[LATEST].min_bond_bps,
) -> Body:
    """Provider: offer nodes in an auction, any part of which may be sold at no less than this price."""
    return OfferInAuction(
        auction_id=auction, class_id=class_, nodes=nodes, window_start=window_start, window_end=window_end, price=price,
        bond_bps=bond_bps,
    )  # fmt: skip


@placed(
    app,
    "bid",
    "counterfoil auction bid auc-20-0 --programme springfield-2026 --nodes 2 --hours 6 --earliest 20270106T00Z "
    "--latest 20270106T18Z --price 2.00 --as acme",
)
def bid(
    auction: AuctionId,
    programme: Programme,
    nodes: Nodes,
    earliest: Annotated[int, hour("--earliest", "The first hour at which it may start.")],
    price: Price,
    hours: Annotated[int, count("--hours", "How many hours in one piece.", 1, RULES[LATEST].max_auction_hours)] = 1,
    latest: Annotated[int | None, hour("--latest", "The last hour at which it may start. Default: --earliest.")] = None,
    voucher: Annotated[
        list[str] | None,
        option("--voucher", "Pay from this one; may be repeated. Default: soonest to expire.", metavar="VOUCHER"),
    ] = None,
    divisible: Annotated[bool, typer.Option("--divisible", help="May be met in part: of one hour alone.")] = False,
) -> Body:
    """Beneficiary: bid in an auction for a block of hours at most at this price on average, or for one hour."""
    if divisible and (hours > 1 or latest not in (None, earliest)):
        raise Invalid("--divisible is for one hour alone: leave out --hours and --latest")
    return BidInAuction(
        auction_id=auction, programme_id=programme, voucher_ids=tuple(voucher or ()), nodes=nodes, hours=hours,
        earliest=earliest, latest=earliest if latest is None else latest, limit_price=price, divisible=divisible,
    )  # fmt: skip


@signed(app, "improve", "counterfoil auction improve bid-24-0 --price 2.10 --as acme")
def improve(order: Annotated[str, argument("ORDER", "The offer's or bid's id.")], price: Price) -> Body:
    """Provider or beneficiary: ask less, or bid more; possible until the auction clears.

    A bid is replaced by a new one, once the funds of that one are held.
    """
    return ImproveOrder(order_id=order, price=price)
