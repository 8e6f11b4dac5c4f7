"""CLI commands that place orders: they follow the order until it rests, is filled or is closed, and say why."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from counterfoil.cli.command import REFUSED, Command
from counterfoil.cli.options import option
from counterfoil.cli.render import Record
from counterfoil.cli.signing import COMPLETED, Complete, SigningSession, accepted, add_signed
from counterfoil.cli.values import show_amount
from counterfoil.client.problems import RefusedByService, Unreachable
from counterfoil.contract.record import Command as Body
from counterfoil.contract.times import format_hour
from counterfoil.matching.commands import SelfTrade

if TYPE_CHECKING:
    from rich.console import RenderableType

    from counterfoil.client.delivery import Settled

WAIT: Final = 10.0
"""Seconds for which a command in a terminal follows an order."""
_OF_HOLD: Final = ("short_vouchers", "short_cash")
_OF_HOURS: Final = ("gate_closed", "window_not_valid")
"""Refusals for the hours that an order names."""
_SHOWN: Final = ("status", "status_reason", "cause", "nodes_filled", "nodes_left")

OnSelfTrade = Annotated[
    SelfTrade, option("--stp", "Which order ends when both sides are related; taker never ends a resting one.")
]
WaitOption = Annotated[
    float | None,
    typer.Option(
        "--wait",
        min=0,
        metavar="SECONDS",
        help="Follow the order so long until it rests, is filled or is closed. Default: 10 in a terminal, else 0.",
    ),
]


def placed(
    app: typer.Typer, name: str, example: str, *, complete: Complete | None = None
) -> Callable[[Callable[..., Body]], Command]:
    """A command that signs and submits the order that the decorated function makes, and follows it.

    Exit code 4, with the cause, if no funds could be held for it, or it could not be amended.
    `complete`: what else its options say, by the market.
    """

    def add(function: Callable[..., Body]) -> Command:
        def run(session: SigningSession, wait: float | None, **values: Any) -> None:
            if complete is not None:
                complete(session.gateway, values)
            body = function(**values)
            try:
                settled = session.deliver(body)
            except RefusedByService as problem:
                if problem.code in _OF_HOURS:
                    problem.fields = {**problem.fields, **_hours(body)}
                raise
            seconds = wait if wait is not None else WAIT if sys.stdout.isatty() and not session.out.json else 0.0
            _show(session, settled, _awaited(session, settled, seconds) if seconds else None)

        option = inspect.Parameter("wait", inspect.Parameter.KEYWORD_ONLY, annotation=WaitOption, default=None)
        if complete is not None:
            COMPLETED[str(app.info.name), name] = complete
        return add_signed(app, name, example, run, function, option)

    return add


def _awaited(session: SigningSession, settled: Settled, seconds: float) -> dict[str, Any] | None:
    """What became of the order, as `_followed` has it; where that cannot be waited for, what was accepted is shown."""
    try:
        return _followed(session, settled, seconds)
    except KeyboardInterrupt:
        _show(session, settled, None)
        raise
    except Unreachable as problem:
        _show(session, settled, None)
        problem.advice = "The order is accepted; `counterfoil bid list` or `offer list` shows what became of it."
        raise


def _show(session: SigningSession, settled: Settled, outcome: dict[str, Any] | None) -> None:
    shown: list[RenderableType] = accepted(session, settled)
    value = {**settled.receipt, "key_pinned": settled.pinned}
    if outcome is not None:
        value["outcome"] = outcome
        shown.append(Record(_readable(outcome)))
    session.out.show(value, *shown)
    if outcome is not None and outcome["cause"] is not None:
        raise typer.Exit(REFUSED)


def _hours(body: Body) -> dict[str, str]:
    """The hours that an order asked for."""
    names = ("window_start", "window_end", "earliest", "latest")
    return {name: format_hour(getattr(body, name)) for name in names if hasattr(body, name)}


def _readable(outcome: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: outcome[name] for name in _SHOWN if name in outcome and outcome[name] is not None}
    shown["trades"] = [
        f"{each['trade_id']}: {each['nodes']} {'node' if each['nodes'] == 1 else 'nodes'} for {each['hours']} h"
        f" from {each['first_hour']} at {show_amount(int(each['price']), outcome['currency'])}"
        for each in outcome["trades"]
    ]
    if outcome["cause"] is None:
        return shown
    from counterfoil.cli.advice import advice

    return {**shown, **_short(outcome), "advice": advice(outcome["cause"])}


def _short(outcome: Mapping[str, Any]) -> dict[str, str]:
    """How much more is needed than is available, for people; nothing if that is not why, or the logs do not say."""
    missing = {"in vouchers": int(outcome.get("short_vouchers", 0)), "in cash": int(outcome.get("short_cash", 0))}
    said = [f"{show_amount(amount, outcome['currency'])} {what}" for what, amount in missing.items() if amount]
    return {"short": ", ".join(said)} if said else {}


def _followed(session: SigningSession, settled: Settled, seconds: float) -> dict[str, Any] | None:
    """The row of the order, or of its amendment, with its `trades` and, if that failed, the `cause` and what is short;
    None if the command made neither.
    """
    from counterfoil.client.orders import follow_order

    found = session.gateway.run(follow_order(session.gateway.exchanges, settled, seconds))
    if found is None:
        return None
    hold = found.refused
    why = {"cause": found.cause, **({} if hold is None else {name: hold[name] for name in _OF_HOLD})}
    return {**found.row, **why, "trades": list(found.trades)}
