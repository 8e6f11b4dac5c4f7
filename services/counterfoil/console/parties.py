"""Whose page is shown: the reader's own, or, to who may read everything, anybody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from counterfoil.console.look import SUMMED, Look, Rows
from counterfoil.console.page import Read
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import session_required

_NAMES: Final = (Column("name", N_("Party"), link="{party_id}"), Column("party_id", N_("Id"), "id"))


def home(role: str, path: str, read: Read) -> Read:
    """The page of a role's own party; who may read everything chooses one. Raises `Problem`."""

    def of_reader(look: Look) -> Mapping[str, Any]:
        if role in look.roles and look.who.party_id is not None:
            return read(look, look.who.party_id)
        if look.everything:
            names = (Column("name", N_("Party"), link=f"/console/{path}/{{party_id}}"), _NAMES[1])
            found = look.table("parties", "parties", N_("Whose page"), names, limit=SUMMED, newest=False)
            rows = [row for row in found.rows if role in row["roles"]]
            table = replace(found, rows=sorted(rows, key=lambda each: str(each["name"])))
            return {"tables": [table], "parties": table, "subject": None}
        if look.who.party_id is None:
            raise session_required()
        raise Problem(ProblemCode.NOT_FOUND, role)

    return of_reader


def subject_of(look: Look, party_id: str) -> dict[str, Any]:
    """The party whose page it is. Raises `Problem`, for another's page too unless the reader may read everything."""
    row = look.get("parties", party_id) if look.everything or party_id == look.who.party_id else None
    if row is None:
        raise Problem(ProblemCode.NOT_FOUND, party_id[:80])
    return row


class Units:
    """The currency, or unit of compute, of programmes: each read once."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._known: dict[str, Mapping[str, Any]] = {}

    def programme(self, programme_id: object) -> Mapping[str, Any]:
        """The row of a programme; without values where there is none."""
        known = self._known.get(str(programme_id))
        if known is None:
            known = self._look.get("programmes", programme_id) or {"currency": None, "title": str(programme_id)}
            self._known[str(programme_id)] = known
        return known

    def added(self, rows: Sequence[Mapping[str, Any]]) -> Rows:
        """Rows with the ``unit`` and ``programme`` (its title) of their programme."""
        found = [(row, self.programme(row["programme_id"])) for row in rows]
        added = Rows({**row, "unit": each["currency"], "programme": each["title"]} for row, each in found)
        added.limited = getattr(rows, "limited", 0)
        return added

    def table(self, table: Table) -> Table:
        """The same table with them."""
        return replace(table, rows=self.added(table.rows))


class Sums(list[tuple[str, int]]):
    """Amounts by currency. `limited`: of how many rows they are the sums, if there are more; else 0."""

    limited = 0


def total(rows: Rows, name: str) -> Sums:
    """The sum of a member by the rows' ``unit``; the greatest first."""
    found: dict[str, int] = {}
    for row in rows:
        if row["unit"] is not None and row[name]:
            found[row["unit"]] = found.get(row["unit"], 0) + int(row[name])
    sums = Sums(sorted(found.items(), key=lambda each: -each[1]))
    sums.limited = rows.limited
    return sums
