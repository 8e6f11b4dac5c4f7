"""Whose a row is, from what it says and from the rows that it names.

Nothing here asks how a view declares its readers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

Row = Mapping[str, Any]


class Whose(NamedTuple):
    """The parties that a row is of, and the programmes."""

    parties: set[str]
    programmes: set[str]

    def includes(self, party_id: str | None, programmes: set[str]) -> bool:
        """Whether it is that party's, or of one of these programmes."""
        return party_id in self.parties or bool(self.programmes & programmes)


class Rows:
    """The rows of all views, by view."""

    def __init__(self, rows: Mapping[str, list[Row]]) -> None:
        self.rows = rows

    def one(self, view: str, **values: object) -> Row:
        """The only row with these values."""
        (found,) = (row for row in self.rows[view] if all(row[name] == value for name, value in values.items()))
        return found

    def some(self, view: str, **values: object) -> list[Row]:
        """The rows with these values."""
        return [row for row in self.rows[view] if all(row[name] == value for name, value in values.items())]


def _named(*columns: str) -> Callable[[Row, Rows], Whose]:
    """Rows that name their parties, and their programme if they are of one."""

    def whose(row: Row, _rows: Rows) -> Whose:
        programme_id = row.get("programme_id")
        return Whose({row[name] for name in columns}, set() if programme_id is None else {programme_id})

    return whose


def _contract(row: Row, rows: Rows) -> Whose:
    contract = rows.one("contracts", contract_id=row["contract_id"])
    return Whose({contract["beneficiary_id"], contract["provider_id"]}, {contract["programme_id"]})


def _order(order_id: str, rows: Rows) -> Whose:
    for bid in rows.some("bids", bid_id=order_id):
        return Whose({bid["beneficiary_id"]}, {bid["programme_id"]})
    return Whose({rows.one("offers", offer_id=order_id)["provider_id"]}, set())


def _hold(row: Row, rows: Rows) -> Whose:
    if row["purpose"] == "contract":
        return _contract({"contract_id": row["hold_id"]}, rows)
    return _order(row["hold_id"], rows)


def _pair(row: Row, rows: Rows) -> Whose:
    bid, offer = _order(row["bid_id"], rows), _order(row["offer_id"], rows)
    return Whose(bid.parties | offer.parties, bid.programmes)


def _account(row: Row, rows: Rows) -> Whose:
    kind, _, name = row["account"].partition("/")
    asset, _, programme_id = row["asset"].partition(":")
    programmes = {programme_id} if asset in ("budget", "claims") else set[str]()
    programmes |= {each["programme_id"] for each in rows.some("vouchers", voucher_id=row["asset"])}
    return Whose({name} if kind in ("cash", "owner", "claims", "receivables") else set(), programmes)


def _posting(row: Row, rows: Rows) -> Whose:
    found = _account(row, rows)
    return found if ":" in row["asset"] else Whose(found.parties, set())


def _asset(row: Row, rows: Rows) -> Whose:
    found = _account({"account": "", "asset": row["asset"]}, rows)
    return Whose({each["beneficiary_id"] for each in rows.some("vouchers", voucher_id=row["asset"])}, found.programmes)


def _voucher(row: Row, rows: Rows) -> Whose:
    holders = {each["holder_id"] for each in rows.some("holders", voucher_id=row["voucher_id"])}
    return Whose({row["beneficiary_id"], *holders}, {row["programme_id"]})


def _extension(row: Row, rows: Rows) -> Whose:
    holders = {each["holder_id"] for each in rows.some("holders", voucher_id=row["voucher_id"])}
    return Whose(holders, {row["programme_id"]})


def _party(row: Row, rows: Rows) -> Whose:
    me = row["party_id"]
    contracts = [*rows.some("contracts", beneficiary_id=me), *rows.some("contracts", provider_id=me)]
    sides = {each[side] for each in contracts for side in ("beneficiary_id", "provider_id")}
    part = [*rows.some("vouchers", beneficiary_id=me), *rows.some("listings", provider_id=me)]
    return Whose({me} | sides, {each["programme_id"] for each in part})


def _step(row: Row, rows: Rows) -> Whose:
    applied = rows.one("applications", application_id=row["application_id"])
    return Whose({row["reviewer_id"], applied["beneficiary_id"]}, {applied["programme_id"]})


def _fact(row: Row, rows: Rows) -> Whose:
    applied = rows.some("applications", application_id=row["application_id"])
    return Whose({row["party_id"], row["attested_by"]}, {each["programme_id"] for each in applied})


def _of_party(row: Row, rows: Rows) -> Whose:
    found = _party(row, rows)
    more = {row[name] for name in ("attested_by", "proposed_by") if name in row}
    return Whose(found.parties | more, found.programmes)


WHOSE: Final[Mapping[str, Callable[[Row, Rows], Whose]]] = {
    "parties": _party,
    "keys": _of_party,
    "group_facts": _of_party,
    "recoveries": _of_party,
    "participants": _named("party_id"),
    "counterparties": _named("reader_id"),
    "vouchers": _voucher,
    "vouchers_balance": _named("beneficiary_id"),
    "applications": _named("beneficiary_id"),
    "invoice_claims": _named("holder_id", "claimant_id"),
    "invoice_credits": _named("holder_id", "claimant_id"),
    "application_steps": _step,
    "application_scores": _step,
    "facts": _fact,
    "aid": _named("party_id", "attested_by"),
    "auction_orders": _named("party_id"),
    "auction_solutions": _named("proposed_by"),
    "controls": _named("owner_id", "party_id", "attested_by"),
    "balances": _account,
    "postings": _posting,
    "closing_balances": _posting,
    "asset_entries": _asset,
    "holdings": _named("holder_id"),
    "holders": _named("holder_id"),
    "expiry_notices": _named("holder_id"),
    "offline_vouchers": _named("holder_id"),
    "transfers": _named("holder_id", "receiver_id"),
    "extensions": _extension,
    "tranches": _named("holder_id", "attester_id"),
    "credit_orders": _named("party_id"),
    "pledges": _named("holder_id", "pledgee_id"),
    "inventory": _named("provider_id"),
    "offers": _named("provider_id"),
    "bids": _named("beneficiary_id"),
    "trades": _named("beneficiary_id", "provider_id"),
    "prevented_matches": _pair,
    "forced_cancellations": _named("party_id", "cancelled_by"),
    "amendments": _named("party_id"),
    "holds": _hold,
    "contracts": _named("beneficiary_id", "provider_id"),
    "reports": _contract,
    "corrections": _contract,
    "reversals": _contract,
    "credit_notes": _contract,
    "slashes": _contract,
    "reclaims": _contract,
    "claims": _named("provider_id"),
    "settlements": _named(),
    "payments": _named("provider_id"),
    "payable": _named("provider_id"),
    "receivables": _named("provider_id"),
    "clawbacks": _named("provider_id"),
    "adjustments": _named("provider_id"),
    "payer_shares": _named("provider_id"),
    "endorsements": _named("endorsed_by"),
}
"""By view; of those that are public as a whole, none."""


def is_public(row: Row, rows: Rows) -> bool:
    """Whether the party of the row has another role than that of a beneficiary."""
    return set(rows.one("parties", party_id=row["party_id"])["roles"]) != {"beneficiary"}
