"""`counterfoil party show`: a party, what it may do, and what bars it from what."""

from __future__ import annotations

from typing import Final

import typer

from counterfoil.cli.duties import Barred, InProgramme, barred, commands_of, duties_of
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.options import PartyId, Wait
from counterfoil.cli.render import Record, Rows

_KEYS: Final = ("key_id", "use", "added_at", "revoked_at", "revoked_because")
_RECOVERIES: Final = ("recovery_id", "proposed_by", "reason", "key_id", "status", "in_force_at", "ended_by")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @remote(app, "show", "counterfoil party show springfield")
    def show(session: GatewaySession, party: PartyId, wait: Wait = None) -> None:
        """Show a party: the commands that it may give, and for which of its roles, its keys, and its recoveries.

        Of its programmes: its duties and those of related parties. What these bar it from, there and in single acts.
        """
        gateway = session.gateway
        row = gateway.get("parties", party, wait_for=wait or ())
        keys = list(gateway.rows("keys", {"party_id": party}))
        recoveries = list(gateway.rows("recoveries", {"party_id": party}))
        members = gateway.rows("parties", {"group_id": row["group_id"]})
        related = [each["party_id"] for each in members if each["party_id"] != party]
        may, duties = commands_of(row), duties_of(gateway, [party, *related])
        held, kept_from = [each._asdict() for each in duties], [each._asdict() for each in barred(row, related, duties)]
        shown = {"in any role" if role == "any" else f"as {role}": commands for role, commands in may.items()}
        more = {"may": may, "duties": held, "barred": kept_from, "keys": keys, "recoveries": recoveries}
        session.out.show(
            {**row, "related": related, **more},
            Record({**row, "related": related, **shown}),
            Rows("duties, its own and those of related parties", held, InProgramme._fields),
            Rows("barred from", kept_from, Barred._fields),
            Rows("keys", keys, _KEYS),
            Rows("recoveries", recoveries, _RECOVERIES),
        )
