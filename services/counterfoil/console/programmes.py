"""A programme, for anybody: its budget, its rules in words, and who takes part in public."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from counterfoil.console.drawing import Flow
from counterfoil.console.look import Look
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_
from counterfoil.contract.limits import MAX_PIECES
from counterfoil.contract.scalars import decode_base64
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.programme.documents import rules_by_hash
from counterfoil.programme.rules import Rules

_ALL: Final = (
    Column("title", N_("Programme"), link="/console/programmes/{programme_id}"),
    Column("issuer_id", N_("Issuer"), "id"),
    Column("status", N_("Status"), "word"),
    Column("appropriated", N_("Budget"), "amount", unit="currency"),
    Column("issued", N_("Issued"), "amount", unit="currency"),
    Column("uncommitted", N_("Not committed yet"), "amount", unit="currency"),
    Column("vouchers_issued", N_("Vouchers issued"), "number"),
    Column("published_at", N_("Since"), "time"),
)
_TERMS: Final = (
    Column("version", N_("Version"), "number"),
    Column("legal_basis", N_("Legal basis")),
    Column("beneficiary_cap", N_("Most for each group"), "amount", unit="currency"),
    Column("classes", N_("Classes"), "list"),
    Column("regions", N_("Regions"), "list"),
    Column("valid_from", N_("Valid from"), "time"),
    Column("valid_until", N_("Valid until"), "time"),
)
_LISTINGS: Final = (
    Column("provider_id", N_("Provider"), "id"),
    Column("status", N_("Status"), "word"),
    Column("status_since", N_("Since"), "time"),
    Column("status_reason", N_("Reason")),
)
_WINDOWS: Final = (
    Column("window_id", N_("Window"), "id", service="issuance"),
    Column("mode", N_("Decided by"), "code"),
    Column("opens", N_("Opens")),
    Column("closes", N_("Closes")),
    Column("status", N_("Status"), "word"),
    Column("applications", N_("Applications"), "number"),
    Column("approved", N_("Approved"), "number"),
    Column("rejected", N_("Rejected"), "number"),
)
_BUDGET: Final = (
    Column("part", N_("Part of the budget"), "word"),
    Column("amount", N_("Amount"), "amount", unit="unit"),
)
_STAGES: Final = ((N_("appropriated"), 0), (N_("recycled"), 0), (N_("issued"), 1), (N_("uncommitted"), 1))


def read_all(look: Look) -> Mapping[str, Any]:
    """All programmes."""
    table = look.table("programmes", "programmes", N_("Programmes"), _ALL)
    return {"tables": [table], "programmes": table}


def read(look: Look, programme_id: str) -> Mapping[str, Any]:
    """One programme. Raises `Problem`."""
    row = programme_of(look, programme_id)
    listings = look.table("listings", "listings", N_("Providers that it pays"), _LISTINGS, programme_id=programme_id)
    windows = look.table(
        "windows", "application_windows", N_("Application windows"), _WINDOWS, programme_id=programme_id
    )
    versions = look.table(
        "versions", "programme_versions", N_("Versions of its terms"), _TERMS, programme_id=programme_id
    )
    parts = [{"part": name, "amount": row[name], "unit": row["currency"]} for name, _ in _STAGES]
    budget = Table("budget", N_("Where the budget is"), _BUDGET, parts)
    values = {
        "programme": row,
        "issuer": look.name_of(row["issuer_id"]),
        "rules": rules_of(look, programme_id, row["version"]),
        "run_off": look.get("run_offs", programme_id),
        "listings": listings,
        "windows": windows,
        "versions": versions,
        "budget": budget,
        "stages": _STAGES,
        "flows": _flows(row),
    }
    return {**values, "tables": [listings, windows, versions, budget]}


def programme_of(look: Look, programme_id: str) -> dict[str, Any]:
    """A programme's row. Raises `Problem`."""
    row = look.get("programmes", programme_id)
    if row is None:
        raise Problem(ProblemCode.NOT_FOUND, programme_id[:80])
    return row


def rules_of(look: Look, programme_id: object, version: object) -> Rules | None:
    """What the document of a version lays down; None for thin terms."""
    row = look.get("programme_documents", programme_id, version)
    if row is None:
        return None

    def data() -> bytes:
        pieces = look.rows("document_pieces", MAX_PIECES, newest=False, document_id=row["document_id"])
        ordered = sorted(pieces, key=lambda each: each["piece"])
        return b"".join(decode_base64(str(each["octets"])) for each in ordered)

    return rules_by_hash(bytes.fromhex(str(row["rules_hash"])), data)


def _flows(row: Mapping[str, Any]) -> list[Flow]:
    """What was appropriated, and came back from vouchers, as it is now: issued or not committed.

    Which of the two an amount came from is not recorded, so the budget comes first.
    """
    appropriated, recycled = int(row["appropriated"]), int(row["recycled"])
    issued = int(row["issued"])
    first = min(issued, appropriated)
    return [
        Flow(0, 2, first),
        Flow(0, 3, appropriated - first, "flow-c"),
        Flow(1, 2, issued - first, "flow-b"),
        Flow(1, 3, max(0, recycled - (issued - first)), "flow-c"),
    ]
