"""What may be done about a row of a table: links to forms of commands, for the party that may give these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from counterfoil.console.look import Look
from counterfoil.console.tables import Table
from counterfoil.console.words import N_


def _always(_row: Mapping[str, Any]) -> bool:
    return True


def _in(*statuses: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: row["status"] in statuses


@dataclass(frozen=True, slots=True)
class Action:
    """A command about a row. `member`: of the row and of the command. `fits`: for which rows. `label`: a message.

    `more`: further members of the command, each with the row's that stands in its field.
    """

    command: str
    label: str
    member: str
    fits: Callable[[Mapping[str, Any]], bool]
    more: tuple[tuple[str, str], ...] = ()


BID: Final = (
    Action("amend_bid", N_("Amend"), "bid_id", _in("received", "open")),
    Action("cancel_bid", N_("Cancel"), "bid_id", _in("received", "open")),
)
OFFER: Final = (
    Action("amend_offer", N_("Amend"), "offer_id", _in("received", "open")),
    Action("cancel_offer", N_("Cancel"), "offer_id", _in("received", "open")),
)
REPORT: Final = (
    Action("accept_usage", N_("Accept"), "report_id", _in("open")),
    Action("dispute_usage", N_("Dispute"), "report_id", _in("open")),
)
DISPUTE: Final = (Action("resolve_dispute", N_("Resolve"), "report_id", _in("disputed")),)
APPLICATION: Final = (
    Action("decide_application", N_("Approve or reject"), "application_id", _in("submitted", "waitlisted")),
    Action("return_application", N_("Return"), "application_id", _in("submitted")),
)
APPLIED: Final = (
    Action("withdraw_application", N_("Withdraw"), "application_id", _in("submitted", "returned", "waitlisted")),
)
CLAIM: Final = (
    Action("approve_claim", N_("Approve"), "claim_id", _in("submitted")),
    Action("reject_claim", N_("Reject"), "claim_id", _in("submitted")),
)
VOUCHER: Final = (
    Action("suspend_voucher", N_("Suspend"), "voucher_id", _in("active")),
    Action("reinstate_voucher", N_("Reinstate"), "voucher_id", _in("suspended")),
    Action("revoke_voucher", N_("Revoke"), "voucher_id", _in("active", "suspended")),
)
CONTRACT: Final = (Action("report_usage", N_("Report usage"), "contract_id", _in("open")),)
AUCTION: Final = (Action("cancel_auction", N_("Cancel"), "auction_id", _in("open", "locked")),)
CREDIT_OFFER: Final = (Action("offer_credit", N_("Offer"), "voucher_id", _always, (("price_bps", "price_bps"),)),)
CREDIT_ORDER: Final = (Action("cancel_credit_order", N_("Cancel"), "order_id", _in("open")),)
CREDIT_SERIES: Final = (
    Action(
        "bid_for_credit", N_("Bid"), "programme_id", _always,
        (("version", "version"), ("month", "ends"), ("price_bps", "ask")),
    ),
)  # fmt: skip
ALL: Final = (
    *CREDIT_OFFER, *CREDIT_ORDER, *CREDIT_SERIES,
    *AUCTION, *BID, *OFFER, *REPORT, *DISPUTE, *APPLICATION, *APPLIED, *CLAIM, *VOUCHER, *CONTRACT,
)  # fmt: skip


def of_party(look: Look, party_id: object, actions: tuple[Action, ...], table: Table) -> Table:
    """The table with actions, if the reader is the party that may give them."""
    return replace(table, actions=actions) if look.who.party_id == party_id else table


def of_role(look: Look, role: str, actions: tuple[Action, ...], table: Table) -> Table:
    """The table with actions, if the reader has the role that may give them."""
    return replace(table, actions=actions) if role in look.roles else table
