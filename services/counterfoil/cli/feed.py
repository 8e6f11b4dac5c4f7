"""`counterfoil feed`: the events that concern a party."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.listing import Since, begin_by
from counterfoil.cli.options import option
from counterfoil.cli.render import plain


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @remote(app, "feed", "counterfoil feed --since 2h --as acme", tabular=False)
    def feed(
        session: GatewaySession,
        since: Since = None,
        start: Annotated[
            str | None,
            option("--from", "Start at these positions, with commas, in place of --since.", metavar="POSITIONS"),
        ] = None,
        follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with events as they come.")] = False,
        count: Annotated[int | None, typer.Option("--count", min=1, metavar="N", help="End after so many.")] = None,
    ) -> None:
        """Print the events that concern the party and its programmes, one per line, in order.

        With --json each is a CloudEvent. By default from the beginning, and until the last there is.
        """
        start, moment = begin_by(session, since, start)
        events = session.gateway.feed(start, since=moment, follow=follow)
        for number, event in enumerate(events, 1):
            session.out.show(event, plain(line(event)))
            if number == count:
                return


def line(event: dict[str, Any]) -> str:
    """An event in one line."""
    return f"{event.get('time', '')}  {event.get('type', ''):<28} {event.get('subject', '')}"
