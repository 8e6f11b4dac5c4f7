"""A start-up's page: what is left of each voucher, until when, what it buys today; its bids, contracts and usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from counterfoil.console import actions, auctions
from counterfoil.console.balances import cash_of, with_entries
from counterfoil.console.look import Look, Rows
from counterfoil.console.parties import Sums, Units, subject_of, total
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_
from counterfoil.ledger.chart import OWNER

_SHOWN: Final = 12
_VOUCHERS: Final = (
    Column("voucher_id", N_("Voucher"), "id", service="issuance"),
    Column("programme", N_("Programme"), link="/console/programmes/{programme_id}"),
    Column("available", N_("Available"), "amount", unit="unit", posting="posting", part="voucher_available"),
    Column("left", N_("Left"), "amount", unit="unit", balance="posted", part="voucher_left"),
    Column("held", N_("Held for orders"), "amount", unit="unit"),
    Column("pending", N_("Handed on, for sale, pledged or withheld"), "amount", unit="unit"),
    Column("expires_at", N_("Until"), "time"),
)
_BUYS: Final = (
    Column("class_id", N_("Class"), link="/console/market?class_id={class_id}&region={region}&currency={currency}"),
    Column("region", N_("Region")),
    Column("price", N_("Lowest offer per GPU-hour"), "amount", unit="currency"),
    Column("gpu_hours", N_("GPU-hours that the balance pays in full"), "number"),
    Column("free", N_("Node-hours on offer"), "number"),
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
    held = units.added(look.rows("holdings", holder_id=party_id))
    for row in held:
        row |= _parts(row)
    money, available = total(held, "left"), dict(total(held, "available"))
    unit = money[0][0] if money else None
    past, points = _past(look, units, party_id, held, money)
    open_reports = look.rows("reports", beneficiary_id=party_id, status="open")
    tables = [
        _vouchers(look, units, party_id),
        cash_of(look, party_id),
        Table("buys", N_("What the available balance buys today"), _BUYS, _buys(look, unit, available)),
        past,
        *_trading(look, units, party_id),
    ]
    first = min((row for row in held if row["left"]), key=lambda each: each["expires_at"], default=None)
    shown = sorted((row for row in held if row["left"]), key=lambda each: each["expires_at"])[:_SHOWN]
    bars = [(row["voucher_id"], (("a", row["available"]), ("b", row["held"]), ("c", row["pending"]))) for row in shown]
    totals = {"money": money, "spendable": available, "parts": sum(1 for row in held if row["left"])}
    more = {**totals, "bars": bars, "points": points, "unit": unit, "first": first}
    waiting = {"waiting": len(open_reports), "least": open_reports.limited}
    return {"subject": subject, **{table.name: table for table in tables}, **more, **waiting, "tables": tables}


def _vouchers(look: Look, units: Units, party_id: str) -> Table:
    """A page of what the party holds, without what has nothing left; what ends first, first."""
    found = look.table("vouchers", "holdings", N_("Vouchers"), _VOUCHERS, holder_id=party_id)
    rows = [{**row, **_parts(row)} for row in units.added(found.rows) if _parts(row)["left"]]
    return replace(found, rows=with_entries(look, sorted(rows, key=lambda each: each["expires_at"])))


def _trading(look: Look, units: Units, party_id: str) -> tuple[Table, ...]:
    whose: dict[str, Any] = {"beneficiary_id": party_id}
    reports = look.table("reports", "reports", N_("Usage to accept or dispute"), _REPORTS, status="open", **whose)
    applications = look.table("applications", "applications", N_("Applications"), APPLICATIONS, **whose)
    return (
        actions.of_party(look, party_id, actions.BID, look.table("bids", "bids", N_("Bids"), _BIDS, **whose)),
        auctions.orders_of(look, party_id=party_id),
        with_delivered(look.table("contracts", "contracts", N_("Contracts"), CONTRACTS, **whose)),
        actions.of_party(look, party_id, actions.REPORT, units.table(reports)),
        actions.of_party(look, party_id, actions.APPLIED, units.table(applications)),
    )


def _parts(row: Mapping[str, Any]) -> dict[str, int]:
    """What is left of a holding in all, and of what is held: `pending` towards others, and `held` for orders."""
    pending = int(row["in_transfer"] + row["pledged"] + row["withheld"] + row["on_offer"])
    return {"left": int(row["available"] + row["held"]), "pending": pending, "held": int(row["held"]) - pending}


def with_delivered(table: Table) -> Table:
    """Contracts with the part of what was bought that was accepted."""
    rows = [{**row, "delivered": (row["accepted_gpu_minutes"], _bought(row))} for row in table.rows]
    return replace(table, rows=rows)


def _bought(row: Mapping[str, Any]) -> int:
    return int(row["nodes"]) * int(row["gpus_per_node"]) * int(row["hours"]) * 60


def _buys(look: Look, unit: str | None, spendable: Mapping[str, int]) -> list[dict[str, Any]]:
    """Of each class and region the lowest offer in a currency, and how many GPU-hours a balance pays at that price."""
    money = spendable.get(unit or "", 0)
    rows = [
        {
            "class_id": class_id,
            "region": region,
            "currency": currency,
            "price": each.lowest,
            "free": each.free,
            "gpu_hours": money // each.lowest,
        }
        for (class_id, region, currency), each in look.on_offer().items()
        if currency == unit
    ]
    return sorted(rows, key=lambda each: each["price"])


def _past(look: Look, units: Units, party_id: str, held: Rows, money: Sums) -> tuple[Table, list[tuple[int, int]]]:
    """Changes of the vouchers in the first currency, the newest first, each with what was left behind it, and a chart.

    They are counted back from what is left now, so only as far as all changes are known: of a history that is too long,
    the month of its oldest row that was read is left out.
    """
    unit, left = money[0] if money else (None, 0)
    postings = look.rows("postings", party_id=party_id)
    unknown = postings[-1]["month"] if postings.limited else None
    unit_of = _unit_of(look, units, party_id, held)
    found: list[dict[str, Any]] = []
    for row in sorted(postings, key=lambda each: (-each["posted_at"], -each["index"])):
        ours = row["account"].startswith(OWNER) and row["posted_change"] and row["month"] != unknown
        if ours and unit_of.get(row["asset"]) == unit:
            found.append({**row, "left": left, "unit": unit})
            left -= row["posted_change"]
    points = [(row["posted_at"], row["left"]) for row in reversed(found)]
    points += [(max(look.now(), points[-1][0]), points[-1][1])] if points else []
    rows, older = look.part("past", found)
    limited = money.limited or postings.limited
    return Table("past", N_("What was left over time"), _PAST, rows, older, limited), points


def _unit_of(look: Look, units: Units, party_id: str, held: Rows) -> dict[str, str | None]:
    """The currency of each voucher that the party holds or was issued, by its id."""
    issued = units.added(look.rows("vouchers", beneficiary_id=party_id))
    return {row["voucher_id"]: row["unit"] for row in (*issued, *held)}
