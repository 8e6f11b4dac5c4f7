"""Options that several commands take, each with its form and help text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from counterfoil.cli.values import parse_amount, parse_delivery_hour, parse_moment
from counterfoil.matching.commands import SelfTrade


def option(flag: str, text: str, parse: Callable[[str], Any] | None = None, metavar: str | None = None) -> Any:
    """An option with its flag, help text, and how its text is read; `parse` raises ValueError."""
    return typer.Option(flag, help=text, parser=None if parse is None else _usage(parse), metavar=metavar)


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

Party = Annotated[str, option("--party", "The party's id.", metavar="PARTY")]
Beneficiary = Annotated[str, option("--beneficiary", "Who gets it: a party's id.", metavar="PARTY")]
Programme = Annotated[str, option("--programme", "The programme's id.", metavar="PROGRAMME")]
Amount = Annotated[
    int, option("--amount", "Units of the currency, at most six decimals.", parse=parse_amount, metavar="12.50")
]
Currency = Annotated[str, option("--currency", "ISO 4217 code.", metavar="CODE")]
PaymentReference = Annotated[str, option("--reference", "The payment's reference at the bank.", metavar="TEXT")]
Reason = Annotated[str, option("--reason", "Why; it is published.", metavar="TEXT")]
Nodes = Annotated[int, option("--nodes", "How many nodes.", metavar="N")]
MinNodes = Annotated[int, option("--min-nodes", "The smallest block of nodes in one trade.", metavar="N")]
Price = Annotated[int, option("--price", "Per GPU-hour, a multiple of 0.01.", parse=parse_amount, metavar="1.20")]
NewPrice = Annotated[
    int | None, option("--price", "A new price per GPU-hour; loses priority.", parse=parse_amount, metavar="1.20")
]
ReduceBy = Annotated[int | None, option("--reduce-by", "Take back this many nodes; keeps priority.", metavar="N")]
GoodUntil = Annotated[
    int | None, option("--good-until", "Until when, with --tif GTD.", parse=parse_moment, metavar="TIME")
]
OnSelfTrade = Annotated[
    SelfTrade, option("--stp", "Which order ends when both sides are related; taker never ends a resting one.")
]
VoucherId = Annotated[str, argument("VOUCHER", "The voucher's id.")]
OfferId = Annotated[str, argument("OFFER", "The offer's id.")]
BidId = Annotated[str, argument("BID", "The bid's id.")]
ContractId = Annotated[str, argument("CONTRACT", "The contract's id: that of its trade.")]
ReportId = Annotated[str, argument("REPORT", "The report's id.")]
ClaimId = Annotated[str, argument("CLAIM", "The claim's id.")]
PartyId = Annotated[str, argument("PARTY", "The party's id.")]


def hour(flag: str, text: str) -> Any:
    """A delivery hour."""
    return option(flag, text, parse=parse_delivery_hour, metavar="20260105T08Z")
