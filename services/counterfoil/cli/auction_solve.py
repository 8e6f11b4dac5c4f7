"""`counterfoil auction solve`: find a better outcome of an auction that has locked, and propose it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from counterfoil.cli.bulk import batched
from counterfoil.cli.command import Invalid
from counterfoil.cli.options import argument
from counterfoil.cli.render import Record, plain
from counterfoil.cli.signing import SigningSession, show_settled, signing
from counterfoil.cli.values import show_amount
from counterfoil.client.problems import as_answered
from counterfoil.contract.record import Command as Body
from counterfoil.contract.times import parse_hour
from counterfoil.core.rules import LATEST, RULES
from counterfoil.matching.auction.book import Ask, AuctionBook, Block, Hourly, Parameters, Placement, Point
from counterfoil.matching.auction.certificate import bound
from counterfoil.matching.auction.solving import prepare, solve
from counterfoil.matching.solution_commands import PlacedBlock, ProposeSolution
from counterfoil.matching.solutions import digest_of

if TYPE_CHECKING:
    from counterfoil.client.http import Gateway

Row = Mapping[str, Any]


def add_to(app: typer.Typer) -> None:
    """Add the command to `counterfoil auction`."""
    signing(app, "solve", "counterfoil auction solve auc-20-0 --solver highs --as operator")(solve_auction)


def solve_auction(
    session: SigningSession,
    auction: Annotated[str, argument("AUCTION", "The auction's id; it has locked.")],
    solver: Annotated[Literal["highs"], typer.Option("--solver", help="What searches.")] = "highs",
    seconds: Annotated[int, typer.Option("--seconds", min=1, max=3_600, help="How long it may search.")] = 60,
) -> None:
    """Any party: search a better outcome of an auction than the built-in solver's, and propose it if there is one.

    It reads the orders of the auction, so it is for who may read all of them: everybody in a public instance, else the
    operator and auditors of all programmes. Whether a proposal is taken is decided as the auction clears, in integers,
    with the orders as they are then. With --dry-run it searches, and proposes nothing.
    """
    from counterfoil.cli import highs

    found = highs.name()
    with as_answered():
        row = session.gateway.get("auctions", auction)
        if row["status"] != "locked":
            raise Invalid(f"{auction} is {row['status']}: solutions are proposed between its lock and its clearing")
        book = book_of(session.gateway, row)
    prepared, built_in = prepare(book), solve(book)
    best = highs.improve(prepared, built_in, seconds)
    gpus, better = int(row["gpus_per_node"]), best.surplus > built_in.surplus
    most = bound(prepared, [each.price for each in best.slots])
    value: dict[str, Any] = {
        "auction_id": auction, "solver": found, "surplus": str(best.surplus * gpus),
        "built_in_surplus": str(built_in.surplus * gpus), "bound": str(most * gpus), "blocks": len(best.placements),
        "better": better,
    }  # fmt: skip
    if not better or session.dry_run:
        shown = {name: show_amount(int(value[name]), row["currency"]) for name in _AMOUNTS}
        told = "nothing was signed or sent" if better else "no better outcome was found: nothing is proposed"
        session.out.show(value, Record({**value, **shown}), plain(told))
        return
    first_hour, settled = parse_hour(row["first_hour"]), None
    for batch in batched(_pieces(auction, found, first_hour, best.placements)):
        settled = session.deliver_batch(batch, None)
    if settled is not None:
        show_settled(session, settled)


_AMOUNTS = ("surplus", "built_in_surplus", "bound")


def _pieces(auction_id: str, solver: str, first_hour: int, blocks: tuple[Placement, ...]) -> Iterator[Body]:
    each = RULES[LATEST].max_solution_blocks
    cut = [blocks[start : start + each] for start in range(0, len(blocks), each)]
    for nth, piece in enumerate(cut):
        placed = tuple(
            PlacedBlock(bid_id=bid, first_hour=first_hour + start, offer_id=ask) for bid, start, ask in piece
        )
        yield ProposeSolution(
            auction_id=auction_id, solver=solver, sha256=digest_of(blocks), piece=nth, pieces=len(cut), blocks=placed
        )


# the book, as far as views say it -----------------------------------------------------------------------------------


def book_of(gateway: Gateway, row: Row) -> AuctionBook:
    """The orders of an auction that has locked, and its parameters. Raises `Invalid` where not all can be read."""
    in_it = {each["order_id"]: each for each in gateway.rows("auction_orders", {"auction_id": row["auction_id"]})}
    base = parse_hour(row["first_hour"])
    offers = [each for each in gateway.rows("offers", {"status": "in_auction"}) if each["offer_id"] in in_it]
    bids = [each for each in gateway.rows("bids", {"status": "in_auction"}) if each["bid_id"] in in_it]
    if len(offers) < int(row["offers"]) or len(bids) < int(row["bids"]):
        raise Invalid(
            f"you may read {len(offers)} of its {row['offers']} offers and {len(bids)} of its {row['bids']} bids: who "
            "reads all of them can solve it, such as the operator"
        )
    whole = [each for each in bids if not each["partial"]]
    return AuctionBook(
        int(row["hours"]),
        tuple(_ask(each, in_it[each["offer_id"]], base) for each in _in_line(offers)),
        tuple(
            Hourly(each["bid_id"], nth, each["group_id"], int(each["limit_price"]), int(each["nodes"]),
                   parse_hour(each["earliest"]) - base)
            for nth, each in enumerate(_in_line(bids)) if each["partial"]
        ),
        tuple(
            Block(each["bid_id"], nth, each["group_id"], int(each["limit_price"]), int(each["nodes"]),
                  int(each["hours"]), parse_hour(each["earliest"]) - base, parse_hour(each["latest"]) - base)
            for nth, each in enumerate(_in_line(whole))
        ),
        _parameters(row),
    )  # fmt: skip


def _in_line(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda each: int(each["priority"]))


def _ask(offer: Row, in_auction: Row, base: int) -> Ask:
    price = in_auction["price"] if in_auction["price"] is not None else offer["price"]
    return Ask(
        offer["offer_id"], int(offer["priority"]), offer["group_id"], int(price), int(offer["nodes"]),
        parse_hour(offer["window_start"]) - base, parse_hour(offer["window_end"]) - base,
    )  # fmt: skip


def _parameters(row: Row) -> Parameters:
    points = tuple(Point(int(utilisation), int(factor)) for utilisation, factor in row["reserve_points"])
    named = {name: int(row[name]) for name in ("tick", "cap_bps", "rsi_bps", "cover_bps", "pivotal_bps")}
    return Parameters(
        **named, reference=int(row["reference_price"]), caps=row["caps"], reserve=int(row["reserve_price"]),
        points=points,
    )  # fmt: skip
