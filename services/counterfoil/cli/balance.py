"""`counterfoil balance`: what a party owns, and deposits and withdrawals of currency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.late import group
from counterfoil.cli.listing import Listing, Local, add_list, is_local
from counterfoil.cli.options import Amount, Currency, PartyId, PaymentReference, Wait
from counterfoil.cli.people import for_people
from counterfoil.cli.render import Rows
from counterfoil.cli.signing import signed
from counterfoil.contract.record import Command as Body
from counterfoil.ledger.chart import cash
from counterfoil.ledger.commands import Deposit, Withdraw

app = group("balance")

_CASH = Listing("balances", "cash", "asset posted held")
_VOUCHERS = Listing("vouchers_balance", "vouchers", "voucher_id programme_id face available held redeemed")
_POSITION: Final = ("asset", "programme_id", "available", "held", "face", "redeemed")
_HOLDS = "hold_id purpose party_id vouchers cash bond status"


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
            Rows(each.what, for_people(gateway, each.definition, rows, local=local), each.columns.split(), each.right)
            for each, rows in zip((_CASH, _VOUCHERS), found.values(), strict=True)
        ]
        session.out.show(found, *shown)
    else:
        session.out.show(found if session.out.json else _positions(found), columns=_POSITION)


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


@signed(app, "deposit", "counterfoil balance deposit acme --amount 500 --currency USD --reference IN-1 --as treasury")
def deposit(party: PartyId, amount: Amount, currency: Currency, reference: PaymentReference) -> Body:
    """Treasurer: record currency that came in for a party."""
    return Deposit(party_id=party, currency=currency, amount=amount, payment_reference=reference)


@signed(app, "withdraw", "counterfoil balance withdraw acme --amount 20 --currency USD --reference OUT-1 --as treasury")
def withdraw(party: PartyId, amount: Amount, currency: Currency, reference: PaymentReference) -> Body:
    """Treasurer: record currency that was paid out to a party."""
    return Withdraw(party_id=party, currency=currency, amount=amount, payment_reference=reference)


add_list(app, Listing("balances", "balances", "account asset posted held n posted_at"))
_POSTINGS = "month account asset n event effect object_id posted_change held_change posted held"
_MONTHS = "Months are in UTC: `counterfoil statement` puts them together for a party."
add_list(app, Listing("postings", "postings", _POSTINGS, help=_MONTHS), "postings")
_CLOSINGS = "account asset month n posted held posted_at"
add_list(app, Listing("closing_balances", "balances at the end of months", _CLOSINGS), "closings")
add_list(app, Listing("holds", "holds", _HOLDS), "holds")
add_list(
    app, Listing("slashes", "slashed bonds", "contract_id provider_id beneficiary_id amount slashed_at"), "slashes"
)
add_list(app, Listing("asset_entries", "entries of the ledger about an asset", "asset index log posted_at"), "entries")
