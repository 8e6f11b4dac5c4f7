"""One contract, for its two sides, its issuer and auditors: what was bought, delivered, accepted and paid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from counterfoil.console import actions
from counterfoil.console.look import Look
from counterfoil.console.tables import Column
from counterfoil.console.words import N_
from counterfoil.gateway.problems import Problem, ProblemCode

_REPORTS: Final = (
    Column("report_id", N_("Report"), "id", service="redemption"),
    Column("reported_at", N_("Reported"), "time"),
    Column("gpu_minutes", N_("GPU-minutes"), "number"),
    Column("amount", N_("Amount"), "amount", unit="currency"),
    Column("dispute_until", N_("Dispute until"), "time"),
    Column("status", N_("Status"), "word"),
    Column("accepted_gpu_minutes", N_("Accepted GPU-minutes"), "number"),
    Column("subsidy", N_("By voucher"), "amount", unit="currency"),
    Column("co_payment", N_("By own cash"), "amount", unit="currency"),
    Column("dispute_reason", N_("Reason")),
)
_REVERSALS: Final = (
    Column("reversal_id", N_("Reversal"), "id", service="redemption"),
    Column("report_id", N_("Report"), "id"),
    Column("amount", N_("Amount"), "amount", unit="currency"),
    Column("status", N_("Status"), "word"),
    Column("reason", N_("Reason")),
)


def read(look: Look, contract_id: str) -> Mapping[str, Any]:
    """The page. Raises `Problem`."""
    row = look.get("contracts", contract_id)
    if row is None:
        raise Problem(ProblemCode.NOT_FOUND, contract_id[:80])
    unit = {"currency": row["currency"]}
    found = (
        look.table("reports", "reports", N_("Reports of usage"), _REPORTS, contract_id=contract_id),
        look.table("reversals", "reversals", N_("Reversals"), _REVERSALS, contract_id=contract_id),
    )
    tables = [replace(table, rows=[{**each, **unit} for each in table.rows]) for table in found]
    tables[0] = actions.of_party(look, row["beneficiary_id"], actions.REPORT, tables[0])
    tables[0] = actions.of_role(look, "operator", actions.DISPUTE, tables[0])
    gpu_hours = row["nodes"] * row["gpus_per_node"] * row["hours"]
    names = {side: look.name_of(row[f"{side}_id"]) for side in ("beneficiary", "provider")}
    programme = look.get("programmes", row["programme_id"])
    values = {"contract": row, "gpu_hours": gpu_hours, "cost": row["price"] * gpu_hours, "names": names}
    return {**values, "programme": programme, "reports": tables[0], "reversals": tables[1], "tables": tables}
