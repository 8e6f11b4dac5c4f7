"""What the report shows of its four highlights, for people: a table and one sentence each, made of the same figures.

The command line draws them in the terminal, and `page` as HTML.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from counterfoil.demo.model import NATIVE, SUBSTITUTE

MICRO: Final = 1_000_000
_CENT: Final = MICRO // 100
_THOUSAND: Final = 1_000
_SCARCE: Final = (
    "day",
    "bids",
    "cover",
    "rsi",
    "scarce",
    "lowest",
    "average",
    "highest",
    "sold",
    "rejected",
    "of_bound",
)
_LOST: Final = ("start_up", "block", "notice", "worth", "least", "dearer_by", "paid", "returned", "bought_again")
_TAKEN: Final = ("class", "trades", "card_hours", "price", "pflops", "per_pflop_hour")
_BUYERS: Final = ("start_up", "credit", "paid", "its_run", "paid_by_vouchers")


class Told(NamedTuple):
    """A table of texts under a title, what its columns mean, and what is to be said of it.

    `left`: the columns of words; the others are numbers.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    left: tuple[str, ...]
    rows: list[dict[str, str]]
    says: tuple[str, ...]


def told(report: Mapping[str, Any]) -> list[Told]:
    """The highlights that the story had."""
    parts = {"scarce": _scarce, "withdrawal": _withdrawal, "substitutes": _substitutes, "credit": _credit}
    return [tell(report[name]) for name, tell in parts.items() if report[name] is not None]


def money(micro: int | str) -> str:
    """`12.16`: two decimals, rounded down."""
    cents = int(micro) // _CENT
    return f"{cents // 100:,}.{cents % 100:02d}"


def thousands(micro: int | str) -> str:
    """An amount in thousand units, rounded down."""
    return f"{int(micro) // (MICRO * _THOUSAND):,}"


def percent(bps: int | None) -> str:
    """`74.2`; `-` for none."""
    return "-" if bps is None else f"{bps // 100}.{bps % 100 // 10}"


def _share(part: int | str, whole: int | str) -> str:
    return percent(int(part) * 10_000 // int(whole)) if int(whole) else "-"


def _scarce(found: Mapping[str, Any]) -> Told:
    days: Sequence[Mapping[str, Any]] = found["days"]
    rows = [
        {
            "day": each["day"],
            "bids": f"{each['bids']}",
            "cover": percent(each["cover_bps"]),
            "rsi": percent(each["rsi_bps"]),
            "scarce": "yes" if each["scarce"] else "no",
            **{name: money(each[f"{name}_price"]) for name in ("lowest", "average", "highest")},
            "sold": f"{each['node_hours']:,}",
            "rejected": f"{each['blocks_rejected_in_the_money']}",
            "of_bound": _share(each["surplus"], each["bound"]),
        }
        for each in days
    ]
    dearest = max(days, key=lambda each: int(each["highest_price"]))
    rejected = sum(each["blocks_rejected_in_the_money"] for each in days)
    ended = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found["ended"].items())
    return Told(
        "scarce",
        f"{found['class_id']} in {found['region']}: a day's hours auctioned, prices in CNY per card-hour",
        _SCARCE,
        ("day", "scarce"),
        rows,
        tuple(
            (
            f"On {dearest['day']} {percent(dearest['cover_bps'])} % of what was wanted was on offer; an hour cost up "
            f"to {money(dearest['highest_price'])} CNY, and on the book {money(found['highest_list_price'])} at most.\n"
            f"{rejected} blocks would have paid the price and found no room in one piece; of all bids: {ended}.\n"
            "cover, rsi: all supply, and that without the largest supplier, in percent of demand; scarce below 100, "
            "110.\nof bound: what all gain, in percent of what no outcome passes; the audit checks each certificate."
            ).splitlines()
        ),
    )  # fmt: skip


def _withdrawal(found: Mapping[str, Any]) -> Told:
    lost: Sequence[Mapping[str, Any]] = found["contracts"]
    rows = [
        {
            "start_up": each["beneficiary_id"],
            "block": f"{each['nodes']} x {each['hours']} h",
            "notice": f"{each['notice_hours']} h",
            "worth": thousands(each["notional"]),
            "least": money(int(each["least"]) // _THOUSAND),
            "dearer_by": "-" if each["cover"] is None else money(int(each["cover"]) // _THOUSAND),
            "paid": money(int(each["paid"]) // _THOUSAND),
            "returned": money(int(each["returned"]) // _THOUSAND),
            "bought_again": _bought(each["again"]),
        }
        for each in lost
    ]
    again = Counter(each["again"]["ended"] for each in lost)
    whole = sum(int(each["returned"]) == 0 for each in lost)
    paid, worth = (sum(int(each[name]) for each in lost) for name in ("paid", "notional"))
    before, after = _prices(found)
    return Told(
        "withdrawal",
        f"{found['provider_id']} gives up {len(lost)} contracts for {found['class_id']} to keep its GPUs, thousand CNY",
        _LOST,
        ("start_up", "block", "bought_again"),
        rows,
        tuple(
            (
            f"It cost the provider {thousands(paid)} thousand CNY, {_share(paid, worth)} % of what it had sold; "
            f"of {whole} contracts the whole bond was paid.\n"
            f"Credit was free again at once, and bought {again['filled']} of the {len(lost)} blocks elsewhere. A "
            f"card-hour cost {money(before)} CNY until then and {money(after)} after, which other demand moves, too.\n"
            "least: what the notice costs, a quarter of the bond 72 hours ahead, half 24 hours ahead.\n"
            "dearer by: what the first offer of the region that has the block costs more. The greater is paid, at most "
            "the bond."
            ).splitlines()
        ),
    )  # fmt: skip


def _bought(again: Mapping[str, str]) -> str:
    if again["ended"] != "filled":
        return again["ended"].replace("_", " ")
    return f"{again['provider_id']}, {again['class_id']}, at {money(again['price'])}"


def _prices(found: Mapping[str, Any]) -> tuple[int, int]:
    """The mean of the weekly prices up to the week of the withdrawal, and from the next on."""
    weeks = [
        [row["value"] for row in found["weeks"] if (row["week"] > found["week"]) is later] for later in (False, True)
    ]
    before, after = (sum(values) // max(len(values), 1) for values in weeks)
    return before, after


def _substitutes(found: Mapping[str, Any]) -> Told:
    rows = [
        {
            "class": class_id,
            "trades": f"{row['trades']}",
            "card_hours": f"{row['card_hours']:,}",
            "price": money(row["average_price"]),
            "pflops": f"{row['mtflops'] // _THOUSAND / _THOUSAND:.3f}",
            "per_pflop_hour": money(row["price_per_pflop_hour"]),
        }
        for class_id, row in found["classes"].items()
    ]
    named = found["named_average_price"]
    alone = "" if named is None else f" Who named {NATIVE} alone paid {money(named)} CNY a card-hour."
    return Told(
        "substitutes",
        f"{found['bids']} bids by performance: whole nodes of {NATIVE} or {SUBSTITUTE}",
        _TAKEN,
        ("class",),
        rows,
        tuple(
            (
            f"{percent(found['domestic_bps'])} % of the card-hours were domestic: {SUBSTITUTE} costs less per PFLOP, "
            f"{NATIVE} came in where none was free for the block.{alone}\n"
            f"No source has a price of {SUBSTITUTE}: the share follows from the one that is assumed, and from how many "
            "of its nodes the trace makes.\nThroughput is as measured in public tests."
            ).splitlines()
        ),
    )  # fmt: skip


def _credit(found: Mapping[str, Any]) -> Told:
    rows = [
        {
            "start_up": each["party_id"],
            "credit": thousands(each["credit"]),
            "paid": thousands(each["paid"]),
            "its_run": f"{each['class_id']} of {each['provider_id']}" if "class_id" in each else each["ended"],
            "paid_by_vouchers": thousands(each["subsidy"]),
        }
        for each in found["buyers"]
    ]
    of_par = _share(found["paid"], found["sold"])
    spent = [
        f"in {row['city']} {_share(row['spent'], row['granted'])} % of the credit was spent, "
        f"and {_share(row['expired'], row['granted'])} % ended unspent"
        for row in found["spent"]
    ]
    return Told(
        "credit",
        f"Credit sold on {found['city']}'s book, in thousand CNY",
        _BUYERS,
        ("start_up", "its_run"),
        rows,
        tuple(
            (
            f"Of {thousands(found['offered'])} offered, {thousands(found['sold'])} found a buyer, at {of_par} % of "
            "par; the rest has found none.\n"
            f"Two cities with the same rules but for the book, and other start-ups: {'; '.join(spent)}."
            ).splitlines()
        ),
    )  # fmt: skip
