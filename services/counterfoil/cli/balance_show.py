"""`counterfoil balance show`: what a party has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import typer

from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.late_views import VIEWS
from counterfoil.cli.listing import Local, is_local, right
from counterfoil.cli.lists import Listing
from counterfoil.cli.options import PartyId, Wait
from counterfoil.cli.people import for_people
from counterfoil.cli.render import Rows
from counterfoil.ledger.chart import cash

_TABLES: Final = (
    Listing("balances", "cash", "asset posted held"),
    Listing("vouchers_balance", "vouchers", "voucher_id programme_id face available held redeemed"),
)
_POSITION: Final = ("asset", "programme_id", "available", "held", "face", "redeemed")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @remote(app, "show", "counterfoil balance show acme")
    def show(session: GatewaySession, party: PartyId, local: Local = None, wait: Wait = None) -> None:
        """Show a party's cash and vouchers; in csv and tsv a row for each, with what is available and held of it."""
        gateway = session.gateway
        found = {
            "cash": list(gateway.rows("balances", {"account": cash(party)}, wait_for=wait or ())),
            "vouchers": _vouchers(session, party),
        }
        if not any(found.values()):
            gateway.get("parties", party)  # refused if there is no such party
        if session.out.for_people:
            local = is_local(session.out, local)
            shown = [
                _table(session, each, rows, local=local) for each, rows in zip(_TABLES, found.values(), strict=True)
            ]
            session.out.show(found, *shown)
        else:
            session.out.show(found if session.out.json else _positions(found), columns=_POSITION)


def _table(session: GatewaySession, listing: Listing, rows: list[dict[str, Any]], *, local: bool) -> Rows:
    view = VIEWS[listing.view]
    return Rows(
        listing.what, for_people(session.gateway, view, rows, local=local), listing.columns.split(), right(view)
    )


def _vouchers(session: GatewaySession, party: str) -> list[dict[str, Any]]:
    """What the party has of each voucher; of those that were issued to it also the face, and what became of it."""
    gateway = session.gateway
    issued = {row["voucher_id"]: row for row in gateway.rows("vouchers_balance", {"beneficiary_id": party})}
    held = gateway.rows("holdings", {"holder_id": party})
    return [{**issued.get(row["voucher_id"], {"face": None, "redeemed": None}), **row} for row in held]


def _positions(found: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    cash_ = [{**row, "available": str(int(row["posted"]) - int(row["held"]))} for row in found["cash"]]
    vouchers = [{**row, "asset": row["voucher_id"]} for row in found["vouchers"]]
    return [*cash_, *vouchers]
