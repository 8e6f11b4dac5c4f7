"""A provider's page: its capacity by hour, what it sold and owes, and the money that is to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from counterfoil.console import actions, auctions, supply
from counterfoil.console.balances import cash_of
from counterfoil.console.look import Look, Rows
from counterfoil.console.parties import Units, subject_of, total
from counterfoil.console.start_up import CONTRACTS, with_delivered
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_
from counterfoil.contract.times import HOUR

_DAYS: Final = 14
_OFFERS: Final = (
    Column("offer_id", N_("Offer"), "id", service="matching"),
    Column("class_id", N_("Class")),
    Column("region", N_("Region")),
    Column("nodes", N_("Nodes"), "number"),
    Column("window_start", N_("From"), "hour"),
    Column("window_end", N_("To"), "hour"),
    Column("price", N_("Price per GPU-hour"), "amount", unit="currency"),
    Column("filled", N_("Sold"), "share"),
    Column("bond", N_("Bond"), "amount", unit="currency"),
    Column("status", N_("Status"), "word"),
)
_HOURS: Final = (
    Column("hour", N_("Hour"), "hour"),
    Column("posted", N_("Nodes posted"), "number"),
    Column("sold", N_("Nodes sold"), "number"),
    Column("free", N_("Nodes free"), "number"),
)
CLAIMS: Final = (
    Column("claim_id", N_("Claim"), "id", service="redemption"),
    Column("programme", N_("Programme"), link="/console/programmes/{programme_id}"),
    Column("invoice_number", N_("Invoice"), said=True),
    Column("amount", N_("Claimed"), "amount", unit="unit", said=True),
    Column("approved", N_("Approved"), "amount", unit="unit"),
    Column("submitted_at", N_("Submitted"), "time"),
    Column("status", N_("Status"), "word"),
    Column("status_reason", N_("Why"), "code"),
)
_PAYMENTS: Final = (
    Column("settlement_id", N_("Settlement"), "id", service="redemption"),
    Column("programme_id", N_("Programme"), "id", link="/console/programmes/{programme_id}"),
    Column("amount", N_("Amount"), "amount", unit="currency"),
    Column("status", N_("Status"), "word"),
    Column("paid_on", N_("Paid on")),
    Column("payment_reference", N_("Reference")),
)
_RISKS: Final = (
    Column("contract_id", N_("Contract"), "id", link="/console/contracts/{contract_id}"),
    Column("report_by", N_("Report usage by"), "time"),
    Column("delivered", N_("Accepted of what was bought"), "share"),
    Column("cost", N_("Price of all"), "amount", unit="currency"),
)


def _running(look: Look, party_id: str) -> Rows:
    """The contracts that are to be delivered, or reported, among them those of which hours are reclaimed."""
    found = look.rows("contracts", provider_id=party_id, status="open")
    for status in ("reclaim_pending", "reclaimed"):
        more = look.rows("contracts", provider_id=party_id, status=status)
        found += [row for row in more if row["ended_at"] is None]
        found.limited = found.limited or more.limited
    return found


def read(look: Look, party_id: str) -> Mapping[str, Any]:
    """The page. Raises `Problem`."""
    subject, units, now = subject_of(look, party_id), Units(look), look.now()
    open_offers = look.rows("offers", provider_id=party_id, status="open")
    open_contracts = _running(look, party_id)
    first = now // (24 * HOUR) * 24
    hours = _hours(open_offers, open_contracts, first)
    limited = open_offers.limited or open_contracts.limited
    capacity = Table("capacity", N_("Free nodes by hour, UTC"), _HOURS, hours, limited=limited)
    offers = look.table("offers", "offers", N_("Offers"), _OFFERS, provider_id=party_id)
    offers = replace(offers, rows=[_filled(row) for row in offers.rows])
    offers = actions.of_party(look, party_id, actions.OFFER, offers)
    contracts = with_delivered(look.table("contracts", "contracts", N_("Contracts"), CONTRACTS, provider_id=party_id))
    claims = units.table(look.table("claims", "claims", N_("Claims"), CLAIMS, provider_id=party_id))
    payments = look.table("payments", "payments", N_("Payments"), _PAYMENTS, provider_id=party_id)
    at_risk, older = look.part("risks", _at_risk(open_contracts))
    risks = Table(
        "risks",
        N_("Contracts to report usage of, the first due first"),
        _RISKS,
        at_risk,
        older,
        open_contracts.limited,
    )
    risks = actions.of_party(look, party_id, actions.CONTRACT, risks)
    stock = supply.inventory_of(look, provider_id=party_id)
    batches = auctions.orders_of(look, party_id=party_id)
    tables = [cash_of(look, party_id), capacity, offers, contracts, claims, payments, risks, stock, batches]
    values = {table.name: table for table in tables}
    days = [
        (hours[nth * 24]["day"], [each["free"] for each in hours[nth * 24 : nth * 24 + 24]]) for nth in range(_DAYS)
    ]
    most = max(each["free"] for each in hours)
    return {
        "subject": subject,
        **values,
        **_money(look, units, party_id),
        "tables": tables,
        "days": days,
        "most": most,
    }


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "filled": (row["sold_node_hours"], row["nodes"] * (row["window_end"] - row["window_start"]))}


def _hours(
    offers: Sequence[Mapping[str, Any]], contracts: Sequence[Mapping[str, Any]], first: int
) -> list[dict[str, Any]]:
    """For each hour from `first` on, nodes of open offers, and those that open contracts have."""
    count = _DAYS * 24
    posted, sold = [0] * (count + 1), [0] * (count + 1)
    for row in offers:
        _count(posted, row["window_start"] - first, row["window_end"] - first, row["nodes"])
    for row in contracts:
        _count(sold, row["first_hour"] - first, row["first_hour"] + row["hours"] - first, row["nodes"])
    found, on, used = [], 0, 0
    for nth in range(count):
        on, used = on + posted[nth], used + sold[nth]
        at = first + nth
        free = max(0, on - used)
        found.append({"hour": at, "day": at * HOUR, "posted": on, "sold": used, "free": free})
    return found


def _count(changes: list[int], start: int, end: int, nodes: int) -> None:
    last = len(changes) - 1
    changes[min(max(start, 0), last)] += nodes
    changes[min(max(end, 0), last)] -= nodes


def _at_risk(contracts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for row in contracts:
        gpu_hours = row["nodes"] * row["gpus_per_node"] * row["hours"]
        rows.append(
            {**row, "cost": row["price"] * gpu_hours, "delivered": (row["accepted_gpu_minutes"], gpu_hours * 60)}
        )
    return sorted(rows, key=lambda each: each["report_by"])


def _money(look: Look, units: Units, party_id: str) -> dict[str, Any]:
    """What is to come, by how far it is, and what is owed; each by currency."""
    contracts = units.added(look.rows("contracts", provider_id=party_id))
    claims = units.added(look.rows("claims", provider_id=party_id, status="submitted"))
    due = units.added(look.rows("payments", provider_id=party_id, status="due"))
    return {
        "unclaimed": total(contracts, "unclaimed"),
        "submitted": total(claims, "amount"),
        "payable": total(units.added(look.rows("payable", provider_id=party_id)), "amount"),
        "due": total(due, "amount"),
        "owed": total(units.added(look.rows("receivables", provider_id=party_id)), "owed"),
    }
