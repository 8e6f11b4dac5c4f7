"""What `docs/who-may-do-what.md` says: the specification that the matrix is compared with."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from tests.authority.prepared import ROLES

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "who-may-do-what.md"
RELATIONS: Final = ("own", "related", "foreign")


class Row(NamedTuple):
    """The answers that a role gets to a command, by the relation of who gives it to the party of the row."""

    command: str
    relation_to: str
    role: str
    own: str
    related: str
    foreign: str

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that get these answers."""
        return ROLES if self.role == "any" else tuple(self.role.split(" or "))


class Cell(NamedTuple):
    """What is tried: a command by a party with one role."""

    command: str
    relation_to: str
    role: str
    relation: str


def tables(heads: str) -> list[list[str]]:
    """The rows of the tables with these heads, without their backticks."""
    text, rows = DOCUMENT.read_text("utf-8"), []
    for table in re.findall(rf"^\| {re.escape(heads)} \|\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE):
        rows += [[each.strip().replace("`", "") for each in line.strip("|").split("|")] for line in table.splitlines()]
    return rows


@cache
def rows() -> tuple[Row, ...]:
    """Every row that says who may give a command."""
    return tuple(Row(*row) for row in tables("command | relation to | role | own | related | foreign"))


def cells() -> dict[Cell, str]:
    """The answer in every cell; a dash has none."""
    found: dict[Cell, str] = {}
    for judged in dict.fromkeys((row.command, row.relation_to) for row in rows()):
        mine = [row for row in rows() if (row.command, row.relation_to) == judged]
        for role in ROLES:
            row = next((row for row in mine if role in row.roles), None)
            for relation in RELATIONS:
                shown = next(getattr(each, relation) for each in mine)
                if shown != "-":
                    answer = "role_not_allowed" if row is None else getattr(row, relation)
                    found[Cell(*judged, role, relation)] = answer
    return found


def given_while_stopped() -> frozenset[str]:
    """The commands that a closed or suspended party may still give."""
    (said,) = re.findall(r"^These commands end .*?: (.*?)\.$", DOCUMENT.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return frozenset(re.findall(r"`(\w+)`", said))


def signed_by() -> dict[str, str]:
    """The answer by who signs a command."""
    return {row[0]: row[1] for row in tables("signed by | answer")}


class Deadline(NamedTuple):
    """Until when a command may be given, and what is answered after that."""

    until: str
    then: str

    @property
    def hours(self) -> int:
        """The hours that the text begins with, from when it says."""
        found = re.match(r"(\d+) h (after|before)", self.until)
        return 0 if found is None else int(found[1]) * (1 if found[2] == "after" else -1)


def deadlines() -> dict[str, Deadline]:
    """The commands that may be given for a time only."""
    return {command: Deadline(until, then) for command, until, then in tables("command | until | then")}


def naming_stopped() -> dict[str, tuple[str, str]]:
    """The commands that may not name a party that is closed, or suspended: what is answered then."""
    rows = tables("command | that names a closed party | that names a suspended party")
    return {command: (closed, suspended) for command, closed, suspended in rows}
