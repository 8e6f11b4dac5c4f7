"""An issuer's page: where the budget of a programme is, what waits for a decision, and how providers deliver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from counterfoil.console import actions
from counterfoil.console.drawing import Flow
from counterfoil.console.look import Look
from counterfoil.console.parties import Units, subject_of
from counterfoil.console.provider import CLAIMS
from counterfoil.console.start_up import APPLICATIONS
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_
from counterfoil.ledger import chart

_PROGRAMMES: Final = (
    Column("title", N_("Programme"), link="?programme={programme_id}"),
    Column("status", N_("Status"), "word"),
    Column("appropriated", N_("Budget"), "amount", unit="currency"),
    Column("issued", N_("Issued"), "amount", unit="currency"),
    Column("uncommitted", N_("Not committed yet"), "amount", unit="currency"),
    Column("vouchers_issued", N_("Vouchers issued"), "number"),
)
_BUDGET: Final = (
    Column("part", N_("Part of the budget"), "word"),
    Column("amount", N_("Amount"), "amount", unit="unit"),
)
_VOUCHERS: Final = (
    Column("voucher_id", N_("Voucher"), "id", service="issuance"),
    Column("beneficiary_id", N_("Issued to"), "id"),
    Column("face", N_("Face"), "amount", unit="unit"),
    Column("issued_at", N_("Issued"), "time"),
    Column("expires_at", N_("Until"), "time"),
    Column("status", N_("Status"), "word"),
    Column("status_reason", N_("Why")),
)
_DISPUTES: Final = (
    Column("report_id", N_("Report"), "id", service="redemption"),
    Column("contract_id", N_("Contract"), "id", link="/console/contracts/{contract_id}"),
    Column("provider_id", N_("Provider"), "id"),
    Column("beneficiary_id", N_("Start-up"), "id"),
    Column("amount", N_("Amount"), "amount", unit="unit"),
    Column("dispute_reason", N_("Reason")),
)
_PROVIDERS: Final = (
    Column("provider_id", N_("Provider"), "id"),
    Column("contracts", N_("Contracts"), "number"),
    Column("completed", N_("Completed"), "number"),
    Column("defaulted", N_("Defaulted"), "number"),
    Column("delivered", N_("Accepted of what was bought"), "share"),
    Column("subsidy", N_("By voucher"), "amount", unit="currency"),
)
_STAGES: Final = (
    (N_("budget"), 0), (N_("uncommitted"), 1), (N_("issued"), 1), (N_("available"), 2), (N_("held"), 2),
    (N_("redeemed"), 2), (N_("expired"), 2), (N_("cancelled"), 2), (N_("paid"), 3), (N_("to be paid"), 3),
)  # fmt: skip
_KEPT: Final = (
    (N_("budget"), 0), (N_("uncommitted"), 1), (N_("obligated"), 1), (N_("paid"), 1), (N_("lapsed"), 1),
)  # fmt: skip


def read(look: Look, party_id: str) -> Mapping[str, Any]:
    """The page. Raises `Problem`."""
    subject, units = subject_of(look, party_id), Units(look)
    programmes = look.table("programmes", "programmes", N_("Programmes"), _PROGRAMMES, issuer_id=party_id)
    asked = look.get("programmes", look.query.get("programme", ""))
    ours = asked if asked and asked["issuer_id"] == party_id else None
    chosen = ours or next(iter(programmes.rows), None)
    values = {"subject": subject, "programmes": programmes, "chosen": chosen, "tables": [programmes]}
    return values if chosen is None else {**values, **_detail(look, units, chosen, programmes)}


def _detail(look: Look, units: Units, programme: Mapping[str, Any], first: Table) -> dict[str, Any]:
    named, unit = {"programme_id": programme["programme_id"]}, programme["currency"]
    parts, stages, flows = _budget(look, programme)
    budget = [{"part": part, "amount": amount, "unit": unit} for part, amount in parts.items()]
    found = [look.rows("applications", status=each, **named) for each in ("submitted", "returned", "waitlisted")]
    found += [look.rows("claims", status="submitted", **named), look.rows("reports", status="disputed", **named)]
    waiting = {"waiting": sum(map(len, found)), "least": max(each.limited for each in found)}
    applications, older = look.part("applications", [row for rows in found[:3] for row in rows])
    claims = look.table("claims", "claims", N_("Claims that wait"), CLAIMS, status="submitted", **named)
    disputes = look.table("disputes", "reports", N_("Disputed usage"), _DISPUTES, status="disputed", **named)
    may = partial(actions.of_party, look, programme["issuer_id"])
    vouchers = look.table("vouchers", "vouchers", N_("Vouchers"), _VOUCHERS, **named)
    tables = [
        Table("budget", N_("Where the budget is"), _BUDGET, budget),
        may(
            actions.APPLICATION,
            Table(
                "applications",
                N_("Applications that wait"),
                APPLICATIONS,
                units.added(applications),
                older,
                max(each.limited for each in found[:3]),
            ),
        ),
        may(actions.CLAIM, units.table(claims)),
        actions.of_role(look, "operator", actions.DISPUTE, units.table(disputes)),
        may(actions.VOUCHER, units.table(vouchers)),
        _providers(look, named["programme_id"]),
    ]
    shown = {table.name: table for table in tables}
    performance = [{**row, "share": row["delivered"]} for row in shown["providers"].rows]
    return {
        **shown,
        **waiting,
        "performance": performance,
        "stages": stages,
        "flows": flows,
        "tables": [first, *tables],
    }


def _budget(look: Look, programme: Mapping[str, Any]) -> tuple[dict[str, int], Sequence[tuple[str, int]], list[Flow]]:
    """The parts of a programme's budget with their stages and flows.

    Vouchers tell what their holders have left. Where they are too many, only the sums are shown that the ledger keeps.
    """
    named = {"programme_id": programme["programme_id"]}
    accounts = look.rows("balances", asset=chart.budget(programme["programme_id"]), **named)
    posted = {row["account"]: int(row["posted"]) for row in accounts}
    paid, uncommitted = posted.get(chart.DISBURSED, 0), int(programme["uncommitted"])
    vouchers = look.rows("vouchers_balance", **named)
    if vouchers.limited:
        obligated, lapsed = posted.get(chart.OBLIGATED, 0), posted.get(chart.LAPSED, 0)
        kept = {"uncommitted": uncommitted, "obligated": obligated, "paid": paid, "lapsed": lapsed}
        return kept, _KEPT, [Flow(0, nth, amount) for nth, amount in enumerate(kept.values(), 1)]
    summed = {
        name: sum(row[name] for row in vouchers) for name in ("available", "held", "redeemed", "expired", "cancelled")
    }
    committed = {"uncommitted": uncommitted, "issued": sum(summed.values())}
    parts = {**committed, **summed, "paid": paid, "to be paid": max(0, summed["redeemed"] - paid)}
    return parts, _STAGES, _flows(parts)


def _flows(parts: Mapping[str, int]) -> list[Flow]:
    return [
        Flow(0, 1, parts["uncommitted"], "flow-c"),
        Flow(0, 2, parts["issued"]),
        Flow(2, 3, parts["available"]),
        Flow(2, 4, parts["held"]),
        Flow(2, 5, parts["redeemed"]),
        Flow(2, 6, parts["expired"], "flow-b"),
        Flow(2, 7, parts["cancelled"], "flow-b"),
        Flow(5, 8, min(parts["paid"], parts["redeemed"])),
        Flow(5, 9, parts["to be paid"], "flow-c"),
    ]


def _providers(look: Look, programme_id: str) -> Table:
    """By provider: contracts, how they ended, and how much of what was bought was accepted; of the newest contracts."""
    found: dict[str, dict[str, Any]] = {}
    contracts = look.rows("contracts", programme_id=programme_id)
    for row in contracts:
        empty = {"provider_id": row["provider_id"], "currency": row["currency"], "contracts": 0, "completed": 0}
        known = found.setdefault(
            row["provider_id"], {**empty, "defaulted": 0, "bought": 0, "accepted": 0, "subsidy": 0}
        )
        known["contracts"] += 1
        known["completed"] += row["status"] == "completed"
        known["defaulted"] += row["status"] == "defaulted"
        if row["status"] != "open":
            known["bought"] += row["nodes"] * row["gpus_per_node"] * row["hours"] * 60
            known["accepted"] += row["accepted_gpu_minutes"]
        known["subsidy"] += row["subsidy"]
    rows = [{**row, "delivered": (row["accepted"], row["bought"])} for row in found.values()]
    rows.sort(key=lambda each: -each["contracts"])
    return Table("providers", N_("How providers deliver"), _PROVIDERS, rows, limited=contracts.limited)
