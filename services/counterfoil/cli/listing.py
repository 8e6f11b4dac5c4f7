"""`list` and `show` of the views: one renderer, and per view a name for its rows and the columns that fit a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import typer

from counterfoil.cli.command import Invalid, pairs
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.options import Wait
from counterfoil.cli.render import Rows, record
from counterfoil.cli.values import in_units
from counterfoil.issuance import views as issuance_views
from counterfoil.ledger import views as ledger_views
from counterfoil.matching import views as matching_views
from counterfoil.ports import View
from counterfoil.redemption import views as redemption_views

VIEWS: Final[dict[str, View]] = {
    view.name: view
    for service in (issuance_views, ledger_views, matching_views, redemption_views)
    for view in service.VIEWS
}

Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="NAME=VALUE", help="Only rows with this value; the filters are listed above."),
]
Key = Annotated[list[str], typer.Argument(metavar="KEY", help="Its key, part by part, as the list shows it.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most this many rows. Default: all.")]


@dataclass(frozen=True, slots=True)
class Listing:
    """How a view is shown: what its rows are called, the columns of a line, by spaces, a key for the example, and
    what else the help of `list` says.
    """

    view: str
    what: str
    columns: str
    key: str = ""
    help: str = ""

    @property
    def definition(self) -> View:
        """The view's key, columns and filters."""
        return VIEWS[self.view]

    @property
    def amounts(self) -> list[str]:
        """The columns that are amounts."""
        return [name for name, kind in self.definition.columns.items() if kind.startswith("amount")]


def add_list(app: typer.Typer, listing: Listing, name: str = "list") -> None:
    """Add the command that lists a view."""
    filters = listing.definition.filters

    def show(session: GatewaySession, where: dict[str, str], limit: int | None, wait: list[str] | None) -> None:
        rows = list(session.gateway.rows(listing.view, where, limit=limit, wait_for=wait or ()))
        shown = [in_units(row, listing.amounts) for row in rows]
        session.out.show(rows, Rows(listing.what, shown, listing.columns.split(), listing.amounts))

    def filtered(session: GatewaySession, where: Where = None, limit: Limit = None, wait: Wait = None) -> None:
        show(session, pairs(where or (), "--where"), limit, wait)

    def whole(session: GatewaySession, limit: Limit = None, wait: Wait = None) -> None:
        show(session, {}, limit, wait)

    run = filtered if filters else whole
    known = f" Filters: {', '.join(filters)}." if filters else ""
    run.__doc__ = f"List {listing.what}.{known}{listing.help and f' {listing.help}'}"
    where = f" --where {filters[0]}=VALUE" if filters else " --limit 20"
    remote(app, name, f"counterfoil {app.info.name} {name}{where}")(run)


def add_show(app: typer.Typer, listing: Listing, name: str = "show") -> None:
    """Add the command that shows one row of a view in full."""
    names = [column.removesuffix("_id").upper() for column in listing.definition.key]

    def run(session: GatewaySession, key: Key, wait: Wait = None) -> None:
        if len(key) != len(names):
            raise Invalid(f"{' '.join(key)}: name {' '.join(names)}, as the list shows them")
        row = session.gateway.get(listing.view, *key, wait_for=wait or ())
        session.out.show(row, record(in_units(row, listing.amounts)))

    run.__doc__ = f"Show one of the {listing.what} in full. Its key is {' '.join(names)}."
    remote(app, name, f"counterfoil {app.info.name} {name} {listing.key}")(run)


def add_both(app: typer.Typer, listing: Listing) -> None:
    """Add `list` and `show`."""
    add_show(app, listing)
    add_list(app, listing)
