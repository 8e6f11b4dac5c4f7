"""A party's statement of a month: every change of its accounts, with the entry behind it; made to be printed too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from counterfoil.console.look import SUMMED, Look
from counterfoil.console.parties import subject_of
from counterfoil.console.tables import Column, Table
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
    found = look.rows("postings", SUMMED, newest=False, party_id=party_id, month=month)
    moves = Table("moves", N_("Movements"), _MOVES, [_with_unit(row) for row in found], limited=len(found) == SUMMED)
    balances = [_with_unit(row) for row in look.rows("balances", SUMMED, newest=False, party_id=party_id)]
    accounts = Table("accounts", N_("Balances now"), _NOW, balances)
    year, number = int(month[:4]), int(month[5:])
    before = f"{year - (number == 1):04d}-{(number - 2) % 12 + 1:02d}"
    after = f"{year + (number == 12):04d}-{number % 12 + 1:02d}"
    tables = [moves, accounts]
    return {
        "subject": subject, "month": month, "before": before, "after": after, "moves": moves, "accounts": accounts,
        "tables": tables,
    }  # fmt: skip


def _with_unit(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the currency of its amounts, where its asset is one: of a voucher its own id says whose it is."""
    return {**row, "unit": row["asset"] if str(row["asset"]).isupper() else None}
