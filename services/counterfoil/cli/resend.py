"""`counterfoil resend`: sends commands again whose outcome is not known."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from counterfoil.cli.command import REFUSED, UNREACHABLE, Invalid, UrlOption, make
from counterfoil.cli.delivery import Sending, delivery_in
from counterfoil.cli.gateway_session import GatewaySession
from counterfoil.cli.render import Rows
from counterfoil.cli.signing import KeysOption, show_settled
from counterfoil.client.delivery import Delivery
from counterfoil.client.outbox import Damaged, Kept
from counterfoil.client.problems import OtherInstance, RefusedByService, Unsettled
from counterfoil.contract.times import format_time

_COLUMNS: Final = ("command_id", "actor", "type", "log", "issued_at", "outcome")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @make(app, "resend", "counterfoil resend", {"url": (UrlOption, None)}, GatewaySession)
    def resend(
        session: GatewaySession,
        command_id: Annotated[str | None, typer.Argument(help="Only this command.", metavar="ID")] = None,
        show: Annotated[bool, typer.Option("--list", help="Only show them.")] = False,
        keys: KeysOption = None,
    ) -> None:
        """Send commands again whose outcome is not known: a lost answer, a time-out, an interrupt.

        Every command is kept beside the keys before it is sent, and until its outcome is known. The same bytes are
        sent again, so that a command takes effect once, however often it is sent; one that has expired meanwhile and
        was not decided before is refused. Exit code 4: some are refused; 5: some are still not settled.
        """
        out = session.out
        sending = Sending(session)
        delivery = delivery_in(session, keys if keys is not None else out.settings.key_directory, sending)
        if command_id is not None and not show:
            _one(session, delivery, command_id, sending)
            return
        rows, outcomes, damaged = [], set(), list[Damaged]()
        for kept in _kept(delivery, damaged):
            outcome = "not settled" if show else _outcome(delivery, kept, sending)
            outcomes.add(outcome.partition(":")[0])
            rows.append(_row(kept, outcome))
        out.show(rows, Rows("unsettled commands" if show else "commands sent again", rows, _COLUMNS))
        if damaged:  # which kept none of the others waiting
            raise Invalid(*map(str, damaged))
        if not show:
            _exit(outcomes)


def _kept(delivery: Delivery, damaged: list[Damaged]) -> list[Kept]:
    try:
        return list(delivery.outbox.all(damaged))
    except OSError as problem:
        raise Invalid(f"cannot read {problem.filename}: {problem.strerror}") from problem


def _one(session: GatewaySession, delivery: Delivery, command_id: str, sending: Sending) -> None:
    kept = next((each for each in _kept(delivery, []) if each.header.command_id == command_id), None)
    if kept is None:
        raise Invalid(f"no command {command_id} waits in {delivery.outbox.directory}: its outcome is known, or it was "
                      "sent from elsewhere; `counterfoil log receipt` shows what was decided")  # fmt: skip
    show_settled(session, sending.run(delivery.resend(kept)))


def _outcome(delivery: Delivery, kept: Kept, sending: Sending) -> str:
    try:
        settled = sending.run(delivery.resend(kept))
    except RefusedByService as problem:
        return f"refused: {problem.code}"
    except (Unsettled, OtherInstance) as problem:  # one for another instance keeps none of the others waiting
        return f"not settled: {problem}"
    return f"accepted: {settled.proven.entry.index}"


def _row(kept: Kept, outcome: str) -> dict[str, Any]:
    header = kept.header
    return {
        "command_id": header.command_id,
        "actor": header.actor,
        "type": header.type,
        "log": header.aud,
        "issued_at": format_time(header.issued_at),
        "outcome": outcome,
    }


def _exit(outcomes: set[str]) -> None:
    for outcome, code in (("not settled", UNREACHABLE), ("refused", REFUSED)):
        if outcome in outcomes:
            raise typer.Exit(code)
