"""`counterfoil offer`: offers of compute, the market's depth, and its trades."""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import Annotated, Any, Final, Literal, cast

from counterfoil.cli.charts import charted, in_currency
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.late import group
from counterfoil.cli.markets import currency_of, name_currency
from counterfoil.cli.options import (
    GoodUntil,
    MarketCurrency,
    MinNodes,
    MinReclaimNotice,
    NewPrice,
    Nodes,
    OfferId,
    Price,
    ReduceBy,
    Wait,
    count,
    hour,
    one_change,
    option,
)
from counterfoil.cli.orders import OnSelfTrade, placed
from counterfoil.cli.render import Record, Rows
from counterfoil.cli.signing import signed
from counterfoil.cli.values import decimals_of, parse_amount, show_amount
from counterfoil.client.problems import as_answered
from counterfoil.contract import limits
from counterfoil.contract.record import Command as Body
from counterfoil.contract.times import format_hour
from counterfoil.core.rules import LATEST, RULES
from counterfoil.gateway.bounds import INDEX_DAYS, SHOWN_HOURS
from counterfoil.matching.commands import AmendOffer, CancelOffer, PostOffer
from counterfoil.matching.inventory_commands import PostOfferAtSite
from counterfoil.matching.reclaim_commands import PostReclaimableOffer

app = group("offer")

Class = Annotated[str, option("--class", "The accelerator class's id.", metavar="CLASS")]
Region = Annotated[str, option("--region", "The region's id.", metavar="REGION")]


@placed(
    app,
    "post",
    "counterfoil offer post --class a100-80gb --region eu-west --nodes 4 --from 20270105T08Z --until 20270106T08Z "
    "--price 1.80 --as norn",
    complete=name_currency,
)
def post(
    class_: Class,
    region: Region,
    nodes: Nodes,
    window_start: Annotated[int, hour("--from", "The first delivery hour.")],
    window_end: Annotated[int, hour("--until", "The hour at which delivery ends.")],
    price: Price,
    site: Annotated[
        str | None, option("--site", "The site where the nodes are attested, if any.", metavar="SITE")
    ] = None,
    currency: MarketCurrency = None,
    min_nodes: MinNodes = 1,
    min_hours: Annotated[int, count("--min-hours", "The shortest block in one trade.", 1, limits.MAX_BID_HOURS)] = 1,
    bond_bps: Annotated[
        int, count("--bond-bps", "The bond in hundredths of a percent of the whole offer's worth.", 0, limits.BPS)
    ] = RULES[LATEST].min_bond_bps,
    tif: Annotated[Literal["GTC", "GTD", "IOC"], option("--tif", "Time in force.")] = "GTC",
    good_until: GoodUntil = None,
    stp: OnSelfTrade = "taker",
    reclaim_notice: Annotated[
        int | None,
        count(
            "--reclaim-notice",
            "Hours of notice with which you may reclaim what bids buy that ask for notice.",
            1,
            limits.MAX_NOTICE_HOURS,
        ),
    ] = None,
) -> Body:
    """Provider: offer nodes on every hour of a window; a bond is held before the offer enters the book."""
    offer = PostOffer(
        class_id=class_,
        region=region,
        currency=cast("str", currency),  # named by the user, or completed
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
    terms = {each.name: getattr(offer, each.name) for each in fields(offer)}
    if reclaim_notice is not None:
        return PostReclaimableOffer(reclaim_notice_hours=reclaim_notice, site_id=site, **terms)
    return offer if site is None else PostOfferAtSite(site_id=site, **terms)


@placed(app, "amend", "counterfoil offer amend off-7-0 --reduce-by 1 --as norn")
def amend_offer(offer: OfferId, reduce_by: ReduceBy = None, price: NewPrice = None) -> Body:
    """Provider: take back nodes, or ask another price, once its bond is held; one of the two."""
    one_change(reduce_by, price)
    return AmendOffer(offer_id=offer, reduce_nodes_by=reduce_by, price=price)


@signed(app, "cancel", "counterfoil offer cancel off-7-0 --as norn")
def cancel_offer(offer: OfferId) -> Body:
    """Provider: take an offer off the book; trades stand, the rest of its bond is released."""
    return CancelOffer(offer_id=offer)


@remote(app, "depth", "counterfoil offer depth --class a100-80gb --region eu-west")
def depth(
    session: GatewaySession, class_: Class, region: Region, currency: MarketCurrency = None, wait: Wait = None
) -> None:
    """Show the open quantity by price per GPU-hour: offers from the cheapest, bids from the highest."""
    if currency is None:
        currency = currency_of(session.gateway, class_, region)
    found = session.gateway.depth(class_, region, currency, wait or ())
    if session.out.json:
        session.out.show(found)
        return
    levels = [{"side": side, **level} for side in ("offers", "bids") for level in found[side]]
    tables = [_levels(side, found[side], found["currency"]) for side in ("offers", "bids")]
    session.out.show(levels, *tables, columns=("side", *_LEVEL))


def _levels(side: str, levels: list[dict[str, Any]], currency: str) -> Rows:
    """A table of levels; in a terminal with a bar of their nodes."""
    digits = max([2, *(decimals_of(int(each["price"])) for each in levels)])
    most = max((int(each["nodes"]) for each in levels), default=1)
    shown = [
        {
            **each,
            "price": show_amount(int(each["price"]), currency, digits),
            "bar": "#" * max(1, int(each["nodes"]) * _BAR // max(most, 1)),
        }
        for each in levels
    ]
    columns = (*_LEVEL, "bar") if sys.stdout.isatty() else _LEVEL
    return Rows(side, shown, columns, _LEVEL)


@remote(
    app, "search", "counterfoil offer search --class a100-80gb --region eu-west --nodes 2 --hours 6 --max-price 2.00"
)
def search(
    session: GatewaySession,
    class_: Class,
    region: Region,
    currency: MarketCurrency = None,
    nodes: Nodes = 1,
    hours: Annotated[int, count("--hours", "How many hours in one piece.", 1, limits.MAX_BID_HOURS)] = 1,
    earliest: Annotated[int | None, hour("--from", "The first hour at which it may start. Default: now.")] = None,
    until: Annotated[int | None, hour("--until", "The hour by which it is over.")] = None,
    max_price: Annotated[
        int | None, option("--max-price", "At most this per GPU-hour.", parse=parse_amount, metavar="1.20")
    ] = None,
    sort: Annotated[Literal["price", "earliest"], option("--sort", "What comes first.")] = "price",
    min_reclaim_notice: MinReclaimNotice = None,
    wait: Wait = None,
) -> None:
    """List open offers that may have a block of nodes for so many hours, by public market data.

    `unsold` is `all` where nothing of an offer is sold, so that the block is free. Where `part` is, so many node-hours
    are, but not in which hours is public.
    """
    from counterfoil.cli.supply import ESTIMATE, Wanted, offered
    from counterfoil.runtime.clock import time_by

    if currency is None:
        currency = currency_of(session.gateway, class_, region)
    wanted = Wanted(
        class_id=class_, region=region, currency=currency, nodes=nodes, hours=hours, earliest=earliest or 0,
        until=until, max_price=max_price, min_reclaim_notice=min_reclaim_notice,
    )  # fmt: skip
    with as_answered():
        found = offered(session.gateway, wanted, time_by(session.out.settings.clock), tuple(wait or ()))
    if sort == "earliest":
        found.sort(key=lambda row: row["starts"])
    shown = [{**row, "price": show_amount(int(row["price"]), currency)} for row in found]
    session.out.show(found, Rows("offers", shown, _FOUND, ("price", "nodes", "unsold_node_hours")))
    session.out.note(ESTIMATE)


@remote(app, "hours", "counterfoil offer hours --class a100-80gb --region eu-west --hours 48")
def hours_(
    session: GatewaySession,
    class_: Class,
    region: Region,
    currency: MarketCurrency = None,
    first: Annotated[int | None, hour("--from", "The first hour. Default: the first that can be bought.")] = None,
    hours: Annotated[int, count("--hours", "How many hours.", 1, SHOWN_HOURS)] = 24,
    wait: Wait = None,
) -> None:
    """Show the nodes that can be had in each delivery hour, and the lowest price, without whose they are."""
    if currency is None:
        currency = currency_of(session.gateway, class_, region)
    start = None if first is None else format_hour(first)
    found = session.gateway.depth_by_hour((class_, region, currency), first=start, hours=hours, wait_for=wait or ())
    columns = ("hour", "nodes", "lowest_price", "nodes_at_lowest")
    rows = charted(in_currency(found["hours"], ("lowest_price",), currency), found["hours"], "nodes")
    shown = found if session.out.json else found["hours"]
    session.out.show(shown, Rows("what can be had", rows, (*columns, "bar"), columns[1:]), columns=columns)


@remote(app, "index", "counterfoil offer index --class a100-80gb --region eu-west")
def index(
    session: GatewaySession,
    class_: Class,
    region: Region,
    currency: MarketCurrency = None,
    days: Annotated[int, count("--days", "How many days back.", 1, INDEX_DAYS)] = 30,
    wait: Wait = None,
) -> None:
    """Show a market's price by day, and how scarce it is now.

    The index of a day is the price of the middle one of its GPU-hours by price. No group of related parties counts for
    more than a third of them, and with fewer than three there is none. Scarcity: what is free, and that without the
    largest supplier (rsi), in hundredths of a percent of what open bids want; shown where three groups bid.
    """
    if currency is None:
        currency = currency_of(session.gateway, class_, region)
    found = session.gateway.index((class_, region, currency), days=days, wait_for=wait or ())
    prices = ("index", "mean", "lowest", "highest")
    days_ = [{**each, "mean": int(each["mean"]) // _CENT * _CENT} for each in found["days"]]
    rows = charted(in_currency(days_, prices, currency), found["days"], "mean")
    columns = ("day", *prices, "gpu_hours", "trades", "groups")
    shown = found if session.out.json else found["days"]
    table = Rows("price index", rows, (*columns, "bar"), columns[1:])
    session.out.show(shown, table, Record(found["scarcity"]), columns=columns)


_FOUND = ("offer_id", "price", "nodes", "starts", "window_end", "unsold_node_hours", "unsold")
_LEVEL: Final = ("price", "nodes", "node_hours", "orders")
_CENT: Final = 10_000  # micro-units: a mean is shown in hundredths, rounded down
_BAR: Final = 24  # characters of the largest level
