"""Options that several commands take, each with its form and help text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from counterfoil.cli.command import Invalid
from counterfoil.cli.values import parse_amount, parse_delivery_hour, parse_moment
from counterfoil.contract import limits


def option(flag: str, text: str, parse: Callable[[str], Any] | None = None, metavar: str | None = None) -> Any:
    """An option with its flag, help text, and how its text is read; `parse` raises ValueError."""
    return typer.Option(flag, help=text, parser=None if parse is None else _usage(parse), metavar=metavar)


def count(flag: str, text: str, low: int, high: int) -> Any:
    """An option with a whole number of a range, which its help and its errors name."""
    return typer.Option(flag, help=text, min=low, max=high, metavar="N")


def _usage(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as problem:
            raise typer.BadParameter(str(problem)) from problem

    return read


def argument(metavar: str, text: str) -> Any:
    """A positional argument."""
    return typer.Argument(help=text, metavar=metavar)


Home = Annotated[
    Path | None, typer.Option("--home", metavar="DIR", help="The instance. Default: COUNTERFOIL_HOME, var/counterfoil.")
]
Wait = Annotated[
    list[str] | None,
    typer.Option(
        "--wait", metavar="SERVICE[/SHARD]:INDEX", help="Answer from views that hold this entry. May be repeated."
    ),
]

Save = Annotated[
    Path | None,
    typer.Option("--save", metavar="FILE", help="Keep entries and proofs; `counterfoil proof verify` reads them."),
]

Party = Annotated[str, option("--party", "The party's id.", metavar="PARTY")]
Beneficiary = Annotated[str, option("--beneficiary", "Who gets it: a party's id.", metavar="PARTY")]
Programme = Annotated[str, option("--programme", "The programme's id.", metavar="PROGRAMME")]
Amount = Annotated[
    int, option("--amount", "Units of the currency, at most six decimals.", parse=parse_amount, metavar="12.50")
]
Currency = Annotated[str, option("--currency", "ISO 4217 code.", metavar="CODE")]
MarketCurrency = Annotated[
    str | None,
    option("--currency", "ISO 4217 code, or GPU_HOUR. Default: the market's only one.", metavar="CODE"),
]
PaymentReference = Annotated[str, option("--reference", "The payment's reference at the bank.", metavar="TEXT")]
Reason = Annotated[str, option("--reason", "Why; it is published.", metavar="TEXT")]
Nodes = Annotated[int, count("--nodes", "How many nodes.", 1, limits.MAX_NODES)]
MinReclaimNotice = Annotated[
    int | None,
    count(
        "--min-reclaim-notice",
        "Only offers whose provider gives so many hours of notice before it reclaims.",
        1,
        limits.MAX_NOTICE_HOURS,
    ),
]
MinNodes = Annotated[int, count("--min-nodes", "The smallest block of nodes in one trade.", 1, limits.MAX_NODES)]
Price = Annotated[int, option("--price", "Per GPU-hour, a multiple of 0.01.", parse=parse_amount, metavar="1.20")]
NewPrice = Annotated[
    int | None, option("--price", "A new price per GPU-hour; loses priority.", parse=parse_amount, metavar="1.20")
]
ReduceBy = Annotated[
    int | None, count("--reduce-by", "Take back this many nodes; keeps priority.", 1, limits.MAX_NODES)
]
GoodUntil = Annotated[
    int | None, option("--good-until", "Until when, with --tif GTD.", parse=parse_moment, metavar="TIME")
]
VoucherId = Annotated[str, argument("VOUCHER", "The voucher's id.")]
OfferId = Annotated[str, argument("OFFER", "The offer's id.")]
BidId = Annotated[str, argument("BID", "The bid's id.")]
ContractId = Annotated[str, argument("CONTRACT", "The contract's id: that of its trade.")]
ReportId = Annotated[str, argument("REPORT", "The report's id.")]
ClaimId = Annotated[str, argument("CLAIM", "The claim's id.")]
PartyId = Annotated[str, argument("PARTY", "The party's id.")]


def one_change(reduce_by: int | None, price: int | None) -> None:
    """Raises `Invalid` unless an order is to be changed, in one way."""
    if (reduce_by is None) == (price is None):
        raise Invalid("name --reduce-by N or --price AMOUNT: one of the two")


def hour(flag: str, text: str) -> Any:
    """A delivery hour."""
    return option(flag, text, parse=parse_delivery_hour, metavar="20260105T08Z")
