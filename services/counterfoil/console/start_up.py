"""A start-up's page: what is left of each voucher, until when, what it buys today; its bids, contracts and usage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from counterfoil.console.balances import with_entries
from counterfoil.console.look import Look
from counterfoil.console.parties import Units, subject_of, total
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_

_SHOWN: Final = 12
_VOUCHERS: Final = (
    Column("voucher_id", N_("Voucher"), "id", service="issuance"),
    Column("programme", N_("Programme"), link="/console/programmes/{programme_id}"),
    Column("available", N_("Available"), "amount", unit="unit", posting="posting"),
    Column("held", N_("Held for orders"), "amount", unit="unit"),
    Column("pending", N_("Handed on, pledged or withheld"), "amount", unit="unit"),
    Column("expires_at", N_("Until"), "time"),
)
_BUYS: Final = (
    Column("class_id", N_("Class"), link="/console/market?class_id={class_id}&region={region}&currency={currency}"),
    Column("region", N_("Region")),
    Column("price", N_("Lowest offer per GPU-hour"), "amount", unit="currency"),
    Column("gpu_hours", N_("GPU-hours that the balance pays in full"), "number"),
    Column("free", N_("GPU-hours on offer"), "number"),
)
_BIDS: Final = (
    Column("bid_id", N_("Bid"), "id", service="matching"),
    Column("received_at", N_("Received"), "time"),
    Column("classes", N_("Classes"), "list"),
    Column("regions", N_("Regions"), "list"),
    Column("nodes", N_("Nodes"), "number"),
    Column("hours", N_("Hours"), "number"),
    Column("limit_price", N_("Limit per GPU-hour"), "amount", unit="currency"),
    Column("nodes_filled", N_("Nodes filled"), "number"),
    Column("status", N_("Status"), "word"),
    Column("status_reason", N_("Why"), "code"),
)
CONTRACTS: Final = (
    Column("contract_id", N_("Contract"), "id", link="/console/contracts/{contract_id}", service="matching"),
    Column("first_hour", N_("From"), "hour"),
    Column("nodes", N_("Nodes"), "number", said=True),
    Column("hours", N_("Hours"), "number", said=True),
    Column("price", N_("Price per GPU-hour"), "amount", unit="currency", said=True),
    Column("delivered", N_("Accepted of what was bought"), "share"),
    Column("subsidy", N_("By voucher"), "amount", unit="currency"),
    Column("co_payment", N_("By own cash"), "amount", unit="currency"),
    Column("status", N_("Status"), "word"),
)
_REPORTS: Final = (
    Column("report_id", N_("Report"), "id", service="redemption"),
    Column("contract_id", N_("Contract"), "id", link="/console/contracts/{contract_id}", said=True),
    Column("gpu_minutes", N_("GPU-minutes"), "number", said=True),
    Column("amount", N_("Amount"), "amount", unit="unit", said=True),
    Column("dispute_until", N_("Dispute until"), "time"),
    Column("status", N_("Status"), "word"),
)
APPLICATIONS: Final = (
    Column("application_id", N_("Application"), "id", service="issuance"),
    Column("programme", N_("Programme"), link="/console/programmes/{programme_id}"),
    Column("submitted_at", N_("Submitted"), "time"),
    Column("subsidy", N_("Subsidy"), "amount", unit="unit"),
    Column("status", N_("Status"), "word"),
    Column("refusal", N_("Why not"), "code"),
    Column("status_reason", N_("Reason")),
)
_PAST: Final = (
    Column("posted_at", N_("Time"), "time"),
    Column("event", N_("What"), "code"),
    Column("asset", N_("Voucher"), "id"),
    Column("posted_change", N_("Change"), "amount", unit="unit"),
    Column("left", N_("Left of all"), "amount", unit="unit"),
    Column("index", N_("Entry"), "number", link="/console/logs/ledger?entry={index}"),
)


def read(look: Look, party_id: str) -> Mapping[str, Any]:
    """The page. Raises `Problem`."""
    subject, units = subject_of(look, party_id), Units(look)
    holdings = [
        {**row, "pending": row["in_transfer"] + row["pledged"] + row["withheld"]}
        for row in units.added(look.rows("holdings", holder_id=party_id))
    ]
    holdings = sorted((row for row in holdings if _left(row)), key=lambda each: each["expires_at"])
    vouchers = Table("vouchers", N_("Vouchers"), _VOUCHERS, with_entries(look, holdings))
    money = total([{**row, "left": _left(row)} for row in holdings], "left")
    unit = money[0][0] if money else None
    spendable = dict(total(holdings, "available"))
    buys = Table("buys", N_("What the available balance buys today"), _BUYS, _buys(look, unit, spendable))
    past = Table("past", N_("What was left over time"), _PAST, _past(look, units, party_id, unit, dict(money)))
    bids = look.table("bids", "bids", N_("Bids"), _BIDS, beneficiary_id=party_id)
    contracts = with_delivered(
        look.table("contracts", "contracts", N_("Contracts"), CONTRACTS, beneficiary_id=party_id)
    )
    waiting = units.added(look.rows("reports", 50, beneficiary_id=party_id, status="open"))
    reports = Table("reports", N_("Usage to accept or dispute"), _REPORTS, waiting)
    applied = units.added(look.rows("applications", 50, beneficiary_id=party_id))
    applications = Table("applications", N_("Applications"), APPLICATIONS, applied)
    tables = [vouchers, buys, past, bids, contracts, reports, applications]
    bars = [
        (row["voucher_id"], (("a", row["available"]), ("b", row["held"]), ("c", row["pending"]))) for row in holdings
    ]
    values = {table.name: table for table in tables}
    points = [(row["posted_at"], row["left"]) for row in past.rows]
    points += [(max(look.now(), points[-1][0]), points[-1][1])] if points else []
    more = {"money": money, "spendable": spendable, "bars": bars[:_SHOWN], "points": points, "unit": unit}
    return {"subject": subject, **values, **more, "tables": tables, "first": holdings[0] if holdings else None}


def _left(row: Mapping[str, Any]) -> int:
    return sum(int(row[name]) for name in ("available", "held", "in_transfer", "pledged", "withheld"))


def with_delivered(table: Table) -> Table:
    """Contracts with the part of what was bought that was accepted."""
    rows = [{**row, "delivered": (row["accepted_gpu_minutes"], _bought(row))} for row in table.rows]
    return Table(table.name, table.caption, table.columns, rows, table.older, table.limited)


def _bought(row: Mapping[str, Any]) -> int:
    return int(row["nodes"]) * int(row["gpus_per_node"]) * int(row["hours"]) * 60


def _buys(look: Look, unit: str | None, spendable: Mapping[str, int]) -> list[dict[str, Any]]:
    """Of each class and region the lowest offer in a currency, and how many GPU-hours a balance pays at that price."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in look.rows("market_offers", currency=unit) if unit else ():
        free = (row["nodes"] * (row["window_end"] - row["window_start"]) - row["sold_node_hours"]) * row[
            "gpus_per_node"
        ]
        key = row["class_id"], row["region"]
        known = found.setdefault(key, {"price": row["price"], "free": 0, **_named(row)})
        known["price"] = min(known["price"], row["price"])
        known["free"] += free
    money = spendable.get(unit or "", 0)
    rows = [{**row, "gpu_hours": money // row["price"]} for row in found.values() if row["free"]]
    return sorted(rows, key=lambda each: each["price"])


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("class_id", "region", "currency")}


def _past(
    look: Look, units: Units, party_id: str, unit: str | None, money: Mapping[str, int]
) -> Sequence[Mapping[str, Any]]:
    """Changes of the vouchers in one currency, oldest first, and what was left behind each, from what is left now."""
    left, found = money.get(unit or "", 0), []
    known: dict[str, str | None] = {}
    postings = look.rows("postings", party_id=party_id)
    for row in sorted(postings, key=lambda each: (-each["posted_at"], -each["index"])):
        if not row["account"].startswith("owner/") or not row["posted_change"]:
            continue
        if row["asset"] not in known:
            voucher = look.get("vouchers", row["asset"])
            known[row["asset"]] = None if voucher is None else units.programme(voucher["programme_id"])["currency"]
        if known[row["asset"]] != unit:
            continue
        found.append({**row, "left": left, "unit": unit})
        left -= row["posted_change"]
    return found[::-1]
