"""`counterfoil bid explain`: why a bid was or was not matched, from published logs alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from counterfoil.cli.command import FOUND, Invalid
from counterfoil.cli.log_source import LogsArgument, LogSource, logs_at, reading_logs
from counterfoil.cli.mirror import pinned_keys
from counterfoil.cli.options import argument
from counterfoil.cli.people import show_time
from counterfoil.cli.progress import bars
from counterfoil.cli.render import Rows, plain
from counterfoil.cli.values import show_amount

BidOrCommand = Annotated[str, argument("BID", "The bid's id, or that of the command that was to place it.")]
_COLUMNS: Final = ("entry", "time", "step", "what")
_OWN: Final = ("bid_id", "order_id", "side", "party_id", "amendment_id", "type")
_FINDINGS: Final = ("log", "place", "code", "text")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @reading_logs(app, "explain", "counterfoil bid explain bid-9-0 var/market")
    def explain(source: LogSource, bid: BidOrCommand, logs: LogsArgument) -> None:
        """Say step by step why a bid was or was not matched: a replay of the logs, not what they claim.

        Received, funded or why not, admitted; each offer that the rule looked at, and the first reason why it did not
        fit; trades with the rule that chose them; amendments; an auction's prices, and how the bid stands to them; how
        it ended. An offer is told again only when its reason changes. A refused command is explained by its id.

        Exit code 0: explained; 1: explained, but the logs are not what the rules decide: the steps end before the first
        finding; 2: it could not run, or no log has the bid.
        """
        shown, clean = _explained(source, bid, logs)
        rows = [row for step in shown["steps"] for row in _rows(step)]
        last = plain(
            f"{shown['bid_id'] or bid}: {_STANDING.get(shown['standing'], _closed)(shown['standing'])}", "bold"
        )
        found = [] if clean else [Rows("findings: the steps end before the first", shown["findings"], _FINDINGS)]
        source.out.show(shown, Rows("steps", rows, _COLUMNS, ("entry",)), *found, last)
        if not clean:
            raise typer.Exit(FOUND)


def _explained(source: LogSource, bid: str, logs: str) -> tuple[dict[str, Any], bool]:
    from counterfoil.audit.explaining import NoSuchBid, explain
    from counterfoil.audit.files import CannotAudit
    from counterfoil.core.rules import UnknownRules

    trusted = pinned_keys(source.out, source.vkeys)
    with logs_at(source.out, logs, trusted, source.mirror, source.more, source.reader) as directory:
        try:
            with bars(source.out, "entries") as shown:
                found = explain(directory, bid, trusted, shown.advance)
        except NoSuchBid as problem:
            some = problem.findings[:1]
            why = "".join(f"; {each.log} {each.place}: {each.code}" for each in some)
            raise Invalid(f"{problem}{why}") from problem
        except (CannotAudit, UnknownRules) as problem:
            raise Invalid(str(problem)) from problem
    if trusted is None:
        source.out.note("no pinned keys: each log was checked against its own `vkey`")
    return found.to_json(), not found.findings


def _rows(step: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The lines of one step; those of a look are one for each offer."""
    place = {"entry": step["entry"], "time": show_time(step["time"]), "step": step["kind"].replace("_", " ")}
    for text in _SAYING.get(step["kind"], _plainly)(step["detail"]):
        yield {**place, "what": text}


# what each step says ------------------------------------------------------------------------------------------------

_Detail = Mapping[str, Any]


def _amount(value: Any, unit: str | None = None) -> str:
    return show_amount(int(value), unit)


def _plainly(detail: _Detail) -> Iterator[str]:
    """The members that say more than which bid it is."""
    told = {name: value for name, value in detail.items() if name not in _OWN and value not in (None, "", [])}
    yield ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told.items()) or "-"


def _received(detail: _Detail) -> Iterator[str]:
    start = detail["earliest"]
    starts = start if detail["earliest"] == detail["latest"] else f"{start} to {detail['latest']}"
    yield (
        f"{detail['nodes']} nodes of {' or '.join(detail['classes'])} in {' or '.join(detail['regions'])},"
        f" {detail['hours']} hours from {starts}, at most {_amount(detail['limit_price'], detail['currency'])}"
        f" per GPU-hour, {detail['tif']}{', in parts' if detail['partial'] else ''}"
    )


def _funded(detail: _Detail) -> Iterator[str]:
    vouchers = sum(int(each["amount"]) for each in detail["vouchers"])
    yield f"held: {_amount(vouchers)} of vouchers, {_amount(detail['cash'], detail['currency'])} of cash"


def _not_funded(detail: _Detail) -> Iterator[str]:
    lacking = [
        f"of {each['of']} {_amount(each['needed'])} is needed, {_amount(each['available'])} available"
        for each in detail.get("lacking", ())
    ]
    yield "; ".join([detail["code"], *lacking])


def _refused(detail: _Detail) -> Iterator[str]:
    figures = ", ".join(f"{name} {value}" for name, value in detail["detail"].items())
    yield f"{detail['command']}: {detail['code']}{f' ({figures})' if figures else ''}"


def _looked(detail: _Detail) -> Iterator[str]:
    for each in detail["offers"]:
        price = f"{each['offer_id']} of {each['provider_id']} at {_amount(each['price'])}"
        yield f"{price}: {'fits' if each['fits'] else _WHY[each['cause']](each['figures'])}"
    if detail["not_shown"]:
        yield "more offers, by reason: " + ", ".join(f"{name} {count}" for name, count in detail["not_shown"].items())
    if detail["of_other_markets"]:
        yield f"{detail['of_other_markets']} offers of other classes, regions or currencies"
    if not detail["offers"] and not detail["of_other_markets"]:
        yield "no offer is on the book"


def _traded(detail: _Detail) -> Iterator[str]:
    text = (
        f"{detail['trade_id']}: {detail['nodes']} nodes of {detail['offer_id']}, {detail['hours']} hours from"
        f" {detail['first_hour']}, at {_amount(detail['price'], detail['currency'])}"
    )
    if "auction_id" in detail:
        yield f"{text}, the price of {detail['auction_id']} in these hours"
    elif detail["rule"] == "first_bid_in_line":
        yield f"{text}: the offer came later, and this was the first bid in line that fitted; its limit is the price"
    else:
        passed = f", after {detail['passed_over']} better ones that do not" if detail["passed_over"] else ""
        yield f"{text}: the first offer in line that fits{passed}; its price counts"


def _cleared(detail: _Detail) -> Iterator[str]:
    prices = ", ".join(f"{each['hour']} {_amount(each['price'])}" for each in detail["hours"])
    yield f"{detail['auction_id']}: {prices}"
    if "price" in detail:
        yield f"{detail['result']}: the limit is {_amount(detail['limit'])}, the price {_amount(detail['price'])}"
    elif "cost" in detail:
        worth, cost = _amount(detail["worth"]), _amount(detail["cost"])
        yield f"{detail['result']}: the block is worth {worth} a GPU, its cheapest hours cost {cost}"
    else:
        yield str(detail.get("result", "-"))
    for each in detail.get("tried", ()):
        place = f"on {each['offer_id']} from {each['first_hour']}"
        if each["surplus"] is None:
            yield f"{place}: some accepted block would be out of the money"
        else:
            yield f"{place}: all would gain {_amount(each['surplus'])} a GPU, and gain {_amount(each['surplus_now'])}"


def _repriced(detail: _Detail) -> Iterator[str]:
    yield f"a limit of {_amount(detail['limit_price'], detail.get('currency'))} per GPU-hour"


def _prevented(detail: _Detail) -> Iterator[str]:
    yield f"with {detail['offer_id']}, of its own group: {detail['mode']} ends, as the later order asks"


def _locked(detail: _Detail) -> Iterator[str]:
    yield f"{detail['auction_id']}, if it cleared now: {', '.join(map(_amount, detail['prices']))}"


def _halted(detail: _Detail) -> Iterator[str]:
    what = [detail[name] for name in ("class_id", "region", "provider_id") if detail[name]]
    yield f"{' in '.join(what) or 'everything'}: {detail['reason']}"


def _closed_because(detail: _Detail) -> Iterator[str]:
    yield str(detail["reason"]).replace("_", " ")


_SAYING: Final[Mapping[str, Callable[[_Detail], Iterator[str]]]] = {
    "received": _received,
    "funded": _funded,
    "not_funded": _not_funded,
    "refused": _refused,
    "amendment_requested": _repriced,
    "amended": _repriced,
    "prevented": _prevented,
    "trading_halted": _halted,
    "trading_resumed": _halted,
    "auction_locked": _locked,
    "looked": _looked,
    "rests": _looked,
    "traded": _traded,
    "auction_cleared": _cleared,
    "closed": _closed_because,
}


def _too_little(named: int, asked: int) -> str:
    """The notice of a reclaim that an offer names, and what the bid asks for."""
    said = f"names {named} hours of notice" if named else "names no notice"
    return f"{said} of a reclaim, and {asked} are asked for"


_WHY: Final[Mapping[str, Callable[[_Detail], str]]] = {
    "reclaim_notice": lambda of: _too_little(of["named"], of["asked"]),
    "class_version": lambda of: f"the bid names another version of {of['class_id']} than {of['class_version']}",
    "price": lambda of: f"dearer than the limit of {_amount(of['limit'])}",
    "gpus_per_node": lambda of: f"nodes of {of['offered']} GPUs, not {of['wanted']}",
    "halted": lambda _: "trading is halted",
    "not_listed": lambda of: f"the programme does not list the provider ({of['listing'] or 'never did'})",
    "related_to_issuer": lambda _: "the provider is related to the issuer",
    "expired": lambda _: "the time of one of them is over",
    "hours": lambda of: f"no start in its hours, {of['window_start']} to {of['window_end']}",
    "minimum_hours": lambda of: f"sells {of['min_hours']} hours at least",
    "minimum_nodes": lambda of: f"sells {of['min_nodes']} nodes at least",
    "nodes": lambda of: f"has {of['nodes']} nodes, and {of['needed']} are needed",
    "position_limit": lambda of: (
        f"its group may get {of['left']} node-hours more of the day from {of['day']} on, and {of['needed']} are needed"
    ),
    "sold": lambda of: f"{of['left']} nodes are unsold in any such block of hours, and {of['needed']} are needed",
    "taken": lambda of: f"bids before it in line took the nodes: {', '.join(of['by']) or 'in the entry before'}",
    "not_eligible": lambda _: "the rules let the two not trade",
}
_STANDING: Final[Mapping[str, Callable[[str], str]]] = {
    "filled": lambda _: "filled",
    "resting": lambda _: "rests on the book",
    "waiting_for_funds": lambda _: "waits for its funds",
    "in_auction": lambda _: "is in an auction that has not ended",
    "refused": lambda _: "was refused",
}


def _closed(reason: str) -> str:
    return f"closed: {reason.replace('_', ' ')}"
