"""`counterfoil session`: the sessions by which a party reads."""

from __future__ import annotations

from counterfoil.cli.command import Invalid
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.late import group
from counterfoil.cli.reading import reader_of
from counterfoil.cli.render import Rows, plain

app = group("session")
_COLUMNS = ("id", "key_id", "opened_at", "expires_at", "current")


@remote(app, "show", "counterfoil session show --as springfield")
def show(session: GatewaySession) -> None:
    """Show the sessions of the party that commands read as. `counterfoil logout --all` ends them."""
    party = reader_of(session.out, session.url, session.reader)
    if party is None:
        raise Invalid(f"nobody is logged in at {session.url}: `counterfoil login PARTY`, or --as PARTY")
    rows = session.gateway.sessions()
    shown = {"party_id": party, "gateway": session.url, "sessions": rows}
    whose, table = plain(f"{party} at {session.url}", "bold"), Rows("sessions", rows, _COLUMNS)
    session.out.show(shown, whose, table, columns=_COLUMNS, rows=rows)
