"""A party's statement of a month: every change of its accounts, with the entry behind it; made to be printed too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from counterfoil.console.look import SUMMED, Look
from counterfoil.console.parties import subject_of
from counterfoil.console.tables import Column
from counterfoil.console.words import N_
from counterfoil.contract.times import format_month
from counterfoil.gateway.problems import Problem, ProblemCode

_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)
_MOVES: Final = (
    Column("posted_at", N_("Time"), "time"),
    Column("account", N_("Account"), "id"),
    Column("asset", N_("Asset"), "id"),
    Column("event", N_("What"), "code"),
    Column("object_id", N_("For"), "id"),
    Column("reference", N_("Reference")),
    Column("posted_change", N_("Change"), "amount", unit="unit"),
    Column("held_change", N_("Change of what is held"), "amount", unit="unit"),
    Column("posted", N_("Balance"), "amount", unit="unit"),
    Column("held", N_("Held"), "amount", unit="unit"),
    Column("index", N_("Entry"), "number", link="/console/logs/ledger?entry={index}"),
)
_NOW: Final = (
    Column("account", N_("Account"), "id"),
    Column("asset", N_("Asset"), "id"),
    Column("posted", N_("Balance"), "amount", unit="unit"),
    Column("held", N_("Held"), "amount", unit="unit"),
    Column("posted_at", N_("Last change"), "time"),
)


def read(look: Look, party_id: str) -> Mapping[str, Any]:
    """The page. Raises `Problem`."""
    subject, now = subject_of(look, party_id), look.now()
    month = look.query.get("month", format_month(now))
    if _MONTH.fullmatch(month) is None:
        raise Problem(ProblemCode.BAD_FILTER, month[:80])
    whole: dict[str, Any] = {"limit": SUMMED, "newest": False, "party_id": party_id}
    tables = moves, accounts = [
        replace(table, rows=[_with_unit(row) for row in table.rows])
        for table in (
            look.table("moves", "postings", N_("Movements"), _MOVES, month=month, **whole),
            look.table("accounts", "balances", N_("Balances now"), _NOW, **whole),
        )
    ]
    before, after = _beside(month, -1), _beside(month, 1)
    return {
        "subject": subject, "month": month, "before": before, "after": after, "moves": moves, "accounts": accounts,
        "tables": tables,
    }  # fmt: skip


def _beside(month: str, step: int) -> str | None:
    """The month before or behind; None where there is none in four digits."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + step, 12)
    return f"{year:04d}-{number + 1:02d}" if 0 <= year <= 9999 else None


def _with_unit(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the currency of its amounts, where its asset is one: of a voucher its own id says whose it is."""
    return {**row, "unit": row["asset"] if str(row["asset"]).isupper() else None}
